# R2 and ICC of counts and proportions by performance, for tests/test_variance_shares.py:
#   Rscript variance_shares.R > variance_shares.csv
# R 4.2.2; versions are the first rows. performance (insight) takes the variance that a single count adds at the mean
# exp(intercept) of a model without covariates; that intercept is given too.
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
fits <- list(
  "poisson" = glmer(count ~ mined + (1 | site), Salamanders, poisson),
  "nbinom2" = glmmTMB(count ~ mined + (1 | site), Salamanders, family = nbinom2),
  "binomial" = glmer(cbind(incidence, size - incidence) ~ period + (1 | herd), cbpp, binomial)
)
for (name in names(fits)) {
  m <- fits[[name]]
  r <- suppressWarnings(r2_nakagawa(m, tolerance = 0))
  add(name, "marginal", r$R2_marginal)
  add(name, "conditional", r$R2_conditional)
  add(name, "icc", suppressWarnings(icc(m, tolerance = 0))$ICC_adjusted)
  null <- switch(name, binomial = glmer(cbind(incidence, size - incidence) ~ 1 + (1 | herd), cbpp, binomial),
    poisson = glmer(count ~ 1 + (1 | site), Salamanders, poisson),
    nbinom2 = glmmTMB(count ~ 1 + (1 | site), Salamanders, family = nbinom2))
  b <- fixef(null)
  add(name, "null", unname(if (is.list(b)) b$cond else b))
}
write.csv(do.call(rbind, rows), stdout(), row.names = FALSE)
