"""Reading the user's files: against other readers, and every mistake with its file and line."""

import csv
import gzip
import io
import json
import tarfile
import tracemalloc
import zipfile

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ir_datasets.formats import TrecQrels, TsvDocs
from ir_datasets.util import LocalDownload

from relevance_neurons.collections import lines
from relevance_neurons.collections.ids import Ids
from relevance_neurons.collections.lines import count_lines
from relevance_neurons.collections.user_files import read_judgments, read_texts
from relevance_neurons.errors import UserError

QUERIES, DOCUMENTS = {"q1", "q2"}, {"d1", "d2"}
BEIR = "query-id\tcorpus-id\tscore\n"
# Without the byte order mark, which is dropped where a line begins with it.
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\ufeff")
VISIBLE = st.characters(categories=["L", "N", "P"], exclude_characters="\u115f\u1160\u3164\uffa0")
IDS = st.tuples(
    VISIBLE, st.text(st.characters(exclude_categories=["Cs", "C", "Zl", "Zp"]), max_size=8), VISIBLE
).map("".join)
TEXTS = st.tuples(st.text(LETTERS, max_size=20), VISIBLE, st.text(LETTERS, max_size=20)).map(
    "".join
)


def zipped(content):
    """The same bytes at any time: pytest's workers compare the names of tests."""
    return gzip.compress(content, mtime=0)


def read(path, kind="document", strict=False):
    return list(read_texts(path, kind, Ids(), strict))


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
        lambda: read(path, strict=True),
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
    ("a.tsv", "qid\tquery\n1\ta\n", "line 1: looks like a header ('qid', 'query'); a .tsv file"),
    ("a.tsv", "\nname\tText\n1\ta\n", "a.tsv, line 2: looks like a header"),
    ("a.tsv", "pid\tabstract of the work\n1\ta\n", "a.tsv, line 1: looks like a header"),
    ("a.tsv", "1\ta\n\tb\n", "a.tsv, line 2: the document id '' is empty, begins or ends with"),
    ("a.tsv", "1\ta\n2 \tb\n", "a.tsv, line 2: the document id '2 ' is empty, begins or ends"),
    ("a.tsv", "1\ta\n\u3000é\tb\n", "line 2: the document id '\\u3000é' is empty, begins or"),
    ("a.csv", 'id,text\n"a\nb",c\n', "a.csv, line 2: the document id 'a\\nb' is empty, begins"),
    ("a.csv", 'id,text\n"a\tb",c\n', "a.csv, line 2: the document id 'a\\tb' is empty, begins"),
    ("a.tsv", "a\0b\tc\n", "a.tsv, line 1: the document id 'a\\x00b' is empty, begins"),
    ("a.tsv", "\u200b\tc\n", "a.tsv, line 1: the document id '\\u200b' is empty, begins"),
    ("a.tsv", "1\ta\n2\tb\n\n1\tc\n", "a.tsv, line 4: the document id '1' is there already, on li"),
    ("a.csv", "name,text\n1,a\n", "a.csv, line 1: found 'name', 'text'; needed are 'text' and"),
    ("a.csv", "doc_id,body\n1,a\n", "a.csv, line 1: found 'doc_id', 'body'; needed are 'text'"),
    ("a.csv", "docno,contents\n1,a\n", "text): write 'doc_id' for 'docno', 'text' for 'contents'"),
    ("a.csv", "id,text,text\n1,a,b\n", "a.csv, line 1: two columns are called 'text'; keep one"),
    ("a.csv", "id;text\n1;a\n", "a.csv, line 1: columns are separated by ';'; commas are needed"),
    ("a.csv", "id\ttext\n1\ta\n", "a.csv, line 1: columns are separated by '\\t'; commas are"),
    ("a.csv", 'id,text\n1,"a\nb"\n2\n', "a.csv, line 4: 1 columns; the header has 2"),
    ("a.csv", 'id,text\n1,a\n2,"b\nc\n', "a.csv, line 3: not CSV (unexpected end of data)"),
    ("a.csv", 'id,text\n1,"a\nb"\n1,c\n', "a.csv, line 4: the document id '1' is there already,"),
    ("a.jsonl", '{"id": 1, "text": "a"}\n{"id"\n', "a.jsonl, line 2: not JSON (Expecting ':'"),
    ("a.jsonl", "[1]\n", "a.jsonl, line 1: a list; one JSON object a line"),
    ("a.jsonl", '{"text": "a"}\n', "a.jsonl, line 1: found 'text'; needed are 'text' and one of"),
    ("a.jsonl", '{"id": true, "text": "a"}', "a.jsonl, line 1: the id is True; a string is all"),
    (
        "a.jsonl",
        '{"ID": 1, "passage": "a"}',
        "text): write 'doc_id' for 'ID', 'text' for 'passage'",
    ),
    ("a.jsonl", '{"id": 1, "title": "a", "body": "b"}', "the text): write 'text' for 'body'"),
    ("a.jsonl", '[\n{"id": 1, "text": "a"}\n]\n', "a.jsonl, line 1: not JSON (Expecting value"),
    ("a.jsonl", '{"id": 1.0, "text": "a"}', "a.jsonl, line 1: the id is 1.0; a string is allowed"),
    ("a.jsonl", '{"id": "1", "text": ["a"]}', "a.jsonl, line 1: the text is ['a']; a string is"),
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
    with pytest.raises(UserError, match=r"line 6: the document id '2' .* on line 4; keep one"):
        read(path)


EMPTY = [
    ("a.tsv", "1\ta\n2\t\n"),
    ("a.tsv", "1\ta\n2\t \u00a0\u2003\u200b\u00ad\u2060\ufe0f\0\n"),
    ("a.csv", 'text,id\na,1\n"\n\u3164",2\n'),
    ("a.jsonl", '{"_id": "1", "text": "a"}\n{"_id": "2", "title": "", "text": ""}\n'),
    ("a.jsonl", '{"_id": 1, "text": "a"}\n{"_id": 2, "title": null, "text": null}\n'),
    ("a.jsonl", '{"_id": 1, "text": "a"}\n{"_id": 2, "metadata": {"url": "x"}}\n'),
]


@pytest.mark.parametrize(("name", "content"), EMPTY)
def test_a_text_without_a_visible_character_is_empty_or_refused(tmp_path, name, content):
    path = write(tmp_path / name, content)
    assert read(path) == [("1", "a"), ("2", "")]
    with pytest.raises(
        UserError, match=r"line [23]: document '2' has no text; .*on_dangling: drop$"
    ):
        read(path, strict=True)
    with pytest.raises(UserError, match=r"line [23]: query '2' has no text"):
        read(path, "query", strict=True)


def test_a_text_may_be_a_title_alone(tmp_path):
    path = write(tmp_path / "a.jsonl", '{"_id": "1", "title": "T"}\n{"_id": "2", "text": "a"}\n')
    assert read(path, strict=True) == [("1", "T"), ("2", "a")]


def test_ids_hold_spaces_and_zeros(tmp_path):
    ids = ["New York", "007", "7", "7.0", "日本 語", "a'b", "../x", "%d", "q\u00a01", "❤️"]
    path = write(tmp_path / "a.tsv", as_tsv((id_, "x") for id_ in ids))
    assert [id_ for id_, _ in read(path)] == ids
    lines = [f"{id_}\t0\t{id_}\t{grade}" for grade, id_ in enumerate(ids)]
    expected = [(id_, id_, grade) for grade, id_ in enumerate(ids)]
    trec = write(tmp_path / "qrels.txt", " \n".join(lines))
    assert list(read_judgments(trec, ids, ids)) == expected
    beir = write(tmp_path / "test.tsv", BEIR + "\r\n".join(lines).replace("\t0\t", "\t"))
    assert list(read_judgments(beir, ids, ids)) == expected


def test_what_is_no_header(tmp_path):
    for line in ("1\ttext", "name\ta text", "body of water\tlake", "query7\tquery"):
        path = write(tmp_path / "a.tsv", f"{line}\nx\ty\n")
        assert read(path)[0] == tuple(line.split("\t"))


OTHER_CONTENT = [
    ("a.tsv", zipped(b"1\ta\n"), "holds gzip, not text; add .gz to its name, or unpack it"),
    ("a.tsv.gz", b"1\ta\n", "not a gzip file; take .gz off its name, or compress it"),
    ("a.tsv.gz", zipped(zipped(b"1\ta\n")), "is gzip once more, not lines of text"),
    ("a.tsv", "1\ta\n".encode("utf-16"), "is UTF-16 or UTF-32, not UTF-8; save the file as UTF-8"),
    ("a.tsv", "1\ta\n".encode("utf-16-be"), "is UTF-16 or UTF-32, not UTF-8"),
    ("a.jsonl", '{"id": "1", "text": "日本"}'.encode("utf-16-le"), "is UTF-16 or UTF-32"),
    ("a.tsv.gz", zipped("1\ta\n".encode("utf-32")), "is UTF-16 or UTF-32"),
    ("a.tsv", b"1\ta\r2\tb\r", "its lines end in a carriage return alone"),
    ("a.csv", b"id,text\r1,a", "its lines end in a carriage return alone"),
    ("a.tsv", b"PK\x03\x04\x14\0\n", "is a zip archive or a workbook (.xlsx, .ods), not lines"),
    ("a.csv", b"\n <!DOCTYPE html>\n<html>\n", "is a web page, not lines of text"),
    ("a.tsv", b"version https://git-lfs.github.com/spec/v1\noid", "is a pointer of Git LFS"),
    ("a.tsv", b".I 1\n.T\nA title\n", "is in SMART's format"),
]


@pytest.mark.parametrize(("name", "content", "message"), OTHER_CONTENT)
def test_content_that_is_no_text_is_called_by_its_name(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    for reader in (read, read_judgments, count_lines):
        with pytest.raises(UserError) as caught:
            list(reader(path))
        assert str(caught.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize("form", ["parquet", "xlsx", "tar"])
def test_files_that_other_programs_write(tmp_path, form):
    path = tmp_path / "a.tsv"
    if form == "parquet":
        pl.DataFrame({"id": ["1"], "text": ["a"]}).write_parquet(path)
    elif form == "tar":
        with tarfile.open(path, "w") as archive:
            archive.add(__file__, "docs.tsv")
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("xl/workbook.xml", "<workbook/>")
    what = {"parquet": "a Parquet file", "xlsx": "a zip archive", "tar": "a tar archive"}[form]
    with pytest.raises(UserError, match=f"a.tsv: is {what}"):
        read(path)


def test_a_line_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "_LONGEST_LINE", 1000)
    path = write(tmp_path / "a.tsv.gz", "1\ta\n2\t" + "b" * 10_000)
    with pytest.raises(UserError, match="line 2: longer than 1000 bytes; one text a line"):
        read(path)


def test_files_that_were_put_together(tmp_path):
    mark = "\ufeff"
    path = write(tmp_path / "a.tsv", f"{mark}{mark}1\ta\r\n2\tb\n{mark}3\tc")
    assert read(path) == [("1", "a"), ("2", "b"), ("3", "c")]


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
        ("query_id iteration doc_id grade\n", "line 1: looks like a header ('query_id iteration "),
        ("qid\tdocno\tlabel\nq1\td1\t1\n", "line 1: looks like a header ('qid docno label'); writ"),
        ("q1 0 d1 0.5\n", "line 1: the grade '0.5' is no integer of up to 9 digits; write one"),
        ("q1 Q0 d1 1 9.5 bm25\n", "score): this is a line of a run, not of judgments"),
        ("q1 0 d 1 1\n", "score): where an id holds spaces, tabs are needed between the columns"),
        (
            f"{BEIR}q1 d 1 1\n",
            "line 2: 4 columns; 3 are allowed: query-id corpus-id score: where an",
        ),
        ("q 1\td1\t1\n", "line 1: 3 columns; 4 are allowed"),
        ("q 1\t0 d1 1\n", "score), with tabs between all of them or none"),
        ("query-id\tcorpus-id\tscore\n", "qrels.txt: empty"),
        (f"{BEIR}q1\td1\t1\nq1 0 d2 1\n", "line 3: 4 columns; 3 are allowed: query-id corpus-id s"),
        (f"\n{BEIR}q1\td1\tone\n", "qrels.txt, line 3: the grade 'one' is no integer"),
        (f"{BEIR}q1\td1\t1\nq1\td1\t2\n", "already, on line 2 (grade 1 there, 2 here)"),
        (f"q1 0 d1 1\n{BEIR}", "qrels.txt, line 2: 3 columns; 4 are allowed"),
        ("q1 0 d1 1_0\n", "qrels.txt, line 1: the grade '1_0' is no integer"),
        ("q1 0 d1 ١\n", "line 1: the grade '١' is no integer"),
        ("q1 0 d1 9999999999\n", "line 1: the grade '9999999999' is no integer of up to 9 digits"),
        ("q1 0 d1 1\nq3 0 d1 1\n", "qrels.txt, line 2: query 'q3' is not among the queries"),
        ("\nq1 0 d9 1\n", "qrels.txt, line 2: document 'd9' is not among the documents"),
        (
            "q2 0 d1 2\nq1 0 d1 1\n\nq1 0 d1 0\n",
            "line 4: query 'q1' and document 'd1' are judged al",
        ),
        ("q2 0 d1 2\nq1 0 d1 1\nq1 0 d1 0\n", "already, on line 2 (grade 1 there, 0 here); keep"),
        (b"q1 0 d1 1\xff\n", "qrels.txt, line 1: byte 10 of the line (0xff) is not UTF-8"),
    ],
)
def test_mistakes_in_judgments(tmp_path, content, message):
    with pytest.raises(UserError) as caught:
        list(read_judgments(write(tmp_path / "qrels.txt", content), QUERIES, DOCUMENTS))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_judgments_as_they_come(tmp_path):
    """Whole grades that pandas wrote, trailing space, a header in capitals, a line that repeats."""
    cranfield = write(tmp_path / "qrels.txt", "q1 0 d1 -1 \nq1 0 d2 4 \nq2 0 d1 1\t\nq1 0 d1 -1\n")
    judgments = [("q1", "d1", -1), ("q1", "d2", 4), ("q2", "d1", 1), ("q1", "d1", -1)]
    assert list(read_judgments(cranfield, QUERIES, DOCUMENTS)) == judgments
    beir = write(tmp_path / "test.tsv", "Query-ID corpus-id score\nq1\td1\t1.0\nq2\td1\t-2.00\n")
    assert list(read_judgments(beir)) == [("q1", "d1", 1), ("q2", "d1", -2)]


def test_judgments_of_what_is_not_there_pass_unless_asked(tmp_path):
    path = write(tmp_path / "qrels.txt", "q1 0 gone 1\ngone 0 d1 0\n")
    assert list(read_judgments(path)) == [("q1", "gone", 1), ("gone", "d1", 0)]


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
        ("broken.tsv.gz", zipped(b"\n\n\n")[:12] + b"\xff" * 20),
        ("cut.tsv.gz", zipped(b"\n\n\n")[:-9]),
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
