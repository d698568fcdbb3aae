"""Patches by our own forward pass of a BERT-type encoder, which computes less than the model's."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from relevance_neurons.mechanism.patcher import Patcher, repeated
from relevance_neurons.mechanism.runs import read_scores
from relevance_neurons.mechanism.sites import (
    ATTENTION_OUTPUT,
    FF_OUTPUT,
    HEADS,
    PROJECTIONS,
    RESIDUAL,
)
from relevance_neurons.rankers.kernels import product_plus


class OwnPatcher(Patcher):
    """As ``Patcher``: attention is not computed again where a site lies behind it.

    The last layer runs at the first token, the only one that is read. Heads that are held do not
    attend, so that what goes directly to the last residual stream runs at the first token alone,
    through feed-forward parts and LayerNorm.
    """

    def tokens_read(self, layer, site):
        """As ``Patcher``; behind the last layer's attention the first token alone."""
        behind = site in (HEADS, ATTENTION_OUTPUT, FF_OUTPUT)
        return slice(0, 1) if behind and self.upper.encoder.layers[layer].last else slice(None)

    def scores(self, run, layer, site, given):
        """As ``Patcher``."""
        own, mask = self.upper.encoder.layers[layer], self._mask(run, given)
        with self.reranker.precision("attribution"):
            if site == RESIDUAL:
                hidden = own.run(given, mask, {})[1]
            elif site in PROJECTIONS:
                hidden = self._from_projections(run, layer, site, given)
            else:
                hidden = self._behind_attention(run, layer, site, given, own.last)
            return self._read(layer, hidden, mask)

    def direct_scores(self, run, layer, given):
        """As ``Patcher``."""
        with self.reranker.precision("attribution"):
            *_, hidden = self._held(run, layer, given, True)
            return self._read(self.heads.n_layers - 1, hidden, None)

    def receivers(self, run, layer, given, layers):
        """As ``Patcher``; of the last layer the query at the first token alone."""
        found = {}
        with self.reranker.precision("attribution"):
            entering = self._held(run, layer, given, False)
            for above in range(layer + 1, max(layers) + 1):
                hidden = next(entering)
                if above in layers:
                    own = self.upper.encoder.layers[above]
                    projected = own.project(hidden)
                    found |= {(above, s): x for s, x in zip(PROJECTIONS, projected, strict=True)}
        return found

    def _held(self, run, layer: int, given: torch.Tensor, first: bool) -> Iterator[torch.Tensor]:
        """Yield what leaves each layer from ``layer`` on, the heads above held.

        ``first``: at the first token alone.
        """
        hidden = self._behind_attention(
            run, layer, HEADS, given, first or self.upper.encoder.layers[layer].last
        )
        yield hidden
        for above in range(layer + 1, self.heads.n_layers):
            own = self.upper.encoder.layers[above]
            tokens = slice(0, 1) if first or own.last else slice(None)
            held = repeated(run.at(above, ATTENTION_OUTPUT)[:, tokens], given)
            hidden = own.above_heads(held + hidden[:, tokens])
            yield hidden

    def _behind_attention(
        self, run, layer: int, site: str, given: torch.Tensor, first: bool
    ) -> torch.Tensor:
        """What leaves a layer for something else at a site behind its attention."""
        own, tokens = self.upper.encoder.layers[layer], slice(0, 1) if first else slice(None)
        entering = repeated(run.at(layer, RESIDUAL)[:, tokens], given)
        if site == HEADS:
            return own.above_heads(product_plus(own.attention_output, given[:, tokens], entering))
        if site == ATTENTION_OUTPUT:
            return own.above_heads(given[:, tokens] + entering)
        attention = repeated(run.at(layer, ATTENTION_OUTPUT)[:, tokens], given)
        return own.ff_norm(given[:, tokens] + own.attention_norm(attention + entering))

    def _from_projections(self, run, layer: int, site: str, given: torch.Tensor) -> torch.Tensor:
        """What leaves a layer for another query, key or value."""
        own = self.upper.encoder.layers[layer]
        query, key, value = (
            given if one == site else repeated(run.at(layer, one), given) for one in PROJECTIONS
        )
        joint = torch.cat([key, value], -1)
        known = (
            {"query": query[:, :1], "key_value": joint}
            if own.last
            else {"qkv": torch.cat([query, joint], -1)}
        )
        entering = repeated(run.at(layer, RESIDUAL), given)
        return own.finish(entering, self._mask(run, given), known)

    def _mask(self, run, given: torch.Tensor) -> torch.Tensor | None:
        real = run.states.real
        return None if bool(real.all()) else repeated(real, given)[:, None, None, :]

    def _read(self, layer: int, hidden: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        return read_scores(self.reranker, self.upper.encoder.run_above(layer, hidden, mask))
