"""The rule that finds heads: the planted ones and no others; what a study names; no evidence."""

import numpy as np
import polars as pl
import pytest
from scipy.stats import ttest_1samp
from statsmodels.stats.multitest import multipletests

from relevance_neurons.errors import UserError
from relevance_neurons.mechanism.find_heads import COLUMNS, path_columns
from relevance_neurons.mechanism.measure_heads import Study
from relevance_neurons.mechanism.measured_rankings import measure_rankers
from relevance_neurons.mechanism.patcher import Patcher
from relevance_neurons.mechanism.sites import HEADS
from toys.planted_mechanism import (
    IDLE_HEAD,
    LENGTH_HEAD,
    MATCHING_HEAD,
    N_HEADS,
    N_LAYERS,
    RELEVANCE_HEAD,
    planted_ranker,
    planted_texts,
)
from workflow_scripts.mechanism import find_heads as script

SETTINGS = {"smallest_change": 0.1, "significance": 0.05, "max_heads": 13, "seed": 0}
KEYS = pl.DataFrame(
    [(layer, head) for layer in range(N_LAYERS) for head in range(N_HEADS)],
    schema={"layer": pl.Int32, "head": pl.Int32},
    orient="row",
)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """head_attention, path_effects and patch_effects of the planted ranker."""
    folder, reranker, texts = tmp_path_factory.mktemp("heads"), planted_ranker(), planted_texts()
    queries = dict(texts["queries"].select("query_id", "text").rows())
    documents = dict(texts["documents"].rows())
    ids = texts["qrels"].select("query_id", "doc_id").head(60).rows()
    pairs = [(queries[query], documents[doc]) for query, doc in ids]
    study = Study("toy", ids, reranker.encode(pairs), soft={}, n_shuffles=50, seed=0)
    paths, patches = effects_of(reranker, pairs[:20])
    frames = {
        "head_attention": measure_rankers(reranker, study, 2).head_attention,
        "path_effects": paths,
        "patch_effects": patches,
    }
    for name, frame in frames.items():
        frame.write_parquet(folder / f"{name}.parquet")
    return {name: [str(folder / f"{name}.parquet")] for name in frames}


def effects_of(reranker, pairs):
    """path_effects and patch_effects of a word more, against "a" more, in each passage."""
    before = reranker.encode([(query, f"{passage} a") for query, passage in pairs])
    after = reranker.encode([(query, f"{passage} {query.split()[0]}") for query, passage in pairs])
    patcher = Patcher.open(reranker, before)
    runs, paths, patches = (patcher.run(before), patcher.run(after)), [], []
    for layer, head in KEYS.iter_rows():
        given = runs[0].at(layer, HEADS).clone()
        columns = patcher.heads.columns(head)
        given[..., columns] = runs[1].at(layer, HEADS)[..., columns]
        direct = patcher.direct_scores(runs[0], layer, given)
        whole = patcher.scores(runs[0], layer, HEADS, given)
        for number in range(len(pairs)):
            scores = [float(run.scores[number]) for run in runs]
            key = ("toy", "TFC1", number)
            paths.append((*key, layer, head, "residual", *scores, float(direct[number])))
            patched = float(whole[number])
            patches.append((*key, "head", "output", layer, head, "all", *scores, patched))
    ends = ["logit_before", "logit_after", "logit"]
    start = ["collection", "perturbation", "pair"]
    sender = [*start, "sender_layer", "sender_head", "receiver", *ends]
    patch = [*start, "grid", "site", "layer", "head", "token_class", *ends]
    return (
        pl.DataFrame(rows, schema=schema, orient="row")
        for rows, schema in ((paths, sender), (patches, patch))
    )


def found_in(tables, folder, **changed):
    path = folder / "heads.parquet"
    script.main(tables, str(path), SETTINGS | changed)
    return pl.read_parquet(path)


def heads_where(heads, test):
    return heads.filter(test).select("layer", "head").rows()


def test_the_planted_heads_are_found_and_no_others(tables, tmp_path):
    heads = found_in(tables, tmp_path)
    assert heads.columns == list(COLUMNS)
    assert heads_where(heads, "is_matching") == [MATCHING_HEAD]
    assert heads_where(heads, "is_relevance") == [RELEVANCE_HEAD]
    kinds = dict(heads.group_by("kind").len().rows())
    assert kinds == {"matching": 1, "relevance": 1, "none": 10}
    rows = {(row["layer"], row["head"]): row for row in heads.to_dicts()}
    assert rows[RELEVANCE_HEAD]["path_effect"] == pytest.approx(1.0, abs=0.01)
    assert rows[MATCHING_HEAD]["output_effect"] == pytest.approx(1.0, abs=0.01)
    assert rows[MATCHING_HEAD]["path_effect"] == pytest.approx(0.0, abs=1e-3)
    assert rows[IDLE_HEAD]["cls_query_share"] > rows[IDLE_HEAD]["null_cls_query_share"]
    for head in (IDLE_HEAD, LENGTH_HEAD):
        assert rows[head]["path_effect"] == pytest.approx(0.0, abs=1e-3)
    for row in rows.values():
        assert f"{row['match_attention']:.3g} more of a word's attention" in row["why"]
        assert row["n_path_pairs"] > 10


def test_what_the_study_names_is_taken(tables, tmp_path):
    named = {"matching_heads": [[0, 1], list(RELEVANCE_HEAD)], "relevance_heads": []}
    heads = found_in(tables, tmp_path, **named)
    assert heads_where(heads, "is_matching") == [(0, 1), RELEVANCE_HEAD]
    assert heads_where(heads, "is_relevance") == []
    assert heads["why"].str.contains("by the study's word").all()


def test_a_head_that_the_ranker_does_not_have_ends_in_one_line(tables, tmp_path):
    with pytest.raises(
        UserError, match=r"^mechanism.matching_heads: \[3, 0\] was found; .* 0 to 2"
    ):
        found_in(tables, tmp_path, matching_heads=[[0, 1], [3, 0]])
    with pytest.raises(UserError, match=r"relevance_heads: \[0, 4\] was found; .* heads 0 to 3"):
        found_in(tables, tmp_path, relevance_heads=[[0, 4]])


def made_up(folder, values, path_effects, rankers=("study", "random:0")):
    """Files of a ranker with one layer of heads; ``values``: head_attention's columns by name."""
    n = len(next(iter(values.values()))[0])
    frames = [
        KEYS.head(n).select(
            *(pl.lit(0, dtype=pl.Int32).alias("layer"), pl.int_range(n, dtype=pl.Int32)),
        )
        for _ in rankers
    ]
    columns = ["layer", "head"]
    rows = []
    for number, (ranker, frame) in enumerate(zip(rankers, frames, strict=True)):
        frame.columns = columns
        own = {name: pl.Series(one[number], dtype=pl.Float64) for name, one in values.items()}
        rows.append(
            frame.with_columns(
                pl.lit("toy").alias("collection"), pl.lit(ranker).alias("ranker"), **own
            ).with_columns(n_words=pl.lit(10), n_pairs=pl.lit(10))
        )
    attention = pl.concat(rows)
    keys = {"collection": "toy", "perturbation": "TFC1", "receiver": "residual"}
    ends = {"logit_before": 0.0, "logit_after": 1.0}
    paths = pl.DataFrame(
        [
            {**keys, "pair": pair, "sender_layer": 0, "sender_head": head, **ends, "logit": effect}
            for head, effects in enumerate(path_effects)
            for pair, effect in enumerate(effects)
        ]
    )
    patches = paths.rename({"sender_layer": "layer", "sender_head": "head"}).with_columns(
        grid=pl.lit("head"), site=pl.lit("output"), token_class=pl.lit("all")
    )
    files = {"head_attention": attention, "path_effects": paths, "patch_effects": patches}
    for name, frame in files.items():
        frame.write_parquet(folder / f"{name}.parquet")
    return {name: [str(folder / f"{name}.parquet")] for name in files}


def test_the_strongest_of_those_that_pass(tmp_path):
    random = np.random.default_rng(0)
    values = {
        "match_attention": ([0.5, 0.2, 0.4, 0.3, 0.05], [0.1] * 5),
        "null_shuffles": ([0.1] * 5, [None] * 5),
        "p_shuffles": ([0.01, 0.01, 0.2, 0.02, 0.01], [None] * 5),
        "cls_query_share": ([2.0, 2.0, 2.0, 2.0, 1.0], [1.5, 1.2, 1.0, 1.0, 1.0]),
    }
    effects = [list(mean + 0.1 * random.standard_normal(20)) for mean in (0.2, 0.5, -0.5, 0.3, 0.9)]
    tables = made_up(tmp_path, values, effects)
    heads = found_in(tables, tmp_path, max_heads=2)
    assert heads_where(heads, "is_matching") == [(0, 0), (0, 3)]  # 1 is weaker, 2 by chance
    assert heads_where(heads, "is_relevance") == [(0, 0), (0, 1), (0, 3)]  # 4 does not look
    assert "others do so more" in heads["why"][1]
    only = found_in(tables, tmp_path, smallest_change=2.0)
    assert heads_where(only, "is_relevance") == []
    assert only["path_effect"].null_count() == 5 and set(only["n_path_pairs"]) == {0}
    assert only["why"].str.contains("no pair whose score TFC1 or STMC1 moves").all()


@pytest.mark.parametrize(("moved", "found"), [(0.0, []), (1e-4, []), (0.01, [(0, 0)])])
def test_a_head_whose_query_words_nothing_reads_matches_nothing(tmp_path, moved, found):
    """As in the last layer of a ranker that reads [CLS] alone, whatever the head looks at."""
    values = {
        name: ([0.5, 0.2], [0.1, 0.1])
        for name in ("match_attention", "null_shuffles", "cls_query_share")
    }
    values["p_shuffles"] = ([0.01, 0.9], [None] * 2)
    tables = made_up(tmp_path, values, [[0.5, 0.6], [0.1, 0.2]])
    patches = pl.read_parquet(tables["patch_effects"][0])
    place = {"grid": "block", "site": "attention_output", "token_class": "query_term"}
    block = patches.with_columns(**{name: pl.lit(one) for name, one in place.items()})
    block = block.with_columns(head=None, logit=pl.lit(moved))
    at_cls = block.with_columns(token_class=pl.lit("cls"), logit=pl.lit(0.9))
    tables["patch_effects"] = []
    above = block.with_columns(layer=pl.lit(1), logit=pl.lit(0.9))
    for name, frame in (("head", patches), ("query", block), ("cls", at_cls), ("above", above)):
        frame.cast({"head": pl.Int64}).write_parquet(tmp_path / f"{name}.parquet")
        tables["patch_effects"].append(str(tmp_path / f"{name}.parquet"))
    heads = found_in(tables, tmp_path)
    assert heads_where(heads, "is_matching") == found
    assert ("where nothing reads" in heads["why"][0]) == (found == [])
    assert "no sign that it matches" in heads["why"][1]
    assert heads.schema["n_words"] == pl.Int64


def test_another_perturbation_where_the_first_leaves_no_pair(tmp_path):
    values = {
        name: ([0.5], [0.1])
        for name in ("match_attention", "null_shuffles", "p_shuffles", "cls_query_share")
    }
    tables = made_up(tmp_path, values, [[0.5, 0.6]])
    paths = pl.read_parquet(tables["path_effects"][0])
    still = paths.with_columns(logit_after=pl.lit(0.01))
    other = paths.with_columns(perturbation=pl.lit("STMC1"))
    pl.concat([still, other]).write_parquet(tables["path_effects"][0])
    heads = found_in(tables, tmp_path)
    assert heads.row(0, named=True)["path_perturbation"] == "STMC1"
    assert heads["path_effect"][0] == pytest.approx(0.55)


def test_a_pair_that_does_not_change_at_all_is_left_out_whatever_the_threshold(tmp_path):
    values = {
        name: ([0.5], [0.1])
        for name in ("match_attention", "null_shuffles", "p_shuffles", "cls_query_share")
    }
    tables = made_up(tmp_path, values, [[0.5, 0.6]])
    paths = pl.read_parquet(tables["path_effects"][0])
    still = paths.with_columns(logit_after="logit_before", logit="logit_before", pair=99)
    pl.concat([paths, still.cast(paths.schema)]).write_parquet(tables["path_effects"][0])
    heads = found_in(tables, tmp_path, smallest_change=0)
    assert heads["path_effect"][0] == pytest.approx(0.55) and heads["n_path_pairs"][0] == 2


def test_without_random_rankers_nothing_is_found(tables, tmp_path):
    attention = pl.read_parquet(tables["head_attention"][0]).filter(pl.col("ranker") == "study")
    attention.write_parquet(tmp_path / "alone.parquet")
    heads = found_in(tables | {"head_attention": [str(tmp_path / "alone.parquet")]}, tmp_path)
    assert set(heads["kind"]) == {"none"}
    assert heads["why"].str.contains("unknown in random rankers").all()


def test_means_over_collections_are_over_words_and_the_worst_p_counts(tables, tmp_path):
    attention = pl.read_parquet(tables["head_attention"][0])
    other = attention.with_columns(
        collection=pl.lit("other"),
        match_attention=pl.lit(0.0),
        n_words=3 * pl.col("n_words"),
        p_shuffles=pl.when(pl.col("ranker") == "study").then(0.9),
    )
    other.write_parquet(tmp_path / "other.parquet")
    files = [*tables["head_attention"], str(tmp_path / "other.parquet")]
    heads = found_in(tables | {"head_attention": files}, tmp_path)
    one = found_in(tables, tmp_path)
    np.testing.assert_allclose(heads["match_attention"], one["match_attention"] / 4, atol=1e-12)
    assert heads["p_shuffles"].min() == 0.9 and not heads["is_matching"].any()


def test_path_tests_are_scipys_and_statsmodels():
    random = np.random.default_rng(1)
    lists = [list(mean + random.standard_normal(15)) for mean in (0, 0.5, 1)] + [[0.0] * 15]
    columns = {one.name: one for one in path_columns(pl.Series(lists), seed=0)}
    p_values = [*(ttest_1samp(one, 0).pvalue for one in lists[:3]), 1.0]
    expected = multipletests(p_values, method="holm")[1]
    np.testing.assert_allclose(columns["path_p_holm"], expected)
    np.testing.assert_allclose(columns["path_effect"], [np.mean(one) for one in lists])
    assert columns["path_ci_low"][2] < np.mean(lists[2]) < columns["path_ci_high"][2]


def test_one_pair_has_a_mean_and_no_test():
    columns = {one.name: one for one in path_columns(pl.Series([[0.5], None]), seed=0)}
    assert columns["path_effect"].to_list() == [0.5, None]
    assert columns["path_p_holm"].to_list() == [None, None]
    assert columns["path_ci_low"].to_list() == [None, None]
    assert columns["n_path_pairs"].to_list() == [1, 0]
