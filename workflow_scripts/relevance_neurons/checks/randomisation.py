"""Do the scores depend on what the ranker learnt? They must not survive random weights.

The cascading test of Adebayo et al. 2018, "Sanity Checks for Saliency Maps", section 3: weights
become random from the head down, layer by layer, and the scores are compared with the real ones.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
import torch
from torch import nn

from relevance_neurons.attribution.mean_scores import Attribution
from relevance_neurons.rankers.architectures import encoder_layers
from relevance_neurons.rankers.monot5 import LABEL_WORDS, MonoT5
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.statistics.map_agreement import n_selected, shared_percent, spearman

TOP_PERCENT = 1.0
"""Level at which tops are compared, whatever a study's own: new levels then repeat no job."""
AFTER_LAYERS = ("pooler", "final_norm", "final_layer_norm")
"""Parts of a base model that follow its last layer; what else is not in a layer, they read."""

ROWS = pl.Schema(
    {
        "label": pl.String,
        "step": pl.Int32,
        "what": pl.String,
        "n_layers": pl.Int32,
        "spearman": pl.Float64,
        "spearman_absolute": pl.Float64,
        "top_percent": pl.Float64,
        "shared_percent": pl.Float64,
        "expected_percent": pl.Float64,
        "f_change_mean": pl.Float64,
        "n_pairs": pl.Int32,
    }
)

Scores = Callable[[Reranker, str], Attribution]


@dataclass(frozen=True)
class Step:
    """A step of the cascade: what became random last, and how many layers are random by then."""

    what: str
    n_layers: int
    embeddings: bool = False


def cascade(reranker: Reranker) -> list[Step]:
    """The steps from the head down: the head, each layer from the last, the embeddings.

    Layers that share their weights (ALBERT's) can only become random together: they are one step,
    named by the last of them.
    """
    layers = encoder_layers(reranker.model, reranker.architecture)
    steps = [Step("head", 0)]
    for number, layer in reversed(list(enumerate(layers))):
        n_random = _n_random(layers, len(layers) - number)
        if layer not in layers[number + 1 :]:
            steps.append(Step(f"layer {number}", n_random))
    return [*steps, Step("embeddings", len(layers), embeddings=True)]


def reinitialised(
    reranker: Reranker, n_layers: int, seed: int, embeddings: bool = False
) -> Reranker:
    """A ranker whose head and last ``n_layers`` layers are as before any training; others as here.

    The head is all that follows the last layer: pooler, last norm, classifier (MonoT5: both last
    norms and the rows of its two words). ``embeddings`` makes what the layers read random too:
    word, position and type embeddings, and DeBERTa's relative positions and convolution. The
    weights come from one fresh model of the same configuration, drawn with ``seed`` by
    transformers' own rules, so that they are the same for every number of layers.
    """
    chosen = _chosen(reranker, n_layers, embeddings)
    fresh = _untrained(reranker.model, seed)
    random, learnt = fresh.state_dict(), reranker.model.state_dict()
    fresh.load_state_dict({name: (random if name in chosen else learnt)[name] for name in learnt})
    like = next(reranker.model.parameters())
    return type(reranker)(
        fresh.to(like.device, like.dtype),
        reranker.tokenizer,
        reranker.architecture,
        reranker.max_length,
        reranker.dtype,
        reranker.batch_tokens,
    )


def randomise_layers(
    reranker: Reranker, labels: Sequence[str], scores: Scores, seed: int
) -> pl.DataFrame:
    """Compare the scores of ``reranker`` with those at every step of the cascade.

    ``scores`` attributes the pairs of a label with a ranker. A row per label and step: step, what,
    n_layers (random ones), spearman and spearman_absolute over all neurons' mean scores,
    top_percent (``TOP_PERCENT``; at least one neuron), shared_percent of the tops at that level,
    expected_percent (of independent random tops), f_change_mean (mean |F(x) - F(x')|), n_pairs.
    Where a map is constant, as where F does not change, it has no ranks: null.
    """
    real = {label: scores(reranker, label) for label in labels}
    rows = []
    for number, step in enumerate(cascade(reranker)):
        other = reinitialised(reranker, step.n_layers, seed, step.embeddings)
        for label in labels:
            found = compare_maps(real[label], scores(other, label))
            key = {"label": label, "step": number, "what": step.what, "n_layers": step.n_layers}
            rows.append(key | found)
    return pl.DataFrame(rows, schema=ROWS).sort("label", "step", descending=[True, False])


def compare_maps(real: Attribution, other: Attribution) -> dict:
    """How alike two maps of the same neurons are; see ``randomise_layers``."""
    first, second = (one.frame()["score"].to_numpy() for one in (real, other))
    m = max(1, n_selected(TOP_PERCENT, len(first)))
    checks = other.checks()
    has_ranks = bool(np.ptp(first)) and bool(np.ptp(second))
    return {
        "spearman": spearman(first, second),
        "spearman_absolute": spearman(np.abs(first), np.abs(second)),
        "top_percent": TOP_PERCENT,
        "shared_percent": shared_percent(first, second, m) if has_ranks else None,
        "expected_percent": 100 * m / len(first),
        "f_change_mean": (checks["f_input"] - checks["f_baseline"]).abs().mean(),
        "n_pairs": len(checks),
    }


def _chosen(reranker: Reranker, n_layers: int, embeddings: bool) -> set[str]:
    """Names of the weights that become random, as in the model's state."""
    model, layers = reranker.model, encoder_layers(reranker.model, reranker.architecture)
    if not 0 <= n_layers <= len(layers):
        raise ValueError(f"n_layers: {n_layers} was found; the ranker has {len(layers)} layers")
    names = {module: name for name, module in model.named_modules()}
    prefixes = [f"{names[layer]}." for layer in layers]
    base = f"{names[model.base_model]}." if model.base_model is not model else ""
    chosen = set()
    for name in model.state_dict():
        if name.startswith(tuple(prefixes)):
            is_random = name.startswith(tuple(prefixes[len(layers) - n_layers :]))
        else:
            is_random = embeddings or _is_head(name, base)
        if is_random:
            chosen.add(name)
    return chosen


def _is_head(name: str, base: str) -> bool:
    if base and not name.startswith(base):
        return True
    return name.startswith("head.") or any(part in AFTER_LAYERS for part in name.split("."))


def _n_random(layers: Sequence[nn.Module], n_last: int) -> int:
    """How many layers run with the weights of the last ``n_last``."""
    last = set(layers[len(layers) - n_last :])
    return sum(layer in last for layer in layers)


def _untrained(model: nn.Module, seed: int) -> nn.Module:
    """A model of the same kind and configuration as before any training, on the CPU.

    Its generator is not seeded with ``seed`` itself: a ranker whose training began at the same
    seed would get its own first weights back, which are near those that it learnt.
    """
    words = np.random.SeedSequence([seed, zlib.crc32(b"randomise_layers")]).generate_state(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(words[0]))
        if isinstance(model, MonoT5):
            from transformers import T5ForConditionalGeneration

            whole = T5ForConditionalGeneration(model.config)
            return MonoT5(whole, range(len(LABEL_WORDS)))  # any two words: they are drawn alike
        return type(model)(model.config)
