"""Plain selects that choose which of several views is shown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

MISSING = "Not in this study."


@dataclass(frozen=True)
class Control:
    """A select: its key, its label, and its options as (value, words); the first is chosen.

    Where the study lacks what all first options together ask for, its first view is shown instead.
    """

    key: str
    label: str
    options: Sequence[tuple[str, str]]


def switched(name: str, controls: Sequence[Control], views: Mapping[tuple[str, ...], str]) -> str:
    """``controls`` above the one of ``views`` whose key is what they choose, in their order.

    A choice without a view shows that the study does not have it. ``name`` is unique in the page.
    """
    kept = [place for place, control in enumerate(controls) if len(control.options) > 1]
    controls = [controls[place] for place in kept]  # one choice is none
    views = {tuple(key[place] for place in kept): html for key, html in views.items()}
    first = tuple(control.options[0][0] for control in controls)
    if first not in views:
        first = next(iter(views), first)
    selects = "".join(_select(name, one, value) for one, value in zip(controls, first, strict=True))
    shown = "\n".join(_view(key, html, key == first) for key, html in views.items())
    return (
        f'<div class="switched" id="switched-{name}">\n'
        f'<div class="controls" role="group" aria-label="What is shown">{selects}</div>\n{shown}\n'
        f'<p class="missing" role="status"{"" if first not in views else " hidden"}>{MISSING}</p>\n'
        "</div>"
    )


def _select(name: str, control: Control, chosen: str) -> str:
    options = "".join(
        f'<option value="{escape(value)}"{" selected" if value == chosen else ""}>'
        f"{escape(words)}</option>"
        for value, words in control.options
    )
    return (
        f"<label>{escape(control.label)} "
        f'<select id="{name}-{control.key}" autocomplete="off">{options}</select></label>'
    )


def _view(key: tuple[str, ...], html: str, is_shown: bool) -> str:
    hidden = "" if is_shown else " hidden"
    return f'<div class="view" data-key="{escape(json.dumps(key))}"{hidden}>{html}</div>'
