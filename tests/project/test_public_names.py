"""The library's public names: each is there, and none is imported before it is used."""

import subprocess
import sys

import relevance_neurons


def test_every_public_name_is_there():
    for name in relevance_neurons.__all__:
        assert getattr(relevance_neurons, name).__name__ == name
    assert set(relevance_neurons._HOMES) == set(relevance_neurons.__all__)


def test_importing_the_library_imports_nothing_heavy():
    code = "import sys, relevance_neurons; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"torch", "pandas", "polars", "transformers", "duckdb", "pyterrier"}
    assert not heavy & set(run.stdout.split())
