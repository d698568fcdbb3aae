"""Patches as one would write them down: whole passes of the model with hooks, one at a time."""

from contextlib import ExitStack

import torch
from torch import nn

from relevance_neurons.rankers.architectures import component_columns, encoder_layers
from relevance_neurons.rankers.reranker import Reranker
from toys.tiny_rankers import unrolled


def own_modules(reranker: Reranker) -> Reranker:
    """The ranker, or a copy in which no two layers share a module."""
    return unrolled(reranker) if reranker.architecture.name == "albert" else reranker


def place(reranker: Reranker, layer: int, site: str) -> tuple[nn.Module, slice, bool]:
    """Module, columns and whether it is its input."""
    module = encoder_layers(reranker.model, reranker.architecture)[layer]
    if site == "residual":
        if (
            layer == 0
            and getattr(getattr(reranker.model.base_model, "encoder", None), "conv", None)
            is not None
        ):
            return reranker.model.base_model.embeddings, slice(None), False  # both read it
        return module, slice(None), True
    component = "attention_output" if site == "heads" else site
    (one,) = component_columns(module, reranker.architecture, component)
    columns = slice(one.column, one.column + one.size)
    return one.module, slice(None) if site == "heads" else columns, site == "heads"


def plain_pass(reranker: Reranker, inputs, puts=None, wanted=()):
    """Scores (n_rows,) with ``puts`` ((layer, site) -> tensor) in their places, and what is seen.

    Sees the first call of each module of ``wanted``: a list of (layer, site).
    """
    seen = {}

    def before(key, columns, given):
        def hook(_module, inputs, named):
            # Some layers are called with names.
            whole = inputs[0] if inputs else named["hidden_states"]
            seen.setdefault(key, whole)
            if given is None:
                return None
            return (
                ((given, *inputs[1:]), named) if inputs else ((), named | {"hidden_states": given})
            )

        return hook

    def after(key, columns, given):
        def hook(_module, _inputs, output):
            if key in seen:  # a later call: of relative positions
                return None
            seen[key] = output[..., columns]
            if given is None:
                return None
            changed = output.clone()
            changed[..., columns] = given
            return changed

        return hook

    with ExitStack() as hooks, torch.no_grad():
        for key in {*wanted, *(puts or {})}:
            module, columns, is_input = place(reranker, *key)
            given = (puts or {}).get(key)
            handle = (
                module.register_forward_pre_hook(before(key, columns, given), with_kwargs=True)
                if is_input
                else module.register_forward_hook(after(key, columns, given))
            )
            hooks.callback(handle.remove)
        logits = reranker.model(**inputs).logits
    scores = logits[:, 0] if logits.shape[-1] == 1 else logits[:, 1] - logits[:, 0]
    return scores, seen
