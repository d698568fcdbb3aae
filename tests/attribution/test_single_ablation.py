"""Each candidate switched off alone: as the ablation of the re-ranking does it."""

import numpy as np
import polars as pl
import pytest
import torch

from relevance_neurons import UserError, ablate, attribute
from relevance_neurons.attribution import single_ablation
from relevance_neurons.checks.single_neurons import sample_neurons
from relevance_neurons.rankers import many_ablations
from relevance_neurons.rankers.memory import Memory
from toys.bert import PAIRS, make_reranker
from toys.tiny_rankers import MODELS, make_ranker


def scored(reranker, candidates, pairs=PAIRS, label="relevant", target="probability", **settings):
    """Checks and scores, shape (n_pairs, n_neurons), in the order of ``pairs``."""
    settings = {"label": label, "target": target, "candidates": candidates} | settings
    found = single_ablation.scores(reranker, pairs, **settings)
    checks, scores = zip(*sorted(found, key=lambda one: one[0].pair), strict=True)
    return checks, np.stack(scores)


def values(reranker, pairs, label, target) -> np.ndarray:
    """F of each pair by the ranker as it is, its hooks included."""
    found = []
    for pair in pairs:
        with torch.no_grad():
            logits = reranker.model(**reranker.collate(reranker.encode([pair]))).logits
        found.append(reranker.target_value(logits, label, target).item())
    return np.array(found)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("is_mean", [False, True], ids=["zero", "mean"])
def test_equals_the_ablation_of_the_ranker(kind, is_mean):
    reranker, pairs = make_ranker(kind), PAIRS[:2]
    reference = np.random.default_rng(0).normal(size=len(reranker.neurons)) if is_mean else None
    candidates = sample_neurons(reranker.neurons.frame(), 12, seed=1)
    for label, target in (("relevant", "probability"), ("non_relevant", "logit")):
        _, found = scored(reranker, candidates, pairs, label, target, reference_values=reference)
        whole = values(reranker, pairs, label, target)
        for place, neuron in zip(
            reranker.neurons.numbers(candidates), candidates.iter_slices(1), strict=True
        ):
            value = 0.0 if reference is None else reference[place]
            with ablate(reranker, neuron.with_columns(mean=value), value="mean"):
                expected = whole - values(reranker, pairs, label, target)
            np.testing.assert_allclose(found[:, place], expected, rtol=1e-5, atol=2e-7)
        assert np.abs(found).max() > 1e-4


def test_only_candidates_have_a_score(two_logits):
    frame = two_logits.neurons.frame().cast({"layer": pl.Int64})  # as a CSV file gives it
    candidates = frame.sample(20, seed=3)  # in no order
    _, found = scored(two_logits, candidates)
    is_candidate = np.zeros(len(two_logits.neurons), dtype=bool)
    is_candidate[two_logits.neurons.numbers(candidates)] = True
    np.testing.assert_array_equal(found[:, ~is_candidate], 0.0)
    assert (found[:, is_candidate] != 0).mean() > 0.9


def test_batches_and_padding_never_change_a_score(two_logits):
    candidates = two_logits.neurons.frame().sample(20, seed=3)
    _, together = scored(two_logits, candidates)
    _, in_parts = scored(two_logits, candidates, memory=Memory(30))
    np.testing.assert_allclose(in_parts, together, rtol=1e-9, atol=1e-14)
    for pair, own in zip(PAIRS, together, strict=True):
        _, (alone,) = scored(two_logits, candidates, [pair])
        np.testing.assert_allclose(alone, own, rtol=1e-9, atol=1e-14)


def test_the_stock_models_forward_pass_agrees(two_logits, monkeypatch):
    candidates = two_logits.neurons.frame().sample(20, seed=3)
    _, own = scored(two_logits, candidates)
    monkeypatch.setattr(many_ablations, "own_encoder", lambda *_: None)
    checks, stock = scored(two_logits, candidates)
    np.testing.assert_allclose(own, stock, rtol=1e-8, atol=1e-14)
    assert {one.cost_forwards for one in checks} == {21.0}


def test_cost_counts_the_layers_that_run(two_logits):
    """The whole ranker of three layers, then what is above each candidate, and its own layer."""
    frame = two_logits.neurons.frame()
    candidates = pl.concat([frame.filter(layer=n).head(2 + n) for n in range(3)])
    checks, _ = scored(two_logits, candidates)
    expected = 1 + 2 * 1 + 3 * 2 / 3 + 4 * 1 / 3
    for check, value in zip(
        checks, values(two_logits, PAIRS, "relevant", "probability"), strict=True
    ):
        assert check.cost_forwards == pytest.approx(expected)
        assert check.n_points == 1 + len(candidates)
        assert check.f_input == pytest.approx(value)
        assert check.f_baseline is check.cut_sum is check.error_estimate is None


def test_attribute_measures_what_a_screen_ranks_first_and_last(two_logits):
    screen = attribute(two_logits, PAIRS, method="gradient_x_activation").frame()
    settings = {"screen": screen, "screen_percent": 2.0, "screen_sample": 9, "seed": 4}
    result = attribute(two_logits, PAIRS, method="single_ablation", **settings)
    frame = result.frame()
    order = np.argsort(screen["score"].to_numpy())
    n_ends = round(0.02 * len(order))
    measured = frame["measured"].to_numpy()
    assert measured[order[:n_ends]].all() and measured[order[-n_ends:]].all()
    assert measured.sum() == 2 * n_ends + 9
    _, scores = scored(two_logits, frame.filter("measured"))
    np.testing.assert_allclose(frame["score"], scores.mean(axis=0), rtol=1e-12, atol=1e-16)
    again = attribute(two_logits, PAIRS, method="single_ablation", **settings)
    assert again.frame().equals(frame)
    other = attribute(two_logits, PAIRS, method="single_ablation", **{**settings, "seed": 5})
    assert not other.frame()["measured"].equals(frame["measured"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"neuron": 999}, "layer 0 query has no neuron 999; it has 0 to 15"),
        ({"layer": 9}, "no layer 9 with component query; it has layers 0 to 2"),
    ],
)
def test_neurons_of_another_ranker_are_refused(two_logits, change, message):
    candidates = (
        two_logits.neurons.frame().head(1).with_columns(**{k: pl.lit(v) for k, v in change.items()})
    )
    with pytest.raises(UserError, match=message):
        scored(two_logits, candidates)


def test_no_candidates_are_refused(two_logits):
    with pytest.raises(UserError, match="at least one neuron is needed"):
        scored(two_logits, two_logits.neurons.frame().head(0))


def test_scores_that_are_no_numbers_are_refused():
    reranker = make_reranker(2)
    with torch.no_grad():
        reranker.model.classifier.bias.fill_(float("nan"))
    with pytest.raises(UserError, match="not a finite number"):
        scored(reranker, reranker.neurons.frame().head(1))
