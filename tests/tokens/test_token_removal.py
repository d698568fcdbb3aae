"""Pairs without some of their tokens, against texts without the words and ids without places."""

import logging

import numpy as np
import pytest
import torch

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.memory import Memory
from relevance_neurons.tokens.removal import mask_token, probabilities, say_what_masks, without
from toys.bert import PAIRS
from toys.tiny_rankers import MODELS, make_ranker, rounds
from toys.tiny_tokenizers import unigram


def same(one, other) -> bool:
    """As the ranker sees them, and with the same parts."""
    types = [one.token_type_ids, other.token_type_ids]
    tensors = [(one.input_ids, other.input_ids), (one.fields, other.fields)]
    tensors += [(one.special, other.special)] + ([] if types[0] is None else [tuple(types)])
    return all(torch.equal(*pair) for pair in tensors)


@pytest.mark.parametrize("kind", MODELS)
def test_deletion_is_a_text_without_the_words(kind):
    reranker = make_ranker(kind)
    whole, shorter = reranker.encode(
        [("wing lift heat", "flow of water"), ("wing heat", "of water")]
    )
    words = [place for place, word in enumerate(whole.words) if word in (1, 3)]
    found = without(whole, words, "deletion", reranker.tokenizer)
    assert same(found, shorter)
    assert [word for word in found.words if word is not None] == [0, 2, 4, 5]


@pytest.mark.parametrize("kind", ["bert", "xlm_roberta", "monot5"])
def test_a_mask_keeps_every_place(kind):
    reranker = make_ranker(kind)
    unknown = reranker.tokenizer.unk_token_id
    (whole,) = reranker.encode([("wing lift", "flow of water")])
    found = without(whole, [2, 5], "mask", reranker.tokenizer)
    changed = torch.nonzero(found.input_ids != whole.input_ids).flatten().tolist()
    assert changed == [2, 5] and found.input_ids[changed].tolist() == [unknown, unknown]
    assert found.words == whole.words and torch.equal(found.special, whole.special)


@pytest.mark.parametrize("removal", ["deletion", "mask"])
def test_nothing_removed_is_the_whole(two_logits, removal):
    (whole,) = two_logits.encode(PAIRS[:1])
    assert same(without(whole, [], removal, two_logits.tokenizer), whole)


def test_what_stands_for_a_removed_token(caplog):
    tokenizer = unigram()
    assert tokenizer.convert_ids_to_tokens(mask_token(tokenizer)) == "[MASK]"
    with caplog.at_level(logging.INFO):
        say_what_masks(tokenizer)
        assert not caplog.messages
        tokenizer.mask_token = None
        assert tokenizer.convert_ids_to_tokens(mask_token(tokenizer)) == "[UNK]"
        say_what_masks(tokenizer)
        tokenizer.unk_token = None
        assert tokenizer.convert_ids_to_tokens(mask_token(tokenizer)) == "[PAD]"
    assert caplog.messages == [
        "the tokenizer has no mask token: [UNK] stands in the place of removed tokens"
    ]


def test_another_removal(two_logits):
    (pair,) = two_logits.encode(PAIRS[:1])
    with pytest.raises(UserError, match=r"^removal: 'swap' was found; allowed: deletion, mask$"):
        without(pair, [1], "swap", two_logits.tokenizer)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("n_logits", [1, 2])
def test_probabilities_are_those_of_score(kind, n_logits):
    reranker = make_ranker(kind, n_logits)
    encoded = reranker.encode(PAIRS)
    within = 1e-5 if rounds(kind) else 1e-7  # score gives float32
    relevant = reranker.score(PAIRS).exp().numpy()
    assert np.allclose(probabilities(reranker, encoded, "relevant"), relevant, atol=within)
    labels = ["relevant", "non_relevant"] * 2
    mixed = np.where([label == "relevant" for label in labels], relevant, 1 - relevant)
    for memory in (None, Memory(8)):
        assert np.allclose(probabilities(reranker, encoded, labels, memory), mixed, atol=within)


def test_no_pairs_have_no_probabilities(two_logits):
    assert probabilities(two_logits, [], "relevant").shape == (0,)
