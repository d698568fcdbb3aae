"""The saturation curve of attention: planted curves come back, and what says nothing is empty."""

import numpy as np
import polars as pl
import pytest
from scipy.optimize import approx_fprime

from relevance_neurons.mechanism import saturation
from relevance_neurons.mechanism.saturation import NO_FIT, Points, curve, fit_curve, r_squared
from relevance_neurons.mechanism.soft_tf import SCHEMA, fit_soft_tf
from workflow_scripts.mechanism import fit_soft_tf as script

HEADS = pl.DataFrame({"layer": [0, 0, 0], "head": [0, 1, 2], "is_matching": [True, False, False]})
TRUE = {"k1": 1.5, "b": 0.4}


def rows_of(n_queries=20, noise=0.02, seed=0):
    """query_attention of three heads: BM25's curve, a part of the length, all alike."""
    random = np.random.default_rng(seed)
    rows = []
    for query in range(n_queries):
        for doc in range(12):
            length = int(random.integers(20, 120))
            for word in ("wing", "heat", "-"):
                tf = int(random.integers(0, 6))
                rows.append((f"q{query:02d}", f"d{doc}", word, tf, length))
    keys = ["query_id", "doc_id", "word", "tf", "passage_words"]
    frame = pl.DataFrame(rows, schema=keys, orient="row")
    words = frame.filter(pl.col("word") != "-")
    mean = words.unique(["query_id", "doc_id"])["passage_words"].mean()
    points = Points(frame["tf"].to_numpy(), frame["passage_words"].to_numpy() / mean, None)
    exact = curve(points, **TRUE, height=0.3)
    exact = exact * (1 + noise * random.standard_normal(len(exact)))
    exact = np.stack([exact, 0.01 * points.tf, 0 * points.tf], axis=1)
    kinds = {"exact": exact, "total": exact + np.array([0.1, 0.0, 0.5]), "soft": 0 * exact + 0.2}
    lists = {
        name: pl.Series(one.astype(np.float32)).cast(pl.List(pl.Float32))
        for name, one in kinds.items()
    }
    return frame.with_columns(**lists)


@pytest.fixture(scope="module")
def fitted():
    return fit_soft_tf(rows_of(), HEADS, "toy", seed=0)


def row_of(frame, head, kind):
    return frame.filter((pl.col("head") == head) & (pl.col("kind") == kind)).row(0, named=True)


def test_a_planted_curve_comes_back(fitted):
    assert fitted.schema == SCHEMA
    for kind, floor in (("exact", 0.0), ("total", 0.1)):
        row = row_of(fitted, 0, kind)
        assert row["k1"] == pytest.approx(1.5, abs=0.2)
        assert row["b"] == pytest.approx(0.4, abs=0.05)
        assert row["k1_low"] < 1.5 < row["k1_high"] and row["b_low"] < 0.4 < row["b_high"]
        assert row["k1_high"] - row["k1_low"] < 1.0
        assert row["floor"] == pytest.approx(floor, abs=0.01)
        assert row["r_squared"] > 0.97
    assert row_of(fitted, 0, "exact")["height"] == pytest.approx(0.3, abs=0.02)


def test_words_are_counted_where_they_are_fitted(fitted):
    rows = rows_of()
    words = rows.filter(pl.col("word") != "-")
    assert row_of(fitted, 0, "total")["n_words"] == len(words)
    assert row_of(fitted, 0, "exact")["n_words"] == len(words.filter(pl.col("tf") > 0))
    assert row_of(fitted, 0, "total")["n_queries"] == 20


def test_a_straight_line_has_no_saturation(fitted):
    row = row_of(fitted, 1, "exact")
    assert row["k1"] == pytest.approx(saturation.K1_MOST, rel=0.05) and row["b"] < 0.05
    assert row["k1_low"] is None  # not a matching head


def test_what_does_not_rise_has_no_curve(fitted):
    for head, kind in ((2, "exact"), (2, "total"), (0, "soft")):
        row = row_of(fitted, head, kind)
        assert [row[name] for name in ("k1", "b", "r_squared", "k1_low")] == [None] * 4
        assert row["n_words"] > 0


def test_no_words_and_too_few_counts_have_no_curve():
    none = fit_soft_tf(rows_of().filter(pl.col("word") == "-"), HEADS, "toy", seed=0)
    assert len(none) == 9 and none["k1"].null_count() == 9 and set(none["n_words"]) == {0}
    one = fit_soft_tf(rows_of().filter(pl.col("tf") == 1), HEADS, "toy", seed=0)
    assert one["k1"].null_count() == 9 and one["n_words"].min() > 0


def test_the_order_of_rows_does_not_matter(fitted):
    shuffled = rows_of().sample(fraction=1.0, shuffle=True, seed=3)
    again = fit_soft_tf(shuffled, HEADS, "toy", seed=0)
    for name in ("k1", "b", "k1_low", "b_high", "r_squared"):
        np.testing.assert_allclose(
            fitted[name].fill_null(-1), again[name].fill_null(-1), rtol=1e-3, atol=1e-3
        )


def test_groups_give_the_fit_of_all_words():
    random = np.random.default_rng(0)
    tf, length = random.integers(1, 5, 400), random.choice([0.5, 1.0, 1.5], 400)
    ones = Points(tf.astype(float), length, np.ones(400))
    values = curve(ones, 1.2, 0.3, 0.2) + 0.01 * random.standard_normal(400)
    whole = fit_curve(ones, values, False)
    at, place = np.unique(np.stack([tf, length], axis=1), axis=0, return_inverse=True)
    counts = np.bincount(place.ravel())
    means = np.bincount(place.ravel(), values) / counts
    groups = Points(at[:, 0], at[:, 1], counts.astype(float))
    np.testing.assert_allclose(fit_curve(groups, means, False), whole, rtol=1e-4, atol=1e-6)
    expected = 1 - ((values - curve(ones, *whole)) ** 2).sum() / (400 * values.var())
    assert r_squared(groups, means, (values**2).sum(), whole) == pytest.approx(expected)


def test_slopes_are_those_of_the_curve():
    points = Points(np.array([0.0, 1, 2, 5]), np.array([0.5, 1, 2, 0.7]), np.ones(4))
    at = np.array([1.3, 0.4, 0.2, 0.1])
    numeric = approx_fprime(at, lambda own: curve(points, *own), 1e-7)
    np.testing.assert_allclose(saturation._slopes(points, *at), numeric, atol=1e-6)


def test_a_fit_that_does_not_converge_is_none(monkeypatch):
    def failing(*_, **__):
        raise RuntimeError("Optimal parameters not found")

    monkeypatch.setattr("scipy.optimize.curve_fit", failing)
    points = Points(np.arange(1.0, 7), np.ones(6), np.ones(6))
    assert fit_curve(points, curve(points, 1, 0, 1), False) == NO_FIT


def test_the_script_reads_the_studys_ranker_of_each_collection(tmp_path):
    rows = rows_of(n_queries=4).with_columns(ranker=pl.lit("study"))
    other = rows.with_columns(ranker=pl.lit("random:0"), exact=pl.col("soft"))
    pl.concat([rows, other]).write_parquet(tmp_path / "one.parquet")
    rows.filter(pl.col("tf") < 0).write_parquet(tmp_path / "two.parquet")
    HEADS.write_parquet(tmp_path / "heads.parquet")
    files = [str(tmp_path / f"{name}.parquet") for name in ("one", "two")]
    given = {"query_attention": files, "heads": str(tmp_path / "heads.parquet")}
    script.main(given, tmp_path / "made.parquet", {"collections": ["a", "b"], "seed": 0})
    made = pl.read_parquet(tmp_path / "made.parquet")
    assert made.group_by("collection", maintain_order=True).len().rows() == [("a", 9), ("b", 9)]
    assert row_of(made.filter(pl.col("collection") == "a"), 0, "exact")["k1"] is not None
    assert set(made.filter(pl.col("collection") == "b")["n_words"]) == {0}
