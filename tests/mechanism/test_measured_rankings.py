"""The script that measures heads, from files to tables; the order of the ranker."""

import numpy as np
import polars as pl
import pytest

from relevance_neurons.mechanism.measured_rankings import mechanism_rankings
from relevance_neurons.mechanism.random_rankers import random_rankers
from toys.planted_mechanism import MATCHING_HEAD, planted_collection, planted_counts, planted_ranker
from workflow_scripts.mechanism import measure_heads as script

SETTINGS = {
    **{"collection": "toy", "language": "english", "rankers": 2, "shuffles": 50},
    **{"seed": 0, "significance": 0.05},
}


def toy_run(qrels):
    run = qrels.select("query_id", "doc_id").head(40)
    places = pl.int_range(1, pl.len() + 1).over("query_id")
    return run.with_columns(bm25_rank=places, bm25_score=20.0 - places)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("measured")
    given = planted_collection(folder)
    planted = planted_ranker()
    planted.model.save_pretrained(folder / "ranker")
    planted.tokenizer.save_pretrained(folder / "ranker")
    toy_run(pl.read_parquet(given["qrels"])).write_parquet(folder / "run.parquet")
    planted_counts().write_parquet(folder / "counts.parquet")
    given |= {"run": str(folder / "run.parquet"), "word_counts": str(folder / "counts.parquet")}
    names = ("query_attention", "head_attention", "mechanism_rankings")
    paths = {name: str(folder / f"{name}.parquet") for name in names}
    reranker = {"model": str(folder / "ranker"), "dtype": "float64", "max_length": 128}
    script.main(given, paths, reranker, SETTINGS)
    return {name: pl.read_parquet(path) for name, path in paths.items()} | {"given": given}


def test_all_rankers_are_in_the_tables(made):
    rankers = ["study", "random:0", "random:1"]
    for name, n_each in (("query_attention", 3 * 40), ("head_attention", 12)):
        counts = made[name].group_by("ranker", maintain_order=True).len()
        assert counts.rows() == [(ranker, n_each) for ranker in rankers]
    heads = made["head_attention"]
    assert set(heads["collection"]) == {"toy"}
    best = heads.sort("match_attention", descending=True, nulls_last=True).row(0, named=True)
    assert (best["ranker"], best["layer"], best["head"]) == ("study", *MATCHING_HEAD)
    assert set(made["query_attention"]["exact"].list.len()) == {12}
    assert made["query_attention"]["idf"].null_count() == 0


def test_rankings_are_by_the_logit(made):
    ranked, run = made["mechanism_rankings"], pl.read_parquet(made["given"]["run"])
    assert ranked.columns == [
        *("query_id", "doc_id", "run_rank", "run_score", "gain", "is_relevant", "logit"),
        "ranker_rank",
    ]
    assert ranked["run_rank"].to_list() == run["bm25_rank"].to_list()
    for _, own in ranked.group_by("query_id"):
        by_rank = own.sort("ranker_rank")
        assert by_rank["ranker_rank"].to_list() == list(range(1, len(own) + 1))
        assert (np.diff(by_rank["logit"]) <= 0).all()
    assert ranked.filter(pl.col("gain") == 3)["is_relevant"].all()
    assert not ranked.filter(pl.col("gain") == 0)["is_relevant"].any()


def test_of_equal_logits_the_first_stages_order_holds_and_grades_that_say_nothing_are_null():
    run = pl.DataFrame(
        {
            "query_id": ["a"] * 4,
            "doc_id": ["w", "x", "y", "z"],
            "run_rank": [4, 2, 1, 3],
            "run_score": [1.0, 2.0, 3.0, 4.0],
        }
    )
    qrels = pl.DataFrame(
        {
            "query_id": ["a", "a"],
            "doc_id": ["w", "x"],
            "grade": [2, 1],
            "label": ["relevant", None],
            "gain": [2, 1],
        }
    )
    ranked = mechanism_rankings(run, np.array([0.0, 1.0, 0.0, 0.0]), qrels)
    assert ranked["ranker_rank"].to_list() == [4, 1, 2, 3]
    assert ranked["is_relevant"].to_list() == [True, None, False, False]
    assert ranked["gain"].to_list() == [2, 1, 0, 0]
    with pytest.raises(ValueError, match="no place in a ranking"):
        mechanism_rankings(run, np.array([0.0, np.nan, 0.0, 0.0]), qrels)


def test_random_rankers_share_no_weights_and_all_settings():
    planted = planted_ranker()
    own = dict(planted.model.named_parameters())
    name, random = next(random_rankers(planted, 3, seed=0))
    assert name == "random:0"
    for key, weights in random.model.named_parameters():
        if weights.ndim == 2:
            assert not np.isclose(weights.detach(), own[key].detach()).all(), key
    kept = ("tokenizer", "max_length", "dtype", "batch_tokens")
    assert all(getattr(random, one) == getattr(planted, one) for one in kept)
