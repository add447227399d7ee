# What lme4 makes of a formula and a data frame: X, Z, their names, theta's layout.
# Run in this folder:  Rscript model_matrices.R   (writes model_matrices.json)
suppressPackageStartupMessages({library(lme4); library(nlme); library(jsonlite)})

# small parts of data sets that R packages ship (GPL >= 2), and one made with every kind of column
frames <- list(
  sleepstudy = droplevels(subset(sleepstudy, Subject %in% levels(Subject)[1:5])),
  Pastes = droplevels(subset(Pastes, batch %in% LETTERS[1:5])),
  Machines = as.data.frame(Machines),
  Oats = droplevels(subset(as.data.frame(Oats), Block %in% c("I", "II", "III"))),
  cake = droplevels(subset(cake, replicate %in% 1:3))
)
frames$Machines$Worker <- factor(as.character(frames$Machines$Worker))
frames$Oats$Block <- factor(as.character(frames$Oats$Block))
set.seed(20)
n <- 72
made <- data.frame(
  A = factor(rep(c("a", "b", "c"), length.out = n)),
  B = factor(rep(c("lo", "hi"), each = 3, length.out = n), levels = c("lo", "hi")),
  L = rep(c(TRUE, FALSE, FALSE, TRUE), length.out = n),
  S = rep(c("red", "blue", "green", "blue", "red"), length.out = n),
  O = factor(rep(c("low", "mid", "top", "max"), length.out = n), levels = c("low", "mid", "top", "max"), ordered = TRUE),
  x = round(rnorm(n), 2), z = round(runif(n, 1, 9), 1),
  g = factor(rep(1:8, each = 9)), h = factor(rep(c("p", "q", "r"), 24)), k = rep(c(10, 2.5, 3), each = 3, length.out = n),
  y = round(rnorm(n, 10), 3)
)
frames$made <- made
frames$holes <- within(made, {
  x[c(3, 40)] <- NA
  y[c(5, 6)] <- NA
  A[70] <- NA
  y[g == "8"] <- NA                                    # a level that loses all its rows
})
frames$holes <- subset(frames$holes, !(A %in% "c" & B == "hi"))  # an empty cell: aliased columns

cases <- list(
  list("sleepstudy", "Reaction ~ Days + (Days | Subject)"),
  list("sleepstudy", "Reaction ~ Days + (1 + Days || Subject)"),
  list("sleepstudy", "Reaction ~ Days + (1 | Subject) + (0 + Days | Subject)"),
  list("sleepstudy", "log(Reaction) ~ I(Days^2) + Days + (Days - 1 | Subject)"),
  list("sleepstudy", "Reaction ~ poly(Days, 2) + (poly(Days, 2) | Subject)"),
  list("sleepstudy", "Reaction ~ scale(Days) + (1 + scale(Days) | Subject)"),
  list("sleepstudy", "Reaction ~ 0 + Days + (0 + Days | Subject)"),
  list("sleepstudy", "Reaction ~ Days + offset(log(Days + 1)) + (1 | Subject)"),
  list("Pastes", "strength ~ 1 + (1 | batch/cask)"),
  list("Pastes", "strength ~ 1 + (1 | batch) + (1 | sample)"),
  list("Pastes", "strength ~ 1 + (1 | cask:batch)"),
  list("Oats", "yield ~ Variety * nitro + (1 | Block/Variety)"),
  list("Oats", "yield ~ Variety * factor(nitro) + (1 | Block) + (1 | Variety:Block)"),
  list("Machines", "score ~ Machine + (Machine | Worker)"),
  list("Machines", "score ~ Machine + (Machine || Worker)"),
  list("Machines", "score ~ Machine + (0 + Machine | Worker)"),
  list("Machines", "score ~ Machine + (1 | Worker/Machine)"),
  list("Machines", "score ~ Machine + (Machine | Worker)", list(Machine = "sum")),
  list("Machines", "score ~ Machine + (Machine | Worker)", list(Machine = "helmert")),
  list("cake", "angle ~ recipe * temperature + (1 | recipe:replicate)"),
  list("cake", "angle ~ recipe * temp + (1 | replicate/recipe)"),
  list("cake", "angle ~ temperature + temp + recipe + (temp | replicate)"),
  list("cake", "angle ~ recipe + temperature + (1 | replicate)", list(recipe = "sum", temperature = "treatment")),
  list("made", "y ~ A * B + (A | g)"),
  list("made", "y ~ A:B + (1 | g)"),
  list("made", "y ~ 0 + A:B + (1 | g)"),
  list("made", "y ~ 0 + A + B + (0 + A | g) + (1 | h)"),
  list("made", "y ~ A * B - 1 + (1 | g)"),
  list("made", "y ~ A * B * x - A:B:x + (x | h) + (1 | g)"),
  list("made", "y ~ B + A + x + A:B + x:A + (B:A | h)"),
  list("made", "y ~ (A + B + x)^2 + (1 | g:h)"),
  list("made", "y ~ A/B + (1 | g/h/A)"),
  list("made", "y ~ A/x + (1 | g/(h:B))"),
  list("made", "y ~ x:A + (x:A | h)"),
  list("made", "y ~ x * A - x + (1 | g)"),
  list("made", "y ~ A:x + B:x + (A:x + B:x | h)"),            # an earlier term that contains the margin
  list("made", "y ~ B:x + A:B:z + (1 | g)"),
  list("made", "y ~ x + x:A + z:x + (x + z || g/h)"),
  list("made", "y ~ L + S + O + L:x + (L | g) + (S || h)"),
  list("made", "y ~ O * A + (0 + O | h)", list(O = "helmert", A = "sum")),
  list("made", "y ~ A * L + (1 | k) + (1 | S)"),
  list("made", "y ~ x + A + (A * x || h)"),
  list("made", "y ~ 1 + (1 | L:k)"),
  list("made", "y ~ A + B + x", list(A = "base b")),
  list("made", "y ~ A * x + (A | h)", list(A = "custom named")),
  list("made", "y ~ A * x + (A | h)", list(A = "custom")),
  list("made", "y ~ I(x * 2) + I(x + z) + sqrt(z) + (1 | g)"),
  list("holes", "y ~ A * B + x + (x | g)"),
  list("holes", "y ~ A:B + (1 | g)"),
  list("holes", "y ~ B * A * O + (A | h)")
)

set_contrasts <- function(d, wanted) {
  for (v in names(wanted)) {
    w <- wanted[[v]]
    l <- nlevels(d[[v]])
    contrasts(d[[v]]) <- switch(w,
      "base b" = contr.treatment(levels(d[[v]]), base = 2),
      "custom named" = matrix(c(-1, .5, .5, 0, -.5, .5), 3, dimnames = list(NULL, c("_one", "_two"))),
      "custom" = matrix(c(-1, .5, .5, 0, -.5, .5), 3),
      "treatment" = contr.treatment(levels(d[[v]])),
      get(paste0("contr.", w))(l))
  }
  d
}

control <- lmerControl(check.nobs.vs.nlev = "ignore", check.nobs.vs.nRE = "ignore", check.nobs.vs.rankZ = "ignore",
                       check.nlev.gtr.1 = "ignore", check.rankX = "silent.drop.cols")
one <- function(case) {
  f <- as.formula(case[[2]])
  wanted <- if (length(case) > 2) case[[3]] else NULL
  d <- set_contrasts(frames[[case[[1]]]], wanted)
  out <- list(data = case[[1]], formula = case[[2]], contrasts = wanted)
  fixed <- nobars(f)
  tt <- terms(fixed)
  out$x_terms <- I(attr(tt, "term.labels"))
  if (is.null(findbars(f))) {
    X <- model.matrix(fixed, d); fr <- model.frame(fixed, d)
    bars <- list(); re <- list(Zt = matrix(0, 0, nrow(X)), cnms = list())
    dropped <- character(0)
  } else {
    lf <- lFormula(f, d, control = control)
    X <- lf$X; fr <- lf$fr
    g <- f; g[[3]] <- lme4::expandDoubleVerts(f[[3]])
    bars <- findbars(g)
    re <- mkReTrms(bars, fr, reorder.terms = FALSE)       # the formula's order
    dropped <- names(attr(X, "col.dropped"))
    off <- model.offset(fr)
    if (!is.null(off)) out$offset <- as.numeric(off)
  }
  out$y <- as.numeric(model.response(fr))
  out$rows <- match(rownames(fr), rownames(d)) - 1
  out$x_names <- I(colnames(X)); out$aliased <- I(as.character(dropped)); out$assign <- I(attr(X, "assign"))
  out$X <- lapply(seq_len(ncol(X)), function(j) as.numeric(X[, j]))
  Zt <- as(as(re$Zt, "generalMatrix"), "TsparseMatrix")
  out$Zt <- list(dim = dim(Zt), i = Zt@i, j = Zt@j, x = Zt@x)
  out$terms <- lapply(seq_along(bars), function(i) list(
    label = deparse1(bars[[i]]), group = names(re$cnms)[i], columns = I(re$cnms[[i]]),
    levels = I(levels(re$flist[[attr(re$flist, "assign")[i]]]))))
  if (length(bars)) {
    L <- as(as(re$Lambdat, "generalMatrix"), "TsparseMatrix")
    LL <- re$Lambdat; LL@x <- as.numeric(re$Lind)
    LL <- as(as(LL, "generalMatrix"), "TsparseMatrix")
    out$Lambdat <- list(i = LL@i, j = LL@j, x = LL@x)      # which element of theta (from 1) stands where
    out$lower <- I(ifelse(is.finite(re$lower), 0, -1)); out$n_theta <- length(re$theta)
  }
  out
}
column <- function(x) list(values = if (is.factor(x)) as.character(x) else x, levels = if (is.factor(x)) levels(x),
                           ordered = is.ordered(x))
writeLines(toJSON(list(made_with = paste0("R ", getRversion(), ", lme4 ", packageVersion("lme4")),
                       frames = lapply(frames, function(d) lapply(as.list(d), column)),
                       cases = lapply(cases, one)),
                  digits = NA, auto_unbox = TRUE, null = "null", na = "null"), "model_matrices.json")
