"""Our own forward pass, where it is this model's: tried against the model's on real pairs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence

import torch

from relevance_neurons.rankers.encoder import Encoder
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.kernels import matrix_precision
from relevance_neurons.rankers.memory import is_out_of_memory
from relevance_neurons.rankers.reranker import Reranker

logger = logging.getLogger(__name__)


Forward = Callable[[Encoder, Mapping[str, torch.Tensor]], torch.Tensor]
"""From an encoder and a batch of inputs to logits."""

ROUNDING = 1e-4
"""How far logits of two orders of the same float32 sums may lie apart, relative to the largest."""


def own_encoder(
    reranker: Reranker, encoded: Sequence[EncodedPair], forward: Forward
) -> Encoder | None:
    """Our own encoder, if by ``forward`` it gives the stock model's logits.

    It is tried on the shortest and the longest pair, in full precision. A known architecture may
    be varied by an option that our forward pass does not know: then the log says so. While any
    hook is in the model, as within ``ablate``, the model's own forward pass is the one to take.
    """
    if not encoded or any(module._forward_hooks for module in reranker.model.modules()):
        return None
    probe = reranker.collate([min(encoded, key=len), max(encoded, key=len)])
    try:
        encoder = reranker.encoder
        if encoder is None:  # the architecture is another one
            return None
        difference = _difference(reranker, probe, lambda inputs: forward(encoder, inputs))
    except (AttributeError, RuntimeError, TypeError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        problem = f"it fails: {str(error).splitlines()[0]}"
    else:
        if difference <= ROUNDING:
            return encoder
        problem = f"logits differ by up to {difference:.2g}"
    # Way out: nothing need be done.
    logger.warning(
        "our own forward pass is not this model's (%s): the model's is taken, which takes longer",
        problem,
    )
    return None


@torch.inference_mode()
def _difference(reranker: Reranker, probe: Mapping[str, torch.Tensor], forward) -> float:
    """Largest difference of a logit from the stock model's, relative to the largest, at least 1."""
    with matrix_precision("highest"):
        expected = reranker.model(**probe).logits
        difference = (forward(probe) - expected).abs().max().item()
    return difference / max(1.0, expected.abs().max().item())
