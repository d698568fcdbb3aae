"""The causal test of IDF: a term's embedding rows moved along its component; what the score does.

Beside it random directions by the same length, the whole row scaled by a change of the same length,
and the paper's own edit.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import torch

from relevance_neurons.mechanism.embeddings import edited_embeddings, whole_words, word_embeddings
from relevance_neurons.mechanism.idf_components import Components, idf_direction
from relevance_neurons.mechanism.idf_pairs import TermPair
from relevance_neurons.mechanism.runs import read_scores
from relevance_neurons.rankers.memory import halving, length_batches
from relevance_neurons.running.progress import Progress

if TYPE_CHECKING:
    from relevance_neurons.rankers.reranker import Reranker

logger = logging.getLogger(__name__)

KINDS = ("component", "random", "scaled_row", "legacy")


@dataclass(frozen=True)
class Moves:
    """How rows are moved, at each of ``doses``.

    ``direction``: shape (width,), of length 1, along increasing IDF. ``unit``: how far a dose of 1
    moves (the standard deviation of the component's coordinate over the whole words). ``random``:
    directions of length 1, shape (n_directions, width), the same for every pair and dose.

    Kinds: *component*, by dose · unit along ``direction``; *random*, by as much along each random
    one; *scaled_row*, by as much along the row itself; *legacy*, the paper's: the row's coordinate
    along ``direction`` is set to dose · |coordinate|, for each piece its own.
    """

    direction: np.ndarray
    unit: float
    random: np.ndarray
    doses: tuple[float, ...]

    @classmethod
    def along_idf(
        cls,
        reranker: Reranker,
        correlations: pl.DataFrame,
        doses: Sequence[float],
        n_directions: int,
        seed: int = 0,
    ) -> Moves:
        """Of the component whose |correlation| with IDF is largest, significant or not.

        ``correlations``: as of ``correlate_components``. Where none has a correlation the unit is
        0: there is nothing to move.
        """
        matrix = word_embeddings(reranker)
        direction = idf_direction(Components.of(matrix), correlations)
        drawn = np.random.default_rng(seed).standard_normal((n_directions, matrix.shape[1]))
        random, doses = (
            drawn / np.linalg.norm(drawn, axis=1, keepdims=True),
            tuple(map(float, doses)),
        )
        if direction is None:
            # Way out: give a collection with more words, or leave it out of mechanism.collections.
            logger.warning("IDF: no component has a correlation with it, so none is moved")
            return cls(np.zeros(matrix.shape[1]), 0.0, random, doses)
        words = whole_words(reranker.tokenizer)["token_id"].to_numpy()
        return cls(direction, float(np.std(matrix[words] @ direction)), random, doses)

    @property
    def n_draws(self) -> dict[str, int]:
        """Of each kind, how many moves there are at a dose."""
        return {kind: len(self.random) if kind == "random" else 1 for kind in KINDS}

    def deltas(self, rows: np.ndarray) -> np.ndarray:
        """What is added to ``rows``, shape (n_pieces, width), by each move.

        Shape (n_moves, n_pieces, width): by kind, in a kind by draw, in a draw by dose.
        """
        doses = np.array(self.doses)[:, None, None]
        steps, same = doses * self.unit, np.ones((len(rows), 1))
        moved = [steps * (same * direction) for direction in (self.direction, *self.random)]
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        moved.append(steps * (rows / np.where(lengths > 0, lengths, 1.0)))
        own = (rows @ self.direction)[:, None]
        moved.append((doses * np.abs(own) - own) * self.direction)
        return np.concatenate(moved)


def measure_changes(
    reranker: Reranker, pairs: Sequence[TermPair], moves: Moves
) -> dict[str, np.ndarray]:
    """How much each move of the pair's term changes its logit, by kind.

    Shape of each: (n_pairs, n_draws, n_doses). The logit is the ranker's only one, or the margin of
    its two. A pair is run beside its own moves only, so that the batch has no padding and no other
    pair has a say in the last digits. Passes: pairs × (1 + doses × (directions + 3)).
    """
    matrix = word_embeddings(reranker).astype(np.float64)
    n_doses = len(moves.doses)
    changes = np.zeros((len(pairs), sum(moves.n_draws.values()) * n_doses))
    with Progress(len(pairs), "moving IDF") as progress:
        for number, pair in enumerate(pairs):
            ids = pair.encoded.input_ids[list(pair.positions)].numpy()
            deltas = moves.deltas(matrix[ids])
            logits = _logits(reranker, pair, np.concatenate([np.zeros_like(deltas[:1]), deltas]))
            changes[number] = logits[1:] - logits[0]
            progress.update()
    ends = np.cumsum(list(moves.n_draws.values()))[:-1] * n_doses
    parts = zip(moves.n_draws.items(), np.split(changes, ends, axis=1), strict=True)
    return {kind: part.reshape(len(pairs), n, n_doses) for (kind, n), part in parts}


@torch.inference_mode()
def _logits(reranker: Reranker, pair: TermPair, deltas: np.ndarray) -> np.ndarray:
    """The logit under each of ``deltas``, shape (n_moves, n_pieces, width)."""
    n_tokens, memory = len(pair.encoded), reranker.memory()
    batch = reranker.collate([pair.encoded])
    found = np.zeros(len(deltas))

    def logits(rows: Sequence[int]) -> np.ndarray:
        added = np.zeros((len(rows), n_tokens, deltas.shape[2]))
        added[:, list(pair.positions)] = deltas[list(rows)]
        inputs = {name: one.expand(len(rows), -1) for name, one in batch.items()}
        with edited_embeddings(reranker, added), reranker.precision("attribution"):
            out = reranker.model(**inputs).logits
        return read_scores(reranker, out).double().cpu().numpy()

    for rows in length_batches([n_tokens] * len(deltas), memory):
        for part, values in halving(rows, memory, logits):
            found[list(part)] = values
    return found
