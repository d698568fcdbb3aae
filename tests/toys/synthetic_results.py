"""Made-up results of a whole study, in the contract's tables, for tests of what reads them.

Four attribution collections (alpha in domain; beta, gamma, delta out; delta judged relevant only)
and three ablation collections (alpha_test in; epsilon, zeta out) on a ranker of three layers,
hidden size 8, intermediate size 16. Scores, schemes, overlaps and frequencies agree with each
other and are computed here with NumPy, so that they are also an oracle for the SQL.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import numpy as np
import polars as pl

from relevance_neurons.ablation.match_quality import MATCHES
from relevance_neurons.attribution import baselines
from relevance_neurons.attribution.token_kinds import TOKEN_KINDS
from toys import synthetic_rankings, synthetic_sanity, synthetic_stability

N_LAYERS, HIDDEN, INTERMEDIATE, REPLICATES = 3, 8, 16, 20
SIZES = {
    "query": HIDDEN,
    "key": HIDDEN,
    "value": HIDDEN,
    "attention_output": HIDDEN,
    "intermediate": INTERMEDIATE,
    "ff_output": HIDDEN,
}
DOMAINS = {"alpha": "in", "beta": "out", "gamma": "out", "delta": "out"}
ABLATION_DOMAINS = {"alpha_test": "in", "epsilon": "out", "zeta": "out"}
OUTLIERS = ["delta"]
TOP_PERCENTS = [1.0, 5.0, 10.0]
CURVE = [float(f"{level:.4g}") for level in np.geomspace(0.01, 10, 31)]
MAPS = [
    (collection, label)
    for collection in DOMAINS
    for label in ("relevant", "non_relevant")
    if (collection, label) != ("delta", "non_relevant")
]
METHOD = "neuron_integrated_gradients"
BASELINES = ["original", *baselines.BASELINES]

Scores = dict[tuple[str, str], np.ndarray]


def neuron_frame() -> pl.DataFrame:
    """Return layer, component, neuron of every neuron, in the order that breaks ties."""
    rows = [
        (layer, component, neuron)
        for layer in range(N_LAYERS)
        for component, size in SIZES.items()
        for neuron in range(size)
    ]
    schema = {"layer": pl.Int32, "component": pl.String, "neuron": pl.Int32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def n_selected(top_percent: float, n_neurons: int) -> int:
    """Return round-half-up of ``top_percent`` percent of ``n_neurons``, in decimal arithmetic."""
    exact = Decimal(str(top_percent)) * n_neurons / 100
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def top(scores: np.ndarray, top_percent: float) -> np.ndarray:
    """Return the indices of the top neurons, best first; ties go to the lower index."""
    return np.argsort(-scores, kind="stable")[: n_selected(top_percent, len(scores))]


def scheme_members(
    maps: Sequence[tuple[str, str]], domains: dict[str, str]
) -> dict[str, tuple[list[str], list[list[tuple[str, str]]]]]:
    """Return scheme -> (its collections, its members); a member is the maps that it averages.

    A scheme of one member is that member's top; one of several is their intersection.
    """
    both = [c for c in domains if (c, "relevant") in maps and (c, "non_relevant") in maps]
    families = {
        "P": {c: [(c, "relevant")] for c in domains if (c, "relevant") in maps},
        "N": {c: [(c, "non_relevant")] for c in domains if (c, "non_relevant") in maps},
        "F": {c: [(c, "relevant"), (c, "non_relevant")] for c in both},
    }
    schemes = {}
    for family, members in families.items():
        for collection, member in members.items():
            schemes[f"{family}_{collection}"] = ([collection], [member])
        out = [collection for collection in members if domains[collection] == "out"]
        for scope, used in (("out", out), ("all", list(members))):
            if used:
                schemes[f"{family}_and_{scope}"] = (used, [members[c] for c in used])
    if both:
        schemes["F_all"] = (both, [[m for c in both for m in families["F"][c]]])
    return schemes


def select(
    scores: Scores, domains: dict[str, str], top_percents: Sequence[float]
) -> dict[tuple[str, float], dict[int, float]]:
    """Return (scheme, top_percent) -> {neuron's index: score}, by NumPy and Python sets."""
    result = {}
    for scheme, (_, members) in scheme_members(list(scores), domains).items():
        averages = [np.mean([scores[one] for one in member], axis=0) for member in members]
        score = np.mean(averages, axis=0)
        for level in top_percents:
            chosen = set.intersection(*(set(top(average, level)) for average in averages))
            result[scheme, level] = {int(index): float(score[index]) for index in sorted(chosen)}
    return result


def shared_percent(members: Sequence[np.ndarray], level: float) -> tuple[float, float, int]:
    """Return (shared percent, percent expected by chance, shared neurons) of maps' tops."""
    n_neurons = len(members[0])
    m = n_selected(level, n_neurons)
    shared = len(set.intersection(*(set(top(member, level)) for member in members)))
    return 100 * shared / m, 100 * (m / n_neurons) ** (len(members) - 1), shared


def chance_of_shared(n: int, m: int, k: int, shared: int) -> tuple[float, float, float]:
    """Return the 95 % interval (percent of m) and P(>= shared) of k random m-subsets of n.

    With binomial coefficients, in whole numbers: how many of the C(n, m) choices of one more set
    leave t of the neurons that the others share.
    """
    sizes = {m: 1}
    for _ in range(k - 1):
        left: dict[int, int] = {}
        for size, ways in sizes.items():
            for t in range(max(0, size + m - n), min(size, m) + 1):
                more = math.comb(size, t) * math.comb(n - size, m - t)
                left[t] = left.get(t, 0) + ways * more
        sizes = left
    whole = sum(sizes.values())
    below = dict(
        zip(sorted(sizes), itertools.accumulate(sizes[t] for t in sorted(sizes)), strict=True)
    )
    low = next(t for t, ways in below.items() if 1000 * ways >= 25 * whole)
    high = next(t for t, ways in below.items() if 1000 * ways >= 975 * whole)
    at_least = sum(ways for t, ways in sizes.items() if t >= shared)
    return 100 * low / m, 100 * high / m, max(1e-12, at_least / whole)


def write_synthetic_results(folder: str | Path, seed: int = 0) -> Path:
    """Write every table of the contract under ``folder`` (results/{study}) and return it."""
    folder, random = Path(folder), np.random.default_rng(seed)
    replicates = _bootstrap_replicates(random)
    scores = {one: replicate.mean(axis=1) for one, replicate in replicates.items()}
    _write_maps(folder, scores, replicates)
    schemes = _write_schemes(folder, scores)
    _write_overlaps(folder, scores)
    _write_frequencies(folder, scores, replicates)
    synthetic_stability.write_stability(folder, scores)
    synthetic_sanity.write_sanity(folder, neuron_frame())
    _write_baselines(folder, random)
    _write_activations(folder)
    _write_match_quality(folder)
    synthetic_rankings.write_collections(folder, [*DOMAINS, *ABLATION_DOMAINS], MAPS, random)
    synthetic_rankings.write_ablations(folder, ABLATION_DOMAINS, schemes, random)
    return folder


def write(frame: pl.DataFrame, path: Path) -> None:
    """Write ``frame`` to ``path``, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)


def _bootstrap_replicates(random: np.random.Generator) -> Scores:
    """Return map -> (neurons, replicates); a label's maps are alike."""
    n_neurons = len(neuron_frame())
    shared = {"relevant": random.standard_normal(n_neurons)}
    shared["non_relevant"] = -0.6 * shared["relevant"] + random.standard_normal(n_neurons)
    return {
        (collection, label): (
            0.01 * (2 * shared[label] + random.standard_normal(n_neurons))[:, None]
            + 0.004 * random.standard_normal((n_neurons, REPLICATES))
        ).astype(np.float32)
        for collection, label in MAPS
    }


def _write_maps(folder: Path, scores: Scores, replicates: Scores) -> None:
    for (collection, label), score in scores.items():
        of = {"collection": collection, "label": label, "method": METHOD}
        key = [pl.lit(value).alias(name) for name, value in of.items()]
        neurons = neuron_frame().select(*key, pl.all())
        frame = neurons.with_columns(
            pl.Series("score", score, dtype=pl.Float64),
            pl.Series("standard_error", replicates[collection, label].std(axis=1), pl.Float64),
            pl.lit(24, dtype=pl.Int64).alias("n_pairs"),
        )
        write(frame, folder / "neuron_scores" / collection / f"{label}.parquet")
        parts = _by_kind(frame)
        write(parts, folder / "neuron_tokens" / collection / f"{label}.parquet")
        lists = pl.Series("replicate_scores", list(replicates[collection, label]))
        write(
            neurons.with_columns(lists.cast(pl.List(pl.Float32))),
            folder / "bootstrap_scores" / collection / f"{label}.parquet",
        )


def _by_kind(scores: pl.DataFrame) -> pl.DataFrame:
    """Each score in five parts, some of the other sign, that add up to it."""
    random = np.random.default_rng(11)
    parts = random.dirichlet(np.full(len(TOKEN_KINDS), 0.5), len(scores)) * 1.5 - 0.1
    parts = scores["score"].to_numpy()[:, None] * parts
    rows = scores.drop("score", "standard_error")
    return pl.concat(
        rows.with_columns(kind=pl.lit(kind), score=pl.Series(part))
        for kind, part in zip(TOKEN_KINDS, parts.T, strict=True)
    )


def _write_schemes(folder: Path, scores: Scores) -> dict[tuple[str, float], dict[int, float]]:
    schemes, neurons = select(scores, DOMAINS, TOP_PERCENTS), neuron_frame()
    members = scheme_members(MAPS, DOMAINS)
    rows = [
        (scheme, level, *neurons.row(index), score)
        for (scheme, level), chosen in sorted(schemes.items())
        for index, score in chosen.items()
    ]
    schema = {"scheme": pl.String, "top_percent": pl.Float64, **neurons.schema, "score": pl.Float64}
    write(pl.DataFrame(rows, schema=schema, orient="row"), folder / "schemes.parquet")
    sizes = [
        (scheme, level, len(chosen), members[scheme][0])
        for (scheme, level), chosen in sorted(schemes.items())
    ]
    names = ["scheme", "top_percent", "n_neurons", "collections"]
    write(pl.DataFrame(sizes, schema=names, orient="row"), folder / "scheme_sizes.parquet")
    return schemes


def _overlap_sets() -> list[tuple[str, str, list[tuple[str, str]]]]:
    sets = []
    for label in ("relevant", "non_relevant"):
        maps = [one for one in MAPS if one[1] == label]
        sets += [("pair", label, list(pair)) for pair in itertools.combinations(maps, 2)]
        out = [one for one in maps if DOMAINS[one[0]] == "out"]
        for scope, used in (("out", out), ("all", maps)):
            sets.append((f"intersection_{scope}", label, used))
            kept = [one for one in used if one[0] not in OUTLIERS]
            sets.append((f"intersection_{scope}_without_outliers", label, kept))
    sets += [
        ("labels", "both", [(c, "relevant"), (c, "non_relevant")])
        for c in DOMAINS
        if (c, "non_relevant") in MAPS
    ]
    return [one for one in sets if len(one[2]) > 1]


def _write_overlaps(folder: Path, scores: Scores) -> None:
    n_neurons = len(neuron_frame())
    levels = [level for level in sorted({*TOP_PERCENTS, *CURVE}) if n_selected(level, n_neurons)]
    rows = []
    for kind, label, maps in sorted(_overlap_sets()):
        collections = list(dict.fromkeys(collection for collection, _ in maps))
        for level in levels:
            shared, expected, n_shared = shared_percent([scores[one] for one in maps], level)
            m = n_selected(level, n_neurons)
            percents = (level, shared, expected, m, n_shared)
            chance = chance_of_shared(n_neurons, m, len(maps), n_shared)
            rows.append((kind, label, collections, *percents, *chance, METHOD, [METHOD]))
    names = ["kind", "label", "collections", "top_percent", "shared_percent", "expected_percent"]
    names += ["n_selected", "n_shared", "expected_low", "expected_high", "p_value_chance"]
    names += ["method", "methods"]
    frame = pl.DataFrame(rows, schema=names, orient="row")
    write(frame, folder / "overlaps.parquet")


def _write_frequencies(folder: Path, scores: Scores, replicates: Scores) -> None:
    neurons, rows = neuron_frame(), []
    for one, level in itertools.product(MAPS, TOP_PERCENTS):
        tops = [set(top(column, level)) for column in replicates[one].T]
        own = set(top(scores[one], level))
        for index in sorted(own.union(*tops)):
            frequency = sum(index in chosen for chosen in tops) / REPLICATES
            rows.append((*one, METHOD, level, *neurons.row(int(index)), frequency, index in own))
    schema = {"collection": pl.String, "label": pl.String, "method": pl.String}
    schema |= {"top_percent": pl.Float64}
    schema |= {**neurons.schema, "frequency": pl.Float64, "selected": pl.Boolean}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    write(frame, folder / "selection_frequencies.parquet")


def _write_match_quality(folder: Path) -> None:
    """Sizes that fit each other, of the ablated schemes; the matched draws are a tenth smaller."""
    sizes = pl.read_parquet(folder / "scheme_sizes.parquet").filter(
        pl.col("scheme").is_in(synthetic_rankings.ABLATED) & (pl.col("n_neurons") > 0)
    )
    frame = sizes.select(
        "scheme",
        "top_percent",
        size_selected=1 + pl.col("n_neurons").cast(pl.Float64),
        ratio_matched=1 / pl.lit(0.9),
        ratio_random=pl.lit(2.0),
        worst_ratio=pl.lit(4.0),
        n_draws=pl.lit(synthetic_rankings.DRAWS, dtype=pl.Int64),
    )
    size = pl.col("size_selected")
    columns = {"size_matched": size / pl.col("ratio_matched"), "size_random": size / 2}
    write(frame.with_columns(**columns).select(list(MATCHES)), folder / "match_quality.parquet")


def _write_activations(folder: Path) -> None:
    neurons = neuron_frame()
    values = np.random.default_rng(7).normal(size=(2, len(neurons)))
    frame = neurons.with_columns(
        mean=pl.Series(values[0]),
        root_mean_square=pl.Series(np.hypot(*values)),
        n_tokens=pl.lit(4321),
    )
    write(frame, folder / "activations.parquet")


def _write_baselines(folder: Path, random: np.random.Generator) -> None:
    difference = np.concatenate([[0.85], random.uniform(-0.9, 0.6, len(BASELINES) - 1)])
    frame = pl.DataFrame(
        {
            "baseline": BASELINES,
            "mean_difference": difference,
            "ci_low": difference - 0.04,
            "ci_high": difference + 0.04,
            "n_pairs": [24] * len(BASELINES),
            "chosen": [baseline == "pad_all" for baseline in BASELINES],
        }
    )
    write(frame, folder / "baselines.parquet")
