"""Means of activations against plain hooks on the model, one unpadded pair at a time."""

import numpy as np
import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal

from relevance_neurons import UserError, ablate, measure_activations
from relevance_neurons.rankers.memory import Memory
from toys.bert import PAIRS
from toys.tiny_rankers import MODELS, make_ranker
from workflow_scripts.attribution import pool_activations


def outputs_by_hooks(reranker) -> dict[tuple[torch.nn.Module, int], np.ndarray]:
    """Each module's outputs in each of its calls, shape (n_tokens of all pairs, width)."""
    outputs, calls = {}, []

    def keep(module, _inputs, output):
        own = (module, calls.count(module))
        calls.append(module)
        outputs.setdefault(own, []).append(output.detach().double().flatten(0, -2).numpy())

    modules = {block.module for block in reranker.neurons.blocks}
    handles = [module.register_forward_hook(keep) for module in modules]
    for pair in PAIRS:
        calls.clear()
        with torch.no_grad():
            reranker.model(**reranker.collate(reranker.encode([pair])))
    for handle in handles:
        handle.remove()
    return {key: np.concatenate(parts) for key, parts in outputs.items()}


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("batch_tokens", [4096, 50])
def test_equals_means_by_hooks(kind, batch_tokens):
    reranker = make_ranker(kind)
    found = measure_activations(reranker, PAIRS, Memory(batch_tokens))
    assert found.select("layer", "component", "neuron").equals(reranker.neurons.frame())
    expected = outputs_by_hooks(reranker)
    # ModernBERT's rotary positions and T5's norm round to float32 in a float64 model too.
    tolerance = 1e-6 if kind.startswith(("modernbert", "monot5")) else 1e-10
    for block in reranker.neurons.blocks:
        seen = expected[block.module, block.call or 0][:, block.columns]
        rows = found[block.slice]
        assert (rows["n_tokens"] == len(seen)).all()
        np.testing.assert_allclose(rows["mean"], seen.mean(0), atol=tolerance)
        size = np.sqrt((seen**2).mean(0))
        np.testing.assert_allclose(rows["root_mean_square"], size, atol=tolerance)


def test_tokens_are_those_of_the_pairs(two_logits):
    """Special tokens count, padding does not; a decoder's only token counts once a pair."""
    n_tokens = sum(len(pair) for pair in two_logits.encode(PAIRS))
    assert measure_activations(two_logits, PAIRS)["n_tokens"].unique().to_list() == [n_tokens]
    found = measure_activations(make_ranker("monot5"), PAIRS)
    decoder = found.filter(layer=found["layer"].max(), component="ff_output")
    assert decoder["n_tokens"].unique().to_list() == [len(PAIRS)]


def test_a_constant_neuron_at_its_mean_changes_nothing(two_logits):
    """The mean is the value that an ablation puts in: of a constant, the constant."""
    module = two_logits.model.bert.encoder.layer[1].intermediate.dense
    with torch.no_grad():
        module.weight[5] = 0.0
    before = two_logits.score(PAIRS)
    constant = measure_activations(two_logits, PAIRS).filter(
        layer=1, component="intermediate", neuron=5
    )
    with ablate(two_logits, constant, value="mean"):
        assert torch.allclose(two_logits.score(PAIRS), before, atol=1e-7)
    with ablate(two_logits, constant.with_columns(pl.col("mean") + 1), value="mean"):
        assert not torch.allclose(two_logits.score(PAIRS), before, atol=1e-4)


def test_halves_where_memory_ends(two_logits, monkeypatch):
    expected = measure_activations(two_logits, PAIRS)
    sizes, collate = [], two_logits.collate

    def limited(encoded):
        sizes.append(len(encoded))
        if len(encoded) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return collate(encoded)

    monkeypatch.setattr(two_logits, "collate", limited)
    found = measure_activations(two_logits, PAIRS)
    assert sizes == [4, 2, 2]
    np.testing.assert_allclose(found["mean"], expected["mean"], atol=1e-12)


def test_no_pairs_are_refused(two_logits):
    with pytest.raises(UserError, match="pairs: none were given"):
        measure_activations(two_logits, [])


def test_pooled_over_collections_equals_all_pairs_together(two_logits, tmp_path):
    """Tokens, not collections, count the same; neurons are in the ranker's order."""
    files = [tmp_path / "b.parquet", tmp_path / "a.parquet"]
    for file, pairs in zip(files, (PAIRS[:1], PAIRS[1:]), strict=True):
        measure_activations(two_logits, pairs).sample(fraction=1, shuffle=True).write_parquet(file)
    pool_activations.main([str(file) for file in files], str(tmp_path / "pooled.parquet"))
    expected = measure_activations(two_logits, PAIRS)
    found = pl.read_parquet(tmp_path / "pooled.parquet")
    assert_frame_equal(found, expected, rel_tol=1e-12, abs_tol=1e-12)
