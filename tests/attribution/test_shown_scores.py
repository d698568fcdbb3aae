"""How scores look in a terminal and in a notebook: the neurons at both ends, as in the frame."""

import numpy as np
import polars as pl
import pytest

from relevance_neurons import Attribution
from relevance_neurons.attribution.running_scores import RunningScores
from toys.maps import neuron_table

NEURONS = neuron_table(2, 3)  # 48 of them


@pytest.fixture
def attribution() -> Attribution:
    made = Attribution("non_relevant", NEURONS, RunningScores(48))
    random = np.random.default_rng(1)
    for pair in range(3):
        made.add(pair, random.normal(size=48))
    return made


def test_both_ends_are_shown(attribution):
    order = attribution.frame().sort("score", descending=True)
    ends = [*order.rows(named=True)[:5], *order.rows(named=True)[-5:]]
    caption, head, *lines = repr(attribution).splitlines()
    assert "scores of 48 neurons, label non_relevant, 3 pairs" in caption
    assert head.split() == ["layer", "component", "neuron", "score", "standard_error"]
    expected = [
        [str(row["layer"]), row["component"], str(row["neuron"]), f"{row['score']:+.3g}"]
        for row in ends
    ]
    assert [line.split()[:4] for line in lines] == expected
    html = attribution._repr_html_()
    assert html.count("<tr>") == 11
    for row in expected:
        assert "".join(html.split("<td")[1:]).count(f">{row[3]}</td>") >= 1


def test_only_what_was_measured_is_shown(attribution):
    attribution.measured = np.arange(48) < 7
    shown = repr(attribution).splitlines()
    assert "scores of 7 neurons" in shown[0] and len(shown) == 2 + 7
    numbers = {tuple(line.split()[:3]) for line in shown[2:]}
    rows = NEURONS.head(7).with_columns(pl.all().cast(pl.String)).rows()
    assert numbers == set(rows)


def test_before_the_first_pair_there_is_nothing_to_show():
    empty = Attribution("relevant", NEURONS, RunningScores(48))
    assert len(repr(empty).splitlines()) == 2
    assert empty._repr_html_().count("<td") == 0


def test_one_pair_has_no_standard_error():
    one = Attribution("difference", NEURONS, RunningScores(48))
    one.add(0, np.arange(48.0))
    assert "standard_error" not in repr(one) and "1 queries" in repr(one)
