"""Which arithmetic is used for what, and what bfloat16 costs."""

import numpy as np
import pytest
import torch

from relevance_neurons import ablate
from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.attribution.quadrature import interpolating_matrix
from relevance_neurons.attribution.rows import reduced
from toys.bert import PAIRS, make_reranker


@pytest.mark.parametrize(
    ("device", "dtype", "attribution", "ranking"),
    [
        ("cpu", "auto", "float32", "float32"),
        ("cuda", "auto", "tf32", "bfloat16"),
        ("cuda", "float32", "float32", "float32"),
        ("cuda", "bfloat16", "bfloat16", "bfloat16"),
        ("cpu", "bfloat16", "bfloat16", "bfloat16"),
    ],
)
def test_arithmetic(device, dtype, attribution, ranking):
    reranker = make_reranker(2, "float32")
    reranker.device, reranker.dtype = torch.device(device), dtype
    assert reranker.arithmetic("attribution") == attribution
    assert reranker.arithmetic("ranking") == ranking


@pytest.mark.parametrize(("dtype", "inside"), [("auto", "high"), ("float32", "highest")])
def test_the_precision_of_matrices_is_set_and_put_back(dtype, inside):
    """As on a GPU; on a CPU the setting changes nothing."""
    reranker = make_reranker(2, "float32")
    reranker.device, reranker.dtype = torch.device("cuda"), dtype
    torch.set_float32_matmul_precision("medium")
    with reranker.precision("attribution"):
        assert torch.get_float32_matmul_precision() == inside
    assert torch.get_float32_matmul_precision() == "medium"
    torch.set_float32_matmul_precision("highest")


def test_bfloat16_ablations_equal_those_by_hooks():
    reranker = make_reranker(2, "float32")
    reranker.dtype = "bfloat16"
    frame = reranker.neurons.frame()
    sets = [None, frame.sample(20, seed=1), frame.filter(layer=1).sample(9, seed=2)]
    found = rerank_under_ablations(reranker, PAIRS, sets)
    for neurons, scores in zip(sets[1:], found[1:], strict=True):
        with ablate(reranker, neurons):
            np.testing.assert_allclose(scores, reranker.score(PAIRS).numpy(), atol=0.05)
    reranker.dtype = "float32"
    exact = rerank_under_ablations(reranker, PAIRS, sets)
    assert 1e-6 < np.abs(found - exact).max() < 0.2


def test_outputs_in_bfloat16_are_summed_in_float32():
    """1 + 2⁻⁸ is no number of bfloat16: sums in it would lose the differences."""
    outputs = torch.tensor([1.0, 1.0078125, 1.015625]).bfloat16()[:, None, None].expand(3, 50, 4)
    gradients = torch.ones(3, 50, 4, dtype=torch.bfloat16)
    found = reduced(torch.from_numpy(interpolating_matrix(3)), [(outputs, gradients)])
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.numpy(), 50 * 0.015625, rtol=1e-5)
