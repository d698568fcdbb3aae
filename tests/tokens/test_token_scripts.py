"""The rules' scripts: what a method's shards give together, by layer, and curves of them."""

import sys
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from relevance_neurons import attribute_tokens as attribute
from relevance_neurons import load_reranker
from relevance_neurons.tokens.check import TokenCheck
from relevance_neurons.tokens.degradation import degrade
from toys.bert import PAIRS
from workflow_scripts.tokens import attribute_tokens, degrade_tokens, gather_token_scores

LABELS = ["relevant", "non_relevant", "relevant", "relevant"]
SCORED = [0, 1, 3]
NAMES = {"collection": "mine", "method": "mine too"}
TEXTS, OWN = [PAIRS[row] for row in SCORED], [LABELS[row] for row in SCORED]


@pytest.fixture
def given(tmp_path) -> dict[str, str]:
    """Four pairs, one of which is for the statistics alone; two have their query in common."""
    queries = ["q0", "q1", "q2", "q0"]
    frames = {
        "pairs": {
            **{"query_id": queries, "doc_id": ["d0", "d1", "d2", "d3"], "label": LABELS},
            **{"is_scored": [row in SCORED for row in range(4)], "is_of_statistics": [True] * 4},
        },
        "queries": {"query_id": ["q0", "q1", "q2"], "text": [query for query, _ in PAIRS[:3]]},
        "documents": {"doc_id": ["d0", "d1", "d2", "d3"], "text": [text for _, text in PAIRS]},
    }
    for name, columns in frames.items():
        pl.DataFrame(columns).write_parquet(tmp_path / f"{name}.parquet")
    return {name: str(tmp_path / f"{name}.parquet") for name in frames}


@pytest.fixture
def texts() -> list[tuple[str, str]]:
    return [PAIRS[0], PAIRS[1], (PAIRS[0][0], PAIRS[3][1])]


def reranker(folder) -> dict[str, object]:
    return {"model": str(folder), "max_length": 48, "dtype": "float32"}


def gathered(tmp_path, given, ranker, settings, layers=()) -> dict[str, str]:
    """By the two scripts, in five shards, some of which have no pair."""
    shards = {
        kind: [f"{tmp_path}/{kind}{k}.parquet" for k in range(5)] for kind in ("scores", "checks")
    }
    for k in range(5):
        made = {kind: files[k] for kind, files in shards.items()}
        at = {"layers": layers, "layer": None}
        attribute_tokens.main(given, made, NAMES, (k, 5), ranker, settings, at)
    made = {"scores": f"{tmp_path}/made/scores", "checks": f"{tmp_path}/made/checks.parquet"}
    gather_token_scores.main(shards, made)
    return made


def test_a_method_at_the_input(tmp_path, given, ranker_folder, texts):
    ranker, settings = reranker(ranker_folder), {"method": "leave_one_out", "removal": "mask"}
    made = gathered(tmp_path, given, ranker, settings)
    assert [file.name for file in (tmp_path / "made/scores").iterdir()] == ["input.parquet"]
    scores = pl.read_parquet(f"{made['scores']}/input.parquet")
    expected = attribute(load_reranker(**ranker), texts, OWN, **settings)
    names = ["collection", "method", "layer", "query_id", "doc_id", "label"]
    rest = ["position", "token", "word", "word_number", "part", "score", "scaled", "weight"]
    assert scores.columns == [*names, *rest]
    assert scores.select(rest[:-3]).equals(expected.frame().select(rest[:-3]))
    assert np.allclose(scores["score"], expected.frame()["score"], atol=1e-6)
    pairs = scores.select(names).unique(maintain_order=True).rows()
    rows = [("q0", "d0", "relevant"), ("q1", "d1", "non_relevant"), ("q0", "d3", "relevant")]
    assert pairs == [("mine", "mine too", None, *row) for row in rows]
    checks = pl.read_parquet(made["checks"])
    assert checks.columns == [*names, *expected.checks().drop("pair", "layer").columns]
    assert checks.select(names).rows() == pairs
    assert np.allclose(checks["before"], expected.checks()["before"], atol=1e-6)


def test_curves_of_the_gathered_scores(tmp_path, given, ranker_folder, texts):
    ranker, settings = reranker(ranker_folder), {"method": "random", "seed": 3}
    made = gathered(tmp_path, given, ranker, settings)
    curves = f"{tmp_path}/degradation.parquet"
    of = {**given, "scores": made["scores"]}
    keys = {"removals": ["mask"], "orders": ["most", "least"], "steps": 4}
    degrade_tokens.main(of, curves, NAMES, ranker, keys)
    found, model = pl.read_parquet(curves), load_reranker(**ranker)
    expected = degrade(model, texts, OWN, attribute(model, texts, OWN, **settings).frame(), **keys)
    names = ["collection", "method", "layer", "query_id", "doc_id", "label"]
    assert found.columns == [*names, *expected.columns[2:]]
    assert found.drop(*names, "p_label").equals(expected.drop("pair", "layer", "p_label"))
    assert np.allclose(found["p_label"], expected["p_label"], atol=1e-6)
    assert found["doc_id"].unique(maintain_order=True).to_list() == ["d0", "d1", "d3"]


def test_a_method_with_layers(tmp_path, given, ranker_folder, monkeypatch):
    """With a stand-in for the bottleneck, whose scores say layer and position."""
    statistics = pl.DataFrame({"collection": "mine", "layer": [0, 1, 2]})
    statistics.write_parquet(tmp_path / "statistics.parquet")

    def all_layers(reranker, pairs, labels, layers, statistics, **settings):
        assert statistics["layer"].to_list() == [0, 1, 2] and settings == {"seed": 4, "steps": 3}
        for layer in layers:
            for row, pair in enumerate(reranker.encode(pairs)):
                check = TokenCheck(row, len(pair), False, 0.5, 1.0, 0.5, 220.0)
                yield layer, check, 100.0 * layer + np.arange(len(pair))

    layers = SimpleNamespace(UpperLayers=lambda _reranker: SimpleNamespace(n_layers=3))
    for name, module in (
        ("upper_layers", layers),
        ("bottleneck", SimpleNamespace(all_layers=all_layers)),
    ):
        monkeypatch.setitem(sys.modules, f"relevance_neurons.tokens.{name}", module)
    of = {**given, "statistics": f"{tmp_path}/statistics.parquet"}
    settings = {"method": "information_bottleneck", "seed": 4, "steps": 3}
    made = gathered(tmp_path, of, reranker(ranker_folder), settings, [2])
    files = {file.name for file in (tmp_path / "made/scores").iterdir()}
    assert files == {"1.parquet", "2.parquet"}  # that which is asked for, and the one at two thirds
    for layer in (1, 2):
        scores = pl.read_parquet(f"{made['scores']}/{layer}.parquet")
        assert scores["layer"].unique().to_list() == [layer]
        assert (scores["score"] == 100 * layer + scores["position"]).all()
        assert scores["doc_id"].unique(maintain_order=True).to_list() == ["d0", "d1", "d3"]
    checks = pl.read_parquet(made["checks"])
    assert checks["layer"].to_list() == [1, 2] * 3
