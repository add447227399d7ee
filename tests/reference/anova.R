# anova (types I, II, III), coefficients, contrasts, ranova by lmerTest; means and comparisons by emmeans
# -> inference/anova.json, inference/emmeans.json
source("inference_cases.R")
suppressMessages(library(emmeans))
emm_options(lmerTest.limit = 5000, pbkrtest.limit = 5000)
out <- list(); means <- list()
mean_specs <- list(                       # case -> list(means over, by)
  oats = list(c("Variety", NA), c("nitro", NA), c("nitro", "Variety")),
  tvbo = list(c("TVset", NA), c("Picture", "TVset")),
  machines_unbalanced = list(c("Machine", NA)),
  cake = list(c("temperature", NA), c("recipe", NA)),
  crossed = list(c("A", NA), c("B", NA), c("B", "A")),
  crossed_helmert = list(c("B", NA), c("A", NA)),
  carrots_homesize = list(c("Homesize", NA)),
  empty_cell = list(c("A", NA), c("B", "A")),
  singular = list(c("A", NA)))
random_cases <- c("carrots", "carrots_homesize", "tvbo", "sleep", "sleep_ml", "sleep_unbalanced", "sleep_double_bar",
                  "machines_maximal", "crossed", "oats", "ham", "singular")
for (name in names(cases)) {
  case <- cases[[name]]
  made <- fit_case(case); fit <- made$fit; d <- made$data
  res <- describe(case, fit)
  res$coefficients <- rows(coef(summary(fit)))
  res$hessian_inverse <- fit@vcov_varpar
  if (length(attr(terms(fit), "term.labels"))) for (type in 1:3) {
    a <- anova(fit, type = type)
    res[[paste0("type", type)]] <- c(rows(a), list(L = lapply(attr(a, "hypotheses"), unname)))
    if (case$reml && !grepl("^ham|^carrots", name))
      res[[paste0("type", type, "_kr")]] <- rows(anova(fit, type = type, ddf = "Kenward-Roger"))
  }
  if (name %in% random_cases) {
    f <- as.formula(case$formula); reml <- case$reml
    m <- suppressMessages(lmer(f, d, REML = reml, control = tight))
    m@call$formula <- f; m@call$data <- quote(d); m@call$REML <- reml; m@call$control <- quote(tight)
    res$ranova <- rows(suppressMessages(ranova(m)))
    res$ranova_whole <- rows(suppressMessages(ranova(m, reduce.terms = FALSE)))
  }
  out[[name]] <- res
  used <- d[complete.cases(d[all.vars(as.formula(case$formula))]), ]  # covariates at the mean of the rows used
  for (spec in mean_specs[[name]]) for (ddf in c("satterthwaite", "kenward-roger")) {
    if (ddf == "kenward-roger" && grepl("^carrots", name)) next
    by <- if (is.na(spec[2])) NULL else spec[2]
    e <- suppressMessages(emmeans(fit, spec[1], by = by, lmer.df = ddf, data = used))
    s <- as.data.frame(summary(e, infer = c(TRUE, TRUE)))
    s[] <- lapply(s, function(v) if (is.factor(v)) as.character(v) else v)
    pr <- pairs(e)
    comparisons <- lapply(c(tukey = "tukey", holm = "holm", bonferroni = "bonferroni", sidak = "sidak", none = "none"),
      function(adjust) {
        t <- as.data.frame(summary(pr, adjust = adjust))
        t[] <- lapply(t, function(v) if (is.factor(v)) as.character(v) else v)
        lapply(as.list(t), I)
      })
    means[[length(means) + 1]] <- list(case = name, over = spec[1], by = by, ddf = ddf,
                                       means = lapply(as.list(s), I), pairs = comparisons)
  }
  cat(name, "\n")
}
save(out, file.path("inference", "anova.json"))
save(means, file.path("inference", "emmeans.json"))
