"""On the planted ranker patches and paths find its two heads, what they do, and nothing else."""

import polars as pl
import pytest

from relevance_neurons.mechanism.effects import PairEffects
from toys.planted_mechanism import (
    MATCHING_HEAD,
    N_HEADS,
    N_LAYERS,
    RELEVANCE_HEAD,
    planted_ranker,
    planted_texts,
)

NOTHING = 0.02
"""LayerNorm is near the identity, not more."""


@pytest.fixture(scope="module")
def effects() -> PairEffects:
    """Pairs of the planted collection whose passage is given its query's rare word."""
    ranker, texts, rows = planted_ranker(), planted_texts(), []
    documents = dict(texts["documents"].iter_rows())
    for number, (query_id, query, *_) in enumerate(texts["queries"].iter_rows()):
        passage, term = documents[f"d{100 + number:03d}"], query.split()[number % 3]
        rows.append((number, query_id, query, term, f"{passage} a", f"{passage} {term}"))
    names = ("pair", "query_id", "query", "term", "passage_before", "passage_after")
    pairs = pl.DataFrame(rows, names, orient="row").with_columns(
        pl.lit("mine").alias("collection"), pl.lit("TFC1").alias("perturbation")
    )
    encoded = ranker.encode(list(pairs.select("query", "passage_before").iter_rows()))
    classes = [_classes(ranker, *one) for one in zip(encoded, rows, strict=True)]
    return PairEffects(
        ranker,
        pairs.with_columns(
            pl.col("pair").cast(pl.Int32),
            n_tokens=pl.Series([len(one) for one in encoded], dtype=pl.Int32),
            token_classes=pl.Series(classes),
        ),
    )


def _classes(ranker, pair, row):
    words = ranker.tokenizer.convert_ids_to_tokens(pair.input_ids.tolist())
    n_query = len(row[2].split())
    asked = ["query_term" if word == row[3] else "query_other" for word in words[1 : 1 + n_query]]
    rest = ["passage_other"] * (len(words) - n_query - 4)
    return ["cls", *asked, "sep1", *rest, "injected", "sep2"]


def share(frame: pl.DataFrame) -> pl.DataFrame:
    whole = pl.col("logit_after") - pl.col("logit_before")
    return frame.with_columns(effect=(pl.col("logit") - pl.col("logit_before")) / whole)


@pytest.fixture(scope="module")
def patches(effects) -> pl.DataFrame:
    heads = [(layer, head) for layer in range(N_LAYERS) for head in range(N_HEADS)]
    return share(pl.concat([effects.patches(), effects.patches(heads)]))


def most(frame: pl.DataFrame) -> float:
    """The largest effect on any pair, without its sign."""
    return frame["effect"].abs().max() if len(frame) else 0.0


def of(head: tuple[int, int]) -> pl.Expr:
    return (pl.col("layer") == head[0]) & (pl.col("head") == head[1])


def test_every_pair_changes(effects, patches):
    change = (patches["logit_after"] - patches["logit_before"]).abs()
    assert change.min() > 0.05 and patches["pair"].n_unique() == len(effects.pairs) == 12


def test_the_two_heads_carry_all_of_it_and_the_others_nothing(patches):
    heads = patches.filter(grid="head", site="output")
    assert heads.select("layer", "head").n_unique() == N_LAYERS * N_HEADS
    for head in (MATCHING_HEAD, RELEVANCE_HEAD):
        own = heads.filter(of(head))["effect"]
        assert own.min() == pytest.approx(1, abs=NOTHING)
        assert own.max() == pytest.approx(1, abs=NOTHING)
    assert most(heads.filter(~of(MATCHING_HEAD) & ~of(RELEVANCE_HEAD))) < NOTHING


def test_the_matching_head_does_it_by_where_it_looks_and_the_other_does_not(patches):
    patterns = patches.filter(grid="head", site="pattern")
    assert most(patterns.filter(~of(MATCHING_HEAD))) < NOTHING
    # Its values are of the passage as it was: at the term's place there stood another word.
    assert patterns.filter(of(MATCHING_HEAD))["effect"].abs().min() > NOTHING


def test_terms_are_counted_at_the_query_and_read_at_cls(patches):
    by_class = patches.filter(grid="head_class", site="output")
    for head, token_class in ((MATCHING_HEAD, "query_term"), (RELEVANCE_HEAD, "cls")):
        own = by_class.filter(of(head))
        there = own.filter(token_class=token_class)["effect"]
        assert there.min() == pytest.approx(1, abs=NOTHING)
        assert most(own.filter(pl.col("token_class") != token_class)) < NOTHING


def test_the_stream_carries_it_at_the_injected_word_then_the_term_then_cls(patches):
    stream = patches.filter(grid="block", site="residual")
    ways = {0: "injected", MATCHING_HEAD[0]: "injected", RELEVANCE_HEAD[0]: "query_term"}
    for layer, token_class in ways.items():
        own = stream.filter(layer=layer)
        there = own.filter(token_class=token_class)["effect"]
        assert there.min() == pytest.approx(1, abs=NOTHING)
        everything = own.filter(token_class="all")["effect"]
        assert everything.min() == pytest.approx(1, abs=NOTHING)
        others = ~pl.col("token_class").is_in([token_class, "all"])
        assert most(own.filter(others)) < NOTHING


def test_the_path_to_the_end_is_the_relevance_heads_and_it_reads_the_matching_one(effects):
    paths = share(effects.paths())
    sender = (pl.col("sender_layer") == RELEVANCE_HEAD[0]) & (
        pl.col("sender_head") == RELEVANCE_HEAD[1]
    )
    assert paths.filter(sender)["effect"].min() == pytest.approx(1, abs=NOTHING)
    assert most(paths.filter(~sender)) < NOTHING
    read = share(effects.paths([RELEVANCE_HEAD]))
    matching = (pl.col("sender_layer") == MATCHING_HEAD[0]) & (
        pl.col("sender_head") == MATCHING_HEAD[1]
    )
    by_value = matching & (pl.col("receiver") == "value")
    assert read.filter(by_value)["effect"].min() == pytest.approx(1, abs=NOTHING)
    assert most(read.filter(~by_value)) < NOTHING
