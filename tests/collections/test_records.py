"""Records of files whose first line, or whose keys, name the columns."""

import gzip

import pytest

from relevance_neurons import UserError
from relevance_neurons.collections.records import read_records

NEEDED = ("query", "passage")
LONG = "word " * 40_000
FILES = {
    "a.tsv": f'\ufeffQuery\t Passage\tdoc_id\r\n"a"\t{LONG}\t007\r\n\r\nb\tc\t\r\n',
    "a.csv": f'\ufeffQuery, Passage,doc_id\n"""a""","{LONG}",007\n\nb,c,\n',
    "a.jsonl": f'{{"Query": "\\"a\\"", " Passage": "{LONG}", "doc_id": "007"}}\n\n'
    '{"query": "b", "passage": "c", "doc_id": ""}\n',
}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_all_forms_say_the_same(tmp_path, name, ending):
    path = tmp_path / (name + ending)
    text = FILES[name].encode()
    path.write_bytes(gzip.compress(text) if ending else text)
    found = list(read_records(path, NEEDED))
    start = 1 if name == "a.jsonl" else 2
    assert found == [
        (start, {"query": '"a"', "passage": LONG, "doc_id": "007"}),
        (start + 2, {"query": "b", "passage": "c", "doc_id": ""}),
    ]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", "query;passage\na;b\n", "line 1: no column 'query'"),
        ("a.csv", 'query,passage\n"a\nb",c,d\n', "line 2: 3 columns; the header has 2: a text"),
        ("a.csv", 'query,passage\n"a\nb",c\nd,"e\n', "line 4: not CSV .*is a quote left open"),
        ("a.tsv", "query\tpassage\na\tb\tc\n", "line 2: 3 columns; the header has 2: tabs"),
        ("a.tsv", "query\tpassage\tQuery\na\tb\tc\n", "line 1: two columns are called 'query'"),
        ("a.jsonl", '{"Query": "a", "query": "b", "passage": "c"}\n', "two columns are called"),
        ("a.jsonl", '{"query": "a"}\n', "line 1: no column 'passage'; .* names query, passage"),
        ("a.jsonl", '["a", "b"]\n', "line 1: a list; one JSON object"),
        ("a.tsv", "query\tpassage\n", "empty; at least one line"),
        ("a.txt", "query\tpassage\n", "extension '.txt' is unknown"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path, name, text, message):
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        list(read_records(tmp_path / name, NEEDED))
