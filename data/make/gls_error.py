"""Type I error of the slopes' tests when the spread differs, by sample size: data/gls_type1.csv.

    python data/make/gls_error.py      # ten minutes of one core

The urchins of data/make/urchins.py, all slopes alike, in 24, 48, 100 and 220 animals (a quarter a season in the three
smaller designs; as in the data set in the largest). Three tests of each season's difference in slope from winter: least
squares, least squares with HC3 standard errors, generalised least squares with the true kind of variance function.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import statsmodels.formula.api as smf
from scipy import stats

import mmhelpers as mm

HERE = Path(__file__).resolve().parents[1]
YEARS = 500
FORMULA = "gonad ~ season * size"
VARIANCE = "varIdent(season) * varPower(relative)"
SLOPES = ["seasonspring:size", "seasonsummer:size", "seasonautumn:size"]
PLAIN = ["season[T.spring]:size", "season[T.summer]:size", "season[T.autumn]:size"]


def animals(n: int) -> pd.DataFrame:
    """Give the first n/4 urchins of each season, or all."""
    urchins = mm.load("urchins")
    urchins["size"] = urchins["diameter"] - 45
    urchins["relative"] = urchins["diameter"] / 45
    if n < len(urchins):
        urchins = urchins.groupby("season", observed=True).head(n // 4).reset_index(drop=True)
    return urchins


def main() -> None:
    truth = mm.truth("urchins")
    rows = []
    for n in (24, 48, 100, 220):
        table = animals(n)
        season = table["season"].astype(str)
        mean = (season.map(truth["mean"]) + 0.12 * table["size"]).to_numpy()
        fan = table["relative"] ** truth["power"]
        sd = (truth["sd"]["residual"] * season.map(truth["sd_ratio"]) * fan).to_numpy()
        rng = np.random.default_rng([9, n])
        p = {"OLS": [], "OLS, HC3": [], "GLS": []}
        failed = 0
        for _ in range(YEARS):
            year = table.assign(gonad=mean + sd * rng.standard_normal(len(table)))
            ordinary = smf.ols(FORMULA, year).fit()
            gls = mm.fit_gls(FORMULA, year, variance=VARIANCE)
            failed += not gls.converged
            p["OLS"].append(ordinary.pvalues[PLAIN])
            robust = ordinary.get_robustcov_results("HC3")
            t = robust.tvalues[[list(ordinary.params.index).index(name) for name in PLAIN]]
            p["OLS, HC3"].append(2 * stats.t.sf(np.abs(t), ordinary.df_resid))
            p["GLS"].append(gls.coefficients().loc[SLOPES, "p"])
        for method, values in p.items():
            for slope, low in zip(("spring", "summer", "autumn"), (np.array(values) < 0.05).T, strict=True):
                rate = low.mean()
                error = np.sqrt(rate * (1 - rate) / YEARS)
                rows.append(
                    {"urchins": len(table), "method": method, "season": slope, "rate": round(rate, 4)}
                    | {"error": round(float(error), 4), "years": YEARS, "failed": failed if method == "GLS" else 0}
                )
        print(n, failed, flush=True)
        pd.DataFrame(rows).to_csv(HERE / "gls_type1.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
