"""Rule write_tables: the paper's tables 1 to 4, the ablations', the checks', the methods'."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from relevance_neurons.report.names import of_own_method
from relevance_neurons.report.tables.controls import controls_table
from relevance_neurons.report.tables.formats import Table, write_csv, write_table
from relevance_neurons.report.tables.levels import levels_table
from relevance_neurons.report.tables.methods import method_checks_table, methods_table
from relevance_neurons.report.tables.notation import table3
from relevance_neurons.report.tables.paper import ranking_quality_table, table1, table2
from relevance_neurons.report.tables.pooled import pooled_table
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


def tables_of_agreement(files: Mapping, collections: pl.DataFrame, method: str) -> list[Table]:
    """Stability, and sensitivity where the study has variants; a file that it lacks is empty."""
    names = ("selection_frequencies", "split_halves", "convergence", "sensitivity")
    frames = [pl.read_parquet(files[name]) if files[name] else None for name in names]
    *of_stability, sensitivity = frames
    tables = [stability_table(summarise_stability(*of_stability, collections, method))]
    return tables if sensitivity is None else [*tables, sensitivity_table(sensitivity, method)]


def tables_of_methods(files: Mapping, names, ablation: Mapping, attributed, methods) -> list[Table]:
    """Those of ``names``: methods side by side, pooled tests, levels; each has its own files."""

    def read(*of: str) -> list[pl.DataFrame]:
        return [pl.read_parquet(files[one]) for one in of]

    shared = {key: ablation[key] for key in ("measure", "significance")}
    measure, schemes = ablation["measure"], ablation["schemes"]
    tables = []
    if "methods" in names:
        tables += [methods_table(*read("methods"), methods, **shared)]
    if "method_checks" in names:
        found = read("methods", "schemes", "activations")
        tables += [method_checks_table(*found, methods, attributed)]
    if "pooled" in names:
        tables += [pooled_table(*read("pooled_effects"), **shared)]
    if "levels" in names:
        found = read("level_changes", "level_controls", "ablation_effects")
        tables += [levels_table(*found, schemes, measure)]
    return tables


def main(
    input, output, collections, attributed, schemes, ablation: Mapping, methods: Sequence[str]
) -> None:
    """Write every table; ``input`` and ``output`` map names to files (several for a table).

    Of the tables of methods, pooled tests and levels those that ``output`` names are written.
    ``ablation``: measure, value, equivalence_margin, significance and the ablated schemes;
    ``methods``: the study's, its own first, which the tables show that know of one alone.
    """
    first, own = methods[0], ablation | {"schemes": of_own_method(ablation["schemes"])}
    effects, sizes = map(pl.read_parquet, (input["ablation_effects"], input["scheme_sizes"]))
    n_draws = with_kind(effects).filter(kind=RANDOM)["n_draws"].max()
    in_domain = [name for name, settings in collections.items() if settings["domain"] == "in"]
    summary = summarise_collections(input, collections, attributed)
    write_parquet(summary, output["collections"])
    write_csv(effects, output["effects"])
    tables = [table1(pl.read_parquet(input["baselines"])), table2(summary)]
    tables += [table3(map(Scheme.from_dict, schemes), sizes, n_draws or 0)]
    shared = {key: own[key] for key in ("measure", "significance", "schemes")}
    tables += [table4(effects, in_domain, **shared)]
    matches = pl.read_parquet(input["match_quality"]) if input["match_quality"] else None
    tables += [controls_table(effects, in_domain, **own, match_quality=matches)]
    tables += [ranking_quality_table(pl.read_parquet(input["ranking_quality"]))]
    tables += tables_of_agreement(input, summary, first)
    tables += [randomisation_table(pl.read_parquet(input["randomisation"]), first)]
    correlations = pl.read_parquet(input["single_neuron_correlations"])
    tables += [single_neurons_table(correlations, first)]
    tables += tables_of_methods(input, output.keys(), ablation, attributed, methods)
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
            snakemake.params.methods,
        )
