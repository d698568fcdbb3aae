"""Texts and objects that break readers, terminals or the tables behind them."""

ODD = {
    "NUL": "a\0b",
    "escapes of a terminal": "\x1b[2Ja\x07",
    "from right to left": "\u202eabc\u2066 אבג",
    "marks on one letter": "a" + "\u0301" * 10_000,
    "a formula": "=cmd|' /C calc'!A0",
    "quotes left open": "\"a 'b `c",
    "words joined within": "می\u200cخواهم",
    "beyond the basic plane": "𝔘𐀀👩\u200d👩",
    "a million letters": "x" * 1_000_000,
}
NESTED = 200_000

ATTEMPTS = {
    name: {"documents.tsv": f"d1\t{text}\nd2\ttwo\n", "documents": [("d1", text), ("d2", "two")]}
    for name, text in ODD.items()
} | {
    "nothing to see": {
        "documents.tsv": "d1\tone\nd2\t\u200b\u00ad\u2800\ufeff\n",
        "documents": [("d1", "one")],
        "qrels": [("q1", "d1", 1)],
    },
    "nothing to see anywhere": {"documents.tsv": "d1\t\u200b\n", "says": "none of its 1 documents"},
    "no query to see": {
        "queries.tsv": "q1\t\u2060\n",
        "says": "the judgments (2) are all of queries",
    },
    "a column too many": {"documents.tsv": "d1\tone\ttwo\n", "says": "line 1: 3 columns"},
    "a header": {"queries.tsv": "qid\tquery\nq1\ta\n", "says": "line 1: looks like a header"},
    "a quote that is never closed": {
        "documents.csv": 'doc_id,text\nd1,"one\n' + "d2,two\n" * 1000,
        "says": "line 2: not CSV",
    },
    "a CSV file of Excel": {"documents.csv": "doc_id;text\nd1;one\n", "says": "by ';'; commas"},
    "nested lists": {
        "documents.jsonl": '{"id": "d1", "text": ' + "[" * NESTED + "]" * NESTED + "}",
        "says": "line 1: not JSON",
    },
    "nested objects, ignored": {
        "documents.jsonl": '{"id": "d1", "text": "one", "metadata": {"a": {"text": [null]}}}\n'
        '{"id": "d2", "text": "two"}',
    },
    "half a surrogate pair": {
        "documents.jsonl": '{"id": "d1", "text": "\\ud83d"}',
        "says": "line 1: the text holds a lone surrogate",
    },
    "a whole one": {
        "documents.jsonl": '{"id": "d1", "text": "\\ud83d\\ude00"}\n{"id": "d2", "text": "two"}',
        "documents": [("d1", "😀"), ("d2", "two")],
    },
    "no number": {"documents.jsonl": '{"id": "d1", "text": NaN}', "says": "the text is nan; a str"},
    "a list of all": {
        "documents.jsonl": '[{"id": "d1", "text": "one"}]',
        "says": "a list; one JSON",
    },
    "half an object": {"documents.jsonl": '{"id": "d1", "te', "says": "line 1: not JSON"},
}
