"""What a ranker learns from: judged pairs, drawn negatives, and batches that hold a query whole."""

import numpy as np
import polars as pl

from relevance_neurons.rankers.training_pairs import (
    Collection,
    draw_negatives,
    like_lengths,
    token_batches,
    training_pairs,
)
from toys.bert import make_tokenizer
from toys.judged_words import collection


def test_pairs_by_hand(caplog):
    documents = pl.DataFrame({"doc_id": ["a", "b", "c", "d"], "text": ["A", "B", "C", "D"]})
    queries = pl.DataFrame({"query_id": ["1", "2"], "text": ["one", "two"]})
    rows = [("1", "c", 3), ("1", "b", 0), ("1", "a", 1), ("1", "d", 0), ("2", "a", 2)]
    qrels = pl.DataFrame(rows, schema=["query_id", "doc_id", "grade"], orient="row")
    graded = Collection(documents, queries, qrels, relevant=[2, 3])
    small = Collection(documents, queries, qrels.head(2), relevant=[3])
    assert training_pairs([graded, small]).rows() == [
        ("one", ["B", "D"], "C"),
        ("one", ["B"], "C"),
    ]
    assert "1 positives have no judged negative" in caplog.text
    reversed_rows = Collection(documents[::-1], queries[::-1], qrels[::-1], relevant=[2, 3])
    assert training_pairs([reversed_rows]).equals(training_pairs([graded]))


def test_batches_hold_every_row_once_and_like_lengths():
    lengths = np.random.default_rng(0).integers(10, 100, 1000)
    batches = like_lengths(lengths, 8, np.random.default_rng(1))
    assert sorted(np.concatenate(batches)) == list(range(1000))
    assert max(map(len, batches)) == 8 and len(batches) == 125
    padding = sum(lengths[rows].max() * len(rows) for rows in batches) / lengths.sum()
    at_random = np.random.default_rng(2).permutation(1000).reshape(125, 8)
    assert padding < 1.05 < sum(lengths[rows].max() * 8 for rows in at_random) / lengths.sum()


def test_a_batch_holds_all_passages_of_a_query():
    pairs, tokenizer, random = (
        training_pairs([collection(50)]),
        make_tokenizer(),
        np.random.default_rng(0),
    )
    for n, batch_size, most in [(1, 8, 4), (2, 8, 2), (2, 2, 1)]:
        drawn = draw_negatives(pairs, n, random)
        seen = []
        for positives, batch in token_batches(tokenizer, drawn, 24, batch_size, random):
            texts = [tokenizer.decode(ids).split("[SEP]") for ids in batch["input_ids"]]
            queries, passages = (np.reshape(part, (1 + n, -1)) for part in np.array(texts).T[:2])
            assert queries.shape[1] == len(positives) <= most
            assert (queries == [f"[CLS] {pairs['query'][int(i)]} " for i in positives]).all()
            assert all("lift" in text for text in passages[0])
            assert all("blood" in text for text in passages[1:].flat)
            seen += positives.tolist()
        assert sorted(seen) == list(range(len(pairs)))


def test_negatives_are_drawn_without_repeats_where_there_are_enough():
    texts = [["a", "b", "c", "d"], ["e", "f"]]
    pairs = pl.DataFrame({"query": ["1", "2"], "negatives": texts, "positive": ["A", "B"]})
    random, seen = np.random.default_rng(0), set()
    for _ in range(50):
        drawn = draw_negatives(pairs, 3, random)
        assert drawn.queries == ["1", "2"] and drawn.passages[0] == ["A", "B"]
        of_1, of_2 = zip(*drawn.passages[1:], strict=True)
        assert len(set(of_1)) == 3 and set(of_1) <= set("abcd") and set(of_2) <= set("ef")
        seen |= set(of_1)
    assert seen == set("abcd")
