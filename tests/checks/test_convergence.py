"""Convergence of maps, by twice the points of every path, against an exact integral."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from scipy.stats import kendalltau

from relevance_neurons import attribute
from relevance_neurons.attribution.pair_scores import Settings, score_pairs
from relevance_neurons.checks import doubled_points
from relevance_neurons.checks.convergence import summarise_convergence
from relevance_neurons.checks.doubled_points import double_points
from toys.bert import PAIRS, make_model, make_reranker, make_tokenizer
from toys.synthetic_results import top
from workflow_scripts.stability import check_convergence as rule
from workflow_scripts.stability import double_points as doubling

LEVELS = [1, 10]


def converge(reranker, pairs, settings, levels) -> pl.DataFrame:
    return summarise_convergence(*double_points(reranker, pairs, settings), levels)


def exact_scores(reranker, **settings) -> np.ndarray:
    found = np.empty((len(PAIRS), len(reranker.neurons)))
    for check, scores in score_pairs(reranker, PAIRS, Settings(**settings)):
        found[check.pair] = scores
    return found


@pytest.mark.parametrize("chunk", [3, 32])
def test_convergence_equals_the_attribution_with_2n_minus_1_points(monkeypatch, chunk):
    monkeypatch.setattr(doubled_points, "CHUNK", chunk)
    reranker = make_reranker(2)
    rows = converge(reranker, PAIRS, Settings(quadrature="right", n_points=5), LEVELS)
    plain, halved = (exact_scores(reranker, quadrature="right", n_points=n) for n in (5, 9))
    means = [
        attribute(reranker, PAIRS, quadrature="right", n_points=n).frame()["score"].to_numpy()
        for n in (5, 9)
    ]
    assert rows["top_percent"].to_list() == LEVELS
    assert rows.row(0)[1:4] == (len(PAIRS), 5.0, 9.0)
    for level, shared in rows.select("top_percent", "shared_percent").iter_rows():
        both = set(top(means[0], level)) & set(top(means[1], level))
        assert shared == pytest.approx(100 * len(both) / len(top(means[0], level)))
    difference = np.linalg.norm(means[0] - means[1]) / np.linalg.norm(means[1])
    assert rows["relative_difference"].to_list() == pytest.approx([difference] * 2)
    worst = np.linalg.norm(plain - halved, axis=1) / np.linalg.norm(halved, axis=1)
    assert rows["worst_pair_difference"].to_list() == pytest.approx([worst.max()] * 2)
    tau = kendalltau(*means).statistic
    assert rows["kendall_tau"].to_list() == pytest.approx([tau] * 2)


def test_more_exact_settings_are_nearer_to_converged():
    """What twice the points change is about the true error: it tells which maps to trust."""
    reranker = make_reranker(2)
    exact = exact_scores(reranker, quadrature="simpson", n_points=2001)
    for tolerance in (0.1, 0.02):
        settings = Settings(tolerance=tolerance)
        plain = exact_scores(reranker, tolerance=tolerance)
        worst = (np.linalg.norm(plain - exact, axis=1) / np.linalg.norm(exact, axis=1)).max()
        rows = converge(reranker, PAIRS, settings, LEVELS)
        assert rows["worst_pair_difference"][0] == pytest.approx(worst, rel=0.3)
        finer = converge(reranker, PAIRS, replace(settings, tolerance=1e-3), LEVELS)
        assert finer["worst_pair_difference"][0] < rows["worst_pair_difference"][0]


def test_levels_that_select_no_neuron_are_left_out():
    rows = converge(make_reranker(2), PAIRS[:1], Settings(), [0.001, 1])
    assert rows["top_percent"].to_list() == [1.0]


def test_script_takes_the_first_kept_pairs_of_each_label(tmp_path):
    make_model().save_pretrained(tmp_path / "ranker")
    make_tokenizer().save_pretrained(tmp_path / "ranker")
    numbers = [str(i) for i in range(len(PAIRS))]
    tables = {
        "queries": {"query_id": numbers, "text": [query for query, _ in PAIRS]},
        "documents": {"doc_id": numbers, "text": [passage for _, passage in PAIRS]},
        "pairs": {
            "query_id": numbers,
            "doc_id": numbers,
            "label": ["relevant", "non_relevant", "relevant", "relevant"],
            "kept": [True, True, False, True],
        },
    }
    given = {name: str(tmp_path / f"{name}.parquet") for name in tables}
    for name, table in tables.items():
        pl.DataFrame(table).write_parquet(given[name])
    made = tmp_path / "convergence.parquet"
    reranker = {"model": str(tmp_path / "ranker"), "max_length": 48, "dtype": "float32"}
    doubled = {name: tmp_path / f"doubled_{name}.parquet" for name in ("neurons", "pairs")}
    settings = {"quadrature": "trapezoid", "n_points": 5}
    doubling.main(given, doubled, ["relevant", "non_relevant"], reranker, settings, 2)
    rule.main({name: [file] for name, file in doubled.items()}, made, ["x"], LEVELS)
    rows = pl.read_parquet(doubled["pairs"])
    assert rows.columns[:5] == ["label", "query_id", "doc_id", "n_points", "n_points_doubled"]
    assert [row[:3] for row in rows.rows()] == [
        ("relevant", "0", "0"),
        ("relevant", "3", "3"),
        ("non_relevant", "1", "1"),
    ]
    assert set(rows.select("n_points", "n_points_doubled").rows()) == {(5, 9)}
    found = pl.read_parquet(made)
    assert found.columns[:4] == ["collection", "label", "top_percent", "n_pairs"]
    assert found.row(0)[:4] == ("x", "relevant", 1.0, 2)
    assert found.row(-1)[:4] == ("x", "non_relevant", 10.0, 1)
    chosen = [PAIRS[0], PAIRS[3]]
    expected = converge(make_reranker(2, "float32"), chosen, Settings(**settings), LEVELS)
    assert found["worst_pair_difference"][0] == pytest.approx(
        expected["worst_pair_difference"][0], rel=1e-3
    )
