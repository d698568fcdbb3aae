"""How large the jobs of a study are: operations, shards, memory, time.

Shards follow from the study file alone, so that the same study always has the same jobs. Memory and
time are bounds that a job asks its machine for; they never change a result.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from relevance_neurons.rankers.components import COMPONENTS
from relevance_neurons.selection.ablation_kinds import DRAWN
from study.batches import WHOLE_RANKER, Batch, batches
from study.contents import Study, maps
from study.methods import given_methods, method_settings, own_method
from study.ranker_shapes import pair_flops, ranker_shape

ADAPTIVE_POINTS = 29
"""docs/engine.md: of a pair at tolerance 0.02, on average."""
MOST_POINTS = 513
"""Of a pair (relevance_neurons.attribution.adaptive)."""
N_BASELINES = 10
"""Rows of table 1 beside the original inputs."""

ATTRIBUTED_TOKENS = 12_800_000
"""Tokens × points of a shard: 250 pairs of 512 tokens at 100 points."""
RERANKED_TOKENS = 150_000_000
"""Tokens × ablations of a shard. It takes up to three times as long as one of attribution: fewer
shards, as each loads the ranker anew (docs/scaling.md)."""

RATES = {"attribution": 3e12, "ranking": 6e12}
"""FLOP/s that a slow GPU sustains (a T4 in float32, and in half precision): a bound on time."""
START_MINUTES = 15
"""Of a job: its queue of imports, reading the ranker and the texts, writing."""
LIGHT_MINUTES = 10
"""Of a job of seconds, on a disk that is busy."""
START_MB = 2000
"""Python, torch and transformers (0.7 GB measured without a GPU), and the driver's part."""
PASS_MB = 2048
"""Of a pass, and again of what is kept between passes (relevance_neurons.rankers.memory)."""
PASS_TOKENS = 4096
VALUES_PER_NEURON = 3


def n_points(keys: dict) -> float:
    """Points of a path under the keys of ``attribution``, changed by a variant's or not."""
    return ADAPTIVE_POINTS if keys["quadrature"] == "adaptive" else keys["n_points"]


def n_passes(study: Study, name: str) -> float:
    """Forward and backward passes that a pair costs by the method of this name, at most."""
    settings, shape = method_settings(study, name), ranker_shape(study)
    method = settings["method"]
    if method == "neuron_integrated_gradients":
        return n_points(settings)
    if method == "integrated_activations":
        return 1 + shape.layers * len(COMPONENTS) * n_points(settings)
    if method == "single_ablation":
        tried = 2 * settings["screen_percent"] / 100 * shape.n_neurons + settings["screen_sample"]
        return tried / 2  # forwards only
    return 1


def n_ablations(study: Study, batch: Batch) -> int:
    """Rankings of the passages in a batch, if none of its schemes is empty."""
    if batch == WHOLE_RANKER:
        return 1
    drawn = sum(kind in DRAWN for kind in batch.kinds)
    fixed = len(batch.kinds) - drawn
    return len(batch.schemes) * (fixed + drawn * batch.draws)


def attribution_shards(study: Study, name: str | None = None) -> int:
    """Jobs that share the pairs of one map by the method of this name; default: the study's own."""
    keys = study["attribution"]
    most = keys["max_pairs"]
    if keys["shards"] != "auto":
        return min(keys["shards"], most)
    passes = n_passes(study, name or own_method(study))
    tokens = most * passes * study["reranker"]["max_length"]
    return min(most, math.ceil(tokens / ATTRIBUTED_TOKENS))


def ablation_shards(study: Study, batch: Batch) -> int:
    """Jobs that share the passages of one collection under the ablations of ``batch``."""
    keys = study["ablation"]
    most = keys["max_queries"] * keys["candidates"]  # and the relevant ones, which nobody counted
    if keys["shards"] != "auto":
        return 1 if batch == WHOLE_RANKER else min(keys["shards"], most)
    tokens = most * n_ablations(study, batch) * study["reranker"]["max_length"]
    return min(most, math.ceil(tokens / RERANKED_TOKENS))


class Needs:
    """Memory (MB) and time (minutes) that the jobs of a study ask for, at their first try."""

    def __init__(self, study: Study) -> None:
        self.study, self.shape = study, ranker_shape(study)
        self.max_length = study["reranker"]["max_length"]
        self.points = n_points(study["attribution"])

    def forward_minutes(self, n_pairs: float, work: str = "attribution") -> int:
        """``n_pairs`` through the ranker; ``work`` is "attribution" or "ranking"."""
        return self._minutes(n_pairs * pair_flops(self.shape, self.max_length), RATES[work])

    def path_minutes(self, n_pairs: float, points: float | None = None) -> int:
        """``n_pairs`` attributed with ``points`` each, by default those of the study's paths."""
        flops = pair_flops(self.shape, self.max_length, backward=True)
        return self._minutes(n_pairs * (points or self.points) * flops, RATES["attribution"])

    def shard_minutes(self, name: str | None = None) -> int:
        """A shard of a map by the method of this name, the own one's most costly variant too."""
        name = name or own_method(self.study)
        keys, passes = self.study["attribution"], [n_passes(self.study, name)]
        if name == own_method(self.study):
            variants = self.study["sensitivity"]["variants"].values()
            passes += [n_points(keys | changed) for changed in variants]
        shards = attribution_shards(self.study, name)
        return self.path_minutes(math.ceil(keys["max_pairs"] / shards), max(passes))

    def batch_minutes(self, batch: Batch) -> int:
        """A shard of a batch; relevant passages are taken to double the pools."""
        keys = self.study["ablation"]
        n_pairs = 2 * keys["max_queries"] * keys["candidates"] / ablation_shards(self.study, batch)
        return self.forward_minutes(n_pairs * n_ablations(self.study, batch), "ranking")

    def judged_minutes(self) -> int:
        """Judged pairs of both labels, until enough are kept (a quarter, say); these once more."""
        return self.forward_minutes(2 * (4 + 1) * self.study["attribution"]["max_pairs"])

    def baselines_minutes(self) -> int:
        """Table 1."""
        return self.forward_minutes(self.study["baselines"]["pairs"] * (1 + N_BASELINES))

    def doubled_minutes(self) -> int:
        """Pairs of both labels with the points of the path, and twice as many."""
        n_pairs = 2 * self.study["attribution"]["convergence_pairs"]
        return self.path_minutes(n_pairs, 3 * self.points)

    def randomisation_minutes(self) -> int:
        """The pairs of both labels as they are, and with every further part made random."""
        return self.path_minutes(2 * self.study["sanity"]["pairs"] * (self.shape.layers + 3))

    def single_minutes(self) -> int:
        """Neurons switched off one by one, two ways, for the pairs of both labels.

        For each target anew: at most as many as there are methods.
        """
        keys, names = self.study["sanity"], list(given_methods(self.study))
        passes = sum(n_passes(self.study, name) for name in names)
        tried = 1 + keys["neurons"] + len(names) * keys["strong"]
        return (
            self.path_minutes(2 * keys["pairs"], passes)
            - START_MINUTES
            + self.forward_minutes(len(names) * 2 * 2 * keys["pairs"] * tried)
        )

    def evaluation_minutes(self) -> int:
        """BM25's passages of one collection."""
        keys = self.study["evaluation"]
        return self.forward_minutes(keys["max_queries"] * keys["depth"], "ranking")

    def training_minutes(self) -> int:
        """Forwards, and twice that backwards."""
        keys = self.study["reranker"]["finetune"]
        flops = 3 * keys["pairs"] * keys["epochs"] * pair_flops(self.shape, keys["max_length"])
        return self._minutes(flops, RATES["attribution"])

    def ranker_mb(self) -> int:
        """A job that passes pairs through the ranker forwards."""
        # As read, which may be in half precision, and as float32.
        computed = 4 * self.shape.n_parameters / 2**20
        weights = 3 * max(self.shape.weights_mb or 0, computed / 2)
        return math.ceil(START_MB + weights + self._pass_mb())

    def attribution_mb(self) -> int:
        """A job that attributes: rows kept between passes, and sums of replicates and halves."""
        return math.ceil(self.ranker_mb() + self._pass_mb() + 2 * self.sums_mb())

    def sums_mb(self) -> float:
        """The running sums of one map, in float64."""
        keys = self.study["attribution"]
        columns = 2 + keys["bootstrap_replicates"] + keys["split_halves"]
        return 8 * columns * self.shape.n_neurons / 2**20

    def merge_mb(self) -> int:
        """The sums, those of one shard, and the means as they are written."""
        return math.ceil(START_MB / 2 + 5 * self.sums_mb())

    def maps_mb(self) -> int:
        """A query over the scores of all maps; about a KB a row (docs/scaling.md)."""
        rows = self.shape.n_neurons * len(maps(self.study))
        return math.ceil(START_MB + 1000 * rows / 2**20)

    def stability_minutes(self) -> int:
        """Queries over replicates and halves, a map after the other (15 s a map measured at 221,184
        neurons with 200 replicates and 20 halvings, docs/scaling.md), four times as long."""
        keys = self.study["attribution"]
        lists = keys["bootstrap_replicates"] + 2 * keys["split_halves"]
        rows = lists * self.shape.n_neurons * len(maps(self.study))
        return LIGHT_MINUTES + math.ceil(4 * rows / 3.5e6 / 60)

    def stability_mb(self) -> int:
        """The replicates and halves of one map as rows of a query."""
        keys = self.study["attribution"]
        lists = keys["bootstrap_replicates"] + 2 * keys["split_halves"]
        return math.ceil(START_MB + 100 * lists * self.shape.n_neurons / 2**20)

    def rankings_mb(self) -> int:
        """The rankings of one collection as a frame and as trec_eval's dictionaries."""
        keys = self.study["ablation"]
        passages = 2 * keys["max_queries"] * keys["candidates"]
        rankings = keys["shuffles"] + sum(
            n_ablations(self.study, one) for one in batches(self.study)
        )
        return math.ceil(START_MB + 200 * passages * rankings / 2**20)

    def _pass_mb(self) -> float:
        """At least one row, however large; else what rankers/memory.py lets through."""
        token = 4 * VALUES_PER_NEURON * self.shape.n_neurons / 2**20
        return max(self.max_length * token, min(PASS_MB, PASS_TOKENS * token))

    @staticmethod
    def _minutes(flops: float, rate: float) -> int:
        return START_MINUTES + math.ceil(flops / rate / 60)


def growing(amount: float) -> Callable[..., int]:
    """A resource that doubles with every retry of a job."""

    def resource(wildcards, attempt: int) -> int:
        return math.ceil(amount) * 2 ** (attempt - 1)

    return resource
