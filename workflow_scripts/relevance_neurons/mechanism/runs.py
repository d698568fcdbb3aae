"""Run a batch of pairs once, and keep what patches take from it or put into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from relevance_neurons.attribution.tracing import check_finite
from relevance_neurons.attribution.upper_layers import EMBEDDED, States, UpperLayers
from relevance_neurons.mechanism.sites import PROJECTIONS, RESIDUAL, Place, Sites
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.rankers.stages import answered
from relevance_neurons.rankers.taps import tapped

Put = Callable[[torch.Tensor], torch.Tensor | None]
"""Given what is at a place, shape (n_rows, n_tokens, columns): what to put there, None to leave."""


@dataclass(frozen=True)
class Run:
    """A padded batch of pairs, everything that patches need of it, and the ranker's scores.

    ``scores``: what is measured, shape (n_pairs,): the logit of relevant, of two logits the margin
    (both order passages alike).
    """

    states: States
    sites: Mapping[tuple[int, str], torch.Tensor]
    scores: torch.Tensor

    def at(self, layer: int, site: str) -> torch.Tensor:
        """What is at a site of a layer: (n_pairs, n_tokens, width)."""
        if site == RESIDUAL:
            return self.states.hidden(layer - 1)  # EMBEDDED for layer 0
        return self.sites[layer, site]


def read_scores(reranker: Reranker, logits: torch.Tensor) -> torch.Tensor:
    """The score that is patched, shape (n_rows,), in the precision of the logits."""
    return reranker.target_value(logits, "relevant", "margin")


def run_pairs(
    reranker: Reranker, upper: UpperLayers, sites: Sites, rows: Sequence[EncodedPair]
) -> Run:
    """One pass of a batch, without gradients. Raises ``UserError`` for logits not finite."""
    found: dict[tuple[int, str], torch.Tensor] = {}

    def keep(key: tuple[int, str]) -> Put:
        return lambda here: found.__setitem__(key, here)

    watched = {key: (place, keep(key)) for key, place in sites.places.items()}
    with visited(reranker, watched.values()):
        states = upper.states(rows, range(EMBEDDED, upper.n_layers))
    check_finite(states.logits)
    return Run(states, found, read_scores(reranker, states.logits))


def gradients(
    reranker: Reranker, upper: UpperLayers, sites: Sites, rows: Sequence[EncodedPair]
) -> dict[tuple[int, str], torch.Tensor]:
    """Gradients of the scores at every site and the residual stream, by one pass forth and back."""
    found: dict[tuple[int, str], torch.Tensor] = {}
    starts = {0: 0} | {end + 1: layer + 1 for layer, end in enumerate(upper.ends[:-1])}

    def watch(stage: int, entering: torch.Tensor, run: Callable):
        if stage in starts:
            if not entering.requires_grad:  # what enters the first layer of a frozen ranker
                entering.requires_grad_()
            found[starts[stage], RESIDUAL] = entering
        return run()

    def keep(key: tuple[int, str]) -> Put:
        return lambda here: found.__setitem__(key, here)

    places = sites.places.items()
    watched = [(place, keep(key)) for key, place in places if key[1] not in PROJECTIONS]
    with (
        torch.enable_grad(),
        reranker.precision("attribution"),
        visited(reranker, watched),
        answered(upper.stages, watch),
    ):
        scores = read_scores(reranker, reranker.model(**reranker.collate(rows)).logits)
        slopes = torch.autograd.grad(scores.sum(), list(found.values()))
    return dict(zip(found, slopes, strict=True))


@contextmanager
def visited(reranker: Reranker, places: Sequence[tuple[Place, Put]]) -> Iterator[None]:
    """Within the block, each ``Put`` is shown what is at its place in every pass."""
    by_end: dict[bool, dict] = {False: {}, True: {}}
    for place, put in places:
        by_end[place.is_input].setdefault(place.module, []).append((place, put))

    def tap(several: list[tuple[Place, Put]]):
        def show(call: int, whole: torch.Tensor) -> torch.Tensor | None:
            changed = None
            for place, put in several:
                if place.call != call:
                    continue
                # All of it as the tensor itself: gradients do not flow to a view of it.
                all_of_it = place.columns == slice(None)
                given = put(whole if all_of_it else whole[..., place.columns])
                if given is not None and all_of_it:
                    changed = given
                elif given is not None:
                    changed = whole.clone() if changed is None else changed
                    changed[..., place.columns] = given
            return changed

        return show

    outputs, inputs = ({m: tap(several) for m, several in by_end[end].items()} for end in by_end)
    with tapped(reranker.model, outputs, inputs):
        yield


def attention_of(
    reranker: Reranker, rows: Sequence[EncodedPair]
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Scores (n_pairs,) and each layer's attention (n_pairs, n_heads, n_tokens, n_tokens).

    A row of attention sums up to 1: from a token (first) to all tokens (second).
    """
    model = reranker.model
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")  # the others do not tell what they attend to
    try:
        with torch.inference_mode(), reranker.precision("attribution"):
            given = model(**reranker.collate(rows), output_attentions=True)
    finally:
        model.set_attn_implementation(before)
    return read_scores(reranker, given.logits), list(given.attentions)
