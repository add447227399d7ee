# Numbers of performance, car, stats and nlme for tests/test_diagnostics.py:  Rscript diagnostics.R > diagnostics.csv
# R 4.2.2; lme4 1.1-31, nlme 3.1-162, performance and car as in Debian 12 (versions are the first rows).
suppressMessages({
  library(lme4)
  library(nlme)
  library(performance)
  library(car)
})
rows <- list()
add <- function(what, values, names = NULL) {
  key <- if (is.null(names)) what else paste(what, names)
  rows[[length(rows) + 1]] <<- data.frame(quantity = key, value = as.character(signif(values, 12)))
}
for (p in c("lme4", "nlme", "performance", "car")) {
  rows[[length(rows) + 1]] <- data.frame(quantity = paste("version", p), value = as.character(packageVersion(p)))
}
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9))
sleepstudy <- lme4::sleepstudy
fm1 <- lmer(Reaction ~ Days + (Days | Subject), sleepstudy, control = control)
fm3 <- lmer(Reaction ~ Days + (1 | Subject), sleepstudy, control = control)
for (name in c("fm1", "fm3")) {
  m <- get(name)
  r <- r2_nakagawa(m)
  add(paste(name, "r2 marginal"), unname(r$R2_marginal))
  add(paste(name, "r2 conditional"), unname(r$R2_conditional))
  add(paste(name, "icc"), icc(m)$ICC_adjusted)
  add(paste(name, "hat"), hatvalues(m)[1:10], 1:10)
}
ols <- lm(Reaction ~ Days + I(Days^2) + Subject, sleepstudy)
add("ols cook", cooks.distance(ols)[1:20], 1:20)
add("ols rstudent", rstudent(ols)[1:20], 1:20)
add("ols dfbetas Days", dfbetas(ols)[1:20, "Days"], 1:20)
two <- lm(Reaction ~ Days + I(Days^2), sleepstudy)
add("vif", vif(two), names(vif(two)))
g <- glm(incidence / size ~ period, binomial, lme4::cbpp, weights = size)
add("glm cbpp rstandard pearson", rstandard(g, type = "pearson")[1:20], 1:20)
# by group, the variances kept: generalised least squares without the group
vc <- VarCorr(fm3)
drop_one <- function(s) {
  d <- sleepstudy[sleepstudy$Subject != s, ]
  X <- model.matrix(~Days, d)
  Z <- model.matrix(~ 0 + factor(Subject), d)
  V <- vc$Subject[1] * tcrossprod(Z) + sigma(fm3)^2 * diag(nrow(d))
  solve(t(X) %*% solve(V, X), t(X) %*% solve(V, d$Reaction))
}
for (s in c("308", "309", "335", "337")) add("fm3 without", drop_one(s), paste(s, c("(Intercept)", "Days")))
# nlme: normalised residuals of a gls with AR(1) and of an lme with a variance function
gl <- gls(follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time), nlme::Ovary, correlation = corAR1(form = ~ 1 | Mare))
add("ovary gls phi", coef(gl$modelStruct$corStruct, unconstrained = FALSE))
add("ovary gls sigma", gl$sigma)
add("ovary gls beta", coef(gl), 1:3)
add("ovary gls normalized", residuals(gl, type = "normalized")[1:30], 1:30)
l <- lme(Reaction ~ Days, sleepstudy, ~ 1 | Subject)
add("lme pearson", residuals(l, type = "pearson")[1:10], 1:10)
add("lme normalized", residuals(l, type = "normalized")[1:10], 1:10)
add("lme marginal", residuals(l, level = 0)[1:10], 1:10)
# autocorrelation and variogram of Ovary, mares in the order of their names (nlme's normalised residuals are wrong where
# the rows are not in the order of the groups' levels)
ov <- as.data.frame(nlme::Ovary)
ov$Mare <- factor(as.character(ov$Mare))
ov <- ov[order(ov$Mare, ov$Time), ]
ol <- lme(follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time), ov, ~ 1 | Mare)
og <- update(gl, data = ov)
a <- ACF(ol, maxLag = 8)
add("ovary lme acf", a$ACF, a$lag)
add("ovary lme pairs", attr(a, "n.used"), a$lag)
add("ovary gls acf", ACF(og, maxLag = 8, form = ~ 1 | Mare, resType = "normalized")$ACF, 0:8)
v <- Variogram(ol, form = ~1, collapse = "none")
add("ovary lme variogram", tapply(v$variog, v$dist, mean)[1:8], 1:8)
v <- Variogram(ol, form = ~Time, collapse = "none")
add("ovary lme near", c(mean(v$variog[v$dist <= 0.3]), sum(v$dist <= 0.3)), c("value", "pairs"))
# Owls and Ovary: variance shares, collinearity, leaving out groups with the variances estimated anew
owls <- glmmTMB::Owls
o1 <- lmer(NegPerChick ~ FoodTreatment * SexParent + ArrivalTime + (1 | Nest), owls, control = control)
om <- lmer(follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time) + (1 | Mare), ov, control = control)
for (name in c("owls", "ovary")) {
  m <- if (name == "owls") o1 else om
  r <- r2_nakagawa(m)
  add(paste(name, "r2 marginal"), unname(r$R2_marginal))
  add(paste(name, "r2 conditional"), unname(r$R2_conditional))
  add(paste(name, "icc"), icc(m)$ICC_adjusted)
}
add("owls vif", vif(o1), names(vif(o1)))
tv <- lmer(Colourbalance ~ TVset * Picture + Repeat + (1 | Assessor), lmerTest::TVbo, control = control)
v <- vif(tv)
add("tvbo gvif", v[, "GVIF"], rownames(v))
add("tvbo gvif power", v[, 3], rownames(v))
for (s in c("AutavauxTV", "Bochet", "Champmartin")) {
  add("owls without", fixef(update(o1, data = subset(owls, Nest != s))), paste(s, names(fixef(o1))))
}
og1 <- glm(SiblingNegotiation ~ FoodTreatment + ArrivalTime + offset(logBroodSize), poisson, owls)
add("owls glm cook", cooks.distance(og1)[1:20], 1:20)
op <- glmer(SiblingNegotiation ~ FoodTreatment + ArrivalTime + offset(logBroodSize) + (1 | Nest), owls, poisson)
r <- r2_nakagawa(op)
add("owls counts r2", c(r$R2_marginal, r$R2_conditional), c("marginal", "conditional"))
add("owls condsd", sqrt(as.numeric(attr(ranef(o1, condVar = TRUE)$Nest, "postVar"))), rownames(ranef(o1)$Nest))
add("fm1 condsd", sqrt(apply(attr(ranef(fm1, condVar = TRUE)$Subject, "postVar"), 3, diag)), 1:36)
add("ovary normalized", residuals(og, type = "normalized")[1:30], 1:30)
# what the three data sets still lack: nlme's residuals, ACF and variogram of sleepstudy and Owls, and of Ovary with AR(1) in
# an lme; car's VIF of mixed models; Cook's distances of groups, each left out with the variances estimated anew
add("sleep lme acf", ACF(l, maxLag = 6)$ACF, 0:6)
v <- Variogram(l, form = ~Days, collapse = "none")
add("sleep lme variogram", tapply(v$variog, v$dist, mean)[1:6], 1:6)
sv <- lme(Reaction ~ Days, sleepstudy, ~ 1 | Subject, weights = varPower(form = ~ Days + 1))
add("sleep varPower normalized", residuals(sv, type = "normalized")[1:30], 1:30)
nests <- as.data.frame(owls)
nests$Nest <- factor(as.character(nests$Nest))
nests <- nests[order(nests$Nest), ]
ow <- lme(NegPerChick ~ FoodTreatment * SexParent + ArrivalTime, nests, ~ 1 | Nest)
add("owls lme normalized", residuals(ow, type = "normalized")[1:30], 1:30)
a <- ACF(ow, maxLag = 6)
add("owls lme acf", a$ACF, a$lag)
add("owls lme pairs", attr(a, "n.used"), a$lag)
v <- Variogram(ow, form = ~ArrivalTime, collapse = "none")
add("owls lme near", c(mean(v$variog[v$dist <= 0.5]), sum(v$dist <= 0.5)), c("value", "pairs"))
oi <- gls(NegPerChick ~ FoodTreatment * SexParent + ArrivalTime, nests, weights = varIdent(form = ~ 1 | FoodTreatment))
add("owls varIdent normalized", residuals(oi, type = "normalized")[1:30], 1:30)
oa <- lme(follicles ~ sin(2 * pi * Time) + cos(2 * pi * Time), ov, ~ 1 | Mare, correlation = corAR1(form = ~ 1 | Mare))
add("ovary AR1 lme normalized", residuals(oa, type = "normalized")[1:30], 1:30)
add("ovary AR1 lme acf", ACF(oa, maxLag = 6, resType = "normalized")$ACF, 0:6)
quadratic <- lmer(Reaction ~ Days + I(Days^2) + (1 | Subject), sleepstudy, control = control)
add("sleep mixed vif", vif(quadratic), names(vif(quadratic)))
add("ovary mixed vif", vif(om), c("sin", "cos"))
models <- list(sleep = list(fm3, "Subject"), owls = list(o1, "Nest"), ovary = list(om, "Mare"))
for (name in names(models)) {
  left_out <- influence(models[[name]][[1]], groups = models[[name]][[2]])
  add(paste(name, "group cook"), cooks.distance(left_out), rownames(left_out[[2]]))
}
write.csv(do.call(rbind, rows), stdout(), row.names = FALSE)
