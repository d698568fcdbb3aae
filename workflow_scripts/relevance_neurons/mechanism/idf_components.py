"""Components of the word-embedding matrix, and which of them grows with IDF.

W = U S Vᵀ of the raw matrix, uncentred. The paper looks through U_0 … U_49 and keeps the best,
without a correction; here all are looked at, against a null of the largest correlation of them all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from relevance_neurons.statistics.rounding import ROUNDING

FEWEST_WORDS = 3
"""Two points always lie on a line."""
_BLOCK = 50
"""Permutations at once."""

_SCHEMA = {
    "component": pl.Int32,
    "singular_value": pl.Float64,
    "correlation": pl.Float64,
    "p_value": pl.Float64,
    "sign": pl.Int32,
    "is_found": pl.Boolean,
    "n_words": pl.Int32,
}


@dataclass(frozen=True)
class Components:
    """U, shape (vocabulary, k), S, shape (k,), and Vᵀ, shape (k, width), float64.

    The largest entry of each row of Vᵀ is positive, so that signs are the same on every machine.
    """

    left: np.ndarray
    singular_values: np.ndarray
    directions: np.ndarray

    @classmethod
    def of(cls, matrix: np.ndarray) -> Components:
        """Of ``matrix``, shape (vocabulary, width)."""
        from scipy.linalg import svd

        left, values, directions = svd(np.asarray(matrix, dtype=np.float64), full_matrices=False)
        largest = np.abs(directions).argmax(axis=1)
        signs = np.sign(directions[np.arange(len(directions)), largest])
        left *= signs
        return cls(left, values, directions * signs[:, None])

    @property
    def are_real(self) -> np.ndarray:
        """Which are components at all, shape (k,): those with a singular value above rounding."""
        size = max(len(self.left), self.directions.shape[1])
        return self.singular_values > self.singular_values.max() * size * np.finfo(np.float64).eps


def correlate_components(
    components: Components,
    words: pl.DataFrame,
    permutations: int = 1000,
    significance: float = 0.05,
    seed: int = 0,
) -> pl.DataFrame:
    """Pearson correlation of every component U_k with IDF over whole words of the collection.

    ``words``: token_id, idf of each. Returns component, singular_value, correlation, p_value, sign
    (sign · U_k grows with IDF), is_found (the largest |correlation|, where its p-value is at most
    ``significance``), n_words. p_value: (1 + #{largest |correlation| of any component with the IDF
    permuted over words ≥ this |correlation|}) / (permutations + 1): it holds for all components
    together. Null where there are fewer than ``FEWEST_WORDS``, or no variance.
    """
    standard, has_spread = _standardised(components.left[words["token_id"].to_numpy()])
    usable = has_spread & components.are_real & (len(words) >= FEWEST_WORDS)
    idf, idf_has_spread = _standardised(words["idf"].to_numpy().astype(np.float64)[:, None])
    usable &= idf_has_spread[0]
    standard[:, ~usable] = 0.0
    found = idf[:, 0] @ standard
    largest = largest_by_chance(standard, idf[:, 0], permutations, seed)
    counts = (largest[:, None] >= np.abs(found) - ROUNDING).sum(axis=0)
    p_values = (1 + counts) / (permutations + 1)
    return _frame(components, found, p_values, usable, significance, len(words))


def largest_by_chance(
    standard: np.ndarray, idf: np.ndarray, permutations: int, seed: int
) -> np.ndarray:
    """The largest |correlation| of any column in each permutation of IDF, shape (permutations,).

    ``standard``, shape (n_words, k), and ``idf``, shape (n_words,): centred, of length 1.
    """
    rng = np.random.default_rng(seed)
    largest = np.zeros(permutations)
    for start in range(0, permutations, _BLOCK):
        rows = min(_BLOCK, permutations - start)
        shuffled = rng.permuted(np.tile(idf, (rows, 1)), axis=1)
        largest[start : start + rows] = np.abs(shuffled @ standard).max(axis=1)
    return largest


def idf_direction(components: Components, correlations: pl.DataFrame) -> np.ndarray | None:
    """The direction of the embedding space along which IDF grows, of length 1, shape (width,).

    That of the largest |correlation|, found or not: ``correlations`` as of
    ``correlate_components``. None where there is none.
    """
    best = correlations.drop_nulls("correlation").sort(
        pl.col("correlation").abs(), "component", descending=[True, False]
    )
    if best.is_empty():
        return None
    return best["sign"][0] * components.directions[best["component"][0]]


def _standardised(columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns centred and of length 1; which of them have any spread (the others become 0)."""
    if not len(columns):
        return columns, np.zeros(columns.shape[1], dtype=bool)
    centred = columns - columns.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=0)
    has_spread = lengths > ROUNDING * np.linalg.norm(columns, axis=0)
    return centred / np.where(has_spread, lengths, np.inf), has_spread


def _frame(
    components: Components,
    found: np.ndarray,
    p_values: np.ndarray,
    usable: np.ndarray,
    significance: float,
    n_words: int,
) -> pl.DataFrame:
    rows = pl.DataFrame(
        {
            "component": np.arange(len(found)),
            "singular_value": components.singular_values,
            "correlation": found,
            "p_value": p_values,
            "sign": np.where(found < 0, -1, 1),
        }
    )
    measured = pl.when(pl.Series(usable, dtype=pl.Boolean))
    rows = rows.with_columns(measured.then(pl.col("correlation", "p_value", "sign")))
    size = pl.col("correlation").abs()
    is_best = (size == size.max()) & (pl.col("p_value") <= significance)
    return rows.with_columns(is_found=is_best.fill_null(False), n_words=pl.lit(n_words)).cast(
        _SCHEMA
    )
