"""Path patching: what of a perturbation's effect goes from one head to where it is read.

What a sender puts out is taken from the run after the perturbation, at all positions, while all
other heads of its layer and those above put out what they did before; feed-forward parts and
LayerNorm are recomputed. Read is the last residual stream, so the score itself, or the query, key
or value of a receiver, which then goes into a pass in which nothing is held (Goldowsky-Dill et al.
2023; METHOD 4).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl
import torch

from relevance_neurons.mechanism.patcher import Patcher, Receivers
from relevance_neurons.mechanism.patches import with_ends
from relevance_neurons.mechanism.runs import Run
from relevance_neurons.mechanism.sites import HEADS, PROJECTIONS, RESIDUAL
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.heads import Head
from relevance_neurons.rankers.memory import Memory, halving

COLUMNS = {
    "sender_layer": pl.Int32,
    "sender_head": pl.Int32,
    "receiver": pl.String,
    "receiver_layer": pl.Int32,
    "receiver_head": pl.Int32,
    "logit": pl.Float64,
}


def patch_paths(
    patcher: Patcher,
    before: Sequence[EncodedPair],
    after: Sequence[EncodedPair],
    receivers: Sequence[Head] | None,
    memory: Memory,
) -> pl.DataFrame:
    """Scores of a batch of pairs under every path; a row is a pair (its place) under one.

    From every head to the last residual stream; with ``receivers`` from every head below them to
    their query, key and value instead. ``before`` and ``after``: pairs with as many tokens each.
    Columns: pair, those of ``COLUMNS``, logit_before, logit_after.
    """
    with torch.inference_mode():
        run, other = patcher.run(before), patcher.run(after)
        found = [
            row
            for layer in range(patcher.heads.n_layers)
            for senders in _chunks(patcher, layer, before, memory)
            for row in _from(patcher, (run, other), layer, senders, receivers, memory)
        ]
    rows = [(pair, *path, float(one)) for path, row in found for pair, one in enumerate(row)]
    frame = pl.DataFrame(rows, {"pair": pl.UInt32} | COLUMNS, orient="row")
    return with_ends(frame, run, other)


Path = tuple[int, int, str, int | None, int | None]
"""Layer and head of the sender, what is read, and the receiver's layer and head."""


def _chunks(
    patcher: Patcher, layer: int, before: Sequence[EncodedPair], memory: Memory
) -> Iterator[range]:
    """Heads of a layer whose paths go through together."""
    tokens = sum(map(len, before))
    size = max(1, memory.batch_tokens // tokens)
    heads = range(patcher.heads.n_heads)
    return (heads[start : start + size] for start in heads[::size])


def _from(
    patcher: Patcher,
    runs: tuple[Run, Run],
    layer: int,
    senders: Sequence[int],
    receivers: Sequence[Head] | None,
    memory: Memory,
) -> Iterator[tuple[Path, torch.Tensor]]:
    """Paths from some heads of a layer, each with its scores, shape (n_pairs,)."""
    run, other = runs
    above = [one for one in receivers or () if one[0] > layer]
    if receivers is not None and not above:
        return

    def through(some: Sequence[int]) -> list[tuple[Path, torch.Tensor]]:
        here, there = run.at(layer, HEADS), other.at(layer, HEADS)
        everywhere = torch.ones(here.shape[:2], dtype=torch.bool, device=here.device)
        given = patcher.changed(here, there, [(everywhere, head) for head in some])
        if receivers is None:
            scores = patcher.direct_scores(run, layer, given).unflatten(0, (len(here), -1))
            return [((layer, h, RESIDUAL, None, None), scores[:, n]) for n, h in enumerate(some)]
        read = patcher.receivers(run, layer, given, sorted({one for one, _ in above}))
        return [
            ((layer, head, site, *receiver), scores[:, n])
            for receiver in above
            for site in PROJECTIONS
            for scores in [_received(patcher, run, read, receiver, site)]
            for n, head in enumerate(some)
        ]

    for _, found in halving(senders, memory, through):
        yield from found


def _received(
    patcher: Patcher, run: Run, read: Receivers, receiver: Head, site: str
) -> torch.Tensor:
    """Scores where a receiver's projection is what it read: (n_pairs, n_senders)."""
    layer, head = receiver
    given = read[layer, site]
    n_senders = len(given) // len(run.scores)
    here = run.at(layer, site)[:, : given.shape[1]].repeat_interleave(n_senders, 0)
    columns = patcher.heads.columns(head)
    here[..., columns] = given[..., columns]
    return patcher.scores(run, layer, site, here).unflatten(0, (-1, n_senders))
