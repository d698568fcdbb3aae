"""Shards add up to the whole, whatever their number."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relevance_neurons import UserError, attribute
from relevance_neurons.attribution.mean_scores import merge_shards
from relevance_neurons.running.shards import shard_range
from toys.bert import PAIRS, make_reranker
from workflow_scripts.ablation import rerank_candidates
from workflow_scripts.attribution import attribute_neurons, merge_attribution

SETTINGS = {"bootstrap_replicates": 7, "split_halves": 3, "seed": 5}
TEXTS = [*PAIRS, *((query[::-1], passage) for query, passage in PAIRS), ("heat", "lift")]


@given(n_rows=st.integers(0, 50), n_shards=st.integers(1, 60))
def test_shards_are_a_partition_in_order(n_rows, n_shards):
    shards = [shard_range(n_rows, shard, n_shards) for shard in range(n_shards)]
    assert [row for rows in shards for row in rows] == list(range(n_rows))
    assert max(map(len, shards)) - min(map(len, shards)) <= 1


@pytest.mark.parametrize("shard", [-1, 3])
def test_a_shard_that_there_is_not(shard):
    with pytest.raises(UserError, match=f"shard: {shard} of 3 was found; allowed are 0 to 2"):
        shard_range(9, shard, 3)


@pytest.mark.parametrize("n_shards", [1, 2, 4, 12])
@pytest.mark.parametrize("settings", [SETTINGS, {}], ids=["resampled", "means alone"])
def test_merged_scores_are_the_whole_ones(n_shards, settings):
    """In float64, to its rounding; of 12 shards of 9 pairs some are empty."""
    reranker = make_reranker(dtype="float64")
    options = {"tolerance": 0.2} | settings
    whole = attribute(reranker, TEXTS, **options)
    shards = [attribute(reranker, TEXTS, shard=(k, n_shards), **options) for k in range(n_shards)]
    parts = ((one.sums(), len(one.checks())) for one in shards)
    merged = merge_shards("relevant", parts, **settings)
    for column in ("score", "standard_error"):
        found, expected = (one.frame()[column].to_numpy() for one in (merged, whole))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert merged.frame()["n_pairs"].unique().to_list() == [len(TEXTS)]
    checks = pl.concat([one.checks() for one in shards])
    for column in checks.iter_columns():
        expected = whole.checks()[column.name].to_numpy()
        np.testing.assert_allclose(column.to_numpy(), expected, rtol=1e-9, atol=1e-12)
    if settings:
        for column, table in (("replicate_scores", "replicates"), ("second_half", "halves")):
            found, expected = (
                getattr(one, table)()[column].explode().to_numpy() for one in (merged, whole)
            )
            np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_shards_that_do_not_belong_together_are_refused():
    sums = attribute(make_reranker(), PAIRS[:1], quadrature="right", n_points=2).sums()
    with pytest.raises(UserError, match="they hold different neurons"):
        merge_shards("relevant", [(sums, 1), (sums.reverse(), 1)])
    with pytest.raises(UserError, match="none of them has a pair"):
        merge_shards("relevant", [(sums, 0)])


@pytest.fixture
def files(tmp_path, ranker_folder):
    """Nine pairs as the rules' tables have them, and the ranker."""
    queries = dict.fromkeys(query for query, _ in TEXTS)
    names = {query: f"q{number}" for number, query in enumerate(queries)}
    frames = {
        "queries": {"query_id": list(names.values()), "text": list(names)},
        "documents": {
            "doc_id": [f"d{row}" for row in range(len(TEXTS))],
            "text": [passage for _, passage in TEXTS],
        },
        "pairs": {
            "query_id": [names[query] for query, _ in TEXTS],
            "doc_id": [f"d{row}" for row in range(len(TEXTS))],
            "label": ["relevant"] * len(TEXTS),
            "kept": [True] * len(TEXTS),
        },
    }
    paths = {name: tmp_path / f"{name}.parquet" for name in frames}
    for name, frame in frames.items():
        pl.DataFrame(frame).write_parquet(paths[name])
    return paths, {"model": str(ranker_folder), "max_length": 48, "dtype": "float64"}


@pytest.mark.parametrize("n_shards", [3, 11])
def test_the_rules_scripts_on_shards(files, tmp_path, n_shards):
    given, reranker = files
    tables = {}
    for n in (1, n_shards):
        shards = {"sums": [], "checks": []}
        for k in range(n):
            made = {name: tmp_path / f"{name}{k}of{n}.parquet" for name in shards}
            options, of = (
                {"tolerance": 0.2} | SETTINGS,
                {"label": "relevant", "passages": None, "most_pairs": 99, "collection": "c"},
            )
            attribute_neurons.main(given, made, of, (k, n), reranker, options)
            for name, file in made.items():
                shards[name].append(file)
        made = {
            name: tmp_path / f"{name}{n}.parquet"
            for name in ("scores", "bootstrap", "halves", "checks")
        }
        merge_attribution.main(shards, made, "c", "relevant", "nig", SETTINGS)
        tables[n] = {name: pl.read_parquet(file) for name, file in made.items()}
    for name, whole in tables[1].items():
        for column in whole.columns:
            found, expected = tables[n_shards][name][column], whole[column]
            if expected.dtype == pl.List:
                found, expected = found.explode(), expected.explode()
            if expected.dtype.is_float():
                np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)
            else:
                assert found.equals(expected), column


@pytest.mark.parametrize("schemes", [(), ("P_a", "nobody"), ("nobody",)])
def test_re_ranking_in_shards(files, tmp_path, schemes):
    """Of the whole ranker, of a scheme beside one that selected nothing, and of that alone."""
    paths, reranker = files
    neurons = make_reranker().neurons.frame()
    selected = neurons.head(5).select(
        pl.lit("P_a").alias("scheme"), pl.lit(1.0).alias("top_percent"), pl.all(), score=0.5
    )
    activations = neurons.with_columns(mean=0.1, root_mean_square=1.0, n_tokens=9)
    given = paths | {"candidates": paths["pairs"]}
    for name, frame in (("selected", selected), ("activations", activations)):
        given[name] = tmp_path / f"{name}.parquet"
        frame.write_parquet(given[name])
    given["selected"] = [given["selected"]]
    settings = {"random_draws": 2, "kinds": ["", "random", "mean"]}
    found = {}
    for n in (1, 2, 11):
        outputs = [tmp_path / f"{k}of{n}.parquet" for k in range(n)]
        for k, output in enumerate(outputs):
            rerank_candidates.main(given, output, reranker, schemes, settings, (k, n))
        found[n] = pl.read_parquet(outputs).sort("scheme", "draw", "doc_id")
    names = {(): {"none"}, ("nobody",): set()}.get(schemes, {"P_a", "random:P_a", "mean:P_a"})
    assert set(found[1]["scheme"]) == names
    for other in (found[2], found[11]):
        assert other.drop("score").equals(found[1].drop("score"))
        np.testing.assert_allclose(other["score"], found[1]["score"], rtol=1e-6)
