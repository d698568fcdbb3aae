"""One neuron switched off: the sample, the true change, and how it agrees with the scores."""

import copy

import numpy as np
import polars as pl
import pytest
import torch
from scipy.stats import bootstrap, spearmanr

from relevance_neurons.ablation.activations import measure_activations
from relevance_neurons.attribution.attribute import attribute
from relevance_neurons.attribution.within_query import unit_weights
from relevance_neurons.checks.neuron_correlations import neuron_correlations
from relevance_neurons.checks.single_neurons import (
    ScoredPairs,
    changes_beside_scores,
    sample_neurons,
    single_neuron_changes,
)
from relevance_neurons.rankers.components import COMPONENTS, NEURON_COLUMNS
from toys import synthetic_sanity
from toys.bert import PAIRS, make_reranker


def brute_force(reranker, neuron: dict, value: float, label: str) -> np.ndarray:
    """p(label) of the ranker in which ``neuron`` gives ``value``."""
    return probabilities(changed(reranker, neuron, value), label)


def changed(reranker, neuron: dict, value: float):
    """A copy in which one row of weights is zero and its bias is ``value``."""
    other = copy.copy(reranker)
    other.model = copy.deepcopy(reranker.model)
    path = reranker.architecture.components[neuron["component"]]
    module = other.model.bert.encoder.layer[neuron["layer"]].get_submodule(path)
    with torch.no_grad():
        module.weight[neuron["neuron"]] = 0.0
        module.bias[neuron["neuron"]] = value
    return other


def probabilities(reranker, label: str) -> np.ndarray:
    p = np.exp(reranker.score(PAIRS).numpy().astype(float))
    return p if label == "relevant" else 1 - p


@pytest.mark.parametrize("n_neurons", [12, 18, 240])
def test_sample_is_spread_over_components_and_layers(two_logits, n_neurons):
    frame = two_logits.neurons.frame()
    sample = sample_neurons(frame, n_neurons, seed=0)
    assert len(sample) == n_neurons == sample.n_unique()
    assert sample["component"].value_counts()["count"].to_list() == [n_neurons // 6] * 6
    counts = sample.group_by("layer", "component").len()["len"]
    if n_neurons < 6 * 3 * 16:
        assert counts.max() - (counts.min() if len(counts) == 18 else 0) <= 1
    places = frame.with_row_index("place").join(sample, on=sample.columns)["place"]
    assert frame[places.to_list()].equals(sample) and places.is_sorted()


def test_sample_is_seeded_and_never_larger_than_what_there_is(two_logits):
    frame = two_logits.neurons.frame()
    assert sample_neurons(frame, 60, 1).equals(sample_neurons(frame, 60, 1))
    assert not sample_neurons(frame, 60, 1).equals(sample_neurons(frame, 60, 2))
    assert sample_neurons(frame, 10_000, 0).equals(frame)
    odd = sample_neurons(frame, 14, 0)["component"].value_counts()
    assert dict(odd.iter_rows()) == dict(zip(COMPONENTS, [3, 3, 2, 2, 2, 2], strict=True))


@pytest.mark.parametrize("label", ["relevant", "non_relevant"])
def test_changes_are_those_of_changed_weights(reranker, label):
    attribution = attribute(reranker, PAIRS, label, quadrature="trapezoid", n_points=9)
    activations = measure_activations(reranker, PAIRS)
    scored = [ScoredPairs("nig", attribution, "probability", PAIRS)]
    found = changes_beside_scores(reranker, scored, activations, 24, 10, seed=3)
    strong = attribution.frame().sort(pl.col("score").abs()).tail(10)
    for sample, neurons in (
        ("random", sample_neurons(reranker.neurons.frame(), 24, seed=3)),
        ("strong", strong),
    ):
        rows = found.filter(sample=sample, method="nig").select(*NEURON_COLUMNS)
        assert rows.sort(*NEURON_COLUMNS).equals(
            neurons.select(NEURON_COLUMNS).sort(*NEURON_COLUMNS)
        )
    scores = attribution.frame()
    whole = probabilities(reranker, label)
    for row in found.iter_rows(named=True):
        of = {name: row[name] for name in ("layer", "component", "neuron")}
        mean = activations.filter(**of)["mean"].item()
        for name, value in (("zero", 0.0), ("mean", mean)):
            expected = whole - brute_force(reranker, row, value, label)
            assert row[f"change_{name}"] == pytest.approx(expected.mean(), abs=2e-6)
            error = expected.std(ddof=1) / np.sqrt(len(PAIRS))
            assert row[f"change_{name}_error"] == pytest.approx(error, abs=2e-6)
        assert row["score"] == scores.filter(**of)["score"].item()
        assert (row["label"], row["n_pairs"]) == (label, len(PAIRS))
    assert found["change_zero"].abs().max() > 1e-3


@pytest.mark.parametrize("target", ["margin_pair", "lambda"])
def test_changes_of_queries_are_those_of_their_weighted_margins(two_logits, target):
    """By the weights of the ranking as it is; methods of one target share them."""
    pairs = [*PAIRS, *reversed(PAIRS)][:7]
    judgments = pl.DataFrame({"query_id": list("abcabca"), "gain": [2, 1, 0, 0, 0, 0, 1]})
    of, scored = {"target": target, "judgments": judgments}, []
    for method, more in (
        ("gradient_x_activation", {}),
        ("neuron_integrated_gradients", {"quadrature": "trapezoid", "n_points": 3}),
    ):
        attribution = attribute(two_logits, pairs, method=method, **of, **more)
        scored.append(ScoredPairs(method, attribution, target, pairs, judgments))
    activations = measure_activations(two_logits, pairs)
    found = changes_beside_scores(two_logits, scored, activations, 12, 3, seed=0)
    random = found.filter(sample="random")
    first, second = random.partition_by("method", maintain_order=True)
    assert first["change_zero"].equals(second["change_zero"])
    assert first["label"].unique().to_list() == ["difference"]

    def margins(reranker) -> np.ndarray:
        inputs = reranker.collate(reranker.encode(pairs))
        logits = reranker.model(**inputs).logits.detach().double()
        return (logits[:, 1] - logits[:, 0]).numpy()

    whole, gains = margins(two_logits), judgments["gain"].to_numpy()
    units = [np.flatnonzero(judgments["query_id"] == query) for query in "ab"]  # c has no relevant
    assert first["n_pairs"].unique().to_list() == [2]
    weights = [unit_weights(target, whole[one], gains[one].astype(float)) for one in units]
    for row in first.iter_rows(named=True):
        changes = whole - margins(changed(two_logits, row, 0.0))
        of_units = [w @ changes[one] for w, one in zip(weights, units, strict=True)]
        assert row["change_zero"] == pytest.approx(np.mean(of_units), abs=2e-6)


def test_a_key_neuron_may_give_any_constant(two_logits):
    """It adds the same to the attention of a query to every token, which the softmax leaves out."""
    keys = two_logits.neurons.frame().filter(component="key").sample(6, seed=0)
    zero, five = (
        single_neuron_changes(two_logits, PAIRS, one, "relevant", "margin")
        for one in (keys, keys.with_columns(value=pl.lit(5.0)))
    )
    assert np.abs(zero).max() > 1e-3
    np.testing.assert_allclose(zero, five, atol=5e-5)


def test_changes_near_a_probability_of_1_are_seen():
    """Where float32 has no step left between p and 1."""
    sure = make_reranker(2, "float32")
    with torch.no_grad():
        sure.model.classifier.bias.copy_(torch.tensor([-10.0, 10.0]))
    neurons = sample_neurons(sure.neurons.frame(), 12, seed=1)
    found = single_neuron_changes(sure, PAIRS, neurons, "relevant", "probability")
    exact = copy.copy(sure)
    exact.model = copy.deepcopy(sure.model).double()

    def p_other(neuron: dict | None) -> np.ndarray:
        one = changed(exact, neuron, 0.0) if neuron else exact
        logits = one.model(**one.collate(one.encode(PAIRS))).logits
        return torch.softmax(logits, -1)[:, 0].detach().numpy()

    expected = [p_other(row) - p_other(None) for row in neurons.iter_rows(named=True)]
    assert p_other(None).max() < 1e-7
    np.testing.assert_allclose(found, expected, rtol=0.02, atol=1e-13)


def test_target_is_the_studys(two_logits):
    neurons = sample_neurons(two_logits.neurons.frame(), 6, seed=0)
    margin, logit = (
        single_neuron_changes(two_logits, PAIRS, neurons, "relevant", one)
        for one in ("margin", "logit")
    )
    other = single_neuron_changes(two_logits, PAIRS, neurons, "non_relevant", "logit")
    np.testing.assert_allclose(margin, logit - other, atol=1e-5)


@pytest.fixture(scope="module")
def changes() -> pl.DataFrame:
    frame = make_reranker(2).neurons.frame()
    return synthetic_sanity.single_neurons(frame, np.random.default_rng(0))


def test_correlations_are_those_of_scipy(changes):
    found = neuron_correlations(changes, seed=4)
    assert found["component"].to_list() == [*COMPONENTS, "all"] * 2
    assert found["n_neurons"].to_list() == [*[12] * 6, 72] * 2
    for row in found.iter_rows(named=True):
        part = changes.filter(label=row["label"])
        if row["component"] != "all":
            part = part.filter(component=row["component"])
        score = part["score"].to_numpy()
        for name in ("zero", "mean"):
            change = part[f"change_{name}"].to_numpy()
            rho = spearmanr(score, change).statistic
            assert row[f"spearman_{name}"] == pytest.approx(rho)
            sizes = spearmanr(abs(score), abs(change)).statistic
            assert row[f"spearman_absolute_{name}"] == pytest.approx(sizes)
            both = (score != 0) & (change != 0)
            same = 100 * np.mean(np.sign(score[both]) == np.sign(change[both]))
            assert row[f"same_sign_percent_{name}"] == pytest.approx(same)
            assert row[f"spearman_low_{name}"] < rho <= row[f"spearman_high_{name}"]
            clear = np.abs(change) > 2 * part[f"change_{name}_error"].to_numpy()
            assert row[f"n_resolved_{name}"] == clear.sum()


def test_intervals_are_scipys_of_scipys_statistic(changes):
    part = changes.filter(label="relevant", component="value")
    row = neuron_correlations(part, seed=4).row(0, named=True)
    expected = bootstrap(
        (part["score"].to_numpy(), part["change_mean"].to_numpy()),
        lambda a, b: spearmanr(a, b).statistic,
        paired=True,
        vectorized=False,
        n_resamples=2000,
        method="BCa",
        rng=np.random.default_rng(4),
    ).confidence_interval
    found = (row["spearman_low_mean"], row["spearman_high_mean"])
    assert found == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_changes_of_a_single_pair_are_not_resolved_or_unresolved(changes):
    single = changes.with_columns(change_zero_error=pl.lit(None, pl.Float64))
    row = neuron_correlations(single.filter(component="key")).row(0, named=True)
    assert row["n_resolved_zero"] is None and row["n_resolved_mean"] > 0


def test_few_or_constant_changes_have_no_interval(changes):
    few = changes.filter(label="relevant", component="key").head(3)
    row = neuron_correlations(few).row(0, named=True)
    assert row["spearman_zero"] is not None and row["spearman_low_zero"] is None
    constant = changes.filter(label="relevant", component="key").with_columns(
        change_zero=pl.lit(0.0)
    )
    row = neuron_correlations(constant).row(0, named=True)
    assert [row[f"{one}_zero"] for one in ("spearman", "spearman_low", "same_sign_percent")] == [
        None
    ] * 3
