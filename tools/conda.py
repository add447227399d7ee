"""Write conda/environment.yml from the pins: what conda names itself, and the direct packages at their locked versions.

`python -m tools.conda` writes it; a test compares it with requirements.txt, pyproject.toml and apt.txt. It stands in a
folder of its own, since Binder would prefer it to requirements.txt at the root.
"""

from __future__ import annotations

import re
import tomllib

from tools.site import ROOT

TARGET = ROOT / "conda" / "environment.yml"
HEAD = """# For conda users; written by `python -m tools.conda` from requirements.txt, pyproject.toml and apt.txt.
#   conda env create --file conda/environment.yml
#   conda activate mixed-models
# Leave out the lines that begin with r- if you want no R: everything but the cells with lme4 works without.
name: mixed-models
channels: [conda-forge, nodefaults]
dependencies:
"""
#: What stands for a Debian package of R at conda-forge, where the rule "r-cran-x is r-x" does not hold.
R_NAMES = {"r-base-core": "r-base"}


def locked() -> dict[str, str]:
    """Return the version of each package of requirements.txt."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf8")
    return {
        name.lower(): version for name, version in re.findall(r"^([\w.-]+)==([^\s;\\]+)", text, re.MULTILINE)
    }


def direct() -> list[str]:
    """Return what pyproject.toml asks for, in the extras a reader needs (not those that test the course)."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf8"))["project"]
    extras = project["optional-dependencies"]
    wanted = [
        *project["dependencies"],
        *(one for name in ("r", "bayes", "distributed", "book") for one in extras[name]),
    ]
    names = (re.split(r"[<>=!~; ]", one)[0].lower() for one in wanted)
    return sorted(dict.fromkeys(name.replace("_", "-") for name in names))


def r_packages() -> list[str]:
    """Return R and its packages by conda-forge's names."""
    lines = (ROOT / "apt.txt").read_text(encoding="utf8").split()
    return [R_NAMES.get(name, name.replace("r-cran-", "r-")) for name in lines]


def text() -> str:
    """Return the file."""
    version = locked()
    out = [
        "  - python=3.11",
        "  - pip",
        "  - make",
        "  - cxx-compiler # PyTensor compiles the Bayesian models",
    ]
    out += [f"  - {name}" for name in r_packages()]
    out += [
        "  - pip:",
        *(f"      - {name}=={version[name.split('[')[0]]}" for name in direct()),
        "      - -e ..",
        "",
    ]
    return HEAD + "\n".join(out)


if __name__ == "__main__":
    TARGET.parent.mkdir(exist_ok=True)
    TARGET.write_text(text(), encoding="utf8")
    print(f"==> {TARGET.relative_to(ROOT)}")
