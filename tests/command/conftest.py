"""A tiny ranker in a folder, and files of pairs and candidates beside it."""

import shutil
from pathlib import Path

import pytest

from toys.bert import PAIRS, make_model, make_tokenizer


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "RANKER"
    make_model().save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture
def here(tmp_path, monkeypatch, tiny_folder) -> Path:
    """A working directory with RANKER, pairs.tsv (both labels) and candidates.tsv."""
    shutil.copytree(tiny_folder, tmp_path / "RANKER")
    labels = ("relevant", "0", "1", "non_relevant")
    lines = [
        f"{query}\t{passage}\t{label}"
        for (query, passage), label in zip(PAIRS, labels, strict=True)
    ]
    (tmp_path / "pairs.tsv").write_text("\n".join(["query\tpassage\tlabel", *lines]) + "\n")
    rows = [
        f"q{q}\t{query}\td{d}\t{passage}\t{int(d in (q, q + 1))}"
        for q, (query, _) in enumerate(PAIRS)
        for d, (_, passage) in enumerate(PAIRS)
    ]
    head = "query_id\tquery\tdoc_id\tpassage\tgain"
    (tmp_path / "candidates.tsv").write_text("\n".join([head, *rows]) + "\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path
