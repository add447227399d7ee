# Take an R fit apart into plain vectors and matrices, for mmhelpers.adapters.from_r.
# One function for each class of fit; all give a list with the same names.
local({
  names_of <- function(x) if (is.null(x)) character(0) else as.character(x)
  # plain columns of the model frame: factors as text, one-dimensional numbers as they are
  frame_of <- function(mf) {
    keep <- vapply(mf, function(v) is.null(dim(v)) && (is.factor(v) || is.character(v) || is.numeric(v) ||
      is.logical(v)), TRUE)
    mf <- mf[keep]
    lapply(mf, function(v) if (is.factor(v)) as.character(v) else as.vector(v))
  }
  family_of <- function(m) {
    f <- tryCatch(family(m), error = function(e) NULL)
    if (is.null(f)) list(name = "gaussian", link = "identity") else list(name = f$family, link = f$link)
  }
  or <- function(x, default) if (is.null(x)) default else x
  # Term of each column of a model matrix; none where R does not keep it.
  terms_of <- function(X, formula_terms) {
    assign <- attr(X, "assign")
    labels <- tryCatch(attr(formula_terms, "term.labels"), error = function(e) NULL)
    if (is.null(assign) || is.null(labels) || max(assign) > length(labels)) return(character(0))
    c("(Intercept)", labels)[assign + 1]
  }
  describe_merMod <- function(m) {
    flist <- lme4::getME(m, "flist")
    cnms <- lme4::getME(m, "cnms")
    assign <- attr(flist, "assign")
    mm <- lme4::getME(m, "mmList")
    vc <- lme4::VarCorr(m)
    re <- lme4::ranef(m, condVar = FALSE)
    used <- integer(length(flist)) # columns of the modes are taken in turn by terms that share a factor
    terms <- lapply(seq_along(cnms), function(i) {
      g <- assign[i]
      k <- length(cnms[[i]])
      modes <- as.matrix(re[[names(flist)[g]]])[, used[g] + seq_len(k), drop = FALSE]
      used[g] <<- used[g] + k
      list(group = names(flist)[g], levels = levels(flist[[g]]), index = as.integer(flist[[g]]),
        columns = cnms[[i]], z = as.matrix(mm[[i]]), cov = matrix(as.numeric(vc[[i]]), k), modes = modes)
    })
    fam <- family_of(m)
    gaussian <- !lme4::isGLMM(m)
    conv <- m@optinfo$conv
    messages <- names_of(unlist(conv$lme4$messages))
    if (or(conv$opt, 0) != 0) messages <- c(messages, paste("optimiser code", conv$opt))
    singular <- lme4::isSingular(m)
    list(class = class(m)[1], y = as.numeric(lme4::getME(m, "y")), X = as.matrix(lme4::getME(m, "X")),
      x_names = colnames(lme4::getME(m, "X")), beta = as.numeric(lme4::fixef(m)),
      vcov = as.matrix(vcov(m)), terms = terms, family = fam$name, link = fam$link,
      theta_nb = if (grepl("^Negative Binomial", fam$name)) lme4::getME(m, "glmer.nb.theta") else NA_real_,
      sigma = sigma(m), weights = as.numeric(weights(m)), offset = as.numeric(lme4::getME(m, "offset")),
      fitted = as.numeric(fitted(m)), loglik = as.numeric(logLik(m)),
      reml = gaussian && lme4::isREML(m), messages = messages[!singular | !grepl("singular", messages)],
      response = names(model.frame(m))[1], frame = frame_of(model.frame(m)),
      rows = rownames(model.frame(m)), x_terms = terms_of(lme4::getME(m, "X"), terms(m)),
      laplace = !gaussian && m@devcomp$dims[["nAGQ"]] == 1)
  }
  describe_lm <- function(m) {
    fam <- family_of(m)
    X <- model.matrix(m)
    keep <- !is.na(coef(m))
    w <- or(if (inherits(m, "glm")) m$prior.weights else weights(m), rep(1, nrow(X)))
    list(class = class(m)[1], y = as.numeric(if (inherits(m, "glm")) m$y else model.response(model.frame(m))),
      X = X[, keep, drop = FALSE], x_names = colnames(X)[keep],
      beta = as.numeric(coef(m)[keep]), vcov = as.matrix(vcov(m))[keep, keep, drop = FALSE],
      terms = list(), family = fam$name, link = fam$link, theta_nb = as.numeric(or(m$theta, NA_real_)),
      sigma = if (fam$name == "gaussian") sigma(m) else sqrt(summary(m)$dispersion), weights = as.numeric(w),
      offset = as.numeric(or(model.offset(model.frame(m)), rep(0, nrow(X)))), fitted = as.numeric(fitted(m)),
      loglik = as.numeric(logLik(m)), reml = FALSE,
      messages = if (isFALSE(m$converged)) "glm.fit did not converge" else character(0),
      response = names(model.frame(m))[1], frame = frame_of(model.frame(m)), rows = rownames(model.frame(m)),
      x_terms = if (all(keep)) terms_of(X, terms(m)) else character(0))
  }
  # Covariance of the errors in units of sigma^2 of a gls or lme fit: correlation structure times variance
  # function. nlme keeps both in the order of the data sorted by group; here they go back to the data's order.
  nlme_errors <- function(m, groups) {
    n <- length(fitted(m))
    sorted <- if (is.null(groups)) seq_len(n) else order(groups)
    w <- rep(1, n)
    if (!is.null(m$modelStruct$varStruct)) w[sorted] <- nlme::varWeights(m$modelStruct$varStruct)
    if (is.null(m$modelStruct$corStruct)) return(list(weights = w^2, correlation = NULL))
    C <- nlme::corMatrix(m$modelStruct$corStruct)
    R <- matrix(0, n, n)
    if (is.list(C)) {
      for (g in names(C)) {
        rows <- which(as.character(groups) == g)
        R[rows, rows] <- C[[g]]
      }
    } else {
      R[sorted, sorted] <- C
    }
    list(weights = rep(1, n), correlation = R / outer(w, w))
  }
  describe_gls <- function(m) {
    data <- nlme::getData(m)
    groups <- if (is.null(m$modelStruct$corStruct)) NULL else nlme::getGroups(m$modelStruct$corStruct)
    if (!is.null(groups)) groups <- tryCatch(nlme::getGroups(data, form = nlme::getGroupsFormula(
      m$modelStruct$corStruct)), error = function(e) groups)
    variance <- m$modelStruct$varStruct
    if (is.null(groups) && !is.null(variance) && !is.null(m$groups)) groups <- NULL
    e <- nlme_errors(m, groups)
    X <- model.matrix(formula(m), data)
    list(class = "gls", y = as.numeric(nlme::getResponse(m)), X = X, x_names = names(coef(m)),
      beta = as.numeric(coef(m)), vcov = as.matrix(vcov(m)), terms = list(), family = "gaussian",
      link = "identity", theta_nb = NA_real_, sigma = m$sigma, weights = e$weights, offset = rep(0, nrow(X)),
      fitted = as.numeric(fitted(m)), loglik = as.numeric(m$logLik), reml = m$method == "REML",
      messages = character(0), response = deparse(formula(m)[[2]]), frame = frame_of(as.data.frame(data)),
      rows = rownames(data), correlation = e$correlation, x_terms = terms_of(X, terms(formula(m))))
  }
  describe_lme <- function(m) {
    data <- as.data.frame(nlme::getData(m))
    Q <- ncol(m$groups)
    structures <- m$modelStruct$reStruct # innermost first
    cov <- nlme::pdMatrix(structures)
    terms <- lapply(seq_len(Q), function(level) {
      name <- names(m$groups)[level]
      pd <- structures[[name]]
      z <- model.matrix(formula(pd), data)
      labels <- as.character(nlme::getGroups(m, level = level))
      modes <- as.matrix(if (Q == 1) nlme::ranef(m) else nlme::ranef(m)[[name]])
      keys <- unique(labels)
      list(group = if (level > 1) paste(rev(names(m$groups)[seq_len(level)]), collapse = ":") else name,
        levels = keys, index = match(labels, keys), columns = colnames(modes), z = z,
        cov = cov[[name]] * m$sigma^2, modes = modes[keys, , drop = FALSE])
    })
    e <- nlme_errors(m, nlme::getGroups(m, level = Q))
    X <- model.matrix(formula(m), data)
    list(class = "lme", y = as.numeric(nlme::getResponse(m)), X = X, x_names = names(nlme::fixef(m)),
      beta = as.numeric(nlme::fixef(m)), vcov = as.matrix(vcov(m)), terms = terms, family = "gaussian",
      link = "identity", theta_nb = NA_real_, sigma = m$sigma, weights = e$weights, offset = rep(0, nrow(X)),
      fitted = as.numeric(fitted(m, level = Q)), loglik = as.numeric(m$logLik), reml = m$method == "REML",
      messages = character(0), response = deparse(formula(m)[[2]]), frame = frame_of(data),
      rows = rownames(data), correlation = e$correlation, x_terms = terms_of(X, terms(formula(m))))
  }
  describe_glmmTMB <- function(m) {
    X <- as.matrix(lme4::getME(m, "X"))
    beta <- glmmTMB::fixef(m)$cond
    re <- m$modelInfo$reTrms$cond
    vc <- glmmTMB::VarCorr(m)$cond
    modes <- glmmTMB::ranef(m, condVar = FALSE)$cond
    terms <- list()
    if (length(re$cnms)) {
      Z <- as.matrix(lme4::getME(m, "Z"))
      start <- 0
      used <- integer(length(re$flist))
      assign <- attr(re$flist, "assign")
      for (i in seq_along(re$cnms)) {
        g <- assign[i]
        f <- re$flist[[g]]
        k <- length(re$cnms[[i]])
        l <- nlevels(f)
        at <- start + (as.integer(f) - 1) * k
        z <- sapply(seq_len(k), function(j) Z[cbind(seq_len(nrow(Z)), at + j)])
        b <- as.matrix(modes[[names(re$flist)[g]]])[, used[g] + seq_len(k), drop = FALSE]
        used[g] <- used[g] + k
        terms[[i]] <- list(group = names(re$flist)[g], levels = levels(f), index = as.integer(f),
          columns = re$cnms[[i]], z = matrix(z, ncol = k), cov = matrix(as.numeric(vc[[i]]), k), modes = b)
        start <- start + l * k
      }
    }
    fam <- family(m)
    mf <- model.frame(m)
    y <- model.response(mf)
    w <- or(model.weights(mf), rep(1, nrow(X)))
    if (is.matrix(y)) { # cbind(successes, failures)
      w <- rowSums(y)
      y <- y[, 1] / w
    }
    zero <- as.numeric(predict(m, type = "zprob"))
    scale <- sigma(m)
    uneven <- !is.finite(or(scale, NA_real_)) || length(glmmTMB::fixef(m)$disp) > 1 # a dispersion formula
    trials <- fam$family %in% c("binomial", "betabinomial")
    likelihood_weights <- !trials && any(w != 1)
    if (!trials) w <- rep(1, nrow(X))
    if (uneven && fam$family == "gaussian") { # a standard deviation for each row
      sd <- as.numeric(predict(m, type = "disp"))
      scale <- sqrt(mean(sd^2))
      w <- (scale / sd)^2
      uneven <- FALSE
    }
    list(class = "glmmTMB", y = as.numeric(y), X = X, x_names = names(beta), beta = as.numeric(beta),
      vcov = as.matrix(vcov(m)$cond), terms = terms, family = fam$family, link = fam$link,
      theta_nb = scale, sigma = scale, weights = as.numeric(w),
      uneven = uneven, likelihood_weights = likelihood_weights,
      offset = as.numeric(m$obj$env$data$offset), # model.offset() would count one given as argument twice
      fitted = as.numeric(predict(m, type = "conditional")), loglik = as.numeric(logLik(m)),
      reml = isTRUE(m$modelInfo$REML), messages = if (isTRUE(m$sdr$pdHess)) character(0) else
        "glmmTMB: the Hessian is not positive definite",
      response = names(mf)[1], frame = frame_of(mf), rows = rownames(mf),
      zero = if (any(zero > 0)) zero else numeric(0), laplace = !isTRUE(m$modelInfo$REML),
      x_terms = terms_of(lme4::getME(m, "X"), terms(lme4::nobars(formula(m)))))
  }
  # gamm4's pair of fits: the curves are random effects of the mer, with basis functions where others have dummies.
  describe_gamm4 <- function(both) {
    m <- both$mer
    flist <- lme4::getME(m, "flist")
    cnms <- lme4::getME(m, "cnms")
    assign <- attr(flist, "assign")
    vc <- lme4::VarCorr(m)
    Z <- lme4::getME(m, "Z")
    b <- as.numeric(lme4::getME(m, "b"))
    Gp <- lme4::getME(m, "Gp")
    n <- nrow(Z)
    terms <- lapply(seq_along(cnms), function(i) {
      name <- names(flist)[assign[i]]
      f <- flist[[assign[i]]]
      columns <- cnms[[i]]
      here <- seq(Gp[i] + 1, Gp[i + 1])
      k <- length(columns)
      if (grepl("^Xr(\\.[0-9]+)?$", name) && length(columns) == 1 && columns != "(Intercept)") {
        return(list(group = columns, levels = "curve", index = rep(1L, n), columns = paste(columns, seq_along(here)),
          z = as.matrix(Z[, here, drop = FALSE]), cov = diag(as.numeric(vc[[name]])[1], length(here)),
          modes = matrix(b[here], 1), smooth = TRUE))
      }
      at <- Gp[i] + (as.integer(f) - 1) * k
      z <- vapply(seq_len(k), function(j) Z[cbind(seq_len(n), at + j)], numeric(n))
      list(group = name, levels = levels(f), index = as.integer(f), columns = columns, z = matrix(z, n, k),
        cov = matrix(as.numeric(vc[[i]]), k), modes = matrix(b[here], ncol = k, byrow = TRUE))
    })
    fam <- family_of(m)
    gaussian <- !lme4::isGLMM(m)
    conv <- m@optinfo$conv
    messages <- names_of(unlist(conv$lme4$messages))
    X <- as.matrix(lme4::getME(m, "X"))
    model <- both$gam$model
    y <- as.numeric(lme4::getME(m, "y"))
    list(class = "gamm4", y = y, X = X, x_names = sub("^X", "", colnames(X)),
      beta = as.numeric(lme4::fixef(m)), vcov = as.matrix(vcov(m)), terms = terms, family = fam$name,
      link = fam$link, theta_nb = if (grepl("^Negative Binomial", fam$name)) lme4::getME(m, "glmer.nb.theta") else
        NA_real_, sigma = sigma(m), weights = as.numeric(weights(m)),
      offset = as.numeric(lme4::getME(m, "offset")), fitted = as.numeric(fitted(m)),
      loglik = as.numeric(logLik(m)), reml = gaussian && lme4::isREML(m),
      messages = messages[!grepl("singular", messages)], response = deparse(formula(both$gam)[[2]]),
      frame = frame_of(model), rows = rownames(model))
  }
  function(m) {
    if (is.list(m) && inherits(m[["mer"]], "merMod") && inherits(m[["gam"]], "gam")) describe_gamm4(m)
    else if (is.list(m) && inherits(m[["lme"]], "lme") && inherits(m[["gam"]], "gam")) list(class = "gamm", unknown = TRUE)
    else if (inherits(m, "merMod")) describe_merMod(m)
    else if (inherits(m, "glmmTMB")) describe_glmmTMB(m)
    else if (inherits(m, "gls")) describe_gls(m)
    else if (inherits(m, "lme")) describe_lme(m)
    else if (inherits(m, "lm")) describe_lm(m)
    else list(class = class(m)[1], unknown = TRUE)
  }
})
