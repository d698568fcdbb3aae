"""Rule write_tables: the paper's tables 1 to 4, the ablations', the quality of the rankings."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from relevance_neurons.report.tables.controls import controls_table
from relevance_neurons.report.tables.formats import Table, write_csv, write_table
from relevance_neurons.report.tables.paper import ranking_quality_table, table1, table2, table3
from relevance_neurons.report.tables.sanity import randomisation_table, single_neurons_table
from relevance_neurons.report.tables.stability import (
    sensitivity_table,
    stability_table,
    summarise_stability,
)
from relevance_neurons.report.tables.table4 import table4
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import run_sql
from relevance_neurons.selection.ablation_kinds import RANDOM, with_kind
from relevance_neurons.selection.schemes import Scheme

SQL = Path(__file__).with_suffix(".sql")


def summarise_collections(
    files: Mapping[str, Sequence[str]], collections: Mapping[str, dict], attributed: Sequence[str]
) -> pl.DataFrame:
    """Table 2's numbers; ``files`` are in the order of ``collections``, pairs of ``attributed``."""
    pairs = dict(zip(attributed, files["pairs"], strict=True))
    study = [
        {"collection": name, "pairs": pairs.get(name)}
        | {key: collections[name][key] for key in ("source", "domain", "relevant", "non_relevant")}
        | dict(zip(("documents", "queries", "qrels"), paths, strict=True))
        for name, *paths in zip(
            collections, files["documents"], files["queries"], files["qrels"], strict=True
        )
    ]
    lists = {name: list(files[name]) for name in ("documents", "queries", "qrels", "pairs")}
    return run_sql(SQL, study=study, **lists)


def tables_of_agreement(files: Mapping, collections: pl.DataFrame) -> list[Table]:
    """Stability, and sensitivity where the study has variants; a file that it lacks is empty."""
    names = ("selection_frequencies", "split_halves", "convergence", "sensitivity")
    frames = [pl.read_parquet(files[name]) if files[name] else None for name in names]
    *of_stability, sensitivity = frames
    tables = [stability_table(summarise_stability(*of_stability, collections))]
    return tables if sensitivity is None else [*tables, sensitivity_table(sensitivity)]


def main(input, output, collections, attributed, schemes, ablation: Mapping) -> None:
    """Write every table; ``input`` and ``output`` map names to files (several for a table).

    ``ablation``: measure, value, equivalence_margin, significance and the ablated schemes.
    """
    effects, sizes = map(pl.read_parquet, (input["ablation_effects"], input["scheme_sizes"]))
    n_draws = with_kind(effects).filter(kind=RANDOM)["n_draws"].max()
    in_domain = [name for name, settings in collections.items() if settings["domain"] == "in"]
    summary = summarise_collections(input, collections, attributed)
    write_parquet(summary, output["collections"])
    write_csv(effects, output["effects"])
    tables = [table1(pl.read_parquet(input["baselines"])), table2(summary)]
    tables += [table3(map(Scheme.from_dict, schemes), sizes, n_draws or 0)]
    shared = {key: ablation[key] for key in ("measure", "significance", "schemes")}
    tables += [table4(effects, in_domain, **shared)]
    matches = pl.read_parquet(input["match_quality"]) if input["match_quality"] else None
    tables += [controls_table(effects, in_domain, **ablation, match_quality=matches)]
    tables += [ranking_quality_table(pl.read_parquet(input["ranking_quality"]))]
    tables += tables_of_agreement(input, summary)
    tables += [randomisation_table(pl.read_parquet(input["randomisation"]))]
    tables += [single_neurons_table(pl.read_parquet(input["single_neuron_correlations"]))]
    for table in tables:
        write_table(table, output[table.name])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        main(
            snakemake.input,
            snakemake.output,
            snakemake.params.collections,
            snakemake.params.attributed,
            snakemake.params.schemes,
            snakemake.params.ablation,
        )
