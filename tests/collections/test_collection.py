"""The three tables of a collection, from any dataset; and real collections, all of them."""

import logging
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from ir_datasets.datasets.base import Dataset

from relevance_neurons.collections.datasets import FrameDocs, FrameQrels, FrameQueries
from relevance_neurons.collections.tables import write_collection
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


def write(folder, *tables, relevant=(1,), non_relevant=(0,)):
    paths = [folder / f"{name}.parquet" for name in ("documents", "queries", "qrels")]
    write_collection(dataset(*tables), *paths, "mine", relevant, non_relevant)
    return [pl.read_parquet(path) for path in paths]


def test_tables(tmp_path):
    documents, queries, qrels = write(
        tmp_path,
        [("d2", " two\n lines "), ("d1", "one"), ("d3", "three")],
        [("q2", "b\tc"), ("q3", "not judged"), ("q1", "a")],
        [("q2", "d1", 1), ("q1", "d3", 0), ("q1", "d2", -1), ("q2", "d2", 2)],
    )
    assert documents.rows() == [("d2", "two lines"), ("d1", "one"), ("d3", "three")]
    assert queries.rows() == [("q1", "a"), ("q2", "b c")]
    assert qrels.rows() == [("q1", "d2", -1), ("q1", "d3", 0), ("q2", "d1", 1), ("q2", "d2", 2)]
    assert documents.schema == {"doc_id": pl.String, "text": pl.String}
    assert queries.schema == {"query_id": pl.String, "text": pl.String}
    assert qrels.schema == {"query_id": pl.String, "doc_id": pl.String, "grade": pl.Int64}


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
    assert queries.rows() == [("q1", "a")]
    assert qrels.rows() == [("q1", "d1", 1)]
    assert caplog.messages == [
        "mine: left out 2 documents without text",
        "mine: left out 1 queries without text",
        "mine: left out 1 repeated judgments",
        "mine: left out 3 judgments of queries that have no text",
        "mine: left out 3 judgments of documents that have no text",
        "mine: no judgment has grade 0; grades found: 1 (1 judgments)",
    ]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (([], [("q", "a")], [("q", "d", 1)]), "none of its 0 documents has text"),
        (([("d", " ")], [("q", "a")], [("q", "d", 1)]), "none of its 1 documents has text"),
        (([("d", "a")], [], [("q", "d", 1)]), "no judgment has a grade of `relevant: [1]`"),
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
        "mine: left out 1 documents without text",
        "mine: left out 3 documents whose id came before",
    ]
    assert len(list(tmp_path.iterdir())) == 3


def test_script_refuses_the_users_mistakes(tmp_path):
    (tmp_path / "docs.tsv").write_text("d1\ta\nd2\t \n")
    (tmp_path / "queries.tsv").write_text("q1\ta\n")
    (tmp_path / "qrels.txt").write_text("q1 0 d1 1\n")
    source = {
        "source": "files",
        "documents": tmp_path / "docs.tsv",
        "queries": tmp_path / "queries.tsv",
        "qrels": tmp_path / "qrels.txt",
    }
    outputs = [tmp_path / "out" / name for name in ("d.parquet", "q.parquet", "j.parquet")]
    settings = {"collection": "mine", "source": source, "relevant": [1], "non_relevant": []}
    with pytest.raises(UserError, match=r"docs.tsv, line 2: document 'd2' has no text"):
        prepare_collection.main(*outputs, **settings, seed=0)
    assert list((tmp_path / "out").iterdir()) == []
    (tmp_path / "docs.tsv").write_text("d1\ta\nd2\tb\n")
    prepare_collection.main(*outputs, **settings, seed=0)
    assert [len(pl.read_parquet(path)) for path in outputs] == [2, 1, 1]


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
        relevant=sorted(grades.keys() - {0}),
        non_relevant=sorted(grades.keys() & {0}),
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
            *outputs, collection="c", source=source, relevant=[2, 3], non_relevant=[0], seed=0
        )
        n_queries.append(len(pl.read_parquet(outputs[1])))
    assert sum(n_queries) == 43


def test_cranfield_passes_without_its_two_documents_that_have_no_text(tmp_path):
    source = files(COLLECTIONS / "cranfield")
    outputs = [tmp_path / name for name in ("documents", "queries", "qrels")]
    settings = {"collection": "c", "relevant": [1, 2, 3, 4], "non_relevant": [0], "seed": 0}
    with pytest.raises(UserError, match=r"docs.tsv, line 471: document '471' has no text"):
        prepare_collection.main(*outputs, source=source, **settings)
    for key, of_empty in (
        ("documents", lambda line: line.split("\t")[0] in ("471", "995")),
        ("qrels", lambda line: line.split()[2] in ("471", "995")),
    ):
        lines = source[key].read_text().splitlines(keepends=True)
        source[key] = tmp_path / source[key].name
        source[key].write_text("".join(line for line in lines if not of_empty(line)))
    prepare_collection.main(*outputs, source=source, **settings)
    documents, queries, qrels = (pl.read_parquet(path) for path in outputs)
    assert (len(documents), len(queries)) == (1398, 225)
    # The maker's README counts 734 of grade 2; one of them judges document 995.
    assert dict(qrels.group_by("grade").len().iter_rows()) == {
        0: 225,
        1: 363,
        2: 733,
        3: 387,
        4: 128,
    }
