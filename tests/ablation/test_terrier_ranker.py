"""A ranker without neurons inside PyTerrier: pipelines and experiments, without Java."""

import sys

import pandas as pd
import polars as pl
import pyterrier as pt
import pytest
import torch

from relevance_neurons import UserError, ablate, compare, measure_activations, to_pyterrier
from toys.bert import PAIRS, make_reranker

RANKER = make_reranker(dtype="float32")
NEURONS = RANKER.neurons.frame().sample(60, seed=1)
QUERIES = dict.fromkeys(query for query, _ in PAIRS[:3])
ROWS = [
    {"qid": f"q{n}", "query": query, "docno": f"d{number}", "text": text, "score": 0.0, "kept": n}
    for n, query in enumerate(QUERIES)
    for number, (_, text) in enumerate(PAIRS)
]
RESULTS = pt.model.add_ranks(pd.DataFrame(ROWS))
TEXTS = [(row["query"], row["text"]) for row in ROWS]
QRELS = pd.DataFrame([{"qid": f"q{n}", "docno": f"d{n}", "label": 1} for n in range(len(QUERIES))])


def first_stage() -> pt.Transformer:
    return pt.Transformer.from_df(RESULTS)


def topics() -> pd.DataFrame:
    return RESULTS[["qid", "query"]].drop_duplicates()


def test_scores_are_those_of_ablate():
    whole = to_pyterrier(RANKER)(RESULTS)
    assert whole["score"].tolist() == RANKER.score(TEXTS).tolist()
    with ablate(RANKER, NEURONS):
        expected = RANKER.score(TEXTS)
    found = to_pyterrier(RANKER, NEURONS)(RESULTS)
    assert found["score"].tolist() == expected.tolist() != whole["score"].tolist()
    for _, one in found.groupby("qid"):
        assert one.sort_values("rank")["score"].is_monotonic_decreasing
        assert sorted(one["rank"]) == list(range(len(PAIRS)))
    assert found["kept"].equals(RESULTS["kept"]) and "score" in RESULTS
    assert (RESULTS["score"] == 0).all()
    torch.testing.assert_close(RANKER.score(TEXTS).double(), torch.tensor(whole["score"].array))


def test_other_values_columns_and_pandas():
    means = NEURONS.join(measure_activations(RANKER, TEXTS), on=NEURONS.columns)
    with ablate(RANKER, means, value="mean"):
        expected = RANKER.score(TEXTS)
    renamed = RESULTS.rename(columns={"text": "body"})
    of_pandas = pd.DataFrame(means.to_dict(as_series=False))
    found = to_pyterrier(RANKER, of_pandas, value="mean", text="body")(renamed)
    assert found["score"].tolist() == expected.tolist()


def test_an_experiment_compares_it():
    whole, pruned = to_pyterrier(RANKER), to_pyterrier(RANKER, NEURONS)
    systems = [first_stage(), first_stage() >> whole, (first_stage() % 2) >> pruned]
    table = pt.Experiment(
        systems, topics(), QRELS, ["ndcg_cut_10"], names=["first", "whole", "pruned"], perquery=True
    )
    assert set(table["name"]) == {"first", "whole", "pruned"} and len(table) == 3 * len(QUERIES)
    candidates = RESULTS.rename(columns={"qid": "query_id", "docno": "doc_id"}).merge(
        QRELS.rename(columns={"qid": "query_id", "docno": "doc_id", "label": "gain"}), how="left"
    )
    own = compare(RANKER, NEURONS, candidates, random_draws=0).queries().sort("query_id")
    theirs = table[table["name"] == "whole"].sort_values("qid")["value"].tolist()
    assert own["original"].to_list() == pytest.approx(theirs, abs=1e-6)


def test_pipelines_may_look_into_it():
    pruned = to_pyterrier(RANKER, NEURONS)
    columns = ["qid", "query", "docno", "text"]
    assert {"score", "rank"} <= set(pt.inspect.transformer_outputs(pruned, columns))
    assert repr(pruned) == "TerrierRanker(Reranker without 60 neurons)"
    with pytest.raises(KeyError, match="text"):
        pruned(RESULTS.drop(columns="text"))
    both = first_stage() >> (to_pyterrier(RANKER) ** pruned)
    assert len(both(topics())["features"].iloc[0]) == 2


def test_mistakes_are_told_of_at_once(monkeypatch):
    with pytest.raises(UserError, match="has no neuron 999"):
        to_pyterrier(RANKER, NEURONS.with_columns(neuron=pl.lit(999)))
    with pytest.raises(UserError, match="no column mean"):
        to_pyterrier(RANKER, NEURONS, value="mean")
    with pytest.raises(UserError, match="neurons: a list was found"):
        to_pyterrier(RANKER, [1, 2])
    monkeypatch.delitem(sys.modules, "relevance_neurons.ablation.terrier_transformer")
    monkeypatch.setitem(sys.modules, "pyterrier", None)
    with pytest.raises(UserError, match=r"pip install 'relevance-neurons\[retrieval\]' brings it"):
        to_pyterrier(RANKER)


def test_java_is_not_started():
    assert not pt.java.started()
