"""What a row of the ablations is: a scheme's own ablation, or one of the kinds beside it.

In the tables' column ``scheme`` a kind stands before the scheme, as in ``random:P_and_all``; a
plain name is the scheme's own ablation, by the study's value (zero or mean).
"""

from __future__ import annotations

import polars as pl

PLAIN = ""
"""The kind of a scheme's own ablation."""
RANDOM, MATCHED, KEEP_ONLY, BOTTOM = "random", "matched", "keep_only", "bottom"
VALUES = ("zero", "mean")
"""What a neuron that is switched off may give: also the kinds with the value not the study's."""
DRAWN = (RANDOM, MATCHED)
"""The controls: random neurons; a row is the mean over its draws."""
KINDS = (PLAIN, *DRAWN, *VALUES, KEEP_ONLY, BOTTOM)
"""``bottom``: as many neurons from the other end of the scheme's ranking, least important first."""
OF_METHOD = "@"
"""Between a scheme's name and its method's, where that is not the study's own."""
UNPRUNED = "none"
SHUFFLED = "shuffled"
"""Pools in random order, among the measures: what a ranker gets that knows nothing."""


def named(kind: str, scheme: str) -> str:
    """How an ablation of ``scheme`` is called in the column ``scheme``."""
    return f"{kind}:{scheme}" if kind else scheme


def parted(name: str) -> tuple[str, str]:
    """(kind, scheme) of an ablation's name."""
    kind, _, scheme = name.rpartition(":")
    return kind, scheme


def method_of(scheme: str, first: str) -> tuple[str, str]:
    """(method, family) of a scheme without a kind; ``first`` is the study's own method.

    A scheme of another method than the first has its name after an @; what stands before it, the
    family, is what schemes of several methods have in common.
    """
    family, _, method = scheme.partition(OF_METHOD)
    return method or first, family


def scheme_by(scheme: str, method: str, first: str) -> str:
    """What the scheme that is called so by the method ``first`` is called by ``method``."""
    return scheme if method == first else f"{scheme}{OF_METHOD}{method}"


def with_kind(frame: pl.DataFrame) -> pl.DataFrame:
    """Add ``kind`` and ``of``, the scheme that a row's ablation belongs to."""
    parts = pl.col("scheme").str.split(":").list
    kind = pl.when(parts.len() > 1).then(parts.first()).otherwise(pl.lit(PLAIN))
    return frame.with_columns(kind=kind, of=parts.last())
