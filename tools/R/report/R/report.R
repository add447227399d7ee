# Stand-in for report::report(); see DESCRIPTION for why it exists.
report <- function(x, ...) {
  stop(
    "report() is not available: the R package 'report' installed here is a stand-in that only lets pymer4 ",
    "start. Everything else in pymer4 works. For sentences about a fit, install the real package in R with ",
    "install.packages(\"report\"), then restart Python.",
    call. = FALSE
  )
}
