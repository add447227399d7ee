# anova() by lmerTest of formulas without intercept or margins -> inference/formulas.json
source("inference_cases.R")
out <- list()
for (f in c("y ~ 0 + A + x", "y ~ 0 + A * B", "y ~ A:B", "y ~ A + A:x", "y ~ 0 + x", "y ~ x * A + x * B")) {
  m <- fit_case(case("crossed", paste(f, "+ (1 | subj)"), frame = crossed))$fit
  out[[f]] <- lapply(c(type1 = 1, type2 = 2, type3 = 3), function(type) rows(suppressMessages(anova(m, type = type))))
}
save(out, file.path("inference", "formulas.json"))
