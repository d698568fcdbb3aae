"""The colours of scores: orange above zero, blue below, told apart by colour-blind people too."""

from __future__ import annotations

import math

SCALES = {
    "light": {
        "positive": ("#ffffff", "#fde6cd", "#fbbd80", "#e5811f", "#9e4300"),
        "negative": ("#ffffff", "#d9e8f6", "#98c3e8", "#4088c4", "#0a4a84"),
    },
    "dark": {
        "positive": ("#1b1f24", "#4a3016", "#8c4d10", "#d58126", "#ffc98a"),
        "negative": ("#1b1f24", "#17344f", "#1d5c91", "#4f97d2", "#b0daff"),
    },
}
"""Of each theme, what 0, 1/4, 1/2, 3/4 and 1 of the largest size look like; between these in equal
steps of red, green and blue. Lightness only falls, or in the dark rises: in print too."""


def fill(value: float, theme: str = "light") -> str:
    """The background, as #rrggbb, of ``value``: −1 to 1 of the scale; what lies beyond is its end.

    Of a value that is no number that of 0.
    """
    stops = SCALES[theme]["negative" if value < 0 else "positive"]
    size = 0.0 if math.isnan(value) else min(abs(value), 1.0)
    place = size * (len(stops) - 1)
    low = min(int(place), len(stops) - 2)
    mixed = (
        a + (place - low) * (b - a)
        for a, b in zip(_channels(stops[low]), _channels(stops[low + 1]), strict=True)
    )
    return "#" + "".join(f"{math.floor(one + 0.5):02x}" for one in mixed)


def text_on(background: str) -> str:
    """Black or white, whichever stands out more: always by a ratio above 4.5 (WCAG 2, 1.4.3)."""
    luminance = relative_luminance(background)
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"


def relative_luminance(colour: str) -> float:
    """Of #rrggbb, as WCAG 2 defines it: from 0 (black) to 1 (white)."""
    shares = (one / 255 for one in _channels(colour))
    linear = (one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares)
    return sum(weight * one for weight, one in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
