# Fit the model of an R fit from scratch, to another response and to a part of its rows (`keep`).
local({
  # lme4's own refit() starts from the old parameters, and in 1.1-31 uses n - 1 for n - p under REML.
  # Weights and offset go in as columns of their own: as arguments they would lose to columns of the same name.
  refit_merMod <- function(m, y, keep) {
    frame <- model.frame(m)
    data <- tryCatch(eval(getCall(m)$data, environment(formula(m))), error = function(e) NULL)
    data <- if (is.data.frame(data)) data[rownames(frame), , drop = FALSE] else frame
    data$.response <- y
    data$.prior <- weights(m)
    data$.offset <- if (is.null(getCall(m)$offset)) 0 else lme4::getME(m, "offset") # one in the formula comes with it
    data <- data[keep, , drop = FALSE]
    f <- formula(m)
    f[[2]] <- quote(.response)
    if (lme4::isLMM(m)) {
      lme4::lmer(f, data, REML = lme4::isREML(m), weights = .prior, offset = .offset)
    } else if (grepl("^Negative Binomial", family(m)$family)) {
      lme4::glmer.nb(f, data, offset = .offset)
    } else {
      lme4::glmer(f, data, family = family(m), weights = .prior, offset = .offset)
    }
  }
  # gls and lme: the call again with the new response; where the default optimiser fails, the other one.
  refit_nlme <- function(m, y, keep) {
    data <- as.data.frame(nlme::getData(m))
    data$.response <- y
    data <- data[keep, , drop = FALSE]
    call <- m$call
    f <- formula(m)
    f[[2]] <- quote(.response)
    model <- if (inherits(m, "lme")) "fixed" else "model"
    call[[model]] <- f
    call$data <- data
    call$subset <- NULL
    call[[1]] <- if (inherits(m, "lme")) nlme::lme else nlme::gls
    tryCatch(eval(call, environment(formula(m))), error = function(e) {
      call$control <- if (inherits(m, "lme")) nlme::lmeControl(opt = "optim") else nlme::glsControl(opt = "optim")
      eval(call, environment(formula(m)))
    })
  }
  refit_glmmTMB <- function(m, y, keep) {
    frame <- model.frame(m)
    old <- model.response(frame)
    if (is.matrix(old)) { # cbind(successes, failures): y holds proportions
      trials <- rowSums(old)
      y <- cbind(round(y * trials), trials - round(y * trials))
      colnames(y) <- colnames(old)
    }
    data <- tryCatch(eval(m$call$data, environment(formula(m))), error = function(e) NULL)
    data <- if (is.data.frame(data)) data[rownames(frame), , drop = FALSE] else frame
    data$.response <- y
    data <- data[keep, , drop = FALSE]
    call <- m$call
    f <- formula(m)
    f[[2]] <- quote(.response)
    call$formula <- f
    call$data <- data
    call$family <- family(m)
    call[[1]] <- glmmTMB::glmmTMB
    eval(call, environment(formula(m)))
  }
  # gamm4 keeps neither its call nor its data, but all matrices.
  refit_gamm4 <- function(both, y, keep) {
    if (!all(keep)) stop("a gamm4 fit keeps no data, and cannot be fitted to a part of its rows")
    m <- both$mer
    if (lme4::isGLMM(m)) {
      both$mer <- lme4::refit(m, y) # goes on from the old parameters
      return(both)
    }
    re <- lme4::getME(m, c("Zt", "theta", "Lind", "Gp", "lower", "Lambdat", "flist", "cnms"))
    frame <- model.frame(m)
    frame[[1]] <- y
    deviance <- lme4::mkLmerDevfun(frame, lme4::getME(m, "X"), re, REML = lme4::isREML(m))
    found <- lme4::optimizeLmer(deviance)
    both$mer <- lme4::mkMerMod(environment(deviance), found, re, frame)
    both
  }
  refit_lm <- function(m, y, keep) {
    frame <- model.frame(m)
    old <- model.response(frame)
    if (is.matrix(old)) {
      trials <- rowSums(old)
      y <- cbind(round(y * trials), trials - round(y * trials))
    }
    X <- model.matrix(m)
    w <- if (inherits(m, "glm")) m$prior.weights else weights(m)
    if (is.matrix(old)) w <- NULL
    o <- model.offset(frame)
    part <- function(v) if (is.matrix(v)) v[keep, , drop = FALSE] else v[keep]
    data <- list(.response = part(y), .X = part(X), .w = part(if (is.null(w)) rep(1, nrow(X)) else w),
      .o = part(if (is.null(o)) rep(0, nrow(X)) else o))
    if (inherits(m, "negbin")) MASS::glm.nb(.response ~ 0 + .X + offset(.o), data, weights = .w)
    else if (inherits(m, "glm")) {
      glm(.response ~ 0 + .X, family = family(m), data = data, weights = .w, offset = .o)
    } else lm(.response ~ 0 + .X, data, weights = .w, offset = .o)
  }
  function(m, y, keep = rep(TRUE, length(y))) {
    if (is.list(m) && inherits(m[["mer"]], "merMod")) refit_gamm4(m, y, keep)
    else if (inherits(m, "merMod")) refit_merMod(m, y, keep)
    else if (inherits(m, "glmmTMB")) refit_glmmTMB(m, y, keep)
    else if (inherits(m, "gls") || inherits(m, "lme")) refit_nlme(m, y, keep)
    else refit_lm(m, y, keep)
  }
})
