"""The role `{eval}`: a computed number in the text, the same on the site and in JupyterLab.

JupyterLab's MyST extension knows no glue, but shows the value of a variable for ``{eval}`name```. On the site there
is no kernel: there the role takes the text that `name = mm.glue("name", value, ".2f")` left in the notebook.
One spelling, one text, in both places (`tools/lab.py` stores it where JupyterLab looks for it).
"""

from __future__ import annotations

import ast
from typing import Any

from docutils import nodes
from myst_nb.core.variables import RetrievalError
from myst_nb.ext.glue.utils import retrieve_glue_data
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.docutils import SphinxRole

LOGGER = logging.getLogger(__name__)


class Glued(SphinxRole):
    """`{eval}`name``: the text that the page's notebook glued under this name."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return the text, or warn (which fails the build) when the page has no such name."""
        try:
            found = retrieve_glue_data(self.inliner.document, self.text).data["text/plain"]
        except (RetrievalError, KeyError):
            place = (self.env.docname, self.lineno)
            cure = f'a cell must say {self.text} = mm.glue("{self.text}", ...)'
            message = f"nothing is glued under {self.text!r} on this page; {cure}"
            LOGGER.warning(message, location=place, type="course", subtype="glued")
            return [], []
        return [nodes.inline(self.rawtext, str(ast.literal_eval(found)), classes=["glued"])], []


def setup(app: Sphinx) -> dict[str, Any]:
    """Put our role in the place of myst-nb's, which needs a running kernel."""
    app.add_role("eval", Glued(), override=True)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
