"""What the benchmarks compute beside times is right, and every one of them can be started."""

import importlib
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import compare_studies
import quadrature
import rankers

BENCHMARKS = sorted(Path(rankers.__file__).parent.glob("*.py"))


@pytest.mark.parametrize("name", [path.stem for path in BENCHMARKS])
def test_every_benchmark_imports(name):
    assert importlib.import_module(name).__doc__


@pytest.mark.parametrize("n_nodes", [3, 6])
def test_gauss_legendre_is_exact_for_polynomials(n_nodes):
    random = np.random.default_rng(n_nodes)
    y, g = (np.poly1d(random.normal(size=n_nodes)) for _ in range(2))
    grid = quadrature.GaussGrid(n_nodes)
    points = np.array(grid.wanted(100))
    (element,) = grid.add(points, [], [], None)
    exact = (g * y.deriv()).integ()
    found = g(points) @ element.matrix @ y(points)
    assert found == pytest.approx(exact(1.0) - exact(0.0), rel=1e-9)
    assert grid.wanted(100) == ()


def test_studies_are_compared_scheme_by_scheme(tmp_path, monkeypatch, capsys):
    def write(name, neurons) -> str:
        frame = pl.DataFrame({"neuron": neurons}).with_columns(
            scheme=pl.lit("P_a"), top_percent=pl.lit(1.0), layer=0, component=pl.lit("key")
        )
        (tmp_path / name).mkdir()
        frame.write_parquet(tmp_path / name / "schemes.parquet")
        return str(tmp_path / name)

    folders = [write("one", [1, 2, 3]), write("two", [2, 3, 4, 5])]
    monkeypatch.setattr(sys, "argv", ["compare_studies", *folders])
    compare_studies.main()
    assert "| P_a | 50.0 (4) |" in capsys.readouterr().out


def test_texts_have_the_lengths_of_passages():
    pairs = rankers.texts(200)
    assert pairs == rankers.texts(200)
    lengths = [len(passage.split()) for _, passage in pairs]
    assert 60 < np.median(lengths) < 85 and max(lengths) > 120
