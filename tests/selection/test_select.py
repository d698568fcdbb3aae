"""Neurons picked in memory: by NumPy's sort, and as a study's rule picks them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from relevance_neurons import UserError, attribute
from relevance_neurons.selection.schemes import Scheme
from relevance_neurons.selection.select import select
from toys.bert import PAIRS
from toys.maps import neuron_table, write_maps
from workflow_scripts.selection import select_neurons

KEY = ["layer", "component", "neuron"]
NEURONS = neuron_table(2, 9)  # 144 neurons


def some_maps(n: int = 3) -> list[pl.DataFrame]:
    """Scores full of ties, their rows shuffled."""
    random = np.random.default_rng(5)
    maps = [
        NEURONS.with_columns(score=pl.Series(random.integers(-5, 5, 144) / 4)) for _ in range(n)
    ]
    return [one.sample(fraction=1, shuffle=True, seed=number) for number, one in enumerate(maps)]


def top(frame: pl.DataFrame, n: int, key=lambda score: score) -> set[tuple]:
    """The n neurons of the highest scores, by NumPy; ``NEURONS`` is in the order of ties."""
    ordered = NEURONS.join(frame, on=KEY, how="left", maintain_order="left")
    order = np.argsort(-key(ordered["score"].to_numpy()), kind="stable")[:n]
    return set(NEURONS[order.tolist()].rows())


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({}, lambda score: score),
        ({"end": "bottom"}, lambda score: -score),
        ({"rank_by": "absolute"}, abs),
        ({"rank_by": "absolute", "end": "bottom"}, lambda score: -abs(score)),
    ],
)
@pytest.mark.parametrize("percent", [1, 12.5, 100])
def test_one_map(options, key, percent):
    (frame,) = some_maps(1)
    found = select(frame, percent, **options)
    assert set(found.select(KEY).rows()) == top(frame, int(percent * 1.44 + 0.5), key)
    assert_frame_equal(
        found.sort(KEY), frame.join(found, on=KEY, how="semi").sort(KEY), check_row_order=False
    )
    place = {neuron: number for number, neuron in enumerate(NEURONS.rows())}
    places = [place[row] for row in found.select(KEY).rows()]
    assert places == sorted(places)


def test_several_maps():
    maps = some_maps()
    mean = NEURONS.with_columns(
        score=sum(
            NEURONS.join(one, on=KEY, how="left", maintain_order="left")["score"] for one in maps
        )
        / 3
    )
    assert set(select(maps, 25).select(KEY).rows()) == top(mean, 36)
    shared = select(tuple(maps), 25, across="intersection")
    assert set(shared.select(KEY).rows()) == set.intersection(*(top(one, 36) for one in maps))
    assert 0 < len(shared) < 36
    joined = shared.join(mean, on=KEY)
    np.testing.assert_allclose(joined["score"], joined["score_right"])


def test_parts_of_the_ranker():
    (frame,) = some_maps(1)
    found = select(frame, 50, components=["key", "a"], layers=[1])
    part = frame.filter(pl.col("component").is_in(["key", "a"]), pl.col("layer") == 1)
    assert len(found) == 9 and len(part) == 18
    assert found["score"].min() >= part.join(found, on=KEY, how="anti")["score"].max()
    assert len(found.join(part, on=KEY, how="semi")) == 9


@pytest.mark.parametrize("across", ["fusion", "intersection"])
def test_it_picks_what_a_study_picks(tmp_path, across):
    maps = some_maps()
    in_order = [
        NEURONS.join(one, on=KEY, how="left", maintain_order="left")["score"] for one in maps
    ]
    scores = {(name, "relevant"): one for name, one in zip("abc", in_order, strict=True)}
    files = write_maps(tmp_path, NEURONS, scores)
    scheme = Scheme("mine", ("relevant",), tuple("abc"), across_collections=across, own=True)
    made = [tmp_path / "schemes.parquet", tmp_path / "sizes.parquet"]
    domains = dict.fromkeys("abc", "in")
    select_neurons.main(files, *made, domains, [scheme.as_dict()], [10.0])
    expected = pl.read_parquet(made[0]).drop("scheme", "top_percent")
    assert_frame_equal(select(maps, 10, across=across), expected)


def test_what_attribute_gives(two_logits):
    given = [attribute(two_logits, PAIRS[:2]), attribute(two_logits, PAIRS[2:])]
    frames = [one.frame() for one in given]
    assert_frame_equal(select(given, 5), select(frames, 5))
    of_pandas = pd.DataFrame(frames[0].to_dict(as_series=False))
    assert_frame_equal(select(given[0], 5), select(of_pandas, 5))
    other = attribute(two_logits, PAIRS[:2], method="gradient_x_activation")
    with pytest.raises(UserError, match="maps of gradient_x_activation, neuron_integrated_gradie"):
        select([*given, other], 5)


def test_neurons_that_were_not_measured_are_not_picked():
    (frame,) = some_maps(1)
    some = frame.with_columns(measured=pl.col("score") > 0.9)
    n = some["measured"].sum()
    assert len(select(some, 100 * n / 144)) == n
    with pytest.raises(UserError, match=r"1 of the \d+ selected neurons were not measured"):
        select(some, 100 * (n + 1) / 144)


@pytest.mark.parametrize(
    ("maps", "options", "message"),
    [
        ([], {}, "maps: none was given"),
        ("x", {}, "maps: a str was found; a polars or pandas frame with layer"),
        (NEURONS, {}, "maps: no column score"),
        ([*some_maps(1), some_maps(1)[0][:-1]], {}, r"maps\[1\]: its 143 neurons are not the 144"),
        (
            some_maps(1)[0].with_columns(score=pl.lit(np.nan)),
            {},
            "not all scores are finite numbers",
        ),
        (pl.concat(some_maps(1) * 2), {}, "one twice"),
        (some_maps(1)[0].with_columns(pl.col("neuron") + 0.5), {}, "neuron 4.5 was found"),
        (some_maps(1), {"across": "both"}, "across: 'both' was found; allowed: fusion, inter"),
        (
            [
                one.with_columns(method=pl.lit(name))
                for one, name in zip(some_maps(2), "ba", strict=True)
            ],
            {},
            "across: fusion was found with maps of a, b, whose scores have no unit",
        ),
        (some_maps(1), {"end": "low"}, "end: 'low' was found"),
        (some_maps(1), {"rank_by": "size"}, "rank_by: 'size' was found"),
        (some_maps(1), {"components": ["keys"]}, "no component 'keys'; it has a, attention_output"),
        (some_maps(1), {"components": "key"}, r"a list is needed: \['key'\]"),
        (some_maps(1), {"layers": [2]}, "no layer 2; it has 0, 1"),
        (some_maps(1), {"top_percent": 0.3}, "0.3 % of 144 neurons.*0.35 % or more"),
        (some_maps(1), {"top_percent": 101}, "101 % of 144 neurons was asked for"),
        (some_maps(1), {"top_percent": 2, "layers": [0], "components": ["a"]}, "2 % of 9 neurons"),
    ],
)
def test_mistakes_are_one_clear_line(maps, options, message):
    with pytest.raises(UserError, match=message):
        select(maps, **{"top_percent": 10, **options})
