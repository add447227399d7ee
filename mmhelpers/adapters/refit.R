# Fit the model of an lme4 fit to another response, from scratch: lme4's own refit() starts from the old
# parameters, and in 1.1-31 uses n - 1 for n - p under REML.
function(m, y) {
  frame <- model.frame(m)
  data <- tryCatch(eval(getCall(m)$data, environment(formula(m))), error = function(e) NULL)
  data <- if (is.data.frame(data)) data[rownames(frame), , drop = FALSE] else frame
  data$.response <- y
  f <- formula(m)
  f[[2]] <- quote(.response)
  environment(f) <- environment() # so that weights are found here
  w <- weights(m)
  o <- lme4::getME(m, "offset")
  if (is.null(getCall(m)$offset)) o <- NULL # an offset in the formula comes with it
  if (lme4::isLMM(m)) {
    lme4::lmer(f, data, REML = lme4::isREML(m), weights = w, offset = o)
  } else {
    lme4::glmer(f, data, family = family(m), weights = w, offset = o)
  }
}
