"""The ranker from the output of an encoder layer upwards, from stored states.

The layers below run once for a batch, however often those above do: that is what an information
bottleneck, with its ten steps of ten samples, costs least with.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from relevance_neurons.attribution.tracing import check_finite
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.encoder import Encoder
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.memory import is_out_of_memory
from relevance_neurons.rankers.own_encoder import ROUNDING, own_encoder
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.rankers.stages import Output, answered, stages_of

logger = logging.getLogger(__name__)

EMBEDDED = -1
"""In place of a layer's number: what enters layer 0."""


@dataclass(frozen=True)
class States:
    """A padded batch of pairs, the hidden states after some layers, and the ranker's logits.

    ``others`` is what each stage puts out beside hidden states; None where it is those alone.
    """

    inputs: Mapping[str, torch.Tensor]
    kept: Mapping[int, torch.Tensor]
    others: Sequence[tuple | None]
    logits: torch.Tensor

    @property
    def real(self) -> torch.Tensor:
        """Where a token is, and no padding: bool, shape (n_pairs, n_tokens)."""
        return self.inputs["attention_mask"].bool()

    def hidden(self, layer: int) -> torch.Tensor:
        """What comes out of a layer that was asked for: (n_pairs, n_tokens, width)."""
        return self.kept[layer]


class UpperLayers:
    """The layers above each layer of a ranker; of an encoder-decoder, above the encoder's.

    Of DeBERTa's largest the convolution beside the first layer counts to that: what is above sees
    nothing of the pair but what comes out of it.
    """

    def __init__(self, reranker: Reranker) -> None:
        self.reranker = reranker
        self.stages, self.ends = stages_of(reranker)

    @classmethod
    def open(cls, reranker: Reranker, encoded: Sequence[EncodedPair]) -> UpperLayers:
        """Our own forward pass where it gives the stock model's logits, else the model's."""
        encoder = own_encoder(reranker, encoded, lambda own, x: own.trace(x, lambda *_: None))
        if encoder is not None:
            return OwnUpperLayers(reranker, encoder)
        return StockUpperLayers.tried(reranker, encoded)

    @property
    def n_layers(self) -> int:
        """How many layers there are, a shared one as often as it runs."""
        return len(self.ends)

    def check(self, layers: Sequence[int]) -> None:
        """Raise ``UserError`` for a layer that the ranker does not have."""
        for layer in layers:
            if type(layer) is not int or not 0 <= layer < self.n_layers:
                raise UserError(
                    f"tokens.layers: {layer!r} was found; this ranker has layers 0 to "
                    f"{self.n_layers - 1}"
                )

    def states(self, rows: Sequence[EncodedPair], layers: Sequence[int]) -> States:
        """One pass of a batch without gradients, the states after each of ``layers`` kept.

        ``EMBEDDED`` may be among them: what enters layer 0.
        """
        wanted = {self.ends[layer]: layer for layer in layers if layer != EMBEDDED}
        kept: dict[int, torch.Tensor] = {}
        others: list[tuple | None] = []

        def record(stage: int, entering: torch.Tensor, run: Callable[..., Output]) -> Output:
            if stage == 0 and EMBEDDED in layers:
                kept[EMBEDDED] = entering
            output = run()
            hidden, *rest = output if isinstance(output, tuple) else (output,)
            others.append(tuple(rest) if isinstance(output, tuple) else None)
            if stage in wanted:
                kept[wanted[stage]] = hidden
            return output

        inputs = self.reranker.collate(rows)
        with (
            torch.no_grad(),
            self.reranker.precision("attribution"),
            answered(self.stages, record),
        ):
            logits = self.reranker.model(**inputs).logits
        return States(inputs, kept, others, logits)

    def logits(
        self, states: States, layer: int, hidden: torch.Tensor, repeats: int
    ) -> torch.Tensor:
        """Logits (n_pairs × repeats, n_logits) of the layers above ``layer``.

        ``hidden``, shape (n_pairs × repeats, n_tokens, width), stands in for what the layer (or,
        of ``EMBEDDED``, what is below all of them) puts out; a pair's repeats are neighbours. In
        the precision of attribution; gradients flow where they are enabled.
        """
        raise NotImplementedError

    def cost_forwards(self, layer: int) -> float:
        """Of a pass from the layer upwards and back, by the share of layers; a back pass is one."""
        return 2 * (self.n_layers - 1 - layer) / self.n_layers


class OwnUpperLayers(UpperLayers):
    """Our own forward pass of a BERT-type encoder, whose last layer runs at the first token."""

    def __init__(self, reranker: Reranker, encoder: Encoder) -> None:
        super().__init__(reranker)
        self.encoder = encoder

    def logits(self, states, layer, hidden, repeats):
        """As ``UpperLayers``."""
        real, mask = states.real, None
        if not bool(real.all()):
            mask = real.repeat_interleave(repeats, 0)[:, None, None, :]
        with self.reranker.precision("attribution"):
            return self.encoder.trace_above(layer, hidden, mask)


class StockUpperLayers(UpperLayers):
    """The model's own forward pass, in which the layers below answer without computing.

    ``skips``: whether they do; else they run, and what the layer puts out is replaced.
    """

    def __init__(self, reranker: Reranker, skips: bool = True) -> None:
        super().__init__(reranker)
        self.skips = skips

    @classmethod
    def tried(cls, reranker: Reranker, encoded: Sequence[EncodedPair]) -> StockUpperLayers:
        """With layers skipped where the model's logits stay what they are, else whole passes."""
        for skips in (True, False):
            upper = cls(reranker, skips)
            problem = upper.problem(encoded)
            if problem is None:
                return upper
            if skips:
                # Way out: nothing need be done.
                logger.warning(
                    "the layers below a bottleneck cannot be skipped in this model (%s): they run "
                    "in every pass, which takes longer",
                    problem,
                )
        raise UserError(
            f"tokens: the states of a {type(reranker.model).__name__} cannot be replaced after a "
            f"layer ({problem}); take a method without layers, or another ranker"
        )

    def logits(self, states, layer, hidden, repeats):
        """As ``UpperLayers``."""
        end = EMBEDDED if layer == EMBEDDED else self.ends[layer]

        def replace(stage: int, _entering: torch.Tensor, run: Callable[..., Output]) -> Output:
            if stage > end:
                # What is embedded enters the first layer, and DeBERTa's convolution beside it.
                return run(hidden) if layer == EMBEDDED and stage <= self.ends[0] else run()
            if self.skips:
                others = states.others[stage]
                return hidden if others is None else (hidden, *_repeated(others, repeats, hidden))
            output = run()
            if stage < end:
                return output
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        inputs = {name: x.repeat_interleave(repeats, 0) for name, x in states.inputs.items()}
        with self.reranker.precision("attribution"), answered(self.stages, replace):
            return self.reranker.model(**inputs).logits

    def cost_forwards(self, layer: int) -> float:
        """As ``UpperLayers``."""
        share = super().cost_forwards(layer) / 2
        return 2 * share if self.skips else 1 + share

    def problem(self, encoded: Sequence[EncodedPair]) -> str | None:
        """What goes wrong where the states of a short and a long pair are put back unchanged.

        Raises ``UserError`` where the model's own logits are no finite numbers.
        """
        if not encoded:
            return None
        layers = range(self.n_layers)
        try:
            states = self.states([min(encoded, key=len), max(encoded, key=len)], layers)
            check_finite(states.logits)
            expected = states.logits.repeat_interleave(2, 0).float()
            for layer in layers:
                hidden = states.hidden(layer).repeat_interleave(2, 0)
                found = self.logits(states, layer, hidden, 2).detach().float()
                largest = (found - expected).abs().max() / max(1.0, float(expected.abs().max()))
                if not largest <= ROUNDING:
                    return f"logits from layer {layer} differ by up to {float(largest):.2g}"
        except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
            if is_out_of_memory(error):
                raise
            return f"it fails: {str(error).splitlines()[0]}"
        return None


def _repeated(others: tuple, repeats: int, hidden: torch.Tensor) -> Iterator[object]:
    """What a layer puts out beside hidden states, for each of a pair's rows in ``hidden``."""
    n_pairs = len(hidden) // repeats
    for one in others:
        of_pairs = isinstance(one, torch.Tensor) and one.ndim and len(one) == n_pairs
        yield one.repeat_interleave(repeats, 0) if of_pairs and n_pairs > 1 else one
