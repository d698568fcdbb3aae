"""Random weights: what stays as it was, what does not, and how maps are compared."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from relevance_neurons.attribution.attribute import attribute
from relevance_neurons.attribution.mean_scores import Attribution
from relevance_neurons.attribution.running_scores import RunningScores
from relevance_neurons.checks.randomisation import (
    cascade,
    compare_maps,
    randomise_layers,
    reinitialised,
)
from relevance_neurons.rankers.architectures import encoder_layers
from toys.bert import PAIRS
from toys.tiny_rankers import MODELS, make_ranker

SHARED = {"albert": [3], "albert, groups": [2, 6]}
"""Architectures that share layers: how many runs of a layer are random at each of their steps."""


def weights(reranker) -> dict[str, torch.Tensor]:
    return {name: one.clone() for name, one in reranker.model.state_dict().items()}


def same(first, second) -> set[str]:
    """Names of the weights that are equal."""
    ours, theirs = weights(first), weights(second)
    assert ours.keys() == theirs.keys()
    return {name for name in ours if torch.equal(ours[name], theirs[name])}


def names_of_layers(reranker) -> list[set[str]]:
    """The weights of each layer, by their names in the model's state."""
    names = {id(one): name for name, one in reranker.model.named_parameters()}
    layers = encoder_layers(reranker.model, reranker.architecture)
    return [{names[id(one)] for one in layer.parameters()} for layer in layers]


@pytest.mark.parametrize("kind", MODELS)
def test_layers_below_are_kept_and_those_above_are_not(kind):
    real = make_ranker(kind)
    layers = names_of_layers(real)
    for n_layers in range(len(layers) + 1):
        other = reinitialised(real, n_layers, seed=1)
        kept, last = same(real, other), layers[len(layers) - n_layers :]
        random = set().union(*last)
        assert not {name for name in random & kept if "bias" not in name}, n_layers
        assert set().union(*layers[: len(layers) - n_layers]) - random <= kept
        assert "head.weight" not in kept and "classifier.weight" not in kept
        assert any("embed" in name for name in kept)
    assert not same(real, reinitialised(real, len(layers), 1, embeddings=True))


def test_weights_of_a_step_stay_at_the_next(two_logits):
    steps = [reinitialised(two_logits, n, seed=3) for n in range(4)]
    for before, after in pairwise(steps):
        changed = set(weights(before)) - same(before, after)
        assert changed and len({name.split("layer.")[1][0] for name in changed}) == 1
    again, other = reinitialised(two_logits, 3, seed=3), reinitialised(two_logits, 3, seed=4)
    assert same(steps[3], again) == set(weights(again))
    assert "classifier.weight" not in same(steps[3], other)


def test_it_ranks_as_the_stock_model_with_these_weights(two_logits):
    other = reinitialised(two_logits, 2, seed=5)
    stock = type(two_logits.model)(two_logits.model.config).double().eval()
    stock.load_state_dict(weights(other))
    batch = other.collate(other.encode(PAIRS))
    expected = torch.log_softmax(stock(**batch).logits, -1)[:, 1].detach()
    np.testing.assert_allclose(other.score(PAIRS), expected, atol=1e-6)


def test_a_ranker_that_was_born_of_the_same_seed_does_not_get_its_weights_back(two_logits):
    """The tiny rankers of these tests are untrained models of seed 0."""
    ranker = two_logits
    random = reinitialised(ranker, ranker.neurons.n_layers, seed=0, embeddings=True)
    name = "bert.encoder.layer.0.output.dense.weight"
    ours, theirs = (one.model.state_dict()[name].flatten() for one in (ranker, random))
    assert abs(float(torch.corrcoef(torch.stack([ours, theirs]))[0, 1])) < 0.3


def test_the_real_ranker_and_the_random_state_are_untouched(two_logits):
    before, scores = weights(two_logits), two_logits.score(PAIRS)
    state = torch.random.get_rng_state()
    reinitialised(two_logits, 3, seed=0, embeddings=True)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(one, before[name]) for name, one in weights(two_logits).items())
    assert torch.equal(two_logits.score(PAIRS), scores)


@pytest.mark.parametrize("kind", MODELS)
def test_steps_go_from_the_head_to_the_embeddings(kind):
    reranker = make_ranker(kind)
    n_layers = reranker.neurons.n_layers
    steps = cascade(reranker)
    assert (steps[0].what, steps[-1].what) == ("head", "embeddings")
    assert (steps[0].n_layers, steps[-1].n_layers) == (0, n_layers)
    found = [step.n_layers for step in steps[1:-1]]
    if kind in SHARED:
        assert len(found) < n_layers and found[-1] == n_layers
    else:
        assert found == list(range(1, n_layers + 1))
        names = [f"layer {number}" for number in reversed(range(n_layers))]
        assert [step.what for step in steps[1:-1]] == names


def maps(reranker, label="relevant"):
    return attribute(reranker, PAIRS, label, quadrature="trapezoid", n_points=5)


def test_a_ranker_is_like_itself(two_logits):
    found = compare_maps(maps(two_logits), maps(two_logits))
    assert found["spearman"] == pytest.approx(1) and found["spearman_absolute"] == pytest.approx(1)
    assert found["shared_percent"] == 100


def test_comparison_is_that_of_scipy(two_logits):
    frame = randomise_layers(two_logits, ["relevant", "non_relevant"], maps, seed=2)
    assert frame["step"].to_list() == [0, 1, 2, 3, 4] * 2
    assert frame["label"].unique(maintain_order=True).to_list() == ["relevant", "non_relevant"]
    row = frame.row(2, named=True)
    real, other = maps(two_logits), maps(reinitialised(two_logits, 2, seed=2))
    a, b = (one.frame()["score"].to_numpy() for one in (real, other))
    assert (row["what"], row["n_layers"]) == ("layer 1", 2)
    assert row["spearman"] == pytest.approx(spearmanr(a, b).statistic)
    assert row["spearman_absolute"] == pytest.approx(spearmanr(abs(a), abs(b)).statistic)
    n_top = round(len(a) / 100)
    assert n_top > 1 and row["top_percent"] == 1
    shared = set(np.argsort(a)[-n_top:]) & set(np.argsort(b)[-n_top:])
    assert row["shared_percent"] == pytest.approx(100 * len(shared) / n_top)
    assert row["expected_percent"] == pytest.approx(100 * n_top / len(a))
    change = [check.f_input - check.f_baseline for check in other.checked]
    assert row["f_change_mean"] == pytest.approx(np.abs(change).mean())
    assert row["n_pairs"] == len(PAIRS)


def test_a_constant_ranker_has_no_ranks(two_logits):
    constant = reinitialised(two_logits, 0, seed=0)
    torch.nn.init.zeros_(constant.model.classifier.weight)
    found = compare_maps(maps(two_logits), maps(constant))
    assert [found[one] for one in ("spearman", "spearman_absolute", "shared_percent")] == [None] * 3
    assert found["f_change_mean"] == 0


def test_more_layers_than_there_are(two_logits):
    with pytest.raises(ValueError, match="n_layers: 4 was found; the ranker has 3"):
        reinitialised(two_logits, 4, seed=0)


def test_the_top_of_a_small_ranker_is_one_neuron():
    neurons = make_ranker("bert").neurons.frame().head(20)
    first, second = (RunningScores(20) for _ in range(2))
    for running, score in ((first, range(20)), (second, [*range(1, 20), 99])):
        running.add(0, np.array(score))
    found = compare_maps(*(Attribution("relevant", neurons, one) for one in (first, second)))
    assert (found["top_percent"], found["shared_percent"]) == (1, 100)
    assert found["expected_percent"] == 100 / 20
