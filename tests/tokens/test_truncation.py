"""Truncation against a plain loop over texts: a token of the toy tokenizer is a word."""

import logging

import numpy as np
import polars as pl
import pytest

from relevance_neurons.errors import UserError
from relevance_neurons.running.progress import Progress
from relevance_neurons.tokens import truncation
from relevance_neurons.tokens.rankings import measure_ranks, rank_passages, with_ranks
from relevance_neurons.tokens.truncated_rankings import (
    KEPT_PERCENTS,
    n_removed,
    truncated_rankings,
)
from relevance_neurons.tokens.truncation import contested_tops, first_falls, truncate_tops
from toys.ranked_passages import toy_qrels, toy_run, write_texts
from workflow_scripts.tokens import truncate_passages as script


def token_scores(pairs: pl.DataFrame, texts, seed: int = 0, step: float = 0.25) -> pl.DataFrame:
    """Random scores of all tokens, coarse enough to tie; special tokens have the lowest."""
    rng = np.random.default_rng(seed)
    rows = []
    for ids, (query, passage) in zip(pairs.select("query_id", "doc_id").rows(), texts, strict=True):
        n_query, n_passage = len(query.split()), len(passage.split())
        parts = ["cls", *["query"] * n_query, "sep1", *["passage"] * n_passage, "sep2"]
        for position, part in enumerate(parts):
            score = step * rng.integers(0, 9) if part in ("query", "passage") else -1.0
            rows.append((*ids, position, part, score))
    return pl.DataFrame(
        rows, schema=["query_id", "doc_id", "position", "part", "score"], orient="row"
    ).sample(fraction=1, shuffle=True, seed=seed)


def shortened(text, scores, n: int, fields: str) -> tuple[str, str]:
    """(query, passage) without the ``n`` least important of their words, by a loop."""
    query, passage = (one.split() for one in text)
    words = {1 + i: word for i, word in enumerate(query)}
    words |= {2 + len(query) + i: word for i, word in enumerate(passage)}
    removable = [place for place in words if fields == "both" or place > len(query)]
    for place in sorted(removable, key=lambda place: (scores[place], place))[:n]:
        words[place] = ""
    return tuple(
        " ".join(
            word for place, word in words.items() if word and (place > len(query)) == is_second
        )
        for is_second in (False, True)
    )


def scores_of(frame: pl.DataFrame, query_id: str, doc_id: str) -> dict[int, float]:
    own = frame.filter(query_id=query_id, doc_id=doc_id)
    return dict(own.select("position", "score").iter_rows())


@pytest.fixture
def toys(two_logits):
    """Rankings, texts by ids, and token scores of every passage; every first one is relevant."""
    run, texts = toy_run(6, 9)
    ranked = rank_passages(two_logits, run, texts, toy_qrels())
    ranked = ranked.with_columns(is_relevant=pl.col("rank") == 1)
    of = dict(zip(run.select("query_id", "doc_id").rows(), texts, strict=True))
    return ranked, of, token_scores(run, texts)


def test_falls_are_those_of_a_plain_loop(two_logits, toys):
    ranked, of, scores = toys
    tops = contested_tops(ranked, scores)
    assert tops["query_id"].to_list() == [f"q{n}" for n in range(6)]
    texts = [of[query, doc] for query, doc, _ in tops.rows()]
    seconds = [of[query, second] for query, _, second in tops.rows()]
    found = truncate_tops(two_logits, tops, texts, seconds, scores)
    assert len(found) == 12
    bounds = two_logits.score(seconds).tolist()
    for row in found.to_dicts():
        number = int(row["query_id"][1:])
        query, passage = (len(one.split()) for one in texts[number])
        n_all = passage + (query if row["fields"] == "both" else 0)
        own = scores_of(scores, row["query_id"], row["doc_id"])
        falls = None
        for n in range(1, n_all + 1):
            left = shortened(texts[number], own, n, row["fields"])
            if two_logits.score([left]).item() < bounds[number] and falls is None:
                falls = n
        assert row["falls"] == (falls is not None)
        assert row["n_removed"] == (falls or n_all)
        assert row["n_tokens"] == query + passage + 3
        assert row["removed_percent"] == pytest.approx(100 * row["n_removed"] / row["n_tokens"])
    assert found["n_removed"].n_unique() > 3


def test_the_first_fall_counts_and_a_bound_that_is_never_reached_is_none(two_logits, toys):
    """Scores that rise again after a fall, and bounds below and above all of them."""
    _, of, _ = toys
    text = max(of.values(), key=lambda text: len(text[1]))
    (pair,) = two_logits.encode([text])
    order = [place for place in range(len(pair)) if not pair.special[place]]
    own = {place: place for place in range(len(pair))}  # in the order of their positions
    path = [
        two_logits.score([shortened(text, own, n, "both")]).item() for n in range(1, len(order) + 1)
    ]
    bounds = [min(path) - 1, max(path) + 1, *np.quantile(path, np.linspace(0.05, 0.95, 9))]
    n = len(bounds)
    with Progress(n, "test") as progress:
        found = first_falls(two_logits, [pair] * n, [order] * n, bounds, progress)
    assert progress.done == n
    assert found == [
        next((at + 1 for at, score in enumerate(path) if score < bound), None) for bound in bounds
    ]
    assert found[0] is None and found[1] == 1
    assert len(order) > 10 and any((n or 0) > 8 for n in found)  # beyond the first block
    assert any(
        max(path[fall:], default=bound) > bound
        for fall, bound in zip(found, bounds, strict=True)
        if fall
    )  # a bisection may miss the first


def test_a_fall_is_found_wherever_it_is(two_logits, monkeypatch):
    """Orders that end within, at and after a block, and a single low score at any removal."""
    cases = [(n, fall) for n in (1, 7, 8, 9, 16, 17) for fall in (None, *range(1, n + 1))]
    low = {f"pair {number}": fall for number, (_, fall) in enumerate(cases)}

    def removed(encoded, positions, removal, tokenizer):
        return encoded, len(positions)

    def scores(_reranker, shorter):
        return [-1.0 if low[name] == n else 1.0 for name, n in shorter]

    monkeypatch.setattr(truncation, "without", removed)
    monkeypatch.setattr(truncation, "log_p_relevant", scores)
    orders = [list(range(n)) for n, _ in cases]
    with Progress(len(cases), "test") as progress:
        found = first_falls(two_logits, list(low), orders, [0.0] * len(cases), progress)
    assert found == [fall for _, fall in cases] and progress.done == len(cases)


def test_only_a_relevant_first_with_a_second_is_truncated(toys, caplog):
    ranked, _, scores = toys
    alone = (pl.col("query_id") != "q1") | (pl.col("rank") == 1)
    unsure = pl.when(pl.col("query_id") == "q2").then(None).otherwise(pl.col("is_relevant"))
    wrong = (pl.col("query_id") != "q3") & unsure
    given = ranked.filter(alone).with_columns(is_relevant=wrong)
    with caplog.at_level(logging.INFO):
        tops = contested_tops(given, scores.filter(pl.col("query_id") != "q4"))
    assert tops["query_id"].to_list() == ["q0", "q5"]
    assert "1 first passages have no token scores" in caplog.text


def test_no_contested_top_gives_an_empty_table(two_logits, toys):
    ranked, _, scores = toys
    tops = contested_tops(ranked.filter(pl.col("rank") > 1), scores)
    found = truncate_tops(two_logits, tops, [], [], scores)
    assert found.is_empty() and found.schema["falls"] == pl.Boolean


def test_scores_of_other_tokens_are_refused(two_logits, toys):
    ranked, of, scores = toys
    tops = contested_tops(ranked, scores)
    texts = [of[query, doc] for query, doc, _ in tops.rows()]
    with pytest.raises(UserError, match=r"where the ranker reads .*; attribute the pair"):
        truncate_tops(two_logits, tops, texts, texts, pl.concat([scores, scores]))


@pytest.mark.parametrize(
    ("n_tokens", "kept", "gone"), [(10, 90, 1), (10, 100, 0), (5, 90, 1), (4, 90, 0), (15, 10, 14)]
)
def test_shares_are_rounded_with_halves_upwards(n_tokens, kept, gone):
    assert n_removed(n_tokens, kept) == gone


def test_truncated_rankings_are_those_of_shortened_texts(two_logits, toys):
    ranked, of, scores = toys
    texts = [of[ids] for ids in ranked.select("query_id", "doc_id").rows()]
    qrels = ranked.filter(pl.col("doc_id").is_in(["d3", "d5"])).select(
        "query_id", "doc_id", pl.lit(1).alias("grade")
    )
    found = truncated_rankings(two_logits, ranked, texts, scores, qrels)
    assert len(found) == 2 * len(KEPT_PERCENTS) * 6 * 2
    assert KEPT_PERCENTS[0] == 100 and KEPT_PERCENTS[-1] == 10
    for (fields, kept), rows in found.group_by("fields", "kept_percent"):
        left = []
        for ids, text in zip(ranked.select("query_id", "doc_id").rows(), texts, strict=True):
            n_words = len(text[1].split()) + (len(text[0].split()) if fields == "both" else 0)
            n = int(np.floor(n_words * (100 - kept) / 100 + 0.5))
            left.append(shortened(text, scores_of(scores, *ids), n, fields))
        values = pl.Series("score", two_logits.score(left).tolist())
        expected = measure_ranks(with_ranks(ranked.with_columns(values)), qrels, ["RR", "RR@10"])
        key = ["query_id", "measure"]
        same = rows.join(expected, on=key).select((pl.col("value") - pl.col("value_right")).abs())
        assert len(same) == 12 and same.max().item() < 1e-12
    assert (
        found.group_by("fields", "kept_percent").agg(pl.col("value").mean())["value"].n_unique() > 3
    )


def test_whole_passages_have_the_ranking_that_they_had(two_logits, toys):
    ranked, of, scores = toys
    texts = [of[ids] for ids in ranked.select("query_id", "doc_id").rows()]
    qrels = ranked.filter(pl.col("rank") == 2).select("query_id", "doc_id", grade=1)
    found = truncated_rankings(two_logits, ranked, texts, scores, qrels)
    assert found.filter(kept_percent=100)["value"].unique().to_list() == [0.5]


def test_script(tmp_path, ranker_folder, two_logits, toys):
    ranked, of, scores = toys
    pairs = pl.DataFrame(list(of), schema=["query_id", "doc_id"], orient="row")
    write_texts(tmp_path, pairs, list(of.values()))
    ranked.write_parquet(tmp_path / "token_rankings")
    best = ranked.filter(pl.col("rank") <= 4).select("query_id", "doc_id")
    scores.join(best, on=["query_id", "doc_id"], how="semi").write_parquet(
        tmp_path / "ranked_token_scores"
    )
    toy_qrels().write_parquet(tmp_path / "qrels")
    names = ("queries", "documents", "token_rankings", "ranked_token_scores", "qrels")
    made = {
        name: tmp_path / f"{name}.parquet" for name in ("token_truncation", "truncated_rankings")
    }
    ranker = {"model": str(ranker_folder), "max_length": 48}
    script.main({name: tmp_path / name for name in names}, made, ranker, "toys")
    truncation, rankings = map(pl.read_parquet, made.values())
    assert truncation["collection"].unique().to_list() == ["toys"]
    assert truncation.columns[1:] == [
        *("query_id", "doc_id", "fields", "n_tokens", "n_removed", "removed_percent", "falls")
    ]
    assert rankings.columns == [
        *("collection", "fields", "kept_percent", "query_id", "measure", "value")
    ]
