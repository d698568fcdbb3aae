"""The explorer's page: its numbers against the database, and what it does in a browser."""

from __future__ import annotations

import base64
import json
import re
from types import SimpleNamespace

import duckdb
import numpy as np
import polars as pl
import pytest
from axe_playwright_python.sync_playwright import Axe

from relevance_neurons.errors import UserError
from relevance_neurons.report.explorer import answer_figures, made
from relevance_neurons.report.explorer.answer import answer, counts, sentence
from relevance_neurons.report.explorer.controls import Control, switched
from relevance_neurons.report.explorer.page import Section, page
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.explorer.tables import table
from relevance_neurons.report.explorer.where import where
from relevance_neurons.report.explorer.which import LEAST, MOST, listed, which
from relevance_neurons.report.explorer.which import neuron_frame as neuron_frame_of
from relevance_neurons.report.explorer.words import own_method, percent
from toys import synthetic_methods
from toys.browsers import chromium, watched_page
from toys.databases import build
from toys.synthetic_results import N_LAYERS, SIZES, neuron_frame, write_synthetic_results
from workflow_scripts.report import build_explorer

OTHER = "gradient_x_activation"
STUDY = {"ablation.measure": "nDCG@10", "sanity.collection": "alpha", "seed<b>": "</script>"}


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    """A study with loss curves and two methods, of which the other scores backwards."""
    folder = tmp_path_factory.mktemp("explored")
    path = build(write_synthetic_results(folder / "results"), folder / "neurons.duckdb")
    curves = synthetic_methods.frames(families=["P_alpha", "N_alpha"])["loss_curves"]
    with duckdb.connect(str(path)) as connection:
        connection.register("curves", curves.to_arrow())
        connection.execute("INSERT INTO loss_curves BY NAME FROM curves")
        connection.execute(
            f"INSERT INTO neuron_scores BY NAME "
            f"SELECT * REPLACE (-score AS score, '{OTHER}' AS method) FROM neuron_scores"
        )
        connection.execute(
            f"INSERT INTO schemes BY NAME SELECT * REPLACE (scheme || '@{OTHER}' AS scheme, "
            f"0 AS neuron) FROM schemes WHERE scheme = 'P_alpha' AND component = 'query'"
        )
        connection.executemany("INSERT INTO study VALUES (?, ?)", list(STUDY.items()))
    benchmarks = folder / "benchmarks" / "score_pairs"
    benchmarks.mkdir(parents=True)
    for name, seconds in (("alpha", "1800.0"), ("beta", "3600.0")):
        (benchmarks / f"{name}.tsv").write_text(f"s\tmax_rss\n1\t-\n{seconds}\t2048\n")
    return path


@pytest.fixture(scope="module")
def results(database):
    with Results(database) as opened:
        yield opened


def rows(database, query: str) -> pl.DataFrame:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.sql(query).pl()


def views(html: str) -> dict[tuple[str, ...], dict]:
    """The data of each view's plot or table, by the choices that show it."""
    found = {}
    for part in html.split('<div class="view" data-key="')[1:]:
        key = tuple(json.loads(part[: part.index('"')].replace("&quot;", '"')))
        text = re.search(r'<script type="application/json">(.*?)</script>', part, re.DOTALL)[1]
        found[key] = json.loads(text)
    return found


def array(value) -> np.ndarray:
    """What Plotly's JSON has of an array: its bytes, or a list."""
    if isinstance(value, dict):
        flat = np.frombuffer(base64.b64decode(value["bdata"]), value["dtype"])
        shape = [int(one) for one in str(value.get("shape", flat.size)).split(",")]
        return flat.reshape(shape)
    return np.array(value, dtype=float)


# What the sections hold


EFFECT = {
    **{"scheme": "P_x", "top_percent": 1.0, "collection": "c", "n_neurons": 1234},
    **{"n_queries": 9, "original": 0.5, "pruned": 0.4, "difference_percent": -20.0},
    **{"ci_low": -30.0, "ci_high": -10.0, "p_value_holm": 0.004, "significant_holm": True},
    **{"p_random": 0.01, "detectable_holm_percent": 12.0, "random_low": -3.0, "random_high": 1.0},
    **{"n_draws": 50},
}


def effects(*changes: dict) -> pl.DataFrame:
    return pl.DataFrame([EFFECT | one for one in changes])


def test_the_answer_is_the_largest_loss_that_is_the_neurons_own():
    larger = {"scheme": "N_x@lime", "pruned": 0.3, "difference_percent": -40.0, "p_random": 0.2}
    text = sentence(effects({}, larger), "nDCG@10", 0.05)
    assert text.startswith("Without the 1,234 neurons of P_x (1 %), nDCG@10 on c falls from 0.500")
    assert "to 0.400 (−20.0 %, 95 % interval −30.0 % to −10.0 %)" in text
    assert "(p = 0.004) and more than random" in text and "50 draws: −3.0 % to +1.0 %" in text
    assert "2 lower nDCG@10 significantly" in counts(effects({}, larger), "nDCG@10", 0.05)
    assert "1 of these by more than random" in counts(effects({}, larger), "nDCG@10", 0.05)


def test_the_answer_says_where_the_neurons_were_found():
    own = {"scheme": "P_c@lime"}
    assert "on c, the collection that they were found on, falls" in sentence(effects(own), "RR", 1)
    assert "found on" not in sentence(effects({}), "RR", 0.05)


def test_few_draws_are_said_to_tell_nothing():
    few = {"p_random": 0.3333, "n_draws": 2}
    assert "– but 2 random draws are too few to tell" in sentence(effects(few), "RR", 0.05)
    assert "random" not in counts(effects(few), "RR", 0.05)
    assert "0 of these by more" in counts(effects(few | {"n_draws": 3}), "RR", 0.05)


def test_the_answer_says_what_is_not_shown():
    as_random = sentence(effects({"p_random": 0.2}), "nDCG@10", 0.05)
    assert "not shown to be more than as many random neurons lose (p = 0.200;" in as_random
    alone = sentence(effects({"p_random": None}, {"p_random": None}), "nDCG@10", 0.05)
    assert "no random neurons were switched off" in alone
    nothing = {"significant_holm": False, "p_value_holm": 0.3}
    text = sentence(effects(nothing, nothing | {"difference_percent": -25.0}), "nDCG@10", 0.05)
    assert text.startswith("No set of neurons is shown to matter") and "−25.0 %, on c" in text
    assert "a change of 12.0 % or more" in counts(effects(nothing), "nDCG@10", 0.05)
    rises = effects(nothing | {"difference_percent": 4.0})
    assert sentence(rises, "RR", 0.05) == "No set of neurons lowers RR when it is switched off."
    small = nothing | {"difference_percent": -0.4, "p_value_holm": None}
    assert "−0.4 %, on c without" in sentence(effects(small), "RR", 0.05)
    assert "(no test)" in sentence(effects(small), "RR", 0.05)
    assert "random" not in counts(effects({"p_random": None}, {"p_random": None}), "RR", 0.05)


def test_changes_have_their_signs():
    assert [percent(one) for one in (0.34, 12.0, -0.34, 0.04, -0.04)] == [
        *("+0.3 %", "+12.0 %", "−0.3 %", "0.0 %", "0.0 %")
    ]


def test_gains_are_no_losses():
    gain = {"difference_percent": 30.0, "significant_holm": True}
    text = sentence(effects(gain, {"significant_holm": False}), "nDCG@10", 0.05)
    assert text.startswith("No set of neurons is shown to matter")
    assert "1 raise it significantly" in counts(effects(gain), "nDCG@10", 0.05)


def test_loss_curves_are_the_tables(results, database):
    found = views(answer(results).html)
    table_rows = rows(database, "FROM loss_curves")
    assert len(found) == 2 * 4 * 3  # families, collections and their mean, what is off
    assert next(iter(found)) == ("N_alpha", "all", "top")
    for (family, collection, ablated), figure in found.items():
        lines = [one for one in figure["data"] if one.get("mode") == "lines+markers"]
        assert [one["name"] for one in lines] == ["NIG", "gradient × activation"]
        for line, scheme in zip(lines, (family, f"{family}@{OTHER}"), strict=True):
            own = table_rows.filter(scheme=scheme, collection=collection, ablated=ablated)
            own = own.sort("n_neurons")
            assert line["x"] == own["n_neurons"].to_list()
            assert line["y"] == own["difference_percent"].to_list()
        bands = [one for one in figure["data"] if "random" in one.get("name", "")]
        assert len(bands) == (ablated != "keep_only")
        if bands:
            draws = table_rows.filter(
                pl.col("scheme").str.starts_with(family), collection=collection, ablated="random"
            )
            smallest = draws.filter(pl.col("n_neurons") == draws["n_neurons"].min())
            assert bands[0]["y"][0] == smallest["draw_low"].min()
            assert bands[0]["y"][-1] == smallest["draw_high"].max()


def test_without_curves_the_effects_are_drawn(results, database):
    own = results.query("loss_effects").filter(kind="").drop_nulls("difference_percent")
    html = answer_figures.effect_views(own, "nDCG@10")
    table_rows = rows(database, "FROM ablation_effects ORDER BY scheme")
    for (level,), figure in views(html).items():
        bars, *points = figure["data"]
        assert bars["name"] == "range of random draws"
        assert [one["name"] for one in points] == ["alpha_test", "epsilon", "zeta"]
        for one in points:
            of = table_rows.filter(top_percent=float(level), collection=one["name"])
            of = of.filter(~pl.col("scheme").str.contains(":")).drop_nulls("difference_percent")
            assert one["x"] == pytest.approx(of["difference_percent"].to_list(), abs=1e-4)


def test_heat_maps_count_a_schemes_neurons(results, database):
    found = views(where(results).html)
    assert ("neuron_integrated_gradients", "F_all", "10") in found
    assert {key[0] for key in found} == {"neuron_integrated_gradients", OTHER}
    schemes = rows(database, "FROM schemes")
    for (method, family, level), figure in found.items():
        scheme = family if method != OTHER else f"{family}@{OTHER}"
        counted = np.zeros((N_LAYERS, len(SIZES)))
        own = schemes.filter(scheme=scheme, top_percent=float(level))
        for layer, component in own.select("layer", "component").iter_rows():
            counted[layer, list(SIZES).index(component)] += 1
        shown = figure["data"][0]
        np.testing.assert_array_equal(array(shown["customdata"])[..., 0], counted)
        share = 100 * counted / np.array(list(SIZES.values()))
        np.testing.assert_allclose(array(shown["z"]), share, atol=1e-4)


def test_plain_schemes_are_of_the_first_method_whatever_it_is(tmp_path):
    """The other way round: gradient × activation is first, and the default method has the @."""
    folder = write_synthetic_results(tmp_path / "results")
    path = build(folder, tmp_path / "neurons.duckdb")
    default = "neuron_integrated_gradients"
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            f"INSERT INTO neuron_scores BY NAME "
            f"SELECT * REPLACE ('{OTHER}' AS method) FROM neuron_scores"
        )
        connection.execute(
            f"INSERT INTO schemes BY NAME SELECT * REPLACE (scheme || '@{default}' AS scheme) "
            "FROM schemes WHERE scheme = 'P_alpha' AND component = 'query'"
        )
        connection.execute(
            f"""INSERT INTO study VALUES ('selection.schemes.F_all.methods', '["{default}"]')"""
        )
    with Results(path) as opened:
        found = views(where(opened).html)
        assert own_method(opened) == OTHER
        n_plain, n_other = (
            array(found[method, "P_alpha", "10"]["data"][0]["customdata"])[..., 0].sum()
            for method in (OTHER, default)
        )
    schemes = rows(path, "FROM schemes WHERE top_percent = 10")
    assert n_plain == schemes.filter(scheme="P_alpha").height
    assert n_other == schemes.filter(scheme=f"P_alpha@{default}").height < n_plain
    # What a scheme of the study file names goes before the first method.
    assert (default, "F_all", "10") in found and (OTHER, "F_all", "10") not in found


def test_neuron_tables_are_the_maps(results, database):
    found = views(which(results).html)
    scores, neurons = rows(database, "FROM neuron_scores"), neuron_frame()
    assert len(found) == 14
    order = {}
    for key in found:
        one = dict(zip(("collection", "label", "method"), key, strict=True))
        score = neurons.join(scores.filter(**one), on=neurons.columns, maintain_order="left")
        order[key] = np.argsort(-score["score"].to_numpy(), kind="stable")
        shown = dict(zip(titles(found[key]), found[key]["cells"], strict=True))
        expected = neurons[order[key][: len(shown["rank"])]]
        assert shown["neuron"] == [str(one) for one in expected["neuron"]]
        assert shown["component"] == [one.replace("_", " ") for one in expected["component"]]
        best = score["score"].to_numpy()[order[key]]
        np.testing.assert_allclose([float(one) for one in shown["score"]], best, rtol=1e-3)
    first, second = ("alpha", "relevant", next(iter(found))[2]), ("beta", "relevant", OTHER)
    shown = dict(zip(titles(found[first]), found[first]["cells"], strict=True))
    places = np.empty(neurons.height, int)
    places[order[second]] = 1 + np.arange(neurons.height)
    ranks = shown["rank: beta, relevant, gradient × activation"]
    assert [int(one) for one in ranks] == places[order[first]].tolist()


def titles(data: dict) -> list[str]:
    return [one["title"] for one in data["columns"]]


def test_neuron_tables_tell_frequencies_and_effects_alone(results, database):
    found = views(which(results).html)[("alpha", "relevant", "neuron_integrated_gradients")]
    frame = pl.DataFrame(dict(zip(titles(found), found["cells"], strict=True)))
    frequencies = rows(
        database,
        "FROM selection_frequencies WHERE collection = 'alpha' AND label = 'relevant' "
        "AND top_percent = 10",
    )
    shown = frame.filter(pl.col("frequency, top 10 %") != "")
    assert shown.height == frequencies.height > 5
    assert sum(map(float, shown["frequency, top 10 %"])) == pytest.approx(
        frequencies["frequency"].sum()
    )
    alone = rows(database, "FROM single_neurons WHERE label = 'relevant'")
    shown = frame.filter(pl.col("effect alone") != "")
    assert shown.height == alone.height > 5
    assert sum(map(float, shown["effect alone"])) == pytest.approx(
        alone["change_zero"].sum(), rel=1e-2
    )


def test_an_effect_alone_is_of_the_methods_own_target():
    """Two methods may ask for different outputs, of which one neuron changes different amounts."""
    maps = pl.DataFrame({"collection": "c", "label": "relevant", "method": ["a", "b"]})
    neuron = {"layer": 0, "component": "query", "neuron": 3}
    tops = maps.with_columns(**{k: pl.lit(v) for k, v in neuron.items()}, score=1.0, rank=1)
    extras = SimpleNamespace(
        frequencies=None,
        alone=pl.DataFrame({"label": "relevant", "method": ["a", "b"], **neuron}).with_columns(
            change_zero=pl.Series([0.25, -4.0])
        ),
    )
    tops = tops.with_columns(standard_error=0.1)
    for row, effect in zip(maps.iter_rows(named=True), (0.25, -4.0), strict=True):
        assert neuron_frame_of(tops, maps, row, 5, extras)["effect alone"].to_list() == [effect]


def test_run_times_are_summed_by_step(database):
    times = made.run_times(database.parent / "benchmarks")
    assert times.rows() == [("score_pairs", 2, 1.5, 2.0)]
    assert made.run_times(database.parent / "none").is_empty()


def write_neurons(path, n_neurons: int) -> None:
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            "CREATE MACRO component_order(component) AS component;"
            "CREATE TABLE study AS SELECT 'study' AS key, 'x' AS value;"
            "CREATE TABLE neuron_scores AS SELECT collection, 'relevant' AS label, 'm' AS method, "
            "0 AS layer, 'query' AS component, neuron::INTEGER AS neuron, "
            "hash(neuron, collection) / 2e19 AS score, 0.1 AS standard_error, 9 AS n_pairs "
            f"FROM range({n_neurons}) AS n (neuron), (VALUES ('a'), ('b')) AS c (collection)"
        )


def test_the_page_grows_with_its_lists_and_not_with_the_neurons(tmp_path):
    sizes = []
    for n_neurons in (2_000, 60_000):
        write_neurons(path := tmp_path / f"{n_neurons}.duckdb", n_neurons)
        with Results(path) as opened:
            section = which(opened)
        assert f"The first {MOST} of {n_neurons:,} neurons" in section.html
        sizes.append(len(section.html))
    assert sizes[1] < 1.1 * sizes[0]
    assert [listed(n) for n in (1, 16, 28)] == [MOST, MOST, 119] and listed(1000) == LEAST


def test_what_is_no_study_is_refused(tmp_path):
    with pytest.raises(UserError, match="not found; make it with"):
        Results(tmp_path / "none.duckdb")
    (tmp_path / "text.duckdb").write_text("no database " * 1000)
    with pytest.raises(UserError, match="DuckDB cannot open it"):
        Results(tmp_path / "text.duckdb")
    duckdb.connect(str(tmp_path / "empty.duckdb")).close()
    with pytest.raises(UserError, match="found no study in it"):
        Results(tmp_path / "empty.duckdb")


def test_an_old_database_has_the_sections_that_it_can(tmp_path):
    with duckdb.connect(str(tmp_path / "old.duckdb")) as connection:
        connection.execute("CREATE TABLE study AS SELECT 'study' AS key, 'old' AS value")
        connection.execute("CREATE TABLE neuron_scores AS SELECT 'a' AS collection, 1.5 AS score")
    build_explorer.main(str(tmp_path / "old.duckdb"), str(tmp_path / "explorer.html"))
    text = (tmp_path / "explorer.html").read_text()
    assert re.findall(r'<section id="(\w+)"', text) == ["made"] and "Study old" in text


def test_texts_end_no_script_and_no_attribute():
    frame = pl.DataFrame({"<i>": ["</script><b>", None]})
    html = table("t", frame, 'a "quoted" <b>')
    assert html.count("</script>") == 1 and "<b>" not in html and "a &quot;quoted" in html
    view = switched("s", [Control("k", "<b>", [('"', "<i>")])], {('"',): "seen"})
    assert "<b>" not in view and "<i>" not in view
    whole = page("{{sections}}", [Section("a", "A", "b", "{{title}} \\1")])
    assert "{{title}} \\1" in whole and "<title>{{sections}}</title>" in whole
    assert not re.search(r"<(link|img)\b|<script[^>]* src=", whole.split("<script type=")[0])


# In a browser


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def explorer(database):
    path = database.parent / "explorer.html"
    build_explorer.main(str(database), str(path))
    return path


class Opened:
    """The page, all drawn: it asks for nothing but its file, and writes no error."""

    def __init__(self, browser, file, **options) -> None:
        self.page, self.errors = watched_page(browser, **options)
        self.page.goto(file.as_uri())
        self.draw()

    def draw(self) -> None:
        """Bring every figure that is shown into view, and wait for it."""
        for figure in self.page.locator("figure.plot:visible, figure.table:visible").all():
            figure.scroll_into_view_if_needed()
            figure.locator("svg.main-svg, tbody tr").first.wait_for()

    def close(self) -> None:
        self.page.close()
        assert self.errors == []


@pytest.fixture(scope="module")
def opened(browser, explorer):
    """One page for all tests, as it takes time to open; they leave its choices as they were."""
    one = Opened(browser, explorer, viewport={"width": 1200, "height": 900}, color_scheme="light")
    yield one
    one.close()


def test_numbers_shown_are_the_databases(opened, database):
    text = opened.page.locator("#answer").inner_text().replace("−", "-")
    found = rows(
        database,
        "FROM ablation_effects WHERE scheme NOT LIKE '%:%' AND n_neurons > 0 "
        "ORDER BY difference_percent, top_percent, scheme, collection",
    )
    beyond = pl.coalesce("p_value_random_t", "p_value_random") <= 0.05
    losses = found.filter("significant_holm", pl.col("difference_percent") < 0)
    if losses.height:
        one = (losses.filter(beyond) if losses.filter(beyond).height else losses).row(0, named=True)
        shown = {f"{one[name]:.3f}" for name in ("original", "pruned")}
        shown |= {f"{one[name]:.1f} %" for name in ("ci_low", "difference_percent")}
    else:
        shown = {f"{found['difference_percent'][0]:.1f} %"}
    assert all(one in text for one in shown)
    assert f"Of {found.height} ablations" in text and f"{losses.height} lower" in text
    top = rows(
        database,
        "FROM neuron_scores WHERE collection = 'alpha' AND label = 'relevant' AND "
        f"method <> '{OTHER}' ORDER BY score DESC LIMIT 5",
    )
    read = "all => all.map(row => [...row.cells].slice(0, 6).map(cell => cell.textContent))"
    cells = opened.page.locator("#which tbody:visible tr").evaluate_all(read)
    for place, row in enumerate(top.iter_rows(named=True)):
        rank, layer, component, neuron, score, error = cells[place]
        assert (int(rank), int(layer), int(neuron)) == (place + 1, row["layer"], row["neuron"])
        assert component == row["component"].replace("_", " ")
        assert float(score) == pytest.approx(row["score"], rel=1e-3)
        assert float(error) == pytest.approx(row["standard_error"], rel=1e-3)
    caption = opened.page.locator("#where figcaption:visible").inner_text()
    share = rows(
        database, "SELECT count(*) n FROM schemes WHERE scheme = 'F_all' AND top_percent = 10"
    )["n"][0]
    assert caption.startswith(f"The {share} of 168 neurons of F_all (10 %)")


def test_every_select_changes_what_is_shown(opened):
    page = opened.page
    for switch in page.locator(".switched").all():
        view = switch.locator(":scope > .view:visible")
        for select in switch.locator(":scope > .controls select").all():
            before = view.get_attribute("data-key") if view.count() else "missing"
            values = select.locator("option").evaluate_all("all => all.map(one => one.value)")
            if len(values) < 2:  # of a small study
                continue
            select.select_option(values[1])
            after = view.get_attribute("data-key") if view.count() else "missing"
            assert before != after
            assert switch.locator(":scope > .missing").is_visible() == (after == "missing")
            opened.draw()
            select.select_option(values[0])
            assert (view.get_attribute("data-key") if view.count() else "missing") == before


def test_tables_sort_and_search(opened):
    page = opened.page
    shown = page.locator("#which tbody:visible")
    first = shown.locator("tr").first
    before = first.inner_text()
    page.locator("#which thead:visible th", has_text="neuron").first.click()
    page.wait_for_function(
        "old => document.querySelector('#which tbody tr').innerText !== old", arg=before
    )
    numbers = [int(one) for one in shown.locator("tr td:nth-child(4)").all_inner_texts()]
    assert numbers == sorted(numbers) or numbers == sorted(numbers, reverse=True)
    page.locator("#which input[type=search]:visible").fill("key")
    assert set(shown.locator("tr td:nth-child(3)").all_inner_texts()) == {"key"}
    settings = page.locator("#table-settings tbody").inner_text()
    assert "seed<b>" in settings and "</script>" in settings


def test_keys_reach_every_control_in_order(opened):
    page = opened.page
    wanted = page.evaluate(
        "() => [...document.querySelectorAll("
        "'a[href], button, select, input, summary, [tabindex=\"0\"]')]"
        ".filter(one => one.offsetParent && !one.disabled && one.tabIndex >= 0)"
        ".map((one, i) => (one.dataset.order = i))"
    )
    page.focus(".skip")
    reached = [0]
    for _ in range(len(wanted) + 5):
        page.keyboard.press("Tab")
        order = page.evaluate("document.activeElement.dataset.order")
        if order is None or int(order) == 0:
            break
        reached.append(int(order))
    assert reached == list(range(len(wanted))) and len(wanted) > 20
    page.focus("#where-level")
    page.keyboard.press("ArrowDown")
    assert "(5 %)" in page.locator("#where figcaption:visible").inner_text()
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.id") == "where-scheme"


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(opened, theme):
    opened.page.emulate_media(color_scheme=theme)
    opened.draw()
    found = Axe().run(opened.page).response["violations"]
    grave = [each for each in found if each["impact"] in ("serious", "critical")]
    assert [(each["id"], each["nodes"][0]["html"]) for each in grave] == []


def test_the_theme_follows_the_system_and_the_button(opened):
    page = opened.page
    looks = {
        "ground": "getComputedStyle(document.body).backgroundColor",
        "ink": "getComputedStyle(document.querySelector('#answer .xtick text')).fill",
    }
    page.emulate_media(color_scheme="dark")
    opened.draw()
    dark = {name: page.evaluate(read) for name, read in looks.items()}
    for wanted in ("light", "dark", "auto"):
        page.click("#theme")
        assert page.locator("#theme").inner_text() == f"Theme: {wanted}"
        opened.draw()
        for name, read in looks.items():
            assert (page.evaluate(read) == dark[name]) == (wanted != "light")


def test_a_phone_needs_no_sideways_scrolling(opened):
    before = opened.page.viewport_size
    opened.page.set_viewport_size({"width": 390, "height": 844})
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
    opened.page.set_viewport_size(before)


def test_a_print_has_every_plot_that_is_chosen(opened):
    page = opened.page
    page.emulate_media(media="print", color_scheme="dark")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    for name in ("answer", "where"):
        assert page.locator(f"#{name} svg.main-svg").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    ink = "getComputedStyle(document.querySelector('#answer .xtick text')).fill"
    assert page.evaluate(ink) == "rgb(0, 0, 0)"
    assert page.locator("nav").first.is_hidden() and page.locator("#theme").is_hidden()
    paper = 700  # A4 between margins of 12 mm, at 96 pixels an inch
    page.set_viewport_size({"width": paper, "height": 1000})
    page.wait_for_function("document.querySelector('figure.table.wide')")
    ends = "document.querySelectorAll('main svg.main-svg, main table')"
    wide = f"[...{ends}].filter(one => one.getBoundingClientRect().right > {paper}).length"
    assert page.evaluate(wide) == 0 and page.evaluate(f"{ends}.length") > 5
