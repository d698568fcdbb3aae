"""Texts of any script in a figure: in an installed font that has them, or as code points.

Matplotlib shapes texts itself (HarfBuzz, both directions), and takes each character from the first
of several fonts that has it.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from matplotlib.figure import Figure
from matplotlib.font_manager import (
    FontEntry,
    FontPath,
    FontProperties,
    findfont,
    findSystemFonts,
    fontManager,
    get_font,
)
from matplotlib.ft2font import LoadFlags
from matplotlib.text import Text

logger = logging.getLogger(__name__)

_REGULAR = 400
_NO_FONTS = ("Last Resort", "cm", "STIXNonUnicode", "STIXSize")
"""Beginnings of names: boxes for everything, and symbols of TeX under other characters' numbers."""
# Default_Ignorable_Code_Point of Unicode: nothing is drawn for them, whatever the font.
_IGNORED = re.compile(
    "[\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff]"
)
_DIRECTIONS = {"R", "AL", "LRE", "LRO", "RLE", "RLO", "LRI", "RLI", "FSI"}
_CODE_POINTS, _LEFT_TO_RIGHT = re.compile(r"<U\+[^>]*>?"), "\u2066\\g<0>\u2069"
_JOINED = re.compile("M|Cf")
"""Categories of what belongs to the character before it."""
_MOST, _LONG_WORD = 100, 16
"""Characters to an inch, more than fit; letters of a word from which on it may be cut."""
_CJK = re.compile(r"CJK|HIRAGANA|KATAKANA|HANGUL|BOPOMOFO|IDEOGRAPHIC|FULLWIDTH|HALFWIDTH|KANGXI")
_INSTALL = {
    "cjk": "Noto Sans CJK (Debian: apt install fonts-noto-cjk)",
    "symbols": "Symbola (fonts-symbola)",
    "others": "Noto Sans of their script (fonts-noto-core)",
}
_SHOWN = 10


@dataclass(frozen=True)
class Fonts:
    """``families``: the style's own and those beside it; ``lacking``: what none of them has."""

    families: tuple[str, ...]
    lacking: frozenset[str]

    def readable(self, text: str) -> str:
        """``text`` with every run of lacking characters as its code points, <U+8702 U+871C>."""
        if not self.lacking.intersection(text):
            return text
        runs = re.compile(f"[{re.escape(''.join(sorted(self.lacking)))}]+")
        return runs.sub(lambda run: _code_points(run.group()), text)


def find_fonts(texts: Iterable[str]) -> Fonts:
    """The fonts that ``texts`` need, of those that are installed; the log says what none has.

    Fonts are opened only where the style's own lacks a character. The one that has most of those
    is taken first; of equals one without serifs, Chinese forms for Han characters (Japanese beside
    kana, Korean beside Hangul), then the first by name.
    """
    text = "".join(texts)
    path = findfont(FontProperties())
    own = get_font(path).family_name
    missing = _drawn(text) - _glyphs(path)
    if not missing:
        return Fonts((own,), frozenset())
    families = _choose(missing)
    lacking = missing.difference(*families.values())
    _tell(lacking)
    return Fonts((own, *families), lacking)


def use_fonts(figure: Figure) -> None:
    """Give the texts of ``figure`` that need them other fonts, or code points in their place."""
    texts = [text for text in figure.findobj(Text) if text.get_text()]
    fonts = find_fonts(line for text in texts for line in text.get_text().split("\n"))
    own = _glyphs(findfont(FontProperties()))
    for text in texts:
        lines = text.get_text().split("\n")
        if _drawn("".join(lines)) - own:
            text.set_text("\n".join(map(fonts.readable, lines)))
            text.set_family(fonts.families)


def text_width(figure: Figure, text: str, fonts: Fonts, size: float) -> float:
    """Inches that ``text``, one line, takes in ``size`` points."""
    font = FontProperties(family=fonts.families, size=size)
    width, *_ = figure.canvas.get_renderer().get_text_width_height_descent(text, font, False)
    return width / figure.dpi


def fitted(figure: Figure, text: str, fonts: Fonts, size: float, inches: float) -> str:
    """``text`` in readable characters, its end cut off where it is wider than ``inches``."""
    text = fonts.readable(text)
    start = text[: int(_MOST * inches)]
    if start == text and text_width(figure, text, fonts, size) <= inches:
        return _apart(text)

    def is_too_wide(length: int) -> bool:
        return text_width(figure, f"{start[:length]} …", fonts, size) > inches

    length = max(0, bisect_left(range(len(start) + 1), True, key=is_too_wide) - 1)
    while length and _JOINED.match(unicodedata.category(text[length])):
        length -= 1
    words, space, cut = start[:length].rpartition(" ")
    kept = words if space and len(cut) < _LONG_WORD else start[:length]
    return _apart(f"{kept.rstrip()} …")


def _apart(text: str) -> str:
    """``text`` as it was, but with marks where words from right to left would mix with others."""
    if not set(map(unicodedata.bidirectional, text)) & _DIRECTIONS:
        return text
    return f"\u2068{_CODE_POINTS.sub(_LEFT_TO_RIGHT, text)}\u2069"


def _drawn(text: str) -> frozenset[str]:
    """The characters of ``text`` for which a font needs a glyph."""
    return frozenset(_IGNORED.sub("", text))


def _choose(missing: frozenset[str]) -> dict[str, frozenset[str]]:
    """Families that together have as much of ``missing`` as any, each with what it is for."""
    left = {one for one in missing if unicodedata.category(one) not in ("Cc", "Co", "Cs")}
    found: dict[str, frozenset[str]] = {}
    for font in _installed(_region(missing)):
        if covered := left & _glyphs(FontPath(font.fname, font.index)):
            found.setdefault(font.name, covered)
    families = {}
    while left and found:
        name = max(found, key=lambda one: len(found[one] & left))  # of equals the first
        if covered := _with_outline(name, found.pop(name) & left):
            families[name] = covered
            left -= covered
    return families


def _region(characters: Iterable[str]) -> str:
    """Whose forms of Han characters to take, as fonts of all three have them in their names."""
    scripts = {unicodedata.name(one, "?").split()[0] for one in characters}
    if scripts & {"HIRAGANA", "KATAKANA"}:
        return "JP"
    return "KR" if "HANGUL" in scripts else "SC"


def _installed(region: str) -> list[FontEntry]:
    """The regular fonts of this machine in the order in which they are preferred."""
    _add_new_fonts()

    def order(font: FontEntry) -> tuple:
        other = not font.name.endswith(f" {region}")
        weight = abs(int(font.weight) - _REGULAR)
        return "Sans" not in font.name, other, font.name, weight, font.fname, font.index

    regular = [
        font
        for font in fontManager.ttflist
        if (font.style, font.stretch) == ("normal", "normal")
        and not font.name.startswith(_NO_FONTS)
    ]
    return sorted(regular, key=order)


@cache
def _add_new_fonts() -> None:
    """Matplotlib remembers the fonts of its first run: add those that came since."""
    known = {font.fname for font in fontManager.ttflist}
    for path in sorted(set(findSystemFonts()) - known):
        try:
            fontManager.addfont(path)
        except Exception as error:  # bitmaps, damaged: as Matplotlib does
            logger.debug("%s: cannot be used: %s", path, error)


@cache
def _glyphs(font: FontPath) -> frozenset[str]:
    return frozenset(map(chr, get_font(font).get_charmap()))


def _with_outline(family: str, characters: Iterable[str]) -> frozenset[str]:
    """Those of ``characters`` that the family draws: not as bitmaps, and not as nothing."""
    font = get_font(findfont(FontProperties(family=family), fallback_to_default=False))
    glyphs = font.get_charmap()

    def has_outline(character: str) -> bool:
        if ord(character) not in glyphs:
            return False
        font.load_glyph(glyphs[ord(character)], flags=LoadFlags.NO_HINTING)
        return len(font.get_path()[0]) > 0

    return frozenset(filter(has_outline, characters))


def _code_points(characters: str) -> str:
    if all(unicodedata.category(one) == "Zs" for one in characters):
        return " "
    return f"<{' '.join(f'U+{ord(one):04X}' for one in characters)}>"


def _tell(lacking: frozenset[str]) -> None:
    """One line: which characters are lacking, and which fonts have them."""
    kinds = {one: _kind(one) for one in sorted(lacking)}
    known = [one for one, kind in kinds.items() if kind]
    if not known:
        return
    shown = ", ".join(f"{one} (U+{ord(one):04X})" for one in known[:_SHOWN])
    fonts = [font for kind, font in _INSTALL.items() if kind in kinds.values()]
    logger.warning(
        "figures: no installed font has %d of the characters, they are written as code points: %s"
        "%s; install %s, or put the file of such a font into ~/.local/share/fonts, and draw again: "
        "snakemake --forcerun draw_figures",
        len(known),
        shown,
        ", …" if len(known) > _SHOWN else "",
        " and ".join(fonts),
    )


def _kind(character: str) -> str | None:
    """Which of ``_INSTALL`` has ``character``; None for controls and what has no meaning."""
    category = unicodedata.category(character)
    if category[0] in "CZ":
        return None
    if _CJK.match(unicodedata.name(character, "")):
        return "cjk"
    return "symbols" if category[0] == "S" else "others"
