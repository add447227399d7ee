# Time lmerTest on one design: both models, with Satterthwaite p-values; prints JSON (seconds a fit, a model).
# Arguments: folder with design.csv and Y.csv, formula of the intercept model, formula of the slope model, fits.
suppressMessages({library(lme4); library(lmerTest); library(jsonlite)})
args <- commandArgs(TRUE)
data <- read.csv(file.path(args[1], "design.csv"))
Y <- as.matrix(read.csv(file.path(args[1], "Y.csv"), header = FALSE))
n <- min(as.integer(args[4]), nrow(Y))
out <- list()
for (model in 1:2) {
  f <- as.formula(args[1 + model])
  one <- function(i) {
    data$y <- Y[i, ]
    fit <- suppressMessages(suppressWarnings(lmer(f, data)))
    suppressMessages(suppressWarnings(coef(summary(fit))))
    REMLcrit(fit)
  }
  one(1)
  started <- sum(proc.time()[1:2])
  criterion <- vapply(seq_len(n), one, 0)
  seconds <- (sum(proc.time()[1:2]) - started) / n
  out[[c("intercepts", "slopes")[model]]] <- list(seconds = seconds, criterion = unname(criterion))
}
cat(toJSON(out, auto_unbox = TRUE, digits = 12))
