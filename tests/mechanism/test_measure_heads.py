"""Soft term frequency and statistics of heads: against plain loops, and on the planted ranker."""

from collections import Counter

import numpy as np
import polars as pl
import pytest
import torch

from relevance_neurons.collections.words import Analyser
from relevance_neurons.mechanism import measure_heads as library
from relevance_neurons.mechanism import soft_matches as soft
from relevance_neurons.mechanism.matching import contrasts, shuffled_orders
from relevance_neurons.mechanism.measure_heads import Study, measure_heads, with_idf
from relevance_neurons.mechanism.pair_tokens import PairTokens
from relevance_neurons.mechanism.query_attention import KINDS
from relevance_neurons.mechanism.random_rankers import random_rankers
from relevance_neurons.mechanism.soft_matches import soft_matches
from toys.bert import PAIRS, make_reranker
from toys.planted_mechanism import (
    IDLE_HEAD,
    K1,
    LENGTH_HEAD,
    MATCHING_HEAD,
    N_HEADS,
    RELEVANCE_HEAD,
    planted_counts,
    planted_idf,
    planted_ranker,
    planted_texts,
)
from toys.tiny_tokenizers import wordpiece

TEXTS = [
    *PAIRS,
    ("wings lift", "wing of reflowing wings lift - wings. the lift"),
    ("the the wing - heat", "heat - the wing the heat heat flow"),
    ("wing", ""),
]
SOFT = {"wing": frozenset(["lift", "flow"]), "heat": frozenset(["flow"]), "wings": {"wing"}}
STUDY = {"soft": SOFT, "n_shuffles": 7, "seed": 3}


def tiny(batch_tokens=None):
    reranker = make_reranker(1)
    tokenizer = wordpiece()
    reranker.model.resize_token_embeddings(len(tokenizer))
    reranker.tokenizer, reranker.batch_tokens = tokenizer, batch_tokens
    return reranker


def study_of(reranker, texts, **changed):
    ids = [(f"q{number}", f"d{number}") for number in range(len(texts))]
    return Study("toy", ids, reranker.encode(texts), **{**STUDY, **changed})


@pytest.fixture(scope="module")
def found():
    reranker = tiny()
    study = study_of(reranker, TEXTS)
    return reranker, study, measure_heads(reranker, study, "study")


def one_by_one(reranker, study):
    """tokens, words and attention of each pair alone, (n_layers, n_heads, n_tokens, n_tokens)."""
    reranker.model.set_attn_implementation("eager")
    for number, pair in enumerate(study.encoded):
        own = PairTokens.of(pair, reranker.tokenizer.decode)
        with torch.inference_mode():
            batch = reranker.collate([study.encoded[number]])
            attention = reranker.model(**batch, output_attentions=True).attentions
        yield own, np.stack([layer[0].numpy() for layer in attention])


def test_query_attention_is_what_loops_find(found):
    reranker, study, measured = found
    rows = measured.query_attention.to_dicts()
    for number, (pair, attention) in enumerate(one_by_one(reranker, study)):
        own = [row for row in rows if row["doc_id"] == f"d{number}"]
        assert [row["place"] for row in own] == list(range(len(pair.query)))
        for row, place in zip(own, pair.query, strict=True):
            word = pair.words[place]
            assert row["word"] == word
            near = SOFT.get(word, ())
            expected = {
                "total": range(pair.start, pair.n_tokens),
                "exact": [i for i in pair.passage if pair.words[i] == word],
                "soft": [i for i in pair.passage if pair.words[i] in near],
            }
            for kind in KINDS:
                sums = [attention[:, :, place, i] for i in expected[kind]]
                plain = np.sum(sums, axis=0) if sums else np.zeros(attention.shape[:2])
                np.testing.assert_allclose(row[kind], plain.ravel(), atol=1e-6)


def test_pieces_are_one_word_and_are_counted_as_words(found):
    rows = found[2].query_attention.filter(pl.col("doc_id") == "d4")
    assert rows["token"].to_list() == ["wing", "##s", "lift"]
    assert rows["word"].to_list() == ["wings", "wings", "lift"]
    assert rows["tf"].to_list() == [2, 2, 2]
    assert set(rows["passage_words"]) == {8}  # neither - nor . are words


def test_a_pair_without_a_passage_has_no_attention_to_one(found):
    rows = found[2].query_attention.filter(pl.col("doc_id") == "d6")
    assert rows["tf"].to_list() == [0]
    assert all(value == 0 for kind in ("exact", "soft") for value in rows[kind][0])


def test_match_attention_is_what_loops_find(found):
    reranker, study, measured = found
    contrasts, alone, to_query, uniform = [], 0, [], []
    for pair, attention in one_by_one(reranker, study):
        to_query.append(attention[:, :, 0, list(pair.query)].sum(-1))
        uniform.append(len(pair.query) / pair.n_tokens)
        for word in sorted({pair.words[i] for i in pair.query} - {"-"}):
            equal = [i for i in pair.passage if pair.words[i] == word]
            own = [i for i in pair.query if pair.words[i] == word]
            others = [i for i in pair.query if pair.words[i] not in (word, "-")]
            if equal and not others:
                alone += 1
            if equal and others:
                seen = attention[..., equal].sum(-1)
                contrasts.append(seen[:, :, own].mean(-1) - seen[:, :, others].mean(-1))
    frame = measured.head_attention
    assert len(contrasts) > 5 and alone > 0
    np.testing.assert_allclose(frame["match_attention"], np.mean(contrasts, 0).ravel(), atol=1e-6)
    assert set(frame["n_words"]) == {len(contrasts)}
    assert set(frame["n_without_contrast"]) == {alone}
    expected = np.mean(to_query, 0).ravel()
    np.testing.assert_allclose(frame["cls_query_attention"], expected, atol=1e-6)
    np.testing.assert_allclose(frame["cls_query_share"], expected / np.mean(uniform), atol=1e-6)


def test_nothing_depends_on_the_batches(found):
    _, _, whole = found
    reranker = tiny(batch_tokens=20)
    parts = measure_heads(reranker, study_of(reranker, TEXTS), "study")
    for one, other in zip(whole[:2], parts[:2], strict=True):
        assert one.columns == other.columns
        numbers = [name for name, kind in one.schema.items() if kind in (pl.Float64, pl.Float32)]
        assert one.drop(*numbers, *KINDS, strict=False).equals(
            other.drop(*numbers, *KINDS, strict=False)
        )
        for name in numbers:
            np.testing.assert_allclose(one[name], other[name], atol=1e-6)
    np.testing.assert_allclose(whole.logits, parts.logits, atol=1e-9)


def _ending(attention):
    """A layer of it; then memory ends."""
    yield attention[0]
    raise MemoryError


def test_too_little_memory_counts_nothing_twice(found, monkeypatch):
    reranker, study, whole = found
    attention_of, asked = library.attention_of, []

    def failing(reranker, rows):
        asked.append(len(rows))
        scores, attention = attention_of(reranker, rows)
        return scores, _ending(attention) if len(rows) > 2 else attention

    monkeypatch.setattr(library, "attention_of", failing)
    parts = measure_heads(reranker, study, "study")
    assert max(asked) > 2
    for name in ("match_attention", "n_words", "n_pairs", "cls_query_share"):
        one, other = whole.head_attention[name], parts.head_attention[name]
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_without_a_word_that_matches_there_is_no_number():
    reranker = tiny()
    study = study_of(reranker, [("wing", "heat"), ("flow", "flow")])
    frame = measure_heads(reranker, study, "study").head_attention
    assert set(frame["n_words"]) == {0} and set(frame["n_without_contrast"]) == {1}
    for name in ("match_attention", "null_shuffles", "p_shuffles"):
        assert frame[name].null_count() == len(frame)


def test_idf_is_the_collections(found):
    counts = pl.DataFrame(
        {"word": ["wing", "lift"], "n_documents": [1, 2], "n_total_documents": [9, 9]}
    )
    rows = with_idf(found[2].query_attention, counts, found[0].tokenizer)
    assert rows.columns[:9] == [
        *("ranker", "query_id", "doc_id", "place", "token", "word", "idf", "tf", "passage_words")
    ]
    idf = dict(rows.select("word", "idf").unique().rows())
    # No document has "wings", which is the rarest; "-" is no word.
    expected = [np.log(1 + (9 - n + 0.5) / (n + 0.5)) for n in (1, 2, 0)]
    assert [idf[word] for word in ("wing", "lift", "wings")] == pytest.approx(expected)
    assert idf["-"] is None
    assert len(rows) == len(found[2].query_attention)


@pytest.fixture(scope="module")
def planted():
    reranker, tables = planted_ranker(), planted_texts()
    queries = dict(tables["queries"].select("query_id", "text").rows())
    documents = dict(tables["documents"].rows())
    ids = tables["qrels"].select("query_id", "doc_id").head(60).rows()
    encoded = reranker.encode([(queries[query], documents[doc]) for query, doc in ids])
    study = Study("toy", ids, encoded, soft={}, n_shuffles=100, seed=0)
    return reranker, study, measure_heads(reranker, study, "study")


def place_of(head):
    return head[0] * N_HEADS + head[1]


def test_the_planted_head_matches_and_no_other_does(planted):
    frame = planted[2].head_attention
    is_planted = (pl.col("layer") == MATCHING_HEAD[0]) & (pl.col("head") == MATCHING_HEAD[1])
    own, others = frame.filter(is_planted).to_dicts()[0], frame.filter(~is_planted)
    assert own["match_attention"] > 0.4
    assert own["p_shuffles"] == pytest.approx(1 / 101)
    assert own["match_attention"] > own["null_shuffles"]
    assert others["match_attention"].abs().max() < 1e-6
    assert others["p_shuffles"].min() > 0.5


def test_the_planted_attention_saturates_as_bm25(planted):
    rows = planted[2].query_attention
    exact = np.array(rows["exact"].to_list())[:, place_of(MATCHING_HEAD)]
    tf = rows["tf"].to_numpy()
    assert tf.max() >= 3
    np.testing.assert_allclose(exact, tf / (tf + K1), atol=0.01)
    total = np.array(rows["total"].to_list())
    assert total[:, place_of(LENGTH_HEAD)].min() > 0.9


def test_cls_reads_the_query_in_two_heads(planted):
    frame = planted[2].head_attention.sort("cls_query_share", descending=True)
    assert set(frame.select("layer", "head").rows()[:2]) == {RELEVANCE_HEAD, IDLE_HEAD}
    assert frame["cls_query_attention"][1] > 0.99
    np.testing.assert_allclose(frame["cls_query_share"][2:-1], 1.0, atol=1e-6)
    assert frame.select("layer", "head").row(-1) == MATCHING_HEAD  # whose [CLS] sees the sink alone


def test_random_rankers_are_seeded_and_differ(planted):
    reranker, study, _ = planted
    found = {
        (seed, name): measure_heads(ranker, study, name, with_shuffles=False)
        for seed in (0, 1)
        for name, ranker in random_rankers(reranker, 2, seed)
    }
    again = next(ranker for _, ranker in random_rankers(reranker, 1, 0))
    logits = measure_heads(again, study, "random:0", with_shuffles=False).logits
    np.testing.assert_array_equal(logits, found[0, "random:0"].logits)
    different = {tuple(one.logits.round(12)) for one in found.values()}
    assert len(different) == 4
    frame = found[0, "random:1"].head_attention
    assert frame["p_shuffles"].null_count() == len(frame)
    assert frame["match_attention"].max() < 0.3


def test_words_change_places_within_the_passage(found):
    reranker, study, _ = found
    pairs = [PairTokens.of(pair, reranker.tokenizer.decode) for pair in study.encoded]
    orders = [shuffled_orders(pair, 50, np.random.default_rng(0)) for pair in pairs]
    words = contrasts(pairs, orders, 40)
    shuffled, targets = words.shuffled.numpy(), words.targets.numpy()
    assert (shuffled.sum(-1) == targets.sum(-1)[:, None]).all()  # as many
    for pair in set(words.pairs.tolist()):
        own = words.pairs.numpy() == pair
        outside = np.delete(shuffled[own], pairs[pair].passage, axis=-1)
        assert (outside == 0).all()
        assert (shuffled[own].sum(0) <= 1).all()  # no place has two words
        assert (shuffled[own] != targets[own][:, None]).any(-1).mean() > 0.5


def test_pieces_of_a_word_change_places_together():
    """Attention to neighbours is alike: scattered, pieces would make a null that is too narrow."""
    texts = ["wing", "flow", "flow", "flow", "of", "lift", "lift", "of"]
    words = (None, "flow", None, *texts, None)
    pair = PairTokens(12, words, (1,), tuple(range(3, 11)), 3, Counter(texts), 6)
    orders = shuffled_orders(pair, 200, np.random.default_rng(0))
    assert (np.sort(orders, axis=1) == np.arange(8)).all()
    first = np.argwhere(orders == 1)
    assert (orders[first[:, 0], first[:, 1] + 1] == 2).all()
    assert (orders[first[:, 0], first[:, 1] + 2] == 3).all()
    assert set(first[:, 1].tolist()) == {0, 1, 2, 3, 4, 5}  # all places that other words leave
    apart = np.argwhere(orders == 4)[:, 1] - np.argwhere(orders == 7)[:, 1]
    assert len(set(apart.tolist())) > 6  # two words of one text do not
    nothing = PairTokens(3, (None, "flow", None), (1,), (), 3, Counter(), 0)
    assert shuffled_orders(nothing, 4, np.random.default_rng(0)).shape == (4, 0)


def test_attention_by_chance_surpasses_the_null_as_rarely_as_said(found, monkeypatch):
    reranker, _, _ = found
    words = ["wing", "heat", "flow", "lift", "cell", "of"]
    random = np.random.default_rng(0)
    texts = [
        (" ".join(random.choice(words, 3)), " ".join(random.choice(words, 20))) for _ in range(10)
    ]
    study = study_of(reranker, texts, n_shuffles=39)

    def by_chance(reranker, rows):
        n_tokens = max(len(row) for row in rows)
        shape = (len(rows), 2, n_tokens, n_tokens)
        drawn = [torch.from_numpy(random.exponential(size=shape)) for _ in range(3)]
        return torch.zeros(len(rows)), [one / one.sum(-1, keepdim=True) for one in drawn]

    monkeypatch.setattr(library, "attention_of", by_chance)
    least = [
        measure_heads(reranker, study, "study").head_attention["p_shuffles"].min()
        for _ in range(40)
    ]
    assert np.mean(np.array(least) <= 0.05) < 0.2  # 0.05 is expected: of all heads together
    assert np.mean(np.array(least) <= 0.5) > 0.25


def test_soft_matches_are_near_and_of_another_stem():
    random = np.random.default_rng(0)
    others = [f"word{number:03d}" for number in range(400)]
    vectors = dict(zip(others, random.standard_normal((400, 8)), strict=True))
    base = random.standard_normal(8)
    near = {"wing": 0, "wings": 0.01, "plane": 0.1, "jet": 0.2, "bird": 3.0, "-": 0.1}
    for word, noise in near.items():
        vectors[word] = base + noise * random.standard_normal(8)
    vectors["blank"] = np.full(8, np.nan)

    def lookup(words):
        return np.array([vectors[word] for word in words]).reshape(-1, 8)

    read = ["wing", "wings", "plane", "jet", "bird", "blank", "-"]
    found = soft_matches(["wing", "blank", "-"], read, others, lookup)
    cosines = lookup(others) @ base / np.linalg.norm(lookup(others), axis=1) / np.linalg.norm(base)
    least = np.percentile(cosines, 99.5)
    own = lookup(["bird"])[0]
    assert own @ base / np.linalg.norm(own) / np.linalg.norm(base) < least
    assert found == {"wing": {"plane", "jet"}, "blank": frozenset()}
    stems = Analyser("english").documents(pl.Series(["wing", "wings"]))
    assert stems[0] == stems[1]


def test_of_many_words_some_stand_for_all(monkeypatch):
    """Of a collection of millions not every vector is in memory."""
    monkeypatch.setattr(soft, "MOST_WORDS", 300)
    asked = []

    def lookup(words):
        asked.append(len(words))
        return np.ones((len(words), 4))

    soft_matches(["wing"], ["plane"], [f"word{number}" for number in range(1000)], lookup)
    assert max(asked) == 250
    soft_matches(["wing"], ["plane"], [f"word{number}" for number in range(300)], lookup)
    assert max(asked) == 300


def test_the_toy_collections_words_have_idf(planted):
    rows = with_idf(planted[2].query_attention, planted_counts(), planted[0].tokenizer)
    expected = dict(planted_idf().rows())
    found = dict(rows.select("word", "idf").unique().rows())
    assert found == pytest.approx({word: expected[word] for word in found})
