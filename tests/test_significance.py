"""Effects of ablations against SciPy, statsmodels, simulation and cases worked by hand."""

from __future__ import annotations

import logging
import warnings

import numpy as np
import polars as pl
import pytest
import scipy.stats
from statsmodels.stats.multitest import multipletests

import test_ablations
from relevance_neurons import significance
from relevance_neurons.errors import UserError
from relevance_neurons.significance import EFFECTS, ablation_effects, mean_interval

NONE = ("none", 0.0, 0)


def measures_of(values: dict, collection: str = "c") -> pl.DataFrame:
    """Frame from (scheme, top_percent, draw) -> value of each query."""
    frames = [
        pl.DataFrame(
            {
                "query_id": [f"q{i}" for i in range(len(value))],
                "value": np.asarray(value, dtype=float),
            }
        ).select(
            pl.lit(collection).alias("collection"),
            pl.lit(scheme).alias("scheme"),
            pl.lit(float(level)).alias("top_percent"),
            pl.lit(draw).alias("draw"),
            "query_id",
            pl.lit("nDCG@10").alias("measure"),
            "value",
        )
        for (scheme, level, draw), value in values.items()
    ]
    return pl.concat(frames)


def sizes_of(sizes: dict) -> pl.DataFrame:
    rows = [(scheme, level, n) for (scheme, level), n in sizes.items()]
    return pl.DataFrame(rows, schema=["scheme", "top_percent", "n_neurons"], orient="row")


def effect(values: dict, sizes: dict | None = None, **options) -> dict:
    """The row of scheme S at 1 %."""
    effects = ablation_effects(
        measures_of(values), sizes_of(sizes or {("S", 1.0): 5}), **{"replicates": 200} | options
    )
    return effects.row(by_predicate=pl.col("scheme") == "S", named=True)


@pytest.fixture(scope="module")
def study() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Three schemes at two levels with four draws each, on two collections of 30 queries."""
    random = np.random.default_rng(1)
    frames = []
    for collection in ("first", "second"):
        original = random.uniform(0, 1, 30)
        values = {NONE: original}
        for scheme, loss in (("P", 0.0), ("N", 0.05), ("F", 0.2)):
            for level in (0.1, 1.0):
                values[scheme, level, 0] = original - loss * level + random.normal(0, 0.05, 30)
                for draw in range(4):
                    noise = random.normal(0, 0.02, 30)
                    values[f"random:{scheme}", level, draw] = original + noise
        frames.append(measures_of(values, collection))
    sizes = sizes_of({(s, level): int(100 * level) for s in "PNF" for level in (0.1, 1.0)})
    return pl.concat(frames), sizes


def test_p_values_equal_scipy_and_statsmodels(study):
    measures, sizes = study
    effects = ablation_effects(measures, sizes, replicates=100)
    assert effects.height == 2 * 3 * 2 * 2
    p_values = []
    for row in effects.iter_rows(named=True):
        of = measures.filter(collection=row["collection"]).sort("query_id")
        pruned = of.filter(scheme=row["scheme"], top_percent=row["top_percent"])
        pruned = pruned.group_by("query_id").agg(pl.col("value").mean()).sort("query_id")["value"]
        differences = (pruned - of.filter(scheme="none")["value"]).to_numpy()
        p_values.append(scipy.stats.ttest_1samp(differences, 0).pvalue)
        assert row["p_value"] == pytest.approx(p_values[-1], rel=1e-6)
    rejected, holm, *_ = multipletests(p_values, alpha=0.05, method="holm")
    np.testing.assert_allclose(effects["p_value_holm"], holm, rtol=1e-6)
    assert effects["significant_holm"].to_list() == rejected.tolist()
    assert effects["significant"].to_list() == [p <= 0.05 for p in p_values]
    assert 0 < sum(rejected) < effects["significant"].sum() < effects.height


def test_interval_equals_scipys_paired_bootstrap():
    random = np.random.default_rng(2)
    original = random.uniform(0.1, 1, 60)
    pruned = original * 0.8 + random.normal(0, 0.1, 60)

    def difference(one, other, axis=-1):
        return 100 * (other.mean(axis=axis) / one.mean(axis=axis) - 1)

    expected = scipy.stats.bootstrap(
        (original, pruned),
        difference,
        paired=True,
        method="percentile",
        n_resamples=20_000,
        rng=np.random.default_rng(3),
    ).confidence_interval
    found = effect({NONE: original, ("S", 1.0, 0): pruned}, replicates=20_000)
    width = expected.high - expected.low
    assert found["ci_low"] == pytest.approx(expected.low, abs=0.03 * width)
    assert found["ci_high"] == pytest.approx(expected.high, abs=0.03 * width)


def test_interval_covers_the_true_difference_95_times_in_100():
    random = np.random.default_rng(4)
    frames = []
    for collection in range(400):
        original = random.uniform(0.2, 1, 50)
        pruned = 0.9 * original + random.normal(0, 0.1, 50)
        frames.append(measures_of({NONE: original, ("S", 1.0, 0): pruned}, str(collection)))
    effects = ablation_effects(pl.concat(frames), sizes_of({("S", 1.0): 1}), replicates=500)
    covered = effects.filter((pl.col("ci_low") <= -10) & (pl.col("ci_high") >= -10)).height / 400
    assert 0.91 <= covered <= 0.98


def test_mean_interval_covers_the_mean_and_equals_scipy():
    random = np.random.default_rng(5)
    samples = random.exponential(1, (300, 60))
    intervals = [mean_interval(sample, replicates=400) for sample in samples]
    assert 0.89 <= np.mean([one.low <= 1 <= one.high for one in intervals]) <= 0.98
    expected = scipy.stats.bootstrap(
        (samples[0],), np.mean, method="percentile", n_resamples=20_000, confidence_level=0.9,
        rng=np.random.default_rng(6),
    ).confidence_interval  # fmt: skip
    found = mean_interval(samples[0], confidence=0.9, replicates=20_000)
    assert found.mean == samples[0].mean()
    assert (found.low, found.high) == pytest.approx(tuple(expected), abs=0.01)


def test_mean_interval_of_one_value_has_no_bounds():
    assert mean_interval(np.array([0.5])) == (0.5, None, None)
    with pytest.raises(ValueError, match="n > 0"):
        mean_interval(np.array([]))


def test_effect_worked_by_hand():
    found = effect({NONE: [0.5, 0.5, 1.0], ("S", 1.0, 0): [0.4, 0.5, 0.8]})
    assert found["original"] == pytest.approx(2 / 3)
    assert found["pruned"] == pytest.approx(1.7 / 3)
    assert found["difference_percent"] == pytest.approx(-15)
    # differences -.1, 0, -.2: mean -.1, standard deviation .1, t = -sqrt(3), 2 degrees of freedom:
    # p = 1 - t / sqrt(t^2 + 2)
    assert found["p_value"] == pytest.approx(1 - np.sqrt(3 / 5))
    assert (found["n_queries"], found["n_neurons"], found["n_draws"]) == (3, 5, 1)


def test_holm_worked_by_hand(monkeypatch):
    p_values = iter([0.04, 0.01, 0.02])
    monkeypatch.setattr(significance, "_paired_p", lambda *_: next(p_values))
    values = {NONE: [1.0, 1.0]} | {(scheme, 1.0, 0): [0.9, 1.0] for scheme in "ABC"}
    sizes = {(scheme, 1.0): 1 for scheme in "ABC"}
    effects = ablation_effects(measures_of(values), sizes_of(sizes), alpha=0.035, replicates=10)
    assert effects["p_value_holm"].to_list() == pytest.approx([0.04, 0.03, 0.04])
    assert effects["significant_holm"].to_list() == [False, True, False]
    assert effects["significant"].to_list() == [False, True, True]


def test_random_scheme_is_the_mean_over_its_draws():
    draws = {("random:S", 1.0, 0): [0.2, 0.4], ("random:S", 1.0, 1): [0.4, 0.8]}
    effects = ablation_effects(
        measures_of({NONE: [0.5, 0.5], ("S", 1.0, 0): [0.5, 0.5]} | draws),
        sizes_of({("S", 1.0): 7}),
        replicates=10,
    )
    row = effects.row(by_predicate=pl.col("scheme") == "random:S", named=True)
    assert row["pruned"] == pytest.approx(0.45)
    assert row["difference_percent"] == pytest.approx(-10)
    # differences -.2 and .1: t = -.05 / .15, 1 degree of freedom: p = 1 - 2 atan(|t|) / pi
    assert row["p_value"] == pytest.approx(1 - 2 * np.arctan(1 / 3) / np.pi)
    assert (row["draw_low"], row["draw_high"]) == pytest.approx((-40, 20))
    assert (row["n_draws"], row["n_neurons"], row["p_value_random"]) == (2, 7, None)


@pytest.mark.parametrize(
    ("pruned", "expected"), [(0.3, 1 / 5), (0.6, 2 / 5), (0.65, 2 / 5), (0.8, 4 / 5), (1.0, 1.0)]
)
def test_empirical_p_counts_draws_that_lose_at_least_as_much(pruned, expected):
    draws = {("random:S", 1.0, i): [x, x] for i, x in enumerate([0.6, 0.7, 0.7, 0.9])}
    found = effect({NONE: [1.0, 1.0], ("S", 1.0, 0): [pruned, pruned]} | draws)
    assert found["p_value_random"] == pytest.approx(expected)


def test_identical_rankings_have_p_1_without_a_warning():
    values = np.array([0.1, 0.7, 0.3])
    draws = {("random:S", 1.0, draw): values for draw in range(3)}
    assert (np.mean([values] * 3, axis=0) != values).any()  # rounding alone
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        effects = ablation_effects(
            measures_of({NONE: values, ("S", 1.0, 0): values} | draws), sizes_of({("S", 1.0): 1})
        )
    assert effects["p_value"].to_list() == [1.0, 1.0]
    assert effects["difference_percent"].to_list() == pytest.approx([0, 0], abs=1e-9)
    assert effects["ci_low"].to_list() == pytest.approx([0, 0], abs=1e-9)
    assert effects["p_value_random"].to_list() == [1.0, None]


def test_equal_losses_of_all_queries_are_significant_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = effect({NONE: [0.5, 0.75, 1.0], ("S", 1.0, 0): [0.25, 0.5, 0.75]})
    assert found["p_value"] == pytest.approx(0, abs=1e-12)


def test_empty_scheme_has_nulls_not_an_effect_of_zero():
    values = {NONE: [0.5, 1.0], ("S", 1.0, 0): [0.5, 0.5], ("E", 1.0, 0): [0.5, 1.0]}
    sizes = {("S", 1.0): 1, ("E", 1.0): 0, ("E", 0.1): 0}
    effects = ablation_effects(measures_of(values), sizes_of(sizes), replicates=10)
    assert effects.schema == EFFECTS
    empty = effects.filter(scheme="E")
    assert empty["top_percent"].to_list() == [0.1, 1.0]
    assert empty["n_neurons"].to_list() == [0, 0]
    nothing = empty.drop("scheme", "top_percent", "collection", "n_neurons")
    assert nothing.null_count().row(0) == (2,) * nothing.width
    tested = effects.row(by_predicate=pl.col("scheme") == "S", named=True)
    assert tested["p_value_holm"] == tested["p_value"]  # one test in all


def test_one_query_has_no_p_and_the_log_says_why(caplog):
    with caplog.at_level(logging.WARNING):
        found = effect({NONE: [0.5], ("S", 1.0, 0): [0.4]})
    assert found["difference_percent"] == pytest.approx(-20)
    assert (found["p_value"], found["p_value_holm"], found["ci_low"]) == (None, None, None)
    assert "S on c: no t-test, found 1 query, needs 2" in caplog.text


def test_difference_of_a_ranker_that_finds_nothing_is_null():
    draws = {("random:S", 1.0, 0): [0.0, 0.1]}
    found = effect({NONE: [0.0, 0.0], ("S", 1.0, 0): [0.0, 0.2]} | draws)
    assert (found["difference_percent"], found["ci_low"], found["p_value_random"]) == (None,) * 3
    assert found["p_value"] == pytest.approx(0.5)  # t = 1, 1 degree of freedom


def test_replicates_without_an_answered_query_are_left_out():
    found = effect({NONE: [0.0, 0.0, 1.0], ("S", 1.0, 0): [0.0, 0.0, 0.5]}, replicates=1000)
    assert (found["ci_low"], found["ci_high"]) == pytest.approx((-50, -50))


def test_same_seed_same_effects_whatever_the_order_and_the_other_collections(study):
    measures, sizes = study
    effects = ablation_effects(measures, sizes, replicates=100, seed=7)
    shuffled = measures.sample(fraction=1, shuffle=True, seed=1)
    assert ablation_effects(shuffled, sizes, replicates=100, seed=7).equals(effects)
    alone = ablation_effects(measures.filter(collection="second"), sizes, replicates=100, seed=7)
    bounds = ["scheme", "top_percent", "ci_low", "ci_high"]
    assert alone.select(bounds).equals(effects.filter(collection="second").select(bounds))
    other = ablation_effects(measures, sizes, replicates=100, seed=8)
    assert not other["ci_low"].equals(effects["ci_low"])


def test_blocks_of_replicates_do_not_change_the_result(study, monkeypatch):
    measures, sizes = study
    effects = ablation_effects(measures, sizes, replicates=100)
    monkeypatch.setattr(significance, "_COUNTS_AT_ONCE", 30 * 7)
    blocks = ablation_effects(measures, sizes, replicates=100)
    np.testing.assert_allclose(blocks["ci_low"], effects["ci_low"], rtol=1e-9)


@pytest.mark.parametrize(
    ("values", "sizes", "message"),
    [
        ({("S", 1.0, 0): [1.0]}, {("S", 1.0): 1}, "no rows of scheme none"),
        ({NONE: [1.0, 1.0], ("S", 1.0, 0): [1.0]}, {("S", 1.0): 1}, "S at 1.0 % .* has 1 values"),
        ({NONE: [1.0, np.nan], ("S", 1.0, 0): [1.0, 1.0]}, {("S", 1.0): 1}, "a value is missing"),
        ({NONE: [1.0], ("S", 1.0, 0): [1.0]}, {("S", 0.1): 1}, "none for S at 1.0 %"),
    ],
)
def test_measures_that_do_not_fit_are_refused(values, sizes, message):
    with pytest.raises(UserError, match=message):
        ablation_effects(measures_of(values), sizes_of(sizes), replicates=10)


def test_two_measures_are_refused(study):
    measures, sizes = study
    both = pl.concat([measures, measures.with_columns(measure=pl.lit("RR"))])
    with pytest.raises(UserError, match=r"found \['RR', 'nDCG@10'\], one is allowed"):
        ablation_effects(both, sizes)


def test_script_reads_the_collections_in_order(study, tmp_path):
    measures, sizes = study
    files = []
    for (collection,), frame in measures.partition_by("collection", as_dict=True).items():
        files.append(tmp_path / f"file_{len(files)}.parquet")
        frame.drop("collection").write_parquet(files[-1])
        assert collection == ["first", "second"][len(files) - 1]
    sizes.write_parquet(tmp_path / "sizes.parquet")
    output = tmp_path / "ablation_effects.parquet"
    ablated = [*sizes["scheme"].unique(), "P_of_no_study"]
    names = ["first", "second"]
    test_ablations.main(files, tmp_path / "sizes.parquet", output, names, ablated, 0.05, 3)
    assert pl.read_parquet(output).equals(ablation_effects(measures, sizes, seed=3))
