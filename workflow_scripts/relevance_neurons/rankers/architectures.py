"""Find which modules of a model are which component, by the description that fits it.

A description is found from the model itself, never from its name, so that a ranker of any size
and any fine-tuning of a known architecture fits.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

from torch import nn

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.components import COMPONENTS
from relevance_neurons.rankers.descriptions import ARCHITECTURES, Architecture, Part

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "Part",
    "check_architecture",
    "component_columns",
    "encoder_layers",
    "find_architecture",
    "input_layers",
    "layer_calls",
    "misfit",
    "residual_cut",
]


@dataclass(frozen=True)
class Columns:
    """``size`` neighbouring outputs of a linear module, from ``column`` on."""

    module: nn.Module
    column: int
    size: int

    @property
    def range(self) -> range:
        """Their numbers."""
        return range(self.column, self.column + self.size)


def find_architecture(model: nn.Module) -> Architecture:
    """The description that fits ``model``.

    Raises ``UserError`` if none does, saying what was found in the model.
    """
    for architecture in ARCHITECTURES:
        if misfit(model, architecture) is None:
            return architecture
    linear = [name for name, module in model.named_modules() if isinstance(module, nn.Linear)]
    shown = ", ".join(linear[:8]) + (", …" if len(linear) > 8 else "")
    raise UserError(
        f"reranker.model: a {type(model).__name__} is not described; its {len(linear)} linear "
        f"modules are {shown or 'none'}; described are: "
        f"{', '.join(a.name for a in ARCHITECTURES)}, and no decoder-only model; describe it with "
        "load_reranker(…, architecture=Architecture(…)) (relevance_neurons.rankers.architectures), "
        f"which maps {', '.join(COMPONENTS)} to them"
    )


def check_architecture(model: nn.Module, architecture: Architecture) -> None:
    """Raise ``UserError`` where the description does not fit ``model``, saying where."""
    problem = misfit(model, architecture)
    if problem is not None:
        raise UserError(
            f"architecture: {architecture.name} does not fit a {type(model).__name__}: {problem}"
        )


def misfit(model: nn.Module, architecture: Architecture) -> str | None:
    """What of ``model`` the description does not fit; None if it fits."""
    try:
        layers = encoder_layers(model, architecture)
    except (AttributeError, TypeError):
        layers = []
    if not layers:
        place = architecture.layers
        return f"no layers at {getattr(place, '__name__', place)}; name the path to them"
    problems = (_layer_misfit(layer, architecture) for layer in layers)
    return next((f"layer {n} {problem}" for n, problem in enumerate(problems) if problem), None)


def _layer_misfit(layer: nn.Module, architecture: Architecture) -> str | None:
    described: dict[nn.Module, Counter[int]] = {}
    for component in COMPONENTS:
        columns = component_columns(layer, architecture, component)
        if not columns:
            paths = " or ".join(part.path for part in architecture.parts(component))
            return f"has no {component}; linear modules at {paths or 'no path'} are described"
        for one in columns:
            described.setdefault(one.module, Counter()).update(one.range)
    if _submodule(layer, architecture.layer_output) is None:
        return f"has no {architecture.layer_output}; name its layer_output"
    for name, module in layer.named_modules():
        if isinstance(module, nn.Linear) and name not in architecture.no_neurons:
            times, size = described.get(module, Counter()), module.out_features
            if len(times) != size:
                return (
                    f"has {name} with {size} outputs, of which {len(times)} are described; name "
                    "each once, or the module in no_neurons"
                )
            if times.total() != size:
                return (
                    f"has {name} with {size} outputs, some of which are described twice; describe "
                    "each once"
                )
    return None


def encoder_layers(model: nn.Module, architecture: Architecture) -> list[nn.Module]:
    """The layers in the order in which they run, a decoder's last; a shared one several times."""
    return list(chain.from_iterable(_stacks(model, architecture)))


def input_layers(model: nn.Module, architecture: Architecture) -> list[nn.Module]:
    """As ``encoder_layers``, without the decoder's: those that run on the tokens of the pair."""
    return _stacks(model, architecture)[0]


def layer_calls(layers: Sequence[nn.Module]) -> list[int | None]:
    """For each layer, the how-manieth run of its module in a pass it is; None for the only one."""
    runs, calls = Counter(layers), []
    before: Counter[nn.Module] = Counter()
    for layer in layers:
        calls.append(before[layer] if runs[layer] > 1 else None)
        before[layer] += 1
    return calls


def component_columns(
    layer: nn.Module, architecture: Architecture, component: str
) -> list[Columns]:
    """The outputs of the layer's linear modules that are the neurons of ``component``, in order."""
    found = []
    for part in architecture.parts(component):
        module = _submodule(layer, part.path)
        if isinstance(module, nn.Linear):
            size = module.out_features // part.of
            found.append(Columns(module, part.index * size, size))
    return found


def residual_cut(model: nn.Module, architecture: Architecture) -> tuple[nn.Module, int | None]:
    """A module, and which of its calls, that puts out the residual stream after the middle layer.

    All of the input that the score sees goes through it: in an encoder-decoder it is the encoder's.
    The module may put out a tuple, of which the stream is the first.
    """
    layers = input_layers(model, architecture)
    middle = (len(layers) - 1) // 2
    return layers[middle].get_submodule(architecture.layer_output), layer_calls(layers)[middle]


def _stacks(model: nn.Module, architecture: Architecture) -> list[list[nn.Module]]:
    base, layers = model.base_model, architecture.layers
    if callable(layers):
        return [list(layers(base))]
    paths = (layers,) if isinstance(layers, str) else layers
    return [list(base.get_submodule(path)) for path in paths]


def _submodule(layer: nn.Module, path: str) -> nn.Module | None:
    try:
        return layer.get_submodule(path)
    except AttributeError:
        return None
