"""Coloured token maps: the page in a browser, what it holds without one, and a notebook's."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pytest

from relevance_neurons.errors import UserError
from relevance_neurons.tokens.attribute_tokens import attribute_tokens
from relevance_neurons.tokens.html import choose_pairs, notebook_html, token_map_page
from relevance_neurons.tokens.pieces import readable
from relevance_neurons.tokens.token_colours import SCALES, fill, relative_luminance, text_on
from toys.bert import PAIRS, make_reranker
from toys.browsers import chromium, watched_page
from toys.token_tables import TEXTS, token_tables
from workflow_scripts.tokens import write_token_maps

BOTTLENECK = "information_bottleneck"
METHODS = {BOTTLENECK: [0, 1, 2], "lime": [None], "one_layer": [1]}
COLUMNS = ("collection", "query_id", "doc_id", "label")
ACTIVE = "document.activeElement"


@pytest.fixture(scope="module")
def tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    return token_tables(METHODS)


@pytest.fixture(scope="module")
def page_text(tables) -> str:
    return token_map_page(*tables, title="Maps of <a> & b")


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


class Opened:
    """A page in the browser: it asks for nothing but its file, and writes no error."""

    def __init__(self, browser, text: str, folder: Path, **options) -> None:
        file = folder / "token_maps.html"
        file.write_text(text, encoding="utf-8")
        self.page, self.errors = watched_page(browser, **options)
        self.page.goto(file.as_uri())

    def token(self, pair: int, position: int):
        return self.page.locator(f"article[data-pair='{pair}'] [data-place='{position}']")

    def look(self, pair: int, position: int, what: str = "backgroundColor") -> str:
        read = f"one => getComputedStyle(one).{what}"
        red, green, blue = map(int, re.findall(r"\d+", self.token(pair, position).evaluate(read)))
        return f"#{red:02x}{green:02x}{blue:02x}"

    def shown(self) -> dict[str, float]:
        """The numbers beside a token."""
        assert self.page.locator("#tip").is_visible()
        read = "all => all.map(one => [one.dataset.name, one.dataset.value])"
        pairs = self.page.locator("#tip [data-name]").evaluate_all(read)
        return {
            name: float(value.replace("\u2212", "-").removesuffix(" %")) for name, value in pairs
        }

    def close(self) -> None:
        self.page.close()
        assert self.errors == []


@pytest.fixture
def opened(browser, page_text, tmp_path):
    page = Opened(browser, page_text, tmp_path, viewport={"width": 1000, "height": 800})
    yield page
    page.close()


def rows_of(tables, pair: int, method: str, layer: int | None) -> pl.DataFrame:
    scores = tables[0]
    names = scores.select(COLUMNS).unique(maintain_order=True).row(pair, named=True)
    return scores.filter(
        pl.col("layer").eq_missing(layer), method=method, **names
    ).sort("position")  # fmt: skip


# In a browser


@pytest.mark.parametrize(("method", "layer"), [(BOTTLENECK, 0), (BOTTLENECK, 2), ("lime", None)])
def test_numbers_are_those_of_the_table(opened, tables, method, layer):
    opened.page.select_option("#method", label=method)
    if layer is not None:
        opened.page.select_option("#layer", label=str(layer))
    for pair in range(len(TEXTS)):
        for row in rows_of(tables, pair, method, layer)[::3].iter_rows(named=True):
            opened.token(pair, row["position"]).hover()
            found = opened.shown()
            assert found["score"] == pytest.approx(row["score"], rel=1e-3)
            assert found["scaled"] == pytest.approx(row["scaled"], abs=6e-4)
            assert found["weight"] == pytest.approx(100 * row["weight"], abs=2e-2)


@pytest.mark.parametrize("method", ["lime", "one_layer"])
@pytest.mark.parametrize("scale", ["scaled", "score"])
def test_colours_are_those_of_the_scale(opened, tables, method, scale):
    """Those of fill, of words as a background below a text that stands out."""
    opened.page.select_option("#method", label=method)
    opened.page.check(f"[value={scale}]")
    words = tables[0].filter(pl.col("part").is_in(["query", "passage"]), method=method)
    unit = 1.0 if scale == "scaled" else words["score"].abs().max()
    for pair in range(len(TEXTS)):
        for row in rows_of(tables, pair, method, METHODS[method][0]).iter_rows(named=True):
            is_word = row["part"] in ("query", "passage")
            what = "backgroundColor" if is_word else "borderBottomColor"
            found = opened.look(pair, row["position"], what)
            expected = fill(row[scale] / unit)
            for one, other in zip(*(bytes.fromhex(c[1:]) for c in (found, expected)), strict=True):
                assert abs(one - other) <= 2  # scores are rounded
            if is_word:
                assert opened.look(pair, row["position"], "color") == text_on(found)


def test_method_layer_and_scale_change_what_is_shown(opened):
    def look() -> str:
        read = "all => all.map(one => one.style.backgroundColor).join()"
        return opened.page.locator("article .token").evaluate_all(read)

    page, seen = opened.page, [look()]
    assert page.locator("#layer").input_value() == "1"  # two thirds up
    page.select_option("#layer", label="2")
    seen.append(look())
    page.check("[value=score]")
    seen.append(look())
    assert page.locator("#ticks").inner_text().startswith("0")
    page.select_option("#method", label="lime")
    seen.append(look())
    assert len(set(seen)) == 4
    assert page.locator("#ticks").inner_text().startswith("\u2212")
    assert page.locator("#layer").is_disabled()
    assert page.locator("#shown").inner_text().startswith("lime, no layer; score")
    page.select_option("#method", label=BOTTLENECK)
    page.select_option("#layer", label="1")
    page.check("[value=scaled]")
    assert look() == seen[0]


def test_a_layer_stays_where_the_next_method_has_it(opened):
    opened.page.select_option("#method", label="one_layer")
    opened.page.select_option("#method", label=BOTTLENECK)
    assert "after layer 1" in opened.page.locator("#shown").inner_text()
    opened.page.select_option("#layer", label="0")
    opened.page.select_option("#method", label="one_layer")
    assert "after layer 1" in opened.page.locator("#shown").inner_text()


def test_keys_reach_every_token_and_show_its_score(opened, tables):
    page = opened.page
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate(f"{ACTIVE}.getAttribute('role')") == "option":
            break
    rows = rows_of(tables, 0, BOTTLENECK, 1)
    n_query = rows.filter(pl.col("part").is_in(["cls", "query", "sep1"])).height
    for row in rows.head(n_query).iter_rows(named=True):
        assert page.evaluate(f"{ACTIVE}.dataset.place") == str(row["position"])
        assert page.evaluate(f"{ACTIVE}.getAttribute('aria-selected')") == "true"
        assert opened.shown()["score"] == pytest.approx(row["score"], rel=1e-3)
        said = page.evaluate(f"{ACTIVE}.getAttribute('aria-label')")
        assert said.startswith(row["token"].removeprefix("##")) and "score" in said
        page.keyboard.press("ArrowRight")
    assert page.evaluate(f"{ACTIVE}.dataset.place") == str(n_query - 1)
    page.keyboard.press("Home")
    assert page.evaluate(f"{ACTIVE}.dataset.place") == "0"
    page.keyboard.press("Tab")  # a line is one stop: on to the passage
    assert page.evaluate(f"{ACTIVE}.dataset.place") == str(n_query)
    assert page.evaluate(f"getComputedStyle({ACTIVE}).outlineStyle") == "solid"
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()


def test_keys_follow_a_text_from_right_to_left(opened):
    arabic = opened.page.locator("article").nth(2).locator(".line.query")
    assert arabic.evaluate("one => getComputedStyle(one).direction") == "rtl"
    arabic.locator(".token").nth(1).focus()
    opened.page.keyboard.press("ArrowLeft")
    assert opened.page.evaluate(f"{ACTIVE}.dataset.place") == "2"


def test_texts_are_texts(opened):
    """What looks like HTML or ends a script is read as it stands, word by word."""
    page = opened.page
    assert page.title() == "Maps of <a> & b"
    assert page.locator("script").count() == 2 and page.locator("img").count() == 0
    for pair, texts in enumerate(TEXTS):
        for name, text in zip(("query", "passage"), texts, strict=True):
            line = page.locator("article").nth(pair).locator(f".line.{name}")
            found = line.evaluate("one => one.textContent").split()
            assert [word for word in found if word not in ("[CLS]", "[SEP]")] == text.split()
    assert page.locator("h2").nth(1).inner_text() == "2. beta · query q1 · passage d<b>&"


def test_pairs_are_told_apart(opened):
    about = opened.page.locator("article .about").all_inner_texts()
    assert about[0] == "non-relevant · p(non-relevant) = 0.9900 · 22 tokens"
    assert [("cut at max_length" in one) for one in about] == [False, False, True, False]
    assert "p(non-relevant) > 0.9999" in about[3]


def test_dark_colours_by_the_system_and_by_the_button(browser, page_text, tmp_path, tables):
    page = Opened(browser, page_text, tmp_path, color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    value = rows_of(tables, 0, BOTTLENECK, 1)["scaled"][2]
    in_the_dark, dark = page.look(0, 2), page.page.evaluate(ground)
    assert relative_luminance(fill(value, "light")) > relative_luminance(in_the_dark)
    assert page.page.locator("#theme").get_attribute("aria-pressed") == "true"
    page.page.click("#theme")
    in_the_light = page.look(0, 2)
    assert in_the_light != in_the_dark and page.page.evaluate(ground) != dark
    page.page.click("#theme")
    assert page.look(0, 2) == in_the_dark and page.page.evaluate(ground) == dark
    page.page.emulate_media(media="print")  # ink on paper, once the page has heard of it
    page.page.wait_for_function("document.documentElement.dataset.theme === 'light'")
    assert page.look(0, 2) == in_the_light
    assert page.page.locator("#method").is_hidden() and page.page.locator("#key").is_visible()
    page.close()


def test_a_narrow_window_needs_no_sideways_scrolling(browser, page_text, tmp_path):
    page = Opened(browser, page_text, tmp_path, viewport={"width": 320, "height": 600})
    assert page.page.evaluate("document.documentElement.scrollWidth") <= 320
    page.token(0, 9).focus()
    box = page.page.locator("#tip").bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 320
    page.close()


def test_fifty_pairs_of_24_layers_load_in_one_go(browser, tmp_path):
    methods = {BOTTLENECK: list(range(24)), "lime": [None], "random": [None]}
    texts = [(f"what is {one}", "heat flows over the wing " * 24) for one in range(50)]
    text = token_map_page(*token_tables(methods, texts))
    assert len(text) < 4e6
    page = Opened(browser, text, tmp_path)
    assert page.page.locator("article").count() == 50
    assert page.page.locator(".token").count() == 50 * (3 + 3 + 5 * 24)
    page.close()


def test_what_a_method_did_not_score_is_left_out(tables, browser, tmp_path):
    scores, checks = tables
    some = scores.filter((pl.col("method") != "lime") | (pl.col("query_id") != "q0"))
    some = some.with_columns(
        score=pl.when(pl.col("position") == 1).then(float("nan")).otherwise("score")
    )
    page = Opened(browser, token_map_page(some, checks.clear()), tmp_path)
    page.page.select_option("#method", label="lime")
    assert page.page.locator("#shown").inner_text().endswith("; 1 of 4 pairs have none")
    for pair, position in ((0, 2), (1, 1)):
        page.token(pair, position).hover()
        assert page.page.locator("#tip [data-name]").all_inner_texts() == ["score none"]
    assert "p(" not in page.page.locator(".about").first.inner_text()
    page.close()


# Without a browser


class Resources(HTMLParser):
    """Whatever a page names beside itself, and its data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.data = ""
        self._is_data = False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        named = {"src", "href", "srcset", "action", "data", "background"}
        self.found += [value for name, value in attrs if name in named]
        self._is_data = ("id", "data") in attrs

    def handle_data(self, data):
        if self._is_data:
            self.data += data

    def handle_endtag(self, tag):
        self._is_data = False


def test_the_page_names_nothing_beside_itself(page_text):
    assert Resources(page_text).found == []
    assert not re.search(r"https?:|@import|url\(|//[a-z]", page_text)
    assert "default-src 'none'" in page_text


def test_the_pages_data_is_json_that_ends_no_script(page_text, tables):
    text = Resources(page_text).data
    assert not set(text) & set("<>&\u2028\u2029")
    data = json.loads(text)
    assert [pair["doc_id"] for pair in data["pairs"]] == ["d0", "d<b>&", "d2", "d3"]
    assert [one["layers"] for one in data["methods"]] == list(METHODS.values())
    assert "".join(data["pairs"][1]["tokens"][1:3]) == TEXTS[1][0]
    expected = rows_of(tables, 3, "lime", None)["score"].to_list()
    assert data["pairs"][3]["scores"][1][0][0] == pytest.approx(expected, rel=1e-3)


def test_tables_that_cannot_be_drawn_are_refused(tables):
    scores, checks = tables
    with pytest.raises(UserError, match="token_scores: no token was found; at least one pair"):
        token_map_page(scores.clear(), checks)
    is_other = (pl.col("method") == "lime") & (pl.col("query_id") == "q0")
    other = scores.with_columns(token=pl.when(is_other).then(pl.lit("x")).otherwise("token"))
    with pytest.raises(UserError, match=r"pair \(q0, d0\) has other tokens under lime than under"):
        token_map_page(other, checks)


@pytest.mark.parametrize(
    ("tokens", "words", "texts"),
    [
        (["[CLS]", "wing", "##s", "##"], [None, 0, 0, 1], ["[CLS]", "wing", "s", "##"]),
        (["▁wing", "s", "▁", "▁Query"], [0, 0, 1, None], ["wing", "s", "␣", "Query"]),
        (["##s", "\n"], [0, 1], ["##s", "␣"]),  # a text of its own, not a piece that goes on
    ],
)
def test_pieces_are_read_as_text(tokens, words, texts):
    assert readable(tokens, words) == texts


@pytest.mark.parametrize("theme", SCALES)
@pytest.mark.parametrize("sign", [-1, 1])
def test_texts_stand_out_on_every_colour(theme, sign):
    found = []
    for step in range(201):
        background = fill(sign * step / 200, theme)
        found.append(relative_luminance(background))
        low, high = sorted([found[-1], relative_luminance(text_on(background))])
        assert (high + 0.05) / (low + 0.05) >= 4.5
    # Told apart by lightness alone, but for what rounding does to neighbours.
    assert found[::5] == sorted(found[::5], reverse=theme == "light")
    assert abs(found[0] - found[-1]) > 0.4


def test_known_contrasts():
    """White 1, black 0, and #767676, which is known for 4.54 on white."""
    assert relative_luminance("#ffffff") == pytest.approx(1) and relative_luminance("#000000") == 0
    assert 1.05 / (relative_luminance("#767676") + 0.05) == pytest.approx(4.54, abs=5e-3)
    assert text_on("#ffffff") == "#000000" and text_on("#000000") == "#ffffff"
    assert fill(float("nan")) == fill(0.0) == "#ffffff" and fill(7.0) == fill(1.0)


# In a notebook


def of_attribution(scores: pl.DataFrame) -> pl.DataFrame:
    """As ``TokenAttribution.frame`` gives one method's rows."""
    number = scores.select(COLUMNS).unique(maintain_order=True).with_row_index("pair")
    joined = scores.join(number, on=COLUMNS, maintain_order="left")
    return joined.drop("collection", "method", "query_id", "doc_id")


def test_a_notebook_shows_the_first_pairs_without_a_script(tables):
    frame = of_attribution(tables[0].filter(method="lime"))
    text = notebook_html(frame, most_pairs=2)
    assert "<script" not in text and "&lt;/sc" in text
    assert "2 more pairs are in frame()" in text
    spans = re.findall(r'<span title="score ([^,]+),[^>]*style="([^"]*)">', text)
    first = frame.filter(pl.col("pair") < 2)["score"].to_list()
    assert [float(score) for score, _ in spans] == pytest.approx(first, rel=1e-3)
    pair = frame.filter(pair=0)["score"]
    background = fill(pair[2] / pair.abs().max())
    assert spans[2][1] == f"background:{background};color:{text_on(background)}"


def test_a_notebook_shows_one_of_several_layers(tables):
    frame = of_attribution(tables[0].filter(method=BOTTLENECK))
    text = notebook_html(frame)
    assert "after layer 1 (of 0, 1, 2)" in text
    expected = frame.filter(layer=1)
    scores = [float(one) for one in re.findall(r'title="score ([^,]+),', text)]
    assert scores == pytest.approx(expected["score"].to_list(), rel=1e-3)
    assert f"background:{fill(expected['scaled'][2])};" in text


# The rule's script


def test_pairs_come_from_every_collection_in_turn():
    pairs = pl.DataFrame(
        {
            "collection": [*"aaaaa", *"bb", "c"],
            "query_id": [f"q{row}" for row in range(8)],
            "doc_id": ["d"] * 8,
            "label": ["relevant"] * 8,
        }
    )
    assert choose_pairs(pairs, 5)["query_id"].to_list() == ["q0", "q1", "q5", "q6", "q7"]
    assert choose_pairs(pairs, 99).equals(pairs)


def test_the_script_writes_a_page_of_some_pairs(tables, tmp_path):
    files = {}
    for name, frame in zip(("scores", "checks"), tables, strict=True):
        files[name] = []
        for number, part in enumerate(frame.partition_by("collection", "method")):
            files[name].append(tmp_path / f"{name}{number}.parquet")
            part.write_parquet(files[name][-1])
    page = tmp_path / "results" / "token_maps.html"
    write_token_maps.main(files["scores"], files["checks"], page, "mine", 3)
    text = page.read_text(encoding="utf-8")
    assert "<title>Token maps of mine</title>" in text
    data = json.loads(Resources(text).data)
    assert sorted(pair["query_id"] for pair in data["pairs"]) == ["q0", "q1", "q2"]
    assert [one["name"] for one in data["methods"]] == list(METHODS)
    assert list(page.parent.iterdir()) == [page]


def test_scores_of_a_ranker_show_themselves():
    """With the specials of the ranker, and its own numbers."""
    result = attribute_tokens(make_reranker(), PAIRS[:2], method="leave_one_out")
    text = result._repr_html_()
    shown = [float(one) for one in re.findall(r'title="score ([^,]+),', text)]
    assert shown == pytest.approx(result.frame()["score"].to_list(), rel=1e-3)
    texts = re.sub(r"<[^>]*>", "", text)
    assert "[CLS] wing lift [SEP] the wing [UNK] lift [UNK] the flow of [UNK] [SEP]" in texts
