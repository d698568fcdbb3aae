"""The class behind ``to_pyterrier``, in a file of its own: it needs PyTerrier to be imported."""

from __future__ import annotations

import pandas as pd
import polars as pl
import pyterrier as pt

from relevance_neurons.rankers.many_ablations import switched_off
from relevance_neurons.rankers.reranker import Reranker


class TerrierRanker(pt.Transformer):
    """Scores results (qid, query, docno and a column of text) by a ranker without some neurons."""

    def __init__(self, reranker: Reranker, neurons: pl.DataFrame | None, text: str) -> None:
        """``neurons``: as ``with_value`` gives them; None for the whole ranker."""
        self.reranker, self.neurons, self.text = reranker, neurons, text
        self._off = {} if neurons is None else reranker.neurons.off(neurons)

    def transform(self, inp: pd.DataFrame) -> pd.DataFrame:
        """The results with score (log p of relevance) and rank; all other columns as they are."""
        pt.validate.columns(inp, includes=["qid", "query", "docno", self.text], context=self)
        pairs = list(zip(inp["query"], inp[self.text], strict=True))
        with switched_off(self.reranker, self._off):
            scores = self.reranker.score(pairs)
        return pt.model.add_ranks(inp.assign(score=scores.double().numpy()))

    def __repr__(self) -> str:
        off = "" if self.neurons is None else f" without {len(self.neurons):,} neurons"
        return f"TerrierRanker({type(self.reranker).__name__}{off})"
