"""The three tables of a collection, from any dataset; and real collections, all of them."""

import logging
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from ir_datasets.datasets.base import Dataset

from relevance_neurons.ablation.measures import measure_rankings
from relevance_neurons.collections.datasets import FrameDocs, FrameQrels, FrameQueries
from relevance_neurons.collections.retrieval import Bm25, build_index
from relevance_neurons.collections.tables import write_collection
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.errors import UserError
from workflow_scripts.collections import prepare_collection

COLLECTIONS = Path(__file__).resolve().parents[2].parent / "shared" / "collections"
# Folder: documents, judged queries, judgments by grade, as its maker's README counts them.
REAL = {
    "cisi": (1460, 76, {1: 3114}),
    "liveqa_med": (2609, 104, {0: 1827, 1: 704, 2: 273, 3: 181}),
    "med": (1033, 30, {1: 696}),
    "msmarco_dl19": (14581, 43, {0: 1592, 1: 956, 2: 1300, 3: 489}),
    "nfcorpus_stopped": (3162, 323, {1: 11758, 2: 576}),
    "noveleval": (420, 21, {0: 290, 1: 40, 2: 90}),
    "pubmedqa": (1000, 1000, {1: 1000}),
    "scifact_dev": (5183, 300, {1: 339}),
    "trecqa": (7053, 269, {0: 6529, 1: 854}),
}


def dataset(documents, queries, judgments):
    qrels = {"query_id": pl.String, "doc_id": pl.String, "grade": pl.Int64}
    texts = {"text": pl.String}
    return Dataset(
        FrameDocs(pl.DataFrame(documents, {"doc_id": pl.String} | texts, orient="row")),
        FrameQueries(pl.DataFrame(queries, {"query_id": pl.String} | texts, orient="row")),
        FrameQrels(pl.DataFrame(judgments, qrels, orient="row")),
    )


def lists(relevant, non_relevant):
    return {"relevant": relevant, "non_relevant": non_relevant}


def write(folder, *tables, relevant=(1,), non_relevant=(0,), on_dangling="drop"):
    paths = [folder / f"{name}.parquet" for name in ("documents", "queries", "qrels")]
    write_collection(
        dataset(*tables), *paths, "mine", relevant, non_relevant, on_dangling=on_dangling
    )
    return [pl.read_parquet(path) for path in paths]


def plain(tables):
    """Their rows without what is told of them."""
    told = ("own_document", "label", "gain")
    return [table.drop(told, strict=False).rows() for table in tables]


def test_tables(tmp_path):
    documents, queries, qrels = write(
        tmp_path,
        [("d2", " two\n lines "), ("d1", "one"), ("d3", "three")],
        [("q2", "b\tc"), ("q3", "not judged"), ("q1", "a")],
        [("q2", "d1", 1), ("q1", "d3", 0), ("q1", "d2", -1), ("q2", "d2", 2)],
    )
    assert documents.rows() == [("d2", "two lines"), ("d1", "one"), ("d3", "three")]
    assert queries.rows() == [("q1", "a", False), ("q2", "b c", False)]
    assert qrels.rows() == [
        ("q1", "d2", -1, None, 0),
        ("q1", "d3", 0, "non_relevant", 0),
        ("q2", "d1", 1, "relevant", 1),
        ("q2", "d2", 2, None, 2),
    ]
    assert documents.schema == {"doc_id": pl.String, "text": pl.String}
    texts = {"query_id": pl.String, "text": pl.String}
    assert queries.schema == texts | {"own_document": pl.Boolean}
    judged = {"query_id": pl.String, "doc_id": pl.String, "grade": pl.Int64}
    assert qrels.schema == judged | {"label": pl.String, "gain": pl.Int64}


def test_what_is_left_out_is_counted(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    documents, queries, qrels = write(
        tmp_path,
        [("d1", "one"), ("d2", " \n"), ("d3", ""), ("d4", "four")],
        [("q1", "a"), ("q2", " "), ("q3", "c")],
        [
            ("q1", "d1", 0),
            ("q1", "d1", 1),
            ("q1", "d2", 1),
            ("q1", "gone", 1),
            ("q2", "d1", 1),
            ("gone", "d1", 1),
            ("gone", "d4", 1),
            ("q3", "d3", 1),
        ],
    )
    assert documents["doc_id"].to_list() == ["d1", "d4"]
    assert queries.rows() == [("q1", "a", False)]
    assert qrels.rows() == [("q1", "d1", 1, "relevant", 1)]
    assert caplog.messages == [
        "mine: left out 2 documents without text, of 4; the first: 'd2'",
        "mine: left out 1 queries without text, of 3; the first: 'q2'",
        "mine: left out 1 repeated judgments, 1 with another grade than the last",
        "mine: left out 3 judgments of queries that have no text, of 7; the first: 'q2'",
        "mine: left out 3 judgments of documents that have no text, of 7; the first: 'd2'",
        "mine: no judgment has grade 0; grades found: 1 (1 judgments)",
    ]


GOOD = [[("d1", "one"), ("d2", "two")], [("q1", "a")], [("q1", "d1", 1), ("q1", "d2", 0)]]


@pytest.mark.parametrize(
    ("place", "row", "message"),
    [
        (0, ("d3", "\u200b\ufeff"), "1 documents without text, of 3; the first: 'd3'"),
        (1, ("q2", "\u00ad "), "1 queries without text, of 2; the first: 'q2'"),
        (2, ("q3", "d1", 1), "1 judgments of queries that have no text, of 3; the first: 'q3'"),
        (2, ("q1", "d3", 1), "1 judgments of documents that have no text, of 3; the first: 'd3'"),
    ],
)
def test_what_dangles_is_left_out_or_stops(tmp_path, caplog, place, row, message):
    tables = [[*rows, row] if number == place else rows for number, rows in enumerate(GOOD)]
    assert plain(write(tmp_path, *tables)) == GOOD
    assert caplog.messages == [f"mine: left out {message}"]
    with pytest.raises(UserError) as caught:
        write(tmp_path, *tables, on_dangling="stop")
    assert str(caught.value) == (
        f"collection mine: {message}; mend them, or leave them out with on_dangling: drop"
    )


def test_what_came_twice_stops_nothing(tmp_path, caplog):
    tables = [[*rows, rows[0]] for rows in GOOD]
    assert plain(write(tmp_path, *tables, on_dangling="stop")) == GOOD
    assert caplog.messages == [
        "mine: left out 1 documents whose id came before",
        "mine: left out 1 queries whose id came before",
        "mine: left out 1 repeated judgments",
    ]


def test_a_grade_that_no_list_names_is_said(tmp_path, caplog):
    tables = [GOOD[0], [("q1", "a"), ("q2", "b")], [*GOOD[2], ("q2", "d1", 3), ("q2", "d2", 3)]]
    write(tmp_path, *tables)
    (said,) = caplog.messages
    assert said.startswith("mine: 2 judgments have grade 3, which neither `relevant` nor `non_rel")
    assert "they gain 3 in a ranking, more than any relevant passage; list the grade" in said


def test_ids_with_spaces_go_all_the_way(tmp_path):
    """Page titles, and ids that are one number: indexed, ranked, measured."""
    ids = ["New York", "New", "007", "7"]
    tables = write(
        tmp_path,
        [(id_, f"bees of place{number}") for number, id_ in enumerate(ids)],
        [("a question", "place2"), ("a", "place0")],
        [("a question", "007", 1), ("a question", "7", 0), ("a", "New York", 1), ("a", "New", 0)],
    )
    index = build_index(tmp_path / "documents.parquet", tmp_path / "index", Bm25())
    run = index.search(tables[1], 4)
    assert run.select("query_id", "doc_id").rows() == [("a", "New York"), ("a question", "007")]
    texts = pair_texts(run, tmp_path / "queries.parquet", tmp_path / "documents.parquet")
    assert texts == [("place0", "bees of place0"), ("place2", "bees of place2")]
    scores = run.select("query_id", "doc_id", score="bm25_score").with_columns(
        scheme=pl.lit("none"), top_percent=0.0, draw=0
    )
    assert measure_rankings(scores, tables[2], "RR")["value"].to_list() == [1, 1]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (([], [("q", "a")], [("q", "d", 1)]), "none of its 0 documents has text"),
        (([("d", " ")], [("q", "a")], [("q", "d", 1)]), "none of its 1 documents has text"),
        (
            ([("d", "a")], [], [("q", "d", 1)]),
            "the judgments (1) are all of queries that are not there or have no text; the first",
        ),
        (
            ([("7", "a"), ("8", "")], [("q", "a")], [("q", "007", 1), ("q", "8", 0)]),
            "the judgments (2) are all of documents that are not there or have no text; the first",
        ),
        (([("d", "a")], [("q", "a")], []), "grades found: none"),
        (
            ([("d", "a"), ("e", "b")], [("q", "a")], [("q", "d", 2), ("q", "e", 0)]),
            "no judgment has a grade of `relevant: [1]`; grades found: 0 (1 judgments), 2 (1 judgm",
        ),
    ],
)
def test_nothing_left_to_study(tmp_path, tables, message):
    with pytest.raises(UserError) as caught:
        write(tmp_path, *tables)
    assert str(caught.value).startswith("collection mine: ")
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_documents_are_written_in_pieces(tmp_path):
    documents = [(str(number), f"text {number}") for number in range(25_000)]
    written = write(tmp_path, documents, [("q", "a")], [("q", "7", 1)])[0]
    assert written.rows() == documents
    assert pq.ParquetFile(tmp_path / "documents.parquet").num_row_groups == 3


def test_the_first_document_of_an_id_counts(tmp_path, caplog):
    numbers = [*range(24_000), 7, 7, 23_999, 24_000]
    documents = [(str(number), f"text {place}") for place, number in enumerate(numbers)]
    written = write(tmp_path, [("7", ""), *documents], [("q", "a")], [("q", "7", 1)])[0]
    assert written.rows() == [(str(number), f"text {number}") for number in range(24_000)] + [
        ("24000", "text 24003")
    ]
    assert caplog.messages[:2] == [
        "mine: left out 1 documents without text, of 24005; the first: '7'",
        "mine: left out 3 documents whose id came before",
    ]
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("on_dangling", ["drop", "stop", None])
def test_script_leaves_out_or_refuses_what_dangles(tmp_path, caplog, on_dangling):
    (tmp_path / "docs.tsv").write_text("d1\ta\nd2\t \n")
    (tmp_path / "queries.tsv").write_text("q1\ta\n")
    (tmp_path / "qrels.txt").write_text("q1 0 d1 1\nq1 0 d2 1\nq1 0 d3 1\n")
    source = {
        "source": "files",
        "documents": tmp_path / "docs.tsv",
        "queries": tmp_path / "queries.tsv",
        "qrels": tmp_path / "qrels.txt",
    }
    source |= {"on_dangling": on_dangling} if on_dangling else {}
    outputs = [tmp_path / "out" / name for name in ("d.parquet", "q.parquet", "j.parquet")]
    settings = {"collection": "mine", "source": source, "judgments": lists([1], [])}
    if on_dangling == "stop":
        with pytest.raises(UserError, match=r"docs.tsv, line 2: document 'd2' has no text"):
            prepare_collection.main(*outputs, **settings, seed=0)
        assert list((tmp_path / "out").iterdir()) == []
        (tmp_path / "docs.tsv").write_text("d1\ta\nd2\tb\n")
        with pytest.raises(
            UserError,
            match=r"line 3: document 'd3' is not among the documents \(the first of them is 'd1'",
        ):
            prepare_collection.main(*outputs, **settings, seed=0)
    else:
        prepare_collection.main(*outputs, **settings, seed=0)
        assert [len(pl.read_parquet(path)) for path in outputs] == [1, 1, 1]
        assert caplog.messages == [
            "mine: left out 1 documents without text, of 2; the first: 'd2'",
            "mine: left out 2 judgments of documents that have no text, of 3; the first: 'd2'",
        ]


def files(folder, qrels="qrels.txt"):
    if not folder.is_dir():
        pytest.skip("the real collections are not beside this repository")
    source = {"documents": "docs.tsv", "queries": "queries.tsv", "qrels": qrels}
    return {"source": "files"} | {key: folder / name for key, name in source.items()}


@pytest.mark.parametrize("name", REAL)
def test_real_collections_pass(tmp_path, name, caplog):
    source = files(COLLECTIONS / name)
    caplog.set_level(logging.WARNING)
    n_documents, n_queries, grades = REAL[name]
    outputs = [tmp_path / name for name in ("documents", "queries", "qrels")]
    prepare_collection.main(
        *outputs,
        collection=name,
        source=source,
        judgments=lists(sorted(grades.keys() - {0}), sorted(grades.keys() & {0})),
        seed=0,
    )
    documents, queries, qrels = (pl.read_parquet(path) for path in outputs)
    assert (len(documents), len(queries)) == (n_documents, n_queries)
    assert dict(qrels.group_by("grade").len().iter_rows()) == grades
    assert caplog.messages == []
    # Read by another reader: the same words, in the same order.
    theirs = pl.read_csv(
        source["documents"],
        separator="\t",
        has_header=False,
        quote_char=None,
        infer_schema=False,
        new_columns=["doc_id", "text"],
    )
    assert documents["doc_id"].equals(theirs["doc_id"])
    words = pl.col("text").str.replace_all(r"\s+", " ").str.strip_chars()
    assert documents["text"].equals(theirs.select(words).to_series())


def test_a_collection_whose_judgments_are_split_in_two(tmp_path):
    n_queries = []
    for qrels in ("qrels_attribution.txt", "qrels_ablation.txt"):
        outputs = [tmp_path / f"{qrels}.{name}" for name in ("documents", "queries", "qrels")]
        source = files(COLLECTIONS / "msmarco_dl19", qrels)
        prepare_collection.main(
            *outputs, collection="c", source=source, judgments=lists([2, 3], [0]), seed=0
        )
        n_queries.append(len(pl.read_parquet(outputs[1])))
    assert sum(n_queries) == 43


def test_cranfield_passes_without_its_two_documents_that_have_no_text(tmp_path, caplog):
    outputs = [tmp_path / name for name in ("documents", "queries", "qrels")]
    settings = {"collection": "c", "judgments": lists([1, 2, 3, 4], [0]), "seed": 0}
    source = files(COLLECTIONS / "cranfield")
    prepare_collection.main(*outputs, source=source, **settings)
    documents, queries, qrels = (pl.read_parquet(path) for path in outputs)
    assert (len(documents), len(queries)) == (1398, 225)
    # The maker's README counts 734 of grade 2; one of them judges document 995.
    grades = {0: 225, 1: 363, 2: 733, 3: 387, 4: 128}
    assert dict(qrels.group_by("grade").len().iter_rows()) == grades
    assert [message for message in caplog.messages if "left out" in message] == [
        "c: left out 2 documents without text, of 1400; the first: '471'",
        "c: left out 1 judgments of documents that have no text, of 1837; the first: '995'",
    ]
    with pytest.raises(UserError, match=r"docs.tsv, line 471: document '471' has no text"):
        prepare_collection.main(*outputs, source=source | {"on_dangling": "stop"}, **settings)
