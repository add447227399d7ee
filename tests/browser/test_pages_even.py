"""Every second page of the built site, as a reader's browser sees it (page_checks.py says what is checked).

The other half is in the file beside this one: two workers share the pages, since each takes whole files.
"""

from __future__ import annotations

import pytest
from page_checks import complaints, pages

from tools.site import ROOT

pytestmark = pytest.mark.browser

# Where the site is not built yet, one test stands for all pages, and its fixture says what to do.
PAGES = pages(ROOT / "_build" / "html")[0::2] or ["index.html"]


@pytest.mark.parametrize("path", PAGES)
def test_page(chrome, site, path):
    found = complaints(chrome, site, path)
    assert not found, "\n".join(found)
