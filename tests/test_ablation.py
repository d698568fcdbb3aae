"""Ablation against a copy of the model whose rows of weights and biases are zero."""

import copy
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch

from conftest import PAIRS, make_reranker
from relevance_neurons import UserError, ablate
from relevance_neurons.ablation import rerank_under_ablations
from relevance_neurons.memory import Memory


def brute_force_scores(reranker, neurons) -> np.ndarray:
    """Scores of a copy with the neurons' rows of the weights and their biases set to zero."""
    other = copy.copy(reranker)
    other.model = copy.deepcopy(reranker.model)
    layers = other.model.bert.encoder.layer
    for layer, component, neuron in neurons.iter_rows():
        module = layers[layer].get_submodule(reranker.architecture.components[component])
        with torch.no_grad():
            module.weight[neuron] = 0.0
            module.bias[neuron] = 0.0
    return other.score(PAIRS).numpy()


def random_sets(reranker, seed=0) -> list[pl.DataFrame]:
    """Sets of all sizes and places: scattered, in one component, in the last layer alone."""
    frame = reranker.neurons.frame()
    sets = [frame.sample(n, seed=seed + n) for n in (1, 5, 40, 100)]
    blocks = frame.partition_by("layer", "component", maintain_order=True)
    return [*sets, *(block.sample(min(3, len(block)), seed=seed) for block in blocks)]


def test_equals_zeroed_weights(reranker):
    for neurons in random_sets(reranker):
        with ablate(reranker, neurons):
            found = reranker.score(PAIRS).numpy()
        np.testing.assert_allclose(found, brute_force_scores(reranker, neurons), atol=1e-6)


def nested_sets(reranker) -> list[pl.DataFrame]:
    """Sets that agree in their first layers and part in a later one, or in the same component."""
    frame = reranker.neurons.frame()
    first = frame.filter(layer=0).sample(6, seed=1)
    second = [frame.filter(layer=1).sample(4, seed=seed) for seed in (2, 3)]
    third = frame.filter(layer=2).sample(5, seed=4)
    together = [first, *(pl.concat([first, one]) for one in second), pl.concat([first, third])]
    return [*together, pl.concat([second[0], third]), pl.concat([*together[1:3], third]).unique()]


def test_ablations_that_share_layers_equal_one_by_one(reranker):
    sets = [None, *nested_sets(reranker), *random_sets(reranker)[:3]]
    found = rerank_under_ablations(reranker, PAIRS, sets)
    for neurons, scores in zip(sets[1:], found[1:], strict=True):
        np.testing.assert_allclose(scores, brute_force_scores(reranker, neurons), atol=1e-6)


def test_shared_layers_are_computed_once(reranker, monkeypatch):
    """K sets that begin in the last layer run every layer before it once."""
    runs = []
    layer = type(reranker.encoder.layers[0])
    run = layer.run
    monkeypatch.setattr(layer, "run", lambda self, *rest: runs.append(self) or run(self, *rest))
    last = reranker.neurons.frame().filter(layer=2)
    sets = [last.sample(3, seed=seed) for seed in range(5)]
    rerank_under_ablations(reranker, PAIRS[:1], sets)
    assert [runs.count(one) for one in reranker.encoder.layers] == [2, 2, 2]  # with the probe


def test_passes_are_halved_where_memory_ends(reranker, monkeypatch):
    sets = [None, *random_sets(reranker)[:3]]
    whole = rerank_under_ablations(reranker, PAIRS, sets)
    ablated = reranker.encoder.ablated

    failures = []

    def limited(batch, plan):
        if len(batch["input_ids"]) > 2:
            failures.append(len(batch["input_ids"]))
            raise torch.OutOfMemoryError("CUDA out of memory")
        return ablated(batch, plan)

    monkeypatch.setattr(reranker.encoder, "ablated", limited)
    memory = Memory(4096)
    found = rerank_under_ablations(reranker, PAIRS * 3, sets, memory)
    np.testing.assert_allclose(found, np.tile(whole, 3), atol=1e-6)
    assert memory.batch_tokens < 4096 and failures == [12, 6, 3]


def test_the_ranker_is_whole_again_afterwards(reranker):
    before = reranker.score(PAIRS)
    with ablate(reranker, reranker.neurons.frame().sample(100, seed=1)):
        assert not torch.equal(reranker.score(PAIRS), before)
    assert torch.equal(reranker.score(PAIRS), before)


def test_the_ranker_is_whole_again_after_an_error(reranker):
    before = reranker.score(PAIRS)
    with pytest.raises(RuntimeError), ablate(reranker, reranker.neurons.frame().head(30)):
        raise RuntimeError
    assert torch.equal(reranker.score(PAIRS), before)


@pytest.mark.parametrize("batch_tokens", [2048, 30])
def test_many_ablations_equal_one_by_one(reranker, batch_tokens):
    sets = [None, *random_sets(reranker), None]
    found = rerank_under_ablations(reranker, PAIRS, sets, Memory(batch_tokens))
    assert found.shape == (len(sets), len(PAIRS))
    for neurons, scores in zip(sets, found, strict=True):
        expected = (
            reranker.score(PAIRS).numpy()
            if neurons is None
            else brute_force_scores(reranker, neurons)
        )
        np.testing.assert_allclose(scores, expected, atol=1e-6)


class Stretch(torch.nn.Module):
    """What a variant of BERT might do, and our own forward pass does not know."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs * 1.5


def test_an_unknown_variant_takes_the_plain_way(two_logits, caplog):
    """A model that computes something else than its description says is found out."""
    two_logits.model.bert.encoder.layer[1].output.dropout = Stretch()
    neurons = two_logits.neurons.frame().sample(20, seed=4)
    found = rerank_under_ablations(two_logits, PAIRS, [None, neurons])
    assert "our own forward pass is not this model's (logits differ by up to" in caplog.text
    np.testing.assert_allclose(found[0], two_logits.score(PAIRS).numpy(), atol=1e-6)
    with ablate(two_logits, neurons):
        np.testing.assert_allclose(found[1], two_logits.score(PAIRS).numpy(), atol=1e-6)


def test_a_variant_that_our_forward_pass_fails_on_takes_the_plain_way(two_logits, caplog):
    embeddings = two_logits.model.bert.embeddings
    two_logits.encoder.model = SimpleNamespace(base_model=SimpleNamespace(embeddings=embeddings))
    found = rerank_under_ablations(two_logits, PAIRS, [None])
    assert "our own forward pass is not this model's (it fails: " in caplog.text
    np.testing.assert_allclose(found[0], two_logits.score(PAIRS).numpy(), atol=1e-6)


def test_a_model_of_one_layer(caplog):
    reranker = make_reranker(2, layers=1)
    sets = random_sets(reranker)
    found = rerank_under_ablations(reranker, PAIRS, sets)
    for neurons, scores in zip(sets, found, strict=True):
        np.testing.assert_allclose(scores, brute_force_scores(reranker, neurons), atol=1e-6)
    assert not caplog.text


@pytest.mark.parametrize(
    ("neurons", "message"),
    [
        ({"layer": [9], "component": ["key"], "neuron": [0]}, "no layer 9 .* layers 0 to 2"),
        ({"layer": [0], "component": ["pooler"], "neuron": [0]}, "component pooler; it has"),
        ({"layer": [0], "component": ["key"], "neuron": [16]}, "no neuron 16; it has 0 to 15"),
        ({"layer": [0], "component": ["key"]}, "no column neuron"),
    ],
)
def test_unknown_neurons_are_refused(two_logits, neurons, message):
    with pytest.raises(UserError, match=message), ablate(two_logits, pl.DataFrame(neurons)):
        pass


def test_nothing_selected_is_refused(two_logits):
    nothing = two_logits.neurons.frame().head(0)
    with pytest.raises(UserError, match="nothing is selected"), ablate(two_logits, nothing):
        pass


def test_unknown_value_is_refused(two_logits):
    message = r"ablation.value: 'mode' was found; allowed: zero"
    neurons = two_logits.neurons.frame().head(1)
    with pytest.raises(UserError, match=message), ablate(two_logits, neurons, value="mode"):
        pass
