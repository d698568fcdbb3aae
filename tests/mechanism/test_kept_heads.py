"""Some heads alone, in every kind of ranker: against weights edited by hand, and ablation."""

import copy

import numpy as np
import polars as pl
import pytest
import torch

from relevance_neurons.ablation.ablate import ablate
from relevance_neurons.mechanism.kept_heads import (
    keep_heads,
    kept_logits,
    mean_outputs,
)
from relevance_neurons.mechanism.sites import HEADS, Sites
from relevance_neurons.rankers.heads import Heads
from toys.bert import PAIRS, make_reranker
from toys.tiny_rankers import MODELS, make_ranker, rounds, unrolled

KINDS = [kind for kind in MODELS if "monot5" not in kind]
KEPT = [(0, 1), (1, 0)]


def head_outputs(reranker):
    """For each layer, where what its heads put out enters a module."""
    places = Sites(reranker).places
    return [places[layer, HEADS] for layer in range(Heads.of(reranker).n_layers)]


def stock(ranker) -> np.ndarray:
    with torch.inference_mode():
        rows = [ranker.model(**ranker.collate([one])).logits for one in ranker.encode(PAIRS)]
    return np.array([ranker.target_value(row, "relevant", "margin").item() for row in rows])


@pytest.mark.parametrize("kind", KINDS)
def test_all_heads_are_the_ranker(kind):
    ranker = make_ranker(kind)
    shape = Heads.of(ranker)
    nothing = np.full((shape.n_layers, shape.n_heads * shape.size), np.nan)
    found = kept_logits(ranker, ranker.encode(PAIRS), [shape.frame().rows()], nothing)
    np.testing.assert_allclose(found[0], stock(ranker), atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_no_head_is_attention_outputs_switched_to_what_means_give(kind):
    """By ablation, which knows nothing of heads: outputs W mean + b of every layer."""
    ranker = make_ranker(kind, n_logits=1)
    encoded = ranker.encode(PAIRS)
    means = mean_outputs(ranker, encoded)
    found = kept_logits(ranker, encoded, [()], means)[0]
    neurons = ranker.neurons.frame().filter(component="attention_output")
    with torch.inference_mode():
        given = [
            module(torch.from_numpy(mean).to(module.weight)).double().numpy()
            for (module, *_), mean in zip(head_outputs(ranker), means, strict=True)
        ]
    neurons = neurons.with_columns(mean=pl.Series(np.concatenate(given)))
    with ablate(ranker, neurons, "mean"):
        np.testing.assert_allclose(found, stock(ranker), atol=1e-5)
    assert np.abs(found - stock(ranker)).max() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_kept_heads_are_those_whose_weights_stay(kind):
    """In a copy whose projections take the other heads' means as a bias, not their outputs."""
    ranker = make_ranker(kind)
    encoded = ranker.encode(PAIRS)
    means = mean_outputs(ranker, encoded)
    found = kept_logits(ranker, encoded, [KEPT], means)[0]
    other = unrolled(ranker) if kind.startswith("albert") else copy.deepcopy(ranker)
    heads, edited = Heads.of(ranker), head_outputs(other)
    with torch.no_grad():
        for layer, (module, *_) in enumerate(edited):
            mean = torch.from_numpy(means[layer]).to(module.weight)
            for head in range(heads.n_heads):
                if (layer, head) not in KEPT:
                    columns = heads.columns(head)
                    add_bias(module, module.weight[:, columns] @ mean[columns])
                    module.weight[:, columns] = 0
    np.testing.assert_allclose(found, stock(other), atol=1e-5)


def add_bias(module: torch.nn.Linear, more: torch.Tensor) -> None:
    if module.bias is None:
        module.bias = torch.nn.Parameter(torch.zeros_like(more))
    module.bias += more


def test_means_are_of_attention_times_values():
    ranker = make_reranker(1)
    ranker.model.set_attn_implementation("eager")
    encoded = ranker.encode(PAIRS)
    expected, values = [[] for _ in range(3)], []
    layers = ranker.model.bert.encoder.layer
    hooks = [
        layer.attention.self.value.register_forward_hook(lambda _m, _i, out: values.append(out[0]))
        for layer in layers
    ]
    with torch.inference_mode():
        for one in encoded:
            values.clear()
            seen = ranker.model(**ranker.collate([one]), output_attentions=True).attentions
            for layer in range(3):
                weights = seen[layer][0]
                own = values[layer].unflatten(-1, (2, 8)).transpose(0, 1)
                expected[layer].append((weights @ own).transpose(0, 1).flatten(1))
    for hook in hooks:
        hook.remove()
    found = mean_outputs(ranker, encoded)
    for layer in range(3):
        mean = torch.cat(expected[layer]).mean(0)
        np.testing.assert_allclose(found[layer], mean.numpy(), atol=1e-12)
    assert np.abs(found).min() > 1e-6


def test_the_ranker_is_as_before_afterwards(reranker):
    before = stock(reranker)
    means = mean_outputs(reranker, reranker.encode(PAIRS))
    with keep_heads(reranker, [(0, 0)], means):
        assert np.abs(stock(reranker) - before).max() > 1e-3
    np.testing.assert_array_equal(stock(reranker), before)


def test_a_pair_has_the_same_logit_in_any_batch(reranker):
    encoded = reranker.encode(PAIRS)
    means = mean_outputs(reranker, encoded)
    together = kept_logits(reranker, encoded, [KEPT, ()], means)
    reranker.batch_tokens = 1
    np.testing.assert_allclose(mean_outputs(reranker, encoded), means, atol=1e-12)
    alone = kept_logits(reranker, encoded, [KEPT, ()], means)
    np.testing.assert_allclose(together, alone, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
def test_sets_that_run_together_are_as_those_that_run_alone(kind):
    """Some agree in their first layers, and one is there twice."""
    ranker = make_ranker(kind)
    encoded = ranker.encode(PAIRS)
    means = mean_outputs(ranker, encoded)
    sets = [[(1, 0)], [], [(0, 1), (1, 0)], [(1, 1)], [(0, 1)], [(1, 0)], [(1, 1), (0, 1)]]
    found = kept_logits(ranker, encoded, sets, means)
    alone = [kept_logits(ranker, encoded, [one], means)[0] for one in sets]
    np.testing.assert_allclose(found, alone, atol=1e-6 if rounds(kind) else 1e-12)
    assert len(np.unique(found.round(6), axis=0)) == 6


def test_first_layers_that_agree_run_once():
    ranker = make_reranker(1)
    encoded = ranker.encode(PAIRS[:1])
    means, runs = mean_outputs(ranker, encoded), []
    for number, layer in enumerate(ranker.model.bert.encoder.layer):
        layer.attention.self.query.register_forward_hook(lambda *_, n=number: runs.append(n))
    kept_logits(ranker, encoded, [[(1, 0)], [(2, 1)], [(1, 0), (2, 0)], [(2, 1)]], means)
    assert [runs.count(layer) for layer in range(3)] == [1, 2, 3]
