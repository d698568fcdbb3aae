"""Random draws match a scheme's counts per layer and component, without replacement."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare
from transformers import BertConfig, BertForSequenceClassification

from relevance_neurons import UserError
from relevance_neurons.rankers.descriptions import BERT
from relevance_neurons.rankers.neurons import Neurons
from relevance_neurons.selection.random_draws import (
    NEAREST,
    draw_like,
    draw_matched,
    in_order,
    match_quality,
)
from toys.bert import make_reranker
from toys.tiny_rankers import make_ranker

NEURONS = make_reranker().neurons
PLACE = ["layer", "component"]
NEURON = [*PLACE, "neuron"]


def random_activations(neurons=NEURONS, seed: int = 0) -> pl.DataFrame:
    """Log-normal sizes, in another order than the neurons'; one of them is 0."""
    sizes = np.random.default_rng(seed).lognormal(sigma=2, size=len(neurons))
    sizes[3] = 0.0
    frame = neurons.frame().with_columns(root_mean_square=pl.Series(sizes))
    return frame.sample(len(frame), shuffle=True, seed=1)


def random_sizes(neurons=NEURONS) -> np.ndarray:
    return in_order(random_activations(neurons), "root_mean_square", neurons)


def at_most_half(neurons, seed: int) -> pl.DataFrame:
    """A random set of at most half of each component's neurons."""
    rng = np.random.default_rng(seed)
    blocks = neurons.frame().partition_by(PLACE, maintain_order=True)
    parts = [one.sample(rng.integers(1, len(one) // 2 + 1), seed=seed) for one in blocks]
    return pl.concat(parts).sample(fraction=1, shuffle=True, seed=seed)


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


@given(seed=st.integers(0, 2**32), draw=st.integers(0, 50))
@settings(max_examples=30, deadline=None)
def test_matched_draws_are_others_in_the_same_places(seed, draw):
    selected = at_most_half(NEURONS, seed)
    drawn = draw_matched(selected, NEURONS, random_sizes(), draw, seed)
    counts = [frame.group_by(PLACE).len().sort(PLACE) for frame in (selected, drawn)]
    assert counts[0].equals(counts[1])
    assert drawn.is_unique().all()
    assert drawn.join(selected, on=NEURON).is_empty()


def test_a_partner_is_one_of_the_nearest_each_as_likely():
    """One selected neuron: its partner is uniform over the ten nearest by log size, brute force."""
    activations, sizes = random_activations(), random_sizes()
    selected = NEURONS.frame().filter(layer=2, component="intermediate", neuron=7)
    own = selected.join(activations, on=NEURON)["root_mean_square"].log()[0]
    others = activations.filter(pl.col("neuron") != 7, layer=2, component="intermediate")
    distance = (pl.col("root_mean_square").log() - own).abs()
    nearest = others.sort(distance)["neuron"].head(NEAREST).to_list()
    drawn = [
        draw_matched(selected, NEURONS, sizes, draw, 0)["neuron"].item() for draw in range(1000)
    ]
    counts = [drawn.count(neuron) for neuron in nearest]
    assert sum(counts) == 1000
    assert chisquare(counts).pvalue > 1e-4


def wide_neurons() -> Neurons:
    """A layer wide enough for ten neurons to be a small part of it."""
    config = BertConfig(
        vocab_size=9,
        hidden_size=192,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=256,
    )
    return Neurons.of(BertForSequenceClassification(config), BERT)


def test_matched_draws_are_of_like_size_where_plain_ones_are_not():
    """12 large neurons of each component, with as many larger and smaller ones beside them."""
    neurons = wide_neurons()
    activations, sizes = random_activations(neurons), random_sizes(neurons)
    rank = pl.col("root_mean_square").rank(descending=True).over(PLACE)
    large = activations.filter(rank.is_between(20, 31)).select(NEURON)
    draws = {
        "matched": [draw_matched(large, neurons, sizes, draw, 0) for draw in range(20)],
        "plain": [draw_like(large, neurons, draw, 0) for draw in range(20)],
    }
    matched, plain = (
        np.mean([match_quality(large, drawn, neurons, sizes) for drawn in several])
        for several in draws.values()
    )
    assert 0.8 < matched < 1.25 and plain > 1.5


def test_match_quality_is_the_ratio_of_mean_sizes():
    sizes = random_sizes()
    selected = at_most_half(NEURONS, 1)
    drawn = draw_matched(selected, NEURONS, sizes, 0, 0)
    columns = random_activations().select(*NEURON, "root_mean_square")
    by_name = {row[:3]: row[3] for row in columns.rows()}
    expected = [np.mean([by_name[row] for row in one.rows()]) for one in (selected, drawn)]
    assert match_quality(selected, drawn, NEURONS, sizes) == pytest.approx(
        expected[0] / expected[1]
    )
    assert match_quality(selected, selected, NEURONS, sizes) == 1


def test_matched_draws_depend_on_the_set_draw_and_seed():
    selected, sizes = at_most_half(NEURONS, 1), random_sizes()
    first = draw_matched(selected, NEURONS, sizes, 0, 0)
    again = draw_matched(selected.reverse(), NEURONS, sizes, 0, 0)
    assert first.equals(again)
    assert not first.equals(draw_matched(selected, NEURONS, sizes, 1, 0))
    assert not first.equals(draw_matched(selected, NEURONS, sizes, 0, 1))


def test_matched_draws_of_several_modules():
    """In MonoT5's decoder as many in each of the two modules that make up a component."""
    neurons = make_ranker("monot5, gated").neurons
    selected = at_most_half(neurons, 1).filter(pl.col("neuron") < 8)
    drawn = draw_matched(selected, neurons, random_sizes(neurons), 0, 0)
    counts = [{b.start: len(i) for b, i in neurons.select(x).items()} for x in (selected, drawn)]
    assert counts[0] == counts[1]


def test_too_few_left_are_refused():
    selected = NEURONS.frame().filter(pl.col("neuron") < 9, layer=1, component="key")
    message = (
        "ablation.further: matched: 9 of the 16 neurons of layer 1 key are selected, .*; "
        "leave matched out, or lower selection.top_percents"
    )
    with pytest.raises(UserError, match=message):
        draw_matched(selected, NEURONS, random_sizes(), 0, 0)


def test_sizes_of_another_ranker_are_refused():
    for other in (random_activations().head(9), pl.concat([random_activations()] * 2)):
        with pytest.raises(UserError, match="not of this ranker's neurons"):
            in_order(other, "root_mean_square", NEURONS)


def test_numbers_are_places_in_a_vector_of_all_neurons():
    for neurons in (NEURONS, make_ranker("monot5, gated").neurons):
        places = np.random.default_rng(0).permutation(len(neurons))
        assert (neurons.numbers(neurons.frame()[places]) == places).all()
