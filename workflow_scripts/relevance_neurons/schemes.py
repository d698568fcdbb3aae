"""What a reader of the log should know about the selection of neurons."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import polars as pl

logger = logging.getLogger(__name__)


def log_schemes(sizes: pl.DataFrame, collections: Iterable[str]) -> None:
    """Log which collections a family leaves out, and which intersections say little or nothing.

    ``sizes``: scheme, top_percent, n_neurons, collections (rows of ``scheme_sizes.sql``).
    """
    used = dict(sizes.select("scheme", "collections").iter_rows())
    for family, needs in (("P", "relevant"), ("N", "non_relevant"), ("F", "map of both labels")):
        left_out = [one for one in collections if f"{family}_{one}" not in used]
        if left_out:
            logger.info("%s schemes leave out %s: no %s", family, ", ".join(left_out), needs)
    for scheme, members in used.items():
        if "_and_" in scheme and len(members) < 2:
            logger.warning("%s is no intersection: its only collection is %s", scheme, members[0])
    for scheme, level in sizes.filter(pl.col("n_neurons") == 0)["scheme", "top_percent"].rows():
        logger.info("%s selects no neuron at %g %%: its maps share none", scheme, level)
