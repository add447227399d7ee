"""Studies anywhere: the same bytes in one process, in two, on a Dask cluster, and after being killed."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import mmhelpers as mm
from mmhelpers.studies import checkpoint as checkpoint_module
from mmhelpers.studies import content_hash
from mmhelpers.studies.api import run_plan
from mmhelpers.studies.checkpoint import Checkpoint, CheckpointError, DamagedBlockWarning
from mmhelpers.studies.plan import make_plan
from mmhelpers.studies.store import read_frame, versions

HERE = Path(__file__).parent
MOMENTS = 20
# Generous: a continuous-integration machine with two busy cores
MINUTES = 10

DESIGN = mm.cross(g=6, x=range(4))
TRUTHS = {
    str(sd): mm.Truth("y ~ x + (x | g)", beta=[1, 0], sd={"g": {"(Intercept)": 1, "x": sd}}, sigma=1)
    for sd in (0.0, 0.5)
}
MODELS = {"slope-less": "y ~ x + (1 | g)", "maximal": "y ~ x + (x | g)"}
CONFIG = """
seed = 3
n_rep = 200
block = 25
effect = "x"
[designs.small]
cross = { g = 6, x = [0, 1, 2, 3] }
[truths.slopes]
formula = "y ~ x + (x | g)"
beta = { "(Intercept)" = 1, x = 0 }
sd = { g = { "(Intercept)" = 1, x = 0.5 } }
sigma = 1
vary = { "sd.g.x" = [0, 0.5] }
[models]
slope-less = "y ~ x + (1 | g)"
"""


def small_plan(n_rep: int = 300, **more):
    return make_plan({"small": DESIGN}, TRUTHS, MODELS, "x", n_rep=n_rep, seed=7, block=25, **more)


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """The study done in this process: its file."""
    out = tmp_path_factory.mktemp("here") / "study.parquet"
    run_plan(small_plan(), out=out)
    return out


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    import distributed

    local = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None,
        local_directory=str(tmp_path_factory.mktemp("dask")),
    )  # fmt: skip
    with local:
        yield local


# ---- the same bytes -------------------------------------------------------------------------------


def test_a_file_says_all(here):
    rows = mm.read_study(here)
    about = rows.attrs["about"]
    assert about["versions"] == versions()
    assert about["record"]["seed"] == 7
    assert about["record"]["truths"]["0.5"]["sd"] == {"g": {"(Intercept)": 1, "x": 0.5}}
    assert about["content"] == content_hash(rows)
    assert len(rows) == 2 * 300 * 2
    for i in (0, 700, 1199):  # from the file alone
        row = rows.iloc[i]
        again = mm.replay(rows, i).rows
        assert again.p[again.model == row.model].item() == pytest.approx(row.p, abs=1e-6)
    assert about["content"] == content_hash(mm.read_study(here))


def test_two_processes_give_the_same_file(here, tmp_path):
    run_plan(small_plan(), executor=2, out=tmp_path / "two.parquet")
    assert sha(tmp_path / "two.parquet") == sha(here)


def test_a_dask_cluster_gives_the_same_file(here, cluster, tmp_path):
    run_plan(small_plan(), executor=cluster.scheduler_address, out=tmp_path / "dask.parquet")
    assert sha(tmp_path / "dask.parquet") == sha(here)


def test_a_dask_worker_killed_in_the_middle_loses_nothing(here, cluster, tmp_path, monkeypatch):
    from distributed import Client

    with Client(cluster) as client:
        client.wait_for_workers(2, timeout=60 * MINUTES)
        save, at = Checkpoint.save, []

        def kill_one(self, cell, block, frame):
            save(self, cell, block, frame)
            if len(self.blocks()) == 4:
                pids = client.run(os.getpid)
                os.kill(next(iter(pids.values())), signal.SIGKILL)
                at.append(len(self.blocks()))

        monkeypatch.setattr(Checkpoint, "save", kill_one)
        run_plan(small_plan(), executor=client, checkpoint=tmp_path / "blocks", out=tmp_path / "dask.parquet")
    assert at == [4]  # of 24: in the middle
    assert sha(tmp_path / "dask.parquet") == sha(here)


def test_the_stopping_rule_stops_everywhere_at_the_same_block(tmp_path):
    plan = small_plan(n_rep=2000, precision=0.025)
    one = run_plan(plan)
    two = run_plan(plan, executor=2)
    assert content_hash(one) == content_hash(two)
    assert 300 < len(one) < 2 * 2000 * 2


def test_a_study_that_stops_by_its_precision_is_resumed_to_the_same_end(tmp_path):
    plan = small_plan(n_rep=2000, precision=0.025)
    whole = run_plan(plan, checkpoint=tmp_path / "blocks")
    kept = sorted((tmp_path / "blocks").glob("0*.parquet"))
    for path in kept[1::2]:
        path.unlink()
    assert content_hash(run_plan(plan, checkpoint=tmp_path / "blocks")) == content_hash(whole)
    assert sorted((tmp_path / "blocks").glob("0*.parquet")) == kept


def test_published_studies_run_everywhere_alike(tmp_path):
    cells = {"12": {"items": 12, "models": ["anova", "RI"]}}
    one, two = (
        mm.study(generator="barr2013", cells=cells, n_rep=30, block=10, seed=4, executor=executor)
        for executor in (None, 2)
    )
    assert content_hash(one) == content_hash(two)
    again = mm.replay(one, len(one) - 1)
    assert again.data is None
    assert again.rows.p.tolist() == one.p[one.rep == 29].tolist()


def test_threads_of_the_linear_algebra_change_nothing(here, tmp_path):
    import threadpoolctl

    with threadpoolctl.threadpool_limits(2):
        run_plan(small_plan(), out=tmp_path / "threads.parquet")
    assert sha(tmp_path / "threads.parquet") == sha(here)


# ---- killed and resumed ---------------------------------------------------------------------------


def test_a_study_killed_at_any_moment_goes_on_to_the_same_file(tmp_path):
    config = tmp_path / "study.toml"
    config.write_text(CONFIG)
    done = subprocess.run(
        [sys.executable, str(HERE / "study_victims.py"), str(config), str(tmp_path), str(MOMENTS)],
        capture_output=True,
        text=True,
        timeout=60 * MINUTES,
        env=os.environ
        | {"PYTHONPATH": str(HERE.parent), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    from mmhelpers.studies.config import plan_of, read_config

    run_plan(plan_of(read_config(config)), out=tmp_path / "whole.parquet")
    expected = sha(tmp_path / "whole.parquet")
    assert len(told["found"]) == MOMENTS
    assert any(one["litter"] for one in told["found"])  # some died while they wrote
    assert len({one["blocks"] for one in told["found"]}) > 5  # at moments that differ
    for one in told["found"]:
        assert one["signal"] == signal.SIGKILL
        assert 0 < one["blocks"] < told["total"] == 16  # in the middle of the study
        assert one["again"] == 0
        assert one["computed"] == told["total"] - one["blocks"]  # nothing twice, nothing left out
        assert one["sha256"] == expected


def test_a_folder_of_blocks_belongs_to_one_study(tmp_path, monkeypatch):
    run_plan(small_plan(50), checkpoint=tmp_path / "blocks")
    with pytest.raises(CheckpointError, match="n_rep differs"):
        run_plan(small_plan(75), checkpoint=tmp_path / "blocks")
    with pytest.raises(CheckpointError, match="was begun"):
        run_plan(small_plan(50), checkpoint=tmp_path / "blocks", resume=False)
    monkeypatch.setattr(checkpoint_module, "versions", lambda: versions() | {"numpy": "1.0"})
    with pytest.raises(CheckpointError, match=r"now 1\.0"):
        run_plan(small_plan(50), checkpoint=tmp_path / "blocks")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("all of it")
    with pytest.raises(CheckpointError, match="is no study"):
        run_plan(small_plan(50), checkpoint=tmp_path / "mine")


def test_a_block_that_cannot_be_read_is_computed_again(tmp_path):
    first = run_plan(small_plan(75), checkpoint=tmp_path / "blocks")
    (tmp_path / "blocks" / "0001-000002.parquet").write_bytes(b"")
    (tmp_path / "blocks" / "0000-000001.parquet").write_bytes(b"PAR1 half of it")
    with pytest.warns(DamagedBlockWarning, match=r"parquet is no Parquet file.* computed again") as seen:
        again = run_plan(small_plan(75), checkpoint=tmp_path / "blocks")
    assert len(seen) == 2
    assert content_hash(again) == content_hash(first)


def test_a_changed_byte_is_noticed_wherever_it_is(tmp_path):
    """In the data, in their names, and in what the file says of itself; never a traceback of Arrow's."""
    run_plan(small_plan(25), checkpoint=tmp_path / "blocks")
    path = tmp_path / "blocks" / "0000-000000.parquet"
    whole, good = path.read_bytes(), read_frame(path)
    told, places = [], range(4, len(whole), max(1, len(whole) // 150))
    for at in places:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x55]) + whole[at + 1 :])
        try:
            frame, _ = read_frame(path)
        except ValueError as error:
            told.append(str(error))
        else:  # in what nobody reads, such as statistics of the columns
            assert frame.equals(good[0])
    assert len(told) > len(places) / 2
    assert all(str(path) in said for said in told)


def test_a_finished_folder_computes_nothing_again(tmp_path, monkeypatch):
    first = run_plan(small_plan(50), checkpoint=tmp_path / "blocks")
    plan = small_plan(50)
    for cell in plan.cells:
        monkeypatch.setattr(type(cell), "rows", None)
    assert content_hash(run_plan(plan, checkpoint=tmp_path / "blocks")) == content_hash(first)


# ---- files ----------------------------------------------------------------------------------------


def test_a_file_that_was_changed_is_noticed(here, tmp_path):
    import pyarrow.parquet as pq

    table = pq.read_table(here)
    p = table["p"].to_numpy().copy()
    p[5] = 0.5
    column = table.schema.get_field_index("p")
    pq.write_table(table.set_column(column, "p", [p]), tmp_path / "changed.parquet")
    with pytest.raises(ValueError, match="not what was written"):
        mm.read_study(tmp_path / "changed.parquet")
    pq.write_table(table.replace_schema_metadata({}), tmp_path / "bare.parquet")
    with pytest.raises(ValueError, match="no study"):
        mm.read_study(tmp_path / "bare.parquet")
    (tmp_path / "text.parquet").write_text("hello")
    with pytest.raises(ValueError, match="no Parquet"):
        mm.read_study(tmp_path / "text.parquet")
    with pytest.raises(FileNotFoundError):
        mm.read_study(tmp_path / "none.parquet")


def test_a_bar_is_shown_if_asked_for(capfd):
    rows = mm.study(DESIGN, TRUTHS["0.5"], MODELS, "x", n_rep=50, seed=1, progress=True)
    assert "50/50" in capfd.readouterr().err
    mm.study(DESIGN, TRUTHS["0.5"], MODELS, "x", n_rep=50, seed=1)
    assert capfd.readouterr().err == ""
    assert len(rows) == 100


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("joblib", {"executor": 2}),
        ("distributed", {"executor": "tcp://127.0.0.1:1"}),
        ("tqdm", {"progress": True}),
        ("pyarrow", {"out": "x.parquet"}),
        ("pyarrow", {"checkpoint": "blocks"}),
    ],
)
def test_what_is_not_installed_is_named(name, arguments, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf"'{name}': pip install 'mmhelpers\[distributed\]'"):
        mm.study(DESIGN, TRUTHS["0.5"], MODELS, "x", n_rep=10, seed=1, **arguments)


def test_type1_needs_the_core_alone():
    """As in a browser: NumPy, SciPy, pandas and formulae, one process."""
    code = """
import sys
for name in ("joblib", "distributed", "dask", "pyarrow", "tqdm", "pydantic", "threadpoolctl", "cloudpickle",
             "matplotlib", "statsmodels", "seaborn", "typer", "rich"):
    sys.modules[name] = None
import mmhelpers as mm
truth = mm.Truth("y ~ x + (1 | g)", beta=[0, 0], sd={"g": 1}, sigma=1)
table = mm.type1(mm.cross(g=6, x=range(4)), truth, {"m": "y ~ x + (1 | g)"}, "x", n_rep=100, seed=1)
print(table.n.tolist())
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=HERE.parent, check=False
    )
    assert done.stdout.strip() == "[100, 100, 100]", done.stderr[-2000:]
