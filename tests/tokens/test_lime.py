"""LIME against scikit-learn fitted directly, and what the public code makes of words."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from sklearn.metrics import pairwise_distances

from relevance_neurons.rankers.memory import Memory
from relevance_neurons.tokens.keyed_draws import generator_of
from relevance_neurons.tokens.lime import nearness, samples_of, scores
from relevance_neurons.tokens.lime_words import legacy_words, whole_words
from toys.bert import PAIRS, make_reranker
from toys.tiny_rankers import make_stock_model, ranker_around
from toys.tiny_tokenizers import wordpiece

LABELS = ["relevant", "non_relevant", "non_relevant", "relevant"]


def original_kernel(samples: np.ndarray) -> np.ndarray:
    """As lime's explain_instance weighs samples, the first of which is the whole."""
    distances = pairwise_distances(samples, samples[:1], metric="cosine").ravel() * 100
    return np.sqrt(np.exp(-(distances**2) / 25**2))


def p_relevant(reranker, ids: list[int], types: list[int]) -> float:
    with torch.no_grad():
        row = {"input_ids": torch.tensor([ids]), "token_type_ids": torch.tensor([types])}
        return reranker.model(**row).logits[0].softmax(0)[1].item()


def fitted(reranker, row: int, samples: np.ndarray) -> tuple[Ridge, np.ndarray]:
    """Every sample run by itself; [UNK] stands for [MASK], which this tokenizer has not."""
    (pair,) = reranker.encode([PAIRS[row]])
    values = []
    for sample in samples:
        gone = [word is not None and not sample[word] for word in pair.words]
        ids = [1 if out else own for out, own in zip(gone, pair.input_ids.tolist(), strict=True)]
        p = p_relevant(reranker, ids, pair.token_type_ids.tolist())
        values.append(p if LABELS[row] == "relevant" else 1 - p)
    model = Ridge(alpha=1.0).fit(samples, values, sample_weight=original_kernel(samples))
    on_tokens = [0.0 if word is None else model.coef_[word] for word in pair.words]
    return model, np.array(on_tokens)


def test_it_is_a_ridge_regression_on_the_samples(two_logits):
    for check, own in scores(two_logits, PAIRS, LABELS, n_samples=60, seed=3):
        n_words = sum(word is not None for word in two_logits.encode(PAIRS)[check.pair].words)
        samples = samples_of(n_words, 60, generator_of(3, PAIRS[check.pair], "LIME"))
        model, expected = fitted(two_logits, check.pair, samples)
        assert np.allclose(own, expected, atol=1e-6)
        assert check.after == pytest.approx(model.predict(np.ones((1, n_words)))[0], abs=1e-6)
        assert check.before == check.p_label
        assert check.cost_forwards == 60


def test_samples_are_drawn_as_in_the_original():
    """All words first; then how many go is uniform from one to all, and which ones, too."""
    samples = samples_of(5, 20_001, np.random.default_rng(0))
    assert samples[0].all()
    gone = (~samples[1:]).sum(axis=1)
    assert np.abs(np.bincount(gone, minlength=6)[1:] / 20_000 - 0.2).max() < 0.012
    assert np.bincount(gone)[0] == 0
    assert np.abs((~samples[1:]).mean(axis=0) - 0.6).max() < 0.015


def test_weights_are_the_originals():
    samples = samples_of(9, 50, np.random.default_rng(0))
    samples[-1] = False
    assert np.allclose(nearness(torch.from_numpy(samples)), original_kernel(samples), rtol=1e-6)


@pytest.mark.parametrize("legacy", [False, True])
def test_neither_batch_nor_neighbours_change_it(two_logits, legacy):
    whole = [own for _, own in scores(two_logits, PAIRS, LABELS, legacy=legacy)]
    given = {"legacy": legacy, "memory": Memory(30)}
    for row in (3, 0):
        ((_, own),) = scores(two_logits, [PAIRS[row]], [LABELS[row]], **given)
        assert np.allclose(own, whole[row], atol=1e-6)
    ((_, other),) = scores(two_logits, [PAIRS[0]], [LABELS[0]], seed=1, **given)
    assert not np.allclose(other, whole[0], atol=1e-6)


def pieces(pair: tuple[str, str]):
    model, tokenizer = make_stock_model("bert"), wordpiece()
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    reranker = ranker_around(model, tokenizer)
    (encoded,) = reranker.encode([pair])
    return reranker, encoded


PAIR = ("wings", "wing, reflowing wings wing heat.")
"""[CLS] wing ##s [SEP] wing [UNK] re ##flow ##ing wing ##s wing heat . [SEP]"""


def test_a_word_goes_with_all_its_pieces():
    _, encoded = pieces(PAIR)
    words = whole_words(encoded)
    gone = np.zeros(len(words), dtype=bool)
    gone[[0, 3]] = True  # the query's word, and reflowing
    assert words.positions(gone).tolist() == [1, 2, 6, 7, 8]
    found = words.scores(np.arange(1.0, 1 + len(words)))
    assert found.tolist() == [0, 1, 1, 0, 2, 3, 4, 4, 4, 5, 5, 6, 7, 8, 0]


def test_as_published_words_are_types_and_what_is_not_seen_has_the_maximum():
    """By hand: LIME knows wings, wing, [UNK], reflowing and heat; not "." and not pieces."""
    reranker, encoded = pieces(PAIR)
    words = legacy_words(reranker, encoded)
    assert len(words) == 5
    gone = np.array([True, False, False, True, False])  # wings, reflowing
    assert words.positions(gone).tolist() == [1, 2, 6, 7, 8, 9, 10]
    found = words.scores(np.array([1.0, 2.0, 3.0, 4.0, 5.0]))
    # The piece "wing" of wings is found as the word wing; ##s, re and "." are not found.
    assert found.tolist() == [0, 2, 5, 0, 2, 3, 5, 5, 5, 2, 5, 2, 5, 5, 0]


def test_a_pair_without_a_word_has_no_scores_as_published():
    reranker, _ = pieces(PAIR)
    ((check, own),) = scores(reranker, [(".", ". .")], ["relevant"], legacy=True)
    assert own.tolist() == [0.0] * 6
    assert check.after == check.before == check.p_label


def test_of_one_logit_and_a_margin():
    """The margin's coefficients are the logit's; a fit of −z has minus its coefficients."""
    reranker = make_reranker(1)
    given = (reranker, PAIRS[:1])
    ((_, relevant),) = scores(*given, ["relevant"], target="margin")
    ((_, other),) = scores(*given, ["non_relevant"], target="logit")
    assert np.allclose(relevant, -other, atol=1e-6)
    assert np.abs(relevant).max() > 1e-3
