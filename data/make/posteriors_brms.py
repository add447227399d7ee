"""Draw from two posteriors of chapter 5/01 with bambi, and store the draws.

    python data/make/posteriors_brms.py

writes data/posteriors/sleepstudy.nc and kidney.nc, and their entries in registry.toml there; some minutes.

- sleepstudy: random intercepts and slopes, bambi's default priors.
- kidney: the example of Bürkner (2017), section 5. The model is the paper's, with two differences that bambi forces:
  the correlation of intercepts and slopes is zero (bambi has none), and the lognormal times enter as gaussian
  logarithms, which is the same likelihood up to a constant. Priors are the paper's for coefficients and group standard
  deviations, and close to brms 2.18's defaults (data/make/brms.R prints them) for the rest. The effects of the 38
  patients are not stored: no page shows them.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import numpy as np

import mmhelpers as mm
from mmhelpers.bayes.stored import store_posterior

SCRIPT = "data/make/posteriors_brms.py"


def sleepstudy_model() -> Any:
    """Random intercepts and slopes, default priors."""
    import bambi as bmb

    return bmb.Model("Reaction ~ Days + (Days | Subject)", mm.load("sleepstudy"))


def kidney_model() -> Any:
    """The paper's model."""
    import bambi as bmb

    data = mm.load("kidney")
    data["log_time"] = np.log(data["time"])
    data["status"] = data["censored"].map({0: "none", 1: "right"})
    for factor in (
        "sex",
        "disease",
    ):  # bambi keeps the order of levels, and so the reference, of ordered factors only
        data[factor] = data[factor].cat.as_ordered()
    normal = bmb.Prior("Normal", mu=0, sigma=5)
    spread = bmb.Prior("Normal", mu=0, sigma=bmb.Prior("HalfCauchy", beta=2))
    priors = dict.fromkeys(("age", "sex", "age:sex", "disease"), normal)
    priors |= {"1|patient": spread, "age|patient": spread}
    priors["Intercept"] = bmb.Prior("StudentT", nu=3, mu=3.7, sigma=2.5)
    priors["sigma"] = bmb.Prior("HalfStudentT", nu=3, sigma=2.5)
    formula = "censored(log_time, status) ~ age * sex + disease + (1 + age | patient)"
    return bmb.Model(formula, data, priors=priors)


def main() -> None:
    """Sample, check, store."""
    mm.use_bayes()
    made_with = ", ".join(f"{name} {version(name)}" for name in ("bambi", "pymc", "nutpie"))
    sleep = mm.sample(sleepstudy_model(), draws=1500, tune=1500, seed=1, target_accept=0.95)
    print(mm.posterior_check(sleep).assert_ok())
    what = "Random intercepts and slopes of lme4's sleepstudy, bambi's default priors."
    store_posterior(sleep, "sleepstudy", SCRIPT, what, made_with)
    kidney = mm.sample(kidney_model(), draws=1500, tune=2000, seed=2017, target_accept=0.99)
    print(mm.posterior_check(kidney).assert_ok())
    kidney.posterior = kidney.posterior.drop_dims("patient__factor_dim")
    store_posterior(kidney, "kidney", SCRIPT, "Kidney example of Bürkner (2017), section 5.", made_with)


if __name__ == "__main__":
    main()
