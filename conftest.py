"""What every test run obeys: R and the browser are found once, and no test is skipped without being on the list.

`tests/allowed_skips.toml` names what may be skipped, when and why. Anything else that skips fails, with the line
that would allow it. Under `MMHELPERS_REQUIRE="r browser"` (as in `.ci/run`) nothing may be skipped for want of
R or of a browser, so that a green run with everything cannot hide one without.
"""

from __future__ import annotations

import fnmatch
import os
import re
import tempfile
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

# One BLAS thread a process: the same rounding everywhere, and no oversubscription under xdist.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# Notebooks keep the places of interactive figures, as on the site; the figures themselves go where nobody looks.
os.environ["MMHELPERS_INTERACTIVE"] = str(Path(tempfile.gettempdir()) / "mmhelpers-interactive")

import pytest  # noqa: E402

from mmhelpers import doctor, r_link  # noqa: E402

ROOT = Path(__file__).resolve().parent
os.environ.update(r_link.variables())  # before anything imports rpy2

HAVE = {"r": r_link.have_r(), "browser": doctor.chromium() is not None}
REQUIRED = set(os.environ.get("MMHELPERS_REQUIRE", "").split())
WANTS = {"r": "needs R: " + r_link.HOW_TO_GET_R, "browser": "needs Chromium: sudo apt-get install chromium"}
ALLOWED = tomllib.loads((ROOT / "tests" / "allowed_skips.toml").read_text(encoding="utf8"))["skip"]


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to start where something that this run requires is missing."""
    missing = [name for name in sorted(REQUIRED) if not HAVE.get(name, False)]
    if missing:
        raise pytest.UsageError(
            f"MMHELPERS_REQUIRE names {', '.join(missing)}, which this machine does not have"
        )


#: What an example in a docstring calls when it needs R.
CALLS_R = re.compile(r"\bmm\.(lmer|in_r|fit_in_r|nlme|lmertest)\(")


def needs(item: pytest.Item) -> list[str]:
    """Return what an item needs: from its markers, or from the tags of a notebook's cell."""
    tags = getattr(item, "cell", {}).get("metadata", {}).get("tags", []) if hasattr(item, "cell") else []
    wanted = [name for name in HAVE if item.get_closest_marker(name)] + (["r"] if "needs-r" in tags else [])
    lines = getattr(item, "dtest", None) and [e.source for e in item.dtest.examples]
    return wanted + (["r"] if any(CALLS_R.search(line) for line in lines or []) else [])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what this machine cannot run; the list below says that this is allowed."""
    for item in items:
        for name in needs(item):
            if not HAVE[name]:
                item.add_marker(pytest.mark.skip(reason=WANTS[name]))


def allowed(nodeid: str, reason: str) -> bool:
    """Say whether the committed list allows this skip on this machine."""
    for entry in ALLOWED:
        when = entry["when"]
        here = when == "always" or not HAVE.get(when.removeprefix("no-"), True)
        if here and fnmatch.fnmatch(nodeid, entry["match"]) and entry["says"] in reason:
            return True
    return False


def refuse(report: Any) -> None:
    """Turn a skip that is not on the list into a failure that names it."""
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    if report.outcome == "skipped" and not hasattr(report, "wasxfail") and not allowed(report.nodeid, reason):
        report.outcome = "failed"
        report.longrepr = (
            f"{report.nodeid} was skipped ({reason}) and is not in tests/allowed_skips.toml. "
            "Make it run, or add it there with its reason."
        )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Any:
    """Check each test's skip."""
    report = yield
    refuse(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Any:
    """Check each skipped module."""
    report = yield
    refuse(report)
    return report


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print what was left out, counted by reason."""
    skipped = terminalreporter.stats.get("skipped", [])
    cells = [r for r in skipped if "::Cell " in r.nodeid]
    if cells:
        files = Counter(r.nodeid.split("::")[0] for r in cells)
        counts = ", ".join(f"{name} ({count})" for name, count in sorted(files.items()))
        terminalreporter.write_line(
            f"{len(cells)} notebook cells need R and were left out; their stored results carry hashes: {counts}"
        )
    if len(skipped) > len(cells):
        terminalreporter.write_line(
            f"{len(skipped) - len(cells)} tests were left out, each on the list tests/allowed_skips.toml"
        )
