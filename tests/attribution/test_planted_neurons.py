"""A ranker of which some neurons are known to matter, and others are large and do nothing."""

import numpy as np
import pytest
import torch

from relevance_neurons import attribute
from relevance_neurons.checks.single_neurons import single_neuron_changes
from toys.bert import PAIRS, make_reranker

PLANTED = {0: (3, 11), 1: (5,), 2: (17,)}
"""Intermediate neurons of each layer whose weight in the next module is large."""
DECOYS = {0: (20,), 1: (8, 9), 2: (1,)}
"""Intermediate neurons whose bias is large, and whose weight in the next module is 0."""
N_PLANTED = N_DECOYS = 4


def planted_ranker():
    """All other intermediate neurons matter a hundredth of what the planted ones do."""
    reranker = make_reranker(2)
    with torch.no_grad():
        for number, layer in enumerate(reranker.model.bert.encoder.layer):
            out = layer.output.dense.weight
            large = torch.zeros(out.shape[1], dtype=torch.bool)
            large[list(PLANTED[number])] = True
            out[:, ~large] *= 0.01
            out[:, large] *= 3.0
            for decoy in DECOYS[number]:
                out[:, decoy] = 0.0
                layer.intermediate.dense.bias[decoy] = 30.0
    return reranker


def intermediate_neurons(reranker):
    return reranker.neurons.frame().filter(component="intermediate")


def named(neurons, places: dict[int, tuple[int, ...]]) -> set[tuple[int, int]]:
    return {(layer, neuron) for layer, own in places.items() for neuron in own}


def largest(neurons, values: np.ndarray, n: int) -> set[tuple[int, int]]:
    rows = neurons[np.argsort(-np.abs(values))[:n].tolist()]
    return set(rows.select("layer", "neuron").iter_rows())


def test_switching_off_tells_planted_neurons_and_decoys():
    reranker = planted_ranker()
    neurons = intermediate_neurons(reranker)
    changes = np.abs(single_neuron_changes(reranker, PAIRS, neurons, "relevant", "margin"))
    assert largest(neurons, changes.mean(axis=1), N_PLANTED) == named(neurons, PLANTED)
    places = neurons.select("layer", "neuron").rows()
    decoys = [places.index(one) for one in named(neurons, DECOYS)]
    assert changes[decoys].max() < 1e-12


@pytest.mark.parametrize("method", ["neuron_integrated_gradients", "gradient_x_activation"])
@pytest.mark.parametrize("target", ["margin", "probability"])
def test_methods_with_a_gradient_find_the_planted(method, target):
    reranker = planted_ranker()
    neurons = intermediate_neurons(reranker)
    found = attribute(reranker, PAIRS, method=method, target=target).frame()
    scores = found.filter(component="intermediate")["score"].to_numpy()
    assert largest(neurons, scores, N_PLANTED) == named(neurons, PLANTED)
    decoys = [tuple(row) in named(neurons, DECOYS) for row in neurons["layer", "neuron"].rows()]
    assert np.abs(scores[decoys]).max() < 1e-12


def test_the_size_of_outputs_finds_the_decoys():
    reranker = planted_ranker()
    neurons = intermediate_neurons(reranker)
    found = attribute(reranker, PAIRS, method="activation_size").frame()
    sizes = found.filter(component="intermediate")["score"].to_numpy()
    assert largest(neurons, sizes, N_DECOYS) == named(neurons, DECOYS)
