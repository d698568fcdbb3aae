"""Whoever writes typed scripts with the library is told of mistakes by a type checker."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
USE = """\
from typing import assert_type

import polars as pl
from relevance_neurons import Attribution, Neurons, Reranker, ablate, attribute, load_reranker

reranker = load_reranker("folder", max_length=128)
assert_type(reranker, Reranker)
assert_type(reranker.neurons, Neurons)
scores = attribute(reranker, [("query", "passage")], bootstrap_replicates=10)
assert_type(scores, Attribution)
assert_type(scores.frame(), pl.DataFrame)
with ablate(reranker, scores.frame().top_k(9, by="score")):
    reranker.score([("query", "passage")])
attribute(reranker, [("query", "passage")], bootstrap_replicates="many")
attribute("folder", [("query", "passage")])
ablate(reranker, scores)
"""
MISTAKES = {
    14: 'Argument "bootstrap_replicates" to "attribute" has incompatible type "str"',
    15: 'Argument 1 to "attribute" has incompatible type "str"; expected "Reranker"',
    16: 'Argument 2 to "ablate" has incompatible type "Attribution"',
}


def test_a_typed_script_is_checked(tmp_path):
    """By the lazily loaded names too; quick where ``make lint`` ran before, which left a cache."""
    script = tmp_path / "use.py"
    script.write_text(USE)
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml", str(script)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    # The path may be that of an earlier run, from the cache.
    found = re.findall(r"use\.py:(\d+): error: (.*)$", done.stdout, re.MULTILINE)
    told = {int(line): message for line, message in found}
    assert told.keys() == MISTAKES.keys(), done.stdout + done.stderr
    assert all(told[line].startswith(message) for line, message in MISTAKES.items()), told
