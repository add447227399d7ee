"""Draw from the posterior of a bambi model, reproducibly and without a word on stderr."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from typing import Any

__all__ = ["sample", "use_bayes"]

_LOGGERS = ("pymc", "bambi", "pytensor", "nutpie", "arviz")


def use_bayes() -> None:
    """Keep the notes of bambi, PyMC and PyTensor about compilers and progress off the page.

    Call it once, before bambi is imported, as you call `use_style` for figures. PyTensor is then told not to look for
    a BLAS library (where none is found, it warns), and, on a machine without a C++ compiler, that there is none. Flags
    set by yourself in the environment variable ``PYTENSOR_FLAGS`` are respected. Errors are still shown; warnings from
    within these packages are not, and what their messages say about convergence is what `posterior_check` finds out.

    Raises
    ------
    ImportError
        If PyMC is not installed.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> mm.use_bayes()
    >>> import logging
    >>> logging.getLogger("pymc").level == logging.ERROR
    True
    """
    if "pytensor" not in sys.modules:
        flags = os.environ.get("PYTENSOR_FLAGS", "")
        wanted = ["blas__ldflags="] + ([] if _compiler() else ["cxx="])
        missing = [flag for flag in wanted if flag.split("=")[0] not in flags]
        os.environ["PYTENSOR_FLAGS"] = ",".join([*([flags] if flags else []), *missing])
    try:
        importlib.import_module("pymc")  # it sets up its loggers when it is imported
        config: Any = importlib.import_module("pytensor").config
    except ImportError as error:
        raise ImportError("bambi and PyMC are not installed: pip install 'mmhelpers[bayes]'") from error
    if "blas__ldflags=" not in os.environ.get("PYTENSOR_FLAGS", ""):
        with contextlib.suppress(Exception):  # a PyTensor without this flag has no BLAS to warn about
            config.blas__ldflags = ""
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.ERROR)
        warnings.filterwarnings("ignore", module=rf"{name}(\.|$)")


def _compiler() -> bool:
    """Whether PyTensor will find a C++ compiler (it looks for these names)."""
    return any(shutil.which(name) for name in ("g++", "clang++"))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """No warnings of others while a model is compiled and sampled."""
    use_bayes()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def sample(
    model: Any,
    *,
    seed: int,
    draws: int = 1000,
    tune: int = 1000,
    chains: int = 4,
    target_accept: float = 0.9,
    sampler: str | None = None,
    **options: Any,
) -> Any:
    """Draw from the posterior of a bambi model by NUTS.

    The same as ``model.fit()``, but silent, with a seed that must be given, and with the sampler nutpie where it is
    installed: the same algorithm as PyMC's, several times faster, and not in need of a C++ compiler. Nothing is said
    about convergence here; ask `posterior_check` every time.

    Parameters
    ----------
    model : bambi.Model
        The model.
    seed : int
        Seed of all chains. The same seed gives the same draws on the same machine and versions; elsewhere they may
        differ by Monte Carlo error, because rounding does.
    draws, tune : int
        Draws kept of each chain, and steps before them that adapt the sampler and are dropped.
    chains : int
        Number of chains, at least 2 (R-hat compares them).
    target_accept : float
        Acceptance rate that the step size is adapted to; nearer to one means smaller steps, fewer divergences and
        more time.
    sampler : str, optional
        "nutpie" or "pymc"; default: nutpie where it is installed.
    **options
        Passed to ``model.fit``.

    Returns
    -------
    arviz.InferenceData
        As of ``model.fit()``, without the draws of the tuning and without the transformed copies of parameters.

    Raises
    ------
    TypeError
        If the model is not bambi's.
    ValueError
        If there are fewer than two chains or four draws.

    See Also
    --------
    posterior_check : whether the draws may be used.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> mm.use_bayes()
    >>> import bambi as bmb
    >>> model = bmb.Model("Yield ~ 1", mm.load("Dyestuff"))
    >>> idata = mm.sample(model, draws=500, tune=500, seed=1)
    >>> abs(idata.posterior["Intercept"].mean().item() - 1527.5) < 3
    True
    """
    if type(model).__module__.partition(".")[0] != "bambi" or not hasattr(model, "fit"):
        raise TypeError(f"model is a {type(model).__name__}; mm.sample wants a bambi.Model")
    if chains < 2 or draws < 4:
        raise ValueError(
            f"chains={chains}, draws={draws}: R-hat compares at least 2 chains of at least 4 draws"
        )
    if sampler is None:
        sampler = "nutpie" if importlib.util.find_spec("nutpie") else "pymc"
    with _quiet():
        idata = model.fit(
            draws=draws,
            tune=tune,
            chains=chains,
            random_seed=seed,
            inference_method=sampler,
            target_accept=target_accept,
            progressbar=False,
            **options,
        )
    for group in ("warmup_posterior", "warmup_sample_stats"):
        if group in idata.groups():
            delattr(idata, group)
    idata.posterior = idata.posterior.drop_vars([v for v in idata.posterior if str(v).endswith("__")])
    return idata
