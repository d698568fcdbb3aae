"""Whole queries: both kinds of passages, whole, as many as are asked for."""

import logging

import polars as pl
import pytest

from relevance_neurons.collections.whole_queries import pairs_of_map, whole_queries
from relevance_neurons.errors import UserError

QRELS = pl.DataFrame(
    {
        "query_id": ["b", "b", "a", "a", "c", "d", "d"],
        "doc_id": ["1", "2", "1", "3", "4", "5", "6"],
        "label": ["relevant", "non_relevant", "relevant", None, "relevant", "relevant", None],
        "gain": [2, 0, 1, 1, 1, 3, 1],
    }
)
PASSAGES = pl.DataFrame(
    {
        "query_id": ["b", "a", "c", "b", "a", "d", "d", "b"],
        "doc_id": ["1", "1", "4", "2", "3", "5", "9", "8"],
    }
)


def test_queries_are_whole_in_their_order_and_lack_no_kind(caplog):
    """An ambiguous or unjudged passage is not relevant; c has no other than relevant ones."""
    with caplog.at_level(logging.INFO):
        found = whole_queries(PASSAGES, QRELS, 99, "mine")
    assert found.rows() == [
        *(("b", "1", 2), ("b", "2", 0), ("b", "8", 0)),
        *(("a", "1", 1), ("a", "3", 0)),
        *(("d", "5", 3), ("d", "9", 0)),
    ]
    assert "mine: 1 of 4 queries have no relevant passage here, or no other" in caplog.text


@pytest.mark.parametrize(("most", "queries"), [(1, "b"), (4, "b"), (5, "ba"), (7, "bad")])
def test_queries_are_taken_until_there_are_enough_passages(most, queries):
    found = whole_queries(PASSAGES, QRELS, most, "mine")
    assert found["query_id"].unique(maintain_order=True).to_list() == list(queries)


def test_none_is_refused():
    with pytest.raises(UserError, match="mine: no query has both relevant and other passages"):
        whole_queries(PASSAGES.filter(query_id="c"), QRELS, 9, "mine")


def test_pairs_of_a_label_are_the_first_kept_ones(tmp_path):
    pairs = PASSAGES.with_columns(
        label=pl.lit("relevant"), kept=pl.Series([True, False, True, True, True, False, True, True])
    )
    files = {name: tmp_path / f"{name}.parquet" for name in ("pairs", "qrels", "candidates")}
    pairs.write_parquet(files["pairs"])
    QRELS.write_parquet(files["qrels"])
    PASSAGES.write_parquet(files["candidates"])
    found = pairs_of_map(files, None, "relevant", 3, "mine")
    assert found["doc_id"].to_list() == ["1", "4", "2"]
    judged = pairs_of_map(files, "judged", "difference", 2, "mine")
    assert judged.rows() == [("b", "1", 2), ("b", "2", 0), ("b", "8", 0)]
    pool = pairs_of_map(files, "pool", "difference", 9, "mine")
    assert pool.equals(whole_queries(PASSAGES, QRELS, 18, "mine"))
