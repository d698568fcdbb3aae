"""Schemes of heads: which neurons they select, and what random heads stand beside them."""

from __future__ import annotations

import logging

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scipy.stats import chisquare

from relevance_neurons import UserError
from relevance_neurons.mechanism.head_neurons import head_neurons
from relevance_neurons.rankers.heads import Heads
from relevance_neurons.selection.random_draws import draw_heads_like
from relevance_neurons.selection.schemes import Scheme, of_heads, own_schemes, paper_schemes
from toys.tiny_rankers import make_ranker
from workflow_scripts.selection import gather_schemes, select_heads

NEURON = ["layer", "component", "neuron"]
RERANKER = make_ranker("modernbert")
HEADS = Heads.of(RERANKER)


def table(folder, matching=(), relevance=()) -> str:
    rows = [
        (layer, head, (layer, head) in matching, (layer, head) in relevance)
        for layer, head in HEADS.frame().iter_rows()
    ]
    names = ["layer", "head", "is_matching", "is_relevance"]
    kinds = pl.DataFrame(rows, names, orient="row")
    head_neurons(RERANKER, kinds).write_parquet(folder / "head_neurons.parquet")
    return str(folder / "head_neurons.parquet")


def select(folder, heads, name: str = "mine", **kinds) -> tuple[pl.DataFrame, pl.DataFrame]:
    made = {of: str(folder / f"{name}_{of}.parquet") for of in ("schemes", "scheme_sizes")}
    select_heads.main(table(folder, **kinds), made, name, heads, 10.0)
    return pl.read_parquet(made["schemes"]), pl.read_parquet(made["scheme_sizes"])


def test_named_heads_are_their_value_neurons(tmp_path):
    schemes, sizes = select(tmp_path, [[2, 0], [0, 1]])
    assert_frame_equal(schemes.select(NEURON), HEADS.values([(0, 1), (2, 0)]))
    assert schemes["head"].to_list() == [1] * HEADS.size + [0] * HEADS.size
    assert set(schemes.select("scheme", "top_percent").rows()) == {("mine", 10.0)}
    assert schemes["score"].null_count() == len(schemes)
    assert sizes.rows() == [("mine", 10.0, 2 * HEADS.size, [])]


@pytest.mark.parametrize(
    ("kind", "heads"), [("matching", [(1, 0)]), ("relevance", [(2, 0), (2, 1)])]
)
def test_found_heads_are_those_of_their_kind(tmp_path, kind, heads):
    schemes, _ = select(tmp_path, kind, matching=[(1, 0)], relevance=[(2, 0), (2, 1)])
    assert_frame_equal(schemes.select(NEURON), HEADS.values(heads))


def test_where_no_head_is_found_the_scheme_is_empty_and_the_log_says_so(tmp_path, caplog):
    schemes, _ = select(tmp_path, "matching", "none_found")
    assert schemes.is_empty()
    select(tmp_path, [[0, 0]], "named")
    parts = {
        of: [str(tmp_path / f"{name}_{of}.parquet") for name in ("named", "none_found")]
        for of in ("schemes", "scheme_sizes")
    }
    made = {of: tmp_path / f"{of}.parquet" for of in parts}
    with caplog.at_level(logging.INFO):
        gather_schemes.main(parts, made, ["a"])
    assert "none_found selects no neuron: there are no such heads" in caplog.text
    sizes = pl.read_parquet(made["scheme_sizes"])
    assert sizes.rows() == [("named", 10.0, HEADS.size, []), ("none_found", 10.0, 0, [])]
    gathered = pl.read_parquet(made["schemes"])
    assert gathered.columns == ["scheme", "top_percent", *NEURON, "score"]


@pytest.mark.parametrize("head", [[3, 0], [0, 2]])
def test_a_head_that_the_ranker_lacks_is_told(tmp_path, head):
    told = rf"^selection.schemes.mine.heads: \[{head[0]}, {head[1]}\] was found; this ranker has "
    with pytest.raises(UserError, match=told + "layers 0 to 2 with heads 0 to 1; name one of"):
        select(tmp_path, [[0, 1], head])


def test_a_scheme_of_heads_rests_on_no_map():
    given = {"mine": {"heads": [[7, 9], [8, 1]]}, "found": {"heads": "matching"}}
    schemes = own_schemes(given, {"a": "in"}, {})
    assert schemes == [of_heads("mine", [(7, 9), (8, 1)]), of_heads("found", "matching")]
    for one in schemes:
        assert Scheme.from_dict(one.as_dict()) == one and one.own and not one.collections
    assert schemes[0].as_dict()["heads"] == [[7, 9], [8, 1]]
    (other, *_) = paper_schemes({"a": "in"}, [("a", "relevant")])
    assert "heads" not in other.as_dict()  # what rules are told of the others did not change


def selected(*heads: tuple[int, int]) -> pl.DataFrame:
    size = pl.lit(HEADS.size)
    return HEADS.values(heads).with_columns(head=pl.col("neuron") // size)


def heads_in(drawn: pl.DataFrame) -> list[tuple[int, int]]:
    """The heads of a draw, all of whose value neurons it has once."""
    found = sorted(set(drawn.select("layer", pl.col("neuron") // HEADS.size).rows()))
    assert_frame_equal(drawn.select(NEURON), HEADS.values(found))
    return found


def test_random_heads_are_whole_and_as_many_in_each_layer():
    for draw in range(10):
        drawn = draw_heads_like(selected((0, 1), (2, 0), (2, 1)), RERANKER.neurons, draw, 3)
        assert [layer for layer, _ in heads_in(drawn)] == [0, 2, 2]


def test_random_heads_depend_on_counts_draw_and_seed_alone():
    def draws(seed: int, *heads: tuple[int, int]) -> list[list[tuple[int, int]]]:
        given = selected(*heads).sample(fraction=1, shuffle=True, seed=9)
        return [heads_in(draw_heads_like(given, RERANKER.neurons, n, seed)) for n in range(20)]

    first = draws(0, (0, 1), (1, 1))
    assert first == draws(0, (1, 0), (0, 0))
    assert first != draws(1, (0, 1), (1, 1))
    assert len({tuple(one) for one in first}) > 1


def test_every_head_of_a_layer_is_as_likely():
    draws = [draw_heads_like(selected((1, 0)), RERANKER.neurons, n, 0) for n in range(600)]
    counts = np.bincount([heads_in(one)[0][1] for one in draws], minlength=HEADS.n_heads)
    assert counts.sum() == 600 and chisquare(counts).pvalue > 1e-4


def test_a_part_of_a_head_is_refused():
    part = selected((1, 0)).head(5)
    with pytest.raises(
        UserError, match=r"^heads: layer 1 has 16 value neurons, which are no whole"
    ):
        draw_heads_like(part, RERANKER.neurons, 0, 0)
