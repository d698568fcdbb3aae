"""What is kept of scores and rankings: shares by hand, random sets, the rules' scripts."""

import numpy as np
import polars as pl
import pytest
import pytrec_eval

from relevance_neurons.errors import UserError
from relevance_neurons.mechanism.faithfulness import (
    FAITHFULNESS,
    Asked,
    Kept,
    kept_sets,
    measure_faithfulness,
)
from relevance_neurons.mechanism.kept_heads import keep_heads, kept_logits, mean_outputs
from relevance_neurons.rankers.heads import Heads
from toys.bert import make_reranker
from toys.ranked_passages import random_texts, toy_qrels, toy_run, write_texts
from workflow_scripts.mechanism import summarise_faithfulness
from workflow_scripts.mechanism import test_faithfulness as script

SETTINGS = {"smallest_change": 0.0, "random_draws": 3, "seed": 0}
MEASURE = {"measure": "nDCG@10", "ambiguous": "gain"}


def found_heads(matching=((0, 1),), relevance=((2, 0),)) -> pl.DataFrame:
    rows = [
        (layer, head, (layer, head) in matching, (layer, head) in relevance)
        for layer in range(3)
        for head in range(2)
    ]
    schema = ["layer", "head", "is_matching", "is_relevance"]
    return pl.DataFrame(rows, schema=schema, orient="row")


def diagnostics(reranker, n: int = 6) -> pl.DataFrame:
    """Pairs to which a word is added, and the whole ranker's logits of them."""
    queries, before = ["wing lift", "heat"] * (n // 2), random_texts(n, seed=3)
    after = [f"{text} {query}" for text, query in zip(before, queries, strict=True)]
    frame = pl.DataFrame({"query": queries, "passage_before": before, "passage_after": after})
    logits = {
        f"logit_{name}": margins(reranker, list(zip(queries, texts, strict=True)))
        for name, texts in (("before", before), ("after", after))
    }
    return frame.with_columns(**{name: pl.Series(values) for name, values in logits.items()})


def margins(reranker, texts) -> np.ndarray:
    scores = reranker.score(texts).double()  # log p: of one logit and of two the margin alike
    return (scores - (1 - scores.exp()).log()).numpy()


def asked() -> Asked:
    run, texts = toy_run(4, 6)
    return Asked(run.select("query_id", "doc_id"), texts, toy_qrels())


def measured(reranker, sets, pairs, ranked, least=0.0) -> list[dict]:
    found = measure_faithfulness(reranker, sets, pairs, ranked, "mine", least, 0)
    assert found.schema == FAITHFULNESS
    return found.to_dicts()


def test_sets_of_heads():
    shape = Heads.of(make_reranker(1))
    sets = kept_sets(found_heads(((0, 1), (1, 0), (1, 1))), shape, 50, 7)
    named = {one.name: one.heads for one in sets if one.name != "random"}
    assert list(named) == ["all", "found", "matching", "relevance", "none"]
    assert named["all"] == tuple((layer, head) for layer in range(3) for head in range(2))
    assert named["found"] == ((0, 1), (1, 0), (1, 1), (2, 0))
    assert named["matching"] == ((0, 1), (1, 0), (1, 1)) and named["relevance"] == ((2, 0),)
    assert named["none"] == ()
    drawn = [one for one in sets if one.name == "random"]
    assert [one.draw for one in drawn] == list(range(50))
    assert {tuple(layer for layer, _ in one.heads) for one in drawn} == {(0, 1, 1, 2)}
    assert {one.heads[0] for one in drawn} == {(0, 0), (0, 1)}
    assert kept_sets(found_heads(((0, 1), (1, 0), (1, 1))), shape, 50, 7) == sets


def test_a_head_that_the_ranker_lacks_is_refused():
    more = pl.DataFrame({"layer": [5], "head": [0], "is_matching": [True], "is_relevance": [False]})
    with pytest.raises(UserError, match=r"\[5, 0\] was found; this ranker has layers 0 to 2"):
        kept_sets(more, Heads.of(make_reranker(1)), 1, 0)


def test_all_heads_keep_all(reranker):
    sets = kept_sets(found_heads(), Heads.of(reranker), 2, 0)
    rows = measured(reranker, sets, diagnostics(reranker), asked())
    assert rows[0]["kept"] == "all" and rows[0]["n_heads"] == 6
    assert [rows[0][f"score_share{end}"] for end in ("", "_low", "_high")] == [1, 1, 1]
    assert rows[0]["value_share"] == 1
    for row in rows[1:]:
        assert abs(row["score_share"] - 1) > 0.01
        if row["kept"] != "none":
            assert row["score_share_low"] < row["score_share"] < row["score_share_high"]


def test_no_heads_keep_nothing(reranker):
    """[CLS] sees no other token, so all passages have one score: their order is by chance."""
    sets = kept_sets(found_heads(), Heads.of(reranker), 0, 0)
    row = measured(reranker, sets, diagnostics(reranker), asked())[-1]
    assert row["kept"] == "none" and row["score_share"] == pytest.approx(0, abs=1e-9)
    judged = toy_qrels().select("query_id", "doc_id", "gain").rows()
    qrels = {query: {d: g for q, d, g in judged if q == query} for query, _, _ in judged}
    evaluator = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10"})
    passages = asked().rankings.group_by("query_id").agg("doc_id").rows()
    random, means = np.random.default_rng(7), []
    for _ in range(1000):  # one of all orders
        run = {q: dict(zip(docs, random.random(len(docs)), strict=True)) for q, docs in passages}
        values = evaluator.evaluate(run).values()
        means.append(sum(one["ndcg_cut_10"] for one in values) / 4)
    assert row["value"] == pytest.approx(np.mean(means), abs=3 * np.std(means) / 200**0.5)


def test_shares_by_hand(reranker):
    pairs, ranked = diagnostics(reranker), asked()
    kept = [(0, 1), (2, 0)]
    sets = [Kept("all", 0, tuple(Heads.of(reranker).frame().rows())), Kept("found", 0, tuple(kept))]
    row = measured(reranker, sets, pairs, ranked)[1]
    texts = [
        list(zip(pairs["query"], pairs[name], strict=True))
        for name in ("passage_before", "passage_after")
    ]
    with keep_heads(reranker, kept, mean_outputs(reranker, reranker.encode(texts[0]))):
        before, after = (margins(reranker, one) for one in texts)
        scores = margins(reranker, ranked.texts)
    whole = (pairs["logit_after"] - pairs["logit_before"]).to_numpy()
    assert (whole > 0).any() and (whole < 0).any()  # the directions differ
    shares = (after - before) / whole
    expected = np.average(shares, weights=np.abs(whole))
    assert row["score_share"] == pytest.approx(expected, abs=1e-4)
    assert (row["n_heads"], row["n_pairs"], row["n_small"]) == (2, 6, 0)
    run, judged = {}, {}
    for (query, doc), score in zip(ranked.rankings.rows(), scores, strict=True):
        run.setdefault(query, {})[doc] = score
    for query, doc, gain in ranked.qrels.select("query_id", "doc_id", "gain").rows():
        judged.setdefault(query, {})[doc] = gain
    values = pytrec_eval.RelevanceEvaluator(judged, {"ndcg_cut.10"}).evaluate(run)
    expected = sum(one["ndcg_cut_10"] for one in values.values()) / 4  # q3 has no judgment: 0
    assert row["value"] == pytest.approx(expected) and row["n_queries"] == 4
    assert expected > 0


def test_pairs_of_small_changes_are_counted(reranker):
    pairs, sets = diagnostics(reranker), kept_sets(found_heads(), Heads.of(reranker), 0, 0)
    changes = (pairs["logit_after"] - pairs["logit_before"]).abs()
    least = sorted(changes)[2]
    rows = measured(reranker, sets, pairs, asked(), least)
    large = pairs.filter(changes >= least)
    assert [(row["n_pairs"], row["n_small"]) for row in rows] == [(4, 2)] * 5
    means = mean_outputs(reranker, reranker.encode(list(pairs["query", "passage_before"].rows())))
    logits = [
        kept_logits(reranker, reranker.encode(list(large["query", name].rows())), [()], means)[0]
        for name in ("passage_before", "passage_after")
    ]
    whole = (large["logit_after"] - large["logit_before"]).to_numpy()
    kept = (logits[1] - logits[0]) * np.sign(whole)
    assert rows[4]["kept"] == "none"
    assert rows[4]["score_share"] == pytest.approx(kept.sum() / np.abs(whole).sum(), abs=1e-4)
    all_small = measured(reranker, sets, pairs, asked(), 1e9)
    assert [(row["score_share"], row["n_small"]) for row in all_small] == [(None, 6)] * 5


def test_without_pairs_or_queries_there_are_nulls(two_logits):
    sets = kept_sets(found_heads(), Heads.of(two_logits), 1, 0)
    no_pairs = measured(two_logits, sets, diagnostics(two_logits).clear(), asked())
    assert all(row["score_share"] is None and row["n_pairs"] == 0 for row in no_pairs)
    assert all(row["value"] is not None for row in no_pairs)
    nothing = Asked(asked().rankings.clear(), [], toy_qrels())
    no_queries = measured(two_logits, sets, diagnostics(two_logits), nothing)
    assert all(row["value"] is row["value_share"] is None for row in no_queries)
    assert all(row["score_share"] is not None and row["n_queries"] == 0 for row in no_queries)
    neither = measured(two_logits, sets, diagnostics(two_logits).clear(), nothing)
    assert all(row["score_share"] is row["value"] is None for row in neither)


def test_one_pair_has_no_interval(two_logits):
    sets = kept_sets(found_heads(), Heads.of(two_logits), 0, 0)
    row = measured(two_logits, sets, diagnostics(two_logits).head(1), asked())[1]
    assert row["score_share"] is not None and row["score_share_low"] is None


def test_pairs_of_one_query_are_drawn_together(reranker):
    """Twice the same pairs say no more than once: the interval is as wide."""
    pairs, sets = diagnostics(reranker, 8), kept_sets(found_heads(), Heads.of(reranker), 0, 0)
    each = pairs.with_columns(query=pl.Series([f"wing heat {n}" for n in range(8)]))
    logits = {
        f"logit_{name}": margins(reranker, list(each["query", f"passage_{name}"].rows()))
        for name in ("before", "after")
    }
    each = each.with_columns(**{name: pl.Series(values) for name, values in logits.items()})
    once, twice = (
        measured(reranker, sets, one, asked())[1] for one in (each, pl.concat([each, each]))
    )
    assert (once["n_pairs"], twice["n_pairs"]) == (8, 16)
    for end in ("", "_low", "_high"):
        assert twice[f"score_share{end}"] == pytest.approx(once[f"score_share{end}"], abs=1e-6)
    of_one = measured(reranker, sets, pl.concat([each.head(1)] * 2), asked())[1]
    assert of_one["score_share"] is not None and of_one["score_share_low"] is None


def test_scripts(tmp_path, ranker_folder):
    run, texts = toy_run(3, 5)
    run = run.rename({"bm25_rank": "run_rank", "bm25_score": "run_score"})
    write_texts(tmp_path, run, texts)
    reranker = {"model": str(ranker_folder), "max_length": 48, "dtype": "float32"}
    pairs = (
        diagnostics(make_reranker(2))
        .with_row_index("pair")
        .with_columns(
            level=1,
            perturbation=pl.when(pl.col("pair") == 0)
            .then(pl.lit("TFC1"))
            .otherwise(pl.lit("TFC2")),
        )
    )
    less = pairs.with_columns(level=0)  # the same without the word
    frames = {
        # By whose pairs the relevance heads were chosen: these are no test of them.
        "heads": found_heads().with_columns(path_perturbation=pl.lit("TFC1")),
        "diagnostic_pairs": pl.concat(
            [less.with_columns(is_patched=False), pairs.with_columns(is_patched=True)]
        ).drop("logit_before", "logit_after"),
        "diagnostic_scores": pl.concat([less.with_columns(logit_after=0.0), pairs]),
        "mechanism_rankings": run,
        "qrels": toy_qrels(),
    }
    for name, frame in frames.items():
        frame.write_parquet(tmp_path / name)
    given = {name: f"{tmp_path}/{name}" for name in (*frames, "queries", "documents")}
    files = [f"{tmp_path}/{name}.parquet" for name in ("mine", "other")]
    for name, file in zip(("mine", "other"), files, strict=True):
        script.main(given, file, name, reranker, SETTINGS | MEASURE)
    each = pl.read_parquet(files[0])
    assert each.schema == FAITHFULNESS
    assert (
        each["kept"].to_list() == ["all", "found", "matching", "relevance", "none"] + ["random"] * 3
    )
    assert each["n_pairs"].to_list() == [5] * 8 and each["collection"].unique().to_list() == [
        "mine"
    ]
    summarise_faithfulness.main(files, f"{tmp_path}/faithfulness.parquet")
    check_summary(pl.read_parquet(f"{tmp_path}/faithfulness.parquet"), each)


def check_summary(found: pl.DataFrame, each: pl.DataFrame) -> None:
    assert found.columns == [*FAITHFULNESS, "score_p_random", "value_p_random"]
    assert found["collection"].to_list() == ["mine"] * 9 + ["other"] * 9
    own = found.filter(collection="mine")
    same = own.filter(pl.col("draw").is_not_null()).select(each.columns)
    assert same.sort("kept", "draw").equals(each.sort("kept", "draw"))
    drawn, whole = each.filter(kept="random"), own.filter(pl.col("draw").is_null()).to_dicts()
    (row,) = whole
    assert row["kept"] == "random" and row["value"] == pytest.approx(drawn["value"].mean())
    assert row["score_share_low"] == pytest.approx(np.quantile(drawn["score_share"], 0.025))
    assert row["value_high"] == pytest.approx(np.quantile(drawn["value"], 0.975))
    (one,) = own.filter(kept="found").to_dicts()
    n_above = (drawn["score_share"] >= one["score_share"]).sum()
    assert one["score_p_random"] == (1 + n_above) / 4
    assert one["value_p_random"] == (1 + (drawn["value"] >= one["value"]).sum()) / 4
    assert own.filter(pl.col("kept") != "found")["score_p_random"].null_count() == 8
