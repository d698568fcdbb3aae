"""Which word a token is a piece of, and in which part of the pair it stands."""

import polars as pl
import pytest
import torch

from relevance_neurons.rankers.tokenizing import token_texts
from relevance_neurons.tokens.token_table import describe
from toys.bert import PAIRS
from toys.tiny_rankers import MODELS, make_ranker, make_stock_model, ranker_around
from toys.tiny_tokenizers import byte_bpe, unigram, wordpiece

ROW = ["token", "word", "word_number", "part"]


def described(tokenizer, pair: tuple[str, str]) -> list[tuple]:
    """Of a ranker that is never run: only its tokenizer counts."""
    reranker = ranker_around(make_stock_model("bert"), tokenizer)
    return describe(reranker, reranker.encode([pair])).select(ROW).rows()


def test_pieces_of_wordpiece():
    assert described(wordpiece(), ("wings", "reflowing wing.")) == [
        ("[CLS]", "[CLS]", None, "cls"),
        ("wing", "wings", 0, "query"),
        ("##s", "wings", 0, "query"),
        ("[SEP]", "[SEP]", None, "sep1"),
        ("re", "reflowing", 1, "passage"),
        ("##flow", "reflowing", 1, "passage"),
        ("##ing", "reflowing", 1, "passage"),
        ("wing", "wing", 2, "passage"),
        (".", ".", 3, "passage"),
        ("[SEP]", "[SEP]", None, "sep2"),
    ]


def test_pieces_of_bytes():
    assert described(byte_bpe(), ("é€", "ing the ing")) == [
        ("<s>", "<s>", None, "cls"),
        ("é", "é", 0, "query"),
        # Of € there is no token: its three bytes stand as they are in the vocabulary.
        ("â", "€", 1, "query"),
        ("Ĥ", "€", 1, "query"),
        ("¬", "€", 1, "query"),
        ("</s>", "</s>", None, "sep1"),
        ("</s>", "</s>", None, "sep1"),
        ("ing", "ing", 2, "passage"),
        ("▁the", "the", 3, "passage"),
        ("▁", "ing", 4, "passage"),
        ("ing", "ing", 4, "passage"),
        ("</s>", "</s>", None, "sep2"),
    ]


def test_pieces_of_sentencepiece():
    assert described(unigram(), ("wings", "the flowing.")) == [
        ("[CLS]", "[CLS]", None, "cls"),
        ("▁wing", "wings", 0, "query"),
        ("s", "wings", 0, "query"),
        ("[SEP]", "[SEP]", None, "sep1"),
        ("▁the", "the", 1, "passage"),
        ("▁flow", "flowing", 2, "passage"),
        ("ing", "flowing", 2, "passage"),
        ("▁", ".", 3, "passage"),
        (".", ".", 3, "passage"),
        ("[SEP]", "[SEP]", None, "sep2"),
    ]


def test_the_template_of_monot5():
    """Its words are special tokens; the same word in the passage is one of the passage."""
    reranker = make_ranker("monot5")
    found = describe(reranker, reranker.encode([("wing lift", "Document heat")]))
    rows = found.filter(pl.col("token") != "▁").select(ROW).rows()
    assert rows == [
        ("▁Query", "▁Query", None, "cls"),
        (":", ":", None, "cls"),
        ("▁wing", "wing", 0, "query"),
        ("▁lift", "lift", 1, "query"),
        ("▁Do", "▁Do", None, "sep1"),
        ("cument", "cument", None, "sep1"),
        (":", ":", None, "sep1"),
        ("▁Do", "Document", 2, "passage"),
        ("cument", "Document", 2, "passage"),
        ("▁heat", "heat", 3, "passage"),
        ("▁Relevant", "▁Relevant", None, "sep2"),
        (":", ":", None, "sep2"),
        ("</s>", "</s>", None, "sep2"),
    ]


@pytest.mark.parametrize("kind", MODELS)
def test_words_follow_the_texts(kind):
    """In every ranker the words of a pair, in their order, are those of its texts."""
    reranker = make_ranker(kind)
    query, passage = "wing lift", "the wing has lift in the flow of air"
    encoded = reranker.encode([*PAIRS[1:], (query, passage)])
    found = describe(reranker, encoded).filter(pair=len(PAIRS) - 1).drop_nulls("word_number")
    words = found.group_by("word_number", maintain_order=True).agg(pl.col("word").first())
    assert words["word_number"].to_list() == list(range(11))
    unknown = reranker.tokenizer.unk_token
    for word, text in zip(words["word"], f"{query} {passage}".split(), strict=True):
        assert word in (text, unknown, f"{unknown}")


def test_places_count_from_0_in_every_pair(two_logits):
    encoded = two_logits.encode(PAIRS)
    found = describe(two_logits, encoded)
    assert found["pair"].to_list() == [
        i for i, pair in enumerate(encoded) for _ in range(len(pair))
    ]
    assert found["position"].to_list() == [i for pair in encoded for i in range(len(pair))]
    assert found.schema["word_number"] == pl.Int32


@pytest.mark.parametrize("kind", ["bert", "xlm_roberta", "monot5"])
def test_a_cut_pair_is_marked(kind):
    """By what a tokenizer without a limit says of its length, on either side of the limit."""
    reranker = make_ranker(kind)
    pairs = [("wing", "lift " * n) for n in (2, 37, 38, 39, 40, 42, 43, 44, 45, 46, 60)]
    pairs += [("wing " * n, "heat") for n in (37, 38, 39, 40, 42, 43, 44, 45, 46, 60)]
    cut = [pair.is_cut for pair in reranker.encode(pairs)]
    longer = make_ranker(kind)
    longer.max_length = 200
    lengths = [len(pair) for pair in longer.encode(pairs)]
    assert cut == [length > reranker.max_length for length in lengths]
    assert {True, False} == set(cut)


def test_words_of_a_cut_pair_go_on_without_a_gap(two_logits):
    (pair,) = two_logits.encode([("wing " * 60, "lift " * 60)])
    numbers = [word for word in pair.words if word is not None]
    assert pair.is_cut and numbers == list(range(45))


def test_tokens_of_bytes_are_shown_as_text():
    """RoBERTa's vocabulary holds bytes as letters: Ġthe, Ã©."""
    tokenizer = byte_bpe()
    ids = torch.tensor(tokenizer("the the é€", add_special_tokens=False)["input_ids"])
    found = token_texts(tokenizer, ids)
    assert found == ["t", "h", "e", "▁the", "▁", "é", "â", "Ĥ", "¬"]
