"""The straight lines in word-embedding space along which pairs are attributed."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from relevance_neurons.attribution.baselines import Baseline, baseline_embeddings, find_baseline
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.reranker import Reranker


class Paths:
    """The lines x' + α (x − x') of a few pairs, padded to one length.

    ``starts`` (x') and ``changes`` (x − x') have shape (n_pairs, n_tokens, width); ``others`` are
    the model's inputs beside the embeddings, a row for each pair.
    """

    def __init__(self, reranker: Reranker, encoded: Sequence[EncodedPair], baseline: str) -> None:
        self.others = reranker.collate(encoded)
        self.n_tokens = self.others["input_ids"].shape[1]
        inputs = reranker.model.get_input_embeddings()(self.others.pop("input_ids"))
        self.starts = baseline_batch(reranker, encoded, inputs, find_baseline(baseline))
        self.changes = inputs - self.starts


def baseline_batch(
    reranker: Reranker, encoded: Sequence[EncodedPair], inputs: torch.Tensor, baseline: Baseline
) -> torch.Tensor:
    """x' of each pair: as ``inputs``, its word embeddings, shape (n_pairs, n_tokens, width).

    What pads a shorter pair to the batch's width stays as it is; attention masks it.
    """
    fillers = filler_vectors(reranker)
    if baseline.filler not in fillers:
        raise UserError(
            f"attribution.baseline: this tokenizer has no {baseline.filler} token; use pad_all"
        )
    result = inputs.clone()
    for row, pair in enumerate(encoded):
        fields, special = pair.fields.to(result.device), pair.special.to(result.device)
        own = inputs[row, : len(pair)]
        result[row, : len(pair)] = baseline_embeddings(baseline, own, fields, special, fillers)
    return result


def filler_vectors(reranker: Reranker) -> dict[str, torch.Tensor]:
    """Word embeddings of [PAD] and [UNK], and the zero vector; each of shape (width,)."""
    embed = reranker.model.get_input_embeddings()
    tokenizer = reranker.tokenizer
    vectors = {"pad": embed.weight[tokenizer.pad_token_id]}
    if tokenizer.unk_token_id is not None:
        vectors["unk"] = embed.weight[tokenizer.unk_token_id]
    return {**vectors, "zero": torch.zeros_like(vectors["pad"])}
