"""How the study was made: its settings, how long each step ran, and with which versions."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import polars as pl

from relevance_neurons.report.explorer.page import Section
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.explorer.tables import table

PACKAGES = ("relevance-neurons", "torch", "transformers", "duckdb", "polars", "snakemake", "plotly")


def made(results: Results) -> Section:
    """Tables of settings, run times (where the folder benchmarks lies there) and versions."""
    settings = pl.DataFrame(list(results.study.items()), schema=["setting", "value"], orient="row")
    parts = [
        "<h3>Settings</h3>",
        table("settings", settings, f"All {settings.height} settings of the study file."),
    ]
    times = run_times(results.path.parent / "benchmarks")
    if times.height:
        hours = times["hours"].sum()
        words = (
            f"Run times by step, {times['jobs'].sum():,} jobs of {hours:.2f} hours together; "
            "several may have run at once. Memory: the most that one job held."
        )
        parts += ["<h3>Run times</h3>", table("times", times, words, {"hours": "{:.3f}"})]
    parts += ["<h3>Versions</h3>", table("versions", versions(), "Where this page was made.")]
    return Section(
        "made",
        "How it was made",
        "The settings of the study, what each step cost, and the versions of the programs.",
        "\n".join(parts),
    )


def run_times(folder: Path) -> pl.DataFrame:
    """A row a step (the name of a rule): jobs, hours, GiB of memory. Empty without benchmarks.

    ``folder`` is the one that Snakemake fills: <rule>.tsv, or <rule>/…/<job>.tsv of several jobs.
    """
    rows = [
        {"step": file.relative_to(folder).parts[0].removesuffix(".tsv")} | _measured(file)
        for file in sorted(folder.rglob("*.tsv"))
    ]
    schema = {"step": pl.String, "seconds": pl.Float64, "mib": pl.Float64}
    return (
        pl.DataFrame(rows, schema=schema)
        .group_by("step", maintain_order=True)
        .agg(
            jobs=pl.len(),
            hours=pl.sum("seconds") / 3600,
            **{"memory (GiB)": pl.max("mib") / 1024},
        )
        .sort("hours", descending=True, maintain_order=True)
    )


def _measured(file: Path) -> dict[str, float | None]:
    """The last run's seconds and memory; Snakemake writes "-" or NA where it saw none."""
    frame = pl.read_csv(file, separator="\t", infer_schema=False)
    values = [
        frame[name].cast(pl.Float64, strict=False).to_list() if name in frame.columns else []
        for name in ("s", "max_rss")
    ]
    return dict(zip(("seconds", "mib"), (one[-1] if one else None for one in values), strict=True))


def versions() -> pl.DataFrame:
    """Python's version, and those of the packages that are installed here."""
    rows = [("Python", platform.python_version())]
    for name in PACKAGES:
        try:
            rows.append((name, version(name)))
        except PackageNotFoundError:  # of a rule's environment, which need not have all
            continue
    return pl.DataFrame(rows, schema=["program", "version"], orient="row")
