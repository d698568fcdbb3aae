"""Figure of the table "ablation beyond zero": kinds of ablation side by side."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from relevance_neurons.report.figures.ablation import scheme_panels
from relevance_neurons.report.figures.style import LIGHT_GREY, colour, marker, note, styled
from relevance_neurons.report.tables.controls import kinds_shown, with_domain_and_kind
from relevance_neurons.report.tables.table4 import EMPTY, ablated_in, table4_schemes
from relevance_neurons.selection.ablation_kinds import BOTTOM, DRAWN, KEEP_ONLY

_TEXTS = {KEEP_ONLY: "keep only", BOTTOM: "least important"}
_TEXTS |= {"random": "random neurons", "matched": "matched neurons"}
_TEXTS |= {"zero": "the scheme's neurons at 0", "mean": "the scheme's neurons at their mean"}
_ROW_HEIGHT = 0.3


@styled
def controls_figure(
    effects: pl.DataFrame,
    in_domain: Sequence[str],
    measure: str,
    value: str = "zero",
    margin: float = 2.0,
    schemes: Sequence[str] | None = None,
) -> Figure:
    """Effect of every kind of ablation: a row of panels per level, in and out of the domain.

    ``effects``: as ``ablation_effects`` returns; ``value``: what a neuron gives that the study
    switches off; ``margin``: of the equivalence test, in percent, the grey band; ``schemes``: as
    in ``table4``. A marker is the mean over the panel's collections, its line their range; the
    markers of the random controls are hollow.
    """
    named = ablated_in(effects) if schemes is None else schemes
    present = set(effects["scheme"])
    rows = [scheme for scheme in table4_schemes(named, in_domain) if scheme in present]
    effects = with_domain_and_kind(effects, in_domain, value)
    kinds = [kind for kind in kinds_shown(value) if kind in set(effects["kind"])]
    levels = sorted(effects["top_percent"].unique())
    figure, grid = scheme_panels(rows, levels, _ROW_HEIGHT)
    for panels, level in zip(grid, levels, strict=True):
        for axes, domain in zip(panels, ("in", "out"), strict=True):
            axes.axvspan(-margin, margin, color=LIGHT_GREY, lw=0)
            _panel(axes, effects.filter(top_percent=level, domain=domain), rows, kinds)
    for axes in grid[-1]:
        axes.set_xlabel(f"difference in {measure} (%), mean and range")
    band = Patch(color=LIGHT_GREY, label=f"no effect: within ± {margin:g} %")
    handles = [Line2D([], [], label=_TEXTS.get(kind, kind), **_look(kind, kinds)) for kind in kinds]
    figure.legend(handles=[*handles, band], loc="outside lower center", ncols=3)
    return figure


def _panel(axes: Axes, effects: pl.DataFrame, schemes: Sequence[str], kinds: Sequence[str]) -> None:
    if effects.is_empty():
        note(axes, "no such collection in the study")
        return
    offsets = np.linspace(-0.32, 0.32, len(kinds)) if len(kinds) > 1 else [0.0]
    for y, scheme in enumerate(schemes):
        rows = effects.filter(of=scheme)
        if rows.height and (rows["n_neurons"] == 0).all():
            axes.text(0, y, f" {EMPTY}", va="center", ha="left")
            continue
        for kind, offset in zip(kinds, offsets, strict=True):
            changes = rows.filter(kind=kind)["difference_percent"].drop_nulls()
            if changes.len():
                look = _look(kind, kinds)
                axes.hlines(y + offset, changes.min(), changes.max(), color=look["color"], lw=0.9)
                axes.plot(changes.mean(), y + offset, **look)


def _look(kind: str, kinds: Sequence[str]) -> dict[str, object]:
    index = kinds.index(kind)
    look: dict[str, object] = {"color": colour(index), "marker": marker(index), "lw": 0.9}
    return look | ({"markerfacecolor": "white"} if kind in DRAWN else {})
