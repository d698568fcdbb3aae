"""Judgments that other tools take in part, or for others."""

REFUSED = {
    "empty": ("", "qrels.txt: empty"),
    "blank": (" \n\t\n", "qrels.txt: empty"),
    "a run": ("q1 Q0 d1 1 9.5 bm25\n", "line 1: 6 columns; 4 are allowed"),
    "a header within": ("q1 0 d1 1\nquery-id corpus-id score\n", "line 2: 3 columns"),
    "a header of others": (
        "topic\titer\tdocno\trel\nq1\t0\td1\t1\n",
        "line 1: looks like a header",
    ),
    "documents first": ("d1 0 q1 1\n", "the judgments (1) are all of queries"),
    "spaces in ids, no tabs": ("q1 0 New York 1\n", "tabs are needed between the columns"),
    "an empty column": ("q1\t\td1\t1\n", "line 1: 3 columns"),
    "half a grade": ("q1 0 d1 0.5\n", "the grade '0.5' is no integer"),
    "hexadecimal": ("q1 0 d1 0x1\n", "the grade '0x1' is no integer"),
    "an exponent": ("q1 0 d1 1e0\n", "the grade '1e0' is no integer"),
    "without end": ("q1 0 d1 " + "9" * 10_000 + "\n", "is no integer of up to 9 digits"),
    "digits of another script": ("q1 0 d1 ١\n", "the grade '١' is no integer"),
    "two grades": ("q1 0 d1 1\nq1 0 d1 2\n", "judged already, on line 1 (grade 1 there, 2 here)"),
    "no grade that counts": ("q1 0 d1 5\n", "no judgment has a grade of `relevant: [1]`"),
}

ATTEMPTS = {name: {"qrels.txt": text, "says": says} for name, (text, says) in REFUSED.items()} | {
    "the same again": {"qrels.txt": "q1 0 d1 1\nq1 0 d2 0\nq1 1 d1 1\n"},
    "floats that are whole": {"qrels.txt": "q1 0 d1 1.0\nq1 0 d2 0.\n"},
    "of what is not there": {"qrels.txt": "q1 0 d1 1\nq9 0 d1 1\nq1 0 d9 1\nq1 0 d2 0\n"},
    "below zero": {
        "qrels.txt": "q1 0 d1 1\nq1 0 d2 -1 \n",
        "qrels": [("q1", "d1", 1), ("q1", "d2", -1)],
    },
    "capitals": {"qrels.txt": "Query-ID\tCorpus-ID\tScore\nq1\td1\t1\nq1\td2\t0\n"},
}
