"""A small study of three methods: made-up rankings, and what the scripts make of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from toys.margins import write_ranked
from workflow_scripts.ablation import measure_curves, measure_levels, pool_effects, test_ablations
from workflow_scripts.report import compare_methods

METHODS = ["nig", "gradient", "lambda"]
COLLECTIONS = {"alpha_test": "in", "epsilon": "out", "zeta": "out"}
LEVELS = [1.0, 10.0]
CURVE = [1.0, 3.0, 10.0]
SCHEMES = ["N_alpha", "P_alpha", "N_alpha@gradient", "P_alpha@gradient", "D_alpha@lambda"]
CONTROLLED = ["N_alpha", "N_alpha@gradient"]
"""With matched draws."""
NEW = (
    "pooled_effects", "level_changes", "level_controls", "loss_curves", "curve_areas", "methods",
)  # fmt: skip
SEED = 3


def write_methods(folder: Path) -> Path:
    """Write the tables of ``NEW`` and what they are made from under ``folder``; return it."""
    given: dict[str, list[Path]] = {}
    for number, name in enumerate(COLLECTIONS):
        place = folder / "given" / name
        place.mkdir(parents=True)
        for kind, file in write_ranked(place, _conditions(), seed=number).items():
            given.setdefault(kind, []).append(file)
        _measures(place / "measures.parquet", number)
    sizes = folder / "scheme_sizes.parquet"
    _sizes().write_parquet(sizes)
    files = {name: folder / f"{name}.parquet" for name in (*NEW, *compare_methods.FILES)}
    measures, schemes = given["measures"], (SCHEMES, LEVELS)
    test_ablations.main(
        measures, sizes, files["ablation_effects"], list(COLLECTIONS), *schemes, 0.05, 2, SEED
    )
    pooled = files["pooled_effects"]
    pool_effects.main(measures, COLLECTIONS, sizes, *schemes, 0.05, SEED, pooled)
    curves = SCHEMES, CURVE, METHODS, SEED, files
    measure_curves.main(measures, list(COLLECTIONS), sizes, *curves)
    languages = dict.fromkeys(COLLECTIONS, "none")
    measure_levels.main(given | {"scheme_sizes": sizes}, files, languages, SEED)
    _maps(folder, np.random.default_rng(SEED))
    checks = sorted((folder / "attribution_checks").glob("*"))
    methods = METHODS, scheme_methods(), files["methods"]
    compare_methods.main(files | {"attribution_checks": checks}, *methods)
    return folder


def scheme_methods() -> dict[str, str]:
    """The method of each scheme."""
    return {scheme: ([*scheme.split("@"), METHODS[0]])[1] for scheme in SCHEMES}


def _conditions() -> list[tuple[str, float, int]]:
    one = [(scheme, level, 0) for scheme in SCHEMES for level in CURVE]
    one += [(f"bottom:{scheme}", level, 0) for scheme in SCHEMES for level in CURVE]
    kinds = [("random", SCHEMES), ("matched", CONTROLLED)]
    return one + [
        (f"{kind}:{scheme}", level, draw)
        for kind, schemes in kinds for scheme in schemes for level in CURVE for draw in range(3)
    ]  # fmt: skip


def _measures(file: Path, seed: int) -> None:
    """Losses of the schemes' own ablations, gains of the other ends'; the rest hardly matters."""
    rng = np.random.default_rng(seed)
    frame = pl.read_parquet(file)
    own = ~pl.col("scheme").str.contains(":") & (pl.col("scheme") != "none")
    change = pl.when(own).then(-0.1).when(pl.col("scheme").str.starts_with("bottom")).then(0.05)
    noise = pl.Series(rng.uniform(0, 0.02, len(frame)))
    original = frame.filter(scheme="none").select("query_id", original=pl.col("value") / 2 + 0.3)
    value = pl.col("original") + change.otherwise(0.0) + noise
    frame.join(original, on="query_id", maintain_order="left").with_columns(value=value).drop(
        "original"
    ).write_parquet(file)


def _sizes() -> pl.DataFrame:
    rows = [(scheme, level, round(2 * level), ["alpha"]) for scheme in SCHEMES for level in CURVE]
    names = ["scheme", "top_percent", "n_neurons", "collections"]
    return pl.DataFrame(rows, schema=names, orient="row")


def _maps(folder: Path, rng: np.random.Generator) -> None:
    """What is known of maps: correlations, halves, overlaps and what pairs cost."""
    labels = {one: ["relevant", "non_relevant"] for one in METHODS} | {"lambda": ["difference"]}
    correlations, halves, overlaps = [], [], []
    for method, label in [(one, label) for one in METHODS for label in labels[one]]:
        for sample in ("random", "strong"):
            for component in ("query", "all"):
                rho = rng.uniform(0, 0.8)
                ends = (rho - 0.1, rho + 0.1)
                correlations.append((method, sample, label, component, rho, *ends))
        for level in [*LEVELS, 5.0]:
            rows = [(method, "alpha", label, level, n, rng.uniform(50, 80)) for n in range(3)]
            halves += rows
            overlaps += [("pair", label, ["alpha", "beta"], level, 50.0, method, [method])]
            others = METHODS[: METHODS.index(method)]
            overlaps += [
                ("methods", label, ["alpha"], level, rng.uniform(0, 90), None, [other, method])
                for other in others
            ]
        checks = pl.DataFrame({"query_id": ["q1", "q2"], "cost_forwards": rng.uniform(1, 50, 2)})
        file = folder / "attribution_checks" / f"{label}@{method}.parquet"
        file.parent.mkdir(exist_ok=True)
        checks.with_columns(method=pl.lit(method)).write_parquet(file)
    tables = {
        "single_neuron_correlations": (
            ["method", "sample", "label", "component", "spearman_zero", "spearman_low_zero",
             "spearman_high_zero"], correlations,
        ),
        "split_halves": (
            ["method", "collection", "label", "top_percent", "halving", "shared_percent"], halves,
        ),
        "overlaps": (
            ["kind", "label", "collections", "top_percent", "shared_percent", "method",
             "methods"], overlaps,
        ),
    }  # fmt: skip
    for name, (names, rows) in tables.items():
        frame = pl.DataFrame(rows, schema=names, orient="row")
        frame.write_parquet(folder / f"{name}.parquet")
