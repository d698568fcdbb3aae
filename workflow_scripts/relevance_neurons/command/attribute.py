"""relevance-neurons attribute: score every neuron of a ranker over pairs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from relevance_neurons.command.options import Labels, RankerOptions, ResultOptions

if TYPE_CHECKING:
    import polars as pl

    from relevance_neurons.rankers.reranker import Reranker

Method = Literal[
    "neuron_integrated_gradients",
    "gradient_x_activation",
    "integrated_activations",
    "single_ablation",
    "activation_size",
    "weight_x_activation",
    "random",
]
Target = Literal["probability", "logit", "margin"]
Quadrature = Literal["adaptive", "trapezoid", "right", "left", "simpson"]

EPILOGUE = """\
Examples:

    relevance-neurons attribute RANKER pairs.tsv
    relevance-neurons attribute RANKER pairs.tsv --output scores.parquet
    relevance-neurons attribute RANKER pairs.tsv --method gradient_x_activation -f csv
"""


def attribute(
    model: str,
    pairs: Path,
    *,
    label: Labels | None = None,
    method: Method = "neuron_integrated_gradients",
    target: Target | None = None,
    baseline: str | None = None,
    quadrature: Quadrature | None = None,
    tolerance: float | None = None,
    n_points: int | None = None,
    screen: Path | None = None,
    seed: int = 0,
    ranker: RankerOptions = RankerOptions(),  # noqa: B008
    results: ResultOptions = ResultOptions(),  # noqa: B008
) -> None:
    """Score every neuron of a ranker over pairs of query and passage.

    A neuron's score is its mean over the pairs: how much of the ranker's judgment it carries, by
    Neuron Integrated Gradients or another method. The strongest are printed; --output has all.

    Args:
        model: Folder of a cross-encoder or MonoT5 (written by save_pretrained), or a hub id.
        pairs: A .tsv or .csv file with a header, or .jsonl, with query, passage and, if you like,
            label (relevant, non_relevant; 1, 0): each label gets a map of its own.
        label: Take every pair as one of this label, whatever the file says.
        method: How neurons are scored (docs/methods.md).
        target: What is attributed. Default: probability.
        baseline: Where the path starts: pad_all (the default), pad_passage, zero, …
        quadrature: Rule of the integral. Default: adaptive.
        tolerance: Of adaptive: error that a pair may have, as a share of its change. Default: 0.02.
        n_points: Of the other rules: points of the path. Default: 25.
        screen: Of single_ablation: scores of another method, as written here; its strongest
            neurons are the ones that are tried.
        seed: Of the methods that draw at random.
    """
    import polars as pl

    from relevance_neurons.command.files import read_pairs
    from relevance_neurons.command.results import check_output, give

    check_output(results)
    texts = read_pairs(pairs, label)
    settings = {
        "target": target,
        "baseline": baseline,
        "quadrature": quadrature,
        "tolerance": tolerance,
        "n_points": n_points,
    }
    given = {key: value for key, value in settings.items() if value is not None}
    reranker = ranker.load(model)
    maps = [
        _map(reranker, own, method, screen, given | {"seed": seed})
        for own in texts.partition_by("label", maintain_order=True)
    ]
    scores = pl.concat(maps)
    strongest = pl.concat(
        _measured(one).sort("score", descending=True, maintain_order=True).head(results.rows)
        for one in maps
    )
    title = f"Neurons of {model} with the largest scores, by {method.replace('_', ' ')}"
    give(scores, replace(results, rows=len(strongest)), title, strongest.drop("method"))


def _map(
    reranker: Reranker, pairs: pl.DataFrame, method: str, screen: Path | None, settings: dict
) -> pl.DataFrame:
    """The scores over the pairs of one label: label, method, and the columns of ``frame``."""
    import polars as pl

    from relevance_neurons.attribution.attribute import attribute as score

    label = pairs["label"][0]
    if screen is not None:
        settings = settings | {"screen": _screen(screen, label)}
    found = score(
        reranker, pairs.select("query", "passage").rows(), label, method=method, **settings
    )
    names = [pl.lit(label).alias("label"), pl.lit(method).alias("method")]
    return found.frame().select(*names, pl.all())


def _measured(scores: pl.DataFrame) -> pl.DataFrame:
    """The neurons that were tried: the 0 of the others means nothing."""
    return scores.filter("measured") if "measured" in scores.columns else scores


def _screen(file: Path, label: str) -> pl.DataFrame:
    """The file's only map, or of several the one of this label."""
    from relevance_neurons.command.maps import read_maps
    from relevance_neurons.errors import UserError

    maps = read_maps([file])
    own = next(iter(maps)) if len(maps) == 1 else f"{file}: {label}"
    if own not in maps:
        raise UserError(
            f"--screen: {file} holds {len(maps)} maps ({', '.join(maps)}), and it is not plain "
            f"which is that of {label}; give a file with one map, or with one of each label"
        )
    return maps[own]
