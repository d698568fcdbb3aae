"""Tables and figures of attribution to tokens: what they show is what the frames have."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from relevance_neurons.errors import UserError
from relevance_neurons.report.figures.sentence_order import sentence_order_figure
from relevance_neurons.report.figures.special_tokens import special_tokens_figure
from relevance_neurons.report.figures.token_degradation import token_degradation_figure
from relevance_neurons.report.figures.token_overlaps import token_overlaps_figure
from relevance_neurons.report.figures.token_positions import FEWEST, token_positions_figure
from relevance_neurons.report.figures.truncated_rankings import truncated_rankings_figure
from relevance_neurons.report.names import over_collections
from relevance_neurons.report.tables import tokens
from relevance_neurons.report.tables.formats import NOTHING, Table, latex, markdown, number
from relevance_neurons.tokens.claims import CLAIMS
from relevance_neurons.tokens.study_methods import StudyMethods
from toys import synthetic_tokens as toy
from workflow_scripts.report import draw_token_figures, write_token_tables

FIGURES = ["token_degradation", "special_tokens", "token_overlaps", "token_positions"]
FIGURES += ["sentence_order", "truncated_rankings"]
TABLES = ["token_degradation", "special_tokens", "token_truncation", "sentence_order"]
TABLES += ["token_findings"]
METHODS = toy.SETTINGS["methods"]
STUDY = StudyMethods.of(toy.SETTINGS)
FIRST = toy.METHODS[0]


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.DataFrame]:
    return toy.summaries()


def every(frame: pl.DataFrame, **of) -> pl.DataFrame:
    return frame.filter(collection="all", **of)


def lines(axes: Axes) -> dict[str, np.ndarray]:
    return {line.get_label(): line.get_xydata() for line in axes.lines}


def band(axes: Axes, place: int) -> set[tuple[float, float]]:
    return {tuple(point) for point in axes.collections[place].get_paths()[0].vertices.round(9)}


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text().strip()]


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def test_rows_of_all_collections_or_of_the_only_one(frames):
    areas = frames["degradation_areas"]
    assert over_collections(areas)["collection"].unique().to_list() == ["all"]
    one = areas.filter(collection="beta")
    assert over_collections(one).equals(one)
    with pytest.raises(UserError, match="has alpha, beta without all; name one of them"):
        over_collections(areas.filter(pl.col("collection") != "all"))


# Figures


def test_degradation_draws_each_way_and_order(frames):
    curves = frames["degradation_curves"]
    figure = token_degradation_figure(curves, frames["degradation_areas"], toy.METHODS, toy.LAYER)
    panels = [(way, order) for way in ("deletion", "mask") for order in ("most", "least")]
    assert len(figure.axes) == 4 + 3  # layers, areas and a colour bar
    for axes, (removal, order) in zip(figure.axes, panels, strict=False):
        drawn = lines(axes)
        labels = [
            "information bottleneck",
            "integrated gradients",
            "LIME",
            "leave one out",
            "random",
        ]
        assert list(drawn) == labels
        for place, (method, label) in enumerate(zip(toy.METHODS, labels, strict=True)):
            of = every(curves, removal=removal, order=order, method=method).sort("step")
            of = of.filter(pl.col("layer").is_null() | (pl.col("layer") == toy.LAYER))
            np.testing.assert_allclose(drawn[label][:, 0], 100 * np.arange(10) / 9)
            np.testing.assert_allclose(drawn[label][:, 1], of["p_label"])
            ends = [(100 * x, y) for x, y in of.select("share", "p_label_low").iter_rows()]
            assert {tuple(np.round(one, 9)) for one in ends} <= band(axes, place)


def test_degradation_draws_the_bottleneck_over_layers(frames):
    areas = frames["degradation_areas"]
    figure = token_degradation_figure(frames["degradation_curves"], areas, toy.METHODS, toy.LAYER)
    by_title = {axes.get_title("left"): axes for axes in figure.axes}
    layered = by_title["(e) information bottleneck, layer by layer"]
    assert list(lines(layered)) == ["0", "1", "2"]
    assert len({to_hex(line.get_color()) for line in layered.lines}) == 3
    of = every(areas, removal="deletion", order="most")
    right = by_title["(f) mean drop over the steps"]
    own = of.filter(method=FIRST).sort("layer")
    np.testing.assert_allclose(right.lines[0].get_xydata(), own["layer", "mean_drop"].to_numpy())
    dashed = [line.get_ydata()[0] for line in right.lines[1:]]
    assert dashed == [of.filter(method=one)["mean_drop"].item() for one in toy.METHODS[1:]]


def test_degradation_of_one_way_without_layers(frames):
    one = {"removal": "deletion", "order": "most"}
    curves = frames["degradation_curves"].filter(pl.col("layer").is_null(), **one)
    areas = frames["degradation_areas"].filter(pl.col("layer").is_null(), **one)
    methods = toy.METHODS[1:]
    assert len(token_degradation_figure(curves, areas, methods, toy.LAYER).axes) == 1


def test_special_tokens_draw_scores_and_weights(frames):
    parts = frames["special_tokens"]
    left, right = special_tokens_figure(parts, FIRST).axes
    cls = every(parts, method=FIRST, part="cls").sort("layer")
    name = "[CLS], before the query"
    np.testing.assert_allclose(lines(left)[name], cls["layer", "scaled"].to_numpy())
    np.testing.assert_allclose(lines(right)[name][:, 1], 100 * cls["weight"])
    assert len(lines(left)) == 5 and len(lines(right)) == 3
    ends = {tuple(np.round(one, 9)) for one in cls["layer", "scaled_low"].iter_rows()}
    assert ends <= band(left, 0)
    figure = special_tokens_figure(parts.filter(pl.col("part") != "cls"), FIRST)  # T5 has no [CLS]
    assert name not in lines(figure.axes[0])
    assert "the method has no layers" in words(special_tokens_figure(parts, "lime"))


def test_overlaps_are_drawn_against_ranks_with_their_correlation(frames):
    overlaps, correlations = frames["token_overlaps"], frames["token_overlap_correlations"]
    figure = token_overlaps_figure(overlaps, correlations)
    for axes, tokens_of in zip(figure.axes, ("important", "all"), strict=True):
        drawn = lines(axes)
        for collection, label in (("alpha", "alpha"), ("all", "mean of all")):
            of = overlaps.filter(collection=collection).sort("rank")
            expected = of["rank", f"jaccard_{tokens_of}"].to_numpy()
            np.testing.assert_allclose(drawn[label], expected)
        row = every(correlations, tokens=tokens_of, passages="all").row(0, named=True)
        values = [number(row[one], 2) for one in ("spearman", "ci_low", "ci_high")]
        title = f"ρ = {values[0]} [{values[1]}, {values[2]}]"
        assert axes.get_title("left").endswith(f"{tokens_of} tokens, {title}")
    alone = overlaps.filter(collection="beta")
    figure = token_overlaps_figure(alone, correlations.clear())
    assert set(lines(figure.axes[0])) == {"beta"} and len(figure.axes[0].collections) == 1
    assert figure.axes[0].get_title("left").endswith("too few ranks for a correlation")


def test_positions_are_shares_of_the_pairs_that_have_them(frames):
    positions = frames["token_positions"]
    figure = token_positions_figure(positions, toy.LAYER, toy.IMPORTANT)
    by_label = {axes.get_ylabel(): axes for axes in figure.axes}
    counts = positions.group_by("layer", "position").agg(pl.sum("n_important", "n_pairs_there"))
    kept = counts.filter(pl.col("n_pairs_there") >= FEWEST)
    assert 0 < len(kept) < len(counts)
    share = 100 * pl.col("n_important") / pl.col("n_pairs_there")
    own = kept.filter(layer=toy.LAYER).sort("position").with_columns(share=share)
    (line,) = by_label["important (%)"].lines
    np.testing.assert_allclose(line.get_xydata(), own["position", "share"].to_numpy())
    (line,) = by_label["pairs with\na token there"].lines
    np.testing.assert_allclose(line.get_ydata(), own["n_pairs_there"])
    table = by_label["layer"].images[0].get_array()
    assert table.shape == (3, own["position"].max() + 1)
    np.testing.assert_allclose(table[toy.LAYER], own["share"])
    few = token_positions_figure(positions.filter(position=99), toy.LAYER, 6)
    assert {"no layers, or too few pairs", "too few pairs"} <= set(words(few))


def test_orders_are_dots_with_intervals_filled_where_significant(frames):
    orders = frames["sentence_order_summary"]
    (axes,) = sentence_order_figure(orders).axes
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == ["P@1", "MRR", "MRR@10", "R@3", "R@50", "R@1000", "p(relevant)"]
    row = every(orders, order="reversed", measure="RR").row(0, named=True)
    dots = [line for line in axes.lines if line.get_marker() == "D"]
    (dot,) = [line for line in dots if line.get_xdata()[0] == row["difference"]]
    assert round(dot.get_ydata()[0]) == labels.index("MRR")
    assert dot.get_markerfacecolor() == dot.get_color()
    segments = [part[:, 0].tolist() for one in axes.collections for part in one.get_segments()]
    assert [row["difference_low"], row["difference_high"]] in segments
    hollow = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert [line.get_xdata()[0] for line in hollow] == [0, 0, 0]  # R@1000 stays
    deeper = (pl.col("measure") == "R@1000") & (pl.col("collection") != "alpha")
    (axes,) = sentence_order_figure(orders.filter(~deeper)).axes
    assert [text.get_text() for text in axes.get_yticklabels()] == labels[:5] + labels[6:]
    none = sentence_order_figure(orders.filter(order="original"))
    assert "no other order was tried" in words(none)


def test_truncated_rankings_are_drawn_with_bands(frames):
    rankings = frames["truncated_rankings_summary"]
    (axes,) = truncated_rankings_figure(rankings).axes
    for label, fields in (("of the passage", "passage"), ("of query and passage", "both")):
        of = every(rankings, fields=fields, measure="RR").sort("kept_percent", descending=True)
        np.testing.assert_allclose(lines(axes)[label][:, 0], 100 - of["kept_percent"])
        np.testing.assert_allclose(lines(axes)[label][:, 1], of["value"])
    assert len(axes.collections) == 2
    figure = truncated_rankings_figure(rankings, "nDCG@10")
    assert "nDCG@10 was not measured" in words(figure)


# Tables


def test_degradation_stands_beside_table_1(frames):
    areas = frames["degradation_areas"]
    cells = texts(tokens.degradation_table(areas, STUDY, toy.LAYER))
    assert [row[0] for row in cells][2] == "LIME" and len(cells) == 5
    assert [row[1] for row in cells] == ["0.565", "0.265", "0.043", NOTHING, "0.135"]
    row = every(areas, method="lime", removal="deletion", order="most").row(0, named=True)
    drop = [number(row[f"first_drop{end}"], 3) for end in ("", "_low", "_high")]
    assert cells[2][2] == f"{drop[0]} [{drop[1]}, {drop[2]}]"
    assert cells[2][5].startswith(number(row["mean_drop"], 3))
    assert cells[0][6:9] == [NOTHING] * 3  # the first is compared with none
    drop = [number(row[f"drop_difference{end}"], 3) for end in ("", "_low", "_high")]
    assert cells[2][6] == f"{drop[0]} [{drop[1]}, {drop[2]}]"  # what p tests
    assert cells[2][9].startswith(number(row["area"], 3))
    masked = every(areas, method="lime", removal="mask", order="least")["area"].item()
    assert cells[2][-1].startswith(number(masked, 3))
    few = areas.filter(removal="deletion", order="most")
    cells = texts(tokens.degradation_table(few, STUDY, toy.LAYER))
    assert [row[-3:] for row in cells] == [[NOTHING] * 3] * 5


def test_numbers_of_table_1_stand_beside_its_methods_and_steps(frames):
    areas = frames["degradation_areas"]
    old = areas.filter(method="lime").with_columns(method=pl.lit("lime_legacy"))
    methods = {**METHODS, "lime_legacy": "lime"}
    both = pl.concat([areas, old])
    for legacy in (frozenset({"lime_legacy"}), frozenset()):
        study = StudyMethods(methods, legacy)
        cells = texts(tokens.degradation_table(both, study, toy.LAYER))
        assert [row[1] for row in cells if "LIME" in row[0].upper()] == ["0.043", NOTHING]
    table = tokens.degradation_table(areas, STUDY, toy.LAYER)
    assert "11.1 % of them all" in table.notes[0] and "all 9 steps" in table.notes[0]
    ten = areas.with_columns(n_steps=pl.lit(10, pl.Int64))
    table = tokens.degradation_table(ten, STUDY, toy.LAYER)
    assert "10 % of them all" in table.notes[0] and "all 10 steps" in table.notes[0]
    assert {cell for row in texts(table) for cell in (row[1], row[3])} == {NOTHING}


def test_special_tokens_have_a_row_a_layer(frames):
    parts = frames["special_tokens"]
    cells = texts(tokens.special_tokens_table(parts, FIRST))
    assert [row[0] for row in cells] == ["0", "1", "2"]
    row = every(parts, method=FIRST, part="sep1", layer=2).row(0, named=True)
    assert cells[2][3].startswith(number(row["scaled"], 2))
    assert cells[2][8].startswith(number(100 * row["weight"], 1))
    without = tokens.special_tokens_table(parts.filter(pl.col("part") != "cls"), FIRST)
    assert texts(without)[0][1] == texts(without)[0][6] == NOTHING
    assert texts(tokens.special_tokens_table(parts, "lime"))[0][0] == NOTHING


def test_truncation_stands_beside_table_2(frames):
    truncation = frames["truncation_summary"]
    cells = texts(tokens.truncation_table(truncation))
    assert [(row[0], row[1], row[3]) for row in cells] == [
        ("query and passage", "8.90", "10.39"), ("passage", "18.52", "22.49"),
    ]  # fmt: skip
    row = every(truncation, fields="passage").row(0, named=True)
    assert cells[1][2].startswith(number(row["n_removed"], 2))
    assert cells[1][4].startswith(number(row["value"], 2))
    assert cells[1][5].startswith(number(100 * row["never_falls"], 1))
    cells = texts(tokens.truncation_table(truncation, is_papers=False))
    assert [(row[1], row[3]) for row in cells] == [(NOTHING, NOTHING)] * 2


def test_orders_stand_beside_table_3(frames):
    orders = frames["sentence_order_summary"]
    table = tokens.sentence_order_table(orders)
    assert table.columns == [
        "order",
        "P@1",
        "MRR",
        "MRR@10",
        "R@3",
        "R@50",
        "R@1000",
        "p(relevant)",
    ]
    cells = {row[0]: row[1:] for row in texts(table)}
    assert list(cells)[:4] == ["original", "original, paper", "swapped", "swapped, paper"]
    paper = ["0.181", "0.332", "0.321", "0.390", "0.803", "0.848", "0.897"]
    assert cells["reversed, paper"] == paper
    row = every(orders, order="reversed", measure="RR").row(0, named=True)
    assert cells["reversed"][1].startswith(number(row["value"], 3))
    assert [cell[-1] for cell in cells["reversed"]] == [*"†††††", "]", "†"]
    few = orders.filter(pl.col("order") != "shuffled", measure="RR")
    assert len(tokens.sentence_order_table(few).rows) == 6
    shallow = orders.filter(~pl.col("measure").is_in(["R@50", "R@1000"]))
    table = tokens.sentence_order_table(shallow)
    assert table.columns == ["order", "P@1", "MRR", "MRR@10", "R@3", "p(relevant)"]
    assert texts(table)[-1] == ["reversed, paper", *paper[:4], paper[-1]]
    # One collection is deeper than the other: their mean has none.
    deeper = (pl.col("measure") == "R@1000") & (pl.col("collection") != "alpha")
    assert "R@1000" not in tokens.sentence_order_table(orders.filter(~deeper)).columns


def test_findings_are_told_in_words(frames):
    findings = frames["token_findings"]
    table = tokens.findings_table(findings, STUDY)
    cells = {row[0]: row for row in texts(table)}
    assert len(cells) == every(findings)["claim"].n_unique() == len(table.rows)
    row = every(findings, claim="swapped_ranks_worse").row(0, named=True)
    shown = cells["first two sentences swapped: MRR"]
    assert shown[1] == ".362 for .411" and shown[-1] == row["holds"] == "yes"
    assert shown[2].startswith(number(row["value"], 3))
    assert cells["important tokens stand early"][2] == NOTHING
    assert cells["first drop, random"][-1] == NOTHING
    bold = {row[0].text for row in table.rows if row[-1].bold}
    assert bold == {CLAIMS[one].words for one in every(findings, holds="yes")["claim"]}


def test_findings_of_several_entries_or_of_one_collection_say_so(frames):
    findings = frames["token_findings"]
    old = findings.filter(claim="first_drop_lime").with_columns(
        method=pl.lit("lime_legacy"), paper=pl.lit(None, pl.String)
    )
    lost = (pl.col("claim") == "removed_both") & (pl.col("collection") != "beta")
    cells = texts(tokens.findings_table(pl.concat([findings.filter(~lost), old]), STUDY))
    of = {row[0]: row for row in cells}
    assert of["first drop, LIME (LIME)"][1] == ".043"
    assert of["first drop, LIME (lime legacy)"][1] == NOTHING
    assert of["of query and passage can be removed (%)"][5] == "beta"
    assert of["first drop, random"][5] == "2"


def test_tables_of_rankings_without_a_query_are_empty(frames):
    assert tokens.truncation_table(frames["truncation_summary"].clear()).rows == []
    assert tokens.sentence_order_table(frames["sentence_order_summary"].clear()).rows == []
    assert tokens.findings_table(frames["token_findings"].clear(), STUDY).rows == []


# Scripts


@pytest.fixture(scope="module")
def given(frames, tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("given")
    for name, frame in frames.items():
        frame.write_parquet(folder / f"{name}.parquet")
    files = {name: str(folder / f"{name}.parquet") for name in frames}
    return files | {"token_statistics": []}


def test_scripts_write_tables_and_figures(given, tmp_path):
    made = {one: [str(tmp_path / f"{one}.{end}") for end in ("csv", "md", "tex")] for one in TABLES}
    write_token_tables.main(given, made, toy.SETTINGS)
    for name, (csv, *_) in made.items():
        assert len(pl.read_csv(csv)) > 0, name
    figures = {one: [str(tmp_path / f"{one}.svg")] for one in FIGURES}
    draw_token_figures.main(given, figures, toy.SETTINGS)
    assert len(list(tmp_path.glob("*.svg"))) == len(FIGURES)
    areas = pl.read_csv(tmp_path / "token_degradation.csv")
    assert areas["collection"].unique().sort().to_list() == ["all", "alpha", "beta"]


def test_tables_have_as_many_cells_as_columns(frames):
    for table in (
        tokens.degradation_table(frames["degradation_areas"], STUDY, toy.LAYER),
        tokens.special_tokens_table(frames["special_tokens"], FIRST),
        tokens.truncation_table(frames["truncation_summary"]),
        tokens.sentence_order_table(frames["sentence_order_summary"]),
        tokens.findings_table(frames["token_findings"], STUDY),
    ):
        n = len(table.columns)
        assert len(table.alignment) == n and {len(row) for row in table.rows} == {n}
        assert sum(size for _, size in table.groups) in (0, n)
        assert table.title in markdown(table) and latex(table).count("&") >= (n - 1) * 2
