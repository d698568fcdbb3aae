"""How large the jobs of the stage tokens are; see ``job_sizes``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from study.contents import Study
from study.job_sizes import ATTRIBUTED_TOKENS, Needs
from study.ranker_shapes import ranker_shape
from study.tokens import BOTTLENECK, token_methods

GROWTH = 1.2
"""Layers above the bottleneck run for the samples, those below once a pair: a bound on both."""


def token_passes(study: Study, name: str, layers: Sequence[int] | None = None) -> float:
    """Forward and backward passes that a pair costs by the method of this name, at most.

    ``layers``: by default those of the section.
    """
    keys, settings = study["tokens"], token_methods(study)[name]
    if settings["method"] == BOTTLENECK:
        shape = ranker_shape(study)
        every = range(shape.layers) if keys["layers"] == "all" else keys["layers"]
        layers = every if layers is None else layers
        above = sum(max(0, shape.layers - 1 - layer) for layer in layers) / shape.layers
        return 1 + GROWTH * keys["steps"] * keys["samples"] * max(above, 1 / shape.layers)
    if settings["method"] == "integrated_gradients":
        return settings.get("n_points", 50)
    if settings["method"] == "lime":
        return settings.get("n_samples", 200) / 2
    if settings["method"] == "leave_one_out":
        return study["reranker"]["max_length"] / 2
    return 1


def token_shards(study: Study, name: str) -> int:
    """Jobs that share the pairs of one collection by the method of this name."""
    keys = study["tokens"]
    return _shards(keys, keys["pairs"], token_passes(study, name), study)


def ranked_token_shards(study: Study) -> int:
    """Jobs that share the best passages of one collection's rankings, at one layer."""
    return _shards(study["tokens"], _n_ranked(study), _ranked_passes(study), study)


def _ranked_passes(study: Study) -> float:
    """Of the first method at one layer, of which a low one is the most."""
    return token_passes(study, next(iter(token_methods(study))), [study["tokens"].get("layer", 0)])


def _shards(keys: dict, n_pairs: int, passes: float, study: Study) -> int:
    if keys["shards"] != "auto":
        return min(keys["shards"], n_pairs)
    tokens = n_pairs * passes * study["reranker"]["max_length"]
    return min(n_pairs, math.ceil(tokens / ATTRIBUTED_TOKENS))


def _n_ranked(study: Study) -> int:
    return study["tokens"]["rankings"]["queries"] * study["tokens"]["rankings"]["passages"]


class TokenNeeds:
    """Minutes that the stage's jobs ask for, at their first try."""

    def __init__(self, study: Study, needs: Needs) -> None:
        self.study, self.keys, self.needs = study, study["tokens"], needs

    def statistics_minutes(self) -> int:
        """The pairs of the statistics once."""
        return self.needs.forward_minutes(self.keys["statistics"]["pairs"])

    def shard_minutes(self, name: str) -> int:
        """A shard of the pairs by the method of this name."""
        n_pairs = math.ceil(self.keys["pairs"] / token_shards(self.study, name))
        return self.needs.path_minutes(n_pairs, token_passes(self.study, name))

    def ranked_minutes(self) -> int:
        """A shard of the best passages."""
        n_pairs = math.ceil(_n_ranked(self.study) / ranked_token_shards(self.study))
        return self.needs.path_minutes(n_pairs, _ranked_passes(self.study))

    def degradation_minutes(self) -> int:
        """Every pair at every step, for each removal, each order and at most each layer."""
        keys = self.keys["degradation"]
        each = len(keys["removals"]) * len(keys["orders"]) * (1 + keys["steps"])
        layers = self.needs.shape.layers
        return self.needs.forward_minutes(self.keys["pairs"] * each * layers)

    def rankings_minutes(self, times: int = 1) -> int:
        """All passages of the rankings, so many times."""
        keys = self.keys["rankings"]
        return self.needs.forward_minutes(times * keys["queries"] * keys["depth"], "ranking")

    def truncation_minutes(self) -> int:
        """The best passages at ten shares kept, and the first one token by token; twice."""
        keys, tokens = self.keys["rankings"], self.needs.max_length
        n_pairs = 2 * keys["queries"] * (10 * keys["passages"] + tokens)
        return self.needs.forward_minutes(n_pairs)
