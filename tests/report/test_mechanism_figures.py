"""Figures of the mechanism: they draw what the frames have, and say what is not there."""

from __future__ import annotations

import warnings

import numpy as np
import polars as pl
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Rectangle
from matplotlib.text import Text

from relevance_neurons.report.figures.dose_scores import DOSES, dose_scores_figure
from relevance_neurons.report.figures.head_overlaps import COMPONENTS, head_overlaps_figure
from relevance_neurons.report.figures.heat_maps import Places, Scale
from relevance_neurons.report.figures.idf_components import idf_components_figure
from relevance_neurons.report.figures.idf_edits import idf_edits_figure
from relevance_neurons.report.figures.patch_maps import (
    TOKEN_CLASSES,
    block_patches_figure,
    head_class_patches_figure,
    head_patches_figure,
)
from relevance_neurons.report.figures.path_patches import path_patches_figure
from relevance_neurons.report.figures.semantic_bm25 import semantic_bm25_figure
from relevance_neurons.report.figures.soft_tf import KINDS, saturation, soft_tf_figure
from relevance_neurons.report.names import VARIANTS
from toys import synthetic_mechanism as toy
from workflow_scripts.report import draw_mechanism_figures

BOTH, SHOWN = toy.COLLECTIONS, list(toy.LEVELS)
NAMES = ["head_patches", "block_patches", "head_class_patches", "path_patches", "soft_tf"]
NAMES += ["dose_scores", "idf_components", "idf_edits", "semantic_bm25", "head_overlaps"]
READ = ["patches", "path_patches", "heads", "soft_tf", "dose_scores", "idf_components"]
READ += ["idf_edits", "semantic_bm25", "head_overlaps"]
OF_CLASSES = [one for one in TOKEN_CLASSES if one != "all"]


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.DataFrame]:
    return toy.tables()


def figure_of(
    name: str, of: dict[str, pl.DataFrame], collections: list[str], shown: list[str] = SHOWN
) -> Figure:
    patches, heads = of["patches"], of["heads"]
    figures = {
        "head_patches": lambda: head_patches_figure(patches, heads, collections, shown),
        "block_patches": lambda: block_patches_figure(patches, collections, shown),
        "head_class_patches": lambda: head_class_patches_figure(patches, heads, collections, shown),
        "path_patches": lambda: path_patches_figure(of["path_patches"], heads, collections, shown),
        "soft_tf": lambda: soft_tf_figure(of["soft_tf"], collections, 0.9, 0.4),
        "dose_scores": lambda: dose_scores_figure(of["dose_scores"], collections),
        "idf_components": lambda: idf_components_figure(of["idf_components"], collections),
        "idf_edits": lambda: idf_edits_figure(of["idf_edits"], collections),
        "semantic_bm25": lambda: semantic_bm25_figure(of["semantic_bm25"], collections),
        "head_overlaps": lambda: head_overlaps_figure(of["head_overlaps"]),
    }
    return figures[name]()


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text().strip()]


def headings(figure: Figure) -> list[Text]:
    """Titles of panels and their axes."""
    of_panels = [
        (axes.title, axes._left_title, axes.xaxis.label, axes.yaxis.label)
        for axes in figure.axes
        if axes.axison
    ]
    return [text for of in of_panels for text in of if text.get_text().strip()]


def maps(figure: Figure) -> list[Axes]:
    """The panels in their order, without the colour bar."""
    return [axes for axes in figure.axes if axes.images]


def drawn(axes: Axes) -> np.ndarray:
    return axes.images[0].get_array().filled(np.nan)


def dots(axes: Axes) -> set[tuple[int, int]]:
    return {tuple(map(int, point)) for line in axes.lines for point in line.get_xydata()}


def table(rows: pl.DataFrame, x: list, y: list, names: tuple[str, str]) -> np.ndarray:
    """The effects by place, in plain loops."""
    found = np.full((len(y), len(x)), np.nan)
    for row in rows.iter_rows(named=True):
        found[y.index(row[names[1]]), x.index(row[names[0]])] = row["effect"]
    return found


LAYERS, HEADS = list(range(toy.N_LAYERS)), list(range(toy.N_HEADS))


# Maps


def test_heads_are_maps_of_output_and_pattern_a_row_a_perturbation(frames):
    rows = frames["patches"].filter(grid="head")
    panels = iter(maps(figure_of("head_patches", frames, BOTH)))
    for perturbation in SHOWN:
        for collection in BOTH:
            for site in ("output", "pattern"):
                axes = next(panels)
                own = rows.filter(collection=collection, perturbation=perturbation, site=site)
                expected = table(own, HEADS, LAYERS, ("head", "layer"))
                np.testing.assert_allclose(drawn(axes), expected)
                marked = own.filter(pl.col("p_value_holm") <= 0.05).select("head", "layer").rows()
                assert dots(axes) == set(marked) and marked
    assert next(panels, None) is None


def test_found_heads_are_outlined(frames):
    figure = figure_of("head_patches", frames, ["alpha"])
    for axes in maps(figure):
        frames_at = {(one.get_x() + 0.5, one.get_y() + 0.5) for one in axes.patches
                     if isinstance(one, Rectangle)}  # fmt: skip
        rings_at = {one.center for one in axes.patches if isinstance(one, Ellipse)}
        assert frames_at == {(head, layer) for layer, head in toy.MATCHING}
        assert rings_at == {(head, layer) for layer, head in toy.RELEVANCE}


@pytest.mark.parametrize("name", NAMES[:4])
def test_a_figure_has_one_scale_around_0(frames, name):
    figure = figure_of(name, frames, BOTH)
    # Paths have two: what goes to the inputs of heads is far smaller.
    parts = figure.subfigs or [figure]
    for part in parts:
        own = [axes for axes in part.get_axes() if axes.images and axes in maps(figure)]
        (ends,) = {axes.images[0].get_clim() for axes in own}
        assert ends[0] == -ends[1]
        shown = np.concatenate([drawn(axes).ravel() for axes in own])
        assert ends[1] == pytest.approx(min(1, np.nanmax(np.abs(shown))))
    assert len(parts) == (2 if name == "path_patches" else 1)


def test_a_scale_says_what_lies_beyond_the_whole_change():
    assert Scale.of(pl.Series([0.2, -0.4, None])) == Scale(0.4, "neither")
    assert Scale.of(pl.Series([0.2, -7.0])) == Scale(1.0, "min")
    assert Scale.of(pl.Series([3.0, -7.0])) == Scale(1.0, "both")
    assert Scale.of(pl.Series([None, 0.0], dtype=pl.Float64)).limit > 0


def test_blocks_are_maps_by_class_of_tokens(frames):
    rows = frames["patches"].filter(grid="block")
    figure = figure_of("block_patches", frames, ["beta"])
    panels = iter(maps(figure))
    for perturbation in SHOWN:
        for site in toy.BLOCK_SITES:
            own = rows.filter(collection="beta", perturbation=perturbation, site=site)
            expected = table(own, OF_CLASSES, LAYERS, ("token_class", "layer"))
            np.testing.assert_allclose(drawn(next(panels)), expected)
    last = maps(figure)[-1]
    assert [one.get_text() for one in last.get_xticklabels()] == [
        TOKEN_CLASSES[one] for one in OF_CLASSES
    ]
    assert maps(figure)[-3].get_title("left") == "\nresidual stream"
    assert words(figure).count("beta: 16 of 20 pairs\n") == len(toy.BLOCK_SITES[:1])  # LNC2


def test_found_heads_are_maps_by_class_of_tokens(frames):
    found = sorted({**toy.MATCHING, **toy.RELEVANCE})
    figure = figure_of("head_class_patches", frames, ["alpha"])
    rows = (
        frames["patches"].filter(grid="head_class").with_columns(at=pl.concat_list("layer", "head"))
    )
    panels = iter(maps(figure))
    for perturbation in SHOWN:
        for site in ("output", "pattern"):
            own = rows.filter(collection="alpha", perturbation=perturbation, site=site)
            own = own.filter(pl.concat_str("layer", "head").is_in([f"{a}{h}" for a, h in found]))
            expected = table(own, OF_CLASSES, [list(one) for one in found], ("token_class", "at"))
            np.testing.assert_allclose(drawn(next(panels)), expected)
    labels = [one.get_text() for one in figure.axes[0].get_yticklabels()]
    assert labels == ["1.2 m", "2.1 m", "4.0 mr", "5.1 r"]


def test_paths_go_to_the_last_stream_and_to_relevance_heads(frames):
    rows = frames["path_patches"]
    figure = figure_of("path_patches", frames, BOTH)
    panels = iter(maps(figure))
    for collection in BOTH:
        for perturbation in SHOWN:
            own = rows.filter(collection=collection, perturbation=perturbation)
            expected = table(
                own.filter(receiver="residual"), HEADS, LAYERS, ("sender_head", "sender_layer")
            )
            np.testing.assert_allclose(drawn(next(panels)), expected)
    for layer, head in toy.RELEVANCE:
        for collection in BOTH:
            for receiver in ("query", "key", "value"):
                own = rows.filter(
                    collection=collection, perturbation="TFC1", receiver=receiver,
                    receiver_layer=layer, receiver_head=head,
                )  # fmt: skip
                expected = table(own, HEADS, LAYERS, ("sender_head", "sender_layer"))
                shown = drawn(next(panels))
                np.testing.assert_allclose(shown, expected)
                assert np.isnan(shown[layer:]).all()  # later heads send nothing there
    assert "to the inputs of relevance heads, TFC1" in words(figure)
    none = {**frames, "path_patches": rows.filter(receiver="residual")}
    said = words(figure_of("path_patches", none, BOTH))
    assert "no path to a relevance head was patched" in said


def test_what_was_not_measured_or_changes_too_little_is_said(frames):
    patches = frames["patches"].filter(pl.col("perturbation") != "STMC1")
    small = pl.col("perturbation") == "LNC2"
    nulls = {one: pl.when(~small).then(one) for one in ("effect", "p_value_holm")}
    patches = patches.with_columns(
        **nulls, n_pairs=pl.when(small).then(0).otherwise("n_pairs"),
        n_small=pl.when(small).then(20).otherwise("n_small"),
    )  # fmt: skip
    figure = figure_of("head_patches", {**frames, "patches": patches}, ["alpha", "gamma"])
    said = words(figure)
    assert said.count("not measured") == 2 * 4 + 2 + 1  # gamma, STMC1 of alpha, and the legend
    assert said.count("20 pairs, all\nchange too little") == 2


def test_ticks_are_as_many_as_fit():
    places = Places.numbered("head", 12, "head")
    assert places.ticks(3)[0] == list(range(12))
    assert places.ticks(0.5) == ([0, 3, 6, 9], ["0", "3", "6", "9"])
    assert len(places.ticks(1.5, upright=False)[0]) == 6


# Lines


def test_curves_are_bm25s_with_the_fitted_k1(frames):
    figure = figure_of("soft_tf", frames, ["alpha"])
    total, exact, soft = figure.axes[:3]
    assert total.get_title("left") == f"attention {KINDS['total']}"
    fitted = frames["soft_tf"].filter(collection="alpha", kind="exact").drop_nulls("k1")
    assert len(exact.lines) == len(fitted) + 1 == len(toy.MATCHING) + 1
    tf, shown = exact.lines[0].get_data()
    k1 = fitted["k1"][0]
    np.testing.assert_allclose(shown, [one * (k1 + 1) / (one + k1) for one in tf])
    assert np.interp(1, tf, shown) == pytest.approx(1)
    assert len(soft.lines) == 1 and "no curve could be fitted" in words(figure)
    said = words(figure_of("soft_tf", frames, ["alpha", "gamma"]))
    assert "gamma: nothing was fitted" in said
    assert saturation(np.array([0.0, 1, 5]), 0.0).tolist() == [0, 1, 1]
    (of_k1, of_b) = (one for one in figure.axes if one.get_xlabel().startswith("matching head"))
    for axes, column in ((of_k1, "k1"), (of_b, "b")):
        marks = {line.get_label(): line.get_ydata() for line in axes.lines}
        np.testing.assert_allclose(marks[KINDS["exact"]], fitted[column])
        parts = [part for one in axes.collections for part in one.get_segments() if len(part)]
        segments = [tuple(part[:, 1]) for part in parts]
        assert set(fitted.select(f"{column}_low", f"{column}_high").rows()) <= set(segments)


def test_a_k1_beyond_the_axis_is_hollow_at_its_end(frames):
    k1 = pl.when(pl.col("layer") == 1).then(0.0).when(pl.col("layer") == 2).then(100.0)
    bounds = {f"k1_{end}": k1.otherwise(f"k1_{end}") for end in ("low", "high")}
    far = frames["soft_tf"].with_columns(k1=k1.otherwise("k1"), **bounds)
    figure = soft_tf_figure(far.filter(kind="exact"), ["alpha"], 0.9, 0.4)
    (axes,) = [one for one in figure.axes if one.get_ylabel() == "k1 (saturation)"]
    (hollow,) = [one for one in axes.lines if one.get_label() == "k1 beyond the axis"]
    assert hollow.get_ydata().tolist() == [0.03, 30]
    assert hollow.get_markerfacecolor() == "white"
    low, high = axes.get_ylim()
    assert low < 0.03 and high > 30
    (inside,) = [one for one in axes.lines if one.get_label() == KINDS["exact"]]
    assert inside.get_ydata().tolist() == [1.1]


def test_the_logit_is_drawn_against_each_dose(frames):
    figure = figure_of("dose_scores", frames, BOTH)
    for axes, perturbation in zip(figure.axes, DOSES, strict=True):
        for collection in BOTH:
            own = frames["dose_scores"].filter(collection=collection, perturbation=perturbation)
            (line,) = [one for one in axes.lines if one.get_label() == f"{collection}: 20 pairs"]
            np.testing.assert_allclose(line.get_ydata(), own.sort("level")["logit_change"])
            np.testing.assert_allclose(np.round(line.get_xdata()), own.sort("level")["level"])
    lost = frames["dose_scores"].filter(~((pl.col("collection") == "beta") &
                                          (pl.col("perturbation") == "LNC2")))  # fmt: skip
    assert "no pairs: beta" in words(dose_scores_figure(lost, BOTH))


def test_doses_say_where_means_are_over_fewer_pairs(frames):
    """Not every passage has sentences for every level."""
    highest = pl.col("level") == pl.col("level").max().over("perturbation", "collection")
    doses = frames["dose_scores"].with_columns(n_pairs=pl.when(highest).then(1).otherwise(9))
    legend = dose_scores_figure(doses, BOTH).axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == [
        f"{collection}: 1 to 9 pairs" for collection in BOTH
    ]
    single = dose_scores_figure(doses.with_columns(n_pairs=1), BOTH).axes[0].get_legend()
    assert single.get_texts()[0].get_text() == f"{BOTH[0]}: 1 pair"


def test_components_are_bars_with_the_level_of_the_null(frames):
    figure = figure_of("idf_components", frames, BOTH)
    for axes, collection in zip(figure.axes, BOTH, strict=True):
        own = frames["idf_components"].filter(collection=collection)
        size = own["correlation"].abs()
        bars = [part for one in axes.collections for part in one.get_segments()]
        np.testing.assert_allclose([bar[1, 1] for bar in bars], size)
        (found,) = [line for line in axes.lines if line.get_marker() == "o"]
        assert found.get_xydata().tolist() == [[3, size.max()]]
        (band,) = axes.patches
        assert band.get_y() == size.filter(own["p_value"] > 0.05).max()
        assert band.get_y() + band.get_height() == pytest.approx(size.max())
    weak = frames["idf_components"].with_columns(is_found=pl.lit(False), p_value=pl.lit(0.4))
    assert "none stands out at p ≤ 0.05" in words(idf_components_figure(weak, BOTH))


def test_edits_are_lines_over_random_directions(frames):
    edits = frames["idf_edits"]
    (axes,) = figure_of("idf_edits", frames, ["beta"]).axes
    lines = {line.get_label(): line.get_xydata() for line in axes.lines}
    kinds = {"component": "the component of IDF", "scaled_row": "the whole row scaled"}
    for kind, label in (kinds | {"random": "random directions"}).items():
        own = edits.filter(collection="beta", kind=kind).drop_nulls("dose").sort("dose")
        np.testing.assert_allclose(lines[label], own.select("dose", "change").to_numpy())
    assert axes.get_title("left") == "beta: slope 0.120 a deviation, p = 0.050"
    low, high = pl.col("change") - 0.3, pl.col("change") + 0.4
    single = edits.with_columns(lowest_direction=low, highest_direction=high)
    bare = edits.drop("lowest_direction", "highest_direction")
    for frame, below in ((bare, 0.02), (single, 0.3)):
        band = idf_edits_figure(frame, ["beta"]).axes[0].collections[0].get_paths()[0]
        assert band.vertices[:, 1].min() == pytest.approx(-0.04 - below)


def test_variants_are_dots_beside_the_papers(frames):
    results = frames["semantic_bm25"]
    figure = figure_of("semantic_bm25", frames, BOTH)
    grid = np.array(figure.axes).reshape(2, 3)
    for panels, collection in zip(grid, BOTH, strict=True):
        for axes, name in zip(panels, ("pearson", "spearman", "value"), strict=True):
            own = results.filter(collection=collection)
            for marker, form in (("o", "pointwise"), ("s", "pairwise")):
                of_form = own.filter(form=form)
                places = [list(VARIANTS).index(one) for one in of_form["variant"]]
                found = [one.get_xydata()[0] for one in axes.lines if one.get_marker() == marker]
                np.testing.assert_allclose([one[0] for one in found], of_form[name])
                assert [round(one[1]) for one in found] == places
            papers = [one.get_xdata()[0] for one in axes.lines if one.get_marker() == "|"]
            assert papers == ([0.8157, 0.42] if name == "pearson" else [])
    assert grid[0, 0].get_yticklabels()[0].get_text() == VARIANTS["legacy"]
    assert grid[1, 2].get_xlabel() == "nDCG@10"


def test_overlaps_are_multiples_of_chance(frames):
    rows = frames["head_overlaps"].filter(top_percent=1.0)
    figure = figure_of("head_overlaps", frames, BOTH)
    grid = np.array(figure.axes).reshape(2, len(COMPONENTS))
    for panels, kind in zip(grid, ("matching", "relevance"), strict=True):
        for axes, component in zip(panels, COMPONENTS, strict=True):
            own = rows.filter(kind=kind, component=component)
            marks = [one for one in axes.lines if one.get_marker() == "o"]
            found = [one.get_xdata()[0] for one in marks]
            np.testing.assert_allclose(found, own["shared"] / own["expected"])
            is_full = [one.get_markerfacecolor() != "white" for one in marks]
            assert is_full == (own["p_value"] <= 0.05).to_list()
            ends = [(one.get_x(), one.get_x() + one.get_width()) for one in axes.patches]
            bounds = own.select(pl.col("expected_low", "expected_high") / pl.col("expected"))
            np.testing.assert_allclose(ends, bounds.to_numpy())
    assert "top 1 %" in figure._suptitle.get_text()


def test_overlaps_without_such_heads_or_neurons_say_so(frames):
    none = frames["head_overlaps"].with_columns(
        n_heads_neurons=pl.when(pl.col("kind") == "matching").then("n_heads_neurons").otherwise(0),
        expected=pl.when(pl.col("scheme") != "F_all").then("expected").otherwise(0.0),
    )
    said = words(head_overlaps_figure(none))
    assert said.count("no such head\nwas found") == len(COMPONENTS)
    assert said.count(" none selected") == len(COMPONENTS)


# Whatever the study


@pytest.mark.parametrize("collections", [["alpha"], BOTH, [*BOTH, "gamma"]], ids=len)
@pytest.mark.parametrize("name", NAMES)
def test_every_figure_is_drawn_whole(frames, name, collections):
    figure = figure_of(name, frames, collections, SHOWN[:2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.canvas.draw()
    assert figure.get_figwidth() <= 6.8
    for text in [*headings(figure), *(one for of in figure.legends for one in of.get_texts())]:
        box = text.get_window_extent()
        assert min(box.x0, box.y0) >= -1 and box.x1 <= figure.bbox.x1 + 1, text


@pytest.mark.parametrize("name", NAMES)
def test_every_figure_without_rows_says_so(frames, name):
    empty = {one: frame.clear() for one, frame in frames.items()}
    figure = figure_of(name, empty, BOTH)
    figure.canvas.draw()
    reasons = ("no ", "not measured")
    assert any(text.startswith(reasons) for text in words(figure))


def test_the_script_draws_every_figure(tmp_path):
    files = toy.write_mechanism(tmp_path / "given")
    given = {name: files[name] for name in READ}
    wanted = {one: [str(tmp_path / f"{one}.svg")] for one in NAMES}
    settings = {"collections": ["alpha"], "perturbations": ["TFC1"], "significance": 0.05}
    settings["bm25"] = {"k1": 0.9, "b": 0.4}
    draw_mechanism_figures.main(given, wanted, settings)
    assert len(list(tmp_path.glob("*.svg"))) == len(NAMES)
