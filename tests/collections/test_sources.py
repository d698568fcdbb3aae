"""The three sources: against the readers of ir_datasets, and what a user reads when one fails."""

import errno

import ir_datasets
import polars as pl
import pytest
from ir_datasets.datasets.base import Dataset, ExpectedFile
from ir_datasets.datasets.beir import BeirTitleDoc
from ir_datasets.datasets.wapo import TrecBackgroundLinkingQuery
from ir_datasets.formats import BaseDocs, BaseQueries, TrecQrels, TsvDocs, TsvQueries
from ir_datasets.util import Download, LocalDownload, RequestsDownload

from relevance_neurons.collections.datasets import FrameDocs, FrameQrels, FrameQueries
from relevance_neurons.collections.docstrings import docstring_collection
from relevance_neurons.collections.sources import open_dataset
from relevance_neurons.errors import UserError


@pytest.fixture
def paths(tmp_path):
    contents = {
        "documents": ("docs.tsv", "d1\tfirst  text\nd2\tsecond text\n"),
        "queries": ("queries.tsv", "q1\ta question\nq2\tanother\n"),
        "qrels": ("qrels.txt", "q1 0 d1 1\nq1 0 d2 0\nq2 0 d2 2\n"),
    }
    for name, content in contents.values():
        (tmp_path / name).write_text(content)
    return {key: tmp_path / name for key, (name, _) in contents.items()}


def rows(dataset):
    return (
        [(doc.doc_id, doc.default_text()) for doc in dataset.docs_iter()],
        [(query.query_id, query.default_text()) for query in dataset.queries_iter()],
        [(row.query_id, row.doc_id, row.relevance) for row in dataset.qrels_iter()],
    )


@pytest.fixture
def catalogue(monkeypatch):
    """Put datasets into the catalogue of ir_datasets for one test."""
    monkeypatch.setattr(ir_datasets.registry, "_registered", dict(ir_datasets.registry._registered))
    return ir_datasets.registry.register


def test_files_are_a_dataset_of_ir_datasets(paths, catalogue):
    dataset = open_dataset("files", paths, 0)
    assert isinstance(dataset, Dataset)
    catalogue("ours/test", dataset)
    theirs = Dataset(
        TsvDocs(LocalDownload(paths["documents"])),
        TsvQueries(LocalDownload(paths["queries"])),
        TrecQrels(LocalDownload(paths["qrels"]), {}),
    )
    documents, queries, judgments = rows(ir_datasets.load("ours/test"))
    assert documents == [("d1", "first text"), ("d2", "second text")]
    assert (queries, judgments) == rows(theirs)[1:]
    assert ir_datasets.load("ours/test").qrels_dict() == theirs.qrels_dict()
    assert dataset.docs_count() >= 2


def test_files_are_read_anew_where_ir_datasets_serves_its_stale_copy(paths):
    theirs = TsvDocs(LocalDownload(paths["documents"]))
    theirs.docs_store().build()
    paths["documents"].write_text("d1\tchanged\nd2\ttoo\n")
    assert next(iter(theirs.docs_iter())).text == "first  text"
    assert rows(open_dataset("files", paths, 0))[0] == [("d1", "changed"), ("d2", "too")]


def test_judgments_of_files_are_checked_against_documents_and_queries(paths):
    paths["qrels"].write_text("q1 0 d1 1\nq1 0 d3 1\n")
    strict = paths | {"on_dangling": "stop"}
    with pytest.raises(UserError, match=r"qrels.txt, line 2: document 'd3' is not among"):
        list(open_dataset("files", strict, 0).qrels_iter())
    assert [row[1] for row in rows(open_dataset("files", paths, 0))[2]] == ["d1", "d3"]
    paths["qrels"].write_text("q9 0 d1 1\n")
    with pytest.raises(UserError, match=r"qrels.txt, line 1: query 'q9' is not among"):
        rows(open_dataset("files", strict, 0))


@pytest.mark.parametrize("missing", [["qrels"], ["documents", "queries", "qrels"]])
def test_files_that_are_still_to_be_obtained(paths, missing):
    for key in missing:
        paths[key].unlink()
    settings = paths | {"obtain": "Register at the publisher,\n  unpack here.\n"}
    with pytest.raises(UserError) as caught:
        open_dataset("files", settings, 0)
    files = "; ".join(f"{key}: no file {paths[key]}" for key in missing)
    assert str(caught.value) == f"{files}; how to get them: Register at the publisher, unpack here."


def test_what_to_obtain_is_not_asked_where_files_are_there(paths):
    assert rows(open_dataset("files", paths | {"obtain": "Register."}, 0)) == rows(
        open_dataset("files", paths, 0)
    )


class Articles(BaseDocs):
    """Two articles with a title, as those of the Washington Post have one."""

    def docs_store(self):
        return self

    def get_many(self, doc_ids):
        titles = {"d1": "A title", "d2": None}
        return {name: BeirTitleDoc(name, "x", titles[name]) for name in doc_ids if name in titles}


def test_a_background_linking_query_is_its_articles_title(paths, catalogue):
    class Linking(BaseQueries):
        def queries_iter(self):
            for number, doc_id in enumerate(("d1", "d2", "d3")):
                yield TrecBackgroundLinkingQuery(f"q{number}", doc_id, "https://example.com")

    qrels = open_dataset("files", paths, 0).qrels_handler()
    catalogue("test/linking", Dataset(Articles(), Linking(), qrels))
    queries = list(open_dataset("ir_datasets", {"id": "test/linking"}, 0).queries_iter())
    assert [tuple(query) for query in queries] == [("q0", "A title"), ("q1", ""), ("q2", "")]


def test_docstrings_come_through_unchanged():
    frames = docstring_collection("json", part="all", queries=3, negatives=2, seed=3)
    settings = {"package": "json", "part": "all", "max_queries": 3, "negatives": 2}
    dataset = open_dataset("docstrings", settings, 3)
    documents, queries, judgments = rows(dataset)
    assert len(queries) == 3
    assert documents == frames[0].select("doc_id", "text").rows()
    assert queries == frames[1].select("query_id", "text").rows()
    assert judgments == frames[2].select("query_id", "doc_id", "grade").rows()
    assert dataset.docs_count() == len(documents) > 0


def test_catalogue_dataset_comes_through(paths, catalogue):
    dataset = open_dataset("files", paths, 0)
    catalogue("test/works", dataset)
    ours = open_dataset("ir_datasets", {"id": "test/works"}, 0)
    assert isinstance(ours, Dataset)
    assert rows(ours) == rows(dataset)
    assert ours.docs_count() == 0
    assert (
        open_dataset("ir_datasets", {"id": "msmarco-passage/dev/small"}, 0).docs_count() == 8841823
    )


def test_unknown_ids_and_sources():
    with pytest.raises(UserError, match=r"'beir/fika/test' is unknown; near: beir/fiqa/test"):
        open_dataset("ir_datasets", {"id": "beir/fika/test"}, 0)
    with pytest.raises(UserError, match=r"'nonsense' is unknown; near: "):
        open_dataset("ir_datasets", {"id": "nonsense"}, 0)
    with pytest.raises(UserError, match=r"has no queries, no qrels; .* subsets: msmarco-passage/"):
        open_dataset("ir_datasets", {"id": "msmarco-passage"}, 0)
    with pytest.raises(UserError, match="source 'web' is unknown; ir_datasets, files and docstrin"):
        open_dataset("web", {}, 0)


def unreachable(paths, mirrors):
    """A dataset whose judgments cannot be downloaded: nobody listens on port 9 of this machine."""
    urls = [RequestsDownload(f"http://127.0.0.1:9/{n}", tries=2) for n in range(mirrors)]
    return Dataset(
        TsvDocs(LocalDownload(paths["documents"])),
        TsvQueries(LocalDownload(paths["queries"])),
        TrecQrels(Download(urls), {}),
    )


@pytest.mark.parametrize("mirrors", [1, 3])
def test_failed_download(paths, catalogue, mirrors):
    catalogue("test/unreachable", unreachable(paths, mirrors))
    dataset = open_dataset("ir_datasets", {"id": "test/unreachable"}, 0)
    with pytest.raises(UserError) as caught:
        list(dataset.qrels_iter())
    message = str(caught.value)
    assert message.startswith("ir_datasets id 'test/unreachable': its judgments could not be read")
    assert "ConnectionError" in message
    assert f"bring the folder {ir_datasets.util.home_path()} here" in message
    assert "\n" not in message


@pytest.mark.parametrize("kind", ["logged", "raised"])
def test_documents_that_must_be_asked_for(paths, catalogue, tmp_path, kind):
    missing, instruction = tmp_path / "corpus.tgz", "Ask the publisher.\nLink the file here: {path}"
    source = (
        LocalDownload(missing, instruction.format(path=missing))
        if kind == "logged"
        else ExpectedFile(missing, instructions=instruction)
    )
    catalogue(
        "test/on-request",
        Dataset(
            TsvDocs(source),
            TsvQueries(LocalDownload(paths["queries"])),
            TrecQrels(LocalDownload(paths["qrels"]), {}),
        ),
    )
    with pytest.raises(UserError) as caught:
        list(open_dataset("ir_datasets", {"id": "test/on-request"}, 0).docs_iter())
    assert f"Ask the publisher. Link the file here: {missing}" in str(caught.value)
    assert str(caught.value).startswith("ir_datasets id 'test/on-request'")
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_not_taken_for_a_failed_download(paths, catalogue):
    class Full(BaseDocs):
        def docs_iter(self):
            raise OSError(errno.ENOSPC, "No space left on device")

    files = open_dataset("files", paths, 0)
    catalogue("test/full", Dataset(Full(), files.queries_handler(), files.qrels_handler()))
    with pytest.raises(OSError, match="No space left"):
        list(open_dataset("ir_datasets", {"id": "test/full"}, 0).docs_iter())


def test_frames_keep_their_order():
    frames = (
        pl.DataFrame({"text": ["b", "a"], "doc_id": ["2", "1"]}),
        pl.DataFrame({"query_id": ["q"], "text": ["t"]}),
        pl.DataFrame({"grade": [1, 0], "query_id": ["q", "q"], "doc_id": ["2", "1"]}),
    )
    dataset = Dataset(FrameDocs(frames[0]), FrameQueries(frames[1]), FrameQrels(frames[2]))
    assert rows(dataset) == ([("2", "b"), ("1", "a")], [("q", "t")], [("q", "2", 1), ("q", "1", 0)])
