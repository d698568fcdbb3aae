"""What a ranker loses, in memory: equal to what a study's rules make of the same passages."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.stats import ttest_rel

from relevance_neurons import UserError, ablate, compare, measure_activations
from relevance_neurons.ablation import compare as comparing
from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.rankers.heads import Heads
from relevance_neurons.selection.random_draws import draw_like
from toys.bert import WORDS, make_reranker
from workflow_scripts.ablation import measure_rankings, rerank_candidates, test_ablations

RANKER = make_reranker(dtype="float32")
NEURONS = RANKER.neurons.frame()
SETS = {
    "B": NEURONS.filter(pl.col("layer") == 1, pl.col("component") == "intermediate").head(9),
    "A": NEURONS.sample(40, seed=1),
}
QUERIES, PASSAGES = 7, 6


def some_candidates() -> pl.DataFrame:
    """Passages of random words, in an order that is not theirs."""
    random = np.random.default_rng(3)
    rows = [
        (f"q{q}", " ".join(random.choice(WORDS, 2)), f"d{q}-{d}", " ".join(random.choice(WORDS, 9)))
        for q in range(QUERIES)
        for d in range(PASSAGES)
    ]
    texts = {row[0]: row[1] for row in rows}
    rows = [(q, texts[q], d, text) for q, _, d, text in rows]
    schema = ["query_id", "query", "doc_id", "text"]
    gains = pl.Series("gain", random.integers(0, 3, len(rows)))
    frame = pl.DataFrame(rows, schema=schema, orient="row").with_columns(gains)
    return frame.sample(fraction=1, shuffle=True, seed=2)


CANDIDATES = some_candidates()


@pytest.fixture(scope="module")
def comparison():
    return compare(RANKER, SETS, CANDIDATES, random_draws=3, seed=4)


def ndcg(scores: np.ndarray, gains: np.ndarray) -> float:
    discounts = 1 / np.log2(np.arange(2, len(scores) + 2))
    best = (np.sort(gains)[::-1] * discounts).sum()
    return (gains[np.argsort(-scores)] * discounts).sum() / best if best else 0.0


def test_values_are_those_of_rankings_made_one_by_one(comparison):
    found = {name: [] for name in ["none", *SETS]}
    for (_query,), group in CANDIDATES.sort("query_id").group_by("query_id", maintain_order=True):
        pairs, gains = list(group.select("query", "text").iter_rows()), group["gain"].to_numpy()
        found["none"].append(ndcg(RANKER.score(pairs).numpy(), gains))
        for name, neurons in SETS.items():
            with ablate(RANKER, neurons):
                found[name].append(ndcg(RANKER.score(pairs).numpy(), gains))
    for row in (
        comparison.frame().filter(pl.col("ablation").is_in(list(SETS))).iter_rows(named=True)
    ):
        original, pruned = np.array(found["none"]), np.array(found[row["ablation"]])
        assert row["original"] == pytest.approx(original.mean(), abs=1e-6)
        assert row["pruned"] == pytest.approx(pruned.mean(), abs=1e-6)
        change = 100 * (pruned.mean() / original.mean() - 1)
        assert row["difference_percent"] == pytest.approx(change, abs=1e-4)
        assert row["p_value"] == pytest.approx(ttest_rel(original, pruned).pvalue, abs=1e-6)
        queries = comparison.queries().filter(ablation=row["ablation"]).sort("query_id")
        np.testing.assert_allclose(queries["pruned"], pruned, atol=1e-6)
        np.testing.assert_allclose(queries["original"], original, atol=1e-6)


def drawn_for(neurons: pl.DataFrame, draws: int, monkeypatch) -> list[pl.DataFrame]:
    """The random sets that a set is compared with, as they are switched off."""
    switched = []

    def listening(reranker, texts, ablations):
        switched.extend(ablations)
        return rerank_under_ablations(reranker, texts, ablations)

    monkeypatch.setattr(comparing, "rerank_under_ablations", listening)
    compare(RANKER, neurons, CANDIDATES, random_draws=draws, seed=4)
    return switched[-draws:]


def test_whole_heads_are_compared_with_whole_heads(monkeypatch):
    heads = Heads.of(RANKER)
    found = drawn_for(heads.values([(1, 0)]), 12, monkeypatch)
    of = [sorted({neuron // heads.size for neuron in one["neuron"]}) for one in found]
    assert {tuple(one) for one in of} == {(head,) for head in range(heads.n_heads)}
    assert all(set(one["layer"]) == {1} and set(one["component"]) == {"value"} for one in found)
    but_one = heads.values([(1, 0)])[1:]
    assert any(
        len({neuron // heads.size for neuron in one["neuron"]}) > 1
        for one in drawn_for(but_one, 12, monkeypatch)
    )


def test_numbers_are_those_of_the_workflow(comparison, tmp_path):
    """Its scripts, given the same passages as files and the same sets as schemes."""
    levels = pl.lit(0.0).alias("top_percent")
    schemes = [
        one.select(pl.lit(name).alias("scheme"), levels, pl.all()) for name, one in SETS.items()
    ]
    files = {
        "selected": pl.concat(schemes),
        "activations": NEURONS.with_columns(mean=pl.lit(0.0), root_mean_square=pl.lit(1.0)),
        "candidates": CANDIDATES.select("query_id", "doc_id"),
        "queries": CANDIDATES.select("query_id", text="query").unique(),
        "documents": CANDIDATES.select("doc_id", "text"),
        "qrels": CANDIDATES.select("query_id", "doc_id", grade="gain"),
        "sizes": pl.DataFrame(
            {
                "scheme": list(SETS),
                "top_percent": 0.0,
                "n_neurons": [len(one) for one in SETS.values()],
            }
        ),
    }
    at = {name: str(tmp_path / f"{name}.parquet") for name in [*files, "rerankings", "measures"]}
    for name, frame in files.items():
        frame.write_parquet(at[name])
    folder = tmp_path / "ranker"
    RANKER.model.save_pretrained(folder)
    RANKER.tokenizer.save_pretrained(folder)
    ranker = {"model": str(folder), "max_length": 48, "dtype": "float32"}
    settings = {"random_draws": 3, "seed": 4}
    given = {**at, "selected": [at["selected"]]}
    parts = [str(tmp_path / f"part{number}.parquet") for number in range(2)]
    rerank_candidates.main(given, parts[0], ranker, [], settings, (0, 1))
    rerank_candidates.main(given, parts[1], ranker, list(SETS), settings, (0, 1))
    of_measure = {"measure": "nDCG@10", "ambiguous": "gain", "shuffles": 2, "seed": 4}
    made = {name: at[name] for name in ("rerankings", "measures")}
    measure_rankings.main(parts, at["qrels"], made, of_measure)
    output = str(tmp_path / "effects.parquet")
    test_ablations.main(
        [at["measures"]], at["sizes"], output, ["candidates"], list(SETS), [0.0], 0.05, 2.0, 4
    )
    floor = [name for name in comparison.effects.columns if name[:5] in ("floor", "attai")]
    expected = pl.read_parquet(output).drop(floor)
    assert_frame_equal(comparison.effects.drop(floor), expected, abs_tol=1e-5)
    rankings = pl.read_parquet(at["rerankings"]).drop("top_percent")
    own = comparison.rankings().rename({"ablation": "scheme"}).select(rankings.columns)
    assert_frame_equal(own.sort(rankings.columns[:-1]), rankings, abs_tol=1e-5)


def test_rows_stand_in_the_order_given(comparison):
    expected = ["B", "random:B", "A", "random:A"]
    assert comparison.frame()["ablation"].to_list() == expected
    assert comparison.queries()["ablation"].unique(maintain_order=True).to_list() == expected
    rankings = comparison.rankings()
    assert rankings["ablation"].unique(maintain_order=True).to_list() == ["none", *expected]
    assert len(rankings) == QUERIES * PASSAGES * (1 + 2 * (1 + 3))
    for _, one in rankings.group_by("ablation", "draw", "query_id", maintain_order=True):
        assert one["rank"].to_list() == list(range(1, PASSAGES + 1))
        assert one["score"].is_sorted(descending=True)
    (lost,) = comparison.queries().filter(ablation="B")[:1]["difference"]
    assert lost == comparison.queries().filter(ablation="B")["difference"].min()


def test_draws_are_a_study_s(comparison):
    pairs = list(CANDIDATES.select("query", "text").iter_rows())
    with ablate(RANKER, draw_like(SETS["B"], RANKER.neurons, 2, seed=4)):
        expected = RANKER.score(pairs).numpy()
    own = comparison.rankings().filter(ablation="random:B", draw=2)
    joined = CANDIDATES.join(own, on=["query_id", "doc_id"], how="left", maintain_order="left")
    np.testing.assert_allclose(joined["score"], expected, atol=1e-5)


def test_neurons_may_give_their_means():
    pairs = list(CANDIDATES.select("query", "text").iter_rows())
    means = measure_activations(RANKER, pairs)
    found = compare(RANKER, SETS["B"], CANDIDATES, value="mean", random_draws=0)
    given = compare(RANKER, SETS["B"], CANDIDATES, value="mean", random_draws=0, activations=means)
    assert_frame_equal(found.rankings(), given.rankings())
    with ablate(RANKER, SETS["B"].join(means, on=["layer", "component", "neuron"]), value="mean"):
        expected = RANKER.score(pairs).numpy()
    own = found.rankings().filter(ablation="neurons")
    joined = CANDIDATES.join(own, on=["query_id", "doc_id"], how="left", maintain_order="left")
    np.testing.assert_allclose(joined["score"], expected, atol=1e-5)


def test_pandas_other_types_and_unjudged_passages(comparison):
    of_pandas = pd.DataFrame(CANDIDATES.to_dict(as_series=False)).astype({"gain": float})
    sets = {name: pd.DataFrame(one.to_dict(as_series=False)) for name, one in SETS.items()}
    again = compare(RANKER, sets, of_pandas, random_draws=3, seed=4)
    assert_frame_equal(again.frame(), comparison.frame())
    of_pandas.loc[of_pandas["gain"] == 0, "gain"] = None
    unjudged = compare(RANKER, sets, of_pandas, random_draws=3, seed=4)
    assert_frame_equal(unjudged.frame(), comparison.frame())  # to nDCG it is the same
    assert unjudged.rankings()["gain"].null_count()


def test_a_set_without_neurons_has_no_effect_at_all():
    sets = {"empty": SETS["B"].clear(), "B": SETS["B"]}
    frame = compare(RANKER, sets, CANDIDATES, random_draws=0).frame()
    assert "of 7 queries" in repr(compare(RANKER, sets["empty"], CANDIDATES))
    row = frame.filter(ablation="empty").row(0, named=True)
    assert row["n_neurons"] == 0 and row["pruned"] is None and row["p_value"] is None


def test_queries_that_cannot_lose_are_told_of(caplog):
    compare(RANKER, SETS["B"], CANDIDATES, random_draws=0)
    assert "no passage with a gain" not in caplog.text
    assert "candidates: 7 queries are few" in caplog.text
    is_lost = pl.col("query_id").is_in(["q0", "q3"])
    table = CANDIDATES.with_columns(gain=pl.when(is_lost).then(None).otherwise(pl.col("gain")))
    compare(RANKER, SETS["B"], table, random_draws=0)
    assert "2 of 7 queries have no passage with a gain above 0" in caplog.text


def test_how_it_looks(comparison):
    text, html = repr(comparison), comparison._repr_html_()
    row = comparison.frame().row(0, named=True)
    assert "nDCG@10 of 7 queries" in text
    for shown in (f"{row['original']:.3f}", f"{row['difference_percent']:+.1f}", "random:A"):
        assert shown in text and shown in html
    odd = compare(RANKER, {"<b>&": SETS["B"]}, CANDIDATES, random_draws=0)
    assert "&lt;b&gt;&amp;" in odd._repr_html_() and "<b>" not in odd._repr_html_()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ablations": {}}, "ablations: none was given"),
        ({"ablations": {"a:b": SETS["A"]}}, "'a:b' cannot be a name"),
        ({"ablations": {"none": SETS["A"]}}, "'none' cannot be a name"),
        ({"ablations": {"x": SETS["A"].drop("layer")}}, r"ablations\['x'\]: no column layer"),
        ({"ablations": SETS["A"].with_columns(neuron=999)}, "has no neuron 999"),
        ({"ablations": SETS["A"].with_columns(neuron=999), "value": "mean"}, "has no neuron 999"),
        ({"ablations": SETS["A"].with_columns(layer=None)}, r"\['neurons'\]: layer None was found"),
        ({"candidates": [("q", "d")]}, "candidates: a list was found"),
        ({"candidates": CANDIDATES.drop("gain", "text")}, "candidates: no column text, gain"),
        ({"candidates": pl.concat([CANDIDATES] * 2)}, "is there twice"),
        ({"candidates": CANDIDATES.with_columns(gain=0)}, "no passage has a gain above 0"),
        ({"candidates": CANDIDATES.with_columns(gain=0.5)}, "a gain of 0.5 was found"),
        ({"candidates": CANDIDATES.with_columns(gain=-1)}, "a gain of -1 was found"),
        ({"candidates": CANDIDATES.with_columns(gain=pl.lit("1"))}, "gain is of type String"),
        ({"candidates": CANDIDATES.with_columns(query=pl.col("text"))}, "has 6 different texts"),
        ({"candidates": CANDIDATES.with_columns(text=None)}, "text is missing in a row"),
        ({"value": "max"}, "value: 'max' was found; allowed: zero, mean"),
        ({"measure": "nDGC"}, "measure 'nDGC' cannot be used"),
        ({"measure": ["RR"]}, r"measure: \['RR'\] was found; the name of one is needed"),
        ({"random_draws": -1}, "random_draws: -1 was found"),
    ],
)
def test_mistakes_are_one_clear_line(changes, message):
    given = {"ablations": SETS, "candidates": CANDIDATES, "random_draws": 1} | changes
    with pytest.raises(UserError, match=message):
        compare(RANKER, **given)
