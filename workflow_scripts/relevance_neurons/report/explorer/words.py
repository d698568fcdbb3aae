"""Numbers and names as the explorer's sentences have them."""

from __future__ import annotations

import json

from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.names import method_label
from relevance_neurons.report.tables.formats import number

LABELS = {"relevant": "relevant", "non_relevant": "non-relevant", "difference": "difference"}
"""Labels of maps as words."""


def percent(value: float) -> str:
    """A change in percent, with its sign."""
    text = number(value, 1)
    return f"{text} %" if text[0] in "−0" else f"+{text} %"


def p_value(value: float) -> str:
    """ "p = 0.012", or "p < 0.001"."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def level(value: float) -> str:
    """A level: "0.1 %"."""
    return f"{value:g} %"


def own_method(results: Results) -> str:
    """The study's own method, whose schemes have no method in their names."""
    return results.study.get("attribution.method", "neuron_integrated_gradients")


def method_words(method: str) -> str:
    """A method's name; NIG in full, for readers who do not know the paper."""
    words = method_label(method)
    return "neuron integrated gradients (NIG)" if words == "NIG" else words


def component_words(component: str) -> str:
    """A component's name without underscores."""
    return component.replace("_", " ")


def setting(results: Results, key: str, default: object) -> object:
    """A setting of the study file as its value, or ``default`` where it has none."""
    given = results.study.get(key)
    if given is None:
        return default
    try:
        return json.loads(given)
    except json.JSONDecodeError:
        return given
