"""Scale the outputs of modules in our own forward pass, which starts at the module."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from relevance_neurons.attribution.scaled_modules import Found, Point, Question, rows_of
from relevance_neurons.attribution.tracing import check_finite
from relevance_neurons.rankers.encoder import Encoder
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.neurons import Block


class OwnModules:
    """Our own forward pass of a BERT-type encoder; as ``ScaledModules``.

    What is below a module is computed once for a pair, and a row joins the others of its pass
    where its module's layer ends.
    """

    def __init__(
        self, question: Question, encoder: Encoder, encoded: Sequence[EncodedPair]
    ) -> None:
        self.question, self.encoder = question, encoder
        self.inputs = question.reranker.collate(encoded)
        self._steps: dict[tuple[int, str], torch.Tensor] = {}
        """What each layer's steps put out; its input as "hidden"."""
        self._mask: torch.Tensor | None = None

    def at_input(self) -> Found:
        """As ``ScaledModules``; keeps what is below every module."""
        steps: dict[tuple[int, str], torch.Tensor] = {}

        def keep(layer: int, step: str, output: torch.Tensor) -> None:
            if step != "layer":
                steps[layer, step] = output
            elif layer + 1 < len(self.encoder.layers):
                steps[layer + 1, "hidden"] = output

        with torch.enable_grad(), self.question.reranker.precision("attribution"):
            hidden, self._mask = self.encoder.embed(self.inputs)
            steps[0, "hidden"] = hidden.requires_grad_(True)
            logits = self.encoder.trace_embedded(hidden, self._mask, keep)
            values = self.question.value(logits)
            found = torch.autograd.grad(values.sum(), list(steps.values()))
        self._steps = {key: output.detach() for key, output in steps.items()}
        gradients = dict(zip(steps, found, strict=True))
        blocks = self.question.reranker.neurons.blocks
        slopes = torch.cat([self._slopes(block, gradients) for block in blocks], dim=1)
        check_finite(values, slopes)
        return Found(values.detach().double().tolist(), list(slopes.double().cpu().numpy()))

    def at(self, points: Sequence[Point]) -> Found:
        """As ``ScaledModules``; the modules in the order of their layers."""
        question, parts = self.question, rows_of(points)
        _, pairs, alphas = zip(*points, strict=True)
        rows = torch.tensor(pairs, device=question.reranker.device)
        factors = question.factors(alphas, parts)

        def joining(layer: int) -> list[torch.Tensor]:
            own = [block for block in parts if block.layer == layer]
            return [self._layer(block, rows[parts[block]], factors[block]) for block in own]

        with torch.enable_grad(), question.reranker.precision("attribution"):
            logits = self.encoder.trace_joining(joining, self._masks(rows))
            values, slopes = question.derived(question.value(logits), factors)
        return Found(values, [row for block in parts for row in slopes[block]])

    def cost(self, block: Block) -> float:
        """As ``ScaledModules``: from the module's layer up, and back."""
        n_layers = len(self.encoder.layers)
        return 2 * (n_layers - block.layer) / n_layers

    def _layer(self, block: Block, pairs: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
        """What the module's layer puts out for some rows, with the module scaled."""
        number, step, first = self.encoder.place(block)
        layer, last = self.encoder.layers[number], first + block.size
        output = self._steps[number, step][pairs]
        scaled = self.question.between(block, output[..., first:last], factors)
        beside = layer.projections if step in layer.projections else ("attention_output",)
        known = {one: self._steps[number, one][pairs] for one in beside if one != step}
        known[step] = torch.cat([output[..., :first], scaled, output[..., last:]], dim=-1)
        return layer.finish(self._steps[number, "hidden"][pairs], self._masks(pairs), known)

    def _masks(self, pairs: torch.Tensor) -> torch.Tensor | None:
        return None if self._mask is None else self._mask[pairs]

    def _slopes(self, block: Block, gradients: dict[tuple[int, str], torch.Tensor]) -> torch.Tensor:
        """Σ_tokens (y − r) ∂F/∂y of the module's neurons at the pairs, shape (n_pairs, size)."""
        number, step, first = self.encoder.place(block)
        columns = slice(first, first + block.size)
        reference = self.question.references[block]
        kind = torch.promote_types(self._steps[number, step].dtype, torch.float32)
        change = self._steps[number, step][..., columns].to(kind) - reference.to(kind)
        return (change * gradients[number, step][..., columns]).sum(dim=1)
