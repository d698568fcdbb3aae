"""Rule compare_methods: every method's losses, beside what is known of how it scores neurons."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import run_sql

SQL = Path(__file__).with_suffix(".sql")
FILES = (
    "ablation_effects", "level_changes", "single_neuron_correlations", "split_halves", "overlaps",
    "attribution_checks",
)  # fmt: skip


def main(
    given: Mapping[str, str | Sequence[str]],
    methods: Sequence[str],
    scheme_methods: Mapping[str, str],
    output: str,
) -> None:
    """``given``: ``FILES``, of attribution_checks a list; ``methods``: names, the own first.

    ``scheme_methods``: scheme -> what to call its method, or its methods.
    """
    files = {name: given[name] for name in FILES}
    named = [{"scheme": one, "methods": of} for one, of in scheme_methods.items()]
    found = run_sql(SQL, methods=list(methods), scheme_methods=named, **files)
    write_parquet(found, output)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        params, made = snakemake.params, snakemake.output
        main(snakemake.input, params.methods, params.scheme_methods, made.methods)
