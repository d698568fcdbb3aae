"""The database of a made-up study, built by the rule's own script."""

from __future__ import annotations

from pathlib import Path

import duckdb
import polars as pl

from toys.synthetic_results import ABLATION_DOMAINS, DOMAINS, MAPS, TOP_PERCENTS
from workflow_scripts.report import build_database

QUERIES = Path(build_database.__file__).parents[1] / "queries"
COLLECTIONS = [*DOMAINS, *ABLATION_DOMAINS]
STUDY = {"study": "synthetic", "seed": 0, "selection": {"top_percents": TOP_PERCENTS}}
STUDY |= {"ablation": {"equivalence_margin": 2}}
WHOLE = (
    "baselines schemes scheme_sizes overlaps selection_frequencies ablation_effects ranking_quality"
    " split_halves convergence sensitivity activations match_quality"
    " randomisation single_neurons single_neuron_correlations path_example"
)


def study_files(results: Path) -> tuple[dict[str, list[Path]], dict[str, list]]:
    """The files of every table, and the keys of those that lack them."""
    texts = ["documents", "queries", "qrels"]
    files = {
        name: [results / "collections" / one / f"{name}.parquet" for one in COLLECTIONS]
        for name in texts
    }
    keys = dict.fromkeys(texts, COLLECTIONS) | {"pairs": list(DOMAINS), "attribution_checks": MAPS}
    files["pairs"] = [results / "pairs" / f"{one}.parquet" for one in DOMAINS]
    for name in ("neuron_scores", "attribution_checks"):
        files[name] = [results / name / one / f"{label}.parquet" for one, label in MAPS]
    for name in ("candidates", "rerankings", "measures"):
        keys[name] = list(ABLATION_DOMAINS)
        files[name] = [results / name / f"{one}.parquet" for one in ABLATION_DOMAINS]
    return files | {name: [results / f"{name}.parquet"] for name in WHOLE.split()}, keys


def build(results: Path, database: Path) -> Path:
    files, keys = study_files(results)
    collections = {
        name: {"source": "files", "domain": domain, "relevant": [2, 3], "documents": "docs.tsv"}
        for name, domain in (DOMAINS | ABLATION_DOMAINS).items()
    }
    build_database.main(files, database, keys, collections, STUDY)
    return database


def rows(database: duckdb.DuckDBPyConnection, query: str) -> pl.DataFrame:
    return database.sql(query).pl()
