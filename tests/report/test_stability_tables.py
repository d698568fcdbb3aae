"""Tables and figure of stability and sensitivity, on made-up results."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from matplotlib.text import Text

from relevance_neurons.report.figures.stability import stability_figure
from relevance_neurons.report.tables.formats import NOTHING, latex
from relevance_neurons.report.tables.stability import (
    sensitivity_table,
    stability_table,
    summarise_stability,
    usual_level,
)
from toys import synthetic_results

COLLECTIONS = pl.DataFrame(
    {
        "collection": ["alpha", "beta", "unused", "gamma", "delta"],
        "kept_relevant": [24, 1200, None, 24, 24],
        "kept_non_relevant": [23, 24, None, 24, None],
    }
)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return synthetic_results.write_synthetic_results(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="module")
def frames(study) -> dict[str, pl.DataFrame]:
    names = ("selection_frequencies", "split_halves", "sensitivity", "overlaps")
    frames = {name: pl.read_parquet(study / f"{name}.parquet") for name in names}
    return frames | {"convergence": pl.read_parquet(study / "convergence.parquet")}


def summarise(frames, convergence=True) -> pl.DataFrame:
    return summarise_stability(
        frames["selection_frequencies"],
        frames["split_halves"],
        frames["convergence"] if convergence else None,
        COLLECTIONS,
    )


@pytest.mark.parametrize(
    ("levels", "level"), [([0.01, 0.1, 1], 1), ([0.1, 5], 0.1), ([2, 5], 2), ([0.5, 1.5], 0.5)]
)
def test_the_usual_level_is_the_closest_to_1_percent(levels, level):
    assert usual_level(levels) == level


def test_summary_has_every_map_and_level(frames):
    summary = summarise(frames)
    levels = len(synthetic_results.TOP_PERCENTS)
    assert len(summary) == levels * len(synthetic_results.MAPS)
    for row in summary.filter(top_percent=10).iter_rows(named=True):
        of = {name: row[name] for name in ("collection", "label", "top_percent")}
        chosen = frames["selection_frequencies"].filter("selected", **of)
        chosen = chosen["frequency"].to_numpy()
        assert row["n_neurons"] == len(chosen) == 17
        assert row["frequency_mean"] == pytest.approx(chosen.mean())
        assert row["stable_percent"] == pytest.approx(100 * np.mean(chosen >= 0.95))
        halves = frames["split_halves"].filter(**of)["shared_percent"].to_numpy()
        found = [row[f"halves_{name}"] for name in ("mean", "low", "high")]
        assert found == pytest.approx([halves.mean(), halves.min(), halves.max()])
        doubled = frames["convergence"].filter(**of).row(0, named=True)
        assert row["doubled_shared_percent"] == doubled["shared_percent"]
        assert row["worst_pair_difference"] == doubled["worst_pair_difference"]
    pairs = dict(
        summary.filter(top_percent=1, label="relevant").select("collection", "n_pairs").rows()
    )
    assert pairs == {"alpha": 24, "beta": 1200, "gamma": 24, "delta": 24}


def test_stability_shows_the_usual_level(frames):
    table = stability_table(summarise(frames))
    assert "top 1 %" in table.title
    assert len(table.rows) == len(synthetic_results.MAPS)
    beta = next(row for row in table.rows if row[0].text == "beta")
    assert [cell.text for cell in beta[:4]] == ["beta", "relevant", "1,200", "2"]
    mean, low, high = (
        table.data.filter(collection="beta", label="relevant", top_percent=1)
        .select("halves_mean", "halves_low", "halves_high")
        .row(0)
    )
    assert beta[4].text == f"{mean:.1f} [{low:.1f}, {high:.1f}]"
    assert "4 halvings" in table.notes[0] and "first 10 pairs" in table.notes[1]
    assert latex(table).isascii() or "–" not in latex(table)


def test_what_the_study_does_not_ask_for_is_a_dash(frames):
    without = frames | {"split_halves": frames["split_halves"].clear()}
    without["selection_frequencies"] = frames["selection_frequencies"].with_columns(
        frequency=pl.lit(None, pl.Float64)
    )
    table = stability_table(summarise(without, convergence=False))
    assert {cell.text for row in table.rows for cell in row[4:]} == {NOTHING}
    assert "no halvings" in table.notes[0] and "asks for no check" in table.notes[1]


def test_sensitivity_shows_means_over_the_maps(frames):
    table = sensitivity_table(frames["sensitivity"])
    names = [(row[0].text, row[1].text) for row in table.rows]
    assert names == [("study", "logit"), ("study", "unk"), ("logit", "unk")]
    of = frames["sensitivity"].filter(variant_a="study", variant_b="unk", top_percent=1)
    tau = of["kendall_tau"]
    assert table.rows[1][3].text == f"{tau.mean():.2f} [{tau.min():.2f}, {tau.max():.2f}]"
    assert table.rows[1][2].text == "3" and table.data.equals(frames["sensitivity"])


def test_figure_draws_halves_collections_and_chance(frames):
    figure = stability_figure(frames["split_halves"], frames["overlaps"])
    for axes, label in zip(figure.axes, ("relevant", "non_relevant"), strict=True):
        drawn = {line.get_label(): line.get_xydata() for line in axes.lines}
        halves = frames["split_halves"].filter(label=label)
        collections = halves["collection"].unique()
        names = {f"two halves of {name}" for name in collections}
        assert set(drawn) == names | {"two collections, mean", "chance"}
        for name in collections:
            means = (
                halves.filter(collection=name)
                .group_by("top_percent")
                .agg(pl.col("shared_percent").mean())
            )
            expected = means.sort("top_percent").to_numpy()
            np.testing.assert_allclose(drawn[f"two halves of {name}"], expected)
        pairs = frames["overlaps"].filter(kind="pair", label=label)
        means = pairs.group_by("top_percent").agg(pl.col("shared_percent").mean())
        expected = means.sort("top_percent").to_numpy()
        np.testing.assert_allclose(drawn["two collections, mean"], expected)


def test_figure_without_halves_or_other_collections_says_so(frames):
    nothing = frames["split_halves"].clear(), frames["overlaps"].clear()
    words = [text.get_text() for text in stability_figure(*nothing).findobj(Text)]
    assert words.count("no halves of such pairs") == 2
