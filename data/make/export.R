# Export the example data sets of this course from the R packages that ship them.
#
#   Rscript data/make/export.R [--out=FOLDER] [--brms=FOLDER]
#
# writes <name>.csv to FOLDER (default: the folder above this script's) and, under make/ in it,
#   versions.csv   the version and licence of R and of every package a file came from,
#   factors.csv    every factor's levels in R's order, against which the registry is tested.
# It never touches registry.toml: after a deliberate change run `python data/make/readme.py --rehash`.
#
# lme4, lmerTest, nlme and glmmTMB must be installed (they need not load: only their data are read).
#
# brms is not needed to use this course and need not be installed to read its three data sets.
# On Debian, unpack the package into a throw-away folder and point --brms at its data:
#
#   mkdir brms && cd brms      # a folder outside the repository
#   apt-get download r-cran-brms && dpkg-deb -x r-cran-brms_*.deb .
#   Rscript data/make/export.R --brms=PATH_TO/brms/usr/lib/R/site-library/brms    # from the repository
#
# (elsewhere: unpack the binary package that your CRAN mirror serves). Without --brms, and without an
# installed brms, those three files and their lines in versions.csv and factors.csv stay as they are.
#
# The files are UTF-8 with LF line ends; rows and columns are in the order in which R has them; factors are
# written as text, missing values as nothing; a number is written with the fewest digits (15, or 17 where 15
# lose something) that read back as the same double, so the files do not depend on locale or on getOption("digits").

sources <- list(
  lme4 = c("sleepstudy", "Dyestuff", "Dyestuff2", "Pastes", "Penicillin", "cbpp", "cake"),
  lmerTest = c("carrots", "TVbo", "ham"),
  nlme = c("Rail", "Orthodont", "Oats", "Machines", "BodyWeight", "Ovary", "Wheat2"),
  glmmTMB = c("Owls", "Salamanders"),
  brms = c("epilepsy", "kidney", "inhaler")
)

argument <- function(name, default) {
  given <- grep(paste0("^--", name, "="), commandArgs(trailingOnly = TRUE), value = TRUE)
  if (length(given)) sub("^[^=]*=", "", given[[1]]) else default
}
script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
out <- argument("out", dirname(dirname(normalizePath(script))))
dir.create(file.path(out, "make"), recursive = TRUE, showWarnings = FALSE)
brms <- argument("brms", system.file(package = "brms"))

read <- function(package, name) {
  here <- new.env()
  if (package == "brms") {
    # the lazy-load data base of a package that is unpacked, not installed
    lazyLoad(file.path(brms, "data", "Rdata"), envir = here)
  } else {
    utils::data(list = name, package = package, envir = here)
  }
  as.data.frame(here[[name]])
}

number <- function(x) {
  known <- which(!is.na(x))
  text <- character(length(x))
  text[known] <- sprintf("%.15g", x[known])
  short <- known[as.numeric(text[known]) != x[known]]
  text[short] <- sprintf("%.17g", x[short])
  text
}

field <- function(column) {
  text <- if (is.numeric(column)) number(column) else enc2utf8(as.character(column))
  quoted <- grepl("[\",\n]", text)
  text[quoted] <- paste0("\"", gsub("\"", "\"\"", text[quoted]), "\"")
  text[is.na(column)] <- ""
  text
}

write_csv <- function(frame, path) {
  lines <- do.call(paste, c(unname(lapply(frame, field)), sep = ","))
  connection <- file(path, open = "wb") # binary: LF on every system
  on.exit(close(connection))
  writeLines(enc2utf8(c(paste(field(names(frame)), collapse = ","), lines)), connection, useBytes = TRUE)
}

kept <- function(file, key) { # what an earlier run recorded for a package that is not at hand now
  path <- file.path(out, "make", file)
  if (!file.exists(path)) return(NULL)
  old <- utils::read.csv(path, colClasses = "character")
  old[old[[1]] %in% key, , drop = FALSE]
}

r_version <- paste(R.version$major, R.version$minor, sep = ".")
versions <- data.frame(package = "R", version = r_version, licence = "GPL-2 | GPL-3")
factors <- NULL
for (package in names(sources)) {
  where <- if (package == "brms") brms else system.file(package = package)
  if (!nzchar(where)) {
    if (package != "brms") stop("package ", package, " is not installed: see apt.txt")
    message("brms: not given (--brms=...), its three files stay as they are")
    versions <- rbind(versions, kept("versions.csv", "brms"))
    factors <- rbind(factors, kept("factors.csv", sources$brms))
    next
  }
  description <- read.dcf(file.path(where, "DESCRIPTION"))
  versions <- rbind(versions, data.frame(
    package = package, version = description[[1, "Version"]], licence = description[[1, "License"]]
  ))
  for (name in sources[[package]]) {
    frame <- read(package, name)
    write_csv(frame, file.path(out, paste0(tolower(name), ".csv")))
    for (column in names(frame)[vapply(frame, is.factor, TRUE)]) {
      level <- levels(frame[[column]])
      factors <- rbind(factors, data.frame(
        dataset = name, column = column, ordered = tolower(is.ordered(frame[[column]])),
        position = seq_along(level), level = level
      ))
    }
    cat(sprintf("%-12s %5d rows %3d columns  %s %s\n", name, nrow(frame), ncol(frame), package,
                description[[1, "Version"]]))
  }
}
write_csv(versions, file.path(out, "make", "versions.csv"))
write_csv(factors, file.path(out, "make", "factors.csv"))
print(versions, row.names = FALSE)
