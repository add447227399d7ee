# Models that inference is compared on: sourced by kenward_roger.R and anova.R, run from tests/reference.
#   Rscript kenward_roger.R; Rscript anova.R
# R 4.2.2, lme4 1.1-31, lmerTest 3.1-3, pbkrtest 0.5.2, emmeans 1.8.4-1, jsonlite 1.8.4
suppressMessages({library(lmerTest); library(jsonlite)})
options(contrasts = c("contr.treatment", "contr.poly"))
data(Oats, Machines, package = "nlme")
data(sleepstudy, cake, Dyestuff2, package = "lme4")
data(carrots, ham, TVbo, package = "lmerTest")

make <- function(name, data) {            # data made here are written, and read back as Python will read them
  file <- file.path("inference", paste0(name, ".csv"))
  write.csv(data, file, row.names = FALSE, quote = FALSE)
  read.csv(file, stringsAsFactors = TRUE)
}
set.seed(20)
d <- expand.grid(subj = sprintf("s%02d", 1:14), item = sprintf("i%02d", 1:9), KEEP.OUT.ATTRS = FALSE)
d$A <- c("a1", "a2")[1 + (as.integer(d$subj) + as.integer(d$item)) %% 2]
d$B <- c("b1", "b2", "b3")[1 + as.integer(d$item) %% 3]
d$x <- round(rnorm(nrow(d)) + 0.3 * (d$A == "a2"), 3)
d$y <- round(5 + (d$A == "a2") + 0.5 * d$x + rnorm(14)[d$subj] + (d$A == "a2") * rnorm(14)[d$subj] + rnorm(9)[d$item] +
               rnorm(nrow(d)), 4)
crossed <- make("crossed", d[sort(sample(nrow(d), 88)), ])

d <- expand.grid(k = 1:4, g = sprintf("g%d", 1:6), A = c("a1", "a2", "a3"), B = c("b1", "b2", "b3"), KEEP.OUT.ATTRS = FALSE)
d <- d[!(d$A == "a3" & d$B == "b3"), ]
d <- d[sort(sample(nrow(d), 120)), ]
d$x <- round(rnorm(nrow(d)), 3)
d$y <- round(rnorm(6)[d$g] + as.integer(d$A) * (d$B == "b2") + 0.4 * d$x + rnorm(nrow(d)), 4)
empty_cell <- make("empty_cell", d[c("g", "A", "B", "x", "y")])

d <- expand.grid(x = 0:4, g = sprintf("g%02d", 1:12), KEEP.OUT.ATTRS = FALSE)
d$A <- c("a1", "a2")[1 + as.integer(d$g) %% 2]
d <- d[-c(3, 17, 18, 31, 44, 59), ]
for (seed in 1:200) {                     # the first data set whose slope variance is on the boundary
  set.seed(seed)
  d$y <- round(2 + 0.3 * d$x + rnorm(12)[d$g] + rnorm(nrow(d)), 4)
  if (isSingular(suppressMessages(lme4::lmer(y ~ x * A + (x | g), d)), tol = 1e-5)) break
}
singular <- make("singular", d)

machines_unbalanced <- Machines[-c(1, 5, 9, 20, 33, 40, 41), ]
sleep_unbalanced <- sleepstudy[-c(2:7, 25, 39:46, 100, 131:133), ]

# name, data set, rows left out (from 1), formula, REML, contrasts
case <- function(data, formula, drop = integer(), reml = TRUE, contrasts = NULL, frame = NULL)
  list(data = data, formula = formula, drop = drop, reml = reml, contrasts = contrasts, frame = frame)
cases <- list(
  oats = case("oats", "yield ~ Variety * factor(nitro) + (1 | Block/Variety)", frame = Oats),
  oats_linear = case("oats", "yield ~ nitro + (1 | Block/Variety)", frame = Oats),
  machines = case("machines", "score ~ Machine + (1 | Worker/Machine)", frame = Machines),
  machines_unbalanced = case("machines", "score ~ Machine + (1 | Worker/Machine)",
                             c(1, 5, 9, 20, 33, 40, 41), frame = machines_unbalanced),
  machines_maximal = case("machines", "score ~ Machine + (Machine | Worker)",
                          c(1, 5, 9, 20, 33, 40, 41), frame = machines_unbalanced),
  sleep = case("sleepstudy", "Reaction ~ Days + (Days | Subject)", frame = sleepstudy),
  sleep_ml = case("sleepstudy", "Reaction ~ Days + (Days | Subject)", reml = FALSE, frame = sleepstudy),
  sleep_unbalanced = case("sleepstudy", "Reaction ~ Days + (Days | Subject)",
                          c(2:7, 25, 39:46, 100, 131:133), frame = sleep_unbalanced),
  sleep_double_bar = case("sleepstudy", "Reaction ~ Days + (1 | Subject) + (0 + Days | Subject)",
                          c(2:7, 25, 39:46, 100, 131:133), frame = sleep_unbalanced),
  tvbo = case("tvbo", "Coloursaturation ~ TVset * Picture + (1 | Assessor:TVset) + (1 | Assessor:Picture) + (1 | Assessor)",
              frame = TVbo),
  carrots = case("carrots", "Preference ~ sens1 + sens2 + (1 + sens1 + sens2 | Consumer) + (1 | Product)", frame = carrots),
  carrots_homesize = case("carrots", "Preference ~ sens2 * Homesize + (sens2 | Consumer) + (1 | Product)", frame = carrots),
  ham = case("ham", "Informed.liking ~ Product * Information * Gender + (1 | Consumer) + (1 | Consumer:Product)", frame = ham),
  ham_age = case("ham", "Informed.liking ~ Product * Information + Gender * Age + (1 | Consumer) + (1 | Consumer:Product)",
                 frame = ham),
  cake = case("cake", "angle ~ recipe * temperature + (1 | recipe:replicate)", frame = cake),
  crossed = case("crossed", "y ~ A * B + x + A:x + (A | subj) + (1 | item)", frame = crossed),
  crossed_intercepts = case("crossed", "y ~ A + B + x + (1 | subj) + (1 | item)", frame = crossed),
  crossed_sum = case("crossed", "y ~ A * B + x + (1 | subj) + (1 | item)",
                     contrasts = list(A = "contr.sum", B = "contr.sum"), frame = crossed),
  crossed_helmert = case("crossed", "y ~ A * x + B + (1 | subj) + (1 | item)",
                         contrasts = list(B = "contr.helmert"), frame = crossed),
  empty_cell = case("empty_cell", "y ~ A * B + x + (1 | g)", frame = empty_cell),
  singular = case("singular", "y ~ x * A + (x | g)", frame = singular),
  dyestuff2 = case("dyestuff2", "Yield ~ 1 + (1 | Batch)", frame = Dyestuff2)
)

tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-9, maxfun = 1e6),
                     check.conv.singular = "ignore", check.conv.grad = "ignore", check.conv.hess = "ignore")
fit_case <- function(case) {
  d <- case$frame
  for (name in names(d)) if (is.factor(d[[name]]) && name %in% c("Block", "Worker", "Subject", "Batch", "replicate"))
    d[[name]] <- factor(d[[name]], ordered = FALSE)
  for (name in names(case$contrasts)) contrasts(d[[name]]) <- case$contrasts[[name]]
  environment(d) <- NULL
  fit <- suppressMessages(lmer(as.formula(case$formula), d, REML = case$reml, control = tight))
  fit2 <- suppressMessages(lmer(as.formula(case$formula), d, REML = case$reml, control = tight,
                                start = pmax(getME(fit, "theta"), 0.05 * (getME(fit, "lower") == 0))))
  best <- if (deviance_of(fit2) < deviance_of(fit)) fit2 else fit
  list(fit = best, data = d)
}
deviance_of <- function(fit) -2 * as.numeric(logLik(fit))
describe <- function(case, fit) list(
  data = case$data, formula = case$formula, drop = I(case$drop), reml = case$reml,
  contrasts = lapply(case$contrasts, function(x) sub("contr.", "", x)),
  names = I(names(fixef(fit))), terms = I(names(getME(fit, "flist"))), cnms = lapply(getME(fit, "cnms"), I),
  theta = I(getME(fit, "theta")), theta_names = I(names(getME(fit, "theta"))), sigma = sigma(fit), beta = I(unname(fixef(fit))),
  vcov = unname(as.matrix(vcov(fit))), criterion = deviance_of(fit), singular = isSingular(fit, tol = 1e-4))
rows <- function(table) {                 # a data frame or matrix by column, with the names of its rows
  table <- as.data.frame(table)
  c(list(row = I(rownames(table))), lapply(as.list(table), I))
}
save <- function(value, file) writeLines(toJSON(value, digits = I(15), auto_unbox = TRUE, na = "null"), file)
