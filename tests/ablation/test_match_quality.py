"""How near in size matched draws are, against the draws that are re-ranked, summed up by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from relevance_neurons.ablation.conditions import Settings, conditions
from relevance_neurons.ablation.match_quality import MATCHES, match_table
from toys.bert import make_reranker
from toys.schemes import NEURONS, SCHEMES, scheme, some_activations
from workflow_scripts.ablation import check_matches

SETTINGS = Settings(kinds=["", "random", "matched", "keep_only"], random_draws=4, seed=5)


def by_hand(name: str, level: float, kind: str) -> list[list[float]]:
    """The sizes of every draw that is re-ranked, neuron by neuron."""
    columns = ("layer", "component", "neuron", "root_mean_square")
    size = {tuple(row[:3]): row[3] for row in some_activations().select(columns).rows()}
    found = conditions(SCHEMES, NEURONS, some_activations(), SETTINGS)
    drawn = [one.neurons for one in found if one[:2] == (f"{kind}{name}", level)]
    return [[size[row] for row in one.select(columns[:3]).rows()] for one in drawn]


def test_sizes_are_those_of_the_draws_that_are_re_ranked():
    table = match_table(SCHEMES, NEURONS, some_activations(), SETTINGS)
    assert table.schema == MATCHES
    names = [("P_a", 1.0), ("P_b", 10.0)]
    assert table.select("scheme", "top_percent").rows() == names
    for name, row in zip(names, table.iter_rows(named=True), strict=True):
        (own,), matched, random = (by_hand(*name, kind) for kind in ("", "matched:", "random:"))
        assert len(matched) == len(random) == row["n_draws"] == 4
        expected = [np.mean(own), np.mean(matched), np.mean(random)]
        found = [row[f"size_{one}"] for one in ("selected", "matched", "random")]
        assert found == pytest.approx(expected)
        assert row["ratio_matched"] == pytest.approx(expected[0] / expected[1])
        assert row["ratio_random"] == pytest.approx(expected[0] / expected[2])
        assert row["worst_ratio"] == pytest.approx(max(own) / max(map(max, matched)))


def test_an_outlier_shows():
    """One neuron a thousand times as large as all others of its block has no like."""
    chosen = SCHEMES.filter(scheme="P_a")
    first = chosen.select("layer", "component", "neuron").row(0, named=True)
    is_first = pl.all_horizontal(pl.col(name) == value for name, value in first.items())
    size = pl.when(is_first).then(1000.0).otherwise(1.0)
    activations = some_activations().with_columns(root_mean_square=size)
    row = match_table(chosen, NEURONS, activations, SETTINGS).row(0, named=True)
    assert row["worst_ratio"] == 1000
    assert row["ratio_matched"] == pytest.approx((1000 + 2) / 3)


def test_too_few_left_are_nulls():
    large = scheme("P_b", 60.0, int(0.6 * len(NEURONS)), 3)
    row = match_table(large, NEURONS, some_activations(), SETTINGS).row(0, named=True)
    assert row["n_draws"] == 0
    assert row["size_matched"] is row["ratio_matched"] is row["worst_ratio"] is None
    assert row["ratio_random"] == pytest.approx(row["size_selected"] / row["size_random"])


def test_script_needs_no_weights(tmp_path):
    make_reranker().model.config.save_pretrained(tmp_path / "ranker")
    SCHEMES.write_parquet(tmp_path / "schemes.parquet")
    some_activations().write_parquet(tmp_path / "activations.parquet")
    files = [tmp_path / f"{name}.parquet" for name in ("schemes", "activations", "out")]
    check_matches.main(*files, tmp_path / "ranker", ["P_b"], Settings(random_draws=4, seed=5))
    expected = match_table(SCHEMES, NEURONS, some_activations(), SETTINGS).filter(scheme="P_b")
    assert pl.read_parquet(files[2]).equals(expected)
