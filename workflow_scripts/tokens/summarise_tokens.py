"""Rule summarise_tokens: what the scores of tokens say, and which of the paper's findings hold."""

from collections.abc import Mapping
from itertools import chain
from pathlib import Path

import polars as pl

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.parquet_files import parquet_files
from relevance_neurons.running.sql import run_sql
from relevance_neurons.tokens import findings
from relevance_neurons.tokens.asked_layer import asked_layer, ranker_layers
from relevance_neurons.tokens.degradation_findings import of_degradation
from relevance_neurons.tokens.overlap_correlations import overlap_correlations
from relevance_neurons.tokens.paired_values import paired_values
from relevance_neurons.tokens.part_findings import of_positions, of_special_tokens
from relevance_neurons.tokens.query_sums import means_with_intervals, resample
from relevance_neurons.tokens.study_methods import StudyMethods

SQL = Path(__file__).parent
START = 20
"""Tokens of a passage that are its start (paper 004, section 4.4)."""
PAIRED = {
    "truncation_summary": ("token_truncation", ["fields"], ["n_removed", "never_falls"]),
    "truncated_rankings_summary": (
        "truncated_rankings", ["fields", "kept_percent", "measure"], [],
    ),
    "sentence_order_summary": ("sentence_order", ["order", "measure"], []),
    "matched_positions_summary": ("matched_positions", ["aggregate"], []),
    "top_passages_summary": ("top_passages", ["measure"], []),
}  # fmt: skip
"""Result -> the table (and SQL file) it sums up, what a row of it is, and what else is averaged."""


def of_maps(given: Mapping, settings: Mapping) -> tuple[dict[str, pl.DataFrame], list[dict]]:
    """Special tokens and positions, and their findings."""
    study, layer, seed = StudyMethods.of(settings), settings["layer"], settings["seed"]
    depth = ranker_layers(given["token_statistics"])
    of = {
        "method": study.first,
        "important": settings["important"],
        "token_scores": given["token_scores"],
    }
    parts = run_sql(SQL / "special_tokens.sql", token_scores=given["token_scores"])
    keys, values = ["method", "layer", "part"], ["scaled", "weight"]
    starts = run_sql(SQL / "passage_starts.sql", start=START, **of)
    counts = ["important_early", "early", "important_late", "late"]
    rows = chain(
        of_special_tokens(list(resample(parts, keys, values, seed=seed)), study, depth),
        of_positions(list(resample(starts, ["layer"], counts, seed=seed)), layer, study),
    )
    found = {"special_tokens": means_with_intervals(parts, keys, values, seed=seed)}
    found["token_positions"] = run_sql(SQL / "token_positions.sql", **of)
    return found, list(rows)


def of_rankings(given: Mapping, settings: Mapping) -> dict[str, pl.DataFrame]:
    """Overlaps with ranks, and the tables of ``PAIRED``."""
    seed, values = settings["seed"], ["jaccard_important", "jaccard_all"]
    names = {name: given[name] for name in ("ranked_token_scores", "token_rankings")}
    names |= {name: settings[name] for name in ("collections", "important")}
    passages = run_sql(SQL / "token_overlaps.sql", **names)
    found = {"token_overlaps": means_with_intervals(passages, ["rank"], values, seed=seed)}
    found["token_overlap_correlations"] = overlap_correlations(passages, seed=seed)
    for name, (table, by, more) in PAIRED.items():
        rows = run_sql(SQL / f"{table}.sql", **{table: given[table]})
        found[name] = paired_values(rows, by, more, seed=seed)
    return found


def main(
    given: Mapping[str, list[str] | str], made: Mapping[str, str], settings: Mapping[str, object]
) -> None:
    """Write ``made``: the tables of ``of_maps`` and ``of_rankings``, and token_findings.

    ``given``: token_scores (files, or folders of a file a layer), ranked_token_scores and the
    tables of ``PAIRED`` (the files of all collections), token_rankings (a file a collection, in the
    order of collections), token_statistics (files of all layers of the ranker; none where no method
    has layers) and degradation_areas. ``settings``: collections,
    methods (name -> method, the study's own first), legacy (names of those that do as published
    code does; may be missing), layer (or None), important, seed.
    """
    layer = asked_layer(settings["layer"], given["token_statistics"])
    settings = {**settings, "layer": layer}
    scores = {"token_scores": parquet_files(given["token_scores"])}
    tables, rows = of_maps({**given, **scores}, settings)
    tables |= of_rankings(given, settings)
    areas, study = pl.read_parquet(given["degradation_areas"]), StudyMethods.of(settings)
    correlations, orders = tables["token_overlap_correlations"], tables["sentence_order_summary"]
    truncation, kept = tables["truncation_summary"], tables["truncated_rankings_summary"]
    rows += chain(
        of_degradation(areas, study, layer, ranker_layers(given["token_statistics"])),
        findings.of_overlaps(correlations, tables["top_passages_summary"], study),
        findings.of_robustness(truncation, kept, study),
        findings.of_order(orders, tables["matched_positions_summary"]),
    )
    tables["token_findings"] = findings.findings_frame(rows)
    for name, file in made.items():
        write_parquet(tables[name], file)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given, made = dict(snakemake.input.items()), dict(snakemake.output.items())
        main(given, made, snakemake.params.settings)
