"""Made-up results of methods side by side: what their tables and figures are made from.

The frames have the columns of the contract and agree in names; their numbers are random, with
losses that grow with the level and differ between methods.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl

from relevance_neurons.ablation.significance import EFFECTS
from relevance_neurons.rankers.components import COMPONENTS

METHODS = ["neuron_integrated_gradients", "gradient_x_activation"]
DOMAINS = {"alpha": "in", "beta": "out", "gamma": "out"}
"""Of the collections whose neurons are found, and without which the ranker is tested."""
FAMILIES = ["P_alpha", "N_alpha", "N_beta"]
LEVELS = [0.1, 1.0]
N_NEURONS, N_QUERIES, DRAWS = 20_736, 25, 4
STRENGTH = {"P": 0.1, "N": 1.0, "F": 0.5, "D": 0.8}
KINDS = ("", "random", "matched", "keep_only", "bottom")
INTERVAL = ("ci_low", "ci_high")


def frames(
    methods: Sequence[str] = METHODS,
    families: Sequence[str] = FAMILIES,
    domains: Mapping[str, str] = DOMAINS,
    levels: Sequence[float] = LEVELS,
    seed: int = 0,
) -> dict[str, pl.DataFrame]:
    """Every table by its name; a family is a scheme of the first method, D one of the last."""
    random = np.random.default_rng(seed)
    schemes = {
        scheme: method for method in methods for scheme in _schemes(method, methods, families)
    }
    effects = _effects(schemes, methods, domains, levels, random)
    changes = _level_changes(effects, random)
    tables = {
        "ablation_effects": effects,
        "pooled_effects": _pooled(effects, domains, random),
        "level_changes": changes,
        "level_controls": _level_controls(effects, changes),
        "loss_curves": _loss_curves(schemes, methods, domains, random),
        "methods": _methods(effects, changes, schemes, methods, random),
        "schemes": _neurons(schemes, levels, random),
        "activations": _activations(),
    }
    tables["curve_areas"] = _curve_areas(tables["loss_curves"], methods, random)
    return tables


def _schemes(method: str, methods: Sequence[str], families: Sequence[str]) -> list[str]:
    """D is the family of the last of several methods, the others are those of every method."""
    names = [name for name in families if not name.startswith("D") or method == methods[-1]]
    return names if method == methods[0] else [f"{name}@{method}" for name in names]


def _loss(scheme: str, number: int, share: float) -> float:
    """Of a scheme of method ``number``, as a share of the original, at most nine tenths of it."""
    return 0.9 * (1 - np.exp(-share * STRENGTH[scheme[0]] * (1 + 2 * number) / 3))


def _effects(schemes, methods, domains, levels, random) -> pl.DataFrame:
    rows = []
    for (scheme, method), level, (place, collection), kind in itertools.product(
        schemes.items(), levels, enumerate(domains), KINDS
    ):
        loss = -100 * _loss(scheme, methods.index(method), level) * (1 - 0.15 * place)
        size = {"": 1, "random": 0.02, "matched": 0.1, "keep_only": 0, "bottom": -0.1}[kind]
        percent = loss * size + random.normal(0, 1.5) - 80 * (kind == "keep_only")
        p = float(np.clip(0.5 * np.exp(-abs(percent) / 3), 1e-6, 1))
        original = 0.7 - 0.05 * place
        row = {
            "scheme": f"{kind}:{scheme}" if kind else scheme,
            "top_percent": level,
            "collection": collection,
            "original": original,
            "pruned": original * (1 + percent / 100),
            "difference_percent": percent,
            "p_value": p,
            "p_value_holm": min(1, 20 * p),
            "ci_low": percent - 6,
            "ci_high": percent + 5,
            "n_queries": N_QUERIES,
            "n_neurons": max(1, round(level * N_NEURONS / 100)),
            "n_draws": DRAWS if kind in ("random", "matched") else 1,
            "significant": p <= 0.05,
            "significant_holm": 20 * p <= 0.05,
            "attainable_percent": 1.4 * percent,
        }
        if kind in ("random", "matched"):
            row |= {"draw_low": percent - 2, "draw_high": percent + 1.5, "draws_within": 2}
        elif not kind:
            row |= {f"p_value_{one}": 1 / (DRAWS + 1) for one in ("random", "matched")}
        rows.append(row)
    effects = pl.DataFrame(rows, schema=EFFECTS, infer_schema_length=None)
    # The one-sided t against the draws: its columns come with the tests.
    t = pl.when(~pl.col("scheme").str.contains(":")).then(pl.col("p_value") / 2)
    new = {f"p_value_{one}_t": t for one in ("random", "matched")}
    return effects.with_columns(**new, detectable_percent=9.5, detectable_holm_percent=16.0)


def _pooled(effects, domains, random) -> pl.DataFrame:
    frames = []
    for domain in ("in", "out", "all"):
        names = [name for name, one in domains.items() if domain in (one, "all")]
        rows = effects.filter(pl.col("collection").is_in(names))
        percent, n = pl.col("difference_percent"), len(names)
        frames.append(
            rows.group_by("scheme", "top_percent", maintain_order=True)
            .agg(
                n_collections=pl.lit(n),
                collections=pl.lit(names, pl.List(pl.String)),
                original=pl.col("original").mean(),
                pruned=pl.col("pruned").mean(),
                difference_percent=percent.mean(),
                p_value=pl.col("p_value").min() / 3,
                p_value_holm=pl.col("p_value_holm").min(),
                ci_low=percent.mean() - 3,
                ci_high=percent.mean() + 2.5,
                n_queries=pl.col("n_queries").sum(),
                **{
                    f"p_value_{one}": pl.col(f"p_value_{one}").max()
                    for one in ("random", "random_t", "matched", "matched_t")
                },
                detectable_percent=pl.lit(4.2),
                detectable_holm_percent=pl.lit(7.1),
            )
            .with_columns(domain=pl.lit(domain))
        )
    pooled = pl.concat(frames).filter(pl.col("n_collections") > 1)
    holm = pl.col("p_value_holm") <= 0.05
    return pooled.with_columns(significant=pl.col("p_value") <= 0.05, significant_holm=holm)


def _level_changes(effects, random) -> pl.DataFrame:
    rows = []
    for row in effects.iter_rows(named=True):
        kind, _, scheme = row["scheme"].rpartition(":")
        size = -row["difference_percent"] / 15
        sign = {"P": -1, "N": 1, "F": 0.2, "D": 0.1}[scheme[0]]
        keys = {name: row[name] for name in ("scheme", "top_percent", "collection", "n_queries")}
        for draw in range(row["n_draws"]):
            values = {"draw": draw}
            for label, margin, p in (("relevant", 2.0, 0.8), ("non_relevant", -2.0, 0.2)):
                shift = sign * size * (1 if label == "relevant" else 1.4) + random.normal(0, 0.1)
                if kind == "bottom":
                    shift = -3 * sign * row["top_percent"] + random.normal(0, 0.3)
                logit = np.log(p / (1 - p)) + shift
                values |= {f"margin_{label}": margin, f"shift_{label}": shift}
                values |= {f"p_{label}": p, f"p_{label}_pruned": 1 / (1 + np.exp(-logit))}
            kept = float(np.exp(min(0, row["difference_percent"]) / 50))
            values |= {"spread": 2.0, "spread_pruned": 2 * kept, "spread_percent": 100 * (kept - 1)}
            gap = 4 + values["shift_relevant"] - values["shift_non_relevant"]
            values |= {"gap": 4.0, "gap_pruned": gap, "gap_percent": 25 * (gap - 4)}
            values |= {"rank_correlation": kept, "accuracy": 0.9, "accuracy_pruned": 0.9 * kept}
            values |= {"accuracy_lexical": 0.92, "accuracy_lexical_pruned": 0.5 + 0.42 * kept}
            values |= {"accuracy_semantic": 0.85, "accuracy_semantic_pruned": 0.5 + 0.35 * kept**2}
            rows.append(keys | values)
    return pl.DataFrame(rows)


def _level_controls(effects, changes) -> pl.DataFrame:
    """Of each plain scheme: the set of every kind and direction at the level that comes next."""
    shift = (pl.col("shift_relevant") + pl.col("shift_non_relevant")) / 2
    shifts = changes.select("scheme", "top_percent", "collection", "draw", shift=shift)
    percents = effects.select(
        "scheme", "top_percent", "collection", "difference_percent", "n_neurons"
    )
    sets = shifts.join(percents, on=["scheme", "top_percent", "collection"])
    rows = []
    for row in sets.filter(~pl.col("scheme").str.contains(":")).iter_rows(named=True):
        for kind, (direction, sign) in itertools.product(
            ("random", "bottom"), (("up", 1), ("down", -1))
        ):
            of = sets.filter(pl.col("scheme").str.starts_with(kind), collection=row["collection"])
            distance = (pl.col("shift") - sign * abs(row["shift"])).abs()
            best = of.sort(distance, "scheme", "top_percent", "draw").row(0, named=True)
            keys = ("scheme", "top_percent", "collection", "shift", "difference_percent")
            control = {
                "control": best["scheme"],
                "control_percent": best["top_percent"],
                "control_draw": best["draw"],
                "control_n_neurons": best["n_neurons"],
                "control_shift": best["shift"],
                "control_difference_percent": best["difference_percent"],
            }
            rows.append({key: row[key] for key in keys} | {"direction": direction} | control)
    return pl.DataFrame(rows)


def _loss_curves(schemes, methods, domains, random) -> pl.DataFrame:
    rows = []
    percents = np.geomspace(0.005, 10, 10)
    for (scheme, method), (place, name) in itertools.product(
        schemes.items(), enumerate([*domains, "all"])
    ):
        for percent in percents:
            n = max(1, round(percent * N_NEURONS / 100))
            loss = -100 * _loss(scheme, methods.index(method), percent) * (1 - 0.1 * place)
            values = {"top": loss, "bottom": 1.5 + loss / 12, "keep_only": -85 + 4 * np.log10(n)}
            values |= {"random": loss / 30, "matched": loss / 10}
            for ablated, value in values.items():
                value += random.normal(0, 0.8)
                drawn = ablated in ("random", "matched")
                n_queries = N_QUERIES * (len(domains) if name == "all" else 1)
                row = {
                    **{"method": method, "scheme": scheme, "ablated": ablated},
                    **{"top_percent": percent, "n_neurons": n, "collection": name},
                    **{"original": 0.7, "pruned": 0.7 * (1 + value / 100)},
                    **{"difference_percent": value, "ci_low": value - 4, "ci_high": value + 3},
                    **{"draw_low": value - 2 if drawn else None},
                    **{"draw_high": value + 2 if drawn else None},
                    **{"n_queries": n_queries, "n_draws": DRAWS if drawn else 1},
                }
                rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


def _curve_areas(curves, methods, random) -> pl.DataFrame:
    rows = []
    keys = ["method", "scheme", "ablated", "collection"]
    for key, curve in curves.group_by(keys, maintain_order=True):
        curve = curve.sort("n_neurons")
        x, y = np.log10(curve["n_neurons"]), curve["difference_percent"].to_numpy()
        area = float(np.trapezoid(y, x) / (x[-1] - x[0]))
        row = dict(zip(keys, key, strict=True)) | {
            "area": area,
            "ci_low": area - 3,
            "ci_high": area + 2,
        }
        for other in [None, *(one for one in methods if one != key[0])]:
            better = methods.index(key[0]) > (methods.index(other) if other else 99)
            difference = None if other is None else -9.0 if better else 9.0
            rows.append(
                row
                | {"compared_with": other, "difference": difference}
                | {"difference_low": difference and difference - 3}
                | {"difference_high": difference and difference + 3}
                | {"p_value": other and 0.001, "p_value_holm": other and 0.004}
            )
    return pl.DataFrame(rows, infer_schema_length=None)


def _methods(effects, changes, schemes, methods, random) -> pl.DataFrame:
    keys = ["scheme", "top_percent", "collection"]
    shift = (pl.col("shift_relevant") + pl.col("shift_non_relevant")) / 2
    levels = changes.select(*keys, "gap_percent", "rank_correlation", shift=shift)
    plain = effects.filter(~pl.col("scheme").str.contains(":"))
    for kind in ("random", "matched"):
        own = effects.filter(pl.col("scheme").str.starts_with(f"{kind}:")).select(
            pl.col("scheme").str.strip_prefix(f"{kind}:"),
            *keys[1:],
            pl.col("difference_percent").alias(f"{kind}_percent"),
        )
        plain = plain.join(own, on=keys, how="left", maintain_order="left")
    number = pl.col("method").replace_strict(
        {m: i for i, m in enumerate(methods)}, return_dtype=pl.Int64
    )
    rho = 0.75 * number.clip(0, 1)
    columns = {
        f"spearman_random{end}": rho + add for end, add in (("", 0), ("_low", -0.1), ("_high", 0.1))
    }
    columns |= {
        f"spearman_strong{end}": rho + 0.15 + add
        for end, add in (("", 0), ("_low", -0.1), ("_high", 0.05))
    }
    return (
        plain.join(levels, on=keys, maintain_order="left")
        .with_columns(method=pl.col("scheme").replace_strict(schemes))
        .with_columns(
            **columns,
            split_halves_percent=60 + 10 * number + pl.col("top_percent"),
            overlap_first_percent=100
            - 90 * number.clip(0, 1)
            + pl.col("top_percent") * number.clip(0, 1),
            cost_forwards=200.0 / (1 + 60 * number),
        )
        .select(
            *("method", *keys, "n_neurons", "difference_percent", *INTERVAL),
            *("p_value", "p_value_holm", "random_percent", "p_value_random", "p_value_random_t"),
            *("matched_percent", "p_value_matched", "p_value_matched_t", "attainable_percent"),
            *("n_queries", "shift", "gap_percent", "rank_correlation"),
            *(
                f"spearman_{one}{end}"
                for one in ("random", "strong")
                for end in ("", "_low", "_high")
            ),
            *("split_halves_percent", "overlap_first_percent", "cost_forwards"),
        )
    )


def _activations() -> pl.DataFrame:
    """One row a neuron of six layers, a hundredth of their sizes."""
    sizes = {one: 15 if one == "intermediate" else 4 for one in COMPONENTS}
    rows = [
        (layer, component, neuron)
        for layer in range(6)
        for component, size in sizes.items()
        for neuron in range(size)
    ]
    return pl.DataFrame(rows, schema=["layer", "component", "neuron"], orient="row")


def _neurons(schemes, levels, random) -> pl.DataFrame:
    """The neurons of every scheme: ten at the lowest level, twice as many at the next."""
    every, rows = _activations(), []
    for scheme, (place, level) in itertools.product(schemes, enumerate(sorted(levels))):
        chosen = every.sample(10 * min(2**place, 8), seed=int(random.integers(1 << 30)))
        keys = [pl.lit(scheme).alias("scheme"), pl.lit(level).alias("top_percent")]
        rows.append(chosen.select(*keys, pl.all(), score=pl.lit(0.5)))
    return pl.concat(rows)


def single_neurons(neurons: pl.DataFrame, methods: Sequence[str], seed: int = 0) -> tuple:
    """single_neurons and its correlations, of every method and sample; the first says nothing."""
    from toys import synthetic_sanity  # which is written for one method

    random, changes, found = np.random.default_rng(seed), [], []
    for number, (method, sample) in enumerate(itertools.product(methods, ("random", "strong"))):
        frame = synthetic_sanity.single_neurons(neurons, random)
        if number < 2:
            frame = frame.with_columns(pl.col("score").shuffle(seed=1))
        frame = frame.with_columns(method=pl.lit(method), sample=pl.lit(sample))
        changes.append(frame)
        found.append(synthetic_sanity.correlations(frame))
    return pl.concat(changes), pl.concat(found)
