"""What another arithmetic of the re-ranking under ablation changes: two runs of one study.

Run: python benchmarks/compare_precision.py RESULTS_A RESULTS_B, of runs in which the rankers of
rule rerank_candidates alone had another dtype (docs/engine.md). A row is a collection; n queries
are counted under every ablation. The last columns are the seconds of the jobs that re-rank it.
"""

import sys
from pathlib import Path

import polars as pl

MEASURED = ["scheme", "top_percent", "draw", "query_id"]
EFFECT = ["scheme", "top_percent", "collection"]
VERDICTS = ["significant", "significant_holm", "equivalent"]


def queries(a: Path, b: Path, collection: str) -> dict[str, float]:
    """How the measure of each query under each ablation differs; shuffled pools aside."""
    one, other = (
        pl.read_parquet(folder / "measures" / f"{collection}.parquet").filter(
            pl.col("scheme") != "shuffled"
        )
        for folder in (a, b)
    )
    both = one.join(other, on=MEASURED, suffix="_b", validate="1:1")
    difference = (both["value"] - both["value_b"]).abs()
    return {
        "queries × ablations": len(both),
        "same measure, %": 100 * (difference < 1e-9).mean(),
        "mean |Δ|": difference.mean(),
        "largest |Δ|": difference.max(),
    }


def effects(a: Path, b: Path, collection: str) -> dict[str, float]:
    """How the tested effects differ, in points of difference_percent, and the verdicts."""
    one, other = (
        pl.read_parquet(folder / "ablation_effects.parquet").filter(collection=collection)
        for folder in (a, b)
    )
    both = one.join(other, on=EFFECT, suffix="_b", validate="1:1")
    difference = (both["difference_percent"] - both["difference_percent_b"]).abs()
    turned = sum((both[name] != both[f"{name}_b"]).sum() for name in VERDICTS)
    return {
        "effects": len(both),
        "largest |Δ| of difference_percent": difference.max(),
        "verdicts that turn": turned,
    }


def seconds(folder: Path, collection: str) -> float:
    """Of the jobs that re-rank the collection, as Snakemake measured them."""
    files = (folder / "benchmarks" / "rerank_candidates" / collection).rglob("*.tsv")
    return sum(pl.read_csv(file, separator="\t")["s"].sum() for file in files)


def main() -> None:
    """Print the table."""
    a, b = map(Path, sys.argv[1:3])
    rows = []
    for file in sorted((a / "measures").glob("*.parquet")):
        row = queries(a, b, file.stem) | effects(a, b, file.stem)
        times = {"seconds A": seconds(a, file.stem), "seconds B": seconds(b, file.stem)}
        rows.append({"collection": file.stem} | row | times)
    print("| " + " | ".join(rows[0]) + " |")
    print("|---" * len(rows[0]) + "|")
    for row in rows:
        cells = (f"{one:.3g}" if isinstance(one, float) else str(one) for one in row.values())
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
