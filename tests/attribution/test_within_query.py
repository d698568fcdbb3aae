"""Weights within a query against torch and trec_eval; scores of queries, and their shards."""

import logging

import ir_measures
import numpy as np
import polars as pl
import pytest
import torch

from relevance_neurons import attribute
from relevance_neurons.attribution import within_query
from relevance_neurons.attribution.mean_scores import merge_shards
from relevance_neurons.attribution.methods import WITHIN_QUERY
from relevance_neurons.attribution.within_query import find_units, swap_changes, unit_weights
from relevance_neurons.rankers.taps import tapped
from toys.bert import PAIRS, make_reranker

TEXTS = [*PAIRS, *((query, passage[::-1]) for query, passage in PAIRS), ("heat", "lift")]
IDS = ["a", "b", "a", "b", "a", "c", "b", "c", "none"]
GAINS = [2, 0, 0, 1, 1, 0, 0, 3, 1]
JUDGMENTS = pl.DataFrame({"query_id": IDS, "gain": GAINS})
GXA = {"method": "gradient_x_activation"}
NIG = {"quadrature": "simpson", "n_points": 5}


def a_query(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Margins and gains of ``n`` passages."""
    random = np.random.default_rng(seed)
    gains = random.permutation(np.arange(n) % 4).astype(float)
    return random.normal(scale=2.0, size=n), gains


def ndcg(order: list[int], gains: np.ndarray) -> float:
    """nDCG@10 of a ranking of passages, by trec_eval."""
    qrels = {"q": {str(i): int(gain) for i, gain in enumerate(gains)}}
    run = {"q": {str(passage): float(-rank) for rank, passage in enumerate(order)}}
    (metric,) = ir_measures.pytrec_eval.iter_calc([ir_measures.nDCG @ 10], qrels, run)
    return metric.value


@pytest.mark.parametrize("n", [2, 5, 14])
def test_swaps_change_ndcg_as_in_trec_eval(n):
    margins, gains = a_query(n, seed=n)
    order = np.argsort(-margins).tolist()
    whole, found = ndcg(order, gains), swap_changes(margins, gains)
    for i in range(n):
        for j in range(n):
            swapped = [{i: j, j: i}.get(passage, passage) for passage in order]
            assert found[i, j] == pytest.approx(abs(ndcg(swapped, gains) - whole), abs=1e-12)


def value(target: str, margins: torch.Tensor, gains: np.ndarray, changes: np.ndarray):
    """The target of a query, written out pair by pair; ``changes`` are those of nDCG."""
    high, low = (np.flatnonzero(one).tolist() for one in (gains > 0, gains == 0))
    if target == "margin_pair":
        return margins[high].mean() - margins[low].mean()
    if target == "pairwise":
        both = [torch.sigmoid(margins[i] - margins[j]) for i in high for j in low]
        return sum(both) / len(both)
    return sum(
        changes[i, j] * torch.sigmoid(margins[i] - margins[j])
        for i in range(len(gains))
        for j in range(len(gains))
        if gains[i] > gains[j]
    )


@pytest.mark.parametrize("target", WITHIN_QUERY)
@pytest.mark.parametrize("n", [2, 5, 14])
def test_weights_are_the_gradient_of_the_target(target, n):
    margins, gains = a_query(n, seed=n)
    at = torch.tensor(margins, requires_grad=True)
    value(target, at, gains, swap_changes(margins, gains)).backward()
    found = unit_weights(target, margins, gains)
    np.testing.assert_allclose(found, at.grad, rtol=1e-9, atol=1e-14)
    assert found.sum() == pytest.approx(0.0, abs=1e-12)  # a level that all share counts nothing
    assert found[gains == gains.max()].sum() > 0


def test_margins_far_apart_do_not_overflow():
    with np.errstate(over="raise", invalid="raise"):
        found = unit_weights("pairwise", np.array([900.0, -900.0]), np.array([1.0, 0.0]))
    assert found.tolist() == [0.0, 0.0]


def weighted_by_hand(reranker, target, **method) -> np.ndarray:
    """Scores of each query with both labels, shape (n_queries, n_neurons)."""
    single = [attribute(reranker, [text], target="margin", **method) for text in TEXTS]
    scores = np.array([one.frame()["score"].to_numpy() for one in single])
    margins = np.array([one.checks()["f_input"].item() for one in single])
    found = []
    for query in ("a", "b", "c"):
        rows = [row for row, its_query in enumerate(IDS) if its_query == query]
        found.append(
            unit_weights(target, margins[rows], np.array(GAINS)[rows] * 1.0) @ scores[rows]
        )
    return np.array(found)


@pytest.mark.parametrize("target", WITHIN_QUERY)
@pytest.mark.parametrize("method", [GXA, NIG], ids=["gradient x activation", "integrated"])
def test_queries_are_weighted_sums_of_their_pairs(reranker, target, method, caplog):
    expected = weighted_by_hand(reranker, target, **method)
    with caplog.at_level(logging.WARNING):
        found = attribute(reranker, TEXTS, target=target, judgments=JUDGMENTS, **method)
    assert "1 of 4 queries have no relevant or no non-relevant pair and are left out" in caplog.text
    frame = found.frame()
    np.testing.assert_allclose(frame["score"], expected.mean(0), rtol=1e-7, atol=1e-12)
    error = expected.std(0, ddof=1) / np.sqrt(3)
    np.testing.assert_allclose(frame["standard_error"], error, rtol=1e-6, atol=1e-12)
    assert frame["n_pairs"].unique().to_list() == [3] and found.label == "difference"
    assert found.pair_numbers() == list(range(8)) and len(found.checks()) == 8


@pytest.mark.parametrize("target", WITHIN_QUERY)
def test_equals_the_difference_that_a_scaled_neuron_makes(two_logits, target):
    """Of the whole target: all of a query's passages with a neuron's outputs a little larger."""
    texts, gains = TEXTS[:6], np.array([0.0, 2.0, 1.0, 0.0, 3.0, 0.0])
    judgments = pl.DataFrame({"query_id": ["q"] * 6, "gain": gains.astype(int)})
    batch, step = two_logits.collate(two_logits.encode(texts)), 1e-5
    found = attribute(two_logits, texts, target=target, judgments=judgments, **GXA)
    scores = found.frame()["score"].to_numpy()
    changes = swap_changes(found.checks()["f_input"].to_numpy(), gains)

    def scaled(block, factor) -> float:
        column = torch.tensor([5])

        def tap(_call, output):
            return output.index_copy(-1, column, factor * output[..., column])

        with tapped(two_logits.model, {block.module: tap}), torch.no_grad():
            margins = two_logits.target_value(
                two_logits.model(**batch).logits, "relevant", "margin"
            )
            return float(value(target, margins, gains, changes))

    for block in two_logits.neurons.blocks:
        difference = (scaled(block, 1 + step) - scaled(block, 1 - step)) / (2 * step)
        assert scores[block.start + 5] == pytest.approx(difference, rel=1e-5, abs=1e-9)


@pytest.mark.parametrize("n_shards", [2, 5])
def test_shards_are_of_queries(n_shards):
    reranker = make_reranker()
    resampling = {"bootstrap_replicates": 4, "split_halves": 2, "seed": 3}
    options = {"target": "lambda", "judgments": JUDGMENTS} | GXA | resampling
    whole = attribute(reranker, TEXTS, **options)
    shards = [attribute(reranker, TEXTS, shard=(k, n_shards), **options) for k in range(n_shards)]
    queries = [{IDS[pair] for pair in one.pair_numbers()} for one in shards]
    assert sum(map(len, queries)) == 3
    parts = ((one.sums(), len(own)) for one, own in zip(shards, queries, strict=True))
    merged = merge_shards("difference", parts, **resampling)
    for column in ("score", "standard_error"):
        found, expected = (one.frame()[column].to_numpy() for one in (merged, whole))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    found, expected = (
        one.replicates()["replicate_scores"].explode().to_numpy() for one in (merged, whole)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_few_pairs_are_held_at_once(two_logits, monkeypatch):
    options = {"target": "pairwise", "judgments": JUDGMENTS} | GXA
    expected = attribute(two_logits, TEXTS, **options).frame()["score"]
    monkeypatch.setattr(within_query, "GROUP_PAIRS", 5)
    units, asked = find_units(JUDGMENTS, len(TEXTS)), []
    assert [len(group) for group in within_query._groups(units)] == [1, 2]

    def score(texts):
        asked.append(len(texts))
        yield from ()

    with pytest.raises(KeyError):  # nothing was scored
        list(within_query.score_units(score, TEXTS, units, "pairwise"))
    assert asked == [3]
    found = attribute(two_logits, TEXTS, **options).frame()["score"]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-14)


def test_margin_pair_is_the_difference_of_two_maps(two_logits):
    """Of a single query: the mean over its relevant passages less that over the others."""
    judgments = pl.DataFrame({"query_id": ["q"] * 4, "gain": [1, 0, 2, 0]})
    found = attribute(two_logits, PAIRS, target="margin_pair", judgments=judgments, **GXA)
    means = [
        attribute(two_logits, PAIRS[first::2], target="margin", **GXA).frame()["score"].to_numpy()
        for first in (0, 1)
    ]
    np.testing.assert_allclose(found.frame()["score"], means[0] - means[1], rtol=1e-8, atol=1e-13)
