"""Made-up tables of attention from query tokens, and rankers whose logits are known sums of it."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

VOCABULARY = [f"w{number}" for number in range(40)]
PAIR = ["query_id", "doc_id"]
Logits = Callable[[pl.DataFrame, np.random.Generator], pl.DataFrame]
"""From the study's query_attention: query_id, doc_id, logit of each pair."""


def toy_heads(n_layers: int, n_heads: int, matching: Sequence[tuple[int, int]]) -> pl.DataFrame:
    rows = [(layer, head) for layer in range(n_layers) for head in range(n_heads)]
    frame = pl.DataFrame(
        rows, schema={"layer": pl.Int32, "head": pl.Int32}, orient="row"
    ).with_columns(is_matching=pl.Series([row in matching for row in rows], dtype=pl.Boolean))
    return frame.with_columns(is_relevance=pl.lit(False))


def toy_documents(n: int, rng: np.random.Generator) -> list[list[str]]:
    """Words of like Zipf's frequencies."""
    shares = 1 / np.arange(1, len(VOCABULARY) + 1)
    sizes = rng.integers(8, 60, n)
    return [list(rng.choice(VOCABULARY, size, p=shares / shares.sum())) for size in sizes]


def toy_word_counts(documents: Sequence[Sequence[str]]) -> pl.DataFrame:
    """As of rule count_words."""
    n = len(documents)
    counts = {word: sum(word in text for text in documents) for word in VOCABULARY}
    frame = pl.DataFrame({"word": list(counts), "n_documents": list(counts.values())})
    idf = np.log(1 + (n - frame["n_documents"].to_numpy() + 0.5) / (frame["n_documents"] + 0.5))
    return frame.filter(pl.col("n_documents") > 0).with_columns(
        idf=pl.Series(idf.to_numpy()).filter(frame["n_documents"] > 0),
        n_total_documents=pl.lit(n),
        mean_words=pl.lit(float(np.mean([len(text) for text in documents]))),
    )


def soft_sum(head: int) -> Logits:
    """The logit is Σ idf · TF of one head, over all query tokens."""

    def logits(attention: pl.DataFrame, _rng: np.random.Generator) -> pl.DataFrame:
        product = pl.col("idf") * pl.col("total").list.get(head).cast(pl.Float64)
        return attention.group_by(PAIR).agg(logit=product.sum())

    return logits


def toy_tables(
    logits: Logits,
    n_queries: int = 20,
    depth: int = 8,
    shape: tuple[int, int] = (2, 3),
    matching: Sequence[tuple[int, int]] = ((1, 0),),
    seed: int = 0,
    spread: float = 1.0,
) -> dict[str, pl.DataFrame]:
    """query_attention, mechanism_rankings, heads, qrels, word_counts of a made-up collection.

    A head's attention from a query token is one number of the token's place and query, plus
    ``spread`` times one of the pair, both uniform: ``spread`` 0 makes passages all alike.
    """
    rng = np.random.default_rng(seed)
    documents = toy_documents(60, rng)
    words = toy_word_counts(documents)
    rows = []
    for query in range(n_queries):
        tokens = list(rng.choice(words["word"], rng.integers(3, 8), replace=False))
        found = sorted(rng.choice(len(documents), depth, replace=False))
        for ranker in ("study", "random:0", "random:1"):
            of_query = rng.random((len(tokens), np.prod(shape)))
            for doc in found:
                total = of_query + spread * rng.random(of_query.shape)
                pair, size = (ranker, f"q{query:02}", f"d{doc:02}"), len(documents[doc])
                for place, word in enumerate(tokens):
                    counts = documents[doc].count(word), size
                    rows.append((*pair, place, word, word, *counts, total[place].tolist()))
    names = ["ranker", *PAIR, "place", "token", "word", "tf", "passage_words", "total"]
    attention = (
        pl.DataFrame(rows, schema=names, orient="row")
        .join(words.select("word", "idf"), on="word", how="left")
        .with_columns(
            pl.col("place", "tf", "passage_words").cast(pl.Int32),
            pl.col("total").cast(pl.List(pl.Float32)),
        )
    )
    return {
        "query_attention": attention.sample(fraction=1, shuffle=True, seed=seed),
        "heads": toy_heads(*shape, matching),
        "word_counts": words,
        **_judged(logits(attention.filter(ranker="study"), rng), rng),
    }


def _judged(logits: pl.DataFrame, rng: np.random.Generator) -> dict[str, pl.DataFrame]:
    """mechanism_rankings and qrels; what has a high logit is relevant more often."""
    rankings = logits.sort(PAIR)
    noisy = rankings["logit"] + rng.normal(0, max(rankings["logit"].std(), 1e-9), len(rankings))
    rankings = rankings.with_columns(gain=(noisy > noisy.median()).cast(pl.Int64))
    return {
        "mechanism_rankings": rankings,
        "qrels": rankings.select(*PAIR, pl.col("gain").alias("grade")),
    }
