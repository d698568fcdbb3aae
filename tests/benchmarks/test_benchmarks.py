"""What the benchmarks compute beside times is right, and every one of them can be started."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest

import quadrature
import rankers
from relevance_neurons.tokens.statistics import measure_statistics

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


def test_texts_have_the_lengths_of_passages():
    pairs = rankers.texts(200)
    assert pairs == rankers.texts(200)
    lengths = [len(passage.split()) for _, passage in pairs]
    assert 60 < np.median(lengths) < 85 and max(lengths) > 120


def test_methods_are_timed_on_a_rankers_own_pairs(ranker_folder, tmp_path, monkeypatch, capsys):
    texts = {"queries.tsv": "q1\twing lift\n", "docs.tsv": "d1\tthe flow of air\nd2\theat flow\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "qrels.txt").write_text("q1 0 d1 1\nq1 0 d2 0\n")
    methods = importlib.import_module("methods")
    options = ["--pairs", "2", "--max-length", "48", "--repeats", "1"]
    monkeypatch.setattr(sys, "argv", ["methods", str(ranker_folder), str(tmp_path), *options])
    methods.main()
    rows = [line.split(" | ")[0] for line in capsys.readouterr().out.splitlines()[2:]]
    assert {f"| {name}" for name in methods.CHEAP} < set(rows)
    assert rankers.judged_pairs(tmp_path, 9) == [
        ("wing lift", "the flow of air"),
        ("wing lift", "heat flow"),
    ]


def test_the_bottleneck_is_timed_against_a_loop_that_does_the_same(
    ranker_folder, monkeypatch, capsys
):
    tokens = importlib.import_module("tokens")
    options = ["--pairs", "2", "--repeats", "1", "--steps", "1", "--samples", "2"]
    options += ["--model", str(ranker_folder), "--max-length", "48", "--layers", "1"]
    monkeypatch.setattr(sys, "argv", ["tokens", *options])
    tokens.main()
    rows = [line.split(" | ")[0] for line in capsys.readouterr().out.splitlines()[4:]]
    assert rows == ["| layer 1 of 3", "| all layers"]

    ranker, frozen, _ = tokens.loaded(str(ranker_folder), 48)
    pairs = [("wing lift", "the flow of air"), ("heat", "the cell")]
    statistics = measure_statistics(ranker, pairs, "relevant")
    loop = tokens.PlainLoop(ranker, frozen, statistics, 1.0)
    found = loop.scores(ranker.encode(pairs)[0], 1, steps=1, samples=2)
    # In the first pass α is 5 everywhere; on the whole they then have the mean information.
    both = [loop.scores(one, 1, 1, 2).mean() / 16 for one in ranker.encode(pairs)]
    assert len(found) == len(ranker.encode(pairs)[0])
    assert np.mean(both) == pytest.approx(statistics.filter(layer=1)["information"][0], rel=1e-4)
