"""A run of the user's own in the place of BM25: what is taken of it, and what is refused."""

import gzip
import logging

import polars as pl
import pytest
from snakemake.iocontainers import Namedlist

from relevance_neurons.collections.candidates import draw_candidates
from relevance_neurons.collections.first_stage import open_first_stage
from relevance_neurons.collections.own_run import read_run
from relevance_neurons.errors import UserError

IDS = ["a", "b", "c", "New York"]
QUERIES = pl.DataFrame({"query_id": ["q1", "q2"], "text": ["one", "two"]})
QRELS = pl.DataFrame({"query_id": ["q1", "q2"], "doc_id": ["c", "a"], "grade": [1, 1]})
RUN = """\
q1 Q0 a 1 9.5 mine
q1 Q0 b 2 1e1 mine
q2 Q0 gone 1 5 mine

q1 Q0 c 3 9.5 mine
not_judged Q0 a 1 1 mine
q2 Q0 b 2 -3 mine
"""


@pytest.fixture
def documents(tmp_path):
    path = tmp_path / "documents.parquet"
    pl.DataFrame({"doc_id": IDS, "text": "text"}).write_parquet(path)
    return path


def read(documents, text, name="run.trec", queries=QUERIES):
    path = documents.parent / name
    opened = gzip.open if name.endswith(".gz") else open
    with opened(path, "wt") as file:
        file.write(text)
    return read_run(path, queries, documents)


@pytest.mark.parametrize("name", ["run.trec", "run.trec.gz"])
def test_scores_decide_and_equal_ones_rank_by_id(documents, name, caplog):
    found = read(documents, RUN, name).search(QUERIES, 2)
    assert found.rows() == [("q1", "b", 1, 10.0), ("q1", "a", 2, 9.5), ("q2", "b", 1, -3.0)]
    assert found.columns == ["query_id", "doc_id", "run_rank", "run_score"]
    assert "1 passages are not among the documents" in caplog.text


def test_tabs_part_ids_with_spaces(documents):
    run = read(documents, "q1\tQ0\tNew York\t1\t2.5\tmine\n")
    assert run.search(QUERIES, 5).rows() == [("q1", "New York", 1, 2.5)]


def test_candidates_come_from_the_run(documents):
    pools = draw_candidates(read(documents, RUN), QUERIES, QRELS, [1], 2)
    assert pools.select("query_id", "doc_id", "run_rank", "pool").rows() == [
        ("q1", "b", 1, "run"),
        ("q1", "a", 2, "run"),
        ("q1", "c", 3, "relevant"),
        ("q2", "b", 1, "run"),
        ("q2", "a", None, "relevant"),
    ]
    assert pools["bm25_rank"].null_count() == pools["bm25_score"].null_count() == 5


def test_a_query_does_not_find_itself(documents):
    queries = pl.DataFrame({"query_id": ["a"], "own_document": [True]})
    run = read(documents, "a Q0 a 1 9 x\na Q0 b 2 8 x\n", queries=queries)
    assert run.search(queries, 5).rows() == [("a", "b", 1, 8.0)]


def test_queries_without_a_passage_are_counted(documents, caplog):
    caplog.set_level(logging.WARNING)
    read(documents, "q1 Q0 a 1 9 x\n")
    assert "1 of 2 judged queries are not in the run" in caplog.text


def test_scores_that_contradict_ranks_are_told(documents, caplog):
    read(documents, "q1 Q0 a 0 9 x\nq1 Q0 b 1 7 x\nq1 Q0 c 2 8 x\nq2 Q0 a 1 2 x\nq2 Q0 b 2 2 x\n")
    assert "in 1 of 2 queries ranks and scores order the passages differently" in caplog.text
    caplog.clear()
    constant = "q2 Q0 a 1 2 x\nq2 Q0 b 2 2 x\n"
    read(documents, f"q1 Q0 a 1 9 x\nq1 Q0 b 2 8 x\n{constant}")
    assert caplog.text == ""
    read(documents, RUN.replace("q1 Q0 a 1", "q1 Q0 a 2").replace("q1 Q0 b 2", "q1 Q0 b 1"))
    assert "order the passages differently" not in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("q1 Q0 a 1 0.1 x\nq1 Q0 b 2 0.5 x\n", "scores grow as ranks get worse; .* negated"),
        ("q1 Q0 a 1 0 x\nq1 Q0 b 2 0 x\n", "all scores of a query are the same"),
        ("q1 Q0 a first 1 x\n", "line 1: the rank 'first' is no finite number"),
        ("q1 a 1\n", "line 1: 3 columns; a run has 6: query_id Q0 doc_id rank score tag"),
        ("q1 Q0 New York 1 2 x\n", "line 1: 7 columns; a run has 6"),
        ("q1 Q0 a 1 high x\n", "line 1: the score 'high' is no finite number"),
        ("q1 Q0 a 1 nan x\n", "line 1: the score 'nan' is no finite number"),
        (
            "q1 Q0 a 1 2 x\nq1 Q0 a 2 1 x\n",
            "line 2: query 'q1' has document 'a' already, on line 1",
        ),
        ("other Q0 a 1 2 x\n", "no passage of a judged query is among the documents"),
        ("", "no passage of a judged query is among the documents"),
    ],
)
def test_mistakes_name_the_line(documents, text, message):
    with pytest.raises(UserError, match=message) as caught:
        read(documents, text)
    assert "run.trec" in str(caught.value) and "\n" not in str(caught.value)


def test_a_rule_s_inputs_open_the_run(documents):
    """Snakemake gives them by name, but `in` looks among their paths."""
    (documents.parent / "run.trec").write_text(RUN)
    given = Namedlist(fromdict={"own_run": f"{documents.parent}/run.trec", "documents": documents})
    assert open_first_stage(given, QUERIES, {}).name == "run"
