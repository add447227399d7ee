# Take an R fit apart into plain vectors and matrices, for mmhelpers.adapters.from_r.
# One function for each class of fit; all give a list with the same names.
local({
  names_of <- function(x) if (is.null(x)) character(0) else as.character(x)
  # plain columns of the model frame: factors as text, one-dimensional numbers as they are
  frame_of <- function(mf) {
    keep <- vapply(mf, function(v) is.null(dim(v)) && (is.factor(v) || is.character(v) || is.numeric(v) ||
      is.logical(v)), TRUE)
    mf <- mf[keep]
    lapply(mf, function(v) if (is.factor(v)) as.character(v) else as.vector(v))
  }
  family_of <- function(m) {
    f <- tryCatch(family(m), error = function(e) NULL)
    if (is.null(f)) list(name = "gaussian", link = "identity") else list(name = f$family, link = f$link)
  }
  or <- function(x, default) if (is.null(x)) default else x
  describe_merMod <- function(m) {
    flist <- lme4::getME(m, "flist")
    cnms <- lme4::getME(m, "cnms")
    assign <- attr(flist, "assign")
    mm <- lme4::getME(m, "mmList")
    vc <- lme4::VarCorr(m)
    re <- lme4::ranef(m, condVar = FALSE)
    used <- integer(length(flist)) # columns of the modes are taken in turn by terms that share a factor
    terms <- lapply(seq_along(cnms), function(i) {
      g <- assign[i]
      k <- length(cnms[[i]])
      modes <- as.matrix(re[[names(flist)[g]]])[, used[g] + seq_len(k), drop = FALSE]
      used[g] <<- used[g] + k
      list(group = names(flist)[g], levels = levels(flist[[g]]), index = as.integer(flist[[g]]),
        columns = cnms[[i]], z = as.matrix(mm[[i]]), cov = matrix(as.numeric(vc[[i]]), k), modes = modes)
    })
    fam <- family_of(m)
    gaussian <- !lme4::isGLMM(m)
    conv <- m@optinfo$conv
    messages <- names_of(unlist(conv$lme4$messages))
    if (or(conv$opt, 0) != 0) messages <- c(messages, paste("optimiser code", conv$opt))
    singular <- lme4::isSingular(m)
    list(class = class(m)[1], y = as.numeric(lme4::getME(m, "y")), X = as.matrix(lme4::getME(m, "X")),
      x_names = colnames(lme4::getME(m, "X")), beta = as.numeric(lme4::fixef(m)),
      vcov = as.matrix(vcov(m)), terms = terms, family = fam$name, link = fam$link,
      theta_nb = if (grepl("^Negative Binomial", fam$name)) lme4::getME(m, "glmer.nb.theta") else NA_real_,
      sigma = sigma(m), weights = as.numeric(weights(m)), offset = as.numeric(lme4::getME(m, "offset")),
      fitted = as.numeric(fitted(m)), loglik = as.numeric(logLik(m)),
      reml = gaussian && lme4::isREML(m), messages = messages[!singular | !grepl("singular", messages)],
      response = names(model.frame(m))[1], frame = frame_of(model.frame(m)),
      rows = rownames(model.frame(m)))
  }
  describe_lm <- function(m) {
    fam <- family_of(m)
    X <- model.matrix(m)
    keep <- !is.na(coef(m))
    w <- or(if (inherits(m, "glm")) m$prior.weights else weights(m), rep(1, nrow(X)))
    list(class = class(m)[1], y = as.numeric(if (inherits(m, "glm")) m$y else model.response(model.frame(m))),
      X = X[, keep, drop = FALSE], x_names = colnames(X)[keep],
      beta = as.numeric(coef(m)[keep]), vcov = as.matrix(vcov(m))[keep, keep, drop = FALSE],
      terms = list(), family = fam$name, link = fam$link, theta_nb = as.numeric(or(m$theta, NA_real_)),
      sigma = if (fam$name == "gaussian") sigma(m) else sqrt(summary(m)$dispersion), weights = as.numeric(w),
      offset = as.numeric(or(model.offset(model.frame(m)), rep(0, nrow(X)))), fitted = as.numeric(fitted(m)),
      loglik = as.numeric(logLik(m)), reml = FALSE,
      messages = if (isFALSE(m$converged)) "glm.fit did not converge" else character(0),
      response = names(model.frame(m))[1], frame = frame_of(model.frame(m)), rows = rownames(model.frame(m)))
  }
  function(m) {
    if (inherits(m, "merMod")) describe_merMod(m)
    else if (inherits(m, "lm")) describe_lm(m)
    else list(class = class(m)[1], unknown = TRUE)
  }
})
