"""Truth in print: numbers that travel from a notebook to the page, and numbers that others published.

A number in the text of a chapter is never typed: :func:`glue` gives it a name and a format, and the page takes it
by that name. A number from the literature is never quoted unchecked: :func:`published` asserts ours against it and
leaves a record, from which the book's ledger is made.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmhelpers.adapters import FitView

#: The MIME type of the record that `published` leaves in a notebook's output, for the ledger to collect.
PUBLISHED_MIME = "application/vnd.mmhelpers.published+json"
_GLUE_PREFIX = "application/papermill.record/"


def _display(data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
    """Send a bundle of representations to the notebook; outside one, do nothing."""
    try:
        from IPython.core.getipython import get_ipython
        from IPython.display import display
    except ImportError:
        return
    if get_ipython() is not None:
        display(data, metadata=metadata or {}, raw=True)  # type: ignore[no-untyped-call]


def glue(name: str, value: Any, spec: str = "") -> str:
    """Give a computed value a name under which the text of the page shows it.

    The page says ``{eval}`name``` where the number belongs; assign the result to a variable of the same name,
    which JupyterLab shows there. The value is formatted here, once, so that what is stored does not depend on
    the last digits a processor happens to produce.

    Parameters
    ----------
    name : str
        The name, unique in the book's page.
    value : object
        A number or a text.
    spec : str
        A format specification, such as ``".2f"`` or ``".0%"``.

    Returns
    -------
    str
        The text that the page shows.

    Raises
    ------
    ValueError
        If a number is not finite, or a float comes without a format.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> icc = mm.glue("icc", 0.3271, ".2f")
    >>> icc
    '0.33'
    """
    if isinstance(value, float) or hasattr(value, "dtype"):
        if not math.isfinite(value):
            raise ValueError(f"glue: {name!r} is {value}, not a number that a sentence can show")
        if not spec and not float(value).is_integer():
            raise ValueError(
                f"glue: give {name!r} a format such as '.2f'; all its digits would be printed otherwise"
            )
    text = format(value, spec).replace("-", "−" if spec else "-")
    mime = {f"{_GLUE_PREFIX}text/plain": repr(text)}
    _display(mime, {"scrapbook": {"name": name, "mime_prefix": _GLUE_PREFIX}})
    return text


@dataclass(frozen=True)
class Published:
    """One published number beside ours.

    Attributes
    ----------
    dataset, model, quantity : str
        What the number is of.
    printed : str
        The number as its source prints it.
    reference, tolerance : float
        The value to agree with, and how far ours may be from it (absolute).
    ours : float
        Our value, rounded to what the tolerance makes meaningful.
    engine : str
        What computed ours.
    source, evidence : str
        Where the number stands, and how far it was checked there.
    note : str
        What a reader must know beside it: that a published number is wrong, for example, and how that is known.
    """

    dataset: str
    model: str
    quantity: str
    printed: str
    reference: float
    tolerance: float
    ours: float
    engine: str
    source: str
    evidence: str
    note: str = ""

    def __str__(self) -> str:
        said = f"published {self.printed}" if self.printed else f"recomputed {self.reference:g}"
        line = f"{self.quantity}: {self.ours:g} by {self.engine}, {said} ({self.dataset}): agrees"
        return f"{line}; note: {self.note}" if self.note else line

    def _ipython_display_(self) -> None:
        _display({"text/plain": str(self), PUBLISHED_MIME: asdict(self)})


def published(
    dataset: str, model: str, quantity: str, value: float, *, engine: str = "mmhelpers"
) -> Published:
    """Assert that a number agrees with the one in the literature, and record it for the ledger.

    Parameters
    ----------
    dataset : str
        Data set, as in the table ``load("published")``.
    model : str
        The model, or the beginning of its name, enough to be unique.
    quantity : str
        The quantity, as in that table.
    value : float
        Our number.
    engine : str
        What computed it.

    Returns
    -------
    Published
        The record; a notebook shows it as one line.

    Raises
    ------
    KeyError
        If the table has no such number, or several; the message lists what there is.
    AssertionError
        If ours is further from it than the tolerance; the message names source and distance.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> print(mm.published("Dyestuff", "Yield~1+(1|Batch) ML", "minus2logLik_ML", 327.327))
    minus2logLik_ML: 327.327 by mmhelpers, published 327.327059... (Dyestuff): agrees
    """
    row = _row(dataset, model, quantity)
    reference, tolerance = float(row["value"]), float(row["tolerance"])
    ours = float(value)
    digits = 0 if tolerance <= 0 else max(0, min(12, 1 - math.floor(math.log10(tolerance))))
    if not abs(ours - reference) <= tolerance + 1e-12 * abs(reference):
        raise AssertionError(
            f"{quantity} of {model!r} on {dataset}: ours is {ours:.{digits + 1}f}, the literature has {reference:.{digits + 1}f} "
            f"({row['source']}); they differ by {abs(ours - reference):.2g}, more than the tolerance {tolerance:.2g}"
        )
    return Published(
        dataset, str(row["model"]), quantity, str(row["published"]), reference, tolerance,
        round(ours, digits), engine, str(row["source"]), str(row["evidence"]), str(row["note"]),
    )  # fmt: skip


@dataclass(frozen=True)
class PublishedRows:
    """Several published numbers beside ours; a notebook shows each on a line."""

    rows: tuple[Published, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.rows))

    def _ipython_display_(self) -> None:
        for row in self.rows:
            row._ipython_display_()


def published_rows(
    dataset: str, model: str, values: Mapping[str, float], *, engine: str = "mmhelpers"
) -> PublishedRows:
    """Assert several published numbers of one model, and record them: `published` for each.

    Parameters
    ----------
    dataset, model, engine : str
        As in `published`.
    values : mapping of str to float
        Our number for each quantity.

    Returns
    -------
    PublishedRows

    Examples
    --------
    >>> import mmhelpers as mm
    >>> print(mm.published_rows("Dyestuff", "Yield~1+(1|Batch) ML", {"minus2logLik_ML": 327.327, "nobs": 30}))
    minus2logLik_ML: 327.327 by mmhelpers, published 327.327059... (Dyestuff): agrees
    nobs: 30 by mmhelpers, recomputed 30 (Dyestuff): agrees
    """
    return PublishedRows(tuple(published(dataset, model, q, v, engine=engine) for q, v in values.items()))


def _row(dataset: str, model: str, quantity: str) -> dict[str, Any]:
    """Return the one row of the table of published numbers that is meant."""
    from mmhelpers.datasets import load

    table = load("published").fillna({"published": "", "note": ""})
    of_data = table[table["dataset"] == dataset]
    if of_data.empty:
        raise KeyError(
            f"published: no data set {dataset!r}; there are {', '.join(sorted(set(table['dataset'])))}"
        )
    exact = of_data[of_data["model"] == model]
    of_model = exact if len(exact) else of_data[of_data["model"].str.startswith(model)]
    names = sorted(set(of_model["model"]))
    if len(names) != 1:
        there = "; ".join(names or sorted(set(of_data["model"])))
        raise KeyError(f"published: {model!r} names {len(names)} models of {dataset}; there are: {there}")
    found = of_model[of_model["quantity"] == quantity]
    if len(found) != 1:
        raise KeyError(
            f"published: {quantity!r} stands {len(found)} times for {names[0]!r}; there are {', '.join(of_model['quantity'])}"
        )
    return {str(k): v for k, v in found.iloc[0].to_dict().items()}


@dataclass(frozen=True)
class PublishedFit:
    """All published numbers of one model beside those of one fit; a notebook shows one line for all.

    Attributes
    ----------
    records : tuple of Published
        The numbers that agree (one that does not is an error).
    left : tuple of str
        Quantities of the published model that the fit alone does not give.
    """

    records: tuple[Published, ...]
    left: tuple[str, ...]

    def __str__(self) -> str:
        first = self.records[0]
        rest = f"; not asked: {', '.join(self.left)}" if self.left else ""
        return f"{first.model} on {first.dataset}: {len(self.records)} numbers by {first.engine} agree{rest}"

    __repr__ = __str__

    def _ipython_display_(self) -> None:
        for record in self.records:
            record._ipython_display_()
        if self.left:
            _display({"text/plain": str(self)})


def published_fit(
    dataset: str, model: str, fit: Any, *, engine: str | None = None, also: Mapping[str, float] | None = None
) -> PublishedFit:
    """Assert every published number of a model that a fit gives: estimates, standard errors, variances, criterion.

    Parameters
    ----------
    dataset, model : str
        As in `published`.
    fit : object
        A fit that `mmhelpers.view` knows.
    engine : str, optional
        What computed it; the first word of what the fit says of itself by default.
    also : mapping of str to float, optional
        Quantities that are no part of a fit, such as theta or an interval, by their names in the table.

    Returns
    -------
    PublishedFit

    Raises
    ------
    KeyError
        If the table has no such model, or no such quantity as one in `also`.
    AssertionError
        If a number is further from the published one than its tolerance.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> fit = mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("Dyestuff"))
    >>> mm.published_fit("Dyestuff", "Yield~1+(1|Batch) REML", fit)  # doctest: +ELLIPSIS
    Yield~1+(1|Batch) REML on Dyestuff: 7 numbers by mmhelpers agree
    """
    from mmhelpers.adapters import view
    from mmhelpers.datasets import load

    seen = view(fit)
    ours = {**_quantities(seen), **(also or {})}
    table = load("published")
    names = table.loc[(table["dataset"] == dataset) & (table["model"] == model), "quantity"].tolist()
    for name in [*(also or {})] if names else [""]:
        _row(dataset, model, name)  # a name that is not there is refused in its words
    by = engine or seen.engine.split()[0]
    records = [published(dataset, model, name, ours[name], engine=by) for name in names if name in ours]
    return PublishedFit(tuple(records), tuple(name for name in names if name not in ours))


def _quantities(seen: FitView) -> dict[str, float]:
    """What one fit says, under the names of the table of published numbers."""
    out: dict[str, float] = {}
    for name, beta, se in zip(seen.x_names, seen.beta, seen.se, strict=True):
        out |= {f"fixef_{name}": float(beta), f"se_{name}": float(se), f"t_{name}": float(beta / se)}
    groups: list[str] = []
    for term in seen.terms:
        group = term.group if term.group not in groups else f"{term.group}.{groups.count(term.group)}"
        groups.append(term.group)
        sd = [math.sqrt(float(term.cov[i, i])) for i in range(len(term.columns))]
        for i, name in enumerate(term.columns):
            out[f"sd_{group}_{name}"] = sd[i]
            for j in range(i):
                if sd[i] > 0 and sd[j] > 0:
                    corr = float(term.cov[i, j]) / (sd[i] * sd[j])
                    out[f"corr_{group}_{term.columns[j]}_{name}"] = corr
    n_theta = sum(len(t.columns) * (len(t.columns) + 1) // 2 for t in seen.terms)
    npar, criterion = len(seen.beta) + n_theta + 1, -2 * seen.loglik
    out |= {"sd_residual": seen.sigma, "npar": float(npar), "nobs": float(seen.nobs)}
    if seen.reml:
        return {**out, "REML_criterion": criterion}
    bic = criterion + npar * math.log(seen.nobs)
    return {**out, "minus2logLik_ML": criterion, "AIC": criterion + 2 * npar, "BIC": bic}
