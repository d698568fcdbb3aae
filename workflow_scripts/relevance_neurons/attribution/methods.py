"""The ways of scoring neurons by name, and which settings each reads: no torch is needed here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from relevance_neurons.errors import UserError

METHODS = (
    "neuron_integrated_gradients",
    "gradient_x_activation",
    "integrated_activations",
    "single_ablation",
    "activation_size",
    "weight_x_activation",
    "random",
)
REFERENCES = ("zero", "mean")
"""What a neuron gives while it counts as switched off: 0, or its mean over tokens."""
WITHIN_QUERY = ("margin_pair", "pairwise", "lambda")
"""Targets about differences between passages of one query; see ``within_query``."""
DIFFERENCE = "difference"
"""The label of the one map that a target within queries has."""

DEFAULTS = {
    "baseline": "pad_all",
    "target": "probability",
    "quadrature": "adaptive",
    "tolerance": None,
    "n_points": None,
    "token_kinds": False,
    "reference": "zero",
    "screen": None,
    "screen_percent": 1.0,
    "screen_sample": 100,
}
"""Every setting that some method reads; None: the method's own default, or nothing."""

_READ = {
    "neuron_integrated_gradients": ("baseline", "target", "quadrature", "token_kinds"),
    "gradient_x_activation": ("target", "reference"),
    "integrated_activations": ("target", "quadrature", "reference"),
    "single_ablation": ("target", "reference", "screen", "screen_percent", "screen_sample"),
    "activation_size": (),
    "weight_x_activation": (),
    "random": (),
}
_WITH_GRADIENT = METHODS[:3]


def settings_of(method: str, quadrature: str = "adaptive") -> tuple[str, ...]:
    """The keys of ``DEFAULTS`` that a method reads, under this rule of the integral if it has one.

    Raises ``UserError`` for an unknown method.
    """
    if method not in METHODS:
        raise UserError(f"attribution.method: {method!r} was found; allowed: {', '.join(METHODS)}")
    keys = _READ[method]
    if "quadrature" in keys:
        keys += ("tolerance" if quadrature == "adaptive" else "n_points",)
    return keys


def check_settings(method: str, settings: Mapping[str, Any]) -> None:
    """Raise ``UserError`` for a method, or a value of ``settings``, that is unknown or not read.

    ``settings``: keys of ``DEFAULTS``; one at its default counts as not given.
    """
    quadrature = settings.get("quadrature", DEFAULTS["quadrature"])
    read = settings_of(method, quadrature)
    for key, value in settings.items():
        default = DEFAULTS[key]
        is_given = value is not default and (default is None or value != default)
        if is_given and key not in read:
            of_rule = key in ("tolerance", "n_points") and "quadrature" in read
            shown = "a table" if key == "screen" else value
            raise UserError(
                f"attribution.{key}: {shown} was found; {quadrature if of_rule else method} does "
                "not use it: take it out"
            )
    reference = settings.get("reference", DEFAULTS["reference"])
    if reference not in REFERENCES:
        raise UserError(
            f"attribution.reference: {reference!r} was found; allowed: {', '.join(REFERENCES)}"
        )


def check_data(
    method: str, target: str, reference: str, given: Mapping[str, object | None]
) -> None:
    """Raise ``UserError`` where a method or its settings need a table that is None in ``given``.

    ``given``: activations, judgments and screen.
    """
    if target in WITHIN_QUERY and method not in _WITH_GRADIENT:
        raise UserError(
            f"attribution.target: {target} was found, which weighs gradients, and {method} has "
            f"none; take one of {', '.join(_WITH_GRADIENT)}, or another target"
        )
    needs = {
        "activations": (reference == "mean", "reference mean", "measure_activations gives it"),
        "judgments": (target in WITHIN_QUERY, f"target {target}", "query_id and gain of each pair"),
        "screen": (method == "single_ablation", method, "the scores of another method"),
    }
    for name, (is_needed, what, source) in needs.items():
        if is_needed and given[name] is None:
            raise UserError(f"attribution: {what} was asked for without {name}; give it: {source}")
