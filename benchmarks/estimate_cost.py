"""What a study costs, on paper: passes, tokens, hours, disk. Nothing of the study is run or read.

Run: python benchmarks/estimate_cost.py studies/vast2024.yaml. What is assumed stands in capitals
below and in study/costs.py; docs/vast2024.md says where it comes from. Counts of documents and
judgments are those of the ir_datasets catalogue (offline).
"""

import argparse
from pathlib import Path

from snakemake.utils import validate

from study.contents import Study, attributed, used_collections
from study.costs import (
    INDEXED,
    PREPARED,
    Collection,
    Stage,
    candidate_pairs,
    disk,
    indexed,
    kept_pairs,
    n_rankings,
    read_collection,
    stages,
)
from study.ranker_shapes import Shape, ranker_shape
from study.reading import complete_study, read_yaml

SCHEMA = Path(__file__).parents[1] / "rules" / "schemas" / "study.schema.yaml"

# Sustained rates in FLOP/s. H200, dense peaks of its data sheet: 494e12 in TF32 (attribution) and
# 989e12 in bfloat16 (re-ranking); that 40 % of them are reached is a guess.
GPU = {"attribution": 0.4 * 494e12, "reranking": 0.4 * 989e12}
# One core did 1.25 GFLOP a token in 2 x 4.67 ms at 24 x 1024 (docs/engine.md, "Speed": 4,668 us a
# token on two cores); that 16 cores do 70 % of 16 times that is a guess.
CPU_CORE = 1.25e9 / (2 * 4668e-6)
CPU = dict.fromkeys(GPU, 0.7 * 16 * CPU_CORE)


def load_study(file: str) -> Study:
    """The study with all its defaults."""
    study = read_yaml(file)
    validate(study, str(SCHEMA))
    return complete_study(study, file)


def print_collections(study: Study, sizes: dict[str, Collection]) -> None:
    """Print what is assumed of every collection, and its disk."""
    print("| collection | documents | tokens a pair | kept: relevant, non-relevant | re-ranked |")
    print("|---|---|---|---|---|")
    maps = attributed(study)
    for name, size in sizes.items():
        labels = [label for label in ("relevant", "non_relevant") if (name, label) in maps]
        kept = ", ".join(f"{kept_pairs(study, sizes, name, label):,.0f}" for label in labels)
        relevant = study["collections"][name]["relevant"]
        ablated = name in study["ablation"]["collections"]
        pairs = f"{candidate_pairs(study, size, relevant):,.0f}" if ablated else "–"
        row = f"| {name} | {size.n_documents:,} | {size.n_tokens} | {kept or '–'} | {pairs} |"
        print(row)


def print_stages(found: list[Stage]) -> None:
    """Print passes, FLOP and hours of every stage."""
    print("| stage | pairs × points or ablations | PFLOP | hours, one H200 | hours, 16 cores |")
    print("|---|---|---|---|---|")
    total = [0.0] * 3
    for stage in found:
        numbers = [stage.flops / 1e15, stage.hours(GPU), stage.hours(CPU)]
        total = [a + b for a, b in zip(total, numbers, strict=True)]
        cells = f"{numbers[0]:,.2f} | {numbers[1]:.3f} | {numbers[2]:,.1f}"
        print(f"| {stage.name} | {stage.passes:,.0f} | {cells} |")
    print(f"| **all** | | {total[0]:,.2f} | {total[1]:.2f} | {total[2]:,.0f} |")


def print_preparing(study: Study, sizes: dict[str, Collection]) -> None:
    """Print how long the collections take, one job after the other; they need not wait."""
    print("| hours, one job after the other | all | the largest |")
    print("|---|---|---|")
    works = {
        "prepare the collections": (list(sizes), PREPARED),
        "index them for BM25": (indexed(study), INDEXED),
    }
    for what, (names, rate) in works.items():
        hours = [sizes[name].text_bytes / rate / 3600 for name in names]
        print(f"| {what} | {sum(hours):.1f} | {max(hours):.2f} |")


def print_disk(study: Study, sizes: dict[str, Collection], shape: Shape) -> None:
    """Print what is on disk, in GB."""
    print("| on disk | GB |")
    print("|---|---|")
    for name, size in disk(study, sizes, shape).items():
        print(f"| {name} | {size / 1e9:,.1f} |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", help="a study file")
    study = load_study(parser.parse_args().study)
    reranker, shape = study["reranker"], ranker_shape(study)
    sizes = {
        name: read_collection(name, study["collections"][name], reranker["max_length"])
        for name in used_collections(study)
    }
    sizes_of_layers = (shape.layers, shape.width, shape.inner)
    rankings = f"ablations a collection: {n_rankings(study):,}"
    print(f"Layers, width, feed-forward: {sizes_of_layers}; {rankings}.\n")
    print_collections(study, sizes)
    print()
    print_stages(stages(study, sizes, shape))
    print()
    print_preparing(study, sizes)
    print()
    print_disk(study, sizes, shape)


if __name__ == "__main__":
    main()
