"""Figures of methods side by side: what they draw is what the frames have."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.text import Text

from relevance_neurons.report.figures.levels import levels_figure
from relevance_neurons.report.figures.loss_curves import loss_curves_figure
from relevance_neurons.report.figures.method_effects import method_effects_figure
from relevance_neurons.report.figures.overlaps import figure2, figure3
from relevance_neurons.report.figures.sanity import sanity_figure
from relevance_neurons.report.figures.stability import stability_figure
from relevance_neurons.report.figures.style import DARK_GREY, spread_out
from relevance_neurons.report.figures.transfer import transfer_figure
from relevance_neurons.report.tables.formats import number
from toys import synthetic_methods, synthetic_results, synthetic_sanity

METHODS = [*synthetic_methods.METHODS, "lambda"]
FAMILIES = [*synthetic_methods.FAMILIES, "D_alpha"]
NIG, GRADIENT, LAMBDA = METHODS
LABELS = ["NIG", "gradient × activation", "lambda"]


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.DataFrame]:
    return synthetic_methods.frames(METHODS, FAMILIES)


@pytest.fixture(scope="module")
def schemes(frames) -> list[str]:
    return frames["methods"]["scheme"].unique(maintain_order=True).to_list()


def words(part) -> list[str]:
    return [text.get_text() for text in part.findobj(Text) if text.get_text().strip()]


def lines(axes: Axes) -> dict[str, np.ndarray]:
    return {line.get_label(): line.get_xydata() for line in axes.lines}


def points(axes: Axes) -> set[tuple[float, float]]:
    return {
        tuple(np.round(point, 6))
        for line in axes.lines
        if line.get_marker() != "None"
        for point in line.get_xydata()
    }


# Loss curves


def curve_of(frames, scheme: str, ablated: str, collection: str = "all") -> np.ndarray:
    rows = frames["loss_curves"].filter(scheme=scheme, ablated=ablated, collection=collection)
    return rows.sort("n_neurons").select("n_neurons", "difference_percent").to_numpy()


def panels(frames, family: str, methods: list[str] = METHODS) -> list[Axes]:
    base = pl.col("scheme").str.split("@").list.first()
    curves = frames["loss_curves"].filter(base == family)
    return loss_curves_figure(curves, frames["curve_areas"], methods, "nDCG@10").axes


def test_loss_curves_draw_a_line_a_method_in_three_panels(frames):
    axes = panels(frames, "N_alpha")
    assert len(axes) == 3 + 3
    for one, ablated in zip(axes, ("top", "bottom", "keep_only"), strict=False):
        drawn = lines(one)
        for method, label in zip(METHODS, LABELS, strict=True):
            scheme = "N_alpha" if method == NIG else f"N_alpha@{method}"
            np.testing.assert_allclose(drawn[label], curve_of(frames, scheme, ablated))
        assert one.get_xscale() == "log"
    for one, name in zip(axes[3:], synthetic_methods.DOMAINS, strict=True):
        assert one.get_title("left") == name
        np.testing.assert_allclose(lines(one)["NIG"], curve_of(frames, "N_alpha", "top", name))


def vertices(band) -> set[tuple[float, float]]:
    return {tuple(point) for point in band.get_paths()[0].vertices.round(6)}


def test_loss_curves_have_intervals_and_the_range_of_all_methods_draws(frames):
    first, second, third = panels(frames, "N_alpha")[:3]
    bands = {band.get_label(): vertices(band) for band in first.collections}
    base = pl.col("scheme").str.split("@").list.first() == "N_alpha"
    of_all = frames["loss_curves"].filter(base, collection="all")
    for control in ("random", "matched"):
        low = of_all.filter(ablated=control).group_by("n_neurons").agg(pl.min("draw_low"))
        high = of_all.filter(ablated=control).group_by("n_neurons").agg(pl.max("draw_high"))
        expected = {*map(tuple, low.to_numpy().round(6)), *map(tuple, high.to_numpy().round(6))}
        assert bands[f"{control} draws"] == expected
    intervals = [vertices(band) for band in first.collections if "draws" not in band.get_label()]
    own = of_all.filter(scheme="N_alpha@lambda", ablated="top")
    expected = {
        *map(tuple, own.select("n_neurons", "ci_low").to_numpy().round(6)),
        *map(tuple, own.select("n_neurons", "ci_high").to_numpy().round(6)),
    }
    assert expected in intervals and len(intervals) == 3
    assert ["draws" in band.get_label() for band in second.collections].count(True) == 1
    assert not any("draws" in band.get_label() for band in third.collections)


def test_loss_curves_name_lines_by_method_and_area(frames):
    first, second, _ = panels(frames, "N_alpha")[:3]
    areas = frames["curve_areas"].filter(collection="all")
    said = [text.get_text() for text in first.texts]
    for method, label, mark in zip(METHODS, LABELS, ["", "†", "†"], strict=True):
        scheme = "N_alpha" if method == NIG else f"N_alpha@{method}"
        row = areas.filter(scheme=scheme, ablated="top").row(0, named=True)
        area, low, high = (number(row[name], 1) for name in ("area", "ci_low", "ci_high"))
        assert f"{label}\narea {area}{mark} [{low}, {high}]" in said
        row = areas.filter(scheme=scheme, ablated="bottom").row(0, named=True)
        assert f"area {number(row['area'], 1)}" in [text.get_text() for text in second.texts]
    unsure = frames["curve_areas"].with_columns(p_value_holm=pl.lit(0.2))
    assert not any("†" in one for one in words(loss_curves_figure(
        frames["loss_curves"], unsure, METHODS, "nDCG@10")))  # fmt: skip


def test_loss_curves_have_percent_on_top(frames):
    first = panels(frames, "N_alpha")[0]
    (top,) = first.child_axes
    first.figure.canvas.draw()
    low, high = first.get_xlim()
    every = synthetic_methods.N_NEURONS
    assert top.get_xlim() == pytest.approx((100 * low / every, 100 * high / every), rel=1e-3)


def test_loss_curves_of_several_families_and_of_one_method(frames):
    figure = loss_curves_figure(frames["loss_curves"], frames["curve_areas"], METHODS, "nDCG@10")
    assert len(figure.axes) == len(FAMILIES) * 6
    assert [family for family in words(figure) if family in FAMILIES] == FAMILIES
    (only,) = [axes for axes in panels(frames, "D_alpha") if "(a)" in axes.get_title("left")]
    assert {label for label in lines(only) if label in LABELS} == {"lambda"}
    one = frames["loss_curves"].filter(pl.col("collection").is_in(["all", "beta"]), method=NIG)
    one = one.filter(pl.col("scheme") == "N_beta", pl.col("ablated").is_in(["top", "random"]))
    figure = loss_curves_figure(one, frames["curve_areas"], [NIG], "nDCG@10")
    assert [axes.get_title("left") for axes in figure.axes] == [
        "(a) most important first"
    ]  # one measured
    assert "matched draws, lowest to highest" not in words(figure)
    alone = one.filter(collection="beta"), frames["curve_areas"].filter(collection="beta")
    (axes,) = loss_curves_figure(*alone, [NIG], "nDCG@10").axes  # of one there is no mean
    drawn = lines(axes)["NIG"]
    np.testing.assert_allclose(drawn, curve_of(frames, "N_beta", "top", "beta"))


@pytest.mark.parametrize(
    ("places", "expected"),
    [
        ([0.0, 5.0], [0.0, 5.0]),
        ([5.0, 5.0], [4.5, 5.5]),
        ([5.2, 5.0], [5.6, 4.6]),
        ([9.9, 9.8, 9.7], [10.0, 9.0, 8.0]),
        ([0.0, 0.0], [0.0, 1.0]),
        ([3.0] * 13, list(np.linspace(0, 10, 13))),
        ([], []),
    ],
)
def test_labels_are_spread_out_as_little_as_it_takes(places, expected):
    assert spread_out(places, 1, 0, 10) == pytest.approx(expected)


# Methods side by side


def test_method_effects_draw_collections_and_their_pooled_effect(frames, schemes):
    effects, pooled = frames["ablation_effects"], frames["pooled_effects"]
    figure = method_effects_figure(effects, pooled, METHODS, "nDCG@10", schemes)
    assert [axes.get_title("left") for axes in figure.axes] == ["top 0.1 %", "top 1 %"]
    axes = figure.axes[1]
    heights = axes.get_yticks()
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == [*LABELS * 3, "lambda"]
    order = [name if one == NIG else f"{name}@{one}" for name in FAMILIES[:3] for one in METHODS]
    segments = [part for drawn in axes.collections for part in drawn.get_segments()]
    for y, scheme in zip(heights, [*order, "D_alpha@lambda"], strict=True):
        rows = effects.filter(scheme=scheme, top_percent=1.0)
        for change in rows["difference_percent"]:
            assert (round(change, 6), round(y - 0.17, 6)) in points(axes)
        row = pooled.filter(scheme=scheme, top_percent=1.0, domain="out").row(0, named=True)
        assert (round(row["difference_percent"], 6), round(y + 0.2, 6)) in points(axes)
        interval = [[row["ci_low"], y + 0.2], [row["ci_high"], y + 0.2]]
        assert any(np.allclose(part, interval) for part in segments)
        draws = effects.filter(scheme=f"random:{scheme}", top_percent=1.0)
        bars = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in axes.patches]
        span = (draws["draw_low"].min(), draws["draw_high"].max())
        assert any(np.allclose(bar, span) for bar in bars)


def test_method_effects_fill_what_stays_significant(frames, schemes):
    marked = [
        frames[name].with_columns(significant_holm=pl.col("scheme") == "N_beta@lambda")
        for name in ("ablation_effects", "pooled_effects")
    ]
    axes = method_effects_figure(*marked, METHODS, "nDCG@10", schemes).axes[0]
    markers = [line for line in axes.lines if line.get_marker() != "None"]
    filled = [line for line in markers if to_hex(line.get_markerfacecolor()) != "#ffffff"]
    assert len(filled) == 3 + 1 and len(markers) == 10 * 4
    (y,) = {round(line.get_ydata()[0] - 0.2, 6) for line in filled if line.get_marker() == "d"}
    assert y == pytest.approx(axes.get_yticks()[8])  # the last of N_beta


def test_method_effects_without_pooled_effects_and_with_empty_schemes(frames, schemes):
    empty = pl.col("scheme").str.contains("P_alpha@lambda")
    effects = frames["ablation_effects"].with_columns(
        n_neurons=pl.when(empty).then(0).otherwise("n_neurons"),
        difference_percent=pl.when(~empty).then("difference_percent"),
    )
    figure = method_effects_figure(effects, None, METHODS, "nDCG@10", schemes)
    assert not any("all out-of-domain queries" in one for one in words(figure))
    assert words(figure).count(" ∅") == 2
    one = method_effects_figure(
        effects.filter(top_percent=1.0, collection="alpha"), None, [NIG], "m", FAMILIES[:2]
    )
    assert len(one.axes) == 1


# Levels


def test_levels_draw_means_over_collections_and_controls_in_grey(frames, schemes):
    changes, effects = frames["level_changes"], frames["ablation_effects"]
    left, right = levels_figure(changes, effects, METHODS, "nDCG@10", schemes).axes
    for scheme in ("N_alpha@lambda", "random:P_alpha", "bottom:D_alpha@lambda"):
        for level in synthetic_methods.LEVELS:
            of = {"scheme": scheme, "top_percent": level}
            rows = changes.filter(**of)
            x = rows.select("shift_relevant", "shift_non_relevant").to_numpy().mean()
            y = effects.filter(**of)["difference_percent"].mean()
            gap = 100 + rows["gap_percent"].mean()
            assert (round(x, 6), round(y, 6)) in points(left), scheme
            assert (round(x, 6), round(gap, 6)) in points(right), scheme
    drawn = [line for line in left.lines if line.get_marker() not in ("None", ".", "x")]
    assert len(drawn) == len(schemes) * len(synthetic_methods.LEVELS)
    assert len({to_hex(line.get_color()) for line in drawn}) == len(METHODS)
    assert len({line.get_marker() for line in drawn}) == len(FAMILIES)


def test_levels_without_controls(frames, schemes):
    plain = ~pl.col("scheme").str.contains(":")
    figure = levels_figure(
        frames["level_changes"].filter(plain), frames["ablation_effects"], METHODS, "m", schemes
    )
    assert "random sets" not in words(figure) and "least important" not in words(figure)


def test_levels_draw_heads_in_the_colour_of_no_method(frames, schemes):
    given = frames["level_changes"], frames["ablation_effects"], METHODS, "m", schemes
    heads = [schemes[0]]
    before, after = (
        [to_hex(line.get_color()) for line in levels_figure(*given, some).axes[0].lines]
        for some in ((), heads)
    )
    changed = [new for old, new in zip(before, after, strict=True) if new != old]
    of_one_scheme = 1 + len(synthetic_methods.LEVELS)  # its line, and a marker a level
    assert changed == [DARK_GREY] * of_one_scheme and DARK_GREY not in before


# Transfer


def test_transfer_has_a_matrix_a_method_and_family_on_one_scale(frames):
    effects = frames["ablation_effects"]
    names = list(synthetic_methods.DOMAINS)
    figure = transfer_figure(effects, names[:2], METHODS, "nDCG@10", 1.0)
    matrices = {axes.get_title("left"): axes for axes in figure.axes if axes.images}
    assert list(matrices) == [*(f"{x}, {label}" for x in "PN" for label in LABELS), "D, lambda"]
    axes = matrices["D, lambda"]  # the lowest one on the left
    assert [text.get_text() for text in axes.get_yticklabels()] == names[:2]
    assert [text.get_text() for text in axes.get_xticklabels()] == names
    axes = matrices["N, gradient × activation"]
    values = axes.images[0].get_array()
    said = {text.get_position(): text.get_text() for text in axes.texts}
    for y, found_on in enumerate(names[:2]):
        for x, name in enumerate(names):
            row = effects.filter(
                scheme=f"N_{found_on}@gradient_x_activation", top_percent=1.0, collection=name
            ).row(0, named=True)
            assert values[y, x] == pytest.approx(row["difference_percent"])
            mark = "†" if row["significant_holm"] else ""
            assert said[x, y] == number(row["difference_percent"], 0) + mark
    scales = {(axes.images[0].norm.vmin, axes.images[0].norm.vmax) for axes in matrices.values()}
    ((low, high),) = scales
    changes = [axes.images[0].get_array().compressed() for axes in matrices.values()]
    largest = np.abs(np.concatenate(changes)).max()
    assert low == -high and largest <= high < largest + 10
    assert len(axes.patches) == 2  # a collection's own neurons


def test_transfer_tells_what_was_not_ablated_from_no_change(frames):
    effects = frames["ablation_effects"]
    axes = transfer_figure(effects, ["alpha", "beta"], METHODS, "m", 1.0).axes[0]
    assert axes.images[0].get_array().mask.tolist() == [[False] * 3, [True] * 3]
    assert [text.get_text() for text in axes.texts][3:] == ["–"] * 3
    empty = effects.with_columns(n_neurons=pl.lit(0, pl.Int32))
    axes = transfer_figure(empty, ["alpha"], METHODS, "m", 1.0).axes[0]
    assert {text.get_text() for text in axes.texts} == {"∅"}
    figure = transfer_figure(effects, ["other"], METHODS, "m", 1.0)
    assert "no scheme of a single collection was ablated" in words(figure)


# Older figures


def test_sanity_has_a_column_a_method_and_a_row_a_sample():
    changes, correlations = synthetic_methods.single_neurons(
        synthetic_results.neuron_frame(), METHODS
    )
    steps = synthetic_sanity.randomisation(np.random.default_rng(0))
    figure = sanity_figure(steps, changes, correlations, METHODS)
    assert len(figure.axes) == 1 + 3 * 2
    parts = [(method, sample) for method in METHODS for sample in ("random", "strong")]
    for axes, (method, sample) in zip(figure.axes[1:], parts, strict=True):
        of = {"method": method, "sample": sample}
        drawn = np.concatenate([line.get_xydata() for line in axes.lines[2:]])
        own = changes.filter(**of)
        np.testing.assert_allclose(drawn, own.select("score", "change_zero"))
        found = correlations.filter(**of, component="all")["spearman_zero"]
        title = f"{sample}: ρ {', '.join(number(one, 2) for one in found)}"
        assert axes.get_title("left").endswith(title)
    assert figure.axes[3].get_title("left").startswith("gradient × activation\n")


def test_sanity_of_one_method_has_its_random_neurons():
    changes, correlations = synthetic_methods.single_neurons(
        synthetic_results.neuron_frame(), METHODS
    )
    steps = synthetic_sanity.randomisation(np.random.default_rng(0))
    figure = sanity_figure(steps, changes, correlations, [GRADIENT])
    own = changes.filter(method=GRADIENT, sample="random", component="query")
    drawn = np.concatenate([line.get_xydata() for line in figure.axes[1].lines[2:]])
    np.testing.assert_allclose(drawn, own.select("score", "change_zero"))


@pytest.fixture(scope="module")
def overlaps(tmp_path_factory) -> pl.DataFrame:
    """Of two methods, with what they share; the second shares nothing anywhere."""
    study = synthetic_results.write_synthetic_results(tmp_path_factory.mktemp("study"))
    own = pl.read_parquet(study / "overlaps.parquet")
    other = own.with_columns(method=pl.lit(LAMBDA), shared_percent=pl.lit(0.0))
    both = own.filter(kind="pair").with_columns(
        kind=pl.lit("methods"), method=pl.lit(None, pl.String)
    )
    return pl.concat([own.with_columns(method=pl.lit(NIG)), other, both])


def test_figures_2_and_3_are_of_one_method(overlaps):
    own = overlaps.filter(method=NIG).drop("method")
    for draw, of in ((figure2, (["alpha"], ["delta"])), (figure3, ())):
        drawn, expected = draw(overlaps, *of, method=NIG), draw(own, *of)
        for one, other in zip(drawn.axes, expected.axes, strict=True):
            for label, found in lines(other).items():
                np.testing.assert_allclose(lines(one)[label], found)


def test_maps_of_differences_have_one_row_of_panels(overlaps):
    differences = overlaps.filter(method=NIG, label="relevant").with_columns(
        label=pl.lit("difference")
    )
    titles = [axes.get_title("left") for axes in figure2(differences, ["alpha"], ["delta"]).axes]
    assert titles == ["(a) difference neurons", "(b) difference neurons, without delta"]
    (axes,) = figure3(differences).axes
    assert axes.get_title("left") == "(a) difference neurons" and "∩ all" in lines(axes)
    halves = pl.DataFrame(
        {"collection": "alpha", "label": "difference", "top_percent": [1.0, 1.0, 10.0],
         "shared_percent": [40.0, 60.0, 70.0], "method": LAMBDA}
    )  # fmt: skip
    (axes,) = stability_figure(halves, differences.with_columns(method=pl.lit(LAMBDA))).axes
    np.testing.assert_allclose(lines(axes)["two halves of alpha"], [[1, 50], [10, 70]])
