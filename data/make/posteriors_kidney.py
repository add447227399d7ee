"""Draw from the posterior of brms' kidney example (Bürkner 2017, section 5) with bambi, and store the draws.

    python data/make/posteriors_kidney.py

writes data/posteriors/kidney.nc and its entry in data/posteriors/registry.toml; about a minute. The model is the
paper's, with two differences that bambi forces: the correlation of intercepts and slopes is zero (bambi has none), and the
lognormal times enter as gaussian logarithms, which is the same likelihood up to a constant. Priors are the paper's for
coefficients and group standard deviations, and brms 2.18's defaults (data/make/brms.R prints them) for the rest.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np

import mmhelpers as mm
from mmhelpers.bayes.stored import store_posterior

FORMULA = "censored(log_time, status) ~ age * sex + disease + (1 + age | patient)"
SEED = 2017


def kidney_model() -> Any:
    """The paper's model, in bambi."""
    mm.use_bayes()
    import bambi as bmb

    data = mm.load("kidney")
    data["log_time"] = np.log(data["time"])
    data["status"] = data["censored"].map({0: "none", 1: "right"})
    normal = bmb.Prior("Normal", mu=0, sigma=5)
    spread = bmb.Prior("Normal", mu=0, sigma=bmb.Prior("HalfCauchy", beta=2))
    priors = dict.fromkeys(("age", "sex", "age:sex", "disease"), normal)
    priors |= {"1|patient": spread, "age|patient": spread}
    priors["Intercept"] = bmb.Prior("StudentT", nu=3, mu=3.7, sigma=2.5)
    priors["sigma"] = bmb.Prior("HalfStudentT", nu=3, sigma=2.5)
    return bmb.Model(FORMULA, data, priors=priors)


def main() -> None:
    """Sample, check, store."""
    idata = mm.sample(kidney_model(), draws=1000, tune=2000, seed=SEED, target_accept=0.99)
    check = mm.posterior_check(idata)
    print(check.table.round(3).to_string())
    print(check)
    check.assert_ok()
    idata.posterior = idata.posterior.drop_dims("patient__factor_dim")  # 76 effects that no page shows
    made_with = ", ".join(f"{name} {version(name)}" for name in ("bambi", "pymc", "nutpie"))
    store_posterior(
        idata, "kidney", "data/make/posteriors_kidney.py", "Kidney example of Bürkner (2017).", made_with
    )


if __name__ == "__main__":
    main()
