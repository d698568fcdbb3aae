"""Logits regressed on soft term frequencies: against statsmodels, bm25s, scipy and trec_eval."""

import bm25s
import numpy as np
import polars as pl
import pytest
import pytrec_eval
import statsmodels.api as sm
from scipy.stats import pearsonr, spearmanr
from sklearn.model_selection import GroupKFold

from relevance_neurons.mechanism.semantic_bm25.bm25 import bm25_scores, held_out_bm25
from relevance_neurons.mechanism.semantic_bm25.correlations import (
    mean_over_queries,
    of_all_pairs,
    weighted_pearson,
    weighted_spearman,
    within_queries,
)
from relevance_neurons.mechanism.semantic_bm25.features import (
    Words,
    read_pairs,
    read_tokens,
    read_words,
    soft_tf_idf,
    token_features,
)
from relevance_neurons.mechanism.semantic_bm25.regression import (
    folds_by_query,
    held_out,
    held_out_legacy,
    in_form,
)
from relevance_neurons.mechanism.semantic_bm25.table import SEMANTIC_BM25, semantic_bm25
from relevance_neurons.mechanism.semantic_bm25.variants import Regressions
from toys.regressed_attention import PAIR, soft_sum, toy_documents, toy_tables
from workflow_scripts.mechanism import fit_semantic_bm25 as script

VARIANTS = ["legacy", "features", "soft_tf_idf", "random_heads", "reinitialised"]
VARIANTS += ["bm25", "cross_encoder"]
PLANTED = 3
"""The matching head's number: (1, 0) of 2 x 3."""


def noise(attention: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Every query has a level of its own, which nothing in other queries foretells."""
    pairs = attention.select(PAIR).unique().sort(PAIR)
    levels = dict(zip(pairs["query_id"].unique().sort(), rng.normal(0, 1, 1000), strict=False))
    levels = np.array([levels[query] for query in pairs["query_id"]])
    return pairs.with_columns(logit=pl.Series(levels + rng.normal(0, 0.01, len(pairs))))


def regressions(tables: dict[str, pl.DataFrame], draws: int = 4, folds: int = 5) -> Regressions:
    names = ("query_attention", "mechanism_rankings", "word_counts", "heads")
    return Regressions(*(tables[name] for name in names), folds, draws, seed=0)


def fitted(tables: dict[str, pl.DataFrame], **more) -> dict[tuple[str, str], dict]:
    found = semantic_bm25(regressions(tables, **more), "mine", tables["qrels"], replicates=400)
    assert found.schema == SEMANTIC_BM25
    return {(row["variant"], row["form"]): row for row in found.to_dicts()}


@pytest.fixture(scope="module")
def planted() -> dict[str, pl.DataFrame]:
    return toy_tables(soft_sum(PLANTED))


@pytest.fixture(scope="module")
def planted_rows(planted) -> dict[tuple[str, str], dict]:
    return fitted(planted)


def test_features_are_those_of_the_published_code(planted):
    pairs = read_pairs(planted["mechanism_rankings"], planted["query_attention"])
    tokens = read_tokens(planted["query_attention"], pairs, "study", 6)
    found = token_features(tokens, [4, 1], len(pairs.logits))
    assert found.shape == (160, 5 * (1 + 2 * 2))
    seen = planted["query_attention"].filter(ranker="study")
    for pair, query, doc in pairs.ids.rows()[::7]:
        rows = seen.filter(query_id=query, doc_id=doc).sort("place").head(5).to_dicts()
        expected = [
            value
            for row in rows
            for value in (
                row["idf"],
                *(row["total"][4], row["total"][1]),
                *(row["idf"] * row["total"][4], row["idf"] * row["total"][1]),
            )
        ]
        np.testing.assert_allclose(found[pair], expected + [0] * (25 - len(expected)))


def test_a_word_that_the_collection_lacks_weighs_nothing(planted):
    attention = planted["query_attention"].with_columns(
        idf=pl.when(pl.col("place") == 0).then(None).otherwise("idf")
    )
    pairs = read_pairs(planted["mechanism_rankings"], attention)
    tokens = read_tokens(attention, pairs, "study", 6)
    found = soft_tf_idf(tokens, [1, 2], len(pairs.logits))[:, 0]
    known = attention.filter((pl.col("ranker") == "study") & pl.col("idf").is_not_null())
    soft = (pl.col("total").list.get(1) + pl.col("total").list.get(2)).cast(pl.Float64) / 2
    expected = known.group_by(PAIR).agg(sum=(pl.col("idf") * soft).sum()).sort(PAIR)
    np.testing.assert_allclose(found, expected["sum"], rtol=1e-6)


def test_pointwise_is_statsmodels_least_squares_of_the_other_folds(planted):
    pairs, x = features_of(planted)
    found = held_out(x, pairs, folds_by_query(pairs, 5), "pointwise")
    for train, test in GroupKFold(5).split(x, groups=pairs.queries):
        assert not set(pairs.queries[train]) & set(pairs.queries[test])
        line = sm.OLS(pairs.logits[train], sm.add_constant(x[train], has_constant="add")).fit()
        expected = line.predict(sm.add_constant(x[test], has_constant="add"))
        np.testing.assert_allclose(found[test], expected, atol=1e-8)


def test_pairwise_is_statsmodels_least_squares_of_all_differences(planted):
    pairs, x = features_of(planted)
    found = held_out(x, pairs, folds_by_query(pairs, 4), "pairwise")
    for train, test in GroupKFold(4).split(x, groups=pairs.queries):
        above, below = differing(pairs.queries, train)
        dx, dy = x[above] - x[below], pairs.logits[above] - pairs.logits[below]
        line = sm.OLS(dy, dx[:, np.ptp(dx, axis=0) > 0]).fit()  # idf does not differ
        one, other = differing(pairs.queries, test)
        expected = line.predict((x[one] - x[other])[:, np.ptp(dx, axis=0) > 0])
        np.testing.assert_allclose(found[one] - found[other], expected, atol=1e-8)


def features_of(tables) -> tuple:
    """Pairs with some noise in their logits, and the features of two heads."""
    rankings = tables["mechanism_rankings"]
    rng = np.random.default_rng(1)
    rankings = rankings.with_columns(pl.col("logit") + pl.Series(rng.normal(0, 1, len(rankings))))
    pairs = read_pairs(rankings, tables["query_attention"])
    tokens = read_tokens(tables["query_attention"], pairs, "study", 6)
    return pairs, token_features(tokens, [0, PLANTED], len(pairs.logits))


def differing(queries: np.ndarray, rows: np.ndarray) -> tuple[list[int], list[int]]:
    """Every two pairs of ``rows`` that have their query in common."""
    two = [(a, b) for a in rows for b in rows if a < b and queries[a] == queries[b]]
    return [a for a, _ in two], [b for _, b in two]


def test_centring_leaves_no_rounding_of_what_does_not_differ():
    values = np.array([[0.1, 1], [0.1, 2], [0.1, 4], [0.7, 5], [0.7, 5]])
    found = in_form(values, np.array([0, 0, 0, 1, 1]), "pairwise")
    assert (found[:, 0] == 0).all() and (found[3:] == 0).all()
    np.testing.assert_allclose(found[:3, 1], [-4 / 3, -1 / 3, 5 / 3])


def test_legacy_holds_out_a_fifth_of_the_pairs(planted):
    pairs, x = features_of(planted)
    found = held_out_legacy(x, pairs, "pointwise", seed=3)
    tested = np.isfinite(found)
    assert tested.sum() == 32
    assert set(pairs.queries[tested]) & set(pairs.queries[~tested])
    line = sm.OLS(pairs.logits[~tested], sm.add_constant(x[~tested])).fit()
    np.testing.assert_allclose(found[tested], line.predict(sm.add_constant(x[tested])), atol=1e-8)
    assert not np.array_equal(tested, np.isfinite(held_out_legacy(x, pairs, "pointwise", 4)))


def test_a_ranker_that_is_a_semantic_bm25_is_found_to_be_one(planted_rows):
    for form in ("pointwise", "pairwise"):
        rows = {variant: planted_rows[variant, form] for variant in VARIANTS}
        for name in ("soft_tf_idf", "cross_encoder"):
            assert rows[name]["pearson"] == pytest.approx(1, abs=1e-9)
            assert rows[name]["spearman"] == pytest.approx(1, abs=1e-9)
            assert rows[name]["value"] == rows["cross_encoder"]["value"]
        for name in ("random_heads", "reinitialised"):
            assert rows[name]["pearson_high"] < 0.97
            assert rows[name]["pearson"] < rows["features"]["pearson"] - 0.05
    pairwise = [planted_rows[name, "pairwise"]["pearson"] for name in VARIANTS]
    assert pairwise[1] > 0.6 and max(abs(one) for one in pairwise[3:5]) < 0.3


def test_rows_say_what_they_are_of(planted_rows):
    assert list(planted_rows) == [
        (name, form) for form in ("pointwise", "pairwise") for name in VARIANTS
    ]
    legacy, features = (planted_rows[name, "pointwise"] for name in ("legacy", "features"))
    assert (legacy["split"], legacy["n_pairs"], legacy["n_ranked"]) == ("pairs", 32, 0)
    assert legacy["value"] is None and 10 < legacy["n_queries"] <= 20
    assert (features["split"], features["n_pairs"], features["n_ranked"]) == ("queries", 160, 20)
    assert (features["n_heads"], features["n_features"], features["n_queries"]) == (1, 15, 20)
    assert planted_rows["bm25", "pointwise"]["n_heads"] is None
    for (name, _), row in planted_rows.items():
        if name != "cross_encoder":
            assert (
                row["pearson_low"] < row["pearson"] < row["pearson_high"] or name == "soft_tf_idf"
            )
        assert (row["k1"] is None) == (row["b"] is None) == (name != "bm25")


def test_what_queries_have_in_common_with_themselves_is_not_learned():
    """13 heads give 135 features, enough to tell 40 queries apart, whose passages are alike."""
    matching = [(layer, head) for layer in range(4) for head in range(4)][:13]
    tables = toy_tables(noise, 40, 10, (4, 4), matching, seed=2, spread=0.001)
    rows = fitted(tables, draws=1)
    assert rows["legacy", "pointwise"]["pearson"] > 0.9
    assert abs(rows["features", "pointwise"]["pearson"]) < 0.4
    assert rows["legacy", "pointwise"]["n_features"] == 135


def test_more_features_than_pairs_have_the_coefficients_of_the_smallest_norm():
    tables = toy_tables(soft_sum(0), 3, 4, (4, 4), [(layer, 0) for layer in range(4)], seed=1)
    pairs = read_pairs(tables["mechanism_rankings"], tables["query_attention"])
    tokens = read_tokens(tables["query_attention"], pairs, "study", 16)
    x = token_features(tokens, range(16), len(pairs.logits))
    found = held_out(x, pairs, folds_by_query(pairs, 3), "pointwise")
    for train, test in GroupKFold(3).split(x, groups=pairs.queries):
        mean, spread = x[train].mean(axis=0), x[train].std(axis=0)
        spread[spread < 1e-9] = 1
        scaled = (x - mean) / spread
        level = pairs.logits[train].mean()
        coefficients = np.linalg.pinv(scaled[train]) @ (pairs.logits[train] - level)
        np.testing.assert_allclose(found[test], scaled[test] @ coefficients + level, atol=1e-6)


def test_bm25_is_that_of_bm25s():
    documents = toy_documents(30, np.random.default_rng(5))
    index = bm25s.BM25(method="lucene", k1=1.4, b=0.6, dtype="float64")
    index.index(documents, show_progress=False)
    query = ["w0", "w3", "w9", "w20"]
    expected = index.get_scores(query) * (1.4 + 1)  # Lucene leaves the factor out
    n_with = {word: sum(word in text for text in documents) for word in query}
    idf = {word: np.log(1 + (30 - n + 0.5) / (n + 0.5)) for word, n in n_with.items()}
    mean = np.mean([len(text) for text in documents])
    rows = [
        (pair, idf[word], text.count(word), len(text) / mean)
        for pair, text in enumerate(documents)
        for word in query
        if word in text
    ]
    words = Words(*map(np.array, zip(*rows, strict=True)))
    np.testing.assert_allclose(bm25_scores(words, 1.4, 0.6, 30), expected, rtol=1e-6)
    assert expected.std() > 0.1


@pytest.mark.parametrize("form", ["pointwise", "pairwise"])
def test_k1_and_b_are_found_again(planted, form):
    rankings, attention = planted["mechanism_rankings"], planted["query_attention"]
    words = read_words(attention, read_pairs(rankings, attention), mean_words=30.0)
    true = 2 * bm25_scores(words, 1.7, 0.3, len(rankings)) - 3
    pairs = read_pairs(rankings.with_columns(logit=pl.Series(true)), attention)
    found = held_out_bm25(words, pairs, folds_by_query(pairs, 5), form)
    assert found.k1 == pytest.approx(1.7, abs=0.02) and found.b == pytest.approx(0.3, abs=0.01)
    expected = in_form(true, pairs.queries, form)
    np.testing.assert_allclose(found.predicted, expected, atol=0.02)


def test_a_query_word_of_two_pieces_counts_once(planted):
    attention, rankings = planted["query_attention"], planted["mechanism_rankings"]
    pieces = attention.with_columns(pl.col("place") + 20, token=pl.lit("##s"))
    found = read_words(
        pl.concat([attention, pieces.select(attention.columns)]),
        read_pairs(rankings, attention),
        30.0,
    )
    expected = read_words(attention, read_pairs(rankings, attention), 30.0)
    assert all(np.array_equal(*both) for both in zip(found, expected, strict=True))
    assert len(expected.pair) > 100


def test_bm25_that_says_nothing_is_null(planted):
    tables = {**planted, "query_attention": planted["query_attention"].with_columns(tf=0)}
    rows = fitted(tables, draws=1)
    for form in ("pointwise", "pairwise"):
        row = rows["bm25", form]
        assert row["k1"] is None and row["value"] is not None
        assert row["pearson"] is row["pearson_low"] is row["spearman"] is None


@pytest.mark.parametrize("form", ["pointwise", "pairwise"])
def test_bm25_is_not_turned_round(planted, form):
    """Where logits fall with BM25 at any k1 and b it predicts nothing, not the best rankings."""
    rankings, attention = planted["mechanism_rankings"], planted["query_attention"]
    attention = attention.with_columns(passage_words=30)
    words = read_words(attention, read_pairs(rankings, attention), mean_words=30.0)
    opposite = -bm25_scores(words, 1.7, 0.3, len(rankings))
    pairs = read_pairs(rankings.with_columns(logit=pl.Series(opposite)), attention)
    found = held_out_bm25(words, pairs, folds_by_query(pairs, 5), form)
    assert found.k1 is found.b is None and (found.predicted == 0).all()


def test_k1_and_b_that_make_no_difference_are_null(planted):
    """In passages of one length b does not, and k1 neither where no word is there twice."""
    attention = planted["query_attention"].with_columns(passage_words=30)
    once = attention.with_columns(pl.col("tf").clip(0, 1))
    rows = fitted({**planted, "query_attention": attention}, draws=1)
    assert rows["bm25", "pointwise"]["k1"] is not None and rows["bm25", "pointwise"]["b"] is None
    row = fitted({**planted, "query_attention": once}, draws=1)["bm25", "pairwise"]
    assert row["k1"] is row["b"] is None and row["pearson"] is not None


@pytest.mark.parametrize(
    ("ours", "theirs"), [(weighted_pearson, pearsonr), (weighted_spearman, spearmanr)]
)
def test_weighted_correlations_are_scipys_of_what_is_there_several_times(ours, theirs):
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 9, 50).astype(float), rng.normal(size=50)
    y = np.round(y + x / 5, 1)
    weights = rng.integers(0, 4, (6, 50))
    expected = [theirs(np.repeat(x, row), np.repeat(y, row)).statistic for row in weights]
    np.testing.assert_allclose(ours(x, y, weights.astype(float)), expected, atol=1e-12)
    np.testing.assert_allclose(ours(x, y), [theirs(x, y).statistic], atol=1e-12)
    assert np.isnan(ours(x, np.full(50, 0.1), weights)).all()
    assert (ours(np.full(50, 0.1), y, weights) == 0).all()


def test_pairs_of_a_query_are_drawn_together():
    rng = np.random.default_rng(0)
    queries = np.repeat([0, 1, 2, 3], 6)
    x = rng.normal(size=24) + queries
    y = x + rng.normal(size=24) * 0.3
    found = of_all_pairs(x[None], y, queries, replicates=2000, seed=1)
    chosen = np.random.default_rng(2).integers(0, 4, (2000, 4))
    drawn = [np.concatenate([np.flatnonzero(queries == one) for one in row]) for row in chosen]
    expected = [pearsonr(x[rows], y[rows]).statistic for rows in drawn]
    np.testing.assert_allclose(found.pearson[1:], np.quantile(expected, [0.025, 0.975]), atol=0.01)
    assert found.pearson.value == pytest.approx(pearsonr(x, y).statistic)
    assert (found.n_pairs, found.n_queries, found.n_left_out) == (24, 4, 0)


def test_queries_without_a_correlation_are_counted_out():
    queries = np.array([0, 0, 0, 1, 2, 2, 3, 3, 3, 4, 4, 4])
    logits = np.array([1.0, 2, 4, 9, 3, 3, 1, 2, 3, 1, 2, 3])
    predicted = np.array([1.0, 3, 2, 9, 1, 2, 1, 2, 3, 5, 5, 5])
    found = within_queries(predicted[None], logits, queries, 500, 0)
    expected = [pearsonr([1, 3, 2], [1, 2, 4]).statistic, 1.0, 0.0]
    assert found.pearson.value == pytest.approx(np.mean(expected))
    assert found.spearman.value == pytest.approx((0.5 + 1 + 0) / 3)
    assert (found.n_pairs, found.n_queries, found.n_left_out) == (9, 3, 2)
    assert found.pearson.low == 0 and found.pearson.high == 1
    nothing = within_queries(np.ones((1, 12)), logits, queries, 500, 0)
    assert nothing.pearson == (None, None, None) and nothing.n_queries == 3
    draws = np.array([np.ones(12), predicted])
    half = within_queries(draws, logits, queries, 500, 0).pearson.value
    assert half == pytest.approx(found.pearson.value / 2)
    assert of_all_pairs(draws, logits, queries, 50, 0).pearson.value == pytest.approx(
        pearsonr(predicted, logits).statistic / 2
    )


def test_an_interval_is_that_of_a_single_draw():
    low, high = np.zeros(40), np.ones(40)
    found = mean_over_queries(np.array([low, high]), 1000, 0)
    assert found == (0.5, 0, 1)
    assert mean_over_queries(np.array([[3.0]]), 1000, 0) == (3, None, None)


def test_the_measure_is_trec_evals(planted, planted_rows):
    rankings = planted["mechanism_rankings"]
    run, judged = {}, {}
    for row in rankings.to_dicts():
        run.setdefault(row["query_id"], {})[row["doc_id"]] = row["logit"]
        judged.setdefault(row["query_id"], {})[row["doc_id"]] = row["gain"]
    values = pytrec_eval.RelevanceEvaluator(judged, {"ndcg_cut.10"}).evaluate(run)
    expected = np.mean([one["ndcg_cut_10"] for one in values.values()])
    row = planted_rows["cross_encoder", "pointwise"]
    assert row["value"] == pytest.approx(expected) and row["measure"] == "nDCG@10"
    assert row["value_low"] < row["value"] < row["value_high"]
    assert planted_rows["random_heads", "pairwise"]["value"] < row["value"]


def test_without_matching_heads_there_are_nulls(planted):
    tables = {**planted, "heads": planted["heads"].with_columns(is_matching=False)}
    rows = fitted(tables)
    for name in VARIANTS[:5]:
        row = rows[name, "pairwise"]
        assert row["n_heads"] == 0 and row["pearson"] is None and row["value"] is None
        assert (row["n_pairs"], row["n_queries"], row["n_ranked"]) == (160, 20, 0)
    assert rows["bm25", "pairwise"]["value"] is not None


def test_a_single_query_fits_nothing():
    rows = fitted(toy_tables(soft_sum(PLANTED), n_queries=1))
    for name in VARIANTS[:6]:
        row = rows[name, "pointwise"]
        assert row["pearson"] is None and row["value"] is None
        assert (row["n_pairs"], row["n_queries"]) == (8, 1)
    row = rows["cross_encoder", "pointwise"]
    assert row["pearson"] == pytest.approx(1) and row["pearson_low"] is row["value_low"] is None
    assert row["value"] is not None


def test_two_queries_have_two_folds():
    row = fitted(toy_tables(soft_sum(PLANTED), n_queries=2))["soft_tf_idf", "pointwise"]
    assert row["pearson"] == pytest.approx(1) and row["n_queries"] == 2


def test_no_pairs_give_rows_of_nulls(planted):
    rankings = planted["mechanism_rankings"].clear()
    rows = fitted({**planted, "mechanism_rankings": rankings})
    assert len(rows) == 14
    for row in rows.values():
        assert row["n_pairs"] == row["n_queries"] == row["n_ranked"] == 0
        assert row["pearson"] is row["spearman"] is row["value"] is None


def test_fewer_heads_left_than_match_are_all_drawn(planted):
    matching = pl.Series([True, True, True, True, True, False])
    found = regressions({**planted, "heads": planted["heads"].with_columns(is_matching=matching)})
    assert found.matching == [0, 1, 2, 3, 4] and found.random_heads() == [[5]] * 4
    assert regressions(planted, draws=20).matching == [PLANTED]
    drawn = regressions(planted, draws=20).random_heads()
    assert {one for (one,) in drawn} == {0, 1, 2, 4, 5}


def test_tables_that_do_not_fit_together_are_refused(planted):
    with pytest.raises(ValueError, match="not of 5 heads"):
        fitted({**planted, "heads": planted["heads"].head(5)})
    less = planted["query_attention"].filter(
        (pl.col("ranker") != "random:1") | (pl.col("query_id") != "q03")
    )
    with pytest.raises(ValueError, match="random:1 has not the pairs"):
        fitted({**planted, "query_attention": less})
    broken = planted["mechanism_rankings"].with_columns(logit=pl.lit(np.nan))
    with pytest.raises(ValueError, match="a logit is NaN"):
        fitted({**planted, "mechanism_rankings": broken})


def test_script(tmp_path, planted, planted_rows):
    other = toy_tables(soft_sum(0), n_queries=6, seed=4)
    given = {"heads": f"{tmp_path}/heads"}
    planted["heads"].write_parquet(given["heads"])
    for name in (*script.TABLES, "qrels"):
        given[name] = [f"{tmp_path}/{name}{place}" for place in range(2)]
        for tables, file in zip((planted, other), given[name], strict=True):
            tables[name].write_parquet(file)
    settings = {"collections": ["mine", "other"], "folds": 5, "random_draws": 4, "seed": 0}
    made = f"{tmp_path}/semantic_bm25.parquet"
    script.main(given, made, settings | {"measure": "nDCG@10", "ambiguous": "gain"})
    found = pl.read_parquet(made)
    assert found.schema == SEMANTIC_BM25
    assert found["collection"].to_list() == ["mine"] * 14 + ["other"] * 14
    for row in found.head(14).to_dicts():
        expected = planted_rows[row["variant"], row["form"]]
        assert (row["pearson"], row["value"]) == (expected["pearson"], expected["value"])
