"""The ways of scoring tokens by name, and which settings each reads: no torch is needed here."""

from __future__ import annotations

from collections.abc import Mapping

from relevance_neurons.errors import UserError

METHODS = (
    "information_bottleneck",
    "integrated_gradients",
    "lime",
    "leave_one_out",
    "random",
)
LAYERED = ("information_bottleneck",)
"""Methods that score the tokens at a layer; the others score them at the input."""
TARGETS = ("probability", "logit", "margin")
"""Of the pair's label; see ``Reranker.target_value``."""
REMOVALS = ("deletion", "mask")
"""How a token is taken out: what follows moves up, or the mask token stands in its place."""

_DEFAULTS = {
    "information_bottleneck": {
        "beta": None,
        "steps": 10,
        "samples": 10,
        "seed": 0,
        "legacy": False,
    },
    "integrated_gradients": {"target": "probability", "n_points": 50, "legacy": False},
    "lime": {"target": "probability", "n_samples": 200, "seed": 0, "legacy": False},
    "leave_one_out": {"target": "probability", "removal": "deletion"},
    "random": {"seed": 0},
}
_LEGACY = {"integrated_gradients": {"n_points": 10}, "lime": {"n_samples": 75}}
"""Numbers of the public code, where ``legacy`` has others."""


def settings_of(method: str, legacy: bool = False) -> dict[str, object]:
    """The settings that a method reads, with their defaults.

    Raises ``UserError`` for an unknown method.
    """
    if method not in METHODS:
        raise UserError(f"tokens.method: {method!r} was found; allowed: {', '.join(METHODS)}")
    more = {**_LEGACY.get(method, {}), "legacy": True} if legacy else {}
    return {**_DEFAULTS[method], **more}


def check_settings(method: str, settings: Mapping[str, object]) -> None:
    """Raise ``UserError`` for a method, or a setting, that is unknown or not read, or wrong."""
    read = settings_of(method)
    for key, value in settings.items():
        if key not in read:
            raise UserError(
                f"tokens.{key}: {value!r} was found; {method} does not use it, only "
                f"{', '.join(read)}: take it out"
            )
        allowed = _allowed(key, value)
        if allowed:
            raise UserError(f"tokens.{key}: {value!r} was found; allowed: {allowed}")


def _allowed(key: str, value: object) -> str | None:
    """What is allowed, if ``value`` is not."""
    named = {"target": TARGETS, "removal": REMOVALS}
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if key in named:
        return None if value in named[key] else ", ".join(named[key])
    if key == "legacy":
        return None if isinstance(value, bool) else "true, false"
    if key == "beta":
        is_number = is_whole or isinstance(value, float)
        return None if value is None or (is_number and value >= 0) else "a number from 0 on"
    least = 0 if key == "seed" else 1
    return None if is_whole and value >= least else f"a whole number from {least} on"


def two_thirds(n_layers: int) -> int:
    """The layer at two thirds of the depth: 15, from 0, of 24 (Jiang et al. 2021, section 4.2)."""
    return max(0, round(2 * n_layers / 3) - 1)
