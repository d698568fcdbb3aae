"""The attention heads of a ranker, and which columns of a layer's projections are theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.architectures import component_columns, encoder_layers
from relevance_neurons.rankers.reranker import Reranker

Head = tuple[int, int]
"""Layer and head, both from 0."""


@dataclass(frozen=True)
class Heads:
    """``n_heads`` heads in each of ``n_layers`` layers, of ``size`` columns each.

    Query, key and value of a head are these columns of the components' outputs, what it puts out
    (attention times value) these columns of what enters the component attention_output.
    """

    n_layers: int
    n_heads: int
    size: int

    @classmethod
    def of(cls, reranker: Reranker) -> Heads:
        """The heads of a ranker.

        Raises ``UserError`` for an encoder-decoder, and where a layer's projections are not those
        of as many equal heads as its configuration says.
        """
        model, architecture = reranker.model, reranker.architecture
        if getattr(model.config, "is_encoder_decoder", False):
            raise UserError(
                f"reranker.model: a {type(model).__name__} is an encoder-decoder, which has "
                "attention of several kinds; heads are looked at in encoders alone: take another "
                "ranker, or leave out what asks for heads"
            )
        n_heads = getattr(model.config, "num_attention_heads", None)
        layers = encoder_layers(model, architecture)
        widths = {
            width
            for layer in layers
            for component in ("query", "key", "value", "attention_output")
            for width in _widths(component_columns(layer, architecture, component), component)
        }
        width = widths.pop() if len(widths) == 1 else None
        if not n_heads or width is None or width % n_heads:
            raise UserError(
                f"reranker.model: the heads of a {type(model).__name__} cannot be told apart "
                f"(heads by its configuration: {n_heads}; columns of its projections: "
                f"{width or 'several numbers'}); take another ranker, or leave out what asks for "
                "heads"
            )
        return cls(len(layers), n_heads, width // n_heads)

    def __len__(self) -> int:
        return self.n_layers * self.n_heads

    def columns(self, head: int) -> slice:
        """Where a head lies in its layer's projections."""
        return slice(head * self.size, (head + 1) * self.size)

    def frame(self) -> pl.DataFrame:
        """layer, head of every head, in order."""
        rows = [(layer, head) for layer in range(self.n_layers) for head in range(self.n_heads)]
        return pl.DataFrame(rows, {"layer": pl.Int32, "head": pl.Int32}, orient="row")

    def values(self, heads: Sequence[Head]) -> pl.DataFrame:
        """The value neurons of ``heads`` (layer, component, neuron).

        Without them a head puts out nothing: its attention sums up to 1 and weighs what they give.
        """
        rows = [
            (layer, "value", neuron)
            for layer, head in sorted(set(heads))
            for neuron in range(self.n_heads * self.size)[self.columns(head)]
        ]
        schema = {"layer": pl.Int32, "component": pl.String, "neuron": pl.Int32}
        return pl.DataFrame(rows, schema, orient="row")

    def of_values(self, neurons: pl.DataFrame) -> pl.DataFrame | None:
        """``neurons``, each once, with their ``head``, where they are ``values`` of some heads.

        None where there are others among them, or not all of a head.
        """
        found = neurons.with_columns(head=(pl.col("neuron") // self.size).cast(pl.Int32))
        sizes = found.group_by("layer", "head").len()["len"]
        is_whole = bool((found["component"] == "value").all() and (sizes == self.size).all())
        return found if is_whole and len(found) else None


def _widths(columns: Sequence, component: str) -> list[int]:
    """Number of columns of all heads together, as a component's modules have it."""
    if component == "attention_output":
        return [one.module.in_features for one in columns] if len(columns) == 1 else [0]
    return [sum(one.size for one in columns)] if len(columns) == 1 else [0]
