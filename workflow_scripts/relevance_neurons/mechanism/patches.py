"""Activation patching: what of a perturbation's effect each part of a ranker carries.

A pair is run before and after its perturbation; some activations of the run after are put into the
run before, and the score is read (METHOD 4; Meng et al. 2022, Wang et al. 2023). Blocks are patched
by class of token; heads at all positions and by class, what they put out and what they attend to
apart. Linear attribution patching (Nanda 2023) estimates all of them from one backward pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl
import torch
from torch.nn.utils.rnn import pad_sequence

from relevance_neurons.mechanism.patcher import Patcher
from relevance_neurons.mechanism.runs import Run, attention_of, gradients
from relevance_neurons.mechanism.sites import BLOCK_SITES, HEADS
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.heads import Head
from relevance_neurons.rankers.memory import Memory, halving

ALL = "all"
"""In place of a token class: every position."""
OUTPUT, PATTERN = "output", "pattern"
"""Of a head: what it puts out; what it attends to, with the values as they were."""
BLOCK, HEAD, HEAD_CLASS = "block", "head", "head_class"

COLUMNS = {
    "grid": pl.String,
    "site": pl.String,
    "layer": pl.Int32,
    "head": pl.Int32,
    "token_class": pl.String,
    "logit": pl.Float64,
    "estimate": pl.Float64,
}


@dataclass(frozen=True)
class Patch:
    """Which columns, of one head or all, at which class of tokens."""

    head: int | None
    token_class: str


@dataclass(frozen=True)
class Change:
    """What may be put in at a site of a layer: what is there, what comes instead, and slopes.

    Tensors of shape (n_pairs, n_tokens, width); ``masks``: where each token class is, (n_pairs,
    n_tokens); ``site`` is the patcher's, ``name`` the table's.
    """

    layer: int
    site: str
    name: str
    here: torch.Tensor
    there: torch.Tensor
    slope: torch.Tensor
    masks: dict[str, torch.Tensor]


def patch_pairs(
    patcher: Patcher,
    before: Sequence[EncodedPair],
    after: Sequence[EncodedPair],
    classes: Sequence[Sequence[str]],
    memory: Memory,
    by_class: Sequence[Head] | None = None,
) -> pl.DataFrame:
    """Scores of a batch of pairs under every patch; a row is a pair (its place) under one.

    ``before`` and ``after``: pairs with as many tokens each, ``classes`` of each position. Patched
    are blocks by class, and every head at all positions; or, of the heads ``by_class`` alone, each
    by class. A token class that a pair does not have has no row. Columns: pair, those of
    ``COLUMNS``, logit_before, logit_after.
    """
    masks = _masks(classes, patcher.reranker.device)
    slopes = gradients(patcher.reranker, patcher.upper, patcher.sites, before)
    with torch.inference_mode():
        run, other = patcher.run(before), patcher.run(after)
        _, attention = attention_of(patcher.reranker, after)
        frames = [
            _rows(patcher, run, change, _patches(patcher, change, by_class), memory)
            for change in _changes(patcher, run, other, attention, slopes, masks)
        ]
    return with_ends(pl.concat(frames), run, other)


def with_ends(frame: pl.DataFrame, run: Run, other: Run) -> pl.DataFrame:
    """``frame`` with logit_before and logit_after of each ``pair``, its place in both runs."""
    scores = pl.DataFrame(
        {"logit_before": run.scores.double().cpu(), "logit_after": other.scores.double().cpu()}
    ).with_row_index("pair")
    return frame.join(scores, on="pair", how="left", maintain_order="left")


def _masks(classes: Sequence[Sequence[str]], device: torch.device) -> dict[str, torch.Tensor]:
    """Where each class that there is lies, and every token: bool, (n_pairs, n_tokens)."""
    there = sorted({name for row in classes for name in row})
    found = {ALL: [[True] * len(row) for row in classes]}
    found |= {name: [[one == name for one in row] for row in classes] for name in there}
    return {
        name: pad_sequence([torch.tensor(row) for row in rows], batch_first=True).to(device)
        for name, rows in found.items()
    }


def _changes(patcher, run: Run, other: Run, attention, slopes, masks) -> Iterator[Change]:
    for layer in range(patcher.heads.n_layers):
        for site in BLOCK_SITES:
            there = run.at(layer, site), other.at(layer, site)
            yield Change(layer, site, site, *there, slopes[layer, site], masks)
        here, slope = run.at(layer, HEADS), slopes[layer, HEADS]
        yield Change(layer, HEADS, OUTPUT, here, other.at(layer, HEADS), slope, masks)
        mixed = patcher.mixed(attention[layer], layer, run)
        yield Change(layer, HEADS, PATTERN, here, mixed, slope, masks)


def _patches(patcher: Patcher, change: Change, by_class: Sequence[Head] | None) -> list[Patch]:
    """Those of a site, see ``patch_pairs``."""
    if by_class is not None:
        if change.site != HEADS:
            return []
        own = [head for layer, head in by_class if layer == change.layer]
        return [Patch(head, name) for head in own for name in change.masks if name != ALL]
    if change.site == HEADS:
        return [Patch(head, ALL) for head in range(patcher.heads.n_heads)]
    return [Patch(None, name) for name in change.masks]


def _rows(
    patcher: Patcher, run: Run, change: Change, patches: Sequence[Patch], memory: Memory
) -> pl.DataFrame:
    """A row is a pair under a patch."""
    if not patches:
        return pl.DataFrame(schema={"pair": pl.UInt32} | COLUMNS)
    scores = _patched(patcher, run, change, patches, memory).double().cpu().numpy()
    estimates = _estimated(patcher, run, change, patches).double().cpu().numpy()
    there = torch.stack([change.masks[one.token_class].any(1) for one in patches], 1).cpu().numpy()
    pairs, places = there.nonzero()
    chosen = [patches[place] for place in places]
    columns = {
        "grid": [grid_of(change.site, one) for one in chosen],
        "site": [change.name] * len(chosen),
        "layer": [change.layer] * len(chosen),
        "head": [one.head for one in chosen],
        "token_class": [one.token_class for one in chosen],
        "logit": scores[pairs, places],
        "estimate": estimates[pairs, places],
    }
    return pl.DataFrame({"pair": pairs} | columns, {"pair": pl.UInt32} | COLUMNS)


def grid_of(site: str, patch: Patch) -> str:
    """The table's grid of a patch: blocks by class, heads at all positions or by class."""
    if site != HEADS:
        return BLOCK
    return HEAD if patch.token_class == ALL else HEAD_CLASS


def _patched(
    patcher: Patcher, run: Run, change: Change, patches: Sequence[Patch], memory: Memory
) -> torch.Tensor:
    """Scores under each patch, shape (n_pairs, n_patches)."""
    read = patcher.tokens_read(change.layer, change.site)
    here, there = change.here[:, read], change.there[:, read]
    masks = {name: mask[:, read] for name, mask in change.masks.items()}

    def score(some: Sequence[Patch]) -> torch.Tensor:
        given = patcher.changed(here, there, [(masks[one.token_class], one.head) for one in some])
        return patcher.scores(run, change.layer, change.site, given).unflatten(0, (len(here), -1))

    found = run.scores[:, None].repeat(1, len(patches))
    todo = [
        n for n, one in enumerate(patches) if masks[one.token_class].any()
    ]  # the rest is unread
    size = max(1, memory.batch_tokens // here.shape[:2].numel())
    for start in range(0, len(todo), size):
        chunk = todo[start : start + size]
        for part, scores in halving(chunk, memory, lambda some: score([patches[n] for n in some])):
            found[:, list(part)] = scores
    return found


def _estimated(
    patcher: Patcher, run: Run, change: Change, patches: Sequence[Patch]
) -> torch.Tensor:
    """What the slopes foretell of each patch, shape (n_pairs, n_patches)."""
    linear = (change.there - change.here) * change.slope
    n_parts = patcher.heads.n_heads if change.site == HEADS else 1
    parts = linear.unflatten(-1, (n_parts, -1)).sum(-1)
    sums = {name: (parts * mask[:, :, None]).sum(1) for name, mask in change.masks.items()}
    each = [sums[one.token_class][:, one.head or 0] for one in patches]
    return run.scores[:, None] + torch.stack(each, 1)
