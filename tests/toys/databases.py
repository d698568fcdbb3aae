"""The database of a made-up study, built by the rule's own script."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import polars as pl

from toys import method_studies, synthetic_mechanism, synthetic_tokens
from toys.synthetic_results import (
    ABLATION_DOMAINS,
    DOMAINS,
    MAPS,
    TOP_PERCENTS,
    write_synthetic_results,
)
from workflow_scripts.report import build_database

QUERIES = Path(build_database.__file__).parents[1] / "queries"
COLLECTIONS = [*DOMAINS, *ABLATION_DOMAINS]
TOKEN_COLLECTIONS = synthetic_tokens.COLLECTIONS
STUDY = {"study": "synthetic", "seed": 0, "selection": {"top_percents": TOP_PERCENTS}}
STUDY |= {"ablation": {"equivalence_margin": 2}}
WHOLE = (
    "baselines schemes scheme_sizes overlaps selection_frequencies ablation_effects ranking_quality"
    " split_halves convergence sensitivity activations match_quality"
    " randomisation single_neurons single_neuron_correlations path_example"
)


def write_study(folder: Path) -> Path:
    """Write every table of a study under ``folder``; those of methods are of another one."""
    write_synthetic_results(folder)
    others = method_studies.write_methods(folder.with_name(f"{folder.name}_of_methods"))
    for name in method_studies.NEW:
        shutil.copy(others / f"{name}.parquet", folder)
    synthetic_tokens.write_summaries(synthetic_tokens.write_tokens(folder), folder)
    synthetic_mechanism.write_mechanism(folder)
    return folder


def token_files(results: Path) -> dict[str, list[Path]]:
    """The files (of token_scores: folders) of the study's tables of tokens, if it has any."""
    places = {"token_scores": "*/*", "token_checks": "*/*.parquet"}
    places |= {"token_degradation": "*/*.parquet"}
    of_collections = {
        name: sorted((results / name).glob(places.get(name, "*.parquet")))
        for name in synthetic_tokens.TABLES
    }
    of_all = {name: results / f"{name}.parquet" for name in synthetic_tokens.SUMMARIES}
    found = of_collections | {name: [file] for name, file in of_all.items() if file.exists()}
    return {name: files for name, files in found.items() if files}


def study_files(results: Path) -> tuple[dict[str, list[Path]], dict[str, list]]:
    """The files of every table, and the keys of those that lack them."""
    texts = ["documents", "queries", "qrels"]
    files = {
        name: [results / "collections" / one / f"{name}.parquet" for one in COLLECTIONS]
        for name in texts
    }
    keys = dict.fromkeys(texts, COLLECTIONS) | {"pairs": list(DOMAINS), "attribution_checks": MAPS}
    files["pairs"] = [results / "pairs" / f"{one}.parquet" for one in DOMAINS]
    for name in ("neuron_scores", "neuron_tokens", "attribution_checks"):
        files[name] = [results / name / one / f"{label}.parquet" for one, label in MAPS]
    for name in ("candidates", "rerankings", "measures"):
        keys[name] = list(ABLATION_DOMAINS)
        files[name] = [results / name / f"{one}.parquet" for one in ABLATION_DOMAINS]
    whole = {name: [results / f"{name}.parquet"] for name in WHOLE.split()}
    new_names = (*method_studies.NEW, *synthetic_mechanism.TABLES)
    new = {name: results / f"{name}.parquet" for name in new_names}
    of_tokens = token_files(results)
    keys |= dict.fromkeys({"token_pairs", "token_rankings"} & set(of_tokens), TOKEN_COLLECTIONS)
    new_files = {name: [file] for name, file in new.items() if file.exists()}
    return files | whole | new_files | of_tokens, keys


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
