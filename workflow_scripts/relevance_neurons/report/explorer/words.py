"""Numbers and names as the explorer's sentences have them."""

from __future__ import annotations

import json

from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.names import method_label, parted
from relevance_neurons.report.tables.formats import number

LABELS = {"relevant": "relevant", "non_relevant": "non-relevant", "difference": "difference"}
"""Labels of maps as words."""


def percent(value: float) -> str:
    """A change in percent, with its sign."""
    text = number(value, 1)
    return f"+{text} %" if round(value, 1) > 0 else f"{text} %"


def p_value(value: float) -> str:
    """ "p = 0.012", or "p < 0.001"."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"


def own_method(results: Results) -> str:
    """The study's own method, whose schemes have no method in their names.

    Of several it is the one that no scheme names behind an @: the table study keeps no order.
    """
    default = "neuron_integrated_gradients"
    given = results.study.get("attribution.method")
    if given or not results.has("neuron_scores", "method"):
        return given or default
    has_schemes = results.has("schemes")
    names = results.query("scheme_names")["scheme"].to_list() if has_schemes else []
    others = {parted(name)[1] for name in names}
    found = [one for one in results.query("map_methods")["method"] if one not in others]
    return default if default in found or not found else found[0]


def method_of_scheme(results: Results, scheme: str, own: str) -> str:
    """The method whose scores pick ``scheme``; of several their names, as in the table methods."""
    if f"selection.schemes.{scheme}.heads" in results.study:
        return "whole_heads"
    given = setting(results, f"selection.schemes.{scheme}.methods", None)
    return parted(scheme)[1] or (" & ".join(given) if isinstance(given, list) else own)


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
