"""The choices of controls: which there are, in which order, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import polars as pl

from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.names import EVERY, method_label
from relevance_neurons.selection.ablation_kinds import OF_METHOD

LABELS = {"relevant": "relevant pairs", "non_relevant": "non-relevant pairs"}
LABELS |= {"difference": "differences within queries", "both": "both labels"}
KINDS = {"": "the scheme's own neurons off", "mean": "the same, at their mean"}
KINDS |= {"zero": "the same, at zero", "random": "control: random neurons"}
KINDS |= {"matched": "control: random, as active (matched)"}
KINDS |= {"keep_only": "all but the scheme's off (keep only)"}
KINDS |= {"bottom": "the other end of its ranking (bottom)"}
"""Of ablations; '' is a scheme's own."""
SHORT_KINDS = {"": "its neurons", "mean": "its neurons (mean)", "zero": "its neurons (zero)"}
SHORT_KINDS |= {"keep_only": "all but its"}
"""As tables have room for; others are called as in the database."""
DOMAINS = {"all": "all collections together", "in": "in domain", "out": "out of domain"}
"""Of pooled tests."""


def level_text(top_percent: float) -> str:
    """A level as people read it: "0.1 %"."""
    return f"{top_percent:g} %"


def method_text(method: str | None) -> str:
    """A method's name in words; the study's own where a table names none."""
    return method_label(method) if method else "the study's method"


def label_text(label: str) -> str:
    """Whose pairs a map is of."""
    return LABELS.get(label, label.replace("_", " "))


def collection_text(collection: str) -> str:
    """A collection, or the mean over all of them."""
    return "mean over collections" if collection == EVERY else collection


def of_collections(frame: pl.DataFrame) -> list[str]:
    """The collections of ``frame``, the mean over all first."""
    return sorted(frame["collection"].unique(), key=lambda one: (one != EVERY, one))


def options(values: Iterable, words=str) -> list[tuple[str, str]]:
    """Choices of a control: each of ``values``, as the key of views and in ``words``."""
    return [(key(value), words(value)) for value in values]


def key(value: object) -> str:
    """``value`` as the key of a view."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def own_first(names: Iterable[str]) -> list[str]:
    """Schemes by name, those of the study's own method before those of others."""
    return sorted(set(names), key=lambda name: (OF_METHOD in name, name))


def methods_first(results: Results, methods: Iterable[str | None]) -> list[str]:
    """Methods by name, the study's own first: no scheme has its name behind an @."""
    names = results.query("scheme_names")["scheme"] if results.has("schemes") else []
    others = {name.partition(OF_METHOD)[2] for name in names}
    return sorted({one or "" for one in methods}, key=lambda one: (one in others, one))


def chosen(names: Mapping[str, str], there: Iterable[str]) -> list[str]:
    """Those of ``there`` in the order of ``names``; others behind them, sorted."""
    there = set(there)
    return [one for one in names if one in there] + sorted(there.difference(names))


def rounded(values: Iterable[float | None], digits: int = 4) -> list[float | None]:
    """Numbers as short as a figure needs them."""
    return [None if one is None else round(one, digits) for one in values]


def checked(title: str, good: str, body: str) -> str:
    """A check with what good looks like; '' where ``body`` is empty."""
    return f"<h3>{title}</h3><p><strong>Good:</strong> {good}</p>{body}" if body else ""
