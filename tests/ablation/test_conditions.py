"""Which ablations a study's candidates are re-ranked under."""

import logging

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from relevance_neurons import UserError
from relevance_neurons.ablation.conditions import Settings, conditions
from relevance_neurons.selection.random_draws import draw_like, draw_matched, in_order
from toys.schemes import NAME, NEURONS, SCHEMES, scheme, some_activations

FURTHER = ["mean", "keep_only", "matched"]


def found(**settings) -> dict[tuple[str, float, int], pl.DataFrame | None]:
    given = Settings(**{"random_draws": 2, "seed": 5} | settings)
    rows = list(conditions(SCHEMES, NEURONS, some_activations(), given))
    names = [row[:3] for row in rows]
    assert len(set(names)) == len(names)
    return {row[:3]: row.neurons for row in rows}


def same_neurons(one: pl.DataFrame, other: pl.DataFrame) -> None:
    assert_frame_equal(one.select(NAME), other.select(NAME), check_row_order=False)


def test_names_and_draws():
    """Each scheme at each level, its draws, and what the study asks for beside them."""
    names = set()
    for name, level in (("P_a", 1.0), ("P_b", 10.0)):
        names |= {(f"{kind}{name}", level, 0) for kind in ("", "mean:", "keep_only:")}
        names |= {(f"{kind}:{name}", level, n) for kind in ("random", "matched") for n in (0, 1)}
    assert found(kinds=["", "random", *FURTHER]).keys() == names
    assert {name for name, *_ in found()} == {"P_a", "P_b", "random:P_a", "random:P_b"}


@pytest.mark.parametrize("value", ["zero", "mean"])
def test_which_neurons_give_what(value):
    """Controls and keep_only give what the scheme's own do; the other kind gives the other."""
    other = {"zero": "mean", "mean": "zero"}[value]
    ablations = found(value=value, kinds=["", "random", other, "keep_only", "matched"])
    chosen = SCHEMES.filter(scheme="P_b")
    sizes = in_order(some_activations(), "root_mean_square", NEURONS)
    same_neurons(ablations["P_b", 10.0, 0], chosen)
    same_neurons(ablations[f"{other}:P_b", 10.0, 0], chosen)
    same_neurons(ablations["random:P_b", 10.0, 1], draw_like(chosen, NEURONS, 1, 5))
    same_neurons(ablations["matched:P_b", 10.0, 1], draw_matched(chosen, NEURONS, sizes, 1, 5))
    kept = NEURONS.frame().join(ablations["keep_only:P_b", 10.0, 0], on=NAME, how="anti")
    same_neurons(kept, chosen)
    means = some_activations().select(*NAME, value="mean")
    for (name, *_), neurons in ablations.items():
        gives_mean = (value == "mean") != name.startswith(f"{other}:")
        if neurons is not None and gives_mean:
            expected = means.join(neurons, on=NAME, how="semi")
            assert_frame_equal(neurons, expected, check_row_order=False)
        elif neurons is not None:
            assert "value" not in neurons.columns


def test_keeping_every_neuron_is_the_whole_ranker():
    everything = scheme("P_a", 100.0, len(NEURONS), 0)
    settings = Settings(kinds=["", "keep_only"])
    rows = list(conditions(everything, NEURONS, some_activations(), settings))
    assert [(row.scheme, row.neurons is None) for row in rows] == [
        ("P_a", False),
        ("keep_only:P_a", True),
    ]


def test_the_log_says_how_well_a_control_matches(caplog):
    """Where too few neurons are left it is left out."""
    large = scheme("P_b", 60.0, int(0.6 * len(NEURONS)), 3)
    settings = Settings(kinds=["", "random", "matched"], random_draws=2)
    with caplog.at_level(logging.INFO):
        rows = list(conditions(pl.concat([SCHEMES, large]), NEURONS, some_activations(), settings))
    matched = {row[:2] for row in rows if row.scheme.startswith("matched:")}
    assert matched == {("matched:P_a", 1.0), ("matched:P_b", 10.0)}
    assert "P_a at 1 %: its neurons' activations are " in caplog.text
    assert "P_b at 60 %: no matched control (ablation.further: matched: " in caplog.text


def test_activations_of_another_ranker_are_refused():
    fewer = some_activations().head(50)
    with pytest.raises(UserError, match="not of this ranker's neurons"):
        list(conditions(SCHEMES, NEURONS, fewer, Settings()))
