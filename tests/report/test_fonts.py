"""Texts of every script in the figures: drawn, or written as code points; never as boxes."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from xml.dom import minidom

import matplotlib
import polars as pl
import pytest
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.text import Text

from relevance_neurons.report.figures import fonts
from relevance_neurons.report.figures.ablation import quality_figure
from relevance_neurons.report.figures.sanity import figure1
from relevance_neurons.report.figures.style import new_figure, save_figure
from toys import synthetic_sanity

BUNDLED = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
STIX = BUNDLED / "STIXGeneral.ttf"
"""It has U+306E, a letter of Japanese, which DejaVu Sans lacks."""
PASSAGES = {
    "Chinese": "蜜蜂从植物的花中采取花蜜" * 40,
    "Arabic": "تجمع النحلة الرحيق من الأزهار " * 9,
    "Hindi": "मधुमक्खियाँ फूलों से रस इकट्ठा करती हैं " * 9,
    "capitals": "WWWWWWWWW MMMM " * 40,
    "a word without an end": "abc" * 200,
    "formulas": r"$\nonsense{$ costs $5 and \$6, _a_ {b} 50 % \alpha $$ ^ & # ~ " * 4,
    "controls": "bell \x07 nul \x00 private \ue000 " * 9,
    "emoji": "🐝 👩‍🔬 ❤️ 🇩🇪 " * 20,
}
TOKENS = ["蜂", "▁كيف", "##क्षि", "\n", "\x00", "$", "$x$", "🐝", "[CLS]", "##" + "long" * 40]


@pytest.fixture
def machine(monkeypatch):
    """A machine with DejaVu Sans and the given font files, which Matplotlib does not know yet."""

    def has(*paths: Path) -> None:
        known = [font for font in fontManager.ttflist if font.name == "DejaVu Sans"]
        monkeypatch.setattr(
            fontManager, "ttflist", [f for f in known if BUNDLED in Path(f.fname).parents]
        )
        monkeypatch.setattr(fonts, "findSystemFonts", lambda: [str(path) for path in paths])
        clear()

    def clear() -> None:
        fonts._add_new_fonts.cache_clear()
        fontManager._findfont_cached.cache_clear()

    yield has
    monkeypatch.undo()
    clear()


def example(query: str = "wing", passage: str = "a wing", token: str = "wing") -> pl.DataFrame:
    texts = {"query": query, "passage": passage, "token": token}
    frame = synthetic_sanity.path_example()
    return frame.with_columns(**{name: pl.lit(text) for name, text in texts.items()})


def drawn(figure: Figure) -> str:
    """All texts of a figure, which is drawn without any warning and inside its borders."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
    texts = [text for text in figure.findobj(Text) if text.get_text().strip()]
    for text in [*figure.legends[0].get_texts(), figure._suptitle]:
        box = text.get_window_extent()
        assert min(box.x0, box.y0) >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1, text
    return "\n".join(text.get_text() for text in texts)


def told(caplog) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("passage", PASSAGES.values(), ids=PASSAGES)
def test_every_text_is_drawn_inside_the_figure(machine, passage, tmp_path):
    machine()
    figure = figure1(example(query=passage[:30], passage=passage))
    lines = drawn(figure).split("\n")
    (query,) = [line for line in lines if line.startswith("query: ")]
    (shown,) = [line for line in lines if line.startswith("passage: ")]
    assert min(len(query), len(shown) / 2) > 20  # and not the dots alone
    assert "…" in shown
    save_figure(figure, [tmp_path / "figure.svg"])
    minidom.parse(str(tmp_path / "figure.svg"))  # controls would make it no XML


@pytest.mark.parametrize("token", TOKENS, ids=ascii)
def test_every_token_is_drawn_inside_the_figure(machine, token):
    machine()
    assert "token “" in drawn(figure1(example(token=token)))


def test_what_no_font_has_is_written_as_code_points_and_told_once(machine, caplog):
    machine()
    shown = drawn(figure1(example("蜜蜂 honey", "the 蜂", "##蜂")))
    assert "query: <U+871C U+8702> honey" in shown
    assert "passage: the <U+8702>" in shown
    assert "token “##<U+8702>”" in shown
    (line,) = told(caplog)
    assert "no installed font has 2 of the characters" in line
    assert "蜂 (U+8702), 蜜 (U+871C); install Noto Sans CJK" in line
    assert "apt install fonts-noto-cjk" in line
    assert "--forcerun draw_figures" in line


def test_the_fonts_of_boxes_and_of_tex_are_not_taken(machine):
    machine(*sorted(BUNDLED.glob("*.ttf")))
    assert fonts.find_fonts(["蜂 \ue000"]).lacking == {"蜂", "\ue000"}


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("한", ["Noto Sans CJK"]),
        ("カ", ["Noto Sans CJK"]),
        ("ह", ["Noto Sans of their script"]),
        ("🐝", ["Symbola"]),
        ("蜂ह🐝", ["Noto Sans CJK", "Symbola", "Noto Sans of their script"]),
        ("\x00\ue000", []),
    ],
)
def test_the_log_says_which_kind_of_font_to_install(machine, caplog, text, kinds):
    machine()
    assert fonts.find_fonts([text]).lacking == set(text)
    assert len(told(caplog)) == bool(kinds)
    for kind in ("Noto Sans CJK", "Symbola", "Noto Sans of their script"):
        assert (kind in "".join(told(caplog))) == (kind in kinds)


def test_a_font_that_came_later_is_found_and_used(machine, caplog, tmp_path):
    machine(STIX)
    figure = figure1(example("wing の", "の" * 300, "の"))
    assert "token “の”" in drawn(figure)
    assert not told(caplog)
    save_figure(figure, [tmp_path / "figure.svg", tmp_path / "figure.png"])
    assert "STIXGeneral" in (tmp_path / "figure.svg").read_text(encoding="utf-8")
    families = {tuple(text.get_fontfamily()) for text in figure.findobj(Text) if text.get_text()}
    assert ("DejaVu Sans", "STIXGeneral") in families
    assert len(families) == 2  # texts that need no other font keep theirs


def test_damaged_fonts_are_passed_over(machine, tmp_path):
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font")
    machine(broken, STIX)
    assert fonts.find_fonts(["の"]).families == ("DejaVu Sans", "STIXGeneral")


def test_fonts_are_looked_for_only_where_a_character_is_lacking(machine, monkeypatch):
    machine()
    monkeypatch.setattr(fonts, "findSystemFonts", lambda: pytest.fail("looked for fonts"))
    for text in ("wing lift Übung Русский", "كيف تصنع النحلة", "שלום", "a\u200db\ufe0f\u2068"):
        assert drawn(figure1(example(text, text, text)))
        assert fonts.find_fonts([text]).lacking == frozenset()


@pytest.mark.parametrize(
    ("text", "region"), [("蜂", "SC"), ("蜂の", "JP"), ("蜂꿀", "KR"), ("蜂の꿀", "JP")]
)
def test_han_characters_have_the_forms_of_the_text(text, region):
    assert fonts._region(text) == region


def test_words_from_right_to_left_do_not_mix_with_the_line_around_them(machine):
    machine()
    shown = drawn(figure1(example("كيف \x07 تصنع", "wing", "##كيف")))
    assert "query: \u2068كيف \u2066<U+0007>\u2069 تصنع\u2069" in shown
    assert "token “\u2068##كيف\u2069”" in shown
    assert "passage: wing" in shown


def test_nothing_is_a_formula_in_any_text(machine):
    machine()
    shown = drawn(figure1(example("$x_1$ and $y$", r"\$5 $\frac$", "$_$")))
    for text in ("query: $x_1$ and $y$", r"passage: \$5 $\frac$", "token “$_$”"):
        assert text in shown


def test_names_in_other_figures_get_fonts_too(machine):
    machine(STIX)
    row = {"collection": "のa", "ranking": "bm25", "measure": "$P$_1 蜂", "n_queries": 3}
    row |= {"value": 0.5, "ci_low": 0.4, "ci_high": 0.6}
    figure = quality_figure(pl.DataFrame([row]))
    figure.canvas.draw()
    (axes,) = figure.axes
    assert axes.get_xlabel() == "$P$_1 <U+8702>, mean over queries (95 % interval)"
    (tick,) = axes.get_yticklabels()
    assert tick.get_text() == "のa (3 queries)"
    assert tick.get_fontfamily() == ["DejaVu Sans", "STIXGeneral"]


def test_marks_are_not_cut_from_their_letters():
    figure = new_figure(3, 1)
    fonts_of = fonts.Fonts(("DejaVu Sans",), frozenset())
    text = "e\u0301" * 200
    for inches in (0.5, 0.53, 0.56, 0.59):
        cut = fonts.fitted(figure, text, fonts_of, 8, inches)
        assert text.startswith(cut.removesuffix(" …"))
        assert cut.removesuffix(" …").endswith("\u0301")
        assert fonts.text_width(figure, cut, fonts_of, 8) <= inches
