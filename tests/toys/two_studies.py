"""Databases of small made-up studies whose rankers, neurons and queries are known, to compare."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import duckdb
import numpy as np
import polars as pl

from relevance_neurons.ablation.significance import ablation_effects
from workflow_scripts.report import build_database

SCHEMA = Path(build_database.__file__).with_name("database_tables.sql")
N_LAYERS, COMPONENTS, SIZE = 2, ("query", "value"), 64
N_NEURONS = N_LAYERS * len(COMPONENTS) * SIZE
LEVELS = [0.1, 5.0, 10.0]
MAPS = [(name, label) for name in ("alpha", "beta") for label in ("relevant", "non_relevant")]
METHOD, TEST, N_QUERIES, POOL, DRAWS = "neuron_integrated_gradients", "test", 12, 4, 3
RANDOM = "random:P_alpha"
SETTINGS = {
    "seed": "0",
    "reranker.model": "made/up",
    "selection.top_percents": str(LEVELS),
    "selection.schemes.values.components": '["value"]',
}


def neurons() -> pl.DataFrame:
    """layer, component, neuron of every neuron, in the order that breaks ties."""
    rows = [(i, name, n) for i in range(N_LAYERS) for name in COMPONENTS for n in range(SIZE)]
    schema = {"layer": pl.Int32, "component": pl.String, "neuron": pl.Int32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def scores(seed: int) -> dict[tuple[str, str], np.ndarray]:
    """The maps: one order that all studies share, and noise of the study's own."""
    shared = np.random.default_rng(99).normal(size=(len(MAPS), N_NEURONS))
    own = np.random.default_rng(seed).normal(size=shared.shape)
    return dict(zip(MAPS, shared + 0.7 * own, strict=True))


def top(score: np.ndarray, level: float, among: np.ndarray | None = None) -> set[int]:
    """The neurons with the highest scores, at ``level`` percent of all; of ``among`` alone."""
    ranked = np.argsort(-score, kind="stable")
    chosen = ranked if among is None else [i for i in ranked if among[i]]
    return set(map(int, chosen[: round(level * N_NEURONS / 100)]))


def schemes(seed: int) -> dict[tuple[str, float], set[int]]:
    """(scheme, level) -> neurons; the intersection is empty at the lowest level."""
    maps = scores(seed)
    relevant = [maps[name, "relevant"] for name in ("alpha", "beta")]
    values = (neurons()["component"] == "value").to_numpy()
    found = {}
    for level in LEVELS:
        tops = [top(one, level) for one in relevant]
        found["P_alpha", level] = tops[0]
        found["P_and_all", level] = tops[0] & tops[1] if level > 1 else set()
        found["values", level] = top(relevant[0], level, values)
    return found


def values(seed: int) -> dict[tuple[str, float, int], np.ndarray]:
    """(scheme, level, draw) -> the measure of every query."""
    random = np.random.default_rng(seed + 1)
    original = random.uniform(0.5, 1, N_QUERIES)
    found = {("none", 0.0, 0): original, ("shuffled", 0.0, 0): 0.3 * original}
    for level in LEVELS[1:]:
        found["P_alpha", level, 0] = original * random.uniform(0.3, 1, N_QUERIES)
        for draw in range(DRAWS):
            found[RANDOM, level, draw] = original * random.uniform(0.9, 1.05, N_QUERIES)
    return found


def tables(name: str, seed: int = 0, /, **settings: str | None) -> dict[str, pl.DataFrame]:
    """The tables of a study; a setting of None is left out (dots are written as __)."""
    given = {key.replace("__", "."): value for key, value in settings.items()}
    study = {"study": name} | SETTINGS | given
    rows = [(key, value) for key, value in study.items() if value is not None]
    made = {"study": pl.DataFrame(rows, schema=["key", "value"], orient="row")}
    return made | _neuron_tables(seed) | _ranked_tables(seed)


def write(path: Path, made: Mapping[str, pl.DataFrame], without: Iterable[str] = ()) -> Path:
    """A database of ``made``; ``without``: tables or table.column that an older one lacks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(path)) as database:
        database.begin()  # much faster than a table at a time
        database.execute(SCHEMA.read_text(encoding="utf-8"))
        for table, frame in made.items():
            database.register("frame", frame)
            database.execute(f"INSERT INTO {table} BY NAME FROM frame")
            database.unregister("frame")
        for one in without:
            table, _, column = one.partition(".")
            database.execute(
                f"ALTER TABLE {table} DROP COLUMN {column}" if column else f"DROP TABLE {table}"
            )
        database.commit()
    return path


@cache
def _neuron_tables(seed: int) -> dict[str, pl.DataFrame]:
    size = np.exp(np.random.default_rng(7).normal(size=N_NEURONS))
    noise = np.exp(0.1 * np.random.default_rng(seed).normal(size=N_NEURONS))
    every = neurons()
    maps = [
        every.with_columns(
            collection=pl.lit(name),
            label=pl.lit(label),
            method=pl.lit(METHOD),
            score=pl.Series(score),
        )
        for (name, label), score in scores(seed).items()
    ]
    picked = [
        every[sorted(chosen)].with_columns(scheme=pl.lit(scheme), top_percent=pl.lit(level))
        for (scheme, level), chosen in schemes(seed).items()
    ]
    sizes = [(scheme, level, len(one)) for (scheme, level), one in schemes(seed).items()]
    pairs = [(name, f"q{i}", "d", label, i != seed) for name, label in MAPS for i in range(5)]
    names = ["collection", "query_id", "doc_id", "label", "kept"]
    return {
        "activations": every.with_columns(root_mean_square=pl.Series(size * noise)),
        "neuron_scores": pl.concat(maps),
        "schemes": pl.concat(picked),
        "scheme_sizes": pl.DataFrame(
            sizes, schema=["scheme", "top_percent", "n_neurons"], orient="row"
        ),
        "pairs": pl.DataFrame(pairs, schema=names, orient="row"),
    }


@cache
def _ranked_tables(seed: int) -> dict[str, pl.DataFrame]:
    queries = pl.DataFrame({"query_id": [f"q{i:02d}" for i in range(N_QUERIES)]})
    documents = pl.DataFrame({"doc_id": [f"d{i}" for i in range(POOL)]})
    of = pl.lit(TEST).alias("collection")
    pools = queries.join(documents, how="cross").with_columns(of)
    measured = pl.concat(
        queries.with_columns(
            of,
            scheme=pl.lit(scheme),
            top_percent=pl.lit(level),
            draw=pl.lit(draw),
            measure=pl.lit("nDCG@10"),
            value=pl.Series(value),
        )
        for (scheme, level, draw), value in values(seed).items()
    )
    sizes = pl.DataFrame({"scheme": "P_alpha", "top_percent": LEVELS[1:], "n_neurons": [13, 26]})
    effects = ablation_effects(measured, sizes, replicates=50)
    judged = pl.col("doc_id").str.slice(1).cast(pl.Int32)
    whole = {"scheme": pl.lit("none"), "top_percent": pl.lit(0.0), "draw": pl.lit(0)}
    random = np.random.default_rng(5)
    return {
        "queries": queries.with_columns(of, text="query " + pl.col("query_id")),
        "documents": documents.with_columns(of, text="passage " + pl.col("doc_id")),
        "candidates": pools,
        "qrels": pools.with_columns(grade=judged, gain=judged),
        "rerankings": pools.with_columns(**whole, score=pl.Series(-random.random(len(pools)))),
        "measures": measured,
        "ablation_effects": effects,
    }
