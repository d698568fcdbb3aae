"""Effects of ablations against SciPy, statsmodels, simulation and cases worked by hand."""

from __future__ import annotations

import itertools
import logging
import warnings

import numpy as np
import polars as pl
import pytest
import scipy.stats
from polars.testing import assert_frame_equal
from statsmodels.stats.multitest import multipletests

from relevance_neurons.ablation.significance import EFFECTS, ablation_effects
from relevance_neurons.errors import UserError
from relevance_neurons.statistics import bootstrap, paired_tests
from relevance_neurons.statistics.bootstrap import mean_interval
from toys.measures import NONE, measures_of, sizes_of
from workflow_scripts.ablation import test_ablations


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
    monkeypatch.setattr(paired_tests, "paired_p", lambda *_: next(p_values))
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
    monkeypatch.setattr(bootstrap, "_COUNTS_AT_ONCE", 30 * 7)
    blocks = ablation_effects(measures, sizes, replicates=100)
    np.testing.assert_allclose(blocks["ci_low"], effects["ci_low"], rtol=1e-9)


# What is attainable, equivalence, and the further kinds


def floored(seed: int = 8, n: int = 60) -> dict:
    random = np.random.default_rng(seed)
    original = random.uniform(0.3, 1, n)
    shuffled = {("shuffled", 0, i): random.uniform(0, 0.4, n) for i in range(5)}
    return {
        NONE: original,
        ("S", 1.0, 0): 0.7 * original + random.normal(0, 0.1, n),
    } | shuffled


def test_attainable_worked_by_hand():
    shuffled = {("shuffled", 0, 0): [0.1, 0.3], ("shuffled", 0, 1): [0.3, 0.1]}
    found = effect({NONE: [0.6, 0.8], ("S", 1.0, 0): [0.5, 0.4]} | shuffled)
    assert found["floor"] == pytest.approx(0.2)
    assert found["attainable_percent"] == pytest.approx(100 * (0.45 - 0.7) / (0.7 - 0.2))


def test_attainable_interval_equals_scipys_paired_bootstrap():
    values = floored()
    floor = np.mean([value for (scheme, *_), value in values.items() if scheme == "shuffled"], 0)

    def attainable(original, pruned, floor, axis=-1):
        mean = original.mean(axis=axis)
        return 100 * (pruned.mean(axis=axis) - mean) / (mean - floor.mean(axis=axis))

    data = (values[NONE], values["S", 1.0, 0], floor)
    expected = scipy.stats.bootstrap(
        data, attainable, paired=True, method="percentile", n_resamples=20_000,
        rng=np.random.default_rng(3),
    ).confidence_interval  # fmt: skip
    found = effect(values, replicates=20_000)
    assert found["attainable_percent"] == pytest.approx(attainable(*data))
    width = expected.high - expected.low
    assert found["attainable_low"] == pytest.approx(expected.low, abs=0.03 * width)
    assert found["attainable_high"] == pytest.approx(expected.high, abs=0.03 * width)


def test_the_floor_changes_nothing_else():
    values = floored()
    without = {key: value for key, value in values.items() if key[0] != "shuffled"}
    added = ["floor", "attainable_percent", "attainable_low", "attainable_high"]
    found, plain = effect(values), effect(without)
    assert [plain.pop(name) for name in added] == [None] * 4
    assert {name: found[name] for name in plain} == pytest.approx(plain)


@pytest.mark.parametrize("floor", [0.7, 0.9])
def test_nothing_is_attainable_below_the_floor(floor):
    found = effect({NONE: [0.7, 0.7], ("S", 1.0, 0): [0.4, 0.6], ("shuffled", 0, 0): [floor] * 2})
    assert found["floor"] == pytest.approx(floor)
    names = ["attainable_percent", "attainable_low", "attainable_high"]
    assert [found[name] for name in names] == [None] * 3
    assert found["ci_low"] is not None


def test_no_share_of_the_attainable_where_the_original_may_be_the_floor():
    random = np.random.default_rng(9)
    original = random.uniform(0, 1, 30)
    floor = original - random.normal(0.02, 0.3, 30)
    values = {NONE: original, ("S", 1.0, 0): original / 2, ("shuffled", 0, 0): floor}
    found = effect(values | {("shuffled", 0, 0): floor - floor.mean() + original.mean() - 0.01})
    assert found["floor"] == pytest.approx(original.mean() - 0.01)
    names = ["attainable_percent", "attainable_low", "attainable_high"]
    assert [found[name] for name in names] == [None] * 3  # not some -2500 %


def test_equivalence_equals_two_t_tests():
    random = np.random.default_rng(10)
    original = random.uniform(0.2, 1, 80)
    for shift, margin in ((0.0, 2), (-0.01, 2), (0.011, 2), (-0.03, 2), (0.0, 10), (0.0, 0.1)):
        pruned = original + shift + random.normal(0, 0.03, 80)
        found = effect({NONE: original, ("S", 1.0, 0): pruned}, equivalence_margin=margin)
        allowed = margin / 100 * original.mean()
        p_values = [
            scipy.stats.ttest_1samp(pruned - original, -allowed, alternative="greater").pvalue,
            scipy.stats.ttest_1samp(pruned - original, allowed, alternative="less").pvalue,
        ]
        assert found["p_equivalence"] == pytest.approx(max(p_values), rel=1e-6)
        assert found["equivalent"] == (max(p_values) <= 0.05)


def test_equivalence_is_declared_5_times_in_100_at_the_margin():
    random = np.random.default_rng(11)
    frames = []
    for collection in range(1000):
        original = random.uniform(0.2, 1, 40)
        pruned = original - 0.02 * original.mean() + random.normal(0, 0.02, 40)
        frames.append(measures_of({NONE: original, ("S", 1.0, 0): pruned}, str(collection)))
    effects = ablation_effects(pl.concat(frames), sizes_of({("S", 1.0): 1}), replicates=2)
    assert 0.03 <= effects["equivalent"].mean() <= 0.07


@pytest.mark.parametrize(("pruned", "p"), [(0.5, 0.0), (0.4951, 0.0), (0.49, 1.0), (0.6, 1.0)])
@pytest.mark.parametrize("n", [2, 9, 10, 30])
def test_equivalence_of_equal_differences_is_known_of_enough_queries(pruned, p, n):
    """Without variance the test has a limit, which two queries are no evidence of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = effect({NONE: [0.5] * n, ("S", 1.0, 0): [pruned] * n})
    assert found["p_equivalence"] == (p if n >= 10 else None)
    assert found["equivalent"] == (p == 0 if n >= 10 else None)


@pytest.mark.parametrize(("n", "n_other", "is_null"), [(9, 1, True), (9, 2, False), (10, 1, False)])
def test_one_query_that_differs_is_no_variance_to_speak_of(n, n_other, is_null):
    pruned = np.where(np.arange(n) < n_other, 0.5004, 0.5)
    found = effect({NONE: [0.5] * n, ("S", 1.0, 0): pruned})
    assert (found["p_equivalence"] is None) == is_null


def test_draws_within_the_margin_are_counted():
    """On average they do nothing, each by itself changes 10 % or 2 %."""
    values = {NONE: [1.0, 1.0], ("S", 1.0, 0): [1.0, 1.0]}
    for kind, draws in (("random", [0.9, 1.1, 0.98, 1.02]), ("matched", [0.5, 1.0, 1.5])):
        values |= {(f"{kind}:S", 1.0, i): [one, one] for i, one in enumerate(draws)}
    measures, sizes = measures_of(values), sizes_of({("S", 1.0): 7})
    for margin, expected in ((2.0, (1, 2)), (10.0, (1, 4)), (1.9, (1, 0))):
        effects = ablation_effects(measures, sizes, equivalence_margin=margin, replicates=10)
        found = {row["scheme"]: row["draws_within"] for row in effects.iter_rows(named=True)}
        assert found == {"S": None, "matched:S": expected[0], "random:S": expected[1]}
        assert effects["difference_percent"].to_list() == pytest.approx([0, 0, 0])


def test_every_kind_has_the_size_of_its_scheme_and_its_controls():
    kinds = ["random:S", "matched:S", "mean:S", "keep_only:S"]
    values = {NONE: [1.0, 1.0], ("S", 1.0, 0): [0.7, 0.7], ("shuffled", 0, 0): [0.2, 0.4]}
    values |= {("random:S", 1.0, i): [x, x] for i, x in enumerate([0.6, 0.8, 0.9])}
    values |= {("matched:S", 1.0, i): [x, x] for i, x in enumerate([0.5, 0.6, 0.7, 0.9])}
    values |= {("mean:S", 1.0, 0): [0.9, 0.8], ("keep_only:S", 1.0, 0): [0.1, 0.2]}
    effects = ablation_effects(measures_of(values), sizes_of({("S", 1.0): 7}), replicates=10)
    assert effects["scheme"].to_list() == sorted(["S", *kinds])
    assert effects["n_neurons"].unique().to_list() == [7]
    assert effects["floor"].unique().to_list() == pytest.approx([0.3])
    rows = {row["scheme"]: row for row in effects.iter_rows(named=True)}
    assert (rows["S"]["p_value_random"], rows["S"]["p_value_matched"]) == (2 / 4, 4 / 5)
    assert (rows["matched:S"]["draw_low"], rows["matched:S"]["draw_high"]) == pytest.approx(
        (-50, -10)
    )
    assert (rows["matched:S"]["n_draws"], rows["random:S"]["n_draws"]) == (4, 3)
    for name in kinds:
        assert rows[name]["p_value_random"] is rows[name]["p_value_matched"] is None
    assert rows["keep_only:S"]["draw_low"] is None
    # The kept neurons alone do worse than a random order.
    assert rows["keep_only:S"]["attainable_percent"] == pytest.approx(-100 * 0.85 / 0.7)


def test_holm_s_families_are_table_4_and_every_further_kind():
    random = np.random.default_rng(12)
    original = random.uniform(0.5, 1, 20)
    values = {NONE: original}
    for scheme, kind in itertools.product("ABC", ("", "random:", "matched:", "mean:")):
        values[kind + scheme, 1.0, 0] = original - random.normal(0.01, 0.02, 20)
    effects = ablation_effects(
        measures_of(values), sizes_of({(s, 1.0): 1 for s in "ABC"}), replicates=10
    )
    assert effects.height == 12
    for members in (["", "random:"], ["matched:"], ["mean:"]):
        names = [kind + scheme for kind in members for scheme in "ABC"]
        rows = effects.filter(pl.col("scheme").is_in(names))
        expected = multipletests(rows["p_value"], method="holm")[1]
        np.testing.assert_allclose(rows["p_value_holm"], expected)
    few = {
        key: value
        for key, value in values.items()
        if ":" not in key[0] or key[0].startswith("random:")
    }
    fewer = ablation_effects(
        measures_of(few), sizes_of({(s, 1.0): 1 for s in "ABC"}), replicates=10
    )
    plain = pl.col("scheme").is_in(list("ABC"))
    assert_frame_equal(
        fewer.filter(plain).select("p_value_holm"), effects.filter(plain).select("p_value_holm")
    )


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
    with pytest.raises(UserError, match=r"found \['RR', 'nDCG@10'\]; one is allowed"):
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
    arguments = [files, tmp_path / "sizes.parquet", output, names, ablated]
    test_ablations.main(*arguments, [0.1, 1], 0.1, 5, 3)
    assert pl.read_parquet(output).equals(ablation_effects(measures, sizes, 0.1, 5, seed=3))
    test_ablations.main(*arguments[:4], ["N"], [1.0], 0.1, 5, 3)
    found = pl.read_parquet(output)
    assert set(found["scheme"]) == {"N", "random:N"} and set(found["top_percent"]) == {1.0}
    chosen = measures.filter(pl.col("scheme").is_in(["none", "N", "random:N"]))
    alone = ablation_effects(chosen.filter(pl.col("top_percent") != 0.1), sizes, 0.1, 5, seed=3)
    assert found.drop("ci_low", "ci_high").equals(alone.drop("ci_low", "ci_high"))
