"""Ids that look like paths, queries, patterns or numbers: they are names, and nothing else."""

PAIRS = {
    "paths": ("../../etc/passwd", "/dev/null"),
    "SQL": ("'; DROP TABLE documents; --", "' OR '1'='1"),
    "patterns": ("*", "[a-z]?.*"),
    "formats": ("%s%n", "{0.__class__}"),
    "a shell's": ("$(reboot)", "`ls` | a & b > c"),
    "zeros in front": ("007", "7"),
    "numbers": ("1e5", "100000.0"),
    "nothings": ("null", "NaN"),
    "more than 64 bits": ("9" * 40, "9" * 39 + "8"),
    "spaces": ("New York", "New  York"),
    "capitals": ("a", "A"),
    "one letter, two spellings": ("\u00e9", "e\u0301"),
    "from right to left": ("אב", "\u202bאב\u202c"),
    "a thousand letters": ("x" * 1000, "x" * 999),
}

ATTEMPTS = {
    name: {
        "documents.tsv": f"{one}\tone\n{other}\ttwo\n",
        "qrels.txt": f"q1\t0\t{one}\t1\nq1\t0\t{other}\t0\n",
        "documents": [(one, "one"), (other, "two")],
        "qrels": sorted([("q1", one, 1), ("q1", other, 0)]),
    }
    for name, (one, other) in PAIRS.items()
} | {
    "empty": {"documents.tsv": "\tone\n", "says": "line 1: the document id '' is empty"},
    "space at the end": {
        "documents.tsv": "d1 \tone\n",
        "says": "the document id 'd1 ' is empty, b",
    },
    "NUL, which would cut it": {"documents.tsv": "d1\0a\tone\n", "says": "or a control character"},
    "a line end": {"documents.csv": 'id,text\n"d\n1",one\n', "says": "id 'd\\n1' is empty, begins"},
    "an object": {
        "documents.jsonl": '{"_id": {"$oid": "1"}, "text": "a"}',
        "says": "the id is {'$",
    },
    "true": {"documents.jsonl": '{"id": true, "text": "a"}', "says": "the id is True; a string"},
    "a fraction": {
        "documents.jsonl": '{"id": 1.0, "text": "a"}',
        "says": "the id is 1.0; a string",
    },
    "more digits than Python reads": {
        "documents.jsonl": f'{{"id": {"9" * 5000}, "text": "a"}}',
        "says": "line 1: not JSON",
    },
    "numbers of JSON": {
        "documents.jsonl": f'{{"id": {2**70}, "text": "one"}}\n{{"id": -0, "text": "two"}}',
        "qrels.txt": f"q1 0 {2**70} 1\nq1 0 0 0\n",
        "documents": [(str(2**70), "one"), ("0", "two")],
        "qrels": [("q1", "0", 0), ("q1", str(2**70), 1)],
    },
    "twice": {
        "documents.tsv": "d1\tone\nd2\ttwo\nd1\tone\n",
        "says": "line 3: the document id 'd1'",
    },
}
