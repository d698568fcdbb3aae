"""Made-up results of the sanity checks, and of the pair of figure 1."""

from pathlib import Path

import numpy as np
import polars as pl

LABELS = ("relevant", "non_relevant")
STEPS = [("head", 0), ("layer 1", 1), ("layer 0", 2), ("embeddings", 2)]


def write_sanity(folder: Path, neurons: pl.DataFrame) -> None:
    """Write the four tables under ``folder`` for a ranker with ``neurons``."""
    random = np.random.default_rng(3)
    changes = single_neurons(neurons, random)
    randomisation(random).write_parquet(folder / "randomisation.parquet")
    changes.write_parquet(folder / "single_neurons.parquet")
    correlations(changes).write_parquet(folder / "single_neuron_correlations.parquet")
    path_example().write_parquet(folder / "path_example.parquet")


def randomisation(random: np.random.Generator) -> pl.DataFrame:
    """The last step's ranker says the same of every pair: its map is constant."""
    rows = []
    for label in LABELS:
        for step, (what, n_layers) in enumerate(STEPS):
            constant = what == "embeddings"
            values = [None] * 3 if constant else [*random.uniform(-0.2, 0.4, 2), 5.0]
            rows.append((label, step, what, n_layers, *values[:2], 1.0, values[2], 0.98, 0.01, 20))
    names = ["label", "step", "what", "n_layers", "spearman", "spearman_absolute", "top_percent"]
    names += ["shared_percent", "expected_percent", "f_change_mean", "n_pairs"]
    return pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)


def single_neurons(neurons: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """Twelve neurons of each component; changes are half the scores, a few of them 0."""
    chosen = neurons.filter(pl.int_range(pl.len()).over("component") < 12)
    frames = []
    for label in LABELS:
        score = random.standard_normal(len(chosen)) * 10.0 ** random.integers(-4, 0, len(chosen))
        noise = random.standard_normal((2, len(chosen))) * np.abs(score)
        columns = {"score": score, "score_error": np.abs(score) / 5}
        for name, one in zip(("zero", "mean"), noise, strict=True):
            change = np.where(np.arange(len(chosen)) % 9 == 4, 0.0, score / 2 + one / 2)
            columns |= {f"change_{name}": change}
            columns |= {f"change_{name}_error": np.abs(score) / 9}
        frame = chosen.with_columns(**columns, n_pairs=pl.lit(20, dtype=pl.Int32))
        of = {"method": "neuron_integrated_gradients", "sample": "random", "label": label}
        frames.append(frame.select(*[pl.lit(v).alias(k) for k, v in of.items()], pl.all()))
    return pl.concat(frames)


def correlations(changes: pl.DataFrame) -> pl.DataFrame:
    """Polars' own rank correlations; the intervals are made up."""
    every = changes.with_columns(component=pl.lit("all"))
    keys = ["method", "sample", "label", "component"]
    columns = [pl.len().cast(pl.Int32).alias("n_neurons")]
    for name in ("zero", "mean"):
        change = pl.col(f"change_{name}")
        rho = pl.corr("score", change, method="spearman")
        sizes = pl.corr(pl.col("score").abs(), change.abs(), method="spearman")
        both = (pl.col("score") != 0) & (change != 0)
        same = 100 * (pl.col("score").sign() == change.sign()).filter(both).mean()
        columns += [rho.alias(f"spearman_{name}"), (rho - 0.2).alias(f"spearman_low_{name}")]
        columns += [(rho + 0.1).alias(f"spearman_high_{name}")]
        columns += [sizes.alias(f"spearman_absolute_{name}")]
        columns += [same.alias(f"same_sign_percent_{name}")]
    columns.append(pl.col("n_pairs").max())
    for name in ("zero", "mean"):
        ratio = pl.col(f"change_{name}").abs() / pl.col(f"change_{name}_error")
        columns.append((ratio > 2).sum().cast(pl.Int32).alias(f"n_resolved_{name}"))
    groups = pl.concat([changes, every]).group_by(keys, maintain_order=True).agg(columns)
    return groups.sort("label", descending=True, maintain_order=True)


def path_example() -> pl.DataFrame:
    """A logistic F, all of whose change one neuron brings about."""
    alpha = np.linspace(0, 1, 11)
    f = 1 / (1 + np.exp(-12 * (alpha - 0.4)))
    frames = []
    for series, neuron, share in (("important", 3, 1.0), ("unimportant", 5, 0.0)):
        frame = pl.DataFrame({"alpha": alpha, "f": f, "slope": 12 * f * (1 - f)})
        frame = frame.with_columns(
            activation=pl.col("alpha"),
            gradient=share * pl.col("slope"),
            contribution=share * (f - f[0]),
        )
        names = {"query_id": "q1", "doc_id": "d1", "label": "relevant", "series": series}
        names |= {"layer": 1, "component": "intermediate", "neuron": neuron, "score": share}
        names |= {"token_index": 2, "token": "$wing_"}
        keys = [pl.lit(value).alias(name) for name, value in names.items()]
        texts = {"query": "wing lift", "passage": "the wing has $lift$ in the flow of air " * 9}
        frames.append(
            frame.select(*keys, pl.all()).with_columns(**{k: pl.lit(v) for k, v in texts.items()})
        )
    return pl.concat(frames)
