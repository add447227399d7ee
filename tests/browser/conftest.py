"""One browser a worker, and the built site on a port of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from page_checks import FLAGS, Site, served, window
from playwright.sync_api import sync_playwright

from mmhelpers import doctor
from tools.site import ROOT

HTML = ROOT / "_build" / "html"


@pytest.fixture(scope="session")
def chrome() -> Iterator[Any]:
    """Give a window of the machine's Chromium, headless."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=doctor.chromium(), args=list(FLAGS))
        yield window(browser)
        browser.close()


@pytest.fixture(scope="session")
def site() -> Iterator[Site]:
    """Serve the built site; its absence is a failure, since `make test` builds it first."""
    if not (HTML / "index.html").exists():
        pytest.fail(
            f"the site is not built ({HTML.relative_to(ROOT)} has no index.html): run `make book` first",
            pytrace=False,
        )
    with served(HTML) as place:
        yield place
