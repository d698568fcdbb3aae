"""What users give as pairs, as neurons and as a ranker."""

import pandas as pd
import polars as pl
import pytest

from relevance_neurons import ablate, attribute, measure_activations, select
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.pairs import as_pairs

PAIRS = [("wing", "lift of a wing"), ("heat", "a slab")]
FRAME = pl.DataFrame(PAIRS, schema=["query", "passage"], orient="row").with_columns(more=1)


@pytest.mark.parametrize(
    "given",
    [
        PAIRS,
        tuple(map(list, PAIRS)),
        iter(PAIRS),
        FRAME,
        pd.DataFrame(FRAME.to_dict(as_series=False)),
    ],
    ids=["list", "lists", "iterator", "polars", "pandas"],
)
def test_pairs_come_in_many_forms(given):
    assert as_pairs(given) == PAIRS


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("wing", "a str was found; a list of"),
        (7, "a int was found"),
        (PAIRS[0], r"pairs\[0\] is 'wing'; a list of"),
        ([*PAIRS, ("wing", None)], r"pairs\[2\] is \('wing', None\)"),
        ([(1, 2)], r"pairs\[0\] is \(1, 2\)"),
        ([("a", "b", "c")], "two texts each"),
        (FRAME.drop("query"), "no column query"),
        (FRAME.with_columns(query=7), r"pairs\[0\] is \(7, "),
    ],
)
def test_what_is_no_pair_is_told(given, message):
    with pytest.raises(UserError, match=f"^pairs: .*{message}"):
        as_pairs(given)


def test_empty_texts_are_told_of(two_logits, caplog):
    attribute(two_logits, PAIRS, method="gradient_x_activation")
    assert not caplog.text
    pairs = [*PAIRS, ("wing", " \n"), ("", "lift")]
    attribute(two_logits, pairs, method="gradient_x_activation")
    assert "pairs: 2 of 4 have an empty query or passage" in caplog.text


def test_a_frame_of_pairs_is_scored_and_attributed(two_logits):
    assert two_logits.score(FRAME).tolist() == two_logits.score(PAIRS).tolist()
    of_list, of_frame = (
        attribute(two_logits, pairs, method="gradient_x_activation") for pairs in (PAIRS, FRAME)
    )
    assert of_list.frame().equals(of_frame.frame())


def test_neurons_of_pandas_are_switched_off(two_logits):
    top = select(attribute(two_logits, PAIRS, method="gradient_x_activation"), 5)
    with ablate(two_logits, top):
        wanted = two_logits.score(PAIRS)
    with ablate(two_logits, pd.DataFrame(top.to_dict(as_series=False))):
        assert two_logits.score(PAIRS).tolist() == wanted.tolist()


def test_a_name_is_no_ranker():
    for use in (lambda: attribute("bert", PAIRS), lambda: measure_activations("bert", PAIRS)):
        with pytest.raises(UserError, match="reranker: a str was found; give what load_reranker"):
            use()


def test_a_ranker_says_what_it_is(two_logits):
    assert repr(two_logits).startswith("Reranker(BertForSequenceClassification: 3 layers, ")


def test_numbers_as_texts_are_told(two_logits):
    with pytest.raises(UserError, match=r"tolerance: '0\.1' was found"):
        attribute(two_logits, PAIRS, tolerance="0.1")
    with pytest.raises(UserError, match="top_percent: '1%' was found"):
        select(FRAME.select(layer=0, component=pl.lit("key"), neuron=0, score=1.0), "1%")
