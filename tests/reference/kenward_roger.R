# Kenward-Roger by pbkrtest: adjusted covariance, df and F -> inference/kenward_roger.json
source("inference_cases.R")
library(pbkrtest)
out <- list()
for (name in setdiff(names(cases), c("sleep_ml", "ham", "ham_age"))) {  # ML refits; ham: the same as tvbo, but slow
  case <- cases[[name]]
  made <- fit_case(case); fit <- made$fit; d <- made$data
  adj <- vcovAdj(fit)
  p <- length(fixef(fit))
  res <- describe(case, fit)
  res$vcov_adj <- unname(as.matrix(adj))
  res$single <- rows(do.call(rbind, lapply(1:p, function(i) {
    L <- diag(p)[i, ]
    k <- KRmodcomp(fit, matrix(L, 1))$test
    data.frame(df = Lb_ddf(L, vcov(fit), adj), F = k["Ftest", "stat"], ddf = k["Ftest", "ddf"],
               p = k["Ftest", "p.value"], scaling = k["Ftest", "F.scaling"])
  })))
  # several df: all but the intercept, the last two, and two sums with awkward weights
  Ls <- list()
  if (p > 2) {
    Ls$all <- diag(p)[-1, , drop = FALSE]
    Ls$last <- diag(p)[(p - 1):p, ]
    set.seed(p); Ls$odd <- matrix(round(rnorm(2 * p), 2), 2)
  }
  res$multiple <- lapply(Ls, function(L) {
    k <- KRmodcomp(fit, L)$test
    list(L = L, F = k["Ftest", "stat"], ndf = k["Ftest", "ndf"], ddf = k["Ftest", "ddf"], p = k["Ftest", "p.value"],
         scaling = k["Ftest", "F.scaling"])
  })
  out[[name]] <- res
  cat(name, res$singular, "\n")
}
save(out, file.path("inference", "kenward_roger.json"))
