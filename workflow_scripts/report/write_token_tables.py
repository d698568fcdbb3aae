"""Rule write_token_tables: what attribution to tokens finds, beside the tables of paper 004."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.report.tables import tokens
from relevance_neurons.report.tables.formats import write_table
from relevance_neurons.running.job import job
from relevance_neurons.tokens.asked_layer import asked_layer
from relevance_neurons.tokens.study_methods import StudyMethods


def main(
    given: Mapping[str, str], made: Mapping[str, Sequence[str]], settings: Mapping[str, object]
) -> None:
    """Write ``made``: table -> its files.

    ``given``: degradation_areas, special_tokens, truncation_summary, sentence_order_summary,
    token_findings, token_statistics. ``settings``: methods (name -> method, the study's own first),
    legacy (names of those that do as published code does; may be missing), layer (or None),
    significance.
    """
    areas, parts, truncation, orders, findings = (
        pl.read_parquet(given[name])
        for name in (
            *("degradation_areas", "special_tokens", "truncation_summary"),
            *("sentence_order_summary", "token_findings"),
        )
    )
    study = StudyMethods.of(settings)
    layer = asked_layer(settings["layer"], given["token_statistics"])
    for table in (
        tokens.degradation_table(areas, study, layer),
        tokens.special_tokens_table(parts, study.first),
        tokens.truncation_table(truncation, study.first_is_papers),
        tokens.sentence_order_table(orders, settings["significance"]),
        tokens.findings_table(findings, study),
    ):
        write_table(table, made[table.name])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given, made = dict(snakemake.input.items()), snakemake.output
        main(given, made, snakemake.params.settings)
