"""The page of a comparison in a browser, and the files beside it."""

from __future__ import annotations

import polars as pl
import pytest
from axe_playwright_python.sync_playwright import Axe

from relevance_neurons import compare_studies
from toys import two_studies as toy
from toys.browsers import chromium, watched_page
from workflow_scripts.report import compare_studies as script

NAMES = ["one", "two <b>"]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What make compare writes of two studies."""
    folder = tmp_path_factory.mktemp("results")
    for seed, name in enumerate(NAMES):
        made = toy.tables(name, seed, reranker__max_length=str(seed))
        toy.write(folder / f"study {seed}" / "neurons.duckdb", made)
    script.main("'study 0' 'study 1'", folder)
    return folder / "compare_one_two_b"


@pytest.fixture(scope="module")
def page(results):
    with chromium() as browser:
        opened, faults = watched_page(browser, viewport={"width": 1000, "height": 900})
        opened.goto((results / "explorer.html").as_uri())
        yield opened
        opened.close()
    assert faults == []


def drawn(page, name: str, shown: int) -> list[list[str]]:
    """The cells of a table, once it is drawn."""
    page.locator(f"#table-{name}").scroll_into_view_if_needed()
    rows = page.locator(f"#table-{name} tbody tr")
    rows.nth(shown - 1).wait_for()
    return [one.locator("td").all_inner_texts() for one in rows.all()]


def test_tables_lie_beside_the_page(results):
    found = {path.name for path in results.iterdir()}
    frames = compare_studies(
        {NAMES[i]: results.parent / f"study {i}" / "neurons.duckdb" for i in (0, 1)}
    ).tables()
    assert found == {"explorer.html", *(f"{n}.{e}" for n in frames for e in ("parquet", "csv"))}
    for name, frame in frames.items():
        assert pl.read_parquet(results / f"{name}.parquet").equals(frame), name
        assert pl.read_csv(results / f"{name}.csv").shape == frame.shape


def test_numbers_are_those_of_the_tables(page, results):
    frame = pl.read_parquet(results / "effects.parquet")
    rows = drawn(page, "losses-tested", len(frame))
    for cells, row in zip(rows, frame.iter_rows(named=True), strict=True):
        assert cells[1] == row["scheme"] and float(cells[2]) == row["top_percent"]
        shown = [float(cell) for cell in cells[5:14]]
        columns = ["difference_percent_a", "difference_percent_b", "change_a", "change_b"]
        columns += ["difference", "difference_low", "difference_high", "p_value", "p_value_holm"]
        assert shown == pytest.approx([row[name] for name in columns], rel=0.05, abs=0.005)
    maps = pl.read_parquet(results / "maps.parquet")
    taus = [float(cells[3]) for cells in drawn(page, "maps", len(maps))]
    assert taus == pytest.approx(maps["kendall_tau"].to_list(), abs=0.0005)
    (setting,) = drawn(page, "settings", 1)
    assert setting == ["reranker.max_length", "0", "1"]


def test_a_choice_changes_what_is_shown(page):
    page.locator("#switched-shared").scroll_into_view_if_needed()
    views = page.locator("#switched-shared .view:visible")
    page.wait_for_selector("#switched-shared .view:not([hidden]) .xtick text")
    first = views.get_attribute("data-key")
    page.locator("#shared-top_percent").select_option("10.0")
    page.wait_for_selector("#switched-shared .view:not([hidden]) .xtick text")
    assert views.count() == 1 and views.get_attribute("data-key") != first
    marks = views.locator("script").first.text_content()
    assert '"P_and_all"' in marks


def test_names_are_text_and_the_page_is_for_everyone(page):
    words = page.locator("#answer .answer").inner_text()
    assert words.startswith("one and two <b>: Kendall's τ between their maps is 0.")
    found = Axe().run(page).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert not serious, [(one["id"], one["nodes"][0]["html"][:200]) for one in serious]
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
