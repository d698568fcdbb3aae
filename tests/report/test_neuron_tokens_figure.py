"""The figure of token kinds: the shares that it draws, of which map, and what it refuses."""

import numpy as np
import polars as pl
import pytest

from relevance_neurons.attribution.token_kinds import TOKEN_KINDS
from relevance_neurons.errors import UserError
from relevance_neurons.report.figures.neuron_tokens import neuron_tokens_figure
from toys import synthetic_results

COMPONENTS = list(synthetic_results.SIZES)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return synthetic_results.write_synthetic_results(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def schemes(study) -> pl.DataFrame:
    return pl.read_parquet(study / "schemes.parquet")


@pytest.fixture(scope="module")
def kinds(study) -> pl.DataFrame:
    return pl.read_parquet(sorted(study.glob("neuron_tokens/*/*.parquet")))


def shares(rows: list[tuple], layer: int, component: str, chosen: set | None) -> list[float]:
    """Percent of each kind in the sum of |score|, in plain loops; none selected: zeros."""
    sums = dict.fromkeys(TOKEN_KINDS, 0.0)
    for one, of, neuron, kind, score in rows:
        if (one, of) == (layer, component) and (chosen is None or (one, of, neuron) in chosen):
            sums[kind] += abs(score)
    whole = sum(sums.values())
    return [100 * size / whole if whole else 0.0 for size in sums.values()]


def test_bars_are_shares_of_a_kind_among_selected_and_all_neurons(kinds, schemes):
    figure = neuron_tokens_figure(kinds, schemes, "N_alpha", 10.0, COMPONENTS)
    of_map = kinds.filter(collection="alpha", label="non_relevant")
    rows = of_map.select("layer", "component", "neuron", "kind", "score").rows()
    selected = schemes.filter(scheme="N_alpha", top_percent=10.0)
    chosen = set(selected.select("layer", "component", "neuron").iter_rows())
    grid = np.array(figure.axes).reshape(4, 3)
    for place, component in enumerate(COMPONENTS):
        panels = grid[2 * (place // 3) : 2 * (place // 3) + 2, place % 3]
        for axes, among in zip(panels, (chosen, None), strict=True):
            expected = [shares(rows, layer, component, among) for layer in range(3)]
            drawn = [[bar.get_height() for bar in bars] for bars in axes.containers]
            np.testing.assert_allclose(np.transpose(drawn), expected, atol=1e-9)
            bottoms = [[bar.get_y() for bar in bars] for bars in axes.containers]
            below = np.cumsum(expected, axis=1)[:, :-1]
            np.testing.assert_allclose(np.transpose(bottoms)[:, 1:], below, atol=1e-9)
        n_selected = selected.filter(component=component).height
        assert panels[0].get_title("left").endswith(f"{component}: {n_selected} selected")
        notes = [text.get_text() for text in panels[0].texts]
        assert notes == ([] if n_selected else ["none selected"])


def test_a_scheme_of_several_maps_has_the_mean_of_their_scores(kinds, schemes):
    drawn = neuron_tokens_figure(kinds, schemes, "F_all", 10.0, COMPONENTS).axes[3].containers
    mean = kinds.group_by("layer", "component", "neuron", "kind").agg(pl.col("score").mean())
    rows = mean.select("layer", "component", "neuron", "kind", "score").rows()
    expected = [shares(rows, layer, "query", None) for layer in range(3)]
    found = [[bar.get_height() for bar in bars] for bars in drawn]
    np.testing.assert_allclose(np.transpose(found), expected, atol=1e-9)


def test_what_is_not_there_is_refused(kinds, schemes):
    with pytest.raises(UserError, match="found scheme N_delta; allowed"):
        neuron_tokens_figure(kinds, schemes, "N_delta", 10.0, COMPONENTS)
    with pytest.raises(UserError, match=r"found top_percent 0\.3; allowed"):
        neuron_tokens_figure(kinds, schemes, "N_alpha", 0.3, COMPONENTS)
    relevant = kinds.filter(label="relevant", collection="beta")
    with pytest.raises(UserError, match=r"no map of N_alpha .* there are: beta/relevant$"):
        neuron_tokens_figure(relevant, schemes, "N_alpha", 10.0, COMPONENTS)
    two = pl.concat([kinds, kinds.with_columns(method=pl.lit("other"))])
    with pytest.raises(UserError, match="name one of them"):
        neuron_tokens_figure(two, schemes, "N_alpha", 10.0, COMPONENTS)


def test_fewer_components_leave_no_empty_panels(kinds, schemes):
    figure = neuron_tokens_figure(kinds, schemes, "N_alpha", 10.0, COMPONENTS[:4])
    assert sum(axes.get_visible() for axes in figure.axes) == 8
