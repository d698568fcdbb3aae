"""One test over the queries of several collections, against OLS by hand and SciPy's bootstrap."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests

from relevance_neurons.ablation.pooled import POOLED, pooled_effects
from relevance_neurons.errors import UserError
from toys.measures import NONE, measures_of, sizes_of
from workflow_scripts.ablation import pool_effects

DOMAINS = {"a": "in", "b": "out", "c": "out", "d": "out"}
SIZES = {"a": 8, "b": 30, "c": 12, "d": 20}
SCHEME_SIZES = sizes_of({("S", 1.0): 5, ("S", 0.1): 1, ("E", 1.0): 0})


def values_of(collection: str, n_draws: int = 4) -> dict:
    rng = np.random.default_rng(ord(collection))
    n = SIZES[collection]
    original = rng.uniform(0.2, 1, n)
    values = {NONE: original, ("S", 1.0, 0): original - rng.exponential(0.06, n)}
    values["S", 0.1, 0] = original - rng.normal(0.01, 0.05, n)
    values["bottom:S", 1.0, 0] = original - rng.normal(0, 0.05, n)
    for draw in range(n_draws):
        values["random:S", 1.0, draw] = original - rng.normal(0, 0.02, n)
    return values


VALUES = {name: values_of(name) for name in DOMAINS}
MEASURES = pl.concat([measures_of(values, name) for name, values in VALUES.items()])


@pytest.fixture(scope="module")
def pooled() -> pl.DataFrame:
    return pooled_effects(MEASURES, SCHEME_SIZES, DOMAINS, replicates=4000)


def row_of(frame: pl.DataFrame, scheme: str, domain: str, level: float = 1.0) -> dict:
    return frame.filter(scheme=scheme, domain=domain, top_percent=level).row(0, named=True)


def means(names: str, cell: tuple) -> float:
    return np.mean([VALUES[name][cell].mean() for name in names])


@pytest.mark.parametrize(("domain", "names"), [("out", "bcd"), ("all", "abcd")])
def test_collections_count_alike(pooled, domain, names):
    found = row_of(pooled, "S", domain)
    original, pruned = means(names, NONE), means(names, ("S", 1.0, 0))
    assert (found["n_collections"], found["collections"]) == (len(names), list(names))
    assert found["n_queries"] == sum(SIZES[name] for name in names)
    assert (found["original"], found["pruned"]) == pytest.approx((original, pruned))
    assert found["difference_percent"] == pytest.approx(100 * (pruned / original - 1))


def test_p_values_are_of_least_squares_with_hc3(pooled):
    groups = [VALUES[name]["S", 1.0, 0] - VALUES[name][NONE] for name in "bcd"]
    y = np.concatenate(groups)
    x = np.repeat(np.eye(3), [len(one) for one in groups], axis=0)
    inverse = np.linalg.inv(x.T @ x)
    beta, leverage = inverse @ x.T @ y, np.einsum("ij,jk,ik->i", x, inverse, x)
    meat = x.T @ np.diag(((y - x @ beta) / (1 - leverage)) ** 2) @ x
    error = np.sqrt((inverse @ meat @ inverse).sum()) / 3
    expected = 2 * scipy.stats.t.sf(abs(beta.mean()) / error, len(y) - 3)
    found = row_of(pooled, "S", "out")
    assert found["p_value"] == pytest.approx(expected, rel=1e-6)
    size = scipy.stats.t.isf(0.025, len(y) - 3) + scipy.stats.norm.ppf(0.8)  # but for a little
    expected = 100 * size * error / means("bcd", NONE)
    assert found["detectable_percent"] == pytest.approx(expected, rel=0.01)
    assert found["detectable_percent"] < found["detectable_holm_percent"]


def test_interval_equals_scipys_bootstrap_within_each_collection(pooled):
    data = [np.stack([VALUES[name][NONE], VALUES[name]["S", 1.0, 0]]) for name in "bcd"]

    def difference(*places, axis=-1):
        chosen = [one[:, place.astype(int)] for one, place in zip(data, places, strict=True)]
        original, pruned = np.mean([one.mean(axis=-1) for one in chosen], axis=0)
        return 100 * (pruned / original - 1)

    expected = scipy.stats.bootstrap(
        [np.arange(one.shape[1]) for one in data], difference, method="percentile",
        n_resamples=4000, rng=np.random.default_rng(1),
    ).confidence_interval  # fmt: skip
    found, width = row_of(pooled, "S", "out"), expected.high - expected.low
    assert found["ci_low"] == pytest.approx(expected.low, abs=0.06 * width)
    assert found["ci_high"] == pytest.approx(expected.high, abs=0.06 * width)


def test_draws_are_the_same_neurons_on_every_collection(pooled):
    draws = np.array([means("bcd", ("random:S", 1.0, draw)) for draw in range(4)])
    found, observed = row_of(pooled, "S", "out"), means("bcd", ("S", 1.0, 0))
    assert found["p_value_random"] == (1 + np.sum(draws <= observed)) / 5
    score = (draws.mean() - observed) / (draws.std(ddof=1) * np.sqrt(1 + 1 / 4))
    assert found["p_value_random_t"] == pytest.approx(scipy.stats.t.sf(score, 3))
    assert found["p_value_matched"] is found["p_value_matched_t"] is None
    assert row_of(pooled, "random:S", "out")["p_value_random"] is None


def test_only_draws_that_all_collections_have_are_compared():
    """Of b draws 0 to 3, of the others 2 to 5."""
    shifted = MEASURES.with_columns(
        draw=pl.when(
            (pl.col("collection") != "b") & pl.col("scheme").str.starts_with("random")
        ).then(pl.col("draw") + 2).otherwise("draw")
    )  # fmt: skip
    found = row_of(pooled_effects(shifted, SCHEME_SIZES, DOMAINS, replicates=10), "S", "out")
    draws = [
        [VALUES[name]["random:S", 1.0, draw - 2 * (name != "b")].mean() for name in "bcd"]
        for draw in (2, 3)
    ]
    below = np.sum(np.mean(draws, axis=1) <= means("bcd", ("S", 1.0, 0)))
    assert found["p_value_random"] == (1 + below) / 3
    assert found["p_value_random_t"] is None  # two draws


def test_holm_is_over_domains_too(pooled):
    assert set(pooled["domain"]) == {"out", "all"}  # a single collection is in domain
    for schemes in (["S", "random:S"], ["bottom:S"]):
        family = pooled.filter(pl.col("scheme").is_in(schemes))
        assert len(family) == (6 if len(schemes) == 2 else 2)
        expected = multipletests(family["p_value"], method="holm")[1]
        np.testing.assert_allclose(family["p_value_holm"], expected)
        assert family["significant_holm"].to_list() == (expected <= 0.05).tolist()


def test_empty_schemes_have_rows_of_nulls(pooled):
    empty = pooled.filter(scheme="E")
    assert set(empty["domain"]) == {"out", "all"} and pooled.schema == POOLED
    told = ["scheme", "top_percent", "domain", "n_collections", "collections"]
    assert empty.drop(told).null_count().sum_horizontal()[0] == 2 * (len(POOLED) - len(told))


def test_a_domain_that_is_all_there_is_is_told_once():
    out = MEASURES.filter(pl.col("collection") != "a")
    found = pooled_effects(out, SCHEME_SIZES, DOMAINS, replicates=10)
    assert found["domain"].unique().to_list() == ["out"]
    one = MEASURES.filter(collection="b")
    assert pooled_effects(one, SCHEME_SIZES, DOMAINS).is_empty()


def test_a_kind_is_pooled_where_it_was_measured():
    gone = (pl.col("scheme") == "bottom:S") & pl.col("collection").is_in(["a", "c"])
    found = pooled_effects(MEASURES.filter(~gone), SCHEME_SIZES, DOMAINS, replicates=10)
    row = row_of(found, "bottom:S", "out")
    assert (row["collections"], row["n_queries"]) == (["b", "d"], 50)
    assert row["original"] == pytest.approx(means("bd", NONE))
    assert row_of(found, "S", "out")["n_collections"] == 3


def test_one_query_gives_a_difference_without_a_test(caplog):
    one = MEASURES.filter((pl.col("collection") != "c") | (pl.col("query_id") == "q0"))
    found = row_of(pooled_effects(one, SCHEME_SIZES, DOMAINS, replicates=10), "S", "out")
    assert found["difference_percent"] is not None
    assert [found[name] for name in ("p_value", "ci_low", "detectable_percent")] == [None] * 3
    assert "S at 1 % (out): no test over collections, found one of 1 query" in caplog.text


def test_measures_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="none for S at 0"):
        pooled_effects(MEASURES, sizes_of({("S", 1.0): 5}), DOMAINS)


def test_script_reads_the_collections_in_order(tmp_path, pooled):
    files = [tmp_path / f"{name}.parquet" for name in DOMAINS]
    for name, file in zip(DOMAINS, files, strict=True):
        MEASURES.filter(collection=name).drop("collection").write_parquet(file)
    SCHEME_SIZES.write_parquet(tmp_path / "sizes.parquet")
    output = tmp_path / "pooled_effects.parquet"
    settings = ["S", "T"], [1, 5], 0.05, 0
    pool_effects.main(files, DOMAINS, tmp_path / "sizes.parquet", *settings, output)
    found = pl.read_parquet(output)
    assert found.schema == POOLED and set(found["scheme"]) == {"S", "random:S", "bottom:S"}
    assert found["top_percent"].unique().to_list() == [1.0]
    same = ["scheme", "domain", "p_value", "difference_percent", "n_queries"]
    expected = pooled.filter(pl.col("top_percent") == 1, pl.col("scheme") != "E").select(same)
    assert found.select(same).equals(expected)
