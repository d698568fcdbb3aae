"""Files that are not what their names say, or no text at all."""

import gzip

ATTEMPTS = {
    "junk": {"documents.tsv": bytes(range(128, 256)) * 40, "says": "is not UTF-8"},
    "zeros alone": {"documents.tsv": bytes(1000), "says": "line 1: 1 columns; 2 are allowed"},
    "a program": {"qrels.txt": b"\x7fELF\x02\x01\x01" + bytes(57), "says": "line 1: 1 columns"},
    "an archive": {"queries.tsv": b"PK\x03\x04\x14\x00", "says": "is a zip archive or a workbook"},
    "an archive as judgments": {"qrels.txt": b"PK\x03\x04\n", "says": "is a zip archive"},
    "a page of a proxy": {
        "qrels.txt": "<HTML><body>Sign in</body></HTML>",
        "says": "is a web page",
    },
    "gzip without its name": {"qrels.txt": gzip.compress(b"q1 0 d1 1\n"), "says": "add .gz"},
    "half a gzip file": {"documents.tsv.gz": gzip.compress(b"d1\ta\n")[:-5], "says": "not a whole"},
    # A hundred kilobytes that would fill the memory.
    "a line without end": {
        "documents.tsv.gz": gzip.compress(b"d1\t" + bytes(120_000_000), 1),
        "says": "line 1: longer than 100000000 bytes",
    },
    "UTF-16": {"documents.tsv": "d1\tone\nd2\ttwo\n".encode("utf-16"), "says": "is UTF-16"},
    "UTF-16 without its mark": {
        "qrels.txt": "q1 0 d1 1\n".encode("utf-16-be"),
        "says": "is UTF-16",
    },
    "Latin-1": {"queries.tsv": b"q1\tna\xefve\n", "says": "byte 6 of the line (0xef) is not UTF-8"},
    "an overlong slash": {"documents.tsv": b"d1\t\xc0\xaf\n", "says": "(0xc0) is not UTF-8"},
    "half a surrogate pair": {"documents.tsv": b"d1\t\xed\xa0\x80\n", "says": "is not UTF-8"},
    "lines of a classic Mac": {"qrels.txt": b"q1 0 d1 1\rq1 0 d2 0\r", "says": "a carriage return"},
    "mixed line ends, none at the end": {
        "documents.tsv": b"d1\tone\r\nd2\ttwo\n\r\n\nd3\tth\rree",
        "documents": [("d1", "one"), ("d2", "two"), ("d3", "th ree")],
    },
    "byte order marks wherever files were joined": {
        "documents.tsv": "\ufeff\ufeffd1\tone\n\ufeffd2\ttwo\n",
        "qrels.txt": "\ufeffq1 0 d1 1\n\ufeffq1 0 d2 0\n",
    },
    "a byte order mark alone": {"documents.tsv": "\ufeff", "says": "documents.tsv: empty"},
}
