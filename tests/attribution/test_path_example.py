"""The pair of figure 1: which it is, which neurons, and that its curves are those of the scores."""

import numpy as np
import polars as pl
import pytest

from relevance_neurons.attribution.attribute import attribute
from relevance_neurons.attribution.path_example import median_pair, trace_path
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.memory import Memory
from toys.bert import PAIRS, make_reranker
from toys.tiny_rankers import MODELS, make_ranker

RULE = {"quadrature": "trapezoid", "n_points": 21}


@pytest.fixture
def scores(two_logits) -> pl.DataFrame:
    return attribute(two_logits, PAIRS, **RULE).frame()


def traced(reranker, scores, pair=PAIRS[0], label="relevant", target="probability"):
    return trace_path(reranker, pair, scores, label, "pad_all", target, n_points=21)


@pytest.mark.parametrize("kind", MODELS)
def test_contributions_add_up_to_the_score(kind):
    """Of both neurons, by the same rule, whatever the architecture and the module."""
    reranker = make_ranker(kind)
    own = attribute(reranker, PAIRS[2:3], **RULE).frame()
    for place in (0, len(own) // 2, len(own) - 30):
        chosen = own.with_columns(score=(pl.int_range(pl.len()) == place).cast(pl.Float64))
        found = traced(reranker, chosen, PAIRS[2])
        assert found.filter(series="important")["neuron"][0] == own["neuron"][place]
        for row in found.filter(alpha=1.0).iter_rows(named=True):
            of = {name: row[name] for name in ("layer", "component", "neuron")}
            expected = own.filter(**of)["score"].item()
            assert row["contribution"] == pytest.approx(expected, abs=1e-9)


def test_curves_start_at_the_baseline_and_end_at_the_pair(two_logits, scores):
    found = traced(two_logits, scores)
    checks = attribute(two_logits, PAIRS[:1], **RULE).checks().row(0, named=True)
    for series in ("important", "unimportant"):
        curve = found.filter(series=series)
        assert curve["alpha"].to_list() == pytest.approx(np.linspace(0, 1, 21))
        assert curve["f"][0] == pytest.approx(checks["f_baseline"])
        assert curve["f"][-1] == pytest.approx(checks["f_input"])
        assert curve["contribution"][0] == 0
        f, slope = (curve[name].to_numpy() for name in ("f", "slope"))
        pieces = (slope[1:] + slope[:-1]) / 2 * np.diff(curve["alpha"])
        np.testing.assert_allclose(np.diff(f), pieces, atol=0.01 * np.ptp(f))
    assert found.select("query", "passage").unique().rows() == [PAIRS[0]]


def test_neurons_are_the_highest_and_one_near_zero_that_moves(two_logits, scores):
    found = traced(two_logits, scores)
    best = scores.sort("score", descending=True).row(0, named=True)
    rows = {row["series"]: row for row in found.filter(alpha=0.0).iter_rows(named=True)}
    for name in ("layer", "component", "neuron", "score"):
        assert rows["important"][name] == best[name]
    other = rows["unimportant"]
    assert (other["layer"], other["component"]) == (best["layer"], best["component"])
    module = scores.filter(layer=best["layer"], component=best["component"])
    module = module.filter(pl.col("neuron") != best["neuron"])
    nearer = module.filter(pl.col("score").abs() < abs(other["score"]))
    assert len(nearer) < len(module) / 2
    curve = found.filter(series="unimportant")
    assert np.ptp(curve["activation"].to_numpy()) > 0


def test_token_is_the_one_that_contributes_most(two_logits, scores):
    found = traced(two_logits, scores)
    tokens = two_logits.tokenizer.convert_ids_to_tokens(two_logits.encode(PAIRS[:1])[0].input_ids)
    for curve in found.partition_by("series"):
        index = curve["token_index"][0]
        assert curve["token"].unique().to_list() == [tokens[index]]
        y, g = (curve[name].to_numpy() for name in ("activation", "gradient"))
        share = float((np.diff(y) * (g[1:] + g[:-1]) / 2).sum())
        total = curve["contribution"][-1]
        assert abs(share) >= abs(total) / len(tokens)


def test_points_may_come_in_several_passes(two_logits, scores, monkeypatch):
    whole = traced(two_logits, scores)
    monkeypatch.setattr(Memory, "of", classmethod(lambda cls, *_: cls(40)))
    parts = traced(two_logits, scores)
    numbers = pl.selectors.float()
    np.testing.assert_allclose(parts.select(numbers), whole.select(numbers), atol=1e-9)


def test_median_pair():
    checks = pl.DataFrame(
        {
            "query_id": ["a", "b", "c", "d"],
            "doc_id": ["1", "2", "3", "4"],
            "f_input": [0.9, 0.1, 0.8, 0.9],
            "f_baseline": [0.1, 0.4, 0.7, 0.2],
        }
    )
    assert median_pair(checks) == ("b", "2")  # of 0.1, 0.3, 0.7 and 0.8 the lower middle one
    assert median_pair(checks.head(3)) == ("b", "2")
    assert median_pair(checks.head(1)) == ("a", "1")


def test_a_neuron_alone_in_its_module(scores, two_logits):
    alone = scores.sort("score", descending=True).head(1)
    with pytest.raises(UserError, match=r"figure 1: .* has only neuron"):
        traced(make_reranker(2), alone)
