"""The explorer's sections of shares, losses, queries, tokens, heads and trust: their numbers."""

from __future__ import annotations

import json
import re
import shutil
from html import unescape
from itertools import pairwise

import duckdb
import numpy as np
import polars as pl
import pytest

from relevance_neurons.report.explorer import (
    head_views,
    losses,
    query_changes,
    shares,
    token_views,
    trust,
)
from relevance_neurons.report.explorer.explore import write_explorer
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.explorer.token_kinds import scheme_maps
from toys import synthetic_mechanism
from toys.databases import build
from toys.synthetic_results import METHOD, write_synthetic_results
from toys.synthetic_results import top as top_of

SECTIONS = {
    "shares": shares.shares,
    "losses": losses.losses,
    "query_changes": query_changes.query_changes,
    "token_views": token_views.token_views,
    "head_views": head_views.head_views,
    "trust": trust.trust,
}
LAYERED, PLAIN = "information_bottleneck", "random"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study") / "results"
    write_synthetic_results(folder)
    synthetic_mechanism.write_mechanism(folder)
    pooled(pl.read_parquet(folder / "ablation_effects.parquet")).write_parquet(
        folder / "pooled_effects.parquet"
    )
    token_tables(folder)
    return folder


@pytest.fixture(scope="module")
def database(files):
    return build(files, files.parent / "neurons.duckdb")


@pytest.fixture(scope="module")
def results(database):
    with Results(database) as opened:
        yield opened


@pytest.fixture(scope="module")
def made(results):
    """Each section with its figures and tables: name -> (section, figures, frames)."""
    found = {}
    with pytest.MonkeyPatch.context() as patched:
        for name, write in SECTIONS.items():
            figures, frames = {}, {}
            record(patched, figures, frames)
            found[name] = (write(results), figures, frames)
    return found


def record(patched, figures: dict, frames: dict) -> None:
    """Keep what the sections give to plot and table, wherever they import these."""
    from relevance_neurons.report.explorer import (
        head_neurons,
        head_regressions,
        loss_tables,
        plots,
        tables,
        token_kinds,
        trust_ablations,
        trust_figures,
    )

    def plot(name, figure, description, **more):
        figures[name] = (figure, description)
        return plots.plot(name, figure, description, **more)

    def table(name, frame, caption, **more):
        frames[name] = frame
        return tables.table(name, frame, caption, **more)

    modules = (shares, losses, query_changes, token_views, head_views, trust)
    modules += (head_neurons, head_regressions, loss_tables, token_kinds, trust_ablations)
    for module in (*modules, trust_figures):
        for name, function in (("plot", plot), ("table", table)):
            if hasattr(module, name):
                patched.setattr(module, name, function)


def pooled(effects: pl.DataFrame) -> pl.DataFrame:
    own = effects.filter(pl.col("scheme").is_in(["F_all", "random:F_all"]))
    keys = ["scheme", "top_percent"]
    numbers = ["original", "pruned", "difference_percent", "ci_low", "ci_high", "p_value"]
    numbers += ["p_value_holm", "detectable_percent", "detectable_holm_percent"]
    return own.group_by(keys, maintain_order=True).agg(
        pl.lit("all").alias("domain"),
        pl.len().cast(pl.Int32).alias("n_collections"),
        pl.col("collection").alias("collections"),
        pl.col("n_queries").sum(),
        *(pl.col(name).mean() for name in numbers),
        pl.lit(value=True).alias("significant"),
        pl.lit(value=False).alias("significant_holm"),
    )


def token_tables(folder) -> None:
    """Curves of a method with two layers and one without, whose numbers say where they are."""
    rows, drops, parts = [], [], []
    places = [(LAYERED, 0), (LAYERED, 1), (PLAIN, None)]
    for number, (method, layer) in enumerate(places):
        key = {"collection": "alpha", "method": method, "layer": layer}
        for step in range(3):
            p = 0.9 - 0.1 * step - 0.01 * number
            ends = {"p_label_low": p - 0.05, "p_label_high": p + 0.05}
            more = {"removal": "deletion", "order": "most", "step": step, "share": step / 9}
            rows.append(key | more | ends | {"p_label": p, "n_pairs": 4, "n_queries": 2})
        drop = {"removal": "deletion", "order": "most", "mean_drop": 0.2 + number / 10}
        drops.append(key | drop | {"first_drop": 0.1, "p_value_holm": 0.01 if number else None})
        if layer is not None:
            for part in ("cls", "query", "passage", "sep1", "sep2"):
                value = {"scaled": 0.1 * (layer + 1), "weight": 0.2}
                ends = {f"{a}_{b}": value[a] for a in value for b in ("low", "high")}
                parts.append(key | value | ends | {"part": part, "n_pairs": 4, "n_queries": 2})
    of_layers = {"layer": pl.Int32}
    for name, found in (
        ("degradation_curves", rows),
        ("degradation_areas", drops),
        ("special_tokens", parts),
    ):
        pl.DataFrame(found, schema_overrides=of_layers).write_parquet(folder / f"{name}.parquet")


def scores(files, collection: str, label: str) -> np.ndarray:
    return pl.read_parquet(files / "neuron_scores" / collection / f"{label}.parquet")[
        "score"
    ].to_numpy()


def test_every_section_is_there_and_no_id_is_twice(made):
    ids = []
    for name, (section, _, _) in made.items():
        assert section.name == name and section.lead.endswith(".")
        ids += re.findall(r'\sid="([^"]+)"', section.html)
    assert len(ids) == len(set(ids)) > 100


def test_every_switch_opens_on_what_the_study_has(made):
    text = "".join(section.html for section, _, _ in made.values())
    switches = re.findall(r'<div class="switched".*?<p class="missing"[^>]*>', text, re.S)
    assert len(switches) > 10
    for switch in switches:
        chosen = re.findall(r'<option value="([^"]*)" selected>', switch)
        shown = re.findall(r'data-key="([^"]*)">', switch)  # without hidden
        assert [json.loads(unescape(one)) for one in shown] == [[unescape(one) for one in chosen]]
        assert switch.endswith("hidden>")
        keys = [json.loads(unescape(one)) for one in re.findall(r'data-key="([^"]*)"', switch)]
        selects = re.findall(r"<select.*?</select>", switch, re.S)
        for place, select in enumerate(selects):
            options = [unescape(one) for one in re.findall(r'<option value="([^"]*)"', select)]
            assert {key[place] for key in keys} == set(options)  # no choice without any view


def test_shares_are_intersections_of_tops(results, files, made):
    tops = results.query("shared_tops")
    pairs = tops.filter(kind="pair")
    assert len(pairs) == 3 * (6 + 3)  # delta has no non-relevant map
    for row in pairs.iter_rows(named=True):
        one, other = (
            set(top_of(scores(files, name, row["label"]), row["top_percent"]))
            for name in row["collections"]
        )
        assert row["n_shared"] == len(one & other)
        assert row["shared_percent"] == pytest.approx(100 * len(one & other) / len(one))
        assert row["expected_percent"] == pytest.approx(100 * len(one) / 168)
    figures = [figure for name, (figure, _) in made["shares"][1].items() if "curve" not in name]
    assert len(figures) == 6
    for figure in figures:
        heat = figure.data[0]
        for i, row in enumerate(heat.z):
            for j, value in enumerate(row):
                assert value == heat.z[j][i] and (value is None) == (i == j)
                if value is not None:
                    assert heat.text[i][j].startswith(f"{value:.0f}")
    drawn = sorted(v for figure in figures for i, r in enumerate(figure.data[0].z) for v in r[:i])
    assert drawn == pytest.approx(sorted(pairs["shared_percent"]), abs=0.01)


def test_curves_of_shares_span_the_pairs(results, files):
    curves = results.query("shared_curves").filter(label="relevant")
    overlaps = pl.read_parquet(files / "overlaps.parquet").filter(label="relevant")
    for row in curves.iter_rows(named=True):
        own = overlaps.filter(pl.col("top_percent") == row["top_percent"])
        pairs = own.filter(kind="pair")["shared_percent"]
        ends = row["lowest"], row["mean"], row["highest"]
        assert ends == pytest.approx((pairs.min(), pairs.mean(), pairs.max()))
        assert row["by_all"] == own.filter(kind="intersection_all")["shared_percent"].item()
        assert row["n_pairs"] == 6


def test_losses_mark_what_the_chosen_p_says(results, files, made):
    effects = pl.read_parquet(files / "ablation_effects.parquet")
    found = results.query("loss_effects")
    assert len(found) == len(effects)
    assert set(found["kind"]) == {"", "random", "matched", "mean", "keep_only"}
    own = found.filter(scheme="F_all", kind="", collection="zeta", top_percent=5).row(0, named=True)
    control = effects.filter(scheme="random:F_all", collection="zeta", top_percent=5)
    assert own["random_percent"] == control["difference_percent"].item()
    assert (own["random_low"], own["random_high"]) == control["draw_low", "draw_high"].row(0)
    filled = {}
    for figure, description in made["losses"][1].values():
        if "level 5 %" not in description or "scheme's own neurons off" not in description:
            continue
        column = "significant_holm" if "after Holm" in description else "significant"
        for trace in figure.data:
            rows = effects.filter(~pl.col("scheme").str.contains(":"), top_percent=5)
            rows = rows.filter(collection=trace.name).drop_nulls("difference_percent")
            if not rows.is_empty():
                assert list(trace.x) == pytest.approx(
                    rows.sort("scheme")["difference_percent"], abs=1e-3
                )
                marks = [not one.endswith("-open") for one in trace.marker.symbol]
                assert marks == rows.sort("scheme")[column].to_list()
                filled[column] = filled.get(column, 0) + sum(marks)
                low = rows.sort("scheme")["ci_low"]
                assert list(np.subtract(trace.x, trace.error_x.arrayminus)) == pytest.approx(
                    low.to_list(), abs=1e-3
                )
    assert filled["significant"] > filled["significant_holm"]
    frames = made["losses"][2]
    assert len(frames["losses-table"]) == effects["difference_percent"].count()
    assert len(frames["losses-pooled"]) == 6


def stored(section) -> dict:
    text = re.search(r'id="query-changes-data">(.*?)</script>', section.html, re.S)[1]
    return json.loads(text)


def ranks(rows: pl.DataFrame) -> dict[str, int]:
    """As in trec_eval: single precision, the larger doc_id first where scores tie."""
    pairs = zip(rows["score"].to_numpy().astype("f4"), rows["doc_id"], strict=True)
    return {doc: place for place, (_, doc) in enumerate(sorted(pairs, reverse=True), 1)}


def test_queries_that_lost_most_have_both_their_rankings(files, made):
    section = made["query_changes"][0]
    data = stored(section)
    place = re.search(
        r'data-key="\[&quot;zeta&quot;, &quot;F_all&quot;, &quot;10&quot;\]".*?<strong>(.*?)<'
        r'.*?data-view="(\d+)"',
        section.html,
        re.S,
    )
    measures = pl.read_parquet(files / "measures" / "zeta.parquet")
    before = measures.filter(scheme="none").select("query_id", before="value")
    after = measures.filter(scheme="F_all", top_percent=10).select("query_id", after="value")
    changes = before.join(after, on="query_id").with_columns(
        change=pl.col("after") - pl.col("before")
    )
    lost = changes.filter(pl.col("change") < 0).sort("change", "query_id")
    gained = changes.filter(pl.col("change") > 0)
    assert place[1].startswith(f"Of 6 queries {len(lost)} lost nDCG@10, {len(gained)} gained")
    view = data["views"][int(place[2])]
    assert [data["queries"][one[0]][0] for one in view] == lost["query_id"].to_list()
    rerankings = pl.read_parquet(files / "rerankings" / "zeta.parquet")
    folder = files / "collections" / "zeta"
    judged = pl.read_parquet(folder / "qrels.parquet")
    texts = dict(pl.read_parquet(folder / "documents.parquet").iter_rows())
    for (query, value, pruned, flat), row in zip(view, lost.iter_rows(named=True), strict=True):
        assert (value, pruned) == pytest.approx((row["before"], row["after"]), abs=1e-4)
        query_id = data["queries"][query][0]
        own = rerankings.filter(query_id=query_id)
        one, other = (
            ranks(own.filter(scheme=scheme, top_percent=level))
            for scheme, level in (("none", 0), ("F_all", 10))
        )
        shown = {}
        for at in range(0, len(flat), 3):
            text, doc, grade = data["passages"][flat[at]]
            shown[doc] = (flat[at + 1], flat[at + 2])
            assert data["texts"][text] == texts[doc][:300]
            qrel = judged.filter(query_id=query_id, doc_id=doc)
            if qrel.is_empty():
                assert data["grades"][grade] == "not judged"
            else:
                words = {"relevant": "relevant", "non_relevant": "not relevant"}
                label = words.get(qrel["label"].item(), "of neither list")
                assert data["grades"][grade] == f"grade {qrel['grade'].item()}, {label}"
        assert shown == {
            doc: (one[doc], other[doc]) for doc in one if min(one[doc], other[doc]) <= 10
        }


def test_a_text_is_stored_once_and_shortened_where_there_are_many(results, made, monkeypatch):
    texts = stored(made["query_changes"][0])["texts"]
    assert len(texts) == len(set(texts)) > 20
    monkeypatch.setattr(query_changes, "LENGTH", 60)
    monkeypatch.setattr(query_changes, "LEAST", 30)
    monkeypatch.setattr(query_changes, "MOST", len(texts) * 40)
    section = query_changes.query_changes(results)
    length = int(re.search(r"the first (\d+) characters", section.html)[1])
    assert 30 <= length <= 60
    cut = [one for one in stored(section)["texts"] if one.endswith(" …")]
    assert cut and max(map(len, cut)) <= length + 2
    monkeypatch.setattr(query_changes, "MOST", 1)
    assert "the first 30 characters" in query_changes.query_changes(results).html


def test_no_text_of_a_study_ends_the_script_that_holds_it(database, tmp_path):
    copy = shutil.copy(database, tmp_path / "hostile.duckdb")
    with duckdb.connect(str(copy)) as connection:
        connection.execute("UPDATE documents SET text = '</script><b>' || text")
        connection.execute("UPDATE queries SET text = '</script><b>' || text")
    with Results(copy) as results:
        section = query_changes.query_changes(results)
    assert section.html.count("</script>") == 2 and "<b>" not in section.html
    assert stored(section)["texts"][0].startswith("</script><b>")


def test_tokens_are_compared_at_the_layer_that_is_asked(results, made, monkeypatch):
    at = results.query("token_curves", layer=1)
    assert set(at.select("method", "layer").rows()) == {(LAYERED, 1), (PLAIN, None)}
    assert at.filter(method=LAYERED)["p_label"].to_list() == pytest.approx([0.89, 0.79, 0.69])
    assert at["removed_percent"].max() == pytest.approx(200 / 9)
    drops = made["token_views"][2]["tokens-drops"]
    assert drops["mean drop"].to_list() == pytest.approx([0.2, 0.3, 0.4])
    study = {**results.study, "tokens.layer": "1"}
    monkeypatch.setitem(results.__dict__, "study", study)
    assert token_views.asked_layer(results) == 1
    monkeypatch.setitem(results.__dict__, "study", {**study, "tokens.layer": "null"})
    assert token_views.asked_layer(results) is None  # no statistics: no method with layers


def test_parts_of_pairs_are_drawn_layer_by_layer(made):
    figures = made["token_views"][1]
    scaled = next(figure for name, (figure, _) in figures.items() if name == "tokens-parts-0")
    lines = {trace.name: trace for trace in scaled.data if trace.mode == "lines+markers"}
    assert set(lines) == {"[CLS]", "first [SEP]", "last [SEP]", "query", "passage"}
    assert list(lines["[CLS]"].x) == [0, 1] and list(lines["query"].y) == [0.1, 0.2]


def test_kinds_of_tokens_are_shares_beside_those_of_the_same_layers(results, files):
    found = results.query("looked_at", maps=scheme_maps(results))
    schemes = pl.read_parquet(files / "schemes.parquet").filter(scheme="F_alpha", top_percent=10)
    parts = pl.concat(
        pl.read_parquet(files / "neuron_tokens" / "alpha" / f"{label}.parquet").with_columns(
            size=pl.col("score").abs(), label=pl.lit(label)
        )
        for label in ("relevant", "non_relevant")
    )
    on = ["layer", "component", "neuron"]
    for component in schemes["component"].unique():
        own = parts.filter(component=component)
        picked = own.join(schemes, on=on, how="semi")
        expected, weights = dict.fromkeys(own["kind"].unique(), 0.0), 0.0
        for (layer, label), rows in picked.group_by("layer", "label"):
            weight = rows["size"].sum()
            whole = own.filter(layer=layer, label=label)
            for kind in expected:
                share = whole.filter(kind=kind)["size"].sum() / whole["size"].sum()
                expected[kind] += weight * share
            weights += weight
        rows = found.filter(scheme="F_alpha", top_percent=10, component=component)
        for row in rows.iter_rows(named=True):
            share = picked.filter(kind=row["kind"])["size"].sum() / picked["size"].sum()
            assert row["selected_percent"] == pytest.approx(100 * share)
            assert row["all_percent"] == pytest.approx(100 * expected[row["kind"]] / weights)
            assert row["n_neurons"] == len(schemes.filter(component=component))
        assert rows["selected_percent"].sum() == pytest.approx(100)


def test_maps_of_schemes_follow_their_names_and_the_study_file(results, monkeypatch):
    found = {one["scheme"]: one for one in scheme_maps(results)}
    assert found["P_alpha"]["labels"] == ["relevant"] and found["P_alpha"]["method"] == METHOD
    assert found["F_all"]["labels"] == ["relevant", "non_relevant"]
    key = "selection.schemes.P_alpha.labels"
    monkeypatch.setitem(results.__dict__, "study", {**results.study, key: '["non_relevant"]'})
    of = {one["scheme"]: one["labels"] for one in scheme_maps(results)}
    assert of["P_alpha"] == ["non_relevant"]
    # Picked by a method whose scores are not told by kind: those of another are not its own.
    picked = {**results.study, "selection.schemes.P_alpha.methods": '["lambda"]'}
    monkeypatch.setitem(results.__dict__, "study", picked)
    assert "P_alpha" not in {one["scheme"] for one in scheme_maps(results)}


def test_heads_are_where_the_table_has_them(made):
    heads = synthetic_mechanism.tables()["heads"]
    figure, _ = made["head_views"][1]["heads-match_attention"]
    marks = {"matching": "M", "relevance": "R", "both": "MR", "none": ""}
    for row in heads.iter_rows(named=True):
        at = row["layer"], row["head"]
        assert figure.data[0].z[at[0]][at[1]] == pytest.approx(row["match_attention"], abs=1e-4)
        assert figure.data[0].text[at[0]][at[1]] == marks[row["kind"]]
    table = made["head_views"][2]["heads-table"]
    assert len(table) == len(heads)
    assert table["kind"].to_list()[4:] == ["neither"] * (len(heads) - 4)


def test_regressions_and_neurons_in_heads_are_the_tables(results, made):
    tables = synthetic_mechanism.tables()
    found = made["head_views"][2]["heads-bm25-table"]
    assert len(found) == len(tables["semantic_bm25"])
    assert sorted(found["Pearson"]) == pytest.approx(sorted(tables["semantic_bm25"]["pearson"]))
    overlaps = results.query("neurons_in_heads")
    ratios = overlaps["shared"] / overlaps["expected"]
    assert overlaps["times_chance"].to_list() == pytest.approx(ratios.to_list())
    drawn = [
        value
        for name, (figure, _) in made["head_views"][1].items()
        if name.startswith("heads-neurons")
        for trace in figure.data
        if trace.mode == "markers"
        for value in trace.x
    ]
    assert sorted(drawn) == pytest.approx(sorted(ratios), abs=1e-3)


def test_residuals_are_percent_of_what_the_scores_must_add_up_to(results, files):
    found = results.query("residuals")
    for row in found.iter_rows(named=True):
        path = files / "attribution_checks" / row["collection"] / f"{row['label']}.parquet"
        pairs = pl.read_parquet(path)
        errors = (
            100 * (pairs["residual"] / (pairs["f_input"] - pairs["f_baseline"])).abs().to_numpy()
        )
        expected = [np.median(errors), np.quantile(errors, 0.9), errors.max()]
        columns = ("median_percent", "percent_of_90_in_100", "worst_percent")
        assert [row[name] for name in columns] == pytest.approx(expected)


def test_halves_frequencies_and_points_are_means_over_a_map(results, files):
    halves = pl.read_parquet(files / "split_halves.parquet")
    for row in results.query("halves").iter_rows(named=True):
        keys = {name: row[name] for name in ("collection", "label", "top_percent")}
        own = halves.filter(**keys)["shared_percent"]
        assert (row["shared_percent"], row["lowest"]) == pytest.approx((own.mean(), own.min()))
        assert row["n_halvings"] == len(own)
    frequencies = pl.read_parquet(files / "selection_frequencies.parquet").filter("selected")
    for row in results.query("frequencies").iter_rows(named=True):
        keys = {name: row[name] for name in ("collection", "label", "top_percent")}
        own = frequencies.filter(**keys)["frequency"].to_numpy()
        assert (row["n_neurons"], row["mean_frequency"]) == (len(own), pytest.approx(own.mean()))
        assert row["stable_percent"] == pytest.approx(100 * np.mean(own >= 0.95))
    doubled = pl.read_parquet(files / "convergence.parquet")
    found = results.query("doubled_points")
    assert sorted(found["kendall_tau"]) == sorted(doubled["kendall_tau"])
    assert sorted(found["worst_pair_percent"]) == pytest.approx(
        sorted(100 * doubled["worst_pair_difference"])
    )


def test_controls_are_counted_over_collections(results, files):
    effects = pl.read_parquet(files / "ablation_effects.parquet").drop_nulls("difference_percent")
    for row in results.query("control_equivalence").iter_rows(named=True):
        scheme = f"{row['control']}:{row['scheme']}"
        own = effects.filter(scheme=scheme, top_percent=row["top_percent"])
        shown, lost = own["equivalent"].fill_null(False), own["significant"].fill_null(False)
        assert (row["n_equivalent"], row["n_significant"]) == (shown.sum(), lost.sum())
        assert row["n_undecided"] == (~shown & ~lost).sum()
        assert row["greatest_loss_percent"] == own["difference_percent"].min()


def test_the_ranker_stands_beside_the_first_stage(files, made):
    figure, description = made["trust"][1]["trust-quality"]
    quality = pl.read_parquet(files / "ranking_quality.parquet")
    ranker = next(trace for trace in figure.data if trace.name == "the whole ranker")
    own = quality.filter(ranking="reranker").sort("collection")
    assert list(ranker.x) == pytest.approx(own["value"].to_list(), abs=1e-4)
    assert "nDCG@10" in description and "(6 a collection)" in description
    places = sorted(place for trace in figure.data for place in trace.y)
    assert min(b - a for a, b in pairwise(places)) > 0.1  # no marker hides another


@pytest.fixture(scope="module")
def empty(tmp_path_factory):
    path = tmp_path_factory.mktemp("empty") / "neurons.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE study (key VARCHAR, value VARCHAR)")
        connection.execute("INSERT INTO study VALUES ('study', 'old')")
    return path


@pytest.mark.parametrize("name", SECTIONS)
def test_a_section_without_its_tables_is_left_out(empty, name):
    with Results(empty) as results:
        assert SECTIONS[name](results) is None


def test_a_database_of_an_earlier_version_is_told(database, tmp_path):
    copy = shutil.copy(database, tmp_path / "old.duckdb")
    with duckdb.connect(str(copy)) as connection:
        connection.execute('ALTER TABLE "overlaps" DROP COLUMN n_shared')
    write_explorer(copy, tmp_path / "explorer.html")
    page = (tmp_path / "explorer.html").read_text(encoding="utf-8")
    section = re.search(r'<section id="shares".*?</section>', page, re.S)[0]
    assert "made by an earlier version" in section and "n_shared" in section
    assert page.count("made by an earlier version") == 1 and '<section id="losses"' in page


TABLES = "overlaps ablation_effects pooled_effects degradation_curves degradation_areas heads"
TABLES += " special_tokens neuron_tokens semantic_bm25 head_overlaps ranking_quality convergence"
TABLES += " attribution_checks split_halves selection_frequencies randomisation"
TABLES += " single_neuron_correlations"
BASE = {"study", "schemes", "scheme_sizes"}


@pytest.mark.parametrize("table", TABLES.split())
def test_each_table_alone_makes_a_section(database, table):
    """What a study without the other stages has: no query asks for more than is there."""

    class Alone(Results):
        def has(self, name, *columns):
            return name in BASE | {table} and super().has(name, *columns)

    with Alone(database) as results:
        there = [name for name, write in SECTIONS.items() if write(results) is not None]
    assert len(there) == (2 if table == "ablation_effects" else 1)
