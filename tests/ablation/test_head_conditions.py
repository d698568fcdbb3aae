"""Schemes of heads among others: what is re-ranked without, and what the others have as before."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from relevance_neurons.ablation.conditions import Settings, conditions
from relevance_neurons.ablation.match_quality import match_table
from relevance_neurons.rankers.heads import Heads
from relevance_neurons.selection.random_draws import draw_heads_like
from toys.bert import make_model, make_reranker, make_tokenizer
from toys.schemes import NAME, NEURONS, SCHEMES, some_activations
from workflow_scripts.ablation import check_matches, rerank_candidates

HEADS = Heads.of(make_reranker())
NEURON = pl.col("neuron")


def of_heads(name: str = "some_heads") -> pl.DataFrame:
    """The value neurons of two heads as rule select_heads writes them."""
    return HEADS.values([(0, 1), (2, 0)]).select(
        pl.lit(name).alias("scheme"),
        pl.lit(10.0).alias("top_percent"),
        *NAME,
        pl.lit(None, pl.Float64).alias("score"),
        (NEURON // HEADS.size).alias("head"),
    )


def found(schemes: pl.DataFrame, **settings) -> dict[tuple[str, float, int], pl.DataFrame]:
    given = Settings(**{"random_draws": 3, "seed": 5} | settings)
    rows = conditions(schemes, NEURONS, some_activations(), given)
    return {row[:3]: row.neurons for row in rows}


def test_controls_of_heads_are_whole_heads_and_those_of_others_stay():
    kinds = ["", "random", "matched", "keep_only", "mean"]
    together = found(pl.concat([SCHEMES, of_heads()], how="diagonal"), kinds=kinds)
    for key, neurons in found(SCHEMES, kinds=kinds).items():
        assert_frame_equal(together.pop(key), neurons, check_row_order=False)
    assert_frame_equal(together["some_heads", 10.0, 0], of_heads().select(NAME))
    for draw in range(3):
        drawn = together["random:some_heads", 10.0, draw]
        given = of_heads().select(*NAME, "head")
        assert_frame_equal(drawn, draw_heads_like(given, NEURONS, draw, 5))
        counts = drawn.group_by("layer", NEURON // HEADS.size).len()
        assert sorted(counts["layer"]) == [0, 2] and set(counts["len"]) == {HEADS.size}


def test_matched_neurons_of_heads_are_single_ones_beside_them():
    """A head has no size of its own: each neuron has a partner, of another head."""
    ablations = found(of_heads(), kinds=["matched"])
    assert ablations.keys() == {("matched:some_heads", 10.0, draw) for draw in range(3)}
    for drawn in ablations.values():
        assert len(drawn) == 2 * HEADS.size and set(drawn["component"]) == {"value"}
        assert drawn.join(of_heads(), on=NAME).is_empty()


@pytest.fixture
def folder(tmp_path):
    make_model().save_pretrained(tmp_path / "ranker")
    make_tokenizer().save_pretrained(tmp_path / "ranker")
    some_activations().write_parquet(tmp_path / "activations.parquet")
    of_heads().write_parquet(tmp_path / "heads.parquet")
    both = pl.concat([SCHEMES, of_heads().drop("head")], how="diagonal")
    both.write_parquet(tmp_path / "schemes.parquet")
    return tmp_path


def test_match_quality_is_of_the_heads_that_are_drawn(folder):
    """From the table of schemes, which has no heads, and the selection, which has."""
    settings, ablated = Settings(random_draws=3, seed=5), ["P_a", "some_heads"]
    files = [str(folder / f"{name}.parquet") for name in ("schemes", "activations", "made")]
    given = [*files, str(folder / "ranker"), ablated, settings]
    check_matches.main(*given, [str(folder / "heads.parquet")])
    made = pl.read_parquet(files[-1])
    expected = match_table(of_heads(), NEURONS, some_activations(), settings)
    assert_frame_equal(made.filter(scheme="some_heads"), expected)
    check_matches.main(*given)
    plain = pl.read_parquet(files[-1])
    assert_frame_equal(plain.filter(scheme="P_a"), made.filter(scheme="P_a"))
    assert plain.filter(scheme="some_heads")["size_random"].item() != expected["size_random"].item()


@pytest.mark.parametrize("n_heads", [0, 2])
def test_a_batch_of_heads_is_re_ranked_from_its_selection(folder, n_heads):
    """As rule select_heads writes it; where no head was found there is nothing to rank."""
    files = {"selected": [folder / "heads.parquet"], "activations": folder / "activations.parquet"}
    of_heads().head(n_heads * HEADS.size).write_parquet(folder / "heads.parquet")
    settings = {"value": "zero", "kinds": ("", "random"), "random_draws": 2, "seed": 5}
    batch = rerank_candidates.batch(files, NEURONS, ["some_heads"], settings)
    expected = ["some_heads", "random:some_heads", "random:some_heads"] if n_heads else []
    assert [one.scheme for one in batch] == expected
    for one in batch:
        assert one.neurons.columns == NAME and len(one.neurons) == n_heads * HEADS.size
