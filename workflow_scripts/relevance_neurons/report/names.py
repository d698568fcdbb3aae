"""What methods and their schemes are called where people read them, and the rows of one method.

In the tables a scheme of another method than the study's own is called N_msmarco@method.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.selection.ablation_kinds import method_of

_WORDS = {"neuron_integrated_gradients": "NIG", "lime": "LIME"}
EVERY = "all"
"""In the column collection: the mean over all of them."""
MEASURES = {"P@1": "P@1", "RR": "MRR", "RR@10": "MRR@10", "R@3": "R@3", "R@50": "R@50"}
MEASURES |= {"R@1000": "R@1000", "p_relevant": "p(relevant)"}
"""Measures of rankings as paper 004 calls and orders them."""
VARIANTS = {"legacy": "legacy (pairs split)", "features": "idf, TF, idf · TF a head"}
VARIANTS |= {"soft_tf_idf": "Σ idf · TF alone", "random_heads": "random heads"}
VARIANTS |= {"reinitialised": "random weights", "bm25": "BM25", "cross_encoder": "the ranker"}
"""The regressions of the semantic BM25, and what they stand beside."""
FORMS = {"pointwise": "pointwise", "pairwise": "pairwise"}
PAPERS_PEARSON = {"legacy": 0.8157, "bm25": 0.42}
"""Of paper 003, on its data; BM25 is raw there, nothing is fitted."""


def parted(scheme: str) -> tuple[str, str | None]:
    """(name without the method, method) of a scheme; None for the study's own method."""
    method, base = method_of(scheme, first="")
    return base, method or None


def method_label(method: str) -> str:
    """A method's name as words: ``gradient_x_activation`` becomes "gradient × activation"."""
    return _WORDS.get(method, method.replace("_x_", " × ").replace("_", " "))


def scheme_label(scheme: str) -> str:
    """A scheme's name with its method in words; one of the study's own method stays as it is."""
    base, method = parted(scheme)
    return base if method is None else f"{base} · {method_label(method)}"


def of_own_method(schemes: Iterable[str]) -> list[str]:
    """The schemes that are of no other method than the study's own."""
    return [scheme for scheme in schemes if parted(scheme)[1] is None]


def of_method(frame: pl.DataFrame, method: str | None = None) -> pl.DataFrame:
    """The rows of ``method``; all rows of a frame without the column (results of older studies).

    Raises ``UserError`` for a method that the frame lacks, and without one where it has several.
    """
    if "method" not in frame.columns or frame.is_empty():
        return frame
    found = frame["method"].drop_nulls().unique(maintain_order=True).to_list()
    if method is None and len(found) > 1:
        raise UserError(f"method: the table has {', '.join(found)}; name one of them")
    if method is not None and method not in found:
        raise UserError(f"method: found {method}; allowed: {', '.join(found)}")
    return frame if method is None else frame.filter(method=method)


def over_collections(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows of the mean over collections, or of the only one where there are not several.

    Raises ``UserError`` where there are several without their mean: none of them stands for all.
    """
    names = frame["collection"].unique().to_list()
    if EVERY in names or len(names) < 2:
        return frame.filter(collection=EVERY) if EVERY in names else frame
    raise UserError(
        f"collection: the table has {', '.join(sorted(names))} without {EVERY}; name one of them"
    )
