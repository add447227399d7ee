"""The data: every file is the registered one, means what the registry says, and can be made again."""

from __future__ import annotations

import csv
import doctest
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mmhelpers as mm
from mmhelpers import datasets

# Tolerances. Means and mean squares of a few hundred numbers: rounding in float64 only.
ROUNDING = 1e-9
# growth is written to 0.1 mm in both oyster tables, so their difference is off by at most 0.1 mm.
TWICE_HALF_A_DIGIT = 0.1 + 1e-9

REPOSITORY = Path(__file__).resolve().parents[1]
DATA = REPOSITORY / "data"
REGISTRY = tomllib.loads((DATA / "registry.toml").read_text(encoding="utf-8"))
NAMES = list(REGISTRY)
HASHED = sorted(
    {spec["file"]: name for name, spec in REGISTRY.items()}.items()
    | {spec["truth"]["file"]: name for name, spec in REGISTRY.items() if "truth" in spec}.items()
)
# the names R has for them
EXAMPLES = (
    *("sleepstudy", "Dyestuff", "Dyestuff2", "Pastes", "Penicillin", "cbpp", "cake"),
    *("carrots", "TVbo", "ham"),
    *("Rail", "Orthodont", "Oats", "Machines", "BodyWeight", "Ovary", "Wheat2"),
    *("Owls", "Salamanders"),
    *("epilepsy", "kidney", "inhaler"),
)
#: script in data/make, and the data sets it writes
SCRIPTS = {
    "oysters": ("oysters", "oysters_nobag"),
    "urchins": ("urchins",),
    "mudflat": ("mudflat",),
    "cockles": ("cockles",),
    "gobies": ("gobies",),
    "rings": ("rings",),
    "voices": ("voices",),
    "ponds": ("ponds",),
    "toads": ("toads",),
    "methylation": ("methylation",),
}
SIMULATED = tuple(name for names in SCRIPTS.values() for name in names)
STUDIES = (
    *("brms", "ddf_methods", "type1_grid", "type1_items_grid", "power_grid", "goby_loo"),
    *("gls_type1", "logistic_bias", "owls_curve"),
)
# Missing values as the packages ship them (R: colSums(is.na(carrots))); everything else is complete.
MISSING = {
    "carrots": {"Income": 72, "Preference": 3, "Sweetness": 3, "Crisp": 3},
    "rings": {"width": 24},  # simulated so: broken cores, and a tree that fell
    "logistic_bias": {"coverage": 96},  # of one of three quantities
    # criteria have an estimate and a standard error
    "brms": dict.fromkeys(("lower", "upper", "rhat", "ess_bulk", "ess_tail", "mcse"), 6),
    "type1_grid": {"exact": 160},  # known for the model without slopes alone
}


def read_any(file: str, name: str) -> object:
    return mm.truth(name) if file.endswith(".json") else mm.load(name)


def script(name: str) -> ModuleType:
    """Import a script of data/make, which is no package."""
    spec = importlib.util.spec_from_file_location(f"make_{name}", DATA / "make" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("copied") / "data"
    shutil.copytree(DATA, folder, ignore=shutil.ignore_patterns("studies"))
    return folder


@pytest.fixture
def spoilable(copied: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the data folder, read by load() in place of the real one; a test leaves it as it found it."""
    monkeypatch.setattr(datasets, "data_folder", lambda: copied)
    return copied


# ---- what is there ---------------------------------------------------------------------------------------


def test_every_data_set_that_was_promised_is_there() -> None:
    assert set(NAMES) == {*EXAMPLES, *SIMULATED, *STUDIES, "published"}


def test_no_file_is_unregistered() -> None:
    files = {path.name for path in DATA.iterdir() if path.suffix in (".csv", ".json")}
    assert files == {file for file, _ in HASHED}


@pytest.mark.parametrize("name", NAMES)
def test_table_is_what_the_registry_says(name: str) -> None:
    table, info = mm.load(name), mm.describe(name)
    assert list(table.columns) == [column.name for column in info.columns]
    assert len(table) == info.rows
    missing = table.isna().sum()
    assert missing[missing > 0].to_dict() == MISSING.get(name, {})
    for column in info.columns:
        dtype = table[column.name].dtype
        if column.type in ("category", "ordered"):
            assert isinstance(dtype, pd.CategoricalDtype)
            assert dtype.ordered == (column.type == "ordered")
            assert set(table[column.name].dropna()) == set(dtype.categories), "a level nobody has"
        else:
            expected = {"float": "float64", "int": "int64"}.get(column.type)
            assert dtype == expected if expected else pd.api.types.is_string_dtype(dtype)
    assert info.description
    assert info.citation
    assert info.licence
    assert all(column.meaning for column in info.columns)


@pytest.mark.parametrize("name", EXAMPLES)
def test_levels_are_in_the_order_of_r(name: str) -> None:
    with (DATA / "make" / "factors.csv").open(encoding="utf-8", newline="") as lines:
        recorded = [row for row in csv.DictReader(lines) if row["dataset"] == name]
    table = mm.load(name)
    in_r: dict[str, list[str]] = {}
    for row in recorded:
        in_r.setdefault(row["column"], []).append(row["level"])
        assert table[row["column"]].cat.ordered == (row["ordered"] == "true")
    for column, levels in in_r.items():
        assert list(table[column].cat.categories) == levels
    ids_that_r_keeps_as_numbers = {"kidney": {"patient"}, "inhaler": {"subject"}}.get(name, set())
    ours = {c for c in table if isinstance(table[c].dtype, pd.CategoricalDtype)}
    assert ours == set(in_r) | ids_that_r_keeps_as_numbers


def test_levels_spot_checks() -> None:
    # read off R, not off the files the other tests read
    assert list(mm.load("Rail")["Rail"].cat.categories) == ["2", "5", "1", "6", "3", "4"]
    assert list(mm.load("Oats")["Block"].cat.categories) == ["VI", "V", "III", "IV", "II", "I"]
    assert mm.load("cake")["temperature"].min() == "175"
    assert list(mm.load("Salamanders")["site"].cat.categories[[0, 9, 22]]) == ["R-1", "R-10", "VF-11"]
    assert list(mm.load("kidney")["disease"].cat.categories) == ["other", "GN", "AN", "PKD"]
    assert list(mm.load("kidney")["patient"].cat.categories) == [str(i) for i in range(1, 39)]


def test_origin_and_licence_are_those_of_the_packages_exported_from() -> None:
    with (DATA / "make" / "versions.csv").open(encoding="utf-8", newline="") as lines:
        exported = {row["package"]: row for row in csv.DictReader(lines)}
    spdx = {"GPL (>= 2)": "GPL-2.0-or-later", "AGPL-3": "AGPL-3.0-only", "GPL-2": "GPL-2.0-only"}
    for name in EXAMPLES:
        package, version = mm.describe(name).origin.split()
        assert version == exported[package]["version"]
        assert mm.describe(name).licence == spdx[exported[package]["licence"]]


# ---- known numbers ---------------------------------------------------------------------------------------


def published(dataset: str, model: str, quantity: str) -> float:
    table = mm.load("published")
    row = table[(table.dataset == dataset) & (table.model == model) & (table.quantity == quantity)]
    assert len(row) == 1
    return float(row["value"].iloc[0])


@pytest.mark.parametrize(
    "dataset", sorted({"sleepstudy", "Dyestuff", "Dyestuff2", "Penicillin", "Oats", "Rail"})
)
def test_rows_are_those_of_the_published_fits(dataset: str) -> None:
    table = mm.load("published")
    nobs = table[(table.dataset == dataset) & (table.quantity == "nobs")]["value"]
    assert len(nobs) >= 1
    assert set(nobs) == {len(mm.load(dataset))}


@pytest.mark.parametrize(
    ("dataset", "group", "response", "mean_model", "anova"),
    [
        ("Dyestuff", "Batch", "Yield", "Yield~1+(1|Batch) REML", "one-way ANOVA"),
        ("Dyestuff2", "Batch", "Yield", "Yield~1+(1|Batch) ML", "one-way ANOVA (MSB<MSE, truncated at 0)"),
        ("Rail", "Rail", "travel", "travel~1+(1|Rail) REML", "one-way ANOVA/closed form"),
    ],
)
def test_one_way_layouts_give_the_published_mean_squares(
    dataset: str, group: str, response: str, mean_model: str, anova: str
) -> None:
    table = mm.load(dataset)
    y, grouped = table[response], table.groupby(group, observed=True)[response]
    k, n = grouped.ngroups, len(table) // grouped.ngroups
    between = n * ((grouped.mean() - y.mean()) ** 2).sum() / (k - 1)
    within = ((y - grouped.transform("mean")) ** 2).sum() / (len(table) - k)
    assert y.mean() == pytest.approx(published(dataset, mean_model, "fixef_(Intercept)"), abs=ROUNDING)
    assert between == pytest.approx(published(dataset, anova, "MSB"), rel=ROUNDING)
    assert within == pytest.approx(published(dataset, anova, "MSE"), rel=ROUNDING)


def test_balanced_within_subject_slope_is_the_published_one() -> None:
    # in a balanced design the fixed effects of the mixed model are those of least squares
    table = mm.load("sleepstudy")
    slope, intercept = np.polyfit(table["Days"], table["Reaction"], 1)
    model = "fm1: Reaction~Days+(Days|Subject) REML"
    assert slope == pytest.approx(published("sleepstudy", model, "fixef_Days"), rel=1e-9)
    assert intercept == pytest.approx(published("sleepstudy", model, "fixef_(Intercept)"), rel=1e-9)


def test_structure_that_the_course_relies_on() -> None:
    pastes = mm.load("Pastes")
    assert pastes["cask"].nunique() == 3
    assert pastes["sample"].nunique() == 30
    assert (
        pastes["batch"].astype(str) + ":" + pastes["cask"].astype(str) == pastes["sample"].astype(str)
    ).all()
    penicillin = mm.load("Penicillin")
    assert (penicillin.groupby(["plate", "sample"], observed=True).size() == 1).all()
    owls = mm.load("Owls")
    assert np.allclose(owls["logBroodSize"], np.log(owls["BroodSize"]), rtol=1e-12)
    assert np.allclose(owls["NegPerChick"] * owls["BroodSize"], owls["SiblingNegotiation"], atol=0.02)
    assert mm.load("cbpp").eval("incidence <= size").all()


# ---- asking for it ---------------------------------------------------------------------------------------


def test_names_in_any_case_and_a_new_table_each_time() -> None:
    first = mm.load("DYESTUFF2 ")
    first["Yield"] = 0.0
    assert mm.load("dyestuff2")["Yield"].mean() == pytest.approx(5.6656, abs=ROUNDING)


@pytest.mark.parametrize(
    ("wrong", "hint"), [("sleepstuy", "sleepstudy"), ("salamander", "Salamanders"), ("oyster", "oysters")]
)
def test_unknown_name_gets_its_closest_relatives(wrong: str, hint: str) -> None:
    for function in (mm.load, mm.describe, mm.truth):
        with pytest.raises(datasets.UnknownDatasetError, match=rf"name='{wrong}'.*did you mean .*{hint}"):
            function(wrong)


def test_name_like_no_other_gets_the_list() -> None:
    with pytest.raises(ValueError, match=r"there are sleepstudy, Dyestuff, .*published"):
        mm.load("RIKZ")


def test_name_must_be_text() -> None:
    with pytest.raises(TypeError, match=r"name must be a string .*not int"):
        mm.load(3)


def test_truth_of_measured_data_is_refused() -> None:
    with pytest.raises(ValueError, match=r"sleepstudy was not simulated .*oysters.*oysters_nobag.*voices"):
        mm.truth("sleepstudy")


def test_list_and_describe() -> None:
    table = mm.list_datasets()
    assert list(table.columns) == ["name", "rows", "columns", "origin", "licence", "description"]
    assert list(table["name"]) == NAMES
    info = mm.describe("sleepstudy")
    assert info.columns[0].unit == "ms"
    text = str(info)
    for part in ("180 rows, 3 columns", "[ms]", "Belenky", "lme4 1.1-31 (GPL-2.0-or-later)"):
        assert part in text
    with pytest.raises(AttributeError):
        info.rows = 3


def test_docstrings_run() -> None:
    result = doctest.testmod(datasets, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 5
    assert result.failed == 0


# ---- files that changed ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("file", "name"), HASHED)
def test_one_changed_byte_is_refused_by_name(spoilable: Path, file: str, name: str) -> None:
    path = spoilable / file
    good = path.read_bytes()
    position = len(good) // 2
    path.write_bytes(good[:position] + bytes([good[position] ^ 1]) + good[position + 1 :])
    try:
        with pytest.raises(datasets.DataFileError) as caught:
            read_any(file, name)
    finally:
        path.write_bytes(good)
    message = str(caught.value)
    expected = datasets.describe(name).sha256 if file.endswith(".csv") else REGISTRY[name]["truth"]["sha256"]
    assert file in message
    assert f"expected {expected}" in message
    assert "actual" in message
    assert "git checkout" in message
    read_any(file, name)  # and the file is good again


@given(which=st.sampled_from(HASHED), where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_changed_bit_slips_through(
    spoilable: Path, which: tuple[str, str], where: float, bit: int
) -> None:
    path = spoilable / which[0]
    good = path.read_bytes()
    position = int(where * len(good))
    path.write_bytes(good[:position] + bytes([good[position] ^ (1 << bit)]) + good[position + 1 :])
    try:
        with pytest.raises(datasets.DataFileError, match=which[0]):
            read_any(*which)
    finally:
        path.write_bytes(good)


def test_windows_line_ends_and_a_missing_file_are_refused(spoilable: Path) -> None:
    path = spoilable / "rail.csv"
    good = path.read_bytes()
    try:
        path.write_bytes(good.replace(b"\n", b"\r\n"))
        with pytest.raises(datasets.DataFileError, match=r"rail\.csv"):
            mm.load("Rail")
        path.unlink()
        with pytest.raises(datasets.DataFileError, match=r"rail\.csv is missing"):
            mm.load("Rail")
    finally:
        path.write_bytes(good)


def test_a_registry_that_disagrees_with_a_good_file_is_an_error(spoilable: Path) -> None:
    # pandas makes a missing value of a level it was not told of; load() must not
    registry = spoilable / "registry.toml"
    good = registry.read_text(encoding="utf-8")
    try:
        for old, new, message in [
            (
                '"2", "5", "1", "6", "3", "4"',
                '"2", "5", "1", "6", "3"',
                r"'4' in rail\.csv is no level of Rail",
            ),
            ('travel = { type = "float"', 'speed = { type = "float"', "should have columns .*'speed'"),
            (
                'travel = { type = "float"',
                'travel = { type = "number"',
                "travel has type 'number'; use float",
            ),
        ]:
            assert good.count(old) == 1
            registry.write_text(good.replace(old, new), encoding="utf-8")
            datasets._registry.cache_clear()
            with pytest.raises(datasets.DataFileError, match=message):
                mm.load("Rail")
    finally:
        registry.write_text(good, encoding="utf-8")
        datasets._registry.cache_clear()


def test_no_data_installed_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets, "__file__", str(tmp_path / "mmhelpers" / "datasets.py"))
    with pytest.raises(datasets.DataFileError, match=r"not installed: no registry\.toml in"):
        mm.load("Rail")


# ---- making it again -------------------------------------------------------------------------------------


def test_readme_is_up_to_date() -> None:
    current = (DATA / "README.md").read_bytes().decode("utf-8")
    assert current == script("readme").render(DATA), "run python data/make/readme.py"


def test_a_change_on_purpose_can_be_registered(spoilable: Path) -> None:
    readme = script("readme")
    registry, path = spoilable / "registry.toml", spoilable / "rail.csv"
    good, before = path.read_bytes(), registry.read_bytes()
    try:
        assert readme.rehash(spoilable) == []
        assert registry.read_bytes() == before
        path.write_bytes(good + b"4,80\n")
        assert readme.rehash(spoilable) == ["Rail: rail.csv registered anew, 19 rows"]
        datasets._registry.cache_clear()
        assert len(mm.load("Rail")) == 19
        assert mm.describe("Rail").rows == 19
        assert readme.render(spoilable) != readme.render(DATA)
    finally:
        path.write_bytes(good)
        registry.write_bytes(before)
        datasets._registry.cache_clear()


@pytest.mark.parametrize("made_by", SCRIPTS)
def test_simulated_data_regenerate_byte_for_byte(made_by: str, tmp_path: Path) -> None:
    made = DATA / "make" / f"{made_by}.py"
    subprocess.run([sys.executable, str(made), str(tmp_path)], check=True, capture_output=True)
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == sorted(f"{name}{end}" for name in SCRIPTS[made_by] for end in (".csv", ".truth.json"))
    for name in written:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), (
            f"{name} is not what {made} writes"
        )


def test_oysters_are_what_their_truth_says() -> None:
    table, truth = mm.load("oysters"), mm.truth("oysters")
    design = truth["design"]
    assert (
        len(table) == design["oysters_recovered"] == 480 - sum(len(lost) for lost in truth["lost"].values())
    )
    assert table["bag"].nunique() == design["bags"] == 60
    # bags are nested, three to each population and site, and replicate is a label used again in each
    per_bag = table.groupby("bag", observed=True)[["population", "site", "replicate"]].nunique()
    assert (per_bag == 1).all(axis=None)
    bags = table.drop_duplicates("bag").groupby(["population", "site"], observed=True)["replicate"]
    assert (bags.size() == 3).all()
    assert (bags.nunique() == 3).all()
    assert table.groupby("bag", observed=True).size().min() >= 6
    for bag, lost in truth["lost"].items():
        kept = set(table.loc[table["bag"] == bag, "oyster"])
        assert kept == set(range(1, 9)) - set(lost)
    # a new label for each bag, and the means of the truth are its coefficients put together
    assert set(truth["bag_effects"]) == set(table["bag"])
    beta = truth["beta"]
    assert (
        truth["mean"]["Marsh"]["Jetty"] == beta["(Intercept)"] + beta["populationMarsh"] + beta["siteJetty"]
    )
    assert 0.25 < truth["icc"] < 0.35


def test_mudflat_is_what_its_truth_says() -> None:
    table, truth = mm.load("mudflat"), mm.truth("mudflat")
    assert len(table) == truth["design"]["plots"]
    distance = np.hypot(
        table["x"].to_numpy()[:, None] - table["x"].to_numpy(),
        table["y"].to_numpy()[:, None] - table["y"].to_numpy(),
    )
    R = (1 - truth["correlation"]["nugget"]) * np.exp(-distance / truth["correlation"]["range"])
    np.fill_diagonal(R, 1.0)
    beta = truth["beta"]
    error = table["chlorophyll"] - beta["(Intercept)"] - beta["height"] * (table["height"] - truth["centre"])
    # whitened by the truth, the errors are standard normal but for rounding
    z = np.linalg.solve(np.linalg.cholesky(R), error.to_numpy() / truth["sd"]["residual"])
    assert abs(z.mean()) < 3 / np.sqrt(len(z))
    assert abs((z**2).mean() - 1) < 3 * np.sqrt(2 / len(z))


def test_urchins_are_what_their_truth_says() -> None:
    table, truth = mm.load("urchins"), mm.truth("urchins")
    assert table["season"].value_counts().to_dict() == truth["design"]
    # standardised by the truth, the errors are standard normal but for rounding
    season = table["season"].astype(str)
    size = table["diameter"] - truth["centre"]
    mean = season.map(truth["mean"]) + season.map(truth["slope"]) * size
    sd = (
        truth["sd"]["residual"]
        * season.map(truth["sd_ratio"])
        * (table["diameter"] / truth["centre"]) ** truth["power"]
    )
    z = (table["gonad"] - mean) / sd
    assert abs(z.mean()) < 3 / np.sqrt(len(z))
    assert abs(z.var() - 1) < 3 * np.sqrt(2 / len(z))
    assert abs(z).max() < 4


def test_voices_are_what_their_truth_says() -> None:
    table, truth = mm.load("voices"), mm.truth("voices")
    assert len(table) == truth["recordings"]
    speaker, situation = (table[f].astype(str).map(truth[f"{f}_effects"]) for f in ("speaker", "situation"))
    polite = (table["attitude"] == "polite").to_numpy(dtype=float)
    mean = truth["beta"]["(Intercept)"] + truth["beta"]["attitudepolite"] * polite
    mean = mean + truth["beta"]["genderman"] * (table["gender"] == "man")
    for effect in (speaker, situation):
        mean = mean + effect.str[0] + polite * effect.str[1]
    rest = table["pitch"] - mean
    assert rest.std() == pytest.approx(truth["sd"]["residual"], rel=3.3 / np.sqrt(2 * len(table)))
    assert abs(rest.mean()) < 3.3 * truth["sd"]["residual"] / np.sqrt(len(table))


def test_oysters_without_bags_differ_by_the_bag_effects_alone() -> None:
    table, nobag = mm.load("oysters"), mm.load("oysters_nobag")
    keys = ["population", "site", "replicate", "bag", "oyster"]
    pd.testing.assert_frame_equal(table[keys], nobag[keys])
    effect = table["bag"].map(mm.truth("oysters")["bag_effects"]).astype(float)
    assert (table["growth"] - nobag["growth"] - effect).abs().max() <= TWICE_HALF_A_DIGIT
    assert set(mm.truth("oysters_nobag")["bag_effects"].values()) == {0.0}


def test_oyster_residuals_have_the_sd_of_the_truth() -> None:
    # What is left of growth when the truth is taken off is N(0, sd_residual^2): its SD lies within 3.3
    # standard errors of the truth, 3.3 / sqrt(2 * 456) = 11%, unless something is wrong.
    table, truth = mm.load("oysters_nobag"), mm.truth("oysters_nobag")
    mean = [truth["mean"][p][s] for p, s in zip(table["population"], table["site"], strict=True)]
    residual = table["growth"] - mean
    n, sd = len(table), truth["sd"]["residual"]
    assert residual.std() == pytest.approx(sd, rel=3.3 / np.sqrt(2 * (n - 1)))
    assert abs(residual.mean()) < 3.3 * sd / np.sqrt(n)
    effects = np.array(list(mm.truth("oysters")["bag_effects"].values()))
    assert effects.std(ddof=1) == pytest.approx(mm.truth("oysters")["sd"]["bag"], rel=3.3 / np.sqrt(2 * 59))


@pytest.mark.r
def test_r_exports_the_same_bytes(tmp_path: Path) -> None:
    command = ["Rscript", "--vanilla", str(DATA / "make" / "export.R"), f"--out={tmp_path}", "--brms="]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    written = {path.name for path in tmp_path.glob("*.csv")}
    brms = {"epilepsy.csv", "kidney.csv", "inhaler.csv"}  # exported once: see the script
    assert written == {REGISTRY[name]["file"] for name in EXAMPLES} - brms
    changed = [
        name for name in sorted(written) if (tmp_path / name).read_bytes() != (DATA / name).read_bytes()
    ]
    assert not changed, f"R gives other bytes for {changed}; packages: {run.stdout[-400:]}"


# ---- installed -------------------------------------------------------------------------------------------


def run_python(code: str, cwd: Path, path: Path | None = None) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_wheel_finds_its_data_outside_the_repository(tmp_path: Path) -> None:
    # built from a copy, so that nothing is written here and nothing but these parts can leak into it
    source, elsewhere, unpacked = (tmp_path / name for name in ("source", "elsewhere", "unpacked"))
    for folder in ("mmhelpers", "data"):
        ignore = shutil.ignore_patterns("__pycache__", "studies", "posteriors")
        shutil.copytree(REPOSITORY / folder, source / folder, ignore=ignore)
    shutil.copy(REPOSITORY / "pyproject.toml", source)
    (source / "README.md").write_text("# mmhelpers\n", encoding="utf-8")
    elsewhere.mkdir()
    build = "import hatchling.build; print(hatchling.build.build_wheel('../wheel'))"
    wheel = tmp_path / "wheel" / run_python(build, cwd=source, path=_hatchling()).strip().splitlines()[-1]
    shutil.unpack_archive(wheel, unpacked, format="zip")
    shutil.rmtree(source)

    carried = {path.name for path in (unpacked / "mmhelpers" / "_data").iterdir()}
    assert carried == {file for file, _ in HASHED} | {"registry.toml", "README.md"}
    code = (
        "import json, mmhelpers as mm\n"
        "shapes = {n: mm.load(n).shape for n in mm.list_datasets()['name']}\n"
        "truths = [mm.truth(n)['sd'] for n in ('oysters', 'oysters_nobag')]\n"
        "print(json.dumps([mm.__file__, shapes, truths]))\n"
    )
    where, shapes, truths = json.loads(run_python(code, cwd=elsewhere, path=unpacked))
    assert Path(where).is_relative_to(unpacked)
    assert shapes == {name: [spec["rows"], len(spec["columns"])] for name, spec in REGISTRY.items()}
    assert truths == [{"bag": 2.0, "residual": 3.0}, {"bag": 0.0, "residual": 3.0}]


def _hatchling() -> Path | None:
    """Where the build backend is, if it is on the path rather than installed."""
    spec = importlib.util.find_spec("hatchling")
    assert spec is not None, "hatchling builds the package; it is in the extra `dev` of pyproject.toml"
    assert spec.origin is not None
    return Path(spec.origin).parents[1]


def test_datasets_are_imported_without_pandas(tmp_path: Path) -> None:
    code = "import sys, mmhelpers as mm; mm.describe('Rail'); print({'pandas', 'scipy'} & set(sys.modules))"
    assert run_python(code, cwd=tmp_path, path=REPOSITORY).strip() == "set()"
