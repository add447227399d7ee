# R2 and ICC of counts and proportions by performance, for tests/test_variance_shares.py:
#   Rscript variance_shares.R > variance_shares.csv        (in this folder; three seconds)
# R 4.2.2; versions are the first rows. performance (insight) takes the variance that a single count adds at the mean
# exp(intercept) of the model without covariates and without an offset; that intercept is given too.
suppressMessages({
  library(lme4)
  library(glmmTMB)
  library(performance)
})
rows <- list()
add <- function(model, quantity, value) {
  rows[[length(rows) + 1]] <<- data.frame(model = model, quantity = quantity, value = as.character(signif(value, 12)))
}
for (p in c("lme4", "glmmTMB", "performance", "insight")) {
  rows[[length(rows) + 1]] <- data.frame(model = "version", quantity = p, value = as.character(packageVersion(p)))
}
epilepsy <- read.csv("../../data/epilepsy.csv", colClasses = c(Trt = "factor", patient = "factor", obs = "factor"))
calls <- SiblingNegotiation ~ FoodTreatment + ArrivalTime + offset(logBroodSize) + (1 | Nest)
fits <- list(
  "salamanders poisson" = glmer(count ~ mined + (1 | site), Salamanders, poisson),
  "salamanders nbinom2" = glmmTMB(count ~ mined + (1 | site), Salamanders, family = nbinom2),
  "owls poisson" = glmer(calls, Owls, poisson),
  "owls nbinom2" = glmmTMB(calls, Owls, family = nbinom2),
  "epilepsy poisson" = glmer(count ~ zAge + zBase * Trt + (1 | patient), epilepsy, poisson),
  "epilepsy row effects" = glmer(count ~ zAge + zBase * Trt + (1 | patient) + (1 | obs), epilepsy, poisson),
  "cbpp logit" = glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial),
  "cbpp probit" = glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial("probit")),
  "cbpp cloglog" = glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial("cloglog"))
)
for (name in names(fits)) {
  m <- fits[[name]]
  r <- suppressWarnings(r2_nakagawa(m, tolerance = 0))
  add(name, "marginal", r$R2_marginal)
  add(name, "conditional", r$R2_conditional)
  add(name, "icc", suppressWarnings(icc(m, tolerance = 0))$ICC_adjusted)
  b <- fixef(suppressMessages(suppressWarnings(insight::null_model(m))))
  add(name, "intercept", unname(if (is.list(b)) b$cond else b))
}
write.csv(do.call(rbind, rows), stdout(), row.names = FALSE)
