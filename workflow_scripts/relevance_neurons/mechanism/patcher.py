"""Put something in at a site of a ranker and see what becomes of the score.

The layers below the site answer from what a run left behind, and many patches of many pairs go
through the layers above at once. LayerNorm is recomputed, never taken for a fixed scale.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from relevance_neurons.attribution.upper_layers import OwnUpperLayers, UpperLayers
from relevance_neurons.errors import UserError
from relevance_neurons.mechanism.runs import Put, Run, attention_of, read_scores, run_pairs, visited
from relevance_neurons.mechanism.sites import HEADS, PROJECTIONS, RESIDUAL, Sites
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.heads import Heads
from relevance_neurons.rankers.own_encoder import ROUNDING
from relevance_neurons.rankers.reranker import Reranker

Receivers = Mapping[tuple[int, str], torch.Tensor]
"""By (layer, query | key | value): that projection of all heads, (n_rows, n_tokens, width)."""


class Patcher:
    """Patches by the model's own forward pass, for every encoder that is described.

    Tensors to put in have shape (n_pairs × repeats, n_tokens, width), a pair's repeats beside each
    other. Scores are those of ``Run``, shape (n_pairs × repeats,).
    """

    def __init__(self, reranker: Reranker, heads: Heads, upper: UpperLayers) -> None:
        self.reranker, self.heads, self.upper = reranker, heads, upper
        self.sites = Sites(reranker)

    @classmethod
    def open(cls, reranker: Reranker, encoded: Sequence[EncodedPair]) -> Patcher:
        """What patches ``reranker``; our own forward pass where that is the model's on ``encoded``.

        Raises ``UserError`` for an encoder-decoder, and where what heads put out is not their
        attention times their values: they could not be told apart.
        """
        heads = Heads.of(reranker)
        upper = UpperLayers.open(reranker, encoded)
        if isinstance(upper, OwnUpperLayers):
            from relevance_neurons.mechanism.own_patcher import OwnPatcher

            cls = OwnPatcher
        patcher = cls(reranker, heads, upper)
        if encoded:
            patcher.check([min(encoded, key=len), max(encoded, key=len)])
        return patcher

    def run(self, rows: Sequence[EncodedPair]) -> Run:
        """One pass of a batch of pairs, with all that patches take from it."""
        return run_pairs(self.reranker, self.upper, self.sites, rows)

    def mixed(self, attention: torch.Tensor, layer: int, values: Run) -> torch.Tensor:
        """What all heads of a layer put out for some attention and the values of another run."""
        value = values.at(layer, "value").unflatten(-1, (self.heads.n_heads, -1)).transpose(1, 2)
        return (attention @ value).transpose(1, 2).flatten(2)

    @torch.inference_mode()
    def check(self, rows: Sequence[EncodedPair]) -> None:
        """Raise ``UserError`` unless what heads put out is attention times value, in each layer."""
        run, (_, attention) = self.run(rows), attention_of(self.reranker, rows)
        real = run.states.real[:, :, None]
        for layer in range(self.heads.n_layers):
            problem = f"has attention of {attention[layer].shape[1]} heads"
            if attention[layer].shape[1] == self.heads.n_heads:
                found, expected = self.mixed(attention[layer], layer, run), run.at(layer, HEADS)
                off = ((found - expected) * real).abs().max() / expected.abs().max().clamp_min(1.0)
                if off <= ROUNDING:
                    continue
                problem = f"puts out what is not attention times values (off by {float(off):.2g})"
            raise UserError(
                f"reranker.model: layer {layer} {problem}: its {self.heads.n_heads} heads cannot "
                "be told apart; take another ranker, or leave out what asks for heads"
            )

    def tokens_read(self, layer: int, site: str) -> slice:
        """Of which positions anything that is put in at a site is read: here of all."""
        return slice(None)

    def changed(
        self,
        here: torch.Tensor,
        there: torch.Tensor,
        patches: Sequence[tuple[torch.Tensor, int | None]],
    ) -> torch.Tensor:
        """``here``, with ``there`` at the tokens and in the columns of each patch.

        Both of shape (n_pairs, n_tokens, width); a patch is where its tokens are, (n_pairs,
        n_tokens), and a head, or None for all columns. Returns (n_pairs × n_patches, …).
        """
        tokens = torch.stack([mask for mask, _ in patches], 1)
        columns = torch.zeros(len(patches), here.shape[-1], dtype=torch.bool, device=here.device)
        for row, (_, head) in enumerate(patches):
            columns[row, slice(None) if head is None else self.heads.columns(head)] = True
        chosen = tokens[..., None] & columns[:, None]
        return torch.where(chosen, there[:, None], here[:, None]).flatten(0, 1)

    def scores(self, run: Run, layer: int, site: str, given: torch.Tensor) -> torch.Tensor:
        """Scores with ``given`` in the place of what ``run`` has at a site."""
        return self._above(run, layer, {} if site == RESIDUAL else {(layer, site): given}, given)

    def direct_scores(self, run: Run, layer: int, given: torch.Tensor) -> torch.Tensor:
        """Scores with ``given`` in the place of what the heads of ``layer`` put out.

        The heads of all layers above put out what they do in ``run``; LayerNorm and feed-forward
        parts are recomputed. So only what goes to the last residual stream directly, or through
        these, changes anything (path patching, Goldowsky-Dill et al. 2023, as METHOD 4 holds).
        """
        return self._above(run, layer, self._frozen(run, layer, given), given)

    def receivers(
        self, run: Run, layer: int, given: torch.Tensor, layers: Sequence[int]
    ) -> Receivers:
        """As ``direct_scores``, but what the projections of some ``layers`` above then give."""
        found: dict[tuple[int, str], torch.Tensor] = {}

        def keep(key: tuple[int, str]) -> Put:
            return lambda here: found.__setitem__(key, here)

        keys = [(above, site) for above in layers for site in PROJECTIONS]
        first = self._first(layer)
        watched = [(self.sites.called(*key, first), keep(key)) for key in keys]
        with visited(self.reranker, watched):
            self._above(run, layer, self._frozen(run, layer, given), given)
        return found

    def _frozen(self, run: Run, layer: int, given: torch.Tensor) -> dict:
        above = range(layer + 1, self.heads.n_layers)
        held = {(one, HEADS): repeated(run.at(one, HEADS), given) for one in above}
        return {(layer, HEADS): given} | held

    def _above(self, run: Run, layer: int, puts: Mapping, given: torch.Tensor) -> torch.Tensor:
        """Scores of the layers from ``layer`` on, with something put in at some of their sites."""
        repeats, first = len(given) // len(run.scores), self._first(layer)
        entering = repeated(run.at(layer, RESIDUAL), given) if puts else given
        places = [(self.sites.called(*key, first), lambda _, x=x: x) for key, x in puts.items()]
        with visited(self.reranker, places):
            logits = self.upper.logits(run.states, layer - 1, entering, repeats)
        return read_scores(self.reranker, logits)

    def _first(self, layer: int) -> int:
        """The first layer that runs where only those from ``layer`` on are asked for."""
        return layer if getattr(self.upper, "skips", True) else 0


def repeated(one: torch.Tensor, given: torch.Tensor) -> torch.Tensor:
    """A tensor of a run, (n_pairs, …), for each of the rows that are given: (n_rows, …)."""
    return one.repeat_interleave(len(given) // len(one), 0)
