"""Keep some heads of a ranker: what all others put out is their mean over tokens of pairs.

A head's output z, its attention times its values, lies in columns of its own of what enters the
linear module of the component attention_output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile

import numpy as np
import torch

from relevance_neurons.mechanism.runs import Put, read_scores, visited
from relevance_neurons.mechanism.sites import HEADS, Sites
from relevance_neurons.rankers.architectures import encoder_layers
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.heads import Head, Heads
from relevance_neurons.rankers.memory import halving, length_batches
from relevance_neurons.rankers.named_heads import check_heads
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.rankers.stages import Output, answered, stages_of
from relevance_neurons.running.progress import Progress


@contextmanager
def keep_heads(reranker: Reranker, heads: Sequence[Head], means: np.ndarray) -> Iterator[None]:
    """Within the block, all heads but ``heads`` (layer, head) put out their mean everywhere.

    ``means``: shape (n_layers, n_heads · size), of ``mean_outputs``. Kept heads see what the layers
    below give then. A layer all of whose heads are kept is left alone. Raises ``UserError`` for a
    head that the ranker does not have.
    """
    shape = Heads.of(reranker)
    rest = torch.ones(shape.n_layers, shape.n_heads * shape.size, dtype=torch.bool)
    for layer, head in check_heads(heads, shape.n_layers, shape.n_heads, "heads"):
        rest[layer, shape.columns(head)] = False

    def means_of(layer: int) -> Put:
        own, mean = rest[layer].to(reranker.device), torch.from_numpy(means[layer])

        def put(z: torch.Tensor) -> torch.Tensor:
            return torch.where(own, mean.to(z), z)

        return put

    sites, changed = Sites(reranker), np.flatnonzero(rest.any(1).numpy()).tolist()
    places = [(sites.places[layer, HEADS], means_of(layer)) for layer in changed]
    with visited(reranker, places):
        yield


@torch.inference_mode()
def mean_outputs(reranker: Reranker, encoded: Sequence[EncodedPair]) -> np.ndarray:
    """What heads put out on average over all tokens of pairs: float64, (n_layers, n_heads · size).

    Special tokens count, padding does not, and a long pair counts for more than a short one. In the
    arithmetic of attribution; sums are in float64. Raises ``ValueError`` for no pairs.
    """
    if not encoded:
        raise ValueError("encoded: no pairs, so no mean of what heads put out")
    sites, lengths = Sites(reranker), [len(pair) for pair in encoded]
    memory, shape = reranker.memory(), Heads.of(reranker)
    sums = np.zeros((shape.n_layers, shape.n_heads * shape.size))

    def add(rows: Sequence[int]) -> np.ndarray:
        batch = reranker.collate([encoded[row] for row in rows])
        real, found = batch["attention_mask"].bool(), np.zeros_like(sums)

        def read(layer: int) -> Put:
            def look(z: torch.Tensor) -> None:
                found[layer] = z[real].double().sum(0).cpu().numpy()

            return look

        looks = [(sites.places[layer, HEADS], read(layer)) for layer in range(shape.n_layers)]
        with visited(reranker, looks), reranker.precision("attribution"):
            reranker.model(**batch)
        return found

    for rows in length_batches(lengths, memory):
        for _part, found in halving(rows, memory, add):
            sums += found
    return sums / sum(lengths)


@torch.inference_mode()
def kept_logits(
    reranker: Reranker,
    encoded: Sequence[EncodedPair],
    kept: Sequence[Sequence[Head]],
    means: np.ndarray,
) -> np.ndarray:
    """The logit of relevant of each pair with only these heads: float64, (n_sets, n_pairs).

    Of a ranker with two logits, their margin. ``kept``: sets of heads. The stock model runs, in the
    arithmetic of attribution; the first layers of sets that agree in them run once, unless layers
    share their weights.
    """
    memory, logits = reranker.memory(), np.empty((len(kept), len(encoded)))
    plan = _plan(reranker, kept)

    def run(rows: Sequence[int]) -> np.ndarray:
        batch = reranker.collate([encoded[row] for row in rows])
        found, states = np.empty((len(kept), len(rows))), {}
        for place, n_shared in plan:
            with (
                keep_heads(reranker, kept[place], means),
                _continued(reranker, states, n_shared),
                reranker.precision("attribution"),
            ):
                out = reranker.model(**batch).logits
            found[place] = read_scores(reranker, out).double().cpu().numpy()
        return found

    with Progress(len(encoded) * len(kept), "ranking with some heads alone") as progress:
        for rows in length_batches([len(pair) for pair in encoded], memory):
            for part, found in halving(rows, memory, run):
                logits[:, part] = found
                progress.update(len(part) * len(kept))
    return logits


def _plan(reranker: Reranker, kept: Sequence[Sequence[Head]]) -> list[tuple[int, int]]:
    """In which order sets run: their places, and how many first layers are as of the one before.

    None where layers share modules, whose calls would be miscounted if some were passed over.
    """
    layers = encoder_layers(reranker.model, reranker.architecture)
    by_layer = [
        [sorted({head for at, head in heads if at == layer}) for layer in range(len(layers))]
        for heads in kept
    ]
    order, before, plan = sorted(range(len(kept)), key=by_layer.__getitem__), None, []
    can_share = len(set(layers)) == len(layers)
    for place in order:
        pairs = zip(by_layer[place], before or [], strict=False)
        n_same = sum(1 for _ in takewhile(lambda both: both[0] == both[1], pairs))
        plan.append((place, n_same if can_share else 0))
        before = by_layer[place]
    return plan


@contextmanager
def _continued(reranker: Reranker, states: dict[int, Output], n_shared: int) -> Iterator[None]:
    """Within the block, for one pass, the first ``n_shared`` layers put out what they did before.

    ``states``: what each stage put out in the pass before; becomes that of this pass.
    """
    stages, ends = stages_of(reranker)
    first = ends[n_shared - 1] + 1 if n_shared else 0

    def answer(number: int, _hidden: torch.Tensor, run: Callable[[], Output]) -> Output:
        if number >= first:
            states[number] = run()
        return states[number]

    with answered(stages, answer):
        yield
