"""Random draws match a scheme's counts per layer and component, without replacement."""

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import make_reranker
from relevance_neurons.random_draws import draw_like
from tiny_rankers import make_ranker

NEURONS = make_reranker().neurons
PLACE = ["layer", "component"]


@given(size=st.integers(1, len(NEURONS)), seed=st.integers(0, 2**32), draw=st.integers(0, 50))
@settings(max_examples=50, deadline=None)
def test_same_counts_no_neuron_twice(size, seed, draw):
    selected = NEURONS.frame().sample(size, seed=seed)
    drawn = draw_like(selected, NEURONS, draw, seed)
    counts = [frame.group_by(PLACE).len().sort(PLACE) for frame in (selected, drawn)]
    assert counts[0].equals(counts[1])
    assert drawn.is_unique().all()
    assert len(NEURONS.select(drawn)) == len(counts[0])


def test_depends_on_counts_draw_and_seed_alone():
    selected = NEURONS.frame().sample(60, seed=1)
    first = draw_like(selected, NEURONS, 0, 0)
    assert first.equals(draw_like(selected.sample(60, shuffle=True), NEURONS, 0, 0))
    assert first.equals(draw_like(draw_like(selected, NEURONS, 7, 7), NEURONS, 0, 0))
    others = [(selected, 1, 0), (selected, 0, 1), (selected.head(59), 0, 0)]
    assert not any(first.equals(draw_like(one, NEURONS, *rest)) for one, *rest in others)


def test_every_neuron_of_a_module_is_as_likely():
    selected = pl.DataFrame({"layer": [1] * 4, "component": ["key"] * 4, "neuron": [0, 1, 2, 3]})
    counts = np.zeros(16)
    for draw in range(2000):
        counts[draw_like(selected, NEURONS, draw, 0)["neuron"].to_numpy()] += 1
    # Binomial(2000, 4/16): mean 500, standard deviation 19.4.
    assert np.abs(counts - 500).max() < 5 * 19.4


def test_a_component_of_several_modules_is_drawn_in_each():
    """MonoT5's decoder has a query of self- and one of cross-attention."""
    neurons = make_ranker("monot5, gated").neurons
    decoder = neurons.frame()["layer"].max()
    selected = neurons.frame().filter(layer=decoder, component="query")
    drawn = draw_like(selected, neurons, 0, 0)
    assert drawn.sort("neuron").equals(selected.sort("neuron"))
    some = selected.sample(9, seed=1)
    few = draw_like(some, neurons, 0, 0)
    assert few.is_unique().all()
    sizes = [{b.start: len(i) for b, i in neurons.select(one).items()} for one in (some, few)]
    assert sizes[0] == sizes[1]
