"""Relevance Neurons: find the neurons that a cross-encoder ranks with, and prove it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from relevance_neurons.ablation.ablate import ablate
    from relevance_neurons.ablation.activations import measure_activations
    from relevance_neurons.ablation.compare import compare
    from relevance_neurons.ablation.comparison import Comparison
    from relevance_neurons.ablation.terrier_ranker import to_pyterrier
    from relevance_neurons.attribution.attribute import attribute
    from relevance_neurons.attribution.mean_scores import Attribution
    from relevance_neurons.errors import UserError
    from relevance_neurons.rankers.loading import load_reranker
    from relevance_neurons.rankers.neurons import Neurons
    from relevance_neurons.rankers.reranker import Reranker
    from relevance_neurons.report.study_comparison.compare import StudyComparison, compare_studies
    from relevance_neurons.selection.select import select
    from relevance_neurons.tokens.attribute_tokens import attribute_tokens
    from relevance_neurons.tokens.token_attribution import TokenAttribution

__all__ = [
    "Attribution",
    "Comparison",
    "Neurons",
    "Reranker",
    "StudyComparison",
    "TokenAttribution",
    "UserError",
    "ablate",
    "attribute",
    "attribute_tokens",
    "compare",
    "compare_studies",
    "load_reranker",
    "measure_activations",
    "select",
    "to_pyterrier",
]

_HOMES = {
    "ablate": "ablation.ablate",
    "measure_activations": "ablation.activations",
    "compare": "ablation.compare",
    "Comparison": "ablation.comparison",
    "to_pyterrier": "ablation.terrier_ranker",
    "Attribution": "attribution.mean_scores",
    "attribute": "attribution.attribute",
    "UserError": "errors",
    "load_reranker": "rankers.loading",
    "Neurons": "rankers.neurons",
    "Reranker": "rankers.reranker",
    "compare_studies": "report.study_comparison.compare",
    "StudyComparison": "report.study_comparison.compare",
    "select": "selection.select",
    "attribute_tokens": "tokens.attribute_tokens",
    "TokenAttribution": "tokens.token_attribution",
}


def __getattr__(name: str) -> Any:
    """Import on first use: most workflow jobs need no torch, which takes seconds to import."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """The public names, which completion then offers."""
    return sorted(__all__)
