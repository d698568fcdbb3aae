"""Maps of scores as files, for the rules that select and compare."""

from pathlib import Path

import polars as pl

COMPONENTS = ["query", "key", "value", "attention_output", "intermediate", "ff_output", "a", "gate"]
"""In the order that breaks ties; the last two belong to no BERT."""
OWN = "neuron_integrated_gradients"


def neuron_table(n_layers: int, n_neurons: int) -> pl.DataFrame:
    rows = [
        (layer, component, neuron)
        for layer in range(n_layers)
        for component in COMPONENTS
        for neuron in range(n_neurons)
    ]
    schema = {"layer": pl.Int32, "component": pl.String, "neuron": pl.Int32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def write_maps(folder: Path, neurons: pl.DataFrame, scores: dict, seed: int = 0) -> list[Path]:
    """Write a file per map, its rows shuffled.

    ``scores``: of each (collection, label), by the study's own method, or
    (collection, label, method).
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for (collection, label, *method), score in scores.items():
        files.append(folder / f"{'_'.join((collection, label, *method))}.parquet")
        columns = [pl.lit(collection).alias("collection"), pl.lit(label).alias("label")]
        columns += [pl.lit(method[0] if method else OWN).alias("method"), pl.all()]
        frame = neurons.select(columns).with_columns(pl.Series("score", score, pl.Float64))
        frame.sample(fraction=1, shuffle=True, seed=seed).write_parquet(files[-1])
    return files
