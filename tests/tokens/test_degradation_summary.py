"""Degradation curves and areas: against sums by hand, plain resampling, SciPy, statsmodels."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from scipy.stats import t, ttest_rel
from statsmodels.stats.multitest import multipletests

from relevance_neurons.running.sql import run_sql
from relevance_neurons.tokens.degradation_curves import curves_frame, degradation_curves
from relevance_neurons.tokens.degradation_tests import degradation_areas
from toys import synthetic_tokens as toy
from workflow_scripts.tokens import summarise_degradation

PLACE = {"removal": "deletion", "order": "most"}
KEYS = ["collection", "query_id", "doc_id", "label", "removal"]


@pytest.fixture(scope="module")
def steps() -> pl.DataFrame:
    return pl.concat(
        toy.token_degradation(one, of) for one in toy.COLLECTIONS for of in toy.METHODS
    )


@pytest.fixture(scope="module")
def results() -> dict[str, pl.DataFrame]:
    return toy.summaries()


@pytest.fixture(scope="module")
def by_hand(steps) -> pl.DataFrame:
    """Every step with its pair's original and floor, by polars alone."""
    last = steps.filter(pl.col("step") == toy.STEPS)
    floors = last.group_by(KEYS).agg(floor=pl.col("p_label").min())
    pair = ["collection", "method", "layer", "query_id", "doc_id", "label", "removal", "order"]
    first = steps.filter(step=0).select(*pair, original="p_label")
    return steps.join(floors, on=KEYS).join(first, on=pair, nulls_equal=True)


def of_curve(frame: pl.DataFrame, collection: str, method: str, **more) -> pl.DataFrame:
    layer = toy.LAYER if method == toy.METHODS[0] else None
    at = pl.col("layer").eq_missing(pl.lit(layer, pl.Int32))
    return frame.filter(at, collection=collection, method=method, **PLACE | more)


def normalised(frame: pl.DataFrame) -> float:
    p, original, floor = (frame[name].mean() for name in ("p_label", "original", "floor"))
    return (p - floor) / (original - floor)


@pytest.mark.parametrize("method", toy.METHODS)
def test_a_point_is_the_normalised_mean_over_pairs(results, by_hand, method):
    curve = of_curve(results["degradation_curves"], "alpha", method).sort("step")
    assert curve["step"].to_list() == list(range(toy.STEPS + 1))
    assert curve["normalised"][0] == 1 and (curve["n_pairs"] == 24).all()
    for row in curve.iter_rows(named=True):
        pairs = of_curve(by_hand, "alpha", method, step=row["step"])
        assert row["p_label"] == pytest.approx(pairs["p_label"].mean())
        assert row["normalised"] == pytest.approx(normalised(pairs))


def test_the_floor_is_the_lowest_of_all_methods(results, by_hand):
    """The methods' own ends differ in the toy: only the first method's curve ends at 0."""
    ends = results["degradation_curves"].filter(step=toy.STEPS, collection="alpha", **PLACE)
    of = dict(ends.select("method", "normalised").iter_rows())
    assert of[toy.METHODS[0]] == pytest.approx(0)
    assert all(of[method] > 1e-4 for method in toy.METHODS[1:])
    masked = by_hand.filter(removal="mask", step=toy.STEPS, method=toy.METHODS[0])
    assert np.allclose(masked["floor"], 0.05)  # not the floor of deletion, .03


def test_intervals_resample_queries_with_all_their_pairs(by_hand, results):
    of = of_curve(by_hand, "alpha", "lime", step=3)
    queries = of.partition_by("query_id")
    rng = np.random.default_rng(1)
    found = [
        normalised(pl.concat([queries[i] for i in rng.integers(0, len(queries), len(queries))]))
        for _ in range(1500)
    ]
    row = of_curve(results["degradation_curves"], "alpha", "lime", step=3).row(0, named=True)
    width = row["ci_high"] - row["ci_low"]
    assert width > 0
    assert np.quantile(found, [0.025, 0.975]) == pytest.approx(
        [row["ci_low"], row["ci_high"]], abs=0.1 * width
    )


def test_first_drops_and_areas(results, by_hand):
    for method in toy.METHODS:
        row = of_curve(results["degradation_areas"], "beta", method).row(0, named=True)
        first = of_curve(by_hand, "beta", method, step=1)
        drop = (first["original"] - first["p_label"]).mean()
        assert row["first_drop"] == pytest.approx(drop)
        assert row["first_drop_low"] < drop < row["first_drop_high"]
        assert row["first_drop_normalised"] == pytest.approx(1 - normalised(first))
        points = [normalised(of_curve(by_hand, "beta", method, step=i + 1)) for i in range(9)]
        assert row["area"] == pytest.approx(np.mean(points))
        assert row["area_low"] < row["area"] < row["area_high"]
        after = of_curve(by_hand.filter(pl.col("step") > 0), "beta", method)
        drop = (after["original"] - after["p_label"]).mean()
        assert row["mean_drop"] == pytest.approx(drop)
        assert row["mean_drop_low"] < drop < row["mean_drop_high"]


def test_methods_are_tested_against_the_first(results, by_hand):
    areas = results["degradation_areas"]
    after = by_hand.filter(pl.col("step") > 0)

    def values(method: str) -> pl.Series:
        mean = pl.col("p_label").sum() / toy.STEPS
        rows = of_curve(after, "alpha", method).group_by("query_id").agg(mean)
        return rows.sort("query_id")["p_label"]

    first = of_curve(areas, "alpha", toy.METHODS[0]).row(0, named=True)
    assert first["compared_with"] is None and first["p_value"] is None
    for method in toy.METHODS[1:]:
        row = of_curve(areas, "alpha", method).row(0, named=True)
        assert row["compared_with"] == toy.METHODS[0]
        assert row["difference"] == pytest.approx(row["area"] - first["area"])
        assert row["difference_low"] < row["difference"] < row["difference_high"]
        assert row["drop_difference"] == pytest.approx(row["mean_drop"] - first["mean_drop"])
        assert row["drop_difference_low"] < row["drop_difference"] < row["drop_difference_high"]
        expected = ttest_rel(values(method), values(toy.METHODS[0])).pvalue
        assert row["p_value"] == pytest.approx(expected)
    tested = areas.drop_nulls("p_value")
    assert len(tested) == 3 * 4 * 4  # alpha, beta and all; ways and orders; methods
    corrected = multipletests(tested["p_value"], method="holm")[1]
    assert tested["p_value_holm"].to_list() == pytest.approx(corrected.tolist())


def test_other_layers_are_there_and_not_tested(results):
    layered = results["degradation_areas"].filter(method=toy.METHODS[0])
    assert layered["layer"].unique().sort().to_list() == toy.LAYERS
    assert layered["p_value"].null_count() == len(layered)
    of = layered.filter(collection="beta", **PLACE).sort("layer")
    drops, found = of["mean_drop"].to_list(), of["drop_difference"].to_list()
    assert found == [pytest.approx(drops[0] - drops[1]), None, pytest.approx(drops[2] - drops[1])]
    row = of.row(2, named=True)
    width = row["drop_difference_high"] - row["drop_difference_low"]
    assert 0 < width < row["mean_drop_high"] - row["mean_drop_low"]  # paired


def test_collections_count_alike(results):
    curves, areas = results["degradation_curves"], results["degradation_areas"]
    for frame, column in ((curves, "normalised"), (curves, "p_label"), (areas, "difference")):
        of = {"step": 2} if "step" in frame.columns else {}
        one, other, every = (
            of_curve(frame, name, "lime", **of)[column].item() for name in ("alpha", "beta", "all")
        )
        assert every == pytest.approx((one + other) / 2)
    alpha, every = (of_curve(areas, name, "lime").row(0, named=True) for name in ("alpha", "all"))
    width = every["area_high"] - every["area_low"]
    assert 0.5 < width / (alpha["area_high"] - alpha["area_low"]) < 0.9  # about 1 / sqrt(2)
    assert every["n_pairs"] == 48


def test_a_test_over_collections_is_of_the_mean_over_pairs(steps):
    """One pair a query with p higher by d, three with p lower by d / 3: sums would cancel."""
    sums = summed(steps.filter(method="lime", collection="alpha", **PLACE))
    rng = np.random.default_rng(0)
    frames, drawn = [], []
    for collection, n_pairs, d in (("alpha", 1, 0.2), ("beta", 3, -0.2 / 3)):
        own = sums.with_columns(collection=pl.lit(collection), n_pairs=pl.lit(n_pairs))
        own = own.with_columns(pl.col("p_label", "original", "floor") * n_pairs)
        queries = own["query_id"].unique().sort()
        drawn.append(d + rng.normal(0, 0.02, len(queries)))
        more = pl.DataFrame({"query_id": queries, "more": n_pairs * drawn[-1]})
        other = own.join(more, on="query_id").with_columns(
            method=pl.lit("other"),
            p_label=pl.col("p_label") + pl.when(pl.col("step") > 0).then("more").otherwise(0),
        )
        frames += [own, other.drop("more")]
    both = pl.concat(frames)
    curves = [curve for place in degradation_curves(both, 200) for curve in place]
    areas = degradation_areas(curves, both, ["lime", "other"], 0)
    row = areas.filter(method="other", collection="all").row(0, named=True)
    means = [one.mean() for one in drawn]
    assert row["drop_difference"] == pytest.approx(-np.mean(means))
    error = np.sqrt(sum(one.var(ddof=1) / (len(one) - 1) for one in drawn)) / 2  # HC3 of means
    t_of_mean, freedom = np.mean(means) / error, sum(map(len, drawn)) - 2
    assert row["p_value"] == pytest.approx(2 * t.sf(t_of_mean, freedom), rel=1e-6)
    assert row["p_value"] < 0.001
    assert row["drop_difference_high"] < 0


def test_an_equal_method_does_not_differ(steps):
    one = steps.filter(pl.col("method") == "lime", collection="alpha")
    both = pl.concat([one, one.with_columns(method=pl.lit("twin"))])
    sums = summed(both)
    curves = [curve for place in degradation_curves(sums, 200) for curve in place]
    row = degradation_areas(curves, sums, ["lime", "twin"], 0).filter(method="twin")
    assert row["p_value"].to_list() == [1.0] * 4
    assert row["difference_low"].to_list() == row["difference_high"].to_list() == [0.0] * 4


def summed(steps: pl.DataFrame) -> pl.DataFrame:
    by = ["collection", "method", "layer", "removal", "order", "step", "share", "query_id"]
    return steps.group_by(by).agg(
        pl.col("p_label").sum(),
        original=pl.lit(0.9) * pl.len(),
        floor=pl.lit(0.1) * pl.len(),
        n_pairs=pl.len(),
    )


def test_pairs_with_nothing_to_lose_have_no_normalised_curve(steps):
    sums = summed(steps.filter(method="lime", collection="alpha"))
    flat = sums.with_columns(original=pl.col("floor"))
    curves = [curve for place in degradation_curves(flat, 200) for curve in place]
    frame = curves_frame(curves)
    assert frame["normalised"].null_count() == frame["ci_low"].null_count() == len(frame) > 0
    assert frame["p_label"].null_count() == 0
    areas = degradation_areas(curves, flat, ["lime"], 0)
    assert areas["area"].null_count() == len(areas) and areas["first_drop"].null_count() == 0
    assert areas["mean_drop_low"].null_count() == 0


def test_curves_of_other_pairs_are_not_compared(steps):
    sums = summed(steps.filter(collection="alpha"))
    fewer = sums.filter((pl.col("method") != "lime") | (pl.col("query_id") != "q3"))
    with pytest.raises(ValueError, match="curves of other pairs"):
        list(degradation_curves(fewer, 10))


def test_one_query_has_no_interval(steps):
    sums = summed(steps.filter(query_id="q4", collection="alpha"))
    curves = [curve for place in degradation_curves(sums, 10) for curve in place]
    frame = curves_frame(curves)
    assert frame["normalised"].null_count() == 0
    assert frame["ci_low"].null_count() == len(frame) > 0
    areas = degradation_areas(curves, sums, toy.METHODS, toy.LAYER)
    assert areas["p_value"].null_count() == len(areas)


def test_sums_are_the_same_whatever_the_order_of_rows(steps, tmp_path):
    found = []
    for place, frame in enumerate((steps, steps.reverse())):
        file = tmp_path / f"{place}.parquet"
        frame.write_parquet(file)
        query = summarise_degradation.SQL
        found.append(run_sql(query, token_degradation=[str(file)]))
    assert found[0].equals(found[1])
    assert len(found[0]) == 2 * 7 * 4 * 10 * 12
