"""Queries that stand among the documents: which are seen, and where they are left out."""

import logging

import polars as pl
import pytest

from relevance_neurons.collections.candidates import draw_candidates, warn_of_copies
from relevance_neurons.collections.own_documents import (
    mark_own_documents,
    without_own_documents,
)
from relevance_neurons.collections.retrieval import Bm25, build_index

ARGUMENT = "School uniforms should be banned, because they limit the freedom of pupils"
DOCUMENTS = pl.DataFrame(
    {
        "doc_id": ["same", "titled", "paper", "1", "judged", "other"],
        "text": [
            ARGUMENT.lower(),
            f"Uniforms: a title. {ARGUMENT}",
            "Heat flow in wings: it was measured how heat flows in the wing of an aircraft",
            "A text that has the number of the query by accident, of uniforms in school",
            ARGUMENT,
            "School uniforms make pupils equal, so that they should stay",
        ],
    }
)
QUERIES = pl.DataFrame(
    {
        "query_id": ["1", "judged", "paper", "same", "titled"],
        "text": ["banned uniforms", ARGUMENT, "Heat flow in wings", ARGUMENT, ARGUMENT],
    }
)
JUDGMENTS = pl.DataFrame(
    [(q, "other", 1, "relevant") for q in QUERIES["query_id"]]
    + [("judged", "judged", 1, "relevant"), ("same", "same", 0, "non_relevant")],
    schema=["query_id", "doc_id", "grade", "label"],
    orient="row",
)


def mark(folder, choice):
    DOCUMENTS.write_parquet(folder / "documents.parquet")
    marked = mark_own_documents(QUERIES, JUDGMENTS, folder / "documents.parquet", choice, "c")
    return marked.filter("own_document")["query_id"].to_list()


@pytest.mark.parametrize(
    ("choice", "own"),
    [
        ("auto", ["paper", "same", "titled"]),
        ("drop", ["1", "judged", "paper", "same", "titled"]),
        ("keep", []),
    ],
)
def test_texts_tell_which_document_is_the_query(tmp_path, caplog, choice, own):
    caplog.set_level(logging.INFO)
    assert mark(tmp_path, choice) == own
    told = f"c: {len(own)} of 5 queries are documents too"
    assert (told in caplog.text) == bool(own)
    told = f"{5 - len(own)} queries have the id of a document and keep it: 1 of another text than "
    assert (told in caplog.text) == (len(own) < 5)


@pytest.mark.parametrize(
    ("query", "passage"),
    [
        ("Die U\u0308bung", "Die \u00dcbung macht den Meister"),
        ("手机怎么充电?", "手机怎么充电插上电源"),
        ("Пчёлы делают мёд", "пчёлы делают МЁД!"),
    ],
)
def test_texts_tell_in_any_script(tmp_path, query, passage):
    documents = pl.DataFrame({"doc_id": ["q"], "text": [passage]})
    documents.write_parquet(tmp_path / "documents")
    queries = pl.DataFrame({"query_id": ["q"], "text": [query]})
    marked = mark_own_documents(queries, JUDGMENTS, tmp_path / "documents", "auto", "c")
    assert marked["own_document"].item()


def test_a_query_is_in_no_ranking_of_its_own(tmp_path):
    own = ["paper", "same", "titled"]
    marked = QUERIES.with_columns(own_document=pl.col("query_id").is_in(own))
    index = build_index(DOCUMENTS, tmp_path / "index", Bm25())
    plain, found = index.search(QUERIES, k=3), index.search(marked, k=3)
    itself = pl.col("query_id") == pl.col("doc_id")
    assert set(plain.filter(itself)["query_id"]) >= {*own, "judged"}
    assert set(found.filter(itself)["query_id"]) == {"1", "judged"} & set(
        plain.filter(itself)["query_id"]
    )
    for query_id in own:
        ranks = found.filter(query_id=query_id)["bm25_rank"].to_list()
        assert ranks == list(range(1, len(ranks) + 1))
        # As deep as without: what was fourth has moved up.
        deeper = index.search(QUERIES, k=4).filter(~itself, query_id=query_id)
        assert found.filter(query_id=query_id)["doc_id"].equals(deeper["doc_id"].head(3))
    pool = draw_candidates(index, marked, JUDGMENTS, [1], 5).filter(query_id="same")
    assert "same" not in pool["doc_id"] and "other" in pool["doc_id"]


def test_without_texts_that_tell_the_id_decides(tmp_path):
    index = build_index(DOCUMENTS, tmp_path / "index", Bm25())
    pools = draw_candidates(index, QUERIES, JUDGMENTS, [1], 5)
    itself = pools.filter(pl.col("query_id") == pl.col("doc_id"))
    assert itself.select("doc_id", "pool").rows() == [("judged", "relevant")]


def test_judgments_of_the_query_itself_go_too():
    marked = QUERIES.with_columns(own_document=pl.col("query_id") == "same")
    kept = without_own_documents(JUDGMENTS, marked)
    assert kept.equals(
        JUDGMENTS.filter((pl.col("query_id") != "same") | (pl.col("doc_id") != "same"))
    )
    assert without_own_documents(JUDGMENTS, QUERIES).equals(JUDGMENTS)


def test_copies_of_a_relevant_passage_are_counted(tmp_path, caplog):
    DOCUMENTS.write_parquet(tmp_path / "documents.parquet")
    rows = [("q", "same"), ("q", "other"), ("r", "judged")]
    ranked = pl.DataFrame(rows, schema=["query_id", "doc_id"], orient="row")
    qrels = pl.DataFrame({"query_id": ["q"], "doc_id": ["paper"], "label": ["relevant"]})
    warn_of_copies(ranked, qrels, tmp_path / "documents.parquet")
    assert caplog.text == ""
    relevant = qrels.with_columns(
        doc_id=pl.lit("judged")
    )  # its text is that of "same", but for case
    texts = DOCUMENTS.with_columns(text=pl.col("text").str.to_lowercase())
    texts.write_parquet(tmp_path / "documents.parquet")
    warn_of_copies(ranked, relevant, tmp_path / "documents.parquet")
    assert "1 passages that are ranked, of 1 queries, have the text of a relevant" in caplog.text
    assert "(first: document same for query q)" in caplog.text
