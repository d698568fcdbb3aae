"""What the ranker gives to pairs, each under its own label: F, and the label's probability."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from relevance_neurons.attribution.tracing import check_finite
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.memory import Memory, halving, length_batches
from relevance_neurons.rankers.reranker import LABELS, Reranker


def label_of_each(labels: str | Sequence[str], n_pairs: int) -> list[str]:
    """The label of every pair, from one for all or one for each.

    Raises ``UserError`` for an unknown label, and for more or fewer labels than pairs.
    """
    each = [labels] * n_pairs if isinstance(labels, str) else list(labels)
    if len(each) != n_pairs:
        raise UserError(
            f"labels: {len(each)} were found for {n_pairs} pairs; give one for each, or one for all"
        )
    unknown = next((label for label in each if label not in LABELS), None)
    if unknown is not None:
        raise UserError(f"labels: {unknown!r} was found; allowed: {', '.join(LABELS)}")
    return each


def are_relevant(labels: Sequence[str]) -> torch.Tensor:
    """Which of ``labels`` are "relevant": bool, shape (n_pairs,)."""
    return torch.tensor([label == "relevant" for label in labels], dtype=torch.bool)


def label_values(
    reranker: Reranker, logits: torch.Tensor, relevant: torch.Tensor, target: str = "probability"
) -> torch.Tensor:
    """F of each row under its own label: shape (n_rows,) from logits (n_rows, 1 or 2).

    ``relevant``: whether a row's label is "relevant", bool, shape (n_rows,). ``target``: one of
    probability, logit and margin; see ``Reranker.target_value``.
    """
    non_relevant, of_relevant = (reranker.target_value(logits, label, target) for label in LABELS)
    return torch.where(relevant.to(logits.device), of_relevant, non_relevant)


@torch.inference_mode()
def logits_of(
    reranker: Reranker, encoded: Sequence[EncodedPair], memory: Memory | None = None
) -> torch.Tensor:
    """Logits of tokenised pairs: float64, shape (n_pairs, 1 or 2), on the CPU.

    In the arithmetic of attribution: differences between logits are looked at. Raises ``UserError``
    for values that are no finite numbers, and if one pair alone is too large for the memory.
    """
    memory = memory or reranker.memory()

    def run(rows: Sequence[int]) -> torch.Tensor:
        with reranker.precision("attribution"):
            logits = reranker.model(**reranker.collate([encoded[row] for row in rows])).logits
        check_finite(logits)
        return logits.double().cpu()

    found: dict[int, torch.Tensor] = {}
    for batch in length_batches([len(pair) for pair in encoded], memory):
        for rows, logits in halving(batch, memory, run):
            found.update(zip(rows, logits, strict=True))
    return torch.stack([found[row] for row in range(len(encoded))])
