# Fit a model with a function of R on a table that came from Python, and take down what R said meanwhile.
# fun: "glmmTMB::glmmTMB"; columns: names of the arguments that are names of columns of the data;
# formulas: names of the arguments that are formulas. Gives the fit, its coefficients, its criteria, R's words.
local({
  rows_of <- function(table, component) {
    if (is.null(table) || !nrow(table)) return(NULL)
    list(component = rep(component, nrow(table)), name = rownames(table), estimate = as.numeric(table[, 1]),
      se = as.numeric(table[, 2]))
  }
  bind <- function(parts) {
    parts <- Filter(Negate(is.null), parts)
    lapply(c(component = "component", name = "name", estimate = "estimate", se = "se"),
      function(k) unlist(lapply(parts, `[[`, k)))
  }
  coefficients_of <- function(m) {
    if (inherits(m, "glmmTMB")) {
      tables <- summary(m)$coefficients
      bind(list(rows_of(tables$cond, "mean"), rows_of(tables$zi, "zero"), rows_of(tables$disp, "dispersion")))
    } else if (inherits(m, "gam")) {
      bind(list(rows_of(summary(m)$p.table, "mean")))
    } else if (inherits(m, "geeglm")) {
      bind(list(rows_of(as.matrix(summary(m)$coefficients[, 1:2]), "mean")))
    } else if (inherits(m, "polr")) {
      table <- suppressMessages(coef(summary(m)))
      cut <- rownames(table) %in% names(m$zeta)
      bind(list(rows_of(table[!cut, , drop = FALSE], "mean"), rows_of(table[cut, , drop = FALSE], "cut")))
    } else if (inherits(m, "lme")) {
      bind(list(rows_of(summary(m)$tTable, "mean")))
    } else {
      bind(list(rows_of(coef(summary(m)), "mean")))
    }
  }
  function(fun, formula, data, arguments, columns, formulas) {
    package <- sub("::.*", "", fun)
    suppressWarnings(suppressPackageStartupMessages(requireNamespace(package, quietly = TRUE)))
    # formulas see the data's environment, so that a fit can be taken up again later
    formula <- as.formula(formula, env = environment())
    for (name in formulas) arguments[[name]] <- as.formula(arguments[[name]], env = environment())
    for (name in columns) arguments[[name]] <- as.name(arguments[[name]])
    # families of the package's own (nbinom2, betabinomial, ...) are not found by name from here
    own <- arguments$family
    if (is.character(own) && !exists(own, mode = "function") && own %in% getNamespaceExports(package))
      arguments$family <- getExportedValue(package, own)()
    first <- list(parse(text = fun)[[1]], formula, data = quote(data))
    # its first argument is called formula nearly everywhere (not in glmmPQL and lme, which say fixed)
    if ("formula" %in% names(formals(eval(first[[1]])))) names(first)[2] <- "formula"
    call <- as.call(c(first, arguments))
    said <- character(0)
    note <- function(w) {
      said <<- c(said, trimws(conditionMessage(w)))
      invokeRestart(if (inherits(w, "warning")) "muffleWarning" else "muffleMessage")
    }
    m <- withCallingHandlers(eval(call), warning = note, message = note)
    ll <- withCallingHandlers(tryCatch(logLik(m), error = function(e) NA_real_), warning = note, message = note)
    number <- function(f) as.numeric(tryCatch(f(m), error = function(e) NA_real_))[1]
    spread <- if (inherits(m, "glmmTMB")) number(sigma) else if (inherits(m, "negbin")) m$theta
      else if (inherits(m, "glm")) summary(m)$dispersion else number(sigma)
    list(fit = m, coefficients = withCallingHandlers(coefficients_of(m), warning = note, message = note),
      loglik = as.numeric(ll)[1], df = as.numeric(if (is.null(attr(ll, "df"))) NA_real_ else attr(ll, "df")),
      deviance = number(deviance), spread = as.numeric(spread)[1], said = unique(said))
  }
})
