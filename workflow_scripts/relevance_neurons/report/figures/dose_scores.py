"""How the logit follows a term's occurrences, and off-topic sentences."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from relevance_neurons.report.figures.style import (
    PANEL_WIDTH,
    colour,
    marker,
    new_figure,
    note,
    styled,
)

DOSES = {"TFC2": "occurrences of the term", "LNC2": "off-topic sentences added"}
"""Perturbation with several levels -> what its level is a number of."""


@styled
def dose_scores_figure(doses: pl.DataFrame, collections: Sequence[str]) -> Figure:
    """Change of the logit against the number of occurrences (TFC2) and of sentences (LNC2).

    ``doses``: as the contract has dose_scores; a line a collection, bars: 95 % intervals of the
    mean over pairs.
    """
    figure = new_figure(2 * PANEL_WIDTH, 2.9)
    for axes, (perturbation, words) in zip(figure.subplots(1, 2), DOSES.items(), strict=True):
        axes.set(title=perturbation, xlabel=words)
        axes.grid(True)
        axes.axhline(0, color="black", lw=0.6)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        own = doses.filter(perturbation=perturbation).drop_nulls("logit_change")
        shift = 0.05
        for index, collection in enumerate(collections):
            rows = own.filter(collection=collection).sort("level")
            if rows.is_empty():
                continue
            # Side by side, or the bars of several collections would hide each other.
            x = rows["level"] + shift * (index - (len(collections) - 1) / 2)
            ends = [rows[name].cast(pl.Float64).fill_null(np.nan) for name in ("ci_low", "ci_high")]
            axes.vlines(x, *ends, color=colour(index), lw=0.9)
            look = {"color": colour(index), "marker": marker(index)}
            axes.plot(x, rows["logit_change"], **look, label=f"{collection}: {_n_pairs(rows)}")
        missing = [one for one in collections if one not in set(own["collection"])]
        if missing:
            note(axes, f"no pairs: {', '.join(missing)}", y=0.08)
        if not own.is_empty():
            axes.legend(loc="best")
    figure.axes[0].set_ylabel("change of the logit\n(mean over pairs, 95 % interval)")
    return figure


def _n_pairs(rows: pl.DataFrame) -> str:
    """How many pairs a line's means are over: not all passages have sentences for every level."""
    least, most = (rows["n_pairs"].min(), rows["n_pairs"].max())
    return f"{most} pair{'s' * (most != 1)}" if least == most else f"{least} to {most} pairs"
