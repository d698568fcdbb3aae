"""Positions of matched tokens: by hand, and against a loop in Python over random tables."""

import numpy as np
import polars as pl
import pytest

from workflow_scripts.tokens import match_positions as script

COLUMNS = {
    "matched_positions": [
        *("collection", "query_id", "higher_max", "higher_mean"),
        *("lower_max", "lower_mean", "n_higher", "n_lower"),
    ],
    "top_passages": [
        *("collection", "query_id", "ranker_doc_id", "bm25_doc_id"),
        *("jaccard_ranker", "jaccard_bm25", "mrr_ranker", "mrr_bm25"),
    ],
}


def tables(tmp_path, passages, collection="toys"):
    """What the script writes of ``passages``.

    (query_id, doc_id, rank, bm25_rank, is_relevant, query, passage) each.
    """
    names = ["query_id", "doc_id", "rank", "bm25_rank", "is_relevant"]
    kinds = dict(zip(names, [pl.String, pl.String, *[pl.Int64] * 2, pl.Boolean], strict=True))
    rankings = pl.DataFrame([row[:5] for row in passages], schema=kinds, orient="row")
    tokens = [(*row[:2], row[5].split(), row[6].split()) for row in passages]
    schema = {"query_id": pl.String, "doc_id": pl.String}
    schema |= {name: pl.List(pl.String) for name in ("query_tokens", "passage_tokens")}
    files = {name: tmp_path / f"{name}.parquet" for name in ("token_rankings", "ranked_tokens")}
    rankings.write_parquet(files["token_rankings"])
    pl.DataFrame(tokens, schema=schema, orient="row").write_parquet(files["ranked_tokens"])
    made = {name: str(tmp_path / f"made {name}.parquet") for name in COLUMNS}
    script.main({name: [str(file)] for name, file in files.items()}, made, [collection])
    return {name: pl.read_parquet(file) for name, file in made.items()}


def test_by_hand(tmp_path):
    query = "how much water much"  # two times the same token counts once
    passages = [
        ("q", "a", 1, 3, False, query, "much of the water much"),  # 1/1, 1/4
        ("q", "b", 2, 1, None, query, "water"),  # a grade that is neither
        ("q", "c", 3, 4, False, query, "nothing here"),
        ("q", "d", 4, 2, True, query, "the water is how"),  # 1/2, 1/4
        ("q", "e", 5, 5, False, query, "how how"),  # below every relevant passage
        ("p", "a", 1, 1, True, "one two", "two x one y"),  # right: nothing above it
        ("p", "b", 2, 2, False, "one two", "one"),
    ]
    found = tables(tmp_path, passages)
    assert {name: frame.columns for name, frame in found.items()} == COLUMNS
    assert found["matched_positions"].rows() == [
        ("toys", "q", (1 + 1 / 4) / 2, (1 + 1 / 4) / 2 / 2, 3 / 8, 3 / 8, 2, 1)
    ]
    assert found["top_passages"].is_empty()  # q: the first is not relevant; p: the same is first


def test_tops_by_hand(tmp_path):
    passages = [
        ("q", "a", 1, 2, True, "one two three", "x two one"),  # two: 1/2, one: 1/3; 2 of 4
        ("q", "b", 2, 1, False, "one two three", "three three y z"),  # three: 1; 1 of 5
        ("p", "a", 1, 2, None, "one", "one"),
        ("p", "b", 2, 1, True, "one", "one"),
    ]
    assert tables(tmp_path, passages)["top_passages"].rows() == [
        ("toys", "q", "a", "b", 2 / 4, 1 / 5, pytest.approx((1 / 2 + 1 / 3) / 2), 1.0)
    ]


def mean_reciprocal(query: list[str], passage: list[str]) -> float:
    matched = set(query) & set(passage)
    return float(np.mean([1 / (passage.index(token) + 1) for token in matched])) if matched else 0.0


def random_passages(n_queries: int, depth: int, seed: int = 0) -> list[tuple]:
    rng = np.random.default_rng(seed)
    words = [f"w{n}" for n in range(12)]
    rows = []
    for query in range(n_queries):
        text = " ".join(rng.choice(words, rng.integers(1, 5)))
        bm25_ranks = rng.permutation(depth) + 1
        for doc in range(depth):
            label = (True, False, False, None)[rng.integers(4)]
            passage = " ".join(rng.choice(words, rng.integers(0, 9)))
            ranks = doc + 1, int(bm25_ranks[doc])
            rows.append((f"q{query:02}", f"d{doc}", *ranks, label, text, passage))
    return rows


def test_random_tables(tmp_path):
    passages = random_passages(80, 6)
    found = tables(tmp_path, passages)
    expected, tops = [], []
    for query in sorted({row[0] for row in passages}):
        own = [row for row in passages if row[0] == query]
        mrr = {row[2]: mean_reciprocal(row[5].split(), row[6].split()) for row in own}
        relevant = {row[2] for row in own if row[4] is True}
        others = {row[2] for row in own if row[4] is False}
        higher = [mrr[rank] for rank in others if any(rank < other for other in relevant)]
        lower = [mrr[rank] for rank in relevant if any(rank > other for other in others)]
        assert bool(higher) == bool(lower)
        if higher:
            values = max(higher), np.mean(higher), max(lower), np.mean(lower)
            expected.append((query, *values, len(higher), len(lower)))
        first, bm25 = own[0], next(row for row in own if row[3] == 1)
        if first[4] and first is not bm25:
            sets = [tuple(set(text.split()) for text in row[5:]) for row in (first, bm25)]
            jaccard = [len(one & other) / len(one | other) for one, other in sets]
            tops.append((query, first[1], bm25[1], *jaccard, mrr[1], mrr[bm25[2]]))
    assert 30 < len(expected) < 80 and len(tops) > 5
    for table, rows in (("matched_positions", expected), ("top_passages", tops)):
        for ours, by_hand in zip(found[table].rows(), rows, strict=True):
            assert ours[1:] == pytest.approx(by_hand, abs=1e-12), table


def test_collections_stand_in_one_table(tmp_path):
    files: dict[str, list[str]] = {"token_rankings": [], "ranked_tokens": []}
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        tables(folder, random_passages(5, 6, seed=len(name)))
        for table, of in files.items():
            of.append(str(folder / f"{table}.parquet"))
    made = {name: str(tmp_path / name) + ".parquet" for name in COLUMNS}
    script.main(files, made, ["one", "two"])
    assert pl.read_parquet(made["matched_positions"])["collection"].unique(
        maintain_order=True
    ).to_list() == ["one", "two"]
