"""The tables and figures of the sanity checks say what the results do."""

import numpy as np
import polars as pl
import pytest

from relevance_neurons.rankers.components import COMPONENTS
from relevance_neurons.report.figures.sanity import figure1, sanity_figure
from relevance_neurons.report.tables.formats import NOTHING, number
from relevance_neurons.report.tables.sanity import randomisation_table, single_neurons_table
from toys import synthetic_sanity
from toys.bert import make_reranker


@pytest.fixture(scope="module")
def results() -> dict[str, pl.DataFrame]:
    random = np.random.default_rng(0)
    changes = synthetic_sanity.single_neurons(make_reranker(2).neurons.frame(), random)
    return {
        "randomisation": synthetic_sanity.randomisation(random),
        "single_neurons": changes,
        "correlations": synthetic_sanity.correlations(changes),
    }


def test_a_row_for_every_step(results):
    table = randomisation_table(results["randomisation"])
    cells = [[cell.text for cell in row] for row in table.rows]
    assert [row[:2] for row in cells[:4]] == [
        ["relevant", what] for what, _ in synthetic_sanity.STEPS
    ]
    assert cells[3][2:5] == [NOTHING] * 3
    first = results["randomisation"].row(0, named=True)
    assert cells[0][2:4] == [number(first[x], 3) for x in ("spearman", "spearman_absolute")]
    assert "top 1 %" in table.notes[0] and "20 pairs" in table.notes[0]


def test_a_row_for_every_component(results):
    table = single_neurons_table(results["correlations"])
    assert [row[2].text for row in table.rows] == [*COMPONENTS, "all"] * 2
    row = results["correlations"].row(0, named=True)
    value, low, high = (number(row[f"spearman{end}_zero"], 2) for end in ("", "_low", "_high"))
    assert table.rows[0][4].text == f"{value} [{low}, {high}]"
    resolved = 100 * row["n_resolved_zero"] / row["n_neurons"]
    assert table.rows[0][7].text == number(resolved, 0) and 0 < resolved < 100
    without = results["correlations"].with_columns(spearman_low_zero=pl.lit(None, pl.Float64))
    assert single_neurons_table(without).rows[0][4].text == value


def test_figure1_draws_the_curves():
    example = synthetic_sanity.path_example()
    axes = figure1(example).axes
    np.testing.assert_allclose(axes[0].lines[0].get_ydata(), example["f"][:11])
    for panel, column in ((axes[1], "gradient"), (axes[2], "contribution")):
        for line, series in zip(panel.lines, ("important", "unimportant"), strict=True):
            expected = example.filter(series=series)[column]
            np.testing.assert_allclose(line.get_ydata(), expected)
    assert "intermediate 3" in axes[1].lines[0].get_label()


def test_the_sanity_figure_draws_every_step_and_neuron(results):
    axes = sanity_figure(*results.values()).axes
    steps = results["randomisation"].filter(label="relevant")["spearman"].to_list()
    drawn = axes[0].lines[1].get_ydata()
    np.testing.assert_allclose(drawn, [1.0, *steps[:3], np.nan])
    for panel, component in zip(axes[1:], COMPONENTS, strict=True):
        own = results["single_neurons"].filter(component=component)
        points = np.concatenate([line.get_xydata() for line in panel.lines[2:]])
        np.testing.assert_allclose(points, own.select("score", "change_zero"))
