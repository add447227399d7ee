"""Posteriors that took minutes: stored with their SHA-256 and the script that made them, and read back."""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

from mmhelpers.bayes.chains import arviz
from mmhelpers.datasets import data_folder

__all__ = ["load_posterior", "registered", "store_posterior"]


def registered(folder: Path | None = None) -> dict[str, dict[str, Any]]:
    """Return the entries of data/posteriors/registry.toml: name -> file, sha256, script, what, versions."""
    path = (folder or data_folder() / "posteriors") / "registry.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def load_posterior(name: str) -> Any:
    """Read a posterior that is stored with the course.

    Parameters
    ----------
    name : str
        Its name in data/posteriors/registry.toml.

    Returns
    -------
    arviz.InferenceData
        The draws, and what their sampler noted; ``idata.attrs`` says which script made it, with which versions.

    Raises
    ------
    KeyError
        If there is no such posterior; the message names those there are.
    ValueError
        If the file is not the registered one.

    Examples
    --------
    >>> import mmhelpers as mm
    >>> mm.posterior_check(mm.load_posterior("kidney")).ok
    True
    """
    az = arviz()
    folder = data_folder() / "posteriors"
    known = registered(folder)
    if name not in known:
        raise KeyError(f"name is {name!r}; stored are {', '.join(sorted(known)) or 'none'}")
    about = known[name]
    path = folder / about["file"]
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != about["sha256"]:
        raise ValueError(
            f"{path.name} has SHA-256 {found}, registered is {about['sha256']}: get the file again, or run {about['script']}"
        )
    idata = az.from_netcdf(path, engine="h5netcdf")
    idata.attrs.update({key: about[key] for key in ("script", "what", "versions")})
    return idata


def store_posterior(idata: Any, name: str, script: str, what: str, versions: str) -> Path:
    """Write a posterior (single precision, compressed) and its entry in the registry.

    Parameters
    ----------
    idata : arviz.InferenceData
        Of it are kept: the posterior, the divergences, and the log likelihood if there is one.
    name : str
        Its name, and that of the file.
    script, what, versions : str
        The script that makes it, as a path from the repository's root; one sentence; what it was made with.

    Returns
    -------
    pathlib.Path
        The file.
    """
    import numpy as np

    az = arviz()
    folder = data_folder() / "posteriors"
    folder.mkdir(exist_ok=True)
    kept: dict[str, Any] = {"posterior": idata.posterior.astype(np.float32)}
    kept["sample_stats"] = idata.sample_stats[["diverging"]]
    if "log_likelihood" in idata.groups():
        kept["log_likelihood"] = idata.log_likelihood.astype(np.float32)
    for group in kept.values():
        group.attrs.clear()  # dates would change the file's hash
        for variable in group.variables.values():
            variable.encoding.clear()
    path = folder / f"{name}.nc"
    az.InferenceData(**kept).to_netcdf(str(path), engine="h5netcdf", compress=True)
    entries = registered(folder)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    entries[name] = {
        "file": path.name,
        "sha256": digest,
        "script": script,
        "what": what,
        "versions": versions,
    }
    head = "# Posteriors that chapters read with mm.load_posterior; the scripts named here write these entries.\n"
    blocks = []
    for key in sorted(entries):
        lines = [
            f"\n[{key}]",
            *(f"{k} = {json.dumps(v, ensure_ascii=False)}" for k, v in entries[key].items()),
        ]
        blocks.append("\n".join(lines) + "\n")
    (folder / "registry.toml").write_text(head + "".join(blocks), encoding="utf-8")
    return path
