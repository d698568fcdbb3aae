"""Every way of scoring neurons through ``attribute``: what it reads, refuses, costs; its shards."""

import numpy as np
import polars as pl
import pytest

from relevance_neurons import UserError, attribute, measure_activations
from relevance_neurons.attribution.candidates import screened_candidates
from relevance_neurons.attribution.mean_scores import merge_shards
from relevance_neurons.attribution.methods import DEFAULTS, METHODS, check_settings, settings_of
from toys.bert import PAIRS, make_reranker

ONE_PASS = ("gradient_x_activation", "activation_size", "weight_x_activation", "random")
TEXTS = [*PAIRS, *((query, passage[::-1]) for query, passage in PAIRS)]
JUDGMENTS = pl.DataFrame(
    {"query_id": ["a", "b", "a", "b", "a", "c", "b", "c"], "gain": [2, 0, 0, 1, 1, 0, 0, 1]}
)
NULL = {"f_baseline", "cut_sum", "residual", "error_estimate"}


def test_the_settings_of_each_method():
    rule = ("baseline", "target", "quadrature", "token_kinds")
    assert settings_of("neuron_integrated_gradients") == (*rule, "tolerance")
    assert settings_of("neuron_integrated_gradients", "right") == (*rule, "n_points")
    assert settings_of("gradient_x_activation") == ("target", "reference")
    assert "n_points" in settings_of("integrated_activations", "simpson")
    assert settings_of("random") == ()
    assert {
        key for one in METHODS for q in ("adaptive", "right") for key in settings_of(one, q)
    } == {*DEFAULTS}
    for method in METHODS:
        check_settings(method, DEFAULTS)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "nig"}, "attribution.method: 'nig' was found; allowed: neuron_integrated_grad"),
        ({"reference": "median"}, "reference: median was found; neuron_integrated_gradients does"),
        (
            {"method": "gradient_x_activation", "reference": "median"},
            "attribution.reference: 'median' was found; allowed: zero, mean",
        ),
        (
            {"method": "gradient_x_activation", "baseline": "zero"},
            "attribution.baseline: zero was found; gradient_x_activation does not use it: take it",
        ),
        (
            {"method": "gradient_x_activation", "n_points": 9},
            "attribution.n_points: 9 was found; gradient_x_activation does not use it: take it out",
        ),
        (
            {"method": "gradient_x_activation", "token_kinds": True},
            "attribution.token_kinds: True was found; gradient_x_activation does not use it: take",
        ),
        (
            {"method": "random", "target": "logit"},
            "attribution.target: logit was found; random does not use it: take it out",
        ),
        (
            {"method": "activation_size", "screen": JUDGMENTS},
            "attribution.screen: a table was found; activation_size does not use it: take it out",
        ),
        (
            {"method": "gradient_x_activation", "reference": "mean"},
            "reference mean was asked for without activations; give it: measure_activations",
        ),
        (
            {"method": "gradient_x_activation", "target": "lambda"},
            "target lambda was asked for without judgments; give it: query_id and gain",
        ),
        ({"method": "single_ablation"}, "single_ablation was asked for without screen; give it"),
        (
            {"method": "single_ablation", "target": "pairwise", "judgments": JUDGMENTS},
            "target: pairwise was found, which weighs gradients, and single_ablation has none",
        ),
        (
            {"target": "margin_pair", "judgments": JUDGMENTS, "label": "non_relevant"},
            "label: 'non_relevant' was found; allowed: relevant, difference",
        ),
        ({"label": "difference"}, "label: 'difference' was found; allowed: non_relevant, relevant"),
        ({"method": "random", "label": "relevnt"}, "label: 'relevnt' was found; allowed: non_rel"),
        (
            {"target": "lambda", "judgments": JUDGMENTS.head(3)},
            "judgments: 3 rows were found; 8 pairs need as many",
        ),
        (
            {"target": "lambda", "judgments": JUDGMENTS.with_columns(gain=-1)},
            "judgments: a gain is missing or below 0; give 0",
        ),
        (
            {"target": "lambda", "judgments": JUDGMENTS.drop("gain")},
            "judgments: no column gain; a row per pair is needed",
        ),
        (
            {"target": "lambda", "judgments": JUDGMENTS.with_columns(gain=1)},
            "none of 3 queries has both relevant and non-relevant pairs; give some of both",
        ),
        (
            {
                "method": "gradient_x_activation",
                "reference": "mean",
                "activations": make_reranker().neurons.frame().head(9).with_columns(mean=0.1),
            },
            "activations: mean is not one finite number for each of the ranker's 312 neurons",
        ),
        (
            {
                "method": "gradient_x_activation",
                "reference": "mean",
                "activations": make_reranker().neurons.frame(),
            },
            "activations: no column mean; a table with layer, component, neuron, mean is needed",
        ),
    ],
)
def test_what_a_method_cannot_serve_is_refused(two_logits, settings, message):
    with pytest.raises(UserError, match=message):
        attribute(two_logits, TEXTS, **settings)


@pytest.mark.parametrize("method", ONE_PASS)
def test_shards_of_any_method_add_up(method):
    reranker = make_reranker()
    options = {"method": method, "bootstrap_replicates": 3, "seed": 2}
    whole = attribute(reranker, TEXTS, **options)
    shards = [attribute(reranker, TEXTS, shard=(k, 3), **options) for k in range(3)]
    parts = ((one.sums(), len(one.checks())) for one in shards)
    merged = merge_shards("relevant", parts, bootstrap_replicates=3, seed=2)
    for column in ("score", "standard_error"):
        found, expected = (one.frame()[column].to_numpy() for one in (merged, whole))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert whole.frame().columns == merged.frame().columns
    assert [n for one in shards for n in one.pair_numbers()] == list(range(len(TEXTS)))
    assert pl.concat([one.checks() for one in shards]).shape == whole.checks().shape


def test_what_pairs_cost_in_forward_passes():
    reranker = make_reranker()
    for method, cost in zip(ONE_PASS, (2.0, 1.0, 1.0, 0.0), strict=True):
        checks = attribute(reranker, PAIRS, method=method).checks()
        assert checks["cost_forwards"].to_list() == [cost] * len(PAIRS)
        empty = {name for name in checks.columns if checks[name].null_count() == len(PAIRS)}
        assert empty == NULL | ({"f_input"} if method == "random" else set())
        if method != "random":
            p = reranker.score(PAIRS).exp().numpy()
            np.testing.assert_allclose(checks["f_input"], p, rtol=1e-6)
    checks = attribute(reranker, PAIRS, quadrature="right", n_points=7).checks()
    assert checks["cost_forwards"].to_list() == [14.0] * len(PAIRS)
    checks = attribute(reranker, PAIRS).checks()
    assert checks["cost_forwards"].to_list() == (2.0 * checks["n_points"]).to_list()


def test_points_let_go_and_evaluated_again_cost_again():
    reranker = make_reranker()
    reranker.batch_tokens = 30  # a point of one pair, and next to nothing that is kept
    checks = attribute(reranker, PAIRS[:1], tolerance=0.005).checks()
    assert checks["cost_forwards"][0] > 2 * checks["n_points"][0]


def test_random_scores_are_reproducible_and_independent():
    reranker = make_reranker()

    def scores(pairs=TEXTS, **options):
        return attribute(reranker, pairs, method="random", **options).frame()["score"].to_numpy()

    first = scores()
    np.testing.assert_array_equal(first, scores())
    maps = [
        first,
        scores(seed=1),
        scores(label="non_relevant"),
        scores(PAIRS[:3]),
        scores(PAIRS[3:]),
    ]
    bound = 5 / np.sqrt(len(first))  # of a correlation of independent maps
    correlations = np.corrcoef(maps) - np.eye(len(maps))
    correlations[0, 3:] = correlations[3:, 0] = 0  # they share pairs with the first
    assert np.abs(correlations).max() < bound
    single = scores(PAIRS[:1])
    assert abs(single.mean()) < bound and abs(single.std() - 1) < bound
    swapped = scores([(PAIRS[0][1], PAIRS[0][0])])
    assert abs(np.corrcoef(single, swapped)[0, 1]) < bound


def test_the_mean_as_reference_takes_a_table_in_any_order(two_logits):
    table = measure_activations(two_logits, PAIRS)
    options = {"method": "gradient_x_activation", "reference": "mean"}
    one, other = (
        attribute(two_logits, PAIRS, activations=frame, **options).frame()
        for frame in (table, table.sample(fraction=1.0, shuffle=True, seed=1))
    )
    assert one.equals(other)
    zero = attribute(two_logits, PAIRS, method="gradient_x_activation").frame()
    assert not np.allclose(one["score"], zero["score"])


def test_candidates_are_both_ends_and_a_sample():
    neurons = make_reranker().neurons.frame()
    scores = np.random.default_rng(0).permutation(len(neurons)).astype(float)
    screen = neurons.with_columns(score=scores).sample(fraction=1.0, shuffle=True, seed=0)
    chosen = screened_candidates(neurons, screen, 2.0, 10, seed=4)
    n_ends = 6  # 2 % of 312
    ends = (scores < n_ends) | (scores >= len(neurons) - n_ends)
    assert chosen[ends].all() and chosen.sum() == 2 * n_ends + 10
    np.testing.assert_array_equal(chosen, screened_candidates(neurons, screen, 2.0, 10, seed=4))
    assert (chosen != screened_candidates(neurons, screen, 2.0, 10, seed=5)).any()
    assert screened_candidates(neurons, screen, 50.0, 0, seed=4).all()
    assert screened_candidates(neurons, screen, 0.0, 1000, seed=4).all()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((60.0, 1), "screen_percent: 60.0 was found; a number from 0 to 50"),
        ((1.0, -1), "screen_sample: -1 was found; a number from 0 up"),
        (
            (0.01, 0),
            "screen_percent: 0.01 % of 312 neurons are none, and screen_sample is 0; raise",
        ),
    ],
)
def test_wrong_candidates_are_refused(settings, message):
    neurons = make_reranker().neurons.frame()
    with pytest.raises(UserError, match=message):
        screened_candidates(neurons, neurons.with_columns(score=0.0), *settings, seed=0)


def test_what_was_measured_goes_through_shards(two_logits):
    def shard(k, measured):
        result = attribute(two_logits, TEXTS, method="activation_size", shard=(k, 2))
        result.measured = measured
        return result.sums(), 4

    first, second = np.arange(312) < 9, np.arange(312) < 10
    frame = merge_shards("relevant", [shard(k, first) for k in (0, 1)]).frame()
    assert frame["measured"].to_list() == first.tolist()
    with pytest.raises(UserError, match="they hold different neurons"):
        merge_shards("relevant", [shard(0, first), shard(1, second)])
    with pytest.raises(UserError, match="they hold different neurons"):
        merge_shards("relevant", [shard(0, first), shard(1, None)])
