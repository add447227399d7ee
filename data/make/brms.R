# What brms says of some models: written once, so that nobody needs Stan to read the course.
#
#   Rscript data/make/brms.R [FILE [MODEL ...]]
#   Rscript data/make/brms.R data/brms.csv "sleepstudy as bambi" "kidney paper" "kidney independent" \
#     "kidney intercepts"                                              (what is stored)
#
# writes brms.csv (default: in the folder above this script's). It needs R with brms, rstan and lme4 (on Debian:
# apt-get install r-cran-brms r-cran-lme4; made with the versions that the column `versions` names), a C++ compiler,
# and two minutes a model on an idle machine. Stan's draws differ from machine to machine by Monte Carlo error, which
# the column mcse gives.
#
#   sleepstudy default    brms' own formula and default priors (correlated effects)
#   sleepstudy as bambi   the model that bambi fits: independent effects, and bambi's default priors
#   kidney paper          the example of Bürkner (2017), section 5, with its priors
#   kidney independent    the same without the correlation of intercepts and slopes, as bambi fits it
#   kidney intercepts     the paper's second model, without the slopes of patients
#
# The kidney models are sampled with small steps (adapt_delta 0.999: at 0.99 a few of 4000 draws diverged).
suppressPackageStartupMessages({
  library(brms)
  library(posterior)
})
if (dir.exists("/usr/lib/R/site-library/RcppEigen/include")) # Debian keeps Stan's headers elsewhere
  rstan::rstan_options(boost_lib = "/usr/include", eigen_lib = "/usr/lib/R/site-library/RcppEigen/include")
script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
given <- commandArgs(trailingOnly = TRUE)
out <- if (length(given)) given[[1]] else file.path(dirname(dirname(normalizePath(script))), "brms.csv")

data(sleepstudy, package = "lme4")
data(kidney, package = "brms")
scale <- function(x) sd(x) * sqrt((length(x) - 1) / length(x)) # as NumPy's std
y <- sleepstudy$Reaction
slope <- 2.5 * scale(y) / scale(sleepstudy$Days)
level <- sqrt((2.5 * scale(y))^2 + slope^2 * mean(sleepstudy$Days)^2)
as_bambi <- c(
  set_prior(sprintf("normal(%.10f, %.10f)", mean(y), level), class = "Intercept"),
  set_prior(sprintf("normal(0, %.10f)", slope), class = "b"),
  set_prior(sprintf("normal(0, %.10f)", level), class = "sd", coef = "Intercept", group = "Subject"),
  set_prior(sprintf("normal(0, %.10f)", slope), class = "sd", coef = "Days", group = "Subject"),
  set_prior(sprintf("student_t(4, 0, %.10f)", scale(y)), class = "sigma")
)
paper <- c(set_prior("normal(0, 5)", class = "b"), set_prior("cauchy(0, 2)", class = "sd"))
paper_cor <- c(paper, set_prior("lkj(2)", class = "cor"))
models <- list(
  "sleepstudy default" = list(Reaction ~ Days + (Days | Subject), sleepstudy, gaussian(), NULL),
  "sleepstudy as bambi" = list(Reaction ~ Days + (Days || Subject), sleepstudy, gaussian(), as_bambi),
  "kidney paper" = list(
    time | cens(censored) ~ age * sex + disease + (1 + age | patient), kidney, lognormal(), paper_cor
  ),
  "kidney independent" = list(
    time | cens(censored) ~ age * sex + disease + (1 + age || patient), kidney, lognormal(), paper
  ),
  "kidney intercepts" = list(
    time | cens(censored) ~ age * sex + disease + (1 | patient), kidney, lognormal(), paper
  )
)
if (length(given) > 1) models <- models[given[-1]] # names of models, to make some only
versions <- sprintf("R %s, brms %s, rstan %s", getRversion(), packageVersion("brms"), packageVersion("rstan"))
tables <- lapply(names(models), function(name) {
  m <- models[[name]]
  message(name, ", ", format(Sys.time()))
  fit <- brm(
    m[[1]], data = m[[2]], family = m[[3]], prior = m[[4]], chains = 4, cores = 1, iter = 2000, warmup = 1000,
    seed = 1, refresh = 0, control = list(adapt_delta = if (startsWith(name, "kidney")) 0.999 else 0.95)
  )
  drawn <- subset_draws(as_draws_array(fit), "^(b_|sd_|cor_|sigma$)", regex = TRUE)
  table <- summarise_draws(drawn, mean, sd, ~ quantile2(.x, c(0.025, 0.975)), rhat, ess_bulk, ess_tail, mcse_mean)
  diverged <- sum(nuts_params(fit, pars = "divergent__")$Value)
  message(name, ": ", diverged, " divergent, ", format(Sys.time()))
  print(prior_summary(fit))
  scores <- NULL
  if (startsWith(name, "kidney")) {
    by <- list(waic = waic(fit), loo = loo(fit))
    value <- c(by$waic$estimates["waic", 1], by$loo$estimates["looic", 1])
    se <- c(by$waic$estimates["waic", 2], by$loo$estimates["looic", 2])
    print(by$loo)
    scores <- data.frame(parameter = c("waic", "looic"), mean = value, sd = se)
  }
  names(table) <- c("parameter", "mean", "sd", "lower", "upper", "rhat", "ess_bulk", "ess_tail", "mcse")
  rows <- as.data.frame(lapply(table, function(x) if (is.character(x)) x else as.numeric(x)))
  if (!is.null(scores)) rows <- merge(rows, scores, all = TRUE, sort = FALSE)
  cbind(model = name, rows, divergent = diverged, draws = ndraws(fit), versions = versions)
})
result <- do.call(rbind, tables)
numbers <- sapply(result, is.numeric)
result[numbers] <- lapply(result[numbers], signif, digits = 6)
write.csv(result, out, row.names = FALSE, na = "", quote = c(1, 2, ncol(result)))
