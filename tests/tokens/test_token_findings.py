"""Which of the paper's findings hold: verdicts by intervals, and every claim on made-up results."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from relevance_neurons.tokens.claims import CLAIMS, verdict
from relevance_neurons.tokens.degradation_findings import of_degradation
from relevance_neurons.tokens.finding_rows import FINDINGS, Row
from relevance_neurons.tokens.findings import findings_frame, of_order, of_overlaps, of_robustness
from relevance_neurons.tokens.part_findings import of_positions, of_special_tokens
from relevance_neurons.tokens.query_sums import resample
from relevance_neurons.tokens.study_methods import StudyMethods
from toys import synthetic_tokens as toy

FIRST = toy.METHODS[0]
N_LAYERS = len(toy.LAYERS)


@pytest.fixture(scope="module")
def written() -> dict[str, pl.DataFrame]:
    return toy.summaries()


@pytest.fixture(scope="module")
def found(written) -> pl.DataFrame:
    return written["token_findings"]


def of(found: pl.DataFrame, claim: str, collection: str = "all") -> dict:
    return found.filter(claim=claim, collection=collection).row(0, named=True)


@pytest.mark.parametrize(
    ("low", "high", "threshold", "above", "holds"),
    [
        (0.1, 0.2, 0, True, "yes"), (-0.2, -0.1, 0, True, "no"), (-0.1, 0.1, 0, True, "undecided"),
        (0.1, 0.2, 0, False, "no"), (-0.2, -0.1, 0, False, "yes"),
        (0.0, 0.1, 0, True, "undecided"), (0.1, 0.2, 0.15, True, "undecided"),
        (55, 70, 50, True, "yes"), (None, None, 0, True, "undecided"),
    ],
)  # fmt: skip
def test_the_interval_decides(low, high, threshold, above, holds):
    assert verdict(low, high, threshold, above) == holds


def test_every_claim_is_there_for_every_collection_in_order(found):
    assert found.schema == FINDINGS
    expected = [one for one in CLAIMS if one != "faster_than_bottleneck"]  # the toy has only one
    assert found["claim"].unique(maintain_order=True).to_list() == expected
    for claim, rows in found.group_by("claim"):
        assert rows["collection"].to_list() == ["alpha", "beta", "all"], claim
    assert found["paper"].null_count() == 0
    assert found["n_collections"].to_list() == [1, 1, 2] * len(expected)
    named = dict(found["claim", "method"].iter_rows())
    assert named["first_drop_lime"] == named["faster_than_lime"] == "lime"
    assert named["lime_below_random"] == "lime" and named["reversed_lowers_p"] is None
    for claim in ("cls_rises_late", "last_layer_slowest", "removed_both", "important_words_early"):
        assert named[claim] == FIRST
    assert named["overlap_falls_important"] == FIRST and named["overlap_falls_all"] is None


def test_what_was_put_in_is_found(found):
    holding = [
        "faster_than_integrated_gradients", "faster_than_lime", "faster_than_random",
        "two_thirds_layer_fastest", "last_layer_slowest", "cls_rises_late",
        "overlap_falls_important", "overlap_falls_important_not_relevant",
        "top_overlap_below_first_stage", "passage_alone_more_robust", "less_kept_ranks_worse",
        "reversed_ranks_worse", "swapped_lowers_p", "wrongly_higher_match_earlier_max",
    ]  # fmt: skip
    assert {claim: of(found, claim)["holds"] for claim in holding} == dict.fromkeys(holding, "yes")
    # Passages have no 21st token; drops are numbers, not claims.
    assert of(found, "important_words_early")["value"] is None
    assert of(found, "important_words_early")["holds"] == "undecided"
    drops = found.filter(pl.col("claim").str.starts_with("first_drop"))
    assert drops["holds"].null_count() == len(drops) > 0


def test_values_are_those_of_the_tables(found, written):
    areas = written["degradation_areas"].filter(removal="deletion", order="most")
    row = areas.filter(method="lime", collection="beta").row(0, named=True)
    claim = of(found, "faster_than_lime", "beta")
    assert (claim["value"], claim["p_value"]) == (-row["drop_difference"], row["p_value_holm"])
    assert claim["ci_low"] == -row["drop_difference_high"]
    assert of(found, "first_drop_lime", "beta")["value"] == row["first_drop"]
    layers = dict(
        areas.filter(method=toy.METHODS[0], collection="beta")["layer", "mean_drop"].iter_rows()
    )
    fastest = of(found, "two_thirds_layer_fastest", "beta")
    assert fastest["layer"] == 1
    assert fastest["value"] == pytest.approx(layers[1] - max(layers[0], layers[2]))
    other = areas.filter(layer=0, collection="beta", method=toy.METHODS[0]).row(0, named=True)
    assert fastest["ci_low"] == -other["drop_difference_high"]  # paired
    parts = written["special_tokens"].filter(part="cls", method=toy.METHODS[0], collection="all")
    cls = dict(parts["layer", "scaled"].iter_rows())
    late = of(found, "cls_rises_late")
    assert (late["value"], late["layer"]) == (pytest.approx(cls[2] - cls[1]), 2)
    assert late["ci_low"] < late["value"] < late["ci_high"]
    correlations = written["token_overlap_correlations"].filter(collection="alpha")
    for passages, claim in (("all", ""), ("not_relevant", "_not_relevant")):
        row = correlations.filter(passages=passages, tokens="important").row(0, named=True)
        overlap = of(found, f"overlap_falls_important{claim}", "alpha")
        assert (overlap["value"], overlap["p_value"]) == (row["spearman"], None)
    early = of(found, "cls_falls_early")
    assert (early["value"], early["layer"], early["holds"]) == (None, 0, "undecided")


def test_claims_that_are_turned_do_not_hold(written):
    turned = written["sentence_order_summary"].with_columns(
        difference=-pl.col("difference"),
        difference_low=-pl.col("difference_high"),
        difference_high=-pl.col("difference_low"),
    )
    rows = findings_frame(list(of_order(turned, written["matched_positions_summary"])))
    assert of(rows, "reversed_ranks_worse")["holds"] == "no"
    assert of(rows, "wrongly_higher_match_earlier_max")["holds"] == "yes"


# Several entries of a method, and legacy ones


def copied(areas: pl.DataFrame, name: str, new: str, **columns: object) -> pl.DataFrame:
    """``areas``, and once more the rows of ``name`` under another name."""
    more = areas.filter(method=name).with_columns(method=pl.lit(new), **columns)
    return pl.concat([areas, more.cast(dict(areas.schema))])


def degraded(areas: pl.DataFrame, methods: dict[str, str], legacy=(), **of: object) -> pl.DataFrame:
    at = {"layer": toy.LAYER, "n_layers": N_LAYERS} | of
    study = StudyMethods(methods, frozenset(legacy))
    return findings_frame(list(of_degradation(areas, study, **at)))


def test_lime_is_compared_with_random_and_with_nothing_else(written):
    areas = copied(written["degradation_areas"], "lime", "lime_legacy", first_drop=pl.lit(0.0))
    both = {FIRST: FIRST, "lime": "lime", "lime_legacy": "lime"}
    assert degraded(areas, both, ["lime_legacy"]).filter(claim="lime_below_random").is_empty()
    for names in (("lime", "lime_legacy"), ("lime_legacy", "lime")):
        methods = {FIRST: FIRST} | dict.fromkeys(names, "lime") | {"random": "random"}
        row = of(degraded(areas, methods, ["lime_legacy"]), "lime_below_random")
        drops = areas.filter(collection="all", removal="deletion", order="most")
        one, other = (drops.filter(method=name)["first_drop"].item() for name in ("lime", "random"))
        assert (row["method"], row["value"]) == ("lime", pytest.approx(one - other))


def test_entries_of_a_method_are_told_apart(written):
    areas = copied(written["degradation_areas"], "lime", "lime_legacy", first_drop=pl.lit(0.5))
    methods = {"lime_legacy": "lime"} | toy.SETTINGS["methods"]
    methods = {FIRST: FIRST} | methods
    rows = degraded(areas, methods, ["lime_legacy"]).filter(claim="first_drop_lime")
    every = rows.filter(collection="all")
    assert every["method"].to_list() == ["lime_legacy", "lime"]
    assert every["value"][0] == 0.5 != every["value"][1]
    assert every["paper_value"].to_list() == [None, 0.043]
    assert every["paper"].to_list() == [None, ".043"] and set(every["n_collections"]) == {2}
    twice = degraded(areas, methods).filter(claim="faster_than_lime", collection="all")
    assert twice["paper"].to_list() == ["first drop .565, .043", None]  # only the first of a kind


def test_a_second_bottleneck_is_a_claim_without_the_papers_words(written):
    areas = written["degradation_areas"]
    own = (pl.col("method") == FIRST) & (pl.col("layer") == toy.LAYER)
    second = areas.filter(own).with_columns(
        method=pl.lit("old"), compared_with=pl.lit(FIRST), drop_difference=pl.lit(-0.1),
        drop_difference_low=pl.lit(-0.2), drop_difference_high=pl.lit(-0.05),
    )  # fmt: skip
    methods = {FIRST: FIRST, "old": FIRST}
    found = degraded(pl.concat([areas, second.cast(dict(areas.schema))]), methods, ["old"])
    row = of(found, "faster_than_bottleneck")
    assert (row["method"], row["value"], row["holds"]) == ("old", 0.1, "yes")
    assert row["paper"] is None and set(found["claim"]) <= set(CLAIMS)


@pytest.mark.parametrize("legacy", [(), ("lime",), (FIRST,)])
def test_words_of_the_paper_stand_beside_the_papers_method_alone(written, legacy):
    """The first method is another, or the bottleneck as published code has it."""
    names = toy.METHODS if FIRST in legacy else ["lime", FIRST, "random"]
    study = StudyMethods({name: name for name in names}, frozenset(legacy))
    areas = written["degradation_areas"].with_columns(compared_with=pl.lit(names[0]))
    rows = list(of_degradation(areas, study, toy.LAYER, N_LAYERS))
    summaries = ("truncation_summary", "truncated_rankings_summary")
    rows += of_robustness(*(written[name] for name in summaries), study)
    summaries = ("token_overlap_correlations", "top_passages_summary")
    rows += of_overlaps(*(written[name] for name in summaries), study)
    found = findings_frame(rows)
    said = set(found.drop_nulls("paper")["claim"])
    expected = {"first_drop_bottleneck", "first_drop_lime", "first_drop_integrated_gradients"}
    expected |= {"first_drop_random", "first_drop_leave_one_out", "lime_below_random"}
    expected -= {"first_drop_bottleneck"} if FIRST in legacy else set()
    expected -= {"first_drop_lime", "lime_below_random"} if "lime" in legacy else set()
    expected &= set(found["claim"])
    assert said == expected | {"overlap_falls_all", "top_overlap_below_first_stage"}
    assert of(found, "removed_both")["holds"] is None  # of another method's tokens: a number


def test_numbers_of_nine_steps_stand_beside_nine_steps(written):
    areas = written["degradation_areas"]
    assert areas["n_steps"].unique().to_list() == [toy.STEPS]
    found = degraded(areas.with_columns(n_steps=pl.lit(10, pl.Int64)), toy.SETTINGS["methods"])
    numbers = pl.col("claim").str.contains("first_drop|faster_than|lime_below")
    assert found.filter(numbers)["paper"].null_count() == found.filter(numbers).height > 0
    assert found.filter(~numbers)["paper"].null_count() == 0


# Layers


def test_the_layer_at_two_thirds_is_that_of_the_rankers_depth(written):
    areas, methods = written["degradation_areas"], toy.SETTINGS["methods"]
    claims = ["two_thirds_layer_fastest", "last_layer_slowest"]
    for asked, expected in (
        ({"layer": 1, "n_layers": 3}, claims),
        ({"layer": 0, "n_layers": 3}, claims[1:]),  # asked elsewhere
        ({"layer": 1, "n_layers": 4}, []),  # two thirds are 2, and 3 was not scored
        ({"layer": 1, "n_layers": None}, []),
    ):
        found = degraded(areas, methods, **asked)
        assert [one for one in claims if one in set(found["claim"])] == expected, asked
    partly = areas.filter(pl.col("layer").is_null() | (pl.col("layer") > 0))
    found = degraded(partly, methods)
    assert claims[0] not in set(found["claim"]) and claims[1] in set(found["claim"])


def test_special_tokens_are_asked_at_shares_of_the_rankers_depth():
    """Of 24 layers the 16th and the last; with two of them unscored there is nothing to say."""
    scores = {1: 0.9, 7: 0.2, 16: 0.3, 24: 0.8}
    rows = [
        (collection, "one", layer - 1, "cls", f"q{i}", score + 0.01 * i, 1)
        for collection in ("a", "b")
        for layer, score in scores.items()
        for i in range(8)
        if (collection, layer) != ("b", 7)
    ]
    names = ["collection", "method", "layer", "part", "query_id", "scaled", "n_pairs"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    parts = list(resample(frame, ["method", "layer", "part"], ["scaled"], 200))
    study = StudyMethods({"one": "information_bottleneck"})
    found = findings_frame(list(of_special_tokens(parts, study, 24)))
    late = of(found, "cls_rises_late")
    assert (late["layer"], late["value"], late["holds"]) == (23, pytest.approx(0.5), "yes")
    early = found.filter(claim="cls_falls_early").rows(named=True)
    (row,) = early  # in b its layer was not scored
    assert (row["collection"], row["n_collections"]) == ("a", 1)
    assert row["value"] == pytest.approx(-0.7)
    assert list(of_special_tokens(parts, study, 30)) == []
    assert list(of_special_tokens(parts, study, None)) == []


# How much is enough


def paired(n: int) -> Row:
    row = {"collection": "a", "aggregate": "max", "higher_percent": 100.0, "n_queries": n}
    return row | {"higher_percent_low": 60.0, "higher_percent_high": 100.0, "p_value_wilcoxon": 0.1}


@pytest.mark.parametrize(("n", "holds"), [(5, "undecided"), (6, "yes")])
def test_few_queries_decide_nothing(written, n, holds):
    nothing = written["sentence_order_summary"].clear()
    (row,) = of_order(nothing, pl.DataFrame([paired(n)]))
    assert row["holds"] == holds


def test_pairs_of_few_queries_decide_nothing():
    columns = ["important_early", "early", "important_late", "late", "n_pairs"]
    rows = [{"collection": "a", "layer": 1, "query_id": f"q{i}"} for i in range(5)]
    starts = pl.DataFrame(
        [row | dict(zip(columns, (9, 10, 1, 10, 4), strict=True)) for row in rows]
    )
    parts = list(resample(starts, ["layer"], columns[:4], 50))
    (row,) = of_positions(parts, 1, StudyMethods({"one": "information_bottleneck"}))
    assert (row["n"], row["value"], row["holds"]) == (20, pytest.approx(0.8), "undecided")


def test_a_finding_of_one_of_two_collections_says_so(written):
    matches = written["matched_positions_summary"].filter(collection="beta")
    rows = findings_frame(list(of_order(written["sentence_order_summary"], matches)))
    alone = rows.filter(claim="wrongly_higher_match_earlier_max")
    assert alone["collection", "n_collections"].rows() == [("beta", 1)]
    every = rows.filter(claim="reversed_lowers_p", collection="all")
    assert every["n_collections"].to_list() == [2]


def test_numbers_are_the_papers(shared):
    """Each number in a claim's words stands in the paper's text ; differences are of two."""
    text = next(Path(shared, "papers").glob("004_*.txt")).read_text(encoding="utf-8")
    plain = text.replace("−", "-")
    for key, claim in CLAIMS.items():
        numbers = re.findall(r"(?<![\d.])-?\d*\.\d+", claim.paper.replace("−", "-"))
        for number in numbers:
            assert number.lstrip("-") in plain, (key, number)
        whole = [float(number) for number in numbers]
        differences = [a - b for a in whole for b in whole]
        if claim.number is not None:
            assert any(abs(claim.number - one) < 1e-9 for one in whole + differences), key
