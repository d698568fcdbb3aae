"""Which baseline tells the ranker least about relevance (Table 1 of the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import polars as pl
import torch

from relevance_neurons.attribution.baselines import BASELINES, find_baseline
from relevance_neurons.attribution.paths import baseline_batch, filler_vectors
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.memory import halving, length_batches
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.progress import Progress
from relevance_neurons.statistics.bootstrap import mean_interval


def compare_baselines(
    reranker: Reranker, pairs: Sequence[tuple[str, str]], chosen: str, seed: int = 0
) -> pl.DataFrame:
    """Mean p(relevant) − p(non-relevant) over ``pairs``, on the input and on every baseline.

    A row per baseline ("original" first): baseline, mean_difference, ci_low, ci_high (bootstrap
    over pairs), n_pairs, chosen. The closer a baseline is to 0, the less it says of relevance.
    Baselines of [UNK] are left out where the tokenizer has no such token.
    """
    known = filler_vectors(reranker)
    names = ["original", *(name for name, one in BASELINES.items() if one.filler in known)]
    differences = {name: torch.empty(len(pairs), dtype=torch.float64) for name in names}
    encoded, memory = reranker.encode(pairs), reranker.memory()
    with Progress(len(pairs) * len(names), "baselines") as progress, torch.inference_mode():
        for rows in length_batches([len(pair) for pair in encoded], memory):
            for name in names:
                compute = partial(_differences, reranker, encoded, name)
                for part, found in halving(rows, memory, compute):
                    differences[name][part] = found
                    progress.update(len(part))
    return pl.DataFrame(
        [
            {
                "baseline": name,
                **_mean(differences[name], seed),
                "n_pairs": len(pairs),
                "chosen": name == chosen,
            }
            for name in names
        ]
    )


def _differences(
    reranker: Reranker, encoded: Sequence[EncodedPair], name: str, rows: Sequence[int]
) -> torch.Tensor:
    batch = [encoded[row] for row in rows]
    inputs = reranker.collate(batch)
    if name != "original":
        embeddings = reranker.model.get_input_embeddings()(inputs.pop("input_ids"))
        inputs["inputs_embeds"] = baseline_batch(reranker, batch, embeddings, find_baseline(name))
    with reranker.precision("attribution"):
        logits = reranker.model(**inputs).logits
    probabilities = reranker.log_probabilities(logits).double().exp()
    return (probabilities[:, 1] - probabilities[:, 0]).cpu()


def _mean(values: torch.Tensor, seed: int) -> dict:
    mean, low, high = mean_interval(values.numpy(), seed=seed)
    return {"mean_difference": mean, "ci_low": low, "ci_high": high}
