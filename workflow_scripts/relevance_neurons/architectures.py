"""Which modules of a model are which component: one description per architecture.

A description is found from the model itself, never from its name, so that a ranker of any size
and any fine-tuning of a known architecture fits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn

from relevance_neurons.errors import UserError


@dataclass(frozen=True)
class Architecture:
    """Where the parts of an encoder are, as attribute paths.

    ``layers`` starts at ``model.base_model``; ``components`` and ``layer_output`` (the module
    whose output is the residual stream after the layer) start at one layer.
    """

    name: str
    layers: str
    components: Mapping[str, str]
    layer_output: str


BERT = Architecture(
    name="bert",
    layers="encoder.layer",
    components={
        "query": "attention.self.query",
        "key": "attention.self.key",
        "value": "attention.self.value",
        "attention_output": "attention.output.dense",
        "intermediate": "intermediate.dense",
        "ff_output": "output.dense",
    },
    layer_output="output.LayerNorm",
)
"""BERT, MiniLM, ELECTRA, RoBERTa, XLM-RoBERTa, CamemBERT: they share their module names."""

ARCHITECTURES = (BERT,)


def find_architecture(model: nn.Module) -> Architecture:
    """The description that fits ``model``.

    Raises ``UserError`` if none does, saying what was found in the model.
    """
    for architecture in ARCHITECTURES:
        if _fits(model, architecture):
            return architecture
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    shown = ", ".join(linear[:8]) + (", …" if len(linear) > 8 else "")
    raise UserError(
        f"reranker.model: a {type(model).__name__} is not described; its {len(linear)} linear "
        f"modules are {shown or 'none'}; described are: "
        f"{', '.join(a.name for a in ARCHITECTURES)} (add an Architecture to architectures.py "
        "that maps query, key, value, attention_output, intermediate and ff_output to them)"
    )


def encoder_layers(model: nn.Module, architecture: Architecture) -> list[nn.Module]:
    """The encoder's layers, in order."""
    return list(model.base_model.get_submodule(architecture.layers))


def _fits(model: nn.Module, architecture: Architecture) -> bool:
    try:
        layers = encoder_layers(model, architecture)
        linear = [
            layer.get_submodule(path)
            for layer in layers
            for path in architecture.components.values()
        ]
        for layer in layers:
            layer.get_submodule(architecture.layer_output)
    except (AttributeError, TypeError):
        return False
    return bool(layers) and all(isinstance(module, nn.Linear) for module in linear)
