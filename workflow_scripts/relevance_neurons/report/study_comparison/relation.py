"""Are the neurons of two studies' rankers the same ones, and how do we know?

A neuron is a place in one network. Two networks that were trained from one start keep it: other
data, seeds or steps change what the neuron does, not which one it is. Networks trained from
different starts have no such places in common, be their shapes equal: what is neuron 7 of the one
may be neuron 300 of the other. Study files name rankers, so this is what can be told:

- both name one ranker, or one start of fine-tuning (reranker.model, reranker.finetune.base);
- whatever they are called: how active neurons are. The order of their activations' sizes within a
  component of a layer stays in training and on other texts, and is chance between different starts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from relevance_neurons.report.study_comparison.pair import SIDES, Pair

SAME, SAME_START, ALIKE = "same ranker", "same start", "same activations"
UNKNOWN, OTHER_SHAPE = "not known to be the same", "other shape"
ALIKE_FROM = 0.5
"""Correlation of activations' sizes from which rankers of other names are taken for one network.

Measured on MiniLM-L6, 60 pairs: .86 for one ranker on other texts, .78 after 60 steps of training
at 1.5e-4, .70 for both at once; by chance 0, with a standard error of .05 at most.
"""
_ERRORS = 4
"""Standard errors of chance that a correlation must be beyond to say anything."""
_START = ("reranker.model", "reranker.finetune.base")


@dataclass(frozen=True)
class Relation:
    """What two rankers are to each other; ``reason`` says why in words.

    ``activation_spearman`` is None where it says nothing: without activations, or with components
    of so few neurons that chance reaches ``ALIKE_FROM``.
    """

    relation: str
    is_comparable: bool
    reason: str
    activation_spearman: float | None = None
    n_passages: int = 0
    largest_score_change: float | None = None


def relate(pair: Pair) -> Relation:
    """Judge the rankers of ``pair``."""
    fault = _other_shape(pair)
    if fault:
        return Relation(OTHER_SHAPE, False, fault)
    spearman, bound = _activations(pair)
    n_passages, change = pair.query("score_changes").row(0)
    found = (spearman, n_passages, change)
    named = _named(pair)
    if named and spearman is not None and spearman < bound:
        why = (
            f"{named[1]}, but the sizes of their neurons' activations correlate no more than by "
            f"chance ({spearman:.2f}): another network stands under the name"
        )
        return Relation(UNKNOWN, False, why, *found)
    if named:
        return Relation(named[0], True, _with_evidence(named[1], *found), *found)
    names = " and ".join(_name(pair, side) for side in (0, 1))
    if spearman is not None and spearman >= ALIKE_FROM:
        told = f"{names} have other names, but one start"
        return Relation(ALIKE, True, _with_evidence(told, *found), *found)
    why = f"{names} have one shape, but nothing says that they were trained from one start"
    if spearman is None:
        why += ", and their activations cannot tell"
    else:
        why += (
            f": the sizes of their neurons' activations correlate {spearman:.2f} (from "
            f"{ALIKE_FROM} on they count as one network)"
        )
    return Relation(UNKNOWN, False, why + "; neurons of other networks are other neurons", *found)


def other_methods(pair: Pair) -> str | None:
    """Why schemes without a method in their names pick by another one in each study, or None."""
    methods = []
    for side, letter in enumerate(SIDES):
        names = pair.query("own_methods").filter(side=letter)["method"].to_list()
        if len(names) != 1:
            return None  # no map, or more of them than schemes tell apart
        methods.append(pair.setting(side, f"attribution.methods.{names[0]}.method") or names[0])
    if methods[0] == methods[1]:
        return None
    a, b = (f"by {one} in {name}" for one, name in zip(methods, pair.names, strict=True))
    return f"picked {a}, {b}"


def _other_shape(pair: Pair) -> str | None:
    """The first way in which the shapes differ, in words."""
    shapes = pair.query("shapes")
    a, b = pair.names
    for name, column in ((a, "n_a"), (b, "n_b")):
        if shapes[column].is_null().all():
            return f"{name} tells no neurons: it has neither activations nor neuron_scores"
    layers = [shapes.drop_nulls(column)["layer"].n_unique() for column in ("n_a", "n_b")]
    if layers[0] != layers[1]:
        return f"{a} has {layers[0]} layers, {b} {layers[1]}: their neurons are other ones"
    for layer, component, *sizes in shapes.iter_rows():
        if sizes[0] != sizes[1]:
            told = [f"{n:,}" if n else "none" for n in sizes]
            return (
                f"neurons of {component} in layer {layer}: {told[0]} in {a}, {told[1]} in {b}: "
                "they are other ones"
            )
    return None


def _activations(pair: Pair) -> tuple[float | None, float]:
    """How far activations' sizes correlate, and what chance does not reach."""
    spearman, smallest = pair.query("activation_sizes").row(0)
    # The layers of a component share their order (they write in one stream): as if there was one.
    bound = _ERRORS / math.sqrt(smallest) if smallest else math.inf
    return (spearman, bound) if bound <= ALIKE_FROM else (None, bound)


def _name(pair: Pair, side: int) -> str:
    """What the ranker is called."""
    model, base = (pair.setting(side, key) for key in _START)
    if model:
        return str(model)
    return f"{base} as {pair.names[side]} fine-tuned it" if base else f"that of {pair.names[side]}"


def _named(pair: Pair) -> tuple[str, str] | None:
    """(relation, words) where the study files name one ranker or one start."""
    models, bases = (tuple(pair.setting(side, key) for side in (0, 1)) for key in _START)
    starts = [models[side] or bases[side] for side in (0, 1)]
    if not starts[0] or starts[0] != starts[1]:
        return None
    if all(models):
        return SAME, f"both name {starts[0]}"
    if any(models):
        return SAME_START, f"one is {starts[0]}, the other was fine-tuned from it"
    other = _training_differences(pair)
    if not other:
        return SAME, f"both were fine-tuned from {starts[0]}, in one way"
    return SAME_START, f"both were fine-tuned from {starts[0]}; what differs: {', '.join(other)}"


def _training_differences(pair: Pair) -> list[str]:
    """The settings of the training in which two studies differ, with both values."""
    collections = {
        name
        for side in (0, 1)
        for name in pair.setting(side, "reranker.finetune.collections") or ()
    }
    starts = ("reranker.finetune.", *(f"collections.{name}." for name in collections))
    a, b = pair.settings
    return [
        f"{key} ({a.get(key, 'nothing')}, {b.get(key, 'nothing')})"
        for key in sorted(a.keys() | b.keys())
        if (key.startswith(starts) or key == "seed") and a.get(key) != b.get(key)
    ]


def _with_evidence(
    words: str, spearman: float | None, n_passages: int, change: float | None
) -> str:
    told = [words]
    if spearman is not None:
        told.append(f"the sizes of their neurons' activations correlate {spearman:.2f}")
    if n_passages:
        told.append(
            f"their scores of {n_passages:,} shared passages are equal"
            if not change
            else f"their scores of {n_passages:,} shared passages differ by {change:.2g} at most"
        )
    return "; ".join(told)
