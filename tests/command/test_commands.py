"""What the commands print and write are the library's numbers."""

import io
import json

import numpy as np
import polars as pl
import pytest

from relevance_neurons import ablate, attribute, attribute_tokens, load_reranker
from relevance_neurons.command.main import main
from relevance_neurons.selection.random_draws import draw_like
from toys.bert import PAIRS

NEURON = ["layer", "component", "neuron"]
READERS = {"parquet": pl.read_parquet, "csv": pl.read_csv, "json": pl.read_json}


@pytest.fixture
def tiny(here):
    return load_reranker(here / "RANKER", max_length=64)


@pytest.mark.parametrize("suffix", READERS)
def test_scores_are_those_of_the_library_for_each_label(here, tiny, suffix, capsys):
    words = ["attribute", "RANKER", "pairs.tsv", "-o", f"scores.{suffix}", "--rows", "3"]
    assert main([*words, "--method", "gradient_x_activation", "--target", "margin"]) == 0
    found = READERS[suffix](f"scores.{suffix}")
    for label, rows in (("relevant", (0, 2)), ("non_relevant", (1, 3))):
        own = found.filter(label=label)
        given = [PAIRS[row] for row in rows]
        expected = attribute(tiny, given, label, method="gradient_x_activation", target="margin")
        assert own.select(NEURON).rows() == expected.frame().select(NEURON).rows()
        np.testing.assert_allclose(own["score"], expected.frame()["score"], rtol=1e-9)
        assert own["n_pairs"].unique().to_list() == [2]
    printed = capsys.readouterr()
    best = found.filter(label="relevant").sort("score", descending=True).row(0, named=True)
    assert f"{best['score']:.4g}" in printed.out and "3" in printed.out
    assert printed.err.endswith(f"scores.{suffix}: {len(found):,} rows written\n")


def test_a_pipe_gets_csv_or_json_and_nothing_else(here, capsys):
    words = ["attribute", "RANKER", "pairs.tsv", "--label", "relevant", "-f"]
    assert main([*words, "csv"]) == main([*words, "json"]) == 0
    csv, _, rest = capsys.readouterr().out.partition("[{")
    in_csv, in_json = pl.read_csv(io.StringIO(csv)), json.loads(f"[{{{rest}")
    assert in_csv["score"].to_list() == pytest.approx([row["score"] for row in in_json])
    assert in_csv["n_pairs"].unique().to_list() == [4]


def test_single_ablation_tries_what_the_screen_says(here, tiny):
    assert main(["attribute", "RANKER", "pairs.tsv", "-o", "screen.csv"]) == 0
    words = ["attribute", "RANKER", "pairs.tsv", "--method", "single_ablation"]
    assert main([*words, "--screen", "screen.csv", "-o", "exact.csv"]) == 0
    screen = pl.read_csv("screen.csv").filter(label="non_relevant")
    expected = attribute(
        tiny, [PAIRS[1], PAIRS[3]], "non_relevant", method="single_ablation", screen=screen
    ).frame()
    found = pl.read_csv("exact.csv").filter(label="non_relevant")
    np.testing.assert_allclose(found["score"], expected["score"], rtol=1e-6, atol=1e-9)
    assert found["measured"].sum() == expected["measured"].sum() > 0


def _map(seed: int) -> pl.DataFrame:
    scores = np.random.default_rng(seed).normal(size=200)
    return pl.DataFrame({"layer": 0, "component": "value", "neuron": range(200), "score": scores})


def test_the_top_is_that_of_a_sort(here, capsys):
    one, other = _map(1), _map(2)
    one.write_csv("one.csv")
    other.write_parquet("other.parquet")
    assert main(["top", "one.csv", "--top-percent", "5", "-o", "top.csv"]) == 0
    expected = set(np.argsort(-one["score"].to_numpy())[:10].tolist())
    assert set(pl.read_csv("top.csv")["neuron"]) == expected
    words = ["top", "one.csv", "other.parquet", "--top-percent", "20", "-o", "both.csv"]
    assert main([*words, "--across", "intersection"]) == 0
    tops = [set(np.argsort(-x["score"].to_numpy())[:40].tolist()) for x in (one, other)]
    assert set(pl.read_csv("both.csv")["neuron"]) == tops[0] & tops[1]
    assert main(words) == 0
    mean = (one["score"] + other["score"]).to_numpy() / 2
    assert set(pl.read_csv("both.csv")["neuron"]) == set(np.argsort(-mean)[:40].tolist())
    printed = capsys.readouterr().err
    assert "2 maps, what all pick: one.csv; other.parquet" in printed
    assert "2 maps, their mean: one.csv; other.parquet" in printed


def test_maps_of_one_file_are_told_apart(here, capsys):
    labels = ("relevant", "non_relevant")
    maps = [_map(seed).with_columns(label=pl.lit(name)) for seed, name in enumerate(labels)]
    pl.concat(maps).write_json("both.json")
    words = ["top", "both.json", "--top-percent", "20", "--across", "intersection", "-f", "csv"]
    assert main(words) == 0
    found = pl.read_csv(io.StringIO(capsys.readouterr().out))
    tops = [set(np.argsort(-one["score"].to_numpy())[:40].tolist()) for one in maps]
    assert set(found["neuron"]) == tops[0] & tops[1]


def test_tokens_are_those_of_the_library(here, tiny, capsys):
    assert main(["tokens", "RANKER", "pairs.tsv", "-o", "tokens.csv"]) == 0
    labels = ["relevant", "non_relevant", "relevant", "non_relevant"]
    expected = attribute_tokens(tiny, PAIRS, labels, "leave_one_out").frame()
    found = pl.read_csv("tokens.csv")
    np.testing.assert_allclose(found["score"], expected["score"], rtol=1e-6, atol=1e-9)
    assert found["query_id"].to_list() == (expected["pair"] + 1).to_list()
    best = expected.filter(pair=0).drop_nulls("word_number").sort("score", descending=True)
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    first = next(line for line in lines if line[:2] == ["1", "1"])
    assert first[5:7] == [best["token"][0], best["word"][0]]
    assert first[7] == f"{best['score'][0]:.4g}"


def test_a_page_shows_every_pair_in_colours(here):
    words = ["tokens", "RANKER", "pairs.tsv", "--method", "information_bottleneck"]
    assert main([*words, "-o", "tokens.html"]) == 0
    page = (here / "tokens.html").read_text("utf-8")
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    assert [pair["query_id"] for pair in data["pairs"]] == ["1", "2", "3", "4"]
    assert data["methods"][0]["name"] == "information_bottleneck"


def test_an_explanation_is_what_the_ranker_says_with_and_without(here, tiny, capsys):
    query, passage = PAIRS[2]
    words = ["explain", "RANKER", "--query", query, "--passage", passage, "--top-percent", "10"]
    assert main([*words, "-f", "json"]) == 0
    found = pl.DataFrame(json.loads(capsys.readouterr().out))
    p = tiny.score([PAIRS[2]]).exp().item()
    label = "relevant" if p > 0.5 else "non_relevant"
    assert found["p_relevant"].to_list() == pytest.approx([p] * len(found), rel=1e-6)
    assert found["label"].unique().to_list() == [label]
    whole = attribute(tiny, [PAIRS[2]], label)
    scores = whole.frame().sort("score", descending=True).head(round(len(tiny.neurons) / 10))
    np.testing.assert_allclose(found["score"], scores["score"], rtol=1e-9)
    check = whole.checks().row(0, named=True)
    change = check["f_input"] - check["f_baseline"]
    np.testing.assert_allclose(found["share"] * change, found["score"])
    assert main(words) == 0
    printed = capsys.readouterr().out
    own = found.select(NEURON)
    for neurons in (own, draw_like(own, tiny.neurons, 0, 0)):
        with ablate(tiny, neurons):
            assert f"{tiny.score([PAIRS[2]]).exp().item():.4f}" in printed
    assert "Tokens whose loss" in printed


def test_an_ablation_is_that_of_the_library(here, tiny, capsys):
    compare = pytest.importorskip("relevance_neurons.ablation.compare").compare
    neurons = tiny.neurons.frame().gather_every(7)
    neurons.write_csv("neurons.csv")
    words = ["ablate", "RANKER", "neurons.csv", "candidates.tsv", "--random-draws", "3"]
    assert main([*words, "-o", "effects.csv"]) == 0
    table = pl.read_csv("candidates.tsv", separator="\t").rename({"passage": "text"})
    expected = compare(tiny, {"neurons": neurons}, table, random_draws=3).frame()
    found = pl.read_csv("effects.csv")
    for name in ("original", "pruned", "difference_percent", "p_value"):
        assert found[name].to_list() == pytest.approx(expected[name].to_list(), nan_ok=True)
    with ablate(tiny, neurons):
        scores = tiny.score(table.select("query", "text").rows()).numpy()
    ranked = table.with_columns(score=scores).sort("score", "doc_id", descending=True)
    discounts = 1 / np.log2(np.arange(2, 6))
    by_query = [one["gain"].to_numpy() for one in ranked.partition_by("query_id")]
    values = [gain @ discounts / (np.sort(gain)[::-1] @ discounts) for gain in by_query]
    assert found["pruned"][0] == pytest.approx(np.mean(values))
