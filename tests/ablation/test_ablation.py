"""Ablation against a copy of the model whose rows of weights are zero and biases the values."""

import copy
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch

from relevance_neurons import UserError, ablate
from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.rankers.memory import Memory
from toys.bert import PAIRS, make_reranker


def brute_force_scores(reranker, neurons) -> np.ndarray:
    """Scores of a copy: the neurons' rows of the weights zero, their biases what they give."""
    other = copy.copy(reranker)
    other.model = copy.deepcopy(reranker.model)
    layers = other.model.bert.encoder.layer
    for layer, component, neuron, value in with_values(neurons).iter_rows():
        module = layers[layer].get_submodule(reranker.architecture.components[component])
        with torch.no_grad():
            module.weight[neuron] = 0.0
            module.bias[neuron] = value
    return other.score(PAIRS).numpy()


def with_values(neurons: pl.DataFrame) -> pl.DataFrame:
    value = pl.col("value") if "value" in neurons.columns else pl.lit(0.0).alias("value")
    return neurons.select("layer", "component", "neuron", value)


def valued(neurons: pl.DataFrame, seed: int = 0) -> pl.DataFrame:
    """The neurons with random values, some of them 0."""
    values = np.random.default_rng(seed).normal(size=len(neurons))
    values[:: max(2, len(values) // 4)] = 0.0
    return neurons.with_columns(value=pl.Series(values))


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


def test_values_equal_biases(reranker):
    """Every component alone, and sets that share layers, part in values alone, or leave none on."""
    zero = [*random_sets(reranker), *nested_sets(reranker)]
    sets = [valued(one, seed) for seed, one in enumerate(zero)]
    sets += [valued(zero[2], 99), valued(zero[-1], 99), zero[-1], valued(reranker.neurons.frame())]
    found = rerank_under_ablations(reranker, PAIRS, [None, *sets])
    for neurons, scores in zip(sets, found[1:], strict=True):
        np.testing.assert_allclose(scores, brute_force_scores(reranker, neurons), atol=1e-6)
    assert np.abs(found[1 + len(zero)] - found[3]).max() > 1e-3  # same neurons, other values


def test_values_in_the_models_own_forward_pass(reranker):
    for neurons in random_sets(reranker):
        mean = valued(neurons).rename({"value": "mean"})
        with ablate(reranker, mean, value="mean"):
            found = reranker.score(PAIRS).numpy()
        np.testing.assert_allclose(found, brute_force_scores(reranker, valued(neurons)), atol=1e-6)
        with ablate(reranker, mean):
            found = reranker.score(PAIRS).numpy()
        np.testing.assert_allclose(found, brute_force_scores(reranker, neurons), atol=1e-6)


def test_equal_neurons_share_only_where_their_values_agree(reranker, monkeypatch):
    """A value of 0 is no value; the same set in another order is the same set."""
    runs = []
    ablated = reranker.encoder.ablated
    monkeypatch.setattr(
        reranker.encoder,
        "ablated",
        lambda batch, plan: runs.append(len(plan)) or ablated(batch, plan),
    )
    neurons = reranker.neurons.frame().sample(20, seed=3)
    zeros, some = neurons.with_columns(value=pl.lit(0)), valued(neurons)
    sets = [neurons, zeros, some, some.reverse(), some.with_columns(-pl.col("value"))]
    found = rerank_under_ablations(reranker, PAIRS, iter(sets))
    assert runs[-1] == 3
    assert (found[0] == found[1]).all() and (found[2] == found[3]).all()
    assert np.abs(np.diff(found[[0, 2, 4]], axis=0)).max(axis=1).min() > 1e-4


def test_what_is_read_of_the_logits(reranker):
    neurons = reranker.neurons.frame().sample(20, seed=3)
    found = rerank_under_ablations(
        reranker,
        PAIRS,
        [None, neurons],
        read=lambda logits: reranker.target_value(logits, "non_relevant", "probability"),
    )
    log_p = rerank_under_ablations(reranker, PAIRS, [None, neurons])
    np.testing.assert_allclose(found, 1 - np.exp(log_p), atol=1e-6)
    assert (found.dtype, log_p.dtype) == (np.float64, np.float32)


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


def test_an_ablation_without_its_block_says_so(two_logits, caplog):
    ablation = ablate(two_logits, two_logits.neurons.frame().head(2))
    assert "2 neurons within its block" in repr(ablation)
    del ablation
    assert "ablate: no block was begun, so that nothing was switched off" in caplog.text


def test_a_block_may_be_entered_again(two_logits, caplog):
    whole = two_logits.score(PAIRS)
    ablation = ablate(two_logits, two_logits.neurons.frame().sample(40, seed=0))
    found = []
    for _ in range(2):
        with ablation:
            found.append(two_logits.score(PAIRS))
        assert torch.equal(two_logits.score(PAIRS), whole)
    assert torch.equal(*found) and not torch.equal(found[0], whole)
    del ablation
    assert not caplog.text


def test_nothing_selected_is_refused(two_logits):
    nothing = two_logits.neurons.frame().head(0)
    with pytest.raises(UserError, match="nothing is selected"), ablate(two_logits, nothing):
        pass


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("mode", r"ablation.value: 'mode' was found; allowed: zero, mean"),
        ("mean", "no column mean, which ablation.value mean needs"),
    ],
)
def test_unknown_value_is_refused(two_logits, value, message):
    neurons = two_logits.neurons.frame().head(1)
    with pytest.raises(UserError, match=message), ablate(two_logits, neurons, value=value):
        pass


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([0.0, float("nan")], "value of layer 0 query neuron 1 is no finite number"),
        ([None, 1.0], "value of layer 0 query neuron 0 is no finite number"),
        (["1", "2"], "value is of type String; numbers are needed"),
    ],
)
def test_a_value_must_be_a_number(two_logits, values, message):
    neurons = two_logits.neurons.frame().head(2).with_columns(value=pl.Series(values))
    with pytest.raises(UserError, match=message):
        rerank_under_ablations(two_logits, PAIRS, [neurons])


def test_a_neuron_has_one_value(two_logits):
    neurons = two_logits.neurons.frame().head(2).with_columns(value=pl.Series([0.0, 1.0]))
    twice = pl.concat([neurons, neurons])
    assert len(set(map(tuple, rerank_under_ablations(two_logits, PAIRS, [neurons, twice])))) == 1
    other = pl.concat([neurons, neurons.with_columns(pl.col("value") + 1)])
    with pytest.raises(UserError, match="a neuron of layer 0 query has two values"):
        rerank_under_ablations(two_logits, PAIRS, [other])
