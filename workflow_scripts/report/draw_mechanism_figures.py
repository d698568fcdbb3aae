"""Rule draw_mechanism_figures: how the ranker ranks, as figures."""

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.report.figures.dose_scores import dose_scores_figure
from relevance_neurons.report.figures.head_overlaps import head_overlaps_figure
from relevance_neurons.report.figures.idf_components import idf_components_figure
from relevance_neurons.report.figures.idf_edits import idf_edits_figure
from relevance_neurons.report.figures.patch_maps import (
    block_patches_figure,
    head_class_patches_figure,
    head_patches_figure,
)
from relevance_neurons.report.figures.path_patches import path_patches_figure
from relevance_neurons.report.figures.semantic_bm25 import semantic_bm25_figure
from relevance_neurons.report.figures.soft_tf import soft_tf_figure
from relevance_neurons.report.figures.style import save_figure
from relevance_neurons.running.job import job


def main(
    given: Mapping[str, str], made: Mapping[str, Sequence[str]], settings: Mapping[str, object]
) -> None:
    """Draw every figure that ``made`` names, of the tables ``given``.

    ``settings``: collections, perturbations, significance, bm25 (with k1 and b).
    """
    of = {name: pl.read_parquet(file) for name, file in given.items()}
    names, level = settings["collections"], settings["significance"]
    shown = (names, settings["perturbations"], level)
    bm25 = settings["bm25"]
    figures = {
        "head_patches": lambda: head_patches_figure(of["patches"], of["heads"], *shown),
        "block_patches": lambda: block_patches_figure(of["patches"], *shown),
        "head_class_patches": lambda: head_class_patches_figure(of["patches"], of["heads"], *shown),
        "path_patches": lambda: path_patches_figure(of["path_patches"], of["heads"], *shown),
        "soft_tf": lambda: soft_tf_figure(of["soft_tf"], names, bm25["k1"], bm25["b"]),
        "dose_scores": lambda: dose_scores_figure(of["dose_scores"], names),
        "idf_components": lambda: idf_components_figure(of["idf_components"], names, level),
        "idf_edits": lambda: idf_edits_figure(of["idf_edits"], names),
        "semantic_bm25": lambda: semantic_bm25_figure(of["semantic_bm25"], names),
        "head_overlaps": lambda: head_overlaps_figure(of["head_overlaps"], level),
    }
    for name in made:
        save_figure(figures[name](), made[name])


if __name__ == "__main__":
    with job(snakemake.log[0]):
        given, made = dict(snakemake.input.items()), dict(snakemake.output.items())
        main(given, made, snakemake.params.settings)
