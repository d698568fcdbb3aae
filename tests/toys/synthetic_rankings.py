"""The other half of ``synthetic_results``: made-up collections, pairs, rankings and effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from relevance_neurons.ablation.measures import shuffled_rankings
from relevance_neurons.ablation.significance import ablation_effects
from relevance_neurons.collections.grades import label_grades
from relevance_neurons.statistics.bootstrap import mean_interval

WORDS = [
    *("neuron", "ranker", "passage", "query", "index", "token", "gradient", "layer", "river"),
    *("winter", "bridge", "market", "garden", "engine", "harbour", "violin", "planet", "copper"),
]
N_QUERIES, N_DOCUMENTS, POOL, DRAWS, MEASURE = 6, 40, 8, 3, "nDCG@10"
SHUFFLES, THRESHOLD = 5, 0.5
OWN_RUN = "zeta"
"""The collection of which a run of the user's own takes the place of BM25's."""
NOISE = {"": 1.5, "random": 0.05, "matched": 0.5, "mean": 1.0, "keep_only": 50.0}
ABLATED = [
    *("P_alpha", "N_alpha", "P_and_out", "N_and_out", "P_and_all", "N_and_all"),
    *("F_alpha", "F_and_out", "F_and_all", "F_all"),
]
Schemes = Mapping[tuple[str, float], Mapping[int, float]]


def write_collections(
    folder: Path,
    collections: Sequence[str],
    maps: Sequence[tuple[str, str]],
    random: np.random.Generator,
) -> None:
    """Write documents, queries and qrels of ``collections``, pairs and checks of ``maps``."""
    for collection in collections:
        tables = _texts(collection, random)
        for name, frame in tables.items():
            _write(frame, folder / "collections" / collection / f"{name}.parquet")
        labels = [label for one, label in maps if one == collection]
        if labels:
            pairs = _pairs(tables["qrels"], labels, random)
            _write(pairs, folder / "pairs" / f"{collection}.parquet")
        for label in labels:
            kept = pairs.filter(pl.col("kept") & (pl.col("label") == label))
            path = folder / "attribution_checks" / collection / f"{label}.parquet"
            _write(_checks(kept, random), path)


def write_ablations(
    folder: Path, domains: Mapping[str, str], schemes: Schemes, random: np.random.Generator
) -> None:
    """Write candidates, rerankings, measures, ablation_effects and ranking_quality."""
    ablations = [("none", 0.0)]
    for (scheme, level), chosen in sorted(schemes.items()):
        if scheme in ABLATED and chosen:
            kinds = ("", "random:", "matched:", "mean:", "keep_only:")
            ablations += [(f"{kind}{scheme}", level) for kind in kinds]
    all_measures, quality = [], []
    for collection in domains:
        qrels = pl.read_parquet(folder / "collections" / collection / "qrels.parquet")
        candidates = _candidates(qrels, random)
        if collection == OWN_RUN:
            candidates = _of_own_run(candidates)
        rerankings = _rerankings(candidates, ablations, random)
        shuffled = shuffled_rankings(rerankings, SHUFFLES, seed=0)
        measures = _measures(pl.concat([rerankings, shuffled]), candidates)
        tables = {"candidates": candidates, "rerankings": rerankings, "measures": measures}
        for name, frame in tables.items():
            _write(frame, folder / name / f"{collection}.parquet")
        all_measures.append(measures.with_columns(pl.lit(collection).alias("collection")))
        quality += _quality(collection, candidates, measures)
    sizes = pl.read_parquet(folder / "scheme_sizes.parquet").filter(pl.col("scheme").is_in(ABLATED))
    effects = ablation_effects(pl.concat(all_measures), sizes, replicates=200)
    _write(effects, folder / "ablation_effects.parquet")
    names = ["collection", "ranking", "measure", "value", "ci_low", "ci_high", "n_queries"]
    names += ["n_not_found"]
    frame = pl.DataFrame(quality, schema=names, orient="row")
    _write(frame, folder / "ranking_quality.parquet")


def _write(frame: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)


def _texts(collection: str, random: np.random.Generator) -> dict[str, pl.DataFrame]:
    document_ids = [f"{collection}-d{number:02d}" for number in range(N_DOCUMENTS)]
    query_ids = [f"{collection}-q{number}" for number in range(N_QUERIES)]
    texts = [" ".join(random.choice(WORDS, 12)) for _ in document_ids]
    questions = ["what is a " + " ".join(random.choice(WORDS, 3)) for _ in query_ids]
    judged = [
        (query_id, document_id, int(grade))
        for query_id in query_ids
        for document_id, grade in zip(
            random.permutation(document_ids), [3, 2, 2, 1, *[0] * 10], strict=False
        )
    ]
    qrels = pl.DataFrame(judged, schema=["query_id", "doc_id", "grade"], orient="row")
    queries = {"query_id": query_ids, "text": questions, "own_document": False}
    return {
        "documents": pl.DataFrame({"doc_id": document_ids, "text": texts}),
        "queries": pl.DataFrame(queries),
        "qrels": label_grades(qrels, [2, 3], [0]),
    }


def _pairs(qrels: pl.DataFrame, labels: Sequence[str], random: np.random.Generator) -> pl.DataFrame:
    relevant = pl.col("label") == "relevant"
    pairs = qrels.filter(pl.col("label").is_in(labels)).sort("query_id", "doc_id")
    return (
        pairs.with_columns(
            pl.Series("p_relevant", random.uniform(0, 1, len(pairs))),
            pl.Series("n_tokens", random.integers(16, 40, len(pairs))),
        )
        .with_columns(agrees=(pl.col("p_relevant") > THRESHOLD) == relevant)
        .select(
            *("query_id", "doc_id", "grade", "label", "p_relevant"),
            *(pl.col("agrees").alias("kept"), "n_tokens"),
            *(pl.lit(THRESHOLD).alias("threshold"), "agrees"),
        )
    )


def _checks(pairs: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    f_input, f_baseline = random.uniform(0.5, 1, len(pairs)), random.uniform(0, 0.1, len(pairs))
    residual = 0.02 * random.standard_normal(len(pairs))
    return pairs.select("query_id", "doc_id").with_columns(
        pl.Series("f_input", f_input),
        pl.Series("f_baseline", f_baseline),
        pl.Series("cut_sum", f_input - f_baseline + residual),
        pl.Series("residual", residual),
        pl.lit(25, dtype=pl.Int32).alias("n_points"),
        pl.Series("error_estimate", random.uniform(0, 0.02, len(pairs))),
    )


def _candidates(qrels: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    frames = []
    for query_id in sorted(qrels["query_id"].unique()):
        pool = qrels.filter(pl.col("query_id") == query_id).head(POOL)
        order = random.permutation(POOL)
        frames.append(
            pool.with_columns(
                pl.Series("bm25_rank", order + 1),
                pl.Series("bm25_score", 20.0 - order),
                pl.when(pl.col("grade") >= 2)
                .then(pl.lit("relevant"))
                .otherwise(pl.lit("bm25"))
                .alias("pool"),
            )
        )
    columns = ("query_id", "doc_id", "grade", "bm25_rank", "bm25_score", "pool")
    return pl.concat(frames).sort("query_id", "bm25_rank").select(columns)


def _of_own_run(candidates: pl.DataFrame) -> pl.DataFrame:
    return candidates.select(
        *("query_id", "doc_id", "grade"),
        *(pl.lit(None, pl.Int64).alias("bm25_rank"), pl.lit(None, pl.Float64).alias("bm25_score")),
        *(pl.col("bm25_rank").alias("run_rank"), pl.col("bm25_score").alias("run_score")),
        pl.col("pool").replace("bm25", "run"),
    )


def _rerankings(
    candidates: pl.DataFrame,
    ablations: Sequence[tuple[str, float]],
    random: np.random.Generator,
) -> pl.DataFrame:
    """Score by grade plus noise, a scheme's ablation adds more, a random one hardly any."""
    base = candidates["grade"].to_numpy() - 4 + random.standard_normal(len(candidates))
    frames = []
    for scheme, level in ablations:
        kind = scheme.rpartition(":")[0]
        noise = 0 if scheme == "none" else NOISE[kind]
        for draw in range(DRAWS if kind in ("random", "matched") else 1):
            score = base + noise * random.standard_normal(len(base))
            frames.append(
                candidates.select(
                    pl.lit(scheme).alias("scheme"),
                    pl.lit(level).alias("top_percent"),
                    pl.lit(draw, dtype=pl.Int32).alias("draw"),
                    "query_id",
                    "doc_id",
                    pl.Series("score", -np.logaddexp(0, -score)),
                )
            )
    return pl.concat(frames)


def _ndcg(grades: np.ndarray) -> float:
    discounts = 1 / np.log2(np.arange(2, 12))
    ideal = np.sort(grades)[::-1][:10]
    gain = (grades[:10] * discounts[: len(grades[:10])]).sum()
    return float(gain / (ideal * discounts[: len(ideal)]).sum())


def _measures(rerankings: pl.DataFrame, candidates: pl.DataFrame) -> pl.DataFrame:
    grades = candidates.select("query_id", "doc_id", "grade")
    ranked = rerankings.join(grades, on=["query_id", "doc_id"]).sort(
        ["score", "doc_id"], descending=[True, False]
    )
    key = ["scheme", "top_percent", "draw", "query_id"]
    lists = ranked.group_by(key, maintain_order=True).agg("grade").sort(key)
    values = [_ndcg(np.array(grade)) for grade in lists["grade"]]
    return lists.select(*key, pl.lit(MEASURE).alias("measure"), pl.Series("value", values))


def _quality(
    collection: str, candidates: pl.DataFrame, measures: pl.DataFrame
) -> list[tuple[object, ...]]:
    name = "run" if collection == OWN_RUN else "bm25"
    by_rank = candidates.sort("query_id", f"{name}_rank").group_by("query_id", maintain_order=True)
    first = np.array([_ndcg(np.array(grade)) for grade in by_rank.agg("grade")["grade"]])
    reranker = measures.filter(pl.col("scheme") == "none")["value"].to_numpy()
    missing = 2 if collection == OWN_RUN else 0
    return [
        (collection, ranking, MEASURE, *mean_interval(values, replicates=200), len(values), missing)
        for ranking, values in ((name, first), ("reranker", reranker))
    ]
