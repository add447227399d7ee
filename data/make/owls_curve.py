"""The owls' additive mixed models in R, as curves over the night: data/owls_curve.csv.

    python data/make/owls_curve.py      # needs R with mgcv and gamm4

For food deprived nests (and a female parent, where the parent is in the model), of a nest in the middle (random
effect 0): fit and standard error on the scale of the linear predictor, at 61 hours. Smooth terms are thin-plate
regression splines, their penalties estimated by REML; the standard errors are mgcv's, which take the estimated
penalties for the true ones.
"""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pandas as pd

import mmhelpers as mm

HERE = Path(__file__).resolve().parents[1]

SCRIPT = """
suppressPackageStartupMessages({library(mgcv); library(gamm4)})
owls$calls <- log10(owls$NegPerChick + 1)
new <- data.frame(ArrivalTime = seq(min(owls$ArrivalTime), max(owls$ArrivalTime), length.out = 61),
  FoodTreatment = "Deprived", SexParent = "Female", Nest = owls$Nest[1], logBroodSize = 0)
at <- function(model, fit) {
  smooth <- if ("s(Nest)" %in% sapply(fit$smooth, `[[`, "label")) "s(Nest)" else NULL
  p <- predict(fit, new, se.fit = TRUE, exclude = smooth)
  data.frame(model = model, hour = new$ArrivalTime, fit = as.numeric(p$fit), se = as.numeric(p$se.fit))
}
normal <- gam(calls ~ FoodTreatment + s(ArrivalTime) + s(Nest, bs = "re"), data = owls, method = "REML")
mer <- gamm4(calls ~ FoodTreatment + s(ArrivalTime), random = ~ (1 | Nest), data = owls, REML = TRUE)
counts <- gam(SiblingNegotiation ~ FoodTreatment * SexParent + s(ArrivalTime) + s(Nest, bs = "re") +
  offset(logBroodSize), data = owls, family = nb(), method = "REML")
out <- rbind(at("mgcv, normal", normal), at("gamm4, normal", mer$gam), at("mgcv, negative binomial", counts))
write.csv(format(out, digits = 6, trim = TRUE), row.names = FALSE, quote = FALSE)
"""

if __name__ == "__main__":
    answer = mm.in_r(SCRIPT, owls=mm.load("Owls"))
    lines = [line for line in str(answer).splitlines() if line.count(",") >= 3 and "model" not in line]
    rows = [line.rsplit(",", 3) for line in lines]
    table = pd.DataFrame(rows, columns=["model", "hour", "fit", "se"])
    assert len(table) == 183, answer
    table = pd.read_csv(StringIO(table.to_csv(index=False))).round(6)
    table.to_csv(HERE / "owls_curve.csv", index=False, lineterminator="\n")
