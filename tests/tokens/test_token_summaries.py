"""What the summaries of token scores and rankings say, against counts by hand, SciPy and sets."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.stats import binomtest, spearmanr, ttest_rel, wilcoxon
from statsmodels.stats.multitest import multipletests

from relevance_neurons.running.parquet_files import parquet_files
from relevance_neurons.running.sql import run_sql
from relevance_neurons.tokens.overlap_correlations import overlap_correlations, spearman_rows
from relevance_neurons.tokens.paired_values import exact_percents, paired_values
from relevance_neurons.tokens.query_sums import means_with_intervals
from toys import synthetic_tokens as toy
from workflow_scripts.tokens import summarise_tokens

OVERLAPS = ["collection", "rank", "query_id", "is_relevant", "jaccard_important", "jaccard_all"]
OVERLAPS += ["n_pairs"]
PAIR = ["collection", "method", "layer", "query_id", "doc_id", "label"]


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, list[str]]:
    return toy.write_tokens(tmp_path_factory.mktemp("tokens"))


@pytest.fixture(scope="module")
def results() -> dict[str, pl.DataFrame]:
    return toy.summaries()


@pytest.fixture(scope="module")
def scores(files) -> pl.DataFrame:
    return pl.concat(map(pl.read_parquet, files["token_scores"]))


def important_tokens(pair: pl.DataFrame) -> pl.DataFrame:
    """Of query and passage, best first, the earlier one of equals."""
    words = pair.filter(pl.col("part").is_in(["query", "passage"]))
    return words.sort(-pl.col("score"), "position").head(toy.IMPORTANT)


# Special tokens and positions


@pytest.mark.parametrize("part", ["cls", "query", "sep1", "passage", "sep2"])
def test_parts_are_means_over_pairs(results, scores, part):
    for method, layer in ((toy.METHODS[0], 0), (toy.METHODS[0], 2), ("lime", None)):
        at = pl.col("layer").eq_missing(pl.lit(layer, pl.Int32))
        of = scores.filter(at, method=method, collection="alpha", part=part)
        pairs = of.group_by(PAIR).agg(pl.mean("scaled"), pl.sum("weight"))
        found = results["special_tokens"].filter(at, method=method, collection="alpha", part=part)
        row = found.row(0, named=True)
        assert row["n_pairs"] == len(pairs) == 24 and row["n_queries"] == 12
        for name in ("scaled", "weight"):
            assert row[name] == pytest.approx(pairs[name].mean())
            assert row[f"{name}_low"] < row[name] < row[f"{name}_high"]


def test_weights_of_the_parts_add_up_to_one(results):
    total = (
        results["special_tokens"].group_by("collection", "method", "layer").agg(pl.sum("weight"))
    )
    assert len(total) == 3 * 7 and np.allclose(total["weight"], 1)


def test_a_part_that_some_pairs_lack_is_a_mean_over_the_others(tmp_path):
    one = toy.token_scores("alpha", "lime", None)
    lacks = (pl.col("query_id") == "q4") & (pl.col("part") == "cls")
    file = tmp_path / "scores.parquet"
    one.filter(~lacks).write_parquet(file)
    parts = run_sql(summarise_tokens.SQL / "special_tokens.sql", token_scores=[str(file)])
    found = means_with_intervals(parts, ["part"], ["scaled"], 500).filter(part="cls")
    expected = one.filter(~lacks, part="cls")["scaled"]
    assert found["scaled"].item() == pytest.approx(expected.mean())
    assert (found["n_pairs"].item(), found["n_queries"].item()) == (len(expected), 11)


def test_positions_of_important_tokens_are_counted_from_the_start_of_the_passage(results, scores):
    assert results["token_positions"]["order"].unique().to_list() == ["original"]
    own = scores.filter(method=toy.METHODS[0], collection="beta", layer=2)
    counts: dict[int, list[int]] = {}
    for _, pair in own.group_by(PAIR):
        passage = pair.filter(part="passage").sort("position")["position"].to_list()
        chosen = set(important_tokens(pair)["position"])
        for place, position in enumerate(passage):
            counts.setdefault(place, []).append(position in chosen)
    found = results["token_positions"].filter(collection="beta", layer=2)
    assert found["position"].to_list() == sorted(counts)
    assert found["n_important"].to_list() == [sum(counts[i]) for i in sorted(counts)]
    assert found["n_pairs_there"].to_list() == [len(counts[i]) for i in sorted(counts)]


def test_starts_of_passages_are_sums_of_positions(files):
    given = {"method": toy.METHODS[0], "important": toy.IMPORTANT}
    given["token_scores"] = parquet_files(files["token_scores"])
    starts = run_sql(summarise_tokens.SQL / "passage_starts.sql", start=5, **given)
    positions = run_sql(summarise_tokens.SQL / "token_positions.sql", **given)
    early = pl.col("position") < 5
    expected = positions.group_by("collection", "layer", maintain_order=True).agg(
        important_early=pl.col("n_important").filter(early).sum(),
        early=pl.col("n_pairs_there").filter(early).sum(),
        important_late=pl.col("n_important").filter(~early).sum(),
        late=pl.col("n_pairs_there").filter(~early).sum(),
    )
    found = starts.group_by("collection", "layer", maintain_order=True).agg(
        pl.sum("important_early", "early", "important_late", "late")
    )
    assert_frame_equal(found, expected, check_dtypes=False)
    assert starts.group_by("collection", "layer").agg(pl.sum("n_pairs"))["n_pairs"].max() == 24


# Overlaps with ranks


@pytest.fixture(scope="module")
def passages(files) -> pl.DataFrame:
    names = {name: files[name] for name in ("ranked_token_scores", "token_rankings")}
    names |= {"collections": toy.COLLECTIONS, "important": toy.IMPORTANT}
    return run_sql(summarise_tokens.SQL / "token_overlaps.sql", **names)


def jaccard(tokens: pl.DataFrame) -> float:
    query, passage = (set(tokens.filter(part=part)["token"]) for part in ("query", "passage"))
    return len(query & passage) / len(query | passage)


def test_overlaps_are_jaccard_indices_of_sets_of_tokens(passages, files):
    assert len(passages) == 2 * (12 * toy.DEPTH - 1)
    for collection, rankings, scored in zip(
        toy.COLLECTIONS, files["token_rankings"], files["ranked_token_scores"], strict=True
    ):
        ranks = {
            (query, doc): rank
            for query, doc, rank in pl.read_parquet(rankings)
            .select("query_id", "doc_id", "rank")
            .iter_rows()
        }
        own = passages.filter(collection=collection)
        found = {(row["query_id"], row["rank"]): row for row in own.iter_rows(named=True)}
        for (query, doc), pair in pl.read_parquet(scored).group_by("query_id", "doc_id"):
            row = found[query, ranks[query, doc]]
            assert row["jaccard_all"] == pytest.approx(jaccard(pair))
            assert row["jaccard_important"] == pytest.approx(jaccard(important_tokens(pair)))


def test_a_pair_without_important_tokens_on_one_side_overlaps_by_0(tmp_path):
    """Also one with only special tokens among its scores' best."""
    names = ["collection", "query_id", "doc_id", "part", "token", "position", "score"]
    rows = [("a", "q", "d", "cls", "[CLS]", 0, 9.0), ("a", "q", "d", "query", "x", 1, 3.0)]
    rows += [("a", "q", "d", "passage", "x", 3, 1.0), ("a", "q", "d", "passage", "y", 4, 2.0)]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(tmp_path / "scores.parquet")
    ranks = pl.DataFrame({"query_id": "q", "doc_id": "d", "rank": [1], "is_relevant": True})
    ranks.write_parquet(tmp_path / "ranks.parquet")
    given = {"ranked_token_scores": [str(tmp_path / "scores.parquet")], "collections": ["a"]}
    given["token_rankings"] = [str(tmp_path / "ranks.parquet")]
    for important, expected in ((1, 0), (2, 0), (3, 0.5), (20, 0.5)):
        query = summarise_tokens.SQL / "token_overlaps.sql"
        found = run_sql(query, important=important, **given)
        assert found["jaccard_important"].to_list() == [expected]
        assert found["jaccard_all"].to_list() == [0.5]


def test_overlaps_are_means_over_the_queries_with_a_passage_at_the_rank(results, passages):
    for row in (
        results["token_overlaps"].filter(pl.col("collection") != "all").iter_rows(named=True)
    ):
        of = passages.filter(collection=row["collection"], rank=row["rank"])
        assert row["n_queries"] == len(of) == (11 if row["rank"] == toy.DEPTH else 12)
        assert row["jaccard_important"] == pytest.approx(of["jaccard_important"].mean())


def test_correlations_are_scipys_and_their_intervals_resample_queries(results, passages):
    means = results["token_overlaps"].filter(collection="beta").sort("rank")
    found = results["token_overlap_correlations"].filter(collection="beta", passages="all")
    assert len(found) == 2
    own = passages.filter(collection="beta")
    table = {
        name: own.pivot("rank", index="query_id", values=f"jaccard_{name}").drop("query_id")
        for name in ("important", "all")
    }
    rng = np.random.default_rng(2)
    drawn = [rng.integers(0, 12, 12) for _ in range(1500)]
    both = {}
    for row in found.iter_rows(named=True):
        name = row["tokens"]
        expected = spearmanr(means["rank"], means[f"jaccard_{name}"])
        assert row["spearman"] == pytest.approx(expected.statistic)
        assert row["p_value"] is None  # ranks share their queries
        cells = table[name].to_numpy()
        resampled = np.array([np.nanmean(cells[rows], axis=0) for rows in drawn])
        both[name] = spearman_rows(resampled, np.arange(1, toy.DEPTH + 1))
        ends = np.quantile(both[name], [0.025, 0.975])
        assert ends == pytest.approx([row["ci_low"], row["ci_high"]], abs=0.03)
    row = found.filter(tokens="important").row(0, named=True)
    of_all = found.filter(tokens="all")["spearman"].item()
    assert row["difference"] == pytest.approx(row["spearman"] - of_all)
    ends = np.quantile(both["important"] - both["all"], [0.025, 0.975])
    assert ends == pytest.approx([row["difference_low"], row["difference_high"]], abs=0.03)


def test_no_correlation_of_equal_overlaps_or_two_ranks():
    rows = [("a", rank, f"q{i}", True, 0.2, rank / 9, 1) for rank in (1, 2, 3) for i in range(4)]
    passages = pl.DataFrame(rows, schema=OVERLAPS, orient="row")
    found = overlap_correlations(passages, 50)
    assert found["spearman"].to_list() == [None, pytest.approx(1)]
    assert found["ci_low"].to_list() == [None, pytest.approx(1)]
    assert overlap_correlations(passages.filter(pl.col("rank") < 3), 50).is_empty()


def test_a_correlation_with_the_label_is_none_of_the_other_passages():
    """Relevant ones stand first and match; the others match alike, wherever they stand."""
    rng = np.random.default_rng(0)
    rows = []
    for query, rank in product(range(30), range(1, 13)):
        is_relevant = rank <= query % 5
        value = 0.9 if is_relevant else rng.uniform(0.1, 0.3)
        rows.append(("a", rank, f"q{query}", is_relevant, value, 0.5, 1))
    found = overlap_correlations(pl.DataFrame(rows, schema=OVERLAPS, orient="row"), 500)
    assert found["passages"].to_list() == ["all", "all", "not_relevant", "not_relevant"]
    every, others = found.filter(tokens="important").rows(named=True)
    assert every["ci_high"] < -0.1 and others["ci_low"] < 0 < others["ci_high"]
    assert others["n_ranks"] == 12 and others["n_queries"] == 30


def test_correlations_of_passages_that_are_not_relevant_leave_the_others_out(results, passages):
    own = passages.filter(collection="beta", is_relevant=False)
    means = own.group_by("rank").agg(pl.mean("jaccard_important")).sort("rank")
    assert means["rank"].min() == 3  # the toy's relevant ones are the first two
    of = {"collection": "beta", "tokens": "important", "passages": "not_relevant"}
    row = results["token_overlap_correlations"].filter(**of).row(0, named=True)
    expected = spearmanr(means["rank"], means["jaccard_important"]).statistic
    assert (row["spearman"], row["n_ranks"]) == (pytest.approx(expected), len(means))


def test_what_is_not_judged_or_neither_is_not_relevant(tmp_path):
    names = ["collection", "query_id", "doc_id", "part", "token", "position", "score"]
    docs = {"d1": True, "d2": False, "d3": None}
    rows = [("a", "q", doc, "query", "x", 1, 3.0) for doc in docs]
    pl.DataFrame(rows, schema=names, orient="row").write_parquet(tmp_path / "scores.parquet")
    ranks = {"query_id": "q", "doc_id": list(docs), "rank": [1, 2, 3]}
    ranks |= {"is_relevant": list(docs.values())}
    pl.DataFrame(ranks).write_parquet(tmp_path / "ranks.parquet")
    given = {"ranked_token_scores": [str(tmp_path / "scores.parquet")], "collections": ["a"]}
    given |= {"token_rankings": [str(tmp_path / "ranks.parquet")], "important": 2}
    found = run_sql(summarise_tokens.SQL / "token_overlaps.sql", **given)
    assert found["is_relevant"].to_list() == [True, False, False]


def test_a_rank_that_a_replicate_lacks_is_left_out_of_it():
    rng = np.random.default_rng(0)
    values, ranks = rng.normal(size=(20, 7)), np.array([1, 2, 4, 5, 6, 8, 9])
    values[rng.uniform(size=values.shape) < 0.3] = np.nan
    there = np.isfinite(values).sum(axis=1) >= 3
    expected = spearmanr_of_rows(values[there], ranks)
    assert spearman_rows(values, ranks)[there] == pytest.approx(expected)
    values[0, 2:] = np.nan
    assert np.isnan(spearman_rows(values, ranks)[0])


def spearmanr_of_rows(values: np.ndarray, ranks: np.ndarray) -> list[float]:
    return [spearmanr(row, ranks, nan_policy="omit").statistic for row in values]


def test_spearman_of_rows_with_ties_is_scipys():
    rng = np.random.default_rng(0)
    values, ranks = rng.integers(0, 4, (30, 9)).astype(float), np.arange(9)
    expected = [spearmanr(row, ranks).statistic for row in values]
    assert spearman_rows(values, ranks) == pytest.approx(expected)


# What is compared within queries


def test_orders_are_compared_with_the_original(results, files):
    orders = pl.read_parquet(files["sentence_order"][0])
    found = results["sentence_order_summary"]
    of = {"collection": "alpha", "measure": "RR"}
    original = orders.filter(measure="RR", order="original")["value"]
    for order in ("swapped", "shuffled", "reversed"):
        value = orders.filter(measure="RR", order=order)["value"]
        row = found.filter(order=order, **of).row(0, named=True)
        assert row["value"] == pytest.approx(value.mean())
        assert row["base"] == pytest.approx(original.mean())
        assert row["difference"] == pytest.approx((value - original).mean())
        assert row["difference_low"] < row["difference"] < row["difference_high"]
        assert row["p_value"] == pytest.approx(ttest_rel(value, original).pvalue)
        assert row["p_value_wilcoxon"] == pytest.approx(wilcoxon(value - original).pvalue)
    tested = found.drop_nulls("p_value")
    assert set(tested["order"]) == {"swapped", "shuffled", "reversed"}
    assert "R@1000" not in set(tested["measure"])  # no query changes in it
    corrected = multipletests(tested["p_value"], method="holm")[1]
    assert tested["p_value_holm"].to_list() == pytest.approx(corrected.tolist())


def test_a_query_without_a_value_is_left_out_of_both_sides(files, tmp_path):
    frame = pl.read_parquet(files["sentence_order"][0])
    lost = (pl.col("query_id") == "q0") & (pl.col("order") == "original")
    file = tmp_path / "orders.parquet"
    frame.with_columns(value=pl.when(~lost).then("value")).write_parquet(file)
    values = run_sql(summarise_tokens.SQL / "sentence_order.sql", sentence_order=[str(file)])
    assert "q0" not in set(values["query_id"]) and values["base"].null_count() == 0
    found = paired_values(values, ["order", "measure"], replicates=50)
    assert found["n_queries"].unique().to_list() == [11]


def test_truncated_rankings_are_compared_with_whole_passages(results, files):
    frame = pl.read_parquet(files["truncated_rankings"][1]).filter(fields="passage")
    whole, kept = (frame.filter(kept_percent=percent)["value"] for percent in (100, 75))
    row = results["truncated_rankings_summary"].filter(
        collection="beta", fields="passage", kept_percent=75, measure="RR"
    ).row(0, named=True)  # fmt: skip
    assert row["value"] == pytest.approx(kept.mean())
    assert row["difference"] == pytest.approx((kept - whole).mean())
    assert row["p_value"] == pytest.approx(ttest_rel(kept, whole).pvalue)


def test_truncation_says_how_much_goes_and_how_many_never_fall(results, files):
    frame = pl.read_parquet(files["token_truncation"][0])
    both, passage = (frame.filter(fields=name) for name in ("both", "passage"))
    row = results["truncation_summary"].filter(collection="alpha", fields="passage").row(
        0, named=True
    )  # fmt: skip
    assert row["value"] == pytest.approx(passage["removed_percent"].mean())
    assert row["n_removed"] == pytest.approx(passage["n_removed"].mean())
    assert row["never_falls"] == pytest.approx((~passage["falls"]).mean()) != 0
    difference = passage["removed_percent"] - both["removed_percent"]
    assert row["difference"] == pytest.approx(difference.mean())
    assert row["higher_percent"] == pytest.approx(100 * (difference > 0).mean())


@pytest.mark.parametrize("aggregate", ["max", "mean"])
def test_matches_above_are_compared_with_those_below(results, files, aggregate):
    frame = pl.read_parquet(files["matched_positions"][0])
    higher, lower = frame[f"higher_{aggregate}"], frame[f"lower_{aggregate}"]
    found = results["matched_positions_summary"].filter(collection="alpha", aggregate=aggregate)
    row = found.row(0, named=True)
    assert (row["value"], row["base"]) == pytest.approx((higher.mean(), lower.mean()))
    assert row["higher_percent"] == pytest.approx(100 * (higher > lower).mean())
    assert row["p_value_wilcoxon"] == pytest.approx(wilcoxon(higher - lower).pvalue)


@pytest.mark.parametrize(("n_higher", "n"), [(2, 2), (0, 3), (6, 6), (5, 9)])
def test_percents_have_exact_intervals(n_higher, n):
    """Also where all queries agree, and a bootstrap has nothing to draw from."""
    rows = [("a", "x", f"q{i}", float(i < n_higher), 0.5) for i in range(n)]
    names = ["collection", "by", "query_id", "value", "base"]
    values = pl.DataFrame(rows, schema=names, orient="row")
    row = paired_values(values, ["by"], replicates=20).row(0, named=True)
    exact = binomtest(n_higher, n).proportion_ci(method="exact")
    assert row["higher_percent_low"] == pytest.approx(100 * exact.low)
    assert row["higher_percent_high"] == pytest.approx(100 * exact.high)


def test_percents_over_collections_are_wide_where_all_agree():
    """A third of the smallest sample alone says little, three of them more."""
    names = ["collection", "by", "query_id", "value", "base"]
    rows = [(of, "x", f"q{i}", 1.0, 0.0) for of in "abc" for i in range(4)]
    found = paired_values(pl.DataFrame(rows, schema=names, orient="row"), ["by"], replicates=20)
    alone, every = (found.filter(collection=one).row(0, named=True) for one in ("a", "all"))
    assert (every["higher_percent"], every["higher_percent_high"]) == (100, 100)
    half = 100 - alone["higher_percent_low"]
    assert every["higher_percent_low"] == pytest.approx(100 - half / np.sqrt(3))


def test_intervals_of_percents_over_collections_hold_what_they_should():
    rng, truth, means = np.random.default_rng(0), (0.9, 0.6), []
    for place in range(2000):
        found = [rng.binomial(n, p) / n for n, p in zip((10, 30), truth, strict=True)]
        rows = [("a", 100 * found[0], 10), ("b", 100 * found[1], 30)]
        rows.append(("all", 50 * sum(found), 40))
        means += [(place, *row) for row in rows]
    names = ["place", "collection", "higher_percent", "n_queries"]
    frame = pl.DataFrame(means, schema=names, orient="row")
    every = exact_percents(frame, ["place"]).filter(collection="all")
    holds = pl.col("higher_percent_low").le(75) & pl.col("higher_percent_high").ge(75)
    assert 0.94 < every.select(holds.mean()).item() < 0.995


def test_top_passages_of_ranker_and_bm25(results, files):
    frame = pl.read_parquet(files["top_passages"][1])
    for measure in ("jaccard", "mrr"):
        row = results["top_passages_summary"].filter(collection="beta", measure=measure).row(
            0, named=True
        )  # fmt: skip
        assert row["value"] == pytest.approx(frame[f"{measure}_ranker"].mean())
        assert row["base"] == pytest.approx(frame[f"{measure}_bm25"].mean())


def test_one_collection_has_no_mean_over_collections(files):
    values = run_sql(
        summarise_tokens.SQL / "top_passages.sql", top_passages=files["top_passages"][:1]
    )
    assert (
        paired_values(values, ["measure"], replicates=50)["collection"].unique().item() == "alpha"
    )


@pytest.mark.parametrize("name", summarise_tokens.PAIRED)
def test_a_study_without_such_queries_has_empty_summaries(results, files, tmp_path, name):
    """As where no passage stands wrongly above another, or no relevant one stands first."""
    table, by, more = summarise_tokens.PAIRED[name]
    file = str(tmp_path / "empty.parquet")
    pl.read_parquet(files[table][0]).clear().write_parquet(file)
    values = run_sql(summarise_tokens.SQL / f"{table}.sql", **{table: [file]})
    found = paired_values(values, by, more)
    assert found.is_empty() and found.columns == results[name].columns


def test_folders_stand_for_the_files_in_them(files):
    assert len(files["token_scores"]) == 2 * 5
    found = parquet_files([*files["token_scores"], *files["token_rankings"]])
    assert len(found) == 2 * (5 + 2) + 2 and all(one.endswith(".parquet") for one in found)
    assert [Path(one).name for one in found[:3]] == ["0.parquet", "1.parquet", "2.parquet"]


def test_means_of_single_queries_have_no_interval():
    sums = pl.DataFrame({"collection": ["a"], "query_id": ["q"], "x": [4.0], "n_pairs": [2]})
    found = means_with_intervals(sums.with_columns(by=pl.lit("b")), ["by"], ["x"])
    assert found.select("x", "x_low", "x_high").row(0) == (2.0, None, None)


def test_every_query_names_its_variables():
    """As the shell needs them: what the file reads, its header names."""
    for file in Path(summarise_tokens.SQL).glob("*.sql"):
        text = file.read_text(encoding="utf-8")
        header = "".join(line for line in text.splitlines(True) if line.startswith("--"))
        read = {part.split("'")[0] for part in text.split("getvariable('")[1:]}
        assert read and all(name in header for name in read), file.name
        assert header.startswith("-- One row is ") and text.count("\n") <= 70
