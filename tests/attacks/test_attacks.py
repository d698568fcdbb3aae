"""What abuse of the user's own files comes to: the right rows, or one line that says what is wrong.

Each file beside this one is a table of attempts. One names the files that differ from those of a
small collection, and either the rows that are right or words of the message.
"""

import runpy
from pathlib import Path

import polars as pl
import pytest

from relevance_neurons.errors import UserError
from workflow_scripts.collections import prepare_collection

FILES = {
    "documents.tsv": "d1\tone\nd2\ttwo\n",
    "queries.tsv": "q1\ta question\n",
    "qrels.txt": "q1 0 d1 1\nq1 0 d2 0\n",
}
ROWS = {
    "documents": [("d1", "one"), ("d2", "two")],
    "queries": [("q1", "a question")],
    "qrels": [("q1", "d1", 1), ("q1", "d2", 0)],
}
ATTEMPTS = {
    f"{path.stem}: {name}": attempt
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if path != Path(__file__)
    for name, attempt in runpy.run_path(str(path))["ATTEMPTS"].items()
}


def prepare(folder, attempt):
    """The three tables of the collection, with the attempt's files in place of the right ones."""
    source = {"source": "files"}
    for name, content in (FILES | attempt).items():
        if "." in name:
            path = folder / name
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            source[name.split(".")[0]] = path
    outputs = [folder / "out" / f"{name}.parquet" for name in ROWS]
    prepare_collection.main(
        *outputs, collection="c", source=source, judgments=lists([1], [0]), seed=0
    )
    return {
        name: pl.read_parquet(path).drop("own_document", "label", "gain", strict=False).rows()
        for name, path in zip(ROWS, outputs, strict=True)
    }


def lists(relevant, non_relevant):
    return {"relevant": relevant, "non_relevant": non_relevant}


@pytest.mark.parametrize("name", ATTEMPTS)
def test_the_right_rows_or_one_line(tmp_path, name):
    attempt = ATTEMPTS[name]
    if "says" not in attempt:
        assert prepare(tmp_path, attempt) == ROWS | {k: attempt[k] for k in ROWS if k in attempt}
        return
    with pytest.raises(UserError) as caught:
        prepare(tmp_path, attempt)
    message = str(caught.value)
    assert attempt["says"] in message
    assert message.isprintable() and len(message) < 500 + len(str(tmp_path))
    assert "; " in message  # what is wrong; what to do
    assert list((tmp_path / "out").iterdir()) == []
