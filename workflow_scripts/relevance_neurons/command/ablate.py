"""relevance-neurons ablate: what a ranker loses without some neurons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from relevance_neurons.command.options import RankerOptions, ResultOptions

if TYPE_CHECKING:
    import polars as pl

    from relevance_neurons.rankers.reranker import Reranker

EPILOGUE = """\
Examples:

    relevance-neurons ablate RANKER neurons.csv candidates.tsv
    relevance-neurons ablate RANKER neurons.csv candidates.tsv --random-draws 20 -o effects.csv
"""


def ablate(
    model: str,
    neurons: Path,
    candidates: Path,
    *,
    measure: str = "nDCG@10",
    value: Literal["zero", "mean"] = "zero",
    random_draws: int = 5,
    significance: float = 0.05,
    seed: int = 0,
    ranker: RankerOptions = RankerOptions(),  # noqa: B008
    results: ResultOptions = ResultOptions(),  # noqa: B008
) -> None:
    """Rank candidates with and without neurons, and test what the ranking loses.

    Printed are the measure before and after, the change in % with its 95 % interval over queries,
    the p-value of a paired test, and the same for as many random neurons of the same layers.

    Args:
        model: Folder of a cross-encoder or MonoT5 (written by save_pretrained), or a hub id.
        neurons: A table with layer, component and neuron, as `top` writes: .parquet, .csv, .json.
        candidates: The passages to rank: a .tsv or .csv file with a header, or .jsonl, with query,
            passage, gain (or grade; 0: not relevant) and, if you like, query_id and doc_id.
        measure: Any measure of trec_eval in ir_measures' words.
        value: What a neuron gives while it is off: zero, or its mean over the candidates.
        random_draws: Sets of random neurons, as many in each layer and component.
        significance: Below which a p-value is called significant.
        seed: Of the random neurons and the interval.
    """
    from relevance_neurons.command.files import read_candidates, read_table
    from relevance_neurons.command.results import check_output, give

    check_output(results)
    off = read_table(neurons, ("layer", "component", "neuron"))
    passages = read_candidates(candidates)
    reranker = ranker.load(model)
    _refuse_all(reranker, off, neurons)
    from relevance_neurons.ablation.compare import compare

    found = compare(
        reranker,
        {neurons.stem: off},
        passages,
        measure=measure,
        value=value,
        random_draws=random_draws,
        seed=seed,
        significance=significance,
    )
    effects = found.frame()
    columns = ["original", "pruned", "difference_percent", "ci_low", "ci_high", "p_value"]
    columns += ["p_value_holm", "n_queries", "n_neurons"]
    shown = effects.select("ablation", *(name for name in columns if name in effects.columns))
    give(effects, results, f"{measure} of {model} with and without the neurons of {neurons}", shown)


def _refuse_all(reranker: Reranker, off: pl.DataFrame, file: Path) -> None:
    """Raise ``UserError`` where the file is a whole map: nothing of the ranker would be left."""
    from relevance_neurons.errors import UserError

    n_off = off.select("layer", "component", "neuron").n_unique()
    if n_off >= len(reranker.neurons):
        raise UserError(
            f"{file}: holds all {n_off:,} neurons of the ranker; pick some of them with "
            "`relevance-neurons top`"
        )
