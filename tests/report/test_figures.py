"""The figures: the numbers they draw, what they say where something is missing, and their looks."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import imread
from matplotlib.text import Text

from relevance_neurons.errors import UserError
from relevance_neurons.report.figures.ablation import effects_figure, quality_figure
from relevance_neurons.report.figures.controls import controls_figure
from relevance_neurons.report.figures.levels import levels_figure
from relevance_neurons.report.figures.locations import figure4
from relevance_neurons.report.figures.loss_curves import loss_curves_figure
from relevance_neurons.report.figures.method_effects import method_effects_figure
from relevance_neurons.report.figures.neuron_tokens import neuron_tokens_figure
from relevance_neurons.report.figures.overlaps import figure2, figure3
from relevance_neurons.report.figures.sanity import figure1, sanity_figure
from relevance_neurons.report.figures.sentence_order import sentence_order_figure
from relevance_neurons.report.figures.special_tokens import special_tokens_figure
from relevance_neurons.report.figures.stability import stability_figure
from relevance_neurons.report.figures.style import new_figure, save_figure
from relevance_neurons.report.figures.token_degradation import token_degradation_figure
from relevance_neurons.report.figures.token_overlaps import token_overlaps_figure
from relevance_neurons.report.figures.token_positions import token_positions_figure
from relevance_neurons.report.figures.transfer import transfer_figure
from relevance_neurons.report.figures.truncated_rankings import truncated_rankings_figure
from toys import synthetic_methods, synthetic_rankings, synthetic_results, synthetic_tokens
from workflow_scripts.report import draw_figures

IN = ["alpha", "alpha_test"]
COMPONENTS = list(synthetic_results.SIZES)
NAMES = ("figure2", "figure3", "figure4", "effects", "controls", "quality", "stability")
NAMES += ("figure1", "sanity", "method_effects", "loss_curves", "levels", "transfer")
NAMES += ("neuron_tokens", "sanity_of_methods")
OF_TOKENS = ("token_degradation", "special_tokens", "token_overlaps", "token_positions")
OF_TOKENS += ("sentence_order", "truncated_rankings")
NAMES += OF_TOKENS
SANITY = ("randomisation", "single_neurons", "single_neuron_correlations")
ABLATION = {"measure": "nDCG@10", "value": "zero", "equivalence_margin": 2.0}
ABLATION |= {"significance": 0.05}
METHODS = [*synthetic_methods.METHODS, "integrated_activations", "lambda"]
LONG = {"msmarco_dev_small": "in", "scikit_learn_user_guide": "out", "wikiqa": "out"}
"""Of collections with names as long as people give."""


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    return synthetic_results.write_synthetic_results(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def overlaps(study) -> pl.DataFrame:
    return pl.read_parquet(study / "overlaps.parquet")


@pytest.fixture(scope="module")
def effects(study) -> pl.DataFrame:
    return pl.read_parquet(study / "ablation_effects.parquet")


@pytest.fixture(scope="module")
def schemes(study) -> pl.DataFrame:
    return pl.read_parquet(study / "schemes.parquet")


@pytest.fixture(scope="module")
def quality(study) -> pl.DataFrame:
    return pl.read_parquet(study / "ranking_quality.parquet")


def lines(axes) -> dict[str, np.ndarray]:
    """Label of a curve -> its points."""
    return {line.get_label(): line.get_xydata() for line in axes.lines}


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text().strip()]


def kinds_of_tokens(study: Path) -> pl.DataFrame:
    return pl.read_parquet(sorted(study.glob("neuron_tokens/*/*.parquet")))


def curve(overlaps: pl.DataFrame, column: str = "shared_percent", **of) -> np.ndarray:
    return overlaps.filter(**of).sort("top_percent").select("top_percent", column).to_numpy()


# Figures 2 to 4


def test_figure2_draws_in_domain_pairs_as_curves_and_the_others_as_a_band(overlaps):
    figure = figure2(overlaps, IN, ["delta"])
    pairs = overlaps.filter(kind="pair", label="relevant").with_columns(
        pl.col("collections").list.join(" × ")
    )
    drawn = lines(figure.axes[0])
    solid = ["alpha × beta", "alpha × gamma", "alpha × delta"]
    assert set(drawn) == {*solid, "out-of-domain pairs, mean", "chance, mean"}
    for pair in solid:
        np.testing.assert_allclose(drawn[pair], curve(pairs, collections=pair))
    outside = pairs.filter(~pl.col("collections").is_in(solid))
    assert outside["collections"].n_unique() == 3
    by_level = outside.group_by("top_percent").agg(
        pl.col("shared_percent").mean().alias("mean"),
        pl.col("shared_percent").min().alias("low"),
        pl.col("shared_percent").max().alias("high"),
    )
    np.testing.assert_allclose(drawn["out-of-domain pairs, mean"], curve(by_level, "mean"))
    band, _ = figure.axes[0].collections
    points = {tuple(point) for point in band.get_paths()[0].vertices.round(9)}
    expected = curve(by_level, "low").tolist() + curve(by_level, "high").tolist()
    assert {tuple(np.round(point, 9)) for point in expected} == points
    np.testing.assert_allclose(
        drawn["chance, mean"], curve(pairs, "expected_percent", collections=solid[0])
    )


def test_figure2_leaves_the_outliers_out_on_the_right(overlaps):
    figure = figure2(overlaps, IN, ["delta"])
    solid = [[label for label in lines(axes) if "×" in label] for axes in figure.axes]
    assert solid == [
        ["alpha × beta", "alpha × delta", "alpha × gamma"],
        ["alpha × beta", "alpha × gamma"],
        ["alpha × beta", "alpha × gamma"],
        ["alpha × beta", "alpha × gamma"],
    ]
    assert figure.axes[1].get_title("left") == "(b) relevant neurons, without delta"


def test_a_pair_has_one_colour_in_all_panels(overlaps):
    figure = figure2(overlaps, IN, ["delta"])
    colours = {}
    for axes in figure.axes:
        for line in axes.lines:
            colours.setdefault(line.get_label(), set()).add(to_hex(line.get_color()))
    assert all(len(found) == 1 for found in colours.values())
    pairs = [found.copy().pop() for label, found in colours.items() if "×" in label]
    assert len(set(pairs)) == len(pairs) == 3


def test_figure2_says_what_is_missing(overlaps):
    relevant = overlaps.filter(label="relevant")
    two = relevant.filter(pl.col("collections") == ["alpha", "beta"])
    figure = figure2(two, IN, [])
    notes = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert notes == [
        ["fewer than two out-of-domain collections"],
        ["the study names no outliers"],
        ["no two collections with such pairs"],
        ["the study names no outliers"],
    ]
    assert set(lines(figure.axes[0])) == {"alpha × beta", "chance, mean"}


def test_figure2_says_that_no_outlier_has_a_label(overlaps):
    notes = [
        [text.get_text() for text in axes.texts] for axes in figure2(overlaps, IN, ["delta"]).axes
    ]
    assert notes == [[], [], [], ["as (c): no judged non-relevant pairs there"]]


def test_figure2_without_an_in_domain_collection_has_the_band_only(overlaps):
    figure = figure2(overlaps, [], [])
    drawn = {"out-of-domain pairs, mean", "chance, mean"}
    assert [set(lines(axes)) for axes in figure.axes] == [drawn, set(), drawn, set()]


def test_figure3_draws_every_intersection(overlaps):
    *panels, _ = figure3(overlaps).axes
    for axes, label in zip(panels, ("relevant", "non_relevant"), strict=True):
        drawn = lines(axes)
        for scope, of in (("out", "∩ out-of-domain"), ("all", "∩ all")):
            for suffix in ("", "_without_outliers"):
                expected = curve(overlaps, kind=f"intersection_{scope}{suffix}", label=label)
                assert len(expected) > 10
                np.testing.assert_allclose(drawn[of + suffix.replace("_", " ")], expected)
        fewest = curve(  # beta and gamma
            overlaps, "expected_percent", kind="intersection_out_without_outliers", label=label
        )
        np.testing.assert_allclose(drawn["chance, mean"], fewest)


def test_figure3_draws_what_both_labels_share(overlaps):
    axes = figure3(overlaps).axes[2]
    labels = overlaps.filter(kind="labels").with_columns(pl.col("collections").list.first())
    drawn = lines(axes)
    assert set(drawn) == {"(c) alpha", "(c) beta", "(c) gamma", "chance, mean"}
    for collection in ("alpha", "beta", "gamma"):
        expected = curve(labels, collections=collection)
        np.testing.assert_allclose(drawn[f"(c) {collection}"], expected)
    chance = curve(labels, "expected_percent", collections="alpha")
    np.testing.assert_allclose(drawn["chance, mean"], chance)


def test_chance_has_its_interval_as_a_band(overlaps):
    pairs = overlaps.filter(kind="pair", label="relevant").unique("top_percent")
    labels = overlaps.filter(kind="labels").unique("top_percent")
    for axes, rows in (
        (figure2(overlaps, IN, ["delta"]).axes[0], pairs),
        (figure3(overlaps).axes[2], labels),
    ):
        (band,) = [one for one in axes.collections if one.get_label() == "chance, 95 % interval"]
        points = {tuple(point) for point in band.get_paths()[0].vertices.round(9)}
        for column in ("expected_low", "expected_high"):
            bounds = curve(rows, column)
            assert {tuple(np.round(point, 9)) for point in bounds} <= points
            assert bounds[:, 1].any() == (column == "expected_high")  # 17 neurons at most


def test_figure3_says_what_is_missing(overlaps):
    kept = overlaps.filter(kind="intersection_all", label="relevant")
    texts = [axes.texts[0].get_text().splitlines() for axes in figure3(kept).axes]
    assert texts == [
        ["fewer than two", "out-of-domain collections", "no outliers left out"],
        ["no two collections", "with such pairs"],
        ["no collection with both labels"],
    ]
    assert not any(axes.texts for axes in figure3(overlaps).axes)
    figure3(overlaps.clear())  # nothing to draw is no fault


def test_the_axis_says_how_many_neurons_are_selected(overlaps):
    assert figure2(overlaps, IN, []).axes[2].get_xlabel() == "top % of all neurons (1 to 17)"
    assert figure3(overlaps).axes[1].get_xlabel() == "top % of all neurons (1 to 17)"


def test_figure4_counts_neurons_per_layer_and_component(schemes):
    figure = figure4(schemes, "N_alpha", 10.0, COMPONENTS)
    chosen = schemes.filter(scheme="N_alpha", top_percent=10.0)
    (axes,) = figure.axes
    below = np.zeros(3)
    for component, bars in zip(COMPONENTS, axes.containers, strict=True):
        of = chosen.filter(component=component)
        expected = [of.filter(layer=layer).height for layer in range(3)]
        assert [bar.get_height() for bar in bars] == expected
        assert [bar.get_y() for bar in bars] == below.tolist()
        below += expected
        assert f"{component} ({of.height})" in words(figure)
    assert below.sum() == chosen.height > 0
    assert axes.get_title("left") == f"N_alpha, top 10 % ({chosen.height} neurons)"


def test_figure4_says_that_a_scheme_is_empty(schemes):
    assert schemes.filter(scheme="F_and_all", top_percent=1.0).is_empty()
    figure = figure4(schemes, "F_and_all", 1.0, COMPONENTS)
    assert "the scheme is empty at this level" in words(figure)


@pytest.mark.parametrize(("scheme", "level"), [("N_delta", 1.0), ("N_alpha", 0.3)])
def test_figure4_refuses_an_unknown_scheme_or_level(schemes, scheme, level):
    with pytest.raises(UserError, match=r"figure 4: found (scheme N_delta|top_percent 0.3); allow"):
        figure4(schemes, scheme, level, COMPONENTS)


def test_figure4_leaves_no_component_out(schemes):
    with pytest.raises(ValueError, match="components: found"):
        figure4(schemes, "N_alpha", 10.0, COMPONENTS[:2])


# Ablations and quality


def test_effects_draws_each_collection_with_interval_and_control(effects):
    figure = effects_figure(effects, IN, "nDCG@10")
    assert len(figure.axes) == 6
    inside, outside = figure.axes[:2]  # at 1 %
    row = effects.row(
        by_predicate=(pl.col("scheme") == "N_alpha")
        & (pl.col("top_percent") == 1)
        & (pl.col("collection") == "alpha_test"),
        named=True,
    )
    y = [text.get_text() for text in inside.get_yticklabels()].index("N_alpha")
    points = [tuple(line.get_xydata()[0]) for line in inside.lines if line.get_marker() == "o"]
    assert (row["difference_percent"], y) in points
    segments = [part for drawn in inside.collections for part in drawn.get_segments()]
    interval = [[row["ci_low"], y], [row["ci_high"], y]]
    assert any(np.allclose(part, interval) for part in segments)
    control = effects.filter(
        scheme="random:N_alpha", top_percent=1.0, collection="alpha_test"
    ).row(0, named=True)  # fmt: skip
    bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in inside.patches]
    assert any(np.allclose(bar, (control["draw_low"], control["draw_high"])) for bar in bars)
    mean = effects.filter(
        pl.col("collection").is_in(["epsilon", "zeta"]), scheme="N_alpha", top_percent=1.0
    )["difference_percent"].mean()
    ticks = [part for drawn in outside.collections for part in drawn.get_segments()]
    assert any(np.allclose(part, [[mean, y - 0.42], [mean, y + 0.42]]) for part in ticks)


def test_effects_fills_the_markers_of_what_stays_significant(effects):
    marked = effects.with_columns(significant_holm=pl.col("scheme") == "F_all")
    panel = effects_figure(marked, IN, "nDCG@10").axes[0]
    order = [text.get_text() for text in panel.get_yticklabels()]
    faces = {
        order[round(line.get_ydata()[0])]: to_hex(line.get_markerfacecolor())
        for line in panel.lines
        if line.get_marker() == "o"
    }
    assert faces["F_all"] != "#ffffff"
    assert {face for scheme, face in faces.items() if scheme != "F_all"} == {"#ffffff"}


def test_effects_shows_empty_schemes_as_empty_sets_not_as_0(effects):
    panel = effects_figure(effects, IN, "nDCG@10").axes[0]
    order = [text.get_text() for text in panel.get_yticklabels()]
    empty = effects.filter(n_neurons=0, top_percent=1.0)["scheme"].unique().to_list()
    shown = [order[round(text.get_position()[1])] for text in panel.texts]
    assert sorted(shown) == sorted(empty) != []
    drawn = {order[round(line.get_ydata()[0])] for line in panel.lines if line.get_marker() == "o"}
    assert not drawn & set(empty)


def test_effects_without_in_domain_collections_or_controls(effects):
    few = effects.filter(~pl.col("scheme").str.starts_with("random:"), collection="epsilon")
    figure = effects_figure(few, [], "nDCG@10")
    assert "no such collection in the study" in words(figure)
    assert "range of random draws" not in words(figure)
    assert "mean of collections" not in words(figure)


def test_effects_of_further_kinds_are_not_drawn(effects):
    plain = effects.filter(~pl.col("scheme").str.contains("^(matched|mean|keep_only):"))
    assert len(plain) < len(effects)
    for one, other in zip(
        effects_figure(effects, IN, "nDCG@10").axes,
        effects_figure(plain, IN, "nDCG@10").axes,
        strict=True,
    ):
        points = [[tuple(line.get_xydata()[0]) for line in axes.lines] for axes in (one, other)]
        assert points[0] == points[1] != []


def test_controls_draws_means_and_ranges_of_every_kind(effects):
    figure = controls_figure(effects, IN, "nDCG@10", margin=3.0)
    assert len(figure.axes) == 6
    outside = figure.axes[1]  # at 1 %
    order = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    markers = {"": "o", "mean:": "s", "keep_only:": "D", "random:": "^", "matched:": "v"}
    segments = [part for one in outside.collections for part in one.get_segments()]
    for kind, marker in markers.items():
        points = [line.get_xydata()[0] for line in outside.lines if line.get_marker() == marker]
        drawn = {order[round(y)]: (x, y) for x, y in points}
        for scheme in ("N_alpha", "F_all"):
            rows = effects.filter(scheme=f"{kind}{scheme}", top_percent=1.0)
            changes = rows.filter(pl.col("collection") != "alpha_test")["difference_percent"]
            x, y = drawn[scheme]
            assert (len(changes), x) == (2, pytest.approx(changes.mean()))
            spread = [[changes.min(), y], [changes.max(), y]]
            assert any(np.allclose(part, spread) for part in segments)
    band = outside.patches[0]
    assert (band.get_x(), band.get_width()) == (-3, 6)
    shown = {order[round(text.get_position()[1])] for text in outside.texts}
    assert shown == set(effects.filter(n_neurons=0, top_percent=1.0)["scheme"])


def test_controls_without_further_kinds_or_in_domain_collections(effects):
    few = effects.filter(~pl.col("scheme").str.contains(":"), collection="epsilon")
    figure = controls_figure(few, [], "nDCG@10", "mean", schemes=["F_all"])
    assert "no such collection in the study" in words(figure)
    (legend,) = figure.legends
    texts = ["the scheme's neurons at their mean", "no effect: within ± 2 %"]
    assert [text.get_text() for text in legend.get_texts()] == texts
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()][-1] == "F_all"


def test_quality_draws_both_rankings_with_intervals(quality):
    (axes,) = quality_figure(quality).axes
    drawn = lines(axes)
    collections = quality["collection"].unique().sort().to_list()
    own_run = [name == synthetic_rankings.OWN_RUN for name in collections]
    for ranking, label in (("bm25", "BM25"), ("run", "own run"), ("reranker", "ranker")):
        values = dict(quality.filter(ranking=ranking).select("collection", "value").iter_rows())
        expected = [values.get(name, np.nan) for name in collections]
        np.testing.assert_array_equal(drawn[label][:, 0], expected)
        offset = 0.14 if ranking == "reranker" else -0.14
        np.testing.assert_allclose(drawn[label][:, 1], np.arange(3) + offset)
    assert np.isnan(drawn["BM25"][:, 0]).tolist() == own_run
    assert np.isnan(drawn["own run"][:, 0]).tolist() == [not own for own in own_run]
    segments = [part[:, 0].tolist() for one in axes.collections for part in one.get_segments()]
    assert sorted(segments) == sorted(map(list, quality.select("ci_low", "ci_high").rows()))
    assert axes.get_xlabel() == "nDCG@10, mean over queries (95 % interval)"


@pytest.mark.parametrize("first", ["bm25", "run"])
def test_quality_with_one_first_stage(quality, first):
    shown = quality.with_columns(pl.col("ranking").replace({"bm25": first, "run": first}))
    (axes,) = quality_figure(shown).axes
    assert set(lines(axes)) == {"own run" if first == "run" else "BM25", "ranker"}
    assert len({line.get_color() for line in axes.lines}) == 2


def test_quality_with_gaps(quality):
    known = quality.filter(~((pl.col("collection") == "epsilon") & (pl.col("ranking") == "bm25")))
    known = known.with_columns(ci_low=None, ci_high=None)
    (axes,) = quality_figure(known).axes
    assert np.isnan(lines(axes)["BM25"][:, 0]).tolist() == [False, True, True]


# Looks and files


@pytest.fixture(scope="module")
def figures(study, overlaps, schemes, effects, quality) -> dict[str, Figure]:
    drawn = [figure2(overlaps, IN, ["delta"]), figure3(overlaps)]
    drawn += [figure4(schemes, "N_alpha", 10.0, COMPONENTS)]
    drawn += [effects_figure(effects, IN, "nDCG@10"), controls_figure(effects, IN, "nDCG@10")]
    drawn += [quality_figure(quality)]
    drawn += [stability_figure(pl.read_parquet(study / "split_halves.parquet"), overlaps)]
    drawn += [figure1(pl.read_parquet(study / "path_example.parquet"))]
    drawn += [sanity_figure(*(pl.read_parquet(study / f"{name}.parquet") for name in SANITY))]
    drawn += figures_of_methods()
    drawn += [neuron_tokens_figure(kinds_of_tokens(study), schemes, "N_alpha", 10.0, COMPONENTS)]
    of_methods = synthetic_methods.single_neurons(synthetic_results.neuron_frame(), METHODS)
    randomisation = pl.read_parquet(study / "randomisation.parquet")
    drawn += [sanity_figure(randomisation, *of_methods, METHODS)]
    drawn += figures_of_tokens()
    return dict(zip(NAMES, drawn, strict=True))


def figures_of_tokens() -> list[Figure]:
    one, other = synthetic_tokens.METHODS[0], synthetic_tokens.LAYER
    of = synthetic_tokens.summaries()
    areas, overlaps = of["degradation_areas"], of["token_overlaps"]
    curves = of["degradation_curves"]
    return [
        token_degradation_figure(curves, areas, synthetic_tokens.METHODS, other),
        special_tokens_figure(of["special_tokens"], one),
        token_overlaps_figure(overlaps, of["token_overlap_correlations"]),
        token_positions_figure(of["token_positions"], other, synthetic_tokens.IMPORTANT),
        sentence_order_figure(of["sentence_order_summary"]),
        truncated_rankings_figure(of["truncated_rankings_summary"]),
    ]


def figures_of_methods() -> list[Figure]:
    families = [f"{family}_{name}" for family in "PND" for name in list(LONG)[:2]]
    frames = synthetic_methods.frames(METHODS, families, LONG)
    effects = frames["ablation_effects"]
    curves = frames["loss_curves"].filter(pl.col("scheme").str.starts_with("N_msmarco"))
    schemes = frames["methods"]["scheme"].unique(maintain_order=True).to_list()
    of = (METHODS, "nDCG@10")
    return [
        method_effects_figure(effects, frames["pooled_effects"], *of, schemes),
        loss_curves_figure(curves, frames["curve_areas"], *of),
        levels_figure(frames["level_changes"], effects, *of, schemes),
        transfer_figure(effects, list(LONG)[:2], *of, 1.0),
    ]


def shown_ticks(axis) -> list[Text]:
    """Labels of the ticks in view; Matplotlib keeps others, which it does not draw."""
    low, high = sorted(axis.get_view_interval())
    ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
    return [tick.label1 for tick in ticks if tick.label1.get_visible() and tick.label1.get_text()]


@pytest.mark.parametrize("name", NAMES)
def test_texts_are_readable_and_inside_the_figure(figures, name):
    figure = figures[name]
    figure.canvas.draw()
    parts = [part for one in figure.axes for part in (one, *one.child_axes)]
    axes = [axis for one in parts for axis in (one.xaxis, one.yaxis)]
    ticks = {label for axis in axes for label in axis.get_ticklabels(which="both")}
    texts = [text for text in figure.findobj(Text) if text not in ticks and text.get_text()]
    texts += [label for axis in axes for label in shown_ticks(axis)]
    assert len(texts) > 10
    for text in texts:
        assert text.get_fontsize() >= 7, text
        box = text.get_window_extent()
        assert min(box.x0, box.y0) >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1, text
        assert box.y1 <= figure.bbox.y1 + 1, text


def are_apart(label: Text, right: Text) -> bool:
    """Whether two labels of an x-axis are; slanted ones by the distance of their lines."""
    if slope := np.sin(np.radians(label.get_rotation())):
        ends = (label.get_window_extent().x1, right.get_window_extent().x1)
        return slope * (ends[1] - ends[0]) > label.figure.dpi / 72 * label.get_fontsize()
    return label.get_window_extent().x1 < right.get_window_extent().x0


@pytest.mark.parametrize("name", NAMES)
def test_tick_labels_do_not_overlap(figures, name):
    figures[name].canvas.draw()
    for axes in figures[name].axes:
        assert all(itertools.starmap(are_apart, itertools.pairwise(shown_ticks(axes.xaxis))))
        rows = [label.get_window_extent() for label in shown_ticks(axes.yaxis)]
        rows.sort(key=lambda box: box.y0)
        assert all(a.y1 < b.y0 for a, b in itertools.pairwise(rows))


@pytest.mark.parametrize("name", NAMES)
def test_legends_and_axes_do_not_overlap(figures, name):
    figure = figures[name]
    figure.canvas.draw()
    boxes = [axes.get_tightbbox() for axes in figure.axes]
    boxes += [legend.get_window_extent() for legend in figure.legends]
    for index, box in enumerate(boxes):
        for other in boxes[:index]:
            width = min(box.x1, other.x1) - max(box.x0, other.x0)
            height = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert width < 1 or height < 1


@pytest.mark.parametrize("name", NAMES)
def test_axes_are_labelled(figures, name):
    axes = figures[name].axes
    labels = {one.get_xlabel() for one in axes} | {one.get_ylabel() for one in axes}
    assert any(one in label for one in ("%", "layer", "α", "rank") for label in labels)


WRITTEN = tuple(name for name in NAMES if name not in ("sanity_of_methods", *OF_TOKENS))
AGAIN = ("figure2", "figure3", "effects", "loss_curves", "sanity")
"""Lines, areas, bars, points and maps: all figures are saved by one function."""
OF_METHODS = ("ablation_effects", "pooled_effects", "loss_curves", "curve_areas", "level_changes")


@pytest.fixture(scope="module")
def files(study) -> dict[str, Path]:
    """The made-up study's, with the ablations, curves and single neurons of two methods."""
    names = ("overlaps", "schemes", "ranking_quality", "split_halves", "randomisation")
    files = {name: study / f"{name}.parquet" for name in (*names, "path_example")}
    files["neuron_tokens"] = sorted(study.glob("neuron_tokens/*/*.parquet"))
    frames = {name: one for name, one in synthetic_methods.frames().items() if name in OF_METHODS}
    neurons = synthetic_results.neuron_frame()
    of_methods = synthetic_methods.single_neurons(neurons, synthetic_methods.METHODS)
    frames |= dict(zip(SANITY[1:], of_methods, strict=True))
    for name, frame in frames.items():
        files[name] = study / "methods" / f"{name}.parquet"
        synthetic_results.write(frame, files[name])
    return files


def draw(files: dict, folder: Path, names: tuple[str, ...], methods: list[str]) -> None:
    output = {name: [folder / f"{name}{suffix}" for suffix in (".svg", ".png")] for name in names}
    schemes = pl.read_parquet(files["ablation_effects"])["scheme"].unique(maintain_order=True)
    schemes = [name for name in schemes if ":" not in name]
    of = (IN, ["delta"], ABLATION | {"schemes": schemes}, "N_alpha", 10.0, COMPONENTS)
    draw_figures.main(files, output, *of, methods, ["alpha", "beta"])


def test_script_writes_every_figure_the_same_on_every_run(files, tmp_path):
    for run, names in (("first", WRITTEN), ("second", AGAIN)):
        draw(files, tmp_path / run, names, synthetic_methods.METHODS)
    for path in (tmp_path / "second").iterdir():
        assert path.read_bytes() == (tmp_path / "first" / path.name).read_bytes(), path.name
    assert len(list((tmp_path / "first").iterdir())) == 2 * len(WRITTEN)
    svg = (tmp_path / "first" / "figure2.svg").read_text(encoding="utf-8")
    assert not re.search(r"<dc:date>", svg)


def test_script_leaves_out_what_the_study_lacks(files, study, tmp_path):
    """One method, and neither curves nor levels nor a domain of several collections."""
    names = ("pooled_effects", "loss_curves", "curve_areas", "level_changes")
    lacking = {name: [] for name in names}
    older = {name: study / f"{name}.parquet" for name in (*SANITY, "ablation_effects")}
    names = ("method_effects", "transfer", "sanity", "effects")
    draw(files | older | lacking, tmp_path, names, synthetic_methods.METHODS[:1])
    assert {path.stem for path in tmp_path.iterdir()} == set(names)


def test_png_has_300_dots_an_inch(tmp_path):
    save_figure(new_figure(3.0, 2.0), [tmp_path / "f.png"])
    assert imread(tmp_path / "f.png").shape[:2] == (600, 900)


def test_unknown_format_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"found suffix '\.pdf'; allowed: \.svg, \.png"):
        save_figure(new_figure(3.0, 2.0), [tmp_path / "f.pdf"])
