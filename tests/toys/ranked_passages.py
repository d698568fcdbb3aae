"""A first stage's run of a few queries, the texts of its rows, judgments, and files of them all."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from relevance_neurons.collections.grades import label_grades
from toys.bert import WORDS


def random_texts(n: int, seed: int = 0) -> list[str]:
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, size=rng.integers(2, 20))) for _ in range(n)]


def toy_run(n_queries: int = 4, depth: int = 9) -> tuple[pl.DataFrame, list[tuple[str, str]]]:
    """A first stage's run, and the texts of its rows; two passages of each query are the same."""
    rows = [
        (f"q{query}", f"d{doc}", doc + 1, 10.0 - doc)
        for query in range(n_queries)
        for doc in range(depth)
    ]
    passages = random_texts(depth)
    passages[-1] = passages[2]
    texts = [(WORDS[int(query[1:])], passages[int(doc[1:])]) for query, doc, *_ in rows]
    schema = ["query_id", "doc_id", "bm25_rank", "bm25_score"]
    return pl.DataFrame(rows, schema=schema, orient="row"), texts


def toy_qrels() -> pl.DataFrame:
    """q0 and q1 have relevant passages in the run and beyond, q2 only beyond, q3 none."""
    judged = [("q0", "d3", 2), ("q0", "d8", 3), ("q0", "d2", 1), ("q0", "d0", 0), ("q0", "x", 2)]
    judged += [("q1", "d5", 2), ("q2", "y", 3), ("q2", "d1", 0)]
    qrels = pl.DataFrame(judged, schema=["query_id", "doc_id", "grade"], orient="row")
    return label_grades(qrels, relevant=[2, 3], non_relevant=[0])


def write_texts(folder: Path, pairs: pl.DataFrame, texts: Sequence[tuple[str, str]]) -> None:
    """Write queries and documents: of each row of ``pairs`` (query_id, doc_id) its texts."""
    for name, column, place in (("queries", "query_id", 0), ("documents", "doc_id", 1)):
        rows = {id_: text[place] for id_, text in zip(pairs[column], texts, strict=True)}
        frame = pl.DataFrame({column: list(rows), "text": list(rows.values())})
        frame.write_parquet(folder / name)
