"""Sizes of outputs and of inputs against NumPy on what plain hooks see, pair by pair."""

import numpy as np
import pytest
import torch

from relevance_neurons import measure_activations
from relevance_neurons.attribution.activation_scores import activation_size, weight_x_activation
from relevance_neurons.rankers.memory import Memory
from toys.bert import PAIRS
from toys.tiny_rankers import MODELS, make_ranker, rounds, unrolled

METHODS = {"activation_size": activation_size, "weight_x_activation": weight_x_activation}


def scores_of(reranker, name, batch_tokens=4096, label="relevant") -> np.ndarray:
    """Scores, shape (n_pairs, n_neurons), in the order of the pairs."""
    found = np.empty((len(PAIRS), len(reranker.neurons)))
    for check, scores in METHODS[name](reranker, PAIRS, label=label, memory=Memory(batch_tokens)):
        found[check.pair] = scores
    return found


def seen_by_hooks(reranker, pair) -> dict[torch.nn.Module, tuple[np.ndarray, np.ndarray]]:
    """Input and output of each linear module in its first call, shape (n_tokens, width)."""
    seen = {}

    def keep(module, inputs, output):
        parts = (one.detach().flatten(0, -2).numpy() for one in (inputs[0], output))
        seen.setdefault(module, tuple(parts))

    modules = {block.module for block in reranker.neurons.blocks}
    handles = [module.register_forward_hook(keep) for module in modules]
    with torch.no_grad():
        reranker.model(**reranker.collate(reranker.encode([pair])))
    for handle in handles:
        handle.remove()
    return seen


def expected_scores(reranker, pair, name) -> np.ndarray:
    seen, scores = seen_by_hooks(reranker, pair), []
    for block in reranker.neurons.blocks:
        inputs, outputs = seen[block.module]
        if name == "activation_size":
            scores.append(np.sqrt((outputs[:, block.columns] ** 2).mean(axis=0)))
        else:
            weights = block.module.weight.detach().numpy()[block.columns]
            scores.append(np.abs(weights) @ np.sqrt((inputs**2).mean(axis=0)))
    return np.concatenate(scores)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("batch_tokens", [4096, 50])
def test_equals_numpy_on_what_hooks_see(kind, name, batch_tokens):
    reranker = make_ranker(kind)
    found = scores_of(reranker, name, batch_tokens)
    oracle = unrolled(reranker) if "albert" in kind else reranker
    for pair, scores in zip(PAIRS, found, strict=True):
        tolerance = {"rtol": 1e-4} if rounds(kind) else {"rtol": 1e-10}
        np.testing.assert_allclose(scores, expected_scores(oracle, pair, name), **tolerance)


@pytest.mark.parametrize("kind", ["bert", "modernbert"])
def test_mean_squares_over_pairs_are_those_over_all_tokens(kind):
    reranker = make_ranker(kind)
    lengths = np.array([len(pair) for pair in reranker.encode(PAIRS)])
    squares = lengths @ scores_of(reranker, "activation_size") ** 2 / lengths.sum()
    expected = measure_activations(reranker, PAIRS)["root_mean_square"]
    np.testing.assert_allclose(np.sqrt(squares), expected, rtol=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_the_label_is_not_read(two_logits, name):
    one, other = (
        scores_of(two_logits, name, label=label) for label in ("relevant", "non_relevant")
    )
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", METHODS)
def test_bfloat16_is_near(name):
    reranker = make_ranker("bert", dtype="float32")
    exact = scores_of(reranker, name)
    reranker.dtype = "bfloat16"
    found = scores_of(reranker, name)
    assert 1e-6 < np.linalg.norm(found - exact) / np.linalg.norm(exact) < 0.02
