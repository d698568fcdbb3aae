"""Reading the user's files: against other readers, and every mistake with its file and line."""

import csv
import gzip
import io
import json
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_datasets.formats import TrecQrels, TsvDocs
from ir_datasets.util import LocalDownload

from relevance_neurons.collections.file_formats import count_lines
from relevance_neurons.collections.ids import Ids
from relevance_neurons.collections.user_files import read_judgments, read_texts
from relevance_neurons.errors import UserError

QUERIES, DOCUMENTS = {"q1", "q2"}, {"d1", "d2"}
BEIR = "query-id\tcorpus-id\tscore\n"
LETTERS = st.characters(exclude_categories=["Cs"])
IDS = st.text(LETTERS, min_size=1, max_size=8).filter(lambda text: text.split() == [text])
TEXTS = st.text(LETTERS, max_size=40).filter(lambda text: text.split())


def read(path, kind="document"):
    return list(read_texts(path, kind, Ids()))


def write(path, content):
    content = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def as_tsv(rows):
    return "".join(f"{id_}\t{' '.join(text.split())}\n" for id_, text in rows)


def as_csv(rows):
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([("doc_id", "text"), *rows])
    return stream.getvalue()


def as_jsonl(rows):
    return "".join(json.dumps({"_id": id_, "text": text}) + "\n" for id_, text in rows)


@pytest.mark.parametrize("ending", ["", ".gz"])
@pytest.mark.parametrize(
    ("extension", "spell"), [(".tsv", as_tsv), (".csv", as_csv), (".jsonl", as_jsonl)]
)
def test_every_text_comes_back_on_one_line(tmp_path_factory, extension, spell, ending):
    path = tmp_path_factory.mktemp("texts") / f"docs{extension}{ending}"

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(IDS, TEXTS), min_size=1, max_size=5, unique_by=lambda row: row[0]))
    def check(rows):
        # What another test is about: a first line that looks like a header, or begins with a BOM.
        rows = [("first", "one"), *(row for row in rows if row[0] != "first")]
        assert read(write(path, spell(rows))) == [(i, " ".join(t.split())) for i, t in rows]

    check()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=60), st.sampled_from([".tsv", ".csv", ".jsonl", ".tsv.gz", ".txt"]))
def test_any_bytes_are_read_or_refused_in_one_line(tmp_path_factory, content, extension):
    path = tmp_path_factory.getbasetemp() / f"fuzz{extension}"
    path.write_bytes(content)
    for reader in (
        lambda: read(path),
        lambda: list(read_judgments(path, QUERIES, DOCUMENTS)),
    ):
        try:
            assert reader()
        except UserError as error:
            assert str(path) in str(error)
            assert "\n" not in str(error)


def test_same_as_the_readers_of_ir_datasets(tmp_path):
    docs = write(tmp_path / "docs.tsv", "d1\tétude of  wings\nd2\t日本\n")
    qrels = write(tmp_path / "qrels.txt", "q1 0 d1 1\nq1 0 d2 -1\n\nq2\tQ0\td1\t3\n")
    theirs = TsvDocs(LocalDownload(docs)).docs_iter()
    assert read(docs) == [(doc.doc_id, " ".join(doc.text.split())) for doc in theirs]
    theirs = TrecQrels(LocalDownload(qrels), {}).qrels_iter()
    judgments = list(read_judgments(qrels, QUERIES, DOCUMENTS))
    assert judgments == [(row.query_id, row.doc_id, row.relevance) for row in theirs]


def test_the_layout_of_beir(tmp_path):
    texts = '{"_id": "d1", "title": "T", "text": "x", "metadata": {}}\n{"_id": "d2", "title": "", '
    path = write(tmp_path / "corpus.jsonl", texts + '"text": "y"}\n')
    assert read(path) == [("d1", "T x"), ("d2", "y")]
    judgments = [("q1", "d1", 1), ("q2", "d2", 0)]
    beir = write(tmp_path / "test.tsv", BEIR + "q1\td1\t1\r\n\nq2\td2\t0\n")
    trec = write(tmp_path / "qrels.txt", "q1 0 d1 1\nq2 0 d2 0\n")
    assert list(read_judgments(beir, QUERIES, DOCUMENTS)) == judgments
    assert list(read_judgments(trec, QUERIES, DOCUMENTS)) == judgments


def test_forms_that_are_allowed(tmp_path):
    jsonl = '{"id": 7, "title": "T", "text": "x", "more": [1]}\n\n{"_id": "8", "text": "y"}'
    assert read(write(tmp_path / "a.jsonl", jsonl)) == [("7", "T x"), ("8", "y")]
    table = '\ufeffText,ID,title\r\n"two\r\nlines, ""quoted""",1,T\r\nz,2,\r\n'
    assert read(write(tmp_path / "b.csv", table)) == [("1", 'T two lines, "quoted"'), ("2", "z")]
    tsv = '\ufeffq1\t"a\u2028b\r\n\r\nq2\tc'
    assert read(write(tmp_path / "C.TSV", tsv), "query") == [("q1", '"a b'), ("q2", "c")]
    both = '{"id": "no", "query_id": "yes", "text": "x"}'
    assert read(write(tmp_path / "d.jsonl", both), "query") == [("yes", "x")]


MISTAKES = [
    ("a.tsv", b"", "a.tsv: empty"),
    ("a.tsv", b"\n\n", "a.tsv: empty"),
    ("a.csv", b"doc_id,text\n", "a.csv: empty"),
    ("a.jsonl.gz", b"", "a.jsonl.gz: empty"),
    ("a.json", b"{}", "a.json: extension '.json' is unknown; .tsv, .csv and .jsonl"),
    ("a.gz", b"", "a.gz: extension '' is unknown"),
    ("a.tsv", b"1\ta\n2\tb\xe9\n", "a.tsv, line 2: byte 4 of the line (0xe9) is not UTF-8"),
    ("a.tsv", b"\xef\xbb\xbf1\t\xff\n", "a.tsv, line 1: byte 6 of the line (0xff) is not UTF-8"),
    ("a.tsv", "1\ta\n2 b\n", "a.tsv, line 2: 1 columns; 2 are allowed"),
    ("a.tsv", "1\ta\tb\n", "a.tsv, line 1: 3 columns; 2 are allowed"),
    ("a.tsv", "doc_id\ttext\n1\ta\n", "a.tsv, line 1: looks like a header"),
    ("a.tsv", "1\ta\n\tb\n", "a.tsv, line 2: the document id '' is empty or holds space"),
    ("a.tsv", "1 2\ta\n", "a.tsv, line 1: the document id '1 2' is empty or holds space"),
    ("a.tsv", "1\ta\n2\t\n", "a.tsv, line 2: document '2' has no text"),
    ("a.tsv", "1\ta\n2\t \u00a0\u2003\n", "a.tsv, line 2: document '2' has no text"),
    ("a.tsv", "1\ta\n2\tb\n\n1\tc\n", "a.tsv, line 4: the document id '1' is there already, on li"),
    ("a.csv", "name,text\n1,a\n", "a.csv, line 1: found 'name', 'text'; needed are 'text' and"),
    ("a.csv", "doc_id,body\n1,a\n", "a.csv, line 1: found 'doc_id', 'body'; needed are 'text'"),
    ("a.csv", 'id,text\n1,"a\nb"\n2\n', "a.csv, line 4: 1 columns; the header has 2"),
    ("a.csv", 'id,text\n1,a\n2,"b\nc\n', "a.csv, line 3: not CSV (unexpected end of data)"),
    ("a.csv", 'id,text\n1,"a\nb"\n1,c\n', "a.csv, line 4: the document id '1' is there already,"),
    ("a.jsonl", '{"id": 1, "text": "a"}\n{"id"\n', "a.jsonl, line 2: not JSON (Expecting ':'"),
    ("a.jsonl", "[1]\n", "a.jsonl, line 1: a list; one JSON object a line"),
    ("a.jsonl", '{"text": "a"}\n', "a.jsonl, line 1: found 'text'; needed are 'text' and one of"),
    ("a.jsonl", '{"id": true, "text": "a"}', "a.jsonl, line 1: the id is True; a string is all"),
    ("a.jsonl", '{"id": "1", "text": null}', "a.jsonl, line 1: the text is None; a string is"),
    ("a.jsonl", '{"id": "1", "title": 0, "text": "a"}', "line 1: the title is 0; a string is"),
    ("a.jsonl", '{"id": "1", "text": "\\ud800"}', "line 1: the text holds a lone surrogate"),
    ("a.jsonl", '{"id": ' + "9" * 5000 + ', "text": "a"}', "a.jsonl, line 1: not JSON"),
]


@pytest.mark.parametrize(("name", "content", "message"), MISTAKES)
def test_mistakes_in_texts(tmp_path, name, content, message):
    with pytest.raises(UserError) as caught:
        read(write(tmp_path / name, content))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_duplicate_names_both_lines(tmp_path):
    path = write(tmp_path / "a.csv", 'id,text\n1,"a\nb"\n2,c\n\n2,d\n')
    with pytest.raises(UserError, match=r"line 6: the document id '2' .* on line 4$"):
        read(path)


def test_an_unclosed_quote_does_not_swallow_a_large_file(tmp_path):
    path = write(tmp_path / "a.csv", 'id,text\n1,a\n2,"b\n' + "x" * 99 + "\n" + "y\n" * 10_000_000)
    with pytest.raises(UserError, match=r"line 3: not CSV .*is a quote left open"):
        read(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "qrels.txt: empty"),
        ("q1 0 d1\n", "qrels.txt, line 1: 3 columns; 4 are allowed: query_id iteration doc_id gr"),
        ("q1 d1 1\n", "iteration doc_id grade (or the header query-id corpus-id score)"),
        ("query_id iteration doc_id grade\n", "line 1: the grade 'grade' is no integer"),
        ("query-id\tcorpus-id\tscore\n", "qrels.txt: empty"),
        (f"{BEIR}q1\td1\t1\nq1 0 d2 1\n", "line 3: 4 columns; 3 are allowed: query-id corpus-id s"),
        (f"\n{BEIR}q1\td1\tone\n", "qrels.txt, line 3: the grade 'one' is no integer"),
        (f"{BEIR}q1\td1\t1\nq1\td1\t2\n", "already, on line 2 (grade 1 there, 2 here)"),
        (f"q1 0 d1 1\n{BEIR}", "qrels.txt, line 2: 3 columns; 4 are allowed"),
        ("q1 0 d1 1\nq1 0 d2 1.0\n", "qrels.txt, line 2: the grade '1.0' is no integer"),
        ("q1 0 d1 1_0\n", "qrels.txt, line 1: the grade '1_0' is no integer"),
        ("q1 0 d1 ١\n", "line 1: the grade '١' is no integer"),
        ("q1 0 d1 9999999999\n", "line 1: the grade '9999999999' is no integer of up to 9 digits"),
        ("q1 0 d1 1\nq3 0 d1 1\n", "qrels.txt, line 2: query 'q3' is not among the queries"),
        ("\nq1 0 d9 1\n", "qrels.txt, line 2: document 'd9' is not among the documents"),
        ("q1 0 d1 1\n\nq1 0 d1 1\n", "line 3: query 'q1' and document 'd1' are judged already, on"),
        ("q2 0 d1 2\nq1 0 d1 1\nq1 0 d1 0\n", "already, on line 2 (grade 1 there, 0 here)"),
        (b"q1 0 d1 1\xff\n", "qrels.txt, line 1: byte 10 of the line (0xff) is not UTF-8"),
    ],
)
def test_mistakes_in_judgments(tmp_path, content, message):
    with pytest.raises(UserError) as caught:
        list(read_judgments(write(tmp_path / "qrels.txt", content), QUERIES, DOCUMENTS))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "reader", [read, lambda path: list(read_judgments(path, "", "")), count_lines]
)
def test_files_that_cannot_be_read(tmp_path, reader):
    with pytest.raises(UserError, match=r"none.tsv: cannot be read: No such file"):
        reader(tmp_path / "none.tsv")
    (tmp_path / "folder.tsv").mkdir()
    with pytest.raises(UserError, match=r"folder.tsv: cannot be read: Is a directory"):
        reader(tmp_path / "folder.tsv")
    for name, content in [
        ("plain.tsv.gz", b"\n\n"),
        ("cut.tsv.gz", gzip.compress(b"\n\n\n")[:-9]),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=f"{name}: not a whole gzip file"):
            reader(tmp_path / name)


def test_counts_lines(tmp_path):
    assert count_lines(write(tmp_path / "a.tsv", "1\ta\n2\tb\n")) in (2, 3)
    assert count_lines(write(tmp_path / "b.tsv.gz", "1\ta\n2\tb")) == 2


@pytest.mark.parametrize("extension", [".tsv", ".csv", ".jsonl"])
def test_streams(tmp_path, extension):
    spell = {".tsv": as_tsv, ".csv": as_csv, ".jsonl": as_jsonl}[extension]
    rows = ((str(number), "word" * 500) for number in range(10_000))
    path = write(tmp_path / f"docs{extension}", spell(rows))
    assert path.stat().st_size > 19_000_000
    tracemalloc.start()
    n = sum(1 for _ in read_texts(path, "document", Ids()))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 10_000
    assert peak < 3_000_000
