# anova() of two models, by ML and by REML -> inference/likelihood_ratio.json
source("inference_cases.R")
pair <- function(case, smaller, refit = TRUE) list(case = case, smaller = smaller, refit = refit)
pairs <- list(
  pair("machines_unbalanced", "score ~ 1 + (1 | Worker/Machine)"),
  pair("sleep", "Reaction ~ 1 + (Days | Subject)"),
  pair("sleep", "Reaction ~ Days + (1 | Subject)", FALSE),
  pair("sleep", "Reaction ~ Days + (1 | Subject)"),
  pair("crossed_intercepts", "y ~ B + x + (1 | subj) + (1 | item)"),
  pair("crossed", "y ~ A + B + x + (1 | subj) + (1 | item)"),
  pair("carrots", "Preference ~ sens2 + (1 + sens2 | Consumer) + (1 | Product)"))
out <- lapply(pairs, function(pr) {
  case <- cases[[pr$case]]
  large <- fit_case(case)$fit
  case$formula <- pr$smaller
  small <- fit_case(case)$fit
  if (pr$refit) {
    ml <- function(cs) { cs$reml <- FALSE; fit_case(cs)$fit }
    small <- ml(case); large <- ml(cases[[pr$case]])
  }
  a <- suppressMessages(anova(small, large, refit = FALSE))
  c(pr, list(table = rows(a)))
})
save(out, file.path("inference", "likelihood_ratio.json"))
