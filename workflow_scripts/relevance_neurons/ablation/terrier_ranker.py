"""A ranker, whole or without some neurons, as a transformer of PyTerrier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from relevance_neurons.ablation.ablate import with_value
from relevance_neurons.rankers.reranker import Reranker, check_reranker
from relevance_neurons.running.extras import extra

if TYPE_CHECKING:
    from relevance_neurons.ablation.terrier_transformer import TerrierRanker


def to_pyterrier(
    reranker: Reranker,
    neurons: pl.DataFrame | None = None,
    value: str = "zero",
    text: str = "text",
) -> TerrierRanker:
    """The ranker as a transformer that re-ranks, with ``neurons`` switched off (None: none).

    It takes results with qid, query, docno and the passage in the column ``text``, and gives them
    with new scores, log p(relevant), and ranks. ``value`` is what the neurons give: as in
    ``ablate``, which it equals. Several transformers of one ranker may stand side by side; its
    neurons are off only while a transformer scores. Java is not needed.

        pt.Experiment([bm25 >> to_pyterrier(ranker), bm25 >> to_pyterrier(ranker, neurons)], …)

    Raises ``UserError`` where PyTerrier is not installed, and for neurons as ``ablate`` does.
    """
    with extra("retrieval"):
        from relevance_neurons.ablation.terrier_transformer import TerrierRanker
    check_reranker(reranker)
    if neurons is not None:
        neurons = with_value(neurons, value)
        reranker.neurons.off(neurons)  # a neuron that it does not have is told of now, not later
    return TerrierRanker(reranker, neurons, text)
