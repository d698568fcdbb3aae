"""Rule select_neurons: the neurons of some schemes at a level, and how many they are."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from relevance_neurons.running.job import job
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.running.sql import check, run_sql
from relevance_neurons.selection.select import DEFINE, SELECT

SQL = Path(__file__).parent


def main(
    neuron_scores: Sequence[str],
    schemes: str,
    scheme_sizes: str,
    domains: Mapping[str, str],
    definitions: Sequence[Mapping[str, object]],
    top_percents: Sequence[float],
) -> None:
    """Select from the maps of the collections in ``domains`` (name -> in or out).

    ``definitions``: the schemes, as ``Scheme.as_dict`` gives them.
    """
    collections = [{"name": name, "domain": domain} for name, domain in domains.items()]
    maps = {"neuron_scores": neuron_scores, "collections": collections}
    check(SQL / "check_maps.sql", top_percents=top_percents, **maps)
    members = run_sql(DEFINE, definitions=definitions)
    check(SQL / "check_schemes.sql", schemes=members, **maps)
    maps |= {"schemes": members, "top_percents": top_percents}
    write_parquet(run_sql(SELECT, **maps), schemes)
    write_parquet(run_sql(SQL / "scheme_sizes.sql", selected=schemes, **maps), scheme_sizes)


if __name__ == "__main__":
    with job(snakemake.log[0]):
        made, params = snakemake.output, snakemake.params
        main(
            snakemake.input.neuron_scores,
            made.schemes,
            made.scheme_sizes,
            params.domains,
            params.definitions,
            [float(snakemake.wildcards.top_percent)],
        )
