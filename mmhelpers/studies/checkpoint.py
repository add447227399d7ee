"""A folder with the blocks that are done, from which a study that was killed goes on."""

from __future__ import annotations

import contextlib
import json
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmhelpers.studies.plan import Plan
from mmhelpers.studies.store import read_frame, versions, write_frame

if TYPE_CHECKING:
    import pandas as pd


class CheckpointError(ValueError):
    """A folder that cannot be continued from."""


class DamagedBlockError(CheckpointError):
    """The file of a block cannot be read."""


class DamagedBlockWarning(UserWarning):
    """The file of a block cannot be read; the block is computed again."""


class Checkpoint:
    """The blocks of one study in a folder, one Parquet file each.

    A file appears by renaming, whole or not at all, so killing the process at any moment costs the blocks that were
    being computed and nothing else.

    Parameters
    ----------
    folder : str or Path
        Made if need be.
    plan : Plan
        What is computed; a folder of another study, or of other versions of the packages, is refused.
    resume : bool
        Go on from blocks that are there; False refuses a folder that has some.

    Raises
    ------
    CheckpointError
    """

    def __init__(self, folder: str | Path, plan: Plan, resume: bool = True) -> None:
        self.folder = Path(folder)
        self.key = plan.key
        about: dict[str, Any] = {"key": plan.key, "versions": versions(), "record": plan.record}
        manifest = self.folder / "study.json"
        if manifest.exists():
            there = self._read(manifest)
            if not resume:
                raise CheckpointError(
                    f"{folder} has a study that was begun: continue it (--resume), or remove the folder"
                )
            if there.get("key") != plan.key:
                changed = [
                    name
                    for name in sorted({*there.get("record", {}), *plan.record})
                    if there.get("record", {}).get(name) != json.loads(json.dumps(plan.record.get(name)))
                ]
                raise CheckpointError(
                    f"{folder} belongs to another study: {', '.join(changed) or 'its plan'} differs; take another folder"
                )
            if there.get("versions") != about["versions"]:
                raise CheckpointError(
                    f"{folder} was begun with other versions of the packages ({_differences(there, about)}): "
                    "one table must come from one set of versions; begin anew in another folder"
                )
        else:
            if self.folder.exists() and (not self.folder.is_dir() or any(self.folder.iterdir())):
                stale = self.folder.is_dir() and all(p.name.startswith(".") for p in self.folder.iterdir())
                if not stale:
                    raise CheckpointError(f"{folder} is there and is no study's: take another folder")
            self.folder.mkdir(parents=True, exist_ok=True)
            beside = self.folder / f".study.json.{os.getpid()}.part"
            beside.write_text(json.dumps(about, indent=1), encoding="utf8")
            os.replace(beside, manifest)
        for left in self.folder.glob(".*.part"):  # of a process that was killed while it wrote
            with contextlib.suppress(FileNotFoundError):
                left.unlink()

    @staticmethod
    def _read(manifest: Path) -> dict[str, Any]:
        try:
            return dict(json.loads(manifest.read_text(encoding="utf8")))
        except ValueError:
            raise CheckpointError(f"{manifest} cannot be read: it is no study's") from None

    def keep(self, config: str | Path) -> None:
        """Keep a copy of the configuration, ``study.toml``, so that the folder alone is enough to go on."""
        text = Path(config).read_text(encoding="utf8")
        beside = self.folder / f".study.toml.{os.getpid()}.part"
        beside.write_text(text, encoding="utf8")
        os.replace(beside, self.folder / "study.toml")

    def path(self, cell: int, block: int) -> Path:
        """Return where a block belongs."""
        return self.folder / f"{cell:04d}-{block:06d}.parquet"

    def blocks(self) -> set[tuple[int, int]]:
        """Return the (cell, block) that are done."""
        found = (path.stem.split("-") for path in self.folder.glob("[0-9]*-[0-9]*.parquet"))
        return {(int(cell), int(block)) for cell, block in found}

    def save(self, cell: int, block: int, frame: pd.DataFrame) -> None:
        """Keep a block: it is on the disk before its file has its name, so that a power cut leaves no half of it."""
        write_frame(frame, self.path(cell, block), {"key": self.key})

    def read(self, cell: int, block: int) -> pd.DataFrame:
        """Return a block that is done.

        Raises
        ------
        DamagedBlockError
            If its file cannot be read.
        CheckpointError
            If it is another study's.
        """
        try:
            frame, about = read_frame(self.path(cell, block))
        except ValueError as error:
            raise DamagedBlockError(f"a block of the study cannot be read: {error}") from None
        if about.get("key") != self.key:
            raise CheckpointError(f"{self.path(cell, block)} belongs to another study")
        return frame

    def load(self, cell: int, block: int) -> pd.DataFrame | None:
        """Return a block that is done; a damaged one is removed with a warning, and None returned: it is computed again."""
        try:
            return self.read(cell, block)
        except DamagedBlockError as error:
            warnings.warn(f"{error}; it is computed again", DamagedBlockWarning, stacklevel=2)
            self.path(cell, block).unlink()
            return None


def _differences(one: dict[str, Any], two: dict[str, Any]) -> str:
    was, now = one.get("versions"), two["versions"]
    if not isinstance(was, dict) or not isinstance(now, dict):
        return "unknown"
    return ", ".join(
        f"{name} {was.get(name)}, now {now.get(name)}" for name in now if was.get(name) != now[name]
    )
