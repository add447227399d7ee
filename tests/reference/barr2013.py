"""Write the data sets on which barr2013.R runs R: ``python tests/reference/barr2013.py``."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from mmhelpers.studies import barr

HERE = Path(__file__).resolve().parent
SEED, REPLICATES = 7, {"wsbi12": 3, "wsbi24": 1, "wswi12": 3, "wswi24": 1}


def data_sets() -> pd.DataFrame:
    """A few data sets of each design, missing cells left out."""
    parts = []
    for cell in barr.CELLS:
        for rep, y in enumerate(barr.draw(cell, SEED, range(REPLICATES[cell.name]))):
            columns = {"cell": cell.name, "rep": rep, "subject": cell.subject, "item": cell.item}
            parts.append(pd.DataFrame(columns | {"x": cell.condition, "y": y}).dropna())
    return pd.concat(parts)


if __name__ == "__main__":
    data_sets().to_csv(HERE / "barr2013_data.csv", index=False, float_format="%.12g", lineterminator="\n")
