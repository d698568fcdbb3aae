"""A collection to learn from: passages of the toy tokenizer's words, two of which tell."""

from dataclasses import replace

import numpy as np
import polars as pl

from relevance_neurons.rankers.training_pairs import Collection
from toys.bert import WORDS


def collection(n_queries=60, seed=0):
    """Passages of random words; a relevant one has the word "lift", a non-relevant one "blood".

    Each query has one of grade 2, two of grade 0 and one of grade 1, which means neither.
    """
    random = np.random.default_rng(seed)
    documents, queries, qrels = [], [], []
    for number in range(n_queries):
        queries.append((f"q{number}", " ".join(random.choice(WORDS, 3))))
        for grade, sign in [(2, "lift"), (0, "blood"), (0, "blood"), (1, "heat")]:
            words = [*random.choice(WORDS[8:], random.integers(2, 9)), sign]
            words = [word for word in words if word not in ("lift", "blood")] + [sign]
            doc_id = f"d{number}-{len(documents)}"
            documents.append((doc_id, " ".join(random.permutation(words))))
            qrels.append((f"q{number}", doc_id, grade))
    frames = [
        pl.DataFrame(rows, schema=columns, orient="row")
        for rows, columns in [
            (documents, ["doc_id", "text"]),
            (queries, ["query_id", "text"]),
            (qrels, ["query_id", "doc_id", "grade"]),
        ]
    ]
    return Collection(*frames, relevant=[2])


def alike(n_queries=60, seed=0):
    """The same, but a relevant passage has its query's words too, which a sentence encoder sees."""
    made = collection(n_queries, seed)
    relevant = made.qrels.filter(pl.col("grade") == 2).join(made.queries, on="query_id")
    asked = dict(relevant.select("doc_id", "text").iter_rows())
    texts = [
        f"{asked[doc_id]} {text}" if doc_id in asked else text
        for doc_id, text in made.documents.iter_rows()
    ]
    return replace(made, documents=made.documents.with_columns(text=pl.Series(texts)))
