"""`mm.report`: words and tables against numbers computed by other routes, for every engine."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import zipfile
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from importlib import metadata

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import statsmodels
import statsmodels.api as sm
import statsmodels.formula.api as smf
from scipy import stats

import mmhelpers as mm
from mmhelpers.reporting.words import listed, number, p_value

# Numbers in words are rounded to three digits; in frames they come from the same arrays, by another formula.
CLOSE = 1e-8


@pytest.fixture(scope="module")
def sleep():
    return mm.load("sleepstudy")


@pytest.fixture(scope="module")
def slopes(sleep):
    return mm.fit("Reaction ~ Days + (Days | Subject)", sleep)


# --- numbers -------------------------------------------------------------------------------------------------------


def test_frame_is_the_paired_t_test_of_a_balanced_design(sleep, slopes):
    """By hand: one slope a person, and the t test of their mean (exact here, m - 1 = 17 df)."""
    own = [np.polyfit(d["Days"], d["Reaction"], 1)[0] for _, d in sleep.groupby("Subject", observed=True)]
    test = stats.ttest_1samp(own, 0)
    low, high = test.confidence_interval()
    row = mm.report(slopes).to_frame().loc["Days"]
    assert row["estimate"] == pytest.approx(np.mean(own), rel=1e-6)
    assert (row["lower"], row["upper"]) == pytest.approx((low, high), rel=1e-5)
    assert (row["statistic"], row["df"], row["p"]) == pytest.approx(
        (test.statistic, 17, test.pvalue), rel=1e-4
    )
    assert "Satterthwaite" in row["method"]


@pytest.mark.parametrize(
    ("ddf", "words"),
    [("satterthwaite", "Satterthwaite's"), ("kenward-roger", "Kenward and Roger"), ("wald", "Wald z")],
)
def test_the_method_asked_for_is_used_and_named(slopes, ddf, words):
    paper = mm.report(slopes, ddf=ddf)
    direct = slopes.coefficients(ddf)
    assert np.allclose(paper.to_frame()["p"], direct["p"], rtol=CLOSE)
    for text in (
        paper.sentence("Days"),
        paper.methods(),
        paper.note,
        unescape(paper.to_html()),
        paper.to_latex(),
    ):
        assert words in text


def test_ols_equals_statsmodels_own_table(sleep):
    fit = smf.ols("Reaction ~ Days", sleep).fit()
    frame = mm.report(fit, level=0.9).to_frame()
    assert np.allclose(frame["p"], fit.pvalues, rtol=CLOSE)
    assert np.allclose(frame[["lower", "upper"]], fit.conf_int(alpha=0.1), rtol=CLOSE)
    assert set(frame["method"]) == {"t tests with the residual degrees of freedom"}
    assert "least squares" in mm.report(fit).methods()


def test_mixedlm_has_z(sleep):
    fit = smf.mixedlm("Reaction ~ Days", sleep, groups="Subject").fit()
    paper = mm.report(fit)
    assert np.allclose(paper.to_frame()["p"], fit.pvalues.iloc[:2], rtol=1e-6)
    assert re.search(r"; z = 13\.0, p < 0\.001, Wald z tests\)", paper.sentence("Days"))
    assert "statsmodels" in paper.methods()
    assert "the 18 levels of Subject" in paper.methods()


def test_logit_says_the_scale_and_the_odds_ratio():
    rng = np.random.default_rng(5)
    data = pd.DataFrame({"dose": rng.normal(size=300)})
    data["dead"] = rng.binomial(1, 1 / (1 + np.exp(-0.3 - 0.8 * data["dose"])))
    fit = smf.glm("dead ~ dose", data, family=sm.families.Binomial()).fit()
    low, high = np.exp(fit.conf_int().loc["dose"])
    sentence = mm.report(fit).sentence("dose")
    assert "on the logit scale" in sentence
    assert (
        f"an odds ratio of {number(np.exp(fit.params['dose']))} ({number(low)} to {number(high)})."
        in sentence
    )
    assert "a binomial model with a logit link" in mm.report(fit).methods()


@pytest.mark.r
def test_lmer_gives_what_mmhelpers_gives(sleep, slopes):
    fit = mm.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    for ddf in ("satterthwaite", "kenward-roger", "wald"):
        theirs, ours = mm.report(fit, ddf=ddf).to_frame(), mm.report(slopes, ddf=ddf).to_frame()
        columns = ["estimate", "se", "lower", "upper", "statistic"]
        assert np.allclose(theirs[columns], ours[columns], rtol=1e-4), ddf
    assert mm.report(fit).sentence("Days") == mm.report(slopes).sentence("Days")
    assert re.search(
        r"lme4 [\d.-]+, lmerTest [\d.-]+ \(R [\d.]+, through pymer4 [\d.]+\)", mm.report(fit).methods()
    )


@pytest.mark.r
def test_effects_of_lmer_are_those_of_mmhelpers(sleep, slopes):
    fit = mm.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    ours, theirs = (mm.effect_table(f, "Days", points=4) for f in (slopes, fit))
    assert np.allclose(ours, theirs, rtol=1e-4)


@pytest.mark.r
def test_glmmtmb(sleep):
    fit = mm.fit_in_r("glmmTMB::glmmTMB", "Reaction ~ Days + (1 | Subject)", sleep, REML=True)
    paper = mm.report(fit)
    direct = fit.coefficients()
    assert np.allclose(paper.to_frame()[["estimate", "se", "p"]], direct[["estimate", "se", "p"]], rtol=1e-6)
    assert "Wald z tests" in paper.sentence("Days")
    assert re.search(r"glmmTMB [\d.]+ \(R [\d.]+\)", paper.methods())
    assert "Reaction ~ Days + (1 | Subject)" in paper.methods()


@pytest.mark.r
def test_nlme_and_glmer(sleep):
    fit = mm.nlme("Reaction ~ Days", sleep, random="~ 1 | Subject")
    paper = mm.report(fit)
    assert paper.to_frame().loc["Days", "df"] == fit.coefficients.loc["Days", "df"] == 161
    assert "nlme's degrees of freedom" in paper.sentence("Days")
    gls = mm.report(mm.nlme("Reaction ~ Days", sleep))
    ols = mm.report(smf.ols("Reaction ~ Days", sleep).fit())
    assert gls.to_frame().loc["Days", "p"] == pytest.approx(ols.to_frame().loc["Days", "p"], rel=1e-6)
    cbpp = mm.load("cbpp").assign(share=lambda d: d["incidence"] / d["size"])
    glmer = mm.fit_in_r("lme4::glmer", "share ~ period + (1 | herd)", cbpp, family="binomial", weights="size")
    text = mm.report(glmer).methods()
    assert "Laplace" in text
    assert "lme4 " in text
    assert "binomial mixed model with a logit link" in text


@pytest.fixture(scope="module")
def bambi_fit():
    import bambi as bmb

    rng = np.random.default_rng(1)
    data = pd.DataFrame({"x": np.tile(np.arange(5.0), 6), "g": np.repeat(list("abcdef"), 5)})
    data["y"] = 2 * data["x"] + rng.normal(size=30)
    model = bmb.Model("y ~ x + (1 | g)", data)
    return model, model.fit(draws=200, tune=200, chains=2, cores=1, random_seed=1, progressbar=False)


def test_bambi_has_draws_and_no_p(bambi_fit):
    _, idata = bambi_fit
    paper = mm.report(bambi_fit, level=0.9)
    draws = np.asarray(idata.posterior["x"]).ravel()
    row = paper.to_frame().loc["x"]
    assert row["estimate"] == pytest.approx(draws.mean(), rel=CLOSE)
    assert (row["lower"], row["upper"]) == pytest.approx(tuple(np.quantile(draws, [0.05, 0.95])), rel=CLOSE)
    assert np.isnan(row["p"])
    sentence = paper.sentence("x")
    assert "90% credible interval" in sentence
    assert "posterior probability that it is positive: above 0.999" in sentence
    assert not re.search(r"\bp [=<>]", str(paper))
    assert "Posterior SD" in paper.table().columns
    assert "p" not in paper.table().columns
    assert "bambi " in paper.methods()


def test_bambi_tells_priors_and_sampling(bambi_fit):
    import arviz

    az = arviz
    _, idata = bambi_fit
    said = mm.report(bambi_fit).sampling
    names = ["Intercept", "x", "1|g_sigma", "sigma"]
    rhat, ess = az.rhat(idata.posterior[names]), az.ess(idata.posterior[names])
    assert said.rhat == pytest.approx(max(float(rhat[n]) for n in names))
    assert said.ess == pytest.approx(min(float(ess[n]) for n in names))
    diverging = int(idata.sample_stats["diverging"].sum())
    words = f"{diverging or 'no'} divergent transition{'s' * (diverging != 1)}"
    text = mm.report(bambi_fit).methods()
    assert (
        f"2 chains of 200 draws each after warm-up, largest R-hat {said.rhat:.3f}, "
        f"smallest bulk effective sample size {said.ess:.0f}, {words}. Priors: Intercept ~ Normal(mu: "
        in text
    )
    for name, prior in (("x", "Normal"), ("1|g", "Normal(mu: 0"), ("sigma", "HalfStudentT")):
        assert f"; {name} ~ {prior}" in text
    assert mm.report(bambi_fit).singular == ()


def test_effects_of_bambi_are_quantiles_of_draws(bambi_fit):
    _, idata = bambi_fit
    table = mm.effect_table(bambi_fit, "x", "y ~ x + (1 | g)", points=3, level=0.8)
    stacked = idata.posterior.stack(s=("chain", "draw"))
    at_2 = stacked["Intercept"].to_numpy() + 2 * stacked["x"].to_numpy()
    assert table.loc[1, ["x", "fit"]].tolist() == pytest.approx([2.0, at_2.mean()])
    assert table.loc[1, ["lower", "upper"]].tolist() == pytest.approx(np.quantile(at_2, [0.1, 0.9]).tolist())


# --- whole texts, computed by hand -----------------------------------------------------------------------------------


def by_hand(sleep):
    """Estimate, standard error, test and interval of a balanced slope: the mean of 18 slopes, without any engine."""
    own = np.array(
        [np.polyfit(d["Days"], d["Reaction"], 1)[0] for _, d in sleep.groupby("Subject", observed=True)]
    )
    se = own.std(ddof=1) / np.sqrt(18)
    return own.mean(), se, own.mean() / se


SENTENCE = (
    "The estimated effect of Days on Reaction was {b:.1f} ms per day (95% confidence interval {low:.2f} to {high:.1f}; "
    "{test} = {t:.{digits}f}, p < 0.001, {method})."
)
METHODS = (
    "We fitted a linear mixed model to the 180 observations of Reaction, with fixed effects of Days and random "
    "deviations of the intercept and the effect of Days, with their correlation, for the 18 levels of Subject"
    "{formula}. It was fitted by restricted maximum likelihood (REML) with {software}. Coefficients were tested by "
    "{method}; intervals are 95% confidence intervals from the same distribution."
)


def whole(sleep, exact, formula, software):
    """Sentence and methods that a fit of the sleep study must give, with t on 17 df or with z."""
    b, se, t = by_hand(sleep)
    half = (stats.t.ppf(0.975, 17) if exact else stats.norm.ppf(0.975)) * se
    method = "t tests with Satterthwaite's degrees of freedom" if exact else "Wald z tests"
    test = "t(17.0)" if exact else "z"
    sentence = SENTENCE.format(b=b, low=b - half, high=b + half, test=test, t=t, digits=2, method=method)
    return sentence, METHODS.format(formula=formula, software=software, method=method)


def python():
    return f"(Python {platform.python_version()})"


def test_whole_text_of_mmhelpers(sleep, slopes):
    paper = mm.report(slopes, units={"Days": "ms per day"})
    software = f"mmhelpers {mm.__version__} {python()}"
    wanted = whole(sleep, True, " (Reaction ~ Days + (Days | Subject))", software)
    assert (paper.sentence("Days"), paper.methods()) == wanted


def test_whole_text_of_statsmodels(sleep):
    fit = smf.mixedlm("Reaction ~ Days", sleep, groups="Subject", re_formula="~ Days").fit()
    paper = mm.report(fit, units={"Days": "ms per day"})
    software = f"statsmodels {statsmodels.__version__} {python()}"
    wanted = whole(sleep, False, " (Reaction ~ Days)", software)
    assert (paper.sentence("Days"), paper.methods()) == wanted


@pytest.mark.r
def test_whole_text_of_lmer(sleep):
    fit = mm.lmer("Reaction ~ Days + (Days | Subject)", sleep)
    paper = mm.report(fit, units={"Days": "ms per day"})
    versions = "cat(sapply(c('lme4', 'lmerTest'), function(p) as.character(packageVersion(p))))"
    lme4, lmer_test = subprocess.run(
        ["Rscript", "-e", versions], capture_output=True, text=True, check=True
    ).stdout.split()
    r = subprocess.run(
        ["Rscript", "-e", "cat(R.version$major, R.version$minor, sep = '.')"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    software = f"lme4 {lme4}, lmerTest {lmer_test} (R {r}, through pymer4 {metadata.version('pymer4')})"
    wanted = whole(sleep, True, " (Reaction~Days+(Days|Subject))", software)
    assert (paper.sentence("Days"), paper.methods()) == wanted


def test_whole_sentence_of_bambi(bambi_fit):
    _, idata = bambi_fit
    draws = np.asarray(idata.posterior["x"]).ravel()
    low, high = np.quantile(draws, [0.025, 0.975])
    assert mm.report(bambi_fit).sentence("x") == (
        f"The estimated effect of x on y was {draws.mean():.2f} (95% credible interval {low:.2f} to {high:.2f}; "
        "posterior probability that it is positive: above 0.999)."
    )


# --- p-values and their methods --------------------------------------------------------------------------------------


def test_no_p_value_without_its_method(slopes):
    for method in ("", "  "):
        with pytest.raises(ValueError, match="a p-value is not written without the method that gave it"):
            mm.report(slopes, p={"Days": 0.004}, method=method)
    tests = mm.report(slopes).tests
    with pytest.raises(ValueError, match="method is missing"):
        replace(tests, method="")


def test_own_p_values_stand_with_their_method(slopes):
    paper = mm.report(slopes, p={"Days": 0.004}, method="parametric bootstrap, 999 simulations")
    assert paper.sentence("Days").endswith("to 13.7; p = 0.004, parametric bootstrap, 999 simulations).")
    assert paper.sentence("(Intercept)").endswith("not tested).")
    table = paper.table().set_index("")
    assert list(table.columns) == ["Estimate", "SE", "95% interval", "p"]
    assert table.loc[["(Intercept)", "Days"], "p"].tolist() == ["–", "0.004"]
    assert "p-values are from: parametric bootstrap, 999 simulations" in paper.methods()
    assert "parametric bootstrap" in paper.note
    assert "--" in paper.to_latex()
    with pytest.raises(ValueError, match="p names 'Day'"):
        mm.report(slopes, p={"Day": 0.1}, method="x")
    with pytest.raises(ValueError, match="between 0 and 1"):
        mm.report(slopes, p={"Days": 4.0}, method="x")


# --- words ---------------------------------------------------------------------------------------------------------


def test_methods_say_all(slopes):
    why = "the fit with it was singular"
    text = mm.report(slopes, dropped={"the correlation of A and B": why}).methods()
    for part in (
        "a linear mixed model to the 180 observations of Reaction",
        "fixed effects of Days",
        "random deviations of the intercept and the effect of Days, with their correlation, for the 18 levels of Subject",
        "Reaction ~ Days + (Days | Subject)",
        "restricted maximum likelihood (REML)",
        f"mmhelpers {mm.__version__} (Python",
        f"We left out the correlation of A and B, because {why}.",
    ):
        assert part in text
    assert "singular:" not in text
    assert "maximum likelihood with" in mm.report(slopes.with_reml(False)).methods()
    assert "restricted" not in mm.report(slopes.with_reml(False)).methods()


def test_a_variance_at_zero_is_said():
    paper = mm.report(mm.fit("Yield ~ 1 + (1 | Batch)", mm.load("Dyestuff2")))
    assert paper.singular == ("the variance of the intercept among levels of Batch was estimated at zero",)
    for text in (paper.methods(), paper.note, paper.to_html()):
        assert "estimated at zero" in text
    assert "an intercept as its only fixed effect" in paper.methods()


def test_a_correlation_at_one_is_said(sleep):
    data = sleep.query("Days < 2").copy()
    data["Reaction"] = data.groupby("Subject", observed=True).cumcount() * 1.0
    people = {name: i for i, name in enumerate(data["Subject"].cat.categories)}
    steep = data["Subject"].astype(str).map(people)
    rng = np.random.default_rng(2)
    wide = pd.concat(
        [data.assign(Reaction=steep * (1 + data["Days"]) + rng.normal(size=len(data))) for _ in range(3)]
    )
    fit = mm.fit("Reaction ~ Days + (Days | Subject)", wide.reset_index(drop=True))
    assert fit.singular
    said = mm.report(fit).singular
    assert said == (
        "the correlation of the intercept and the effect of Days among levels of Subject was estimated at 1",
    )


def test_a_sound_fit_is_not_called_singular(slopes):
    assert mm.report(slopes).singular == ()


def test_labels_and_units(slopes):
    paper = mm.report(
        slopes,
        labels={"Days": "a day of little sleep", "Reaction": "reaction time"},
        units={"Days": "ms per day"},
    )
    begin = "The estimated effect of a day of little sleep on reaction time was 10.5 ms per day (95%"
    assert paper.sentence("Days").startswith(begin)
    assert "a day of little sleep (ms per day)" in paper.table()[""].tolist()
    assert paper.sentence("(Intercept)").startswith("The estimated intercept of reaction time was 251 (")


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda f: mm.report(f, ddf="between"), ValueError, "ddf is 'between'; known are 'satterthwaite'"),
        (lambda f: mm.report(f, level=95), ValueError, "level is 95; it must lie between 0 and 1"),
        (lambda f: mm.report(f, labels={"Day": "x"}), ValueError, "labels names 'Day'; the model has '.Intercept.', 'Days'"),
        (lambda f: mm.report(f, units={"Day": "x"}), ValueError, "units names 'Day'"),
        (lambda f: mm.report(f).sentence("Day"), KeyError, "the coefficients are"),
        (lambda f: mm.report("no fit"), mm.UnsupportedFitError, "no fit|str"),
        (
            lambda f: mm.report(smf.ols("Reaction ~ Days", mm.load("sleepstudy")).fit(), ddf="kenward-roger"),
            ValueError,
            "ddf is 'kenward-roger', which a fit of statsmodels OLS does not have",
        ),
    ],
)  # fmt: skip
def test_bad_input_is_named(slopes, call, error, words):
    with pytest.raises(error, match=words):
        call(slopes)


def test_numbers_in_words():
    assert [number(v) for v in (0.00012345, 9.999, 99.95, -1e-13, 123456.7)] == [
        "0.000123", "10.00", "100.0", "−1.00e-13", "123457"
    ]  # fmt: skip
    assert number(float("nan")) == "not estimated"
    assert number(float("inf")) == "∞"
    assert p_value(0.0005) == "p < 0.001"
    assert p_value(0.05) == "p = 0.050"
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"


# --- tables --------------------------------------------------------------------------------------------------------


class _Table(HTMLParser):
    """Collects tags with their scopes, and cells of each row."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.scopes: list[str] = []
        self.caption = ""
        self.bodies = 0
        self.empty_headers = 0

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.bodies += tag == "tbody"
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag == "th":
            self.scopes.append(dict(attrs)["scope"])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag
        self.empty_headers += tag == "th" and not self.rows[-1][-1]

    def handle_data(self, data):
        if self.open[-1] in {"td", "th"}:
            self.rows[-1][-1] += data
        elif self.open[-1] == "caption":
            self.caption += data


@pytest.mark.parametrize("inline", [False, True])
def test_html_is_a_table_a_screen_reader_can_follow(slopes, inline):
    paper = mm.report(slopes, labels={"Reaction": "Reaction <ms> & more"})
    parsed = _Table()
    parsed.feed(paper.to_html(inline))
    assert parsed.open == []
    assert parsed.caption.startswith("Reaction <ms> & more")
    assert parsed.rows[0] == list(paper.table().columns)
    body = parsed.rows[1:-1]
    assert [row[0] for row in body] == paper.table()[""].tolist()
    assert body[2][1:] == ["10.5", "1.55", "7.21 to 13.7", "6.77", "17.0", "< 0.001"]
    assert parsed.scopes.count("row") == sum(len(row) > 1 for row in body)
    assert parsed.scopes.count("col") == len(paper.table().columns) - 1  # the corner is empty, and no header
    assert parsed.scopes.count("rowgroup") == sum(len(row) == 1 for row in body) == parsed.bodies == 3
    assert parsed.empty_headers == 0
    assert ("style=" in paper.to_html(inline)) == inline


def test_latex_is_sound(slopes, tmp_path):
    paper = mm.report(slopes, labels={"Days": "50% of #1_a & b {c} ~ ^ \\d"})
    text = paper.to_latex("tab:a")
    begins, ends = (re.findall(rf"\\{word}{{(\w+)}}", text) for word in ("begin", "end"))
    assert begins == ends[::-1] == ["table", "tabular"]
    body = text.split("\\midrule\n")[1].split("\\bottomrule")[0]
    for line in body.strip().splitlines():
        cells = re.split(r"(?<!\\)&", line)
        assert line.endswith(r" \\")
        assert len(cells) == len(paper.table().columns) or r"\multicolumn{7}" in line
    assert r"50\% of \#1\_a \& b \{c\} \textasciitilde{} \textasciicircum{} \textbackslash{}d" in text
    assert not re.search(r"[−∞]", text)
    plain = re.sub(r"\\[{}]", "", text)
    assert plain.count("{") == plain.count("}")
    if shutil.which("pdflatex"):
        whole = (
            f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}{text}\\end{{document}}"
        )
        (tmp_path / "t.tex").write_text(whole, encoding="utf8")
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-2000:]


def test_files_for_a_word_processor_and_for_latex(slopes, tmp_path):
    paper = mm.report(slopes, labels={"Reaction": "Größe <ms>"})
    page = paper.save(tmp_path / "table.html").read_text(encoding="utf8")
    assert page.startswith("<!DOCTYPE html>")
    assert '<meta charset="utf-8">' in page
    assert paper.to_html(inline=True) in page
    assert "class=" not in page.replace('class="report"', "")
    assert paper.save(str(tmp_path / "table.tex")).read_text(encoding="utf8") == paper.to_latex()
    with pytest.raises(ValueError, match=r"must end in \.html"):
        paper.save(tmp_path / "table.docx")
    if shutil.which("pandoc"):  # what Word does when it opens the page: a table with the same cells
        command = ["pandoc", "-f", "html", "-t", "docx", "-o", "table.docx", "table.html"]
        subprocess.run(command, cwd=tmp_path, check=True)
        with zipfile.ZipFile(tmp_path / "table.docx") as parts:
            text = parts.read("word/document.xml").decode()
        assert text.count("<w:tbl>") == 1
        for cell in ("10.5", "7.21 to 13.7", "Größe"):
            assert cell in text


def test_great_table_holds_the_same_cells(slopes):
    paper = mm.report(slopes)
    made = paper.to_great_table().as_raw_html()
    for cell in ("10.5", "7.21 to 13.7", "Fixed effects", "Random effects", "Satterthwaite"):
        assert cell in made


# --- effects -------------------------------------------------------------------------------------------------------


def test_effects_along_a_number_and_a_factor():
    data = mm.load("Oats")
    formula = "yield ~ nitro + Variety + (1 | Block)"
    fit = mm.fit(formula, data)
    table = mm.effect_table(fit, "nitro", formula, data, by="Variety", points=3)
    assert len(table) == 9
    first = table.iloc[0]
    new = pd.DataFrame({"nitro": [first["nitro"]], "Variety": [first["Variety"]]})
    assert first["fit"] == pytest.approx(float((mm.fixed_matrix(fit.matrices, new) @ fit.beta)[0]))
    means = mm.effect_table(fit, "Variety", formula, data)
    ours = mm.marginal_means(fit, "Variety")
    assert np.allclose(means["fit"], ours.estimate)
    assert np.allclose(means[["lower", "upper"]], np.column_stack([ours.lower, ours.upper]))
    assert mm.effect_table(fit, "Variety", formula, data).equals(mm.effect_table(fit, "Variety"))


def test_effects_on_the_scale_of_the_response():
    rng = np.random.default_rng(3)
    data = pd.DataFrame({"x": rng.normal(size=200)})
    data["y"] = rng.poisson(np.exp(0.5 + 0.4 * data["x"]))
    fit = smf.glm("y ~ x", data, family=sm.families.Poisson()).fit()
    table = mm.effect_table(fit, "x", "y ~ x", data, points=4)
    theirs = fit.get_prediction(pd.DataFrame({"x": table["x"]})).summary_frame()
    assert np.allclose(
        table[["fit", "lower", "upper"]], theirs[["mean", "mean_ci_lower", "mean_ci_upper"]], rtol=1e-6
    )


def test_effects_refuse_what_is_not_in_the_model(sleep, slopes):
    with pytest.raises(ValueError, match="x is 'Subject'; the model's fixed effects use Days"):
        mm.effect_table(slopes, "Subject", slopes.formula, sleep)
    with pytest.raises(ValueError, match="formula is missing: "):
        mm.effect_table(mm.view(slopes), "Days")
    with pytest.raises(ValueError, match="has 1 fixed effects"):
        mm.effect_table(slopes, "Days", "Reaction ~ 1 + (1 | Subject)", sleep)


# --- the figure ----------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def test_figure_shows_every_observation_every_group_and_the_model(sleep, slopes):
    ax = mm.report(slopes).plot("Days", group="Subject", ylabel="reaction time (ms)")
    lines = {line.get_label(): np.column_stack(line.get_data()).astype(float) for line in ax.lines}
    assert len(lines["observations"]) == len(sleep)
    assert np.allclose(np.sort(lines["observations"][:, 1]), np.sort(sleep["Reaction"]))
    table = mm.effect_table(slopes, "Days")
    assert np.allclose(lines["model, 95% confidence interval"], table[["Days", "fit"]])
    assert len(ax.lines) == 18 + 2
    band = ax.collections[0].get_paths()[0].vertices
    assert {round(v, 6) for v in table["upper"]} <= {round(v, 6) for v in band[:, 1]}
    legend = [text.get_text() for text in ax.figure.legends[0].get_texts()]
    assert legend == ["means by Subject", "observations", "model, 95% confidence interval"]


def test_figure_of_a_factor_by_another():
    voices = mm.load("voices")
    fit = mm.fit("pitch ~ attitude * gender + (1 | speaker) + (1 | situation)", voices)
    ax = mm.report(fit, level=0.9).plot("attitude", by="gender", group="speaker")
    table = mm.effect_table(fit, "attitude", by="gender", level=0.9)
    drawn = [c.get_segments() for c in ax.collections if hasattr(c, "get_segments")]
    ends = np.array([seg[:, 1] for part in drawn for seg in part])
    assert np.allclose(np.sort(ends[:, 0]), np.sort(table["lower"]))
    assert np.allclose(np.sort(ends[:, 1]), np.sort(table["upper"]))
    raw = [line for line in ax.lines if line.get_marker() == "o"]
    assert sum(len(line.get_xdata()) for line in raw) == len(voices)
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["casual", "polite"]
    assert ax.figure.legends[0].get_title().get_text() == "gender: model, 90% confidence interval"
    with pytest.raises(ValueError, match="group is 'voice'"):
        mm.plot_effects(table, voices, "attitude", "pitch", by="gender", group="voice")


def test_no_figure_without_data(slopes):
    with pytest.raises(ValueError, match="kept no data"):
        replace(mm.report(slopes), fit=None).plot("Days")
