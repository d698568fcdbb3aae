"""A ranker's word embeddings: whole words by its tokenizer, moved rows as changed weights."""

import copy

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from relevance_neurons import UserError
from relevance_neurons.mechanism.embeddings import (
    edited_embeddings,
    whole_words,
    word_embeddings,
    word_vectors,
)
from toys.bert import PAIRS, WORDS, make_reranker
from toys.tiny_rankers import MODELS, make_ranker
from toys.tiny_tokenizers import byte_bpe, unigram, wordpiece


@pytest.mark.parametrize(
    ("tokenizer", "words"),
    [
        (wordpiece(), {*WORDS, "re"}),  # neither ##ing nor the dot
        (byte_bpe(), {"t", "th", "the"}),  # the others have no Ġ: they begin no word
        (unigram(), {"wing", "flow", "the"}),
    ],
    ids=["WordPiece", "byte BPE", "SentencePiece"],
)
def test_whole_words_are_those_that_the_tokenizer_keeps_whole(tokenizer, words) -> None:
    found = whole_words(tokenizer)
    assert set(found["word"]) == words
    for token, word in found.iter_rows():
        assert tokenizer(f"{word} {word}", add_special_tokens=False)["input_ids"][-1] == token


def test_of_two_cases_the_lower_one_stands_for_the_word() -> None:
    vocabulary = {"[UNK]": 0, "[PAD]": 1, "The": 2, "the": 3, "Rome": 4, "wing.": 5}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]", pad_token="[PAD]")
    assert whole_words(fast).rows() == [(3, "the"), (4, "rome")]


def test_vector_of_a_word_is_the_mean_of_its_pieces() -> None:
    reranker = make_reranker(dtype="float32")
    reranker.tokenizer = wordpiece()
    reranker.model.resize_token_embeddings(len(reranker.tokenizer))
    ids, matrix = reranker.tokenizer.get_vocab(), word_embeddings(reranker)
    whole, split, empty = word_vectors(reranker, ["wing", "reflowing", ""])
    np.testing.assert_array_equal(whole, matrix[ids["wing"]])
    expected = (matrix[ids["re"]] + matrix[ids["##flow"]] + matrix[ids["##ing"]]) / 3
    np.testing.assert_allclose(split, expected, rtol=1e-6)
    assert np.isnan(empty).all()
    assert word_vectors(reranker, []).shape == (0, matrix.shape[1])


@pytest.mark.parametrize("kind", MODELS)
def test_moved_rows_score_as_a_model_with_these_weights(kind) -> None:
    """Each row of a batch has a word of its own moved; the weights of a copy, one at a time."""
    reranker = make_ranker(kind)
    terms = [
        reranker.tokenizer.get_vocab()[f"{'▁' * ('t5' in kind)}{word}"] for word in ("wing", "flow")
    ]
    batch = reranker.collate(reranker.encode([PAIRS[0], PAIRS[0]]))
    width = word_embeddings(reranker).shape[1]
    moves = 0.5 * torch.randn(2, width, generator=torch.Generator().manual_seed(0)).double()
    deltas = torch.zeros(*batch["input_ids"].shape, width, dtype=torch.float64)
    for row, term in enumerate(terms):
        deltas[row, batch["input_ids"][row] == term] = moves[row]
    with torch.inference_mode():
        with edited_embeddings(reranker, deltas):
            found = reranker.model(**batch).logits
        untouched = reranker.model(**batch).logits
        for row, term in enumerate(terms):
            other = copy.deepcopy(reranker.model)
            other.get_input_embeddings().weight[term] += moves[row]
            expected = other(**batch).logits[row]
            assert (expected - untouched[row]).abs().max() > 1e-5
            torch.testing.assert_close(found[row], expected, rtol=1e-6, atol=1e-8)


def test_moves_of_another_shape_are_refused(two_logits) -> None:
    batch = two_logits.collate(two_logits.encode(PAIRS[:2]))
    with (
        pytest.raises(UserError, match=r"deltas: shape \(1, 3, 16\) was found"),
        edited_embeddings(two_logits, np.zeros((1, 3, 16))),
    ):
        two_logits.model(**batch)


def test_our_own_forward_pass_reads_moved_rows_in_every_pass(two_logits) -> None:
    batch = two_logits.collate(two_logits.encode(PAIRS[:2]))
    deltas = torch.ones(*batch["input_ids"].shape, 16).double()
    deltas[..., ::2] = 0.0  # what is the same for all would be lost in the norm
    encoder = two_logits.encoder
    with torch.inference_mode():
        plain = two_logits.model(**batch).logits
        with edited_embeddings(two_logits, deltas):
            expected = two_logits.model(**batch).logits
            found = [encoder.trace(batch, lambda *_: None) for _ in range(2)]
        after = encoder.trace(batch, lambda *_: None)
    assert (expected - plain).abs().min() > 1e-3
    for logits in found:
        torch.testing.assert_close(logits, expected)
    torch.testing.assert_close(after, plain)
