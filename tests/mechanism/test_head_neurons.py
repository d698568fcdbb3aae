"""Which neurons are a head's: switched off they silence it, whatever the architecture."""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal

from relevance_neurons import UserError, ablate
from relevance_neurons.mechanism.head_neurons import head_neurons
from relevance_neurons.rankers.heads import Heads
from toys.tiny_rankers import make_ranker
from workflow_scripts.mechanism import locate_heads

KINDS = ["electra", "distilbert", "modernbert", "deberta, own key"]
PAIRS = [("red fox", "the red fox runs"), ("blue sea", "a cold green sea and a fox")]
NEURON = ["layer", "component", "neuron"]
OUTPUT = "attention_output"


def scores(reranker) -> np.ndarray:
    return np.asarray(reranker.score(PAIRS))


@contextmanager
def without_output(reranker, layer: int, columns: slice):
    """What a head adds is cut out of what enters the layer's output projection."""
    (block,) = (
        one
        for one in reranker.neurons.blocks
        if (one.layer, one.component) == (layer, "attention_output")
    )

    def cut(_module, given):
        changed = given[0].clone()
        changed[..., columns] = 0
        return (changed, *given[1:])

    handle = block.module.register_forward_pre_hook(cut)
    try:
        yield
    finally:
        handle.remove()


@pytest.mark.parametrize("kind", KINDS)
def test_without_its_value_neurons_a_head_puts_out_nothing(kind):
    reranker = make_ranker(kind)
    heads, found = Heads.of(reranker), head_neurons(reranker)
    whole, seen = scores(reranker), []
    for layer, head in heads.frame().iter_rows():
        own = found.filter(layer=layer, component="value", head=head).select(NEURON)
        assert_frame_equal(own, heads.values([(layer, head)]))
        with ablate(reranker, own, value="zero"):
            off = scores(reranker)
        with without_output(reranker, layer, heads.columns(head)):
            expected = scores(reranker)
        np.testing.assert_allclose(off, expected, rtol=0, atol=1e-6)
        seen.append(off)
    assert len(np.unique(np.round([*seen, whole], 5), axis=0)) == len(seen) + 1  # each its own


@pytest.mark.parametrize("kind", KINDS)
def test_every_neuron_of_the_attention_is_one_heads(kind):
    reranker = make_ranker(kind)
    found, heads = head_neurons(reranker), Heads.of(reranker)
    attention = ["query", "key", "value", "attention_output"]
    every = reranker.neurons.frame().filter(pl.col("component").is_in(attention))
    assert_frame_equal(found.select(NEURON), every)
    of_inputs = found.filter(pl.col("component") != "attention_output")
    assert of_inputs.group_by("layer", "component", "head").len()["len"].unique().item() == (
        heads.size
    )
    assert (of_inputs["share"] == 1).all()
    for name in ("is_matching", "is_relevance"):
        assert found[name].null_count() == len(found) and found[name].dtype == pl.Boolean


def test_a_neuron_of_the_output_is_the_heads_that_weighs_most_in_it():
    """Weights put by hand: neuron 0 reads head 1 alone, 1 mostly head 0, 2 nothing."""
    reranker = make_ranker("electra")
    (block,) = (one for one in reranker.neurons.blocks if (one.layer, one.component) == (1, OUTPUT))
    with torch.no_grad():
        weights = block.module.weight
        weights[:3] = 0.0
        weights[0, 9] = -3.0
        weights[1, 2], weights[1, 3], weights[1, 15] = 1.0, -1.0, 1.0
    rows = head_neurons(reranker).filter(layer=1, component=OUTPUT).head(3)
    assert rows["head"].to_list() == [1, 0, None]
    assert rows["share"].to_list() == [1.0, pytest.approx(2 / 3), None]


def test_the_kinds_of_heads_are_those_of_their_table(tmp_path, ranker_folder):
    table = [
        (layer, head, (layer, head) == (2, 1), head == 0) for layer in (2, 1, 0) for head in (0, 1)
    ]
    kinds = pl.DataFrame(table, ["layer", "head", "is_matching", "is_relevance"], orient="row")
    kinds.write_parquet(tmp_path / "heads.parquet")
    made = tmp_path / "made.parquet"
    locate_heads.main(
        str(tmp_path / "heads.parquet"), str(made), {"model": str(ranker_folder), "max_length": 48}
    )
    found = pl.read_parquet(made)
    assert found.columns == [
        *("layer", "component", "neuron", "head", "is_matching", "is_relevance", "share"),
    ]
    assert found.filter("is_matching").select("layer", "head").unique().rows() == [(2, 1)]
    assert (found["is_relevance"] == (found["head"] == 0)).all()
    locate_heads.main(None, str(made), {"model": str(ranker_folder), "max_length": 48})
    assert_frame_equal(
        pl.read_parquet(made).drop("is_matching", "is_relevance"),
        found.drop("is_matching", "is_relevance"),
    )


def test_heads_of_an_encoder_decoder_are_refused():
    with pytest.raises(UserError, match="is an encoder-decoder, which has attention of several"):
        head_neurons(make_ranker("monot5"))
