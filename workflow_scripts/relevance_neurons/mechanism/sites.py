"""Where in a ranker something can be recorded or put in: module, call and columns of each place."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from torch import nn

from relevance_neurons.rankers.architectures import component_columns, encoder_layers, layer_calls
from relevance_neurons.rankers.reranker import Reranker

RESIDUAL, HEADS, ATTENTION_OUTPUT, FF_OUTPUT = "residual", "heads", "attention_output", "ff_output"
PROJECTIONS = ("query", "key", "value")
"""What a head reads: the outputs of these components, all heads' beside each other."""
BLOCK_SITES = (RESIDUAL, ATTENTION_OUTPUT, FF_OUTPUT)
"""The stream that enters a layer, what attention adds to it, and what feed-forward adds to it."""


class Place(NamedTuple):
    """Some columns of what goes into a module (``is_input``) or out of it, in one of its calls.

    ``columns`` is ``slice(None)`` where it is all of it.
    """

    module: nn.Module
    call: int
    columns: slice
    is_input: bool


class Sites:
    """The places of a ranker by (layer, site): all but the residual stream.

    ``HEADS`` is what all heads of a layer put out, beside each other, before they are mixed.
    """

    def __init__(self, reranker: Reranker) -> None:
        model, architecture = reranker.model, reranker.architecture
        self._layers = encoder_layers(model, architecture)
        self.places: dict[tuple[int, str], Place] = {}
        for number, call in enumerate(layer_calls(self._layers)):
            for component in (*PROJECTIONS, ATTENTION_OUTPUT, FF_OUTPUT):
                (one,) = component_columns(self._layers[number], architecture, component)
                whole = one.size == one.module.out_features
                columns = slice(None) if whole else slice(one.column, one.column + one.size)
                self.places[number, component] = Place(one.module, call or 0, columns, False)
            mixing = self.places[number, ATTENTION_OUTPUT]
            self.places[number, HEADS] = mixing._replace(columns=slice(None), is_input=True)

    def called(self, layer: int, site: str, first_layer: int) -> Place:
        """The place as it is met in a pass that starts at ``first_layer``, which skips calls."""
        place = self.places[layer, site]
        skipped = Counter(self._layers[:first_layer])[self._layers[layer]]
        return place._replace(call=place.call - skipped)
