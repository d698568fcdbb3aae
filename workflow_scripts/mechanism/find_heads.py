"""Rule find_heads: which heads match words, and which carry them into [CLS]."""

from collections.abc import Mapping
from pathlib import Path

from relevance_neurons.mechanism.find_heads import Rule, find_heads
from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import run_sql

SQL = Path(__file__).with_suffix(".sql")


def main(given: Mapping[str, list[str]], heads: str, settings: Mapping[str, object]) -> None:
    """Write ``heads``. ``given``: head_attention, path_effects, patch_effects of all collections.

    ``settings``: smallest_change, significance, max_heads, seed, and matching_heads and
    relevance_heads where the study names them.
    """
    rule = dict(settings)
    change = {"smallest_change": rule.pop("smallest_change")}
    attention = run_sql(SQL, head_attention=given["head_attention"])
    patched = {name: given[name] for name in ("path_effects", "patch_effects")}
    effects = run_sql(SQL.with_name("head_effects.sql"), **patched, **change)
    write_parquet(find_heads(attention, effects, Rule(**rule)), heads)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given = dict(snakemake.input.items())
        main(given, snakemake.output.heads, snakemake.params.settings)
