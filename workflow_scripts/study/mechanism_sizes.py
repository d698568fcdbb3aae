"""How large the jobs of the stage mechanism are; see ``job_sizes``."""

from __future__ import annotations

import math

from study.contents import Study
from study.job_sizes import ATTRIBUTED_TOKENS, LIGHT_MINUTES, Needs
from study.ranker_shapes import ranker_shape

TOKEN_CLASSES = 9
LEVELS = 6
"""Most levels of a pair: the answer's five sentences, and none."""
MOST_RELEVANCE = 3
"""Relevance heads that are found at most."""
PATH_PASSES = 1.1
"""Forward passes of a sender to a receiver."""
MOST_JUDGED = 21
"""Passages of a query that a pair's rank is among, itself too."""
KEPT = 5
"""Sets of heads that are kept, beside the random ones."""


def patch_passes(study: Study) -> float:
    """Forward passes that a pair costs in patch_heads, at most.

    A patch of a layer costs those above it: half of a pass, on average. Three sites of every layer
    by class of tokens; output and pattern of every head; the paths from every head; the two passes
    and gradients of the estimate, and its query's other passages.
    """
    shape = ranker_shape(study)
    blocks = 3 * shape.layers * (1 + TOKEN_CLASSES)
    heads = shape.layers * shape.n_heads
    return (blocks + 2 * heads) / 2 + PATH_PASSES * heads + 4 + LEVELS + MOST_JUDGED


def found_passes(study: Study) -> float:
    """The same in patch_found_heads: found heads by class, paths to what relevance heads read."""
    shape, keys = ranker_shape(study), study["mechanism"]
    heads = shape.layers * shape.n_heads
    split = (
        heads if keys["head_classes"] == "all" else min(heads, keys["max_heads"] + MOST_RELEVANCE)
    )
    receivers = 3 * MOST_RELEVANCE
    return split * TOKEN_CLASSES + PATH_PASSES * heads * (1 + receivers) / 2 + 4


def patch_shards(study: Study) -> int:
    """Jobs that share the pairs of one collection; forward passes alone cost half of both."""
    n_pairs, keys = n_diagnostic_pairs(study), study["mechanism"]
    if keys["shards"] != "auto":
        return min(keys["shards"], n_pairs)
    passes = max(patch_passes(study), found_passes(study))
    tokens = n_pairs * passes * study["reranker"]["max_length"]
    return min(n_pairs, math.ceil(tokens / 2 / ATTRIBUTED_TOKENS))


def n_diagnostic_pairs(study: Study) -> int:
    """Pairs of one collection; those of the user's own are taken to be as many as of another."""
    keys = study["mechanism"]
    return keys["pairs"] * (len(keys["perturbations"]) + ("own_pairs" in keys))


class MechanismNeeds:
    """Minutes that the stage's jobs ask for, at their first try."""

    def __init__(self, study: Study, needs: Needs) -> None:
        self.study, self.keys, self.needs = study, study["mechanism"], needs

    def patch_minutes(self) -> int:
        """A shard of the pairs, with all their patches."""
        n_pairs = math.ceil(n_diagnostic_pairs(self.study) / patch_shards(self.study))
        return self.needs.forward_minutes(n_pairs * patch_passes(self.study))

    def found_minutes(self) -> int:
        """A shard of the pairs, with the patches of found heads."""
        n_pairs = math.ceil(n_diagnostic_pairs(self.study) / patch_shards(self.study))
        return self.needs.forward_minutes(n_pairs * found_passes(self.study))

    def attention_minutes(self) -> int:
        """The passages of the rankings, through the ranker and re-initialised ones."""
        return self.needs.forward_minutes(self._n_ranked() * (1 + self.keys["nulls"]["rankers"]))

    def edit_minutes(self) -> int:
        """The pairs at every dose: of the component, of the row, of every random direction."""
        keys = self.keys["idf"]
        return self.needs.forward_minutes(
            keys["pairs"] * (1 + len(keys["doses"]) * (2 + keys["directions"]))
        )

    def faithfulness_minutes(self) -> int:
        """The diagnostic pairs, before and after, and the rankings, with each set of heads."""
        n_pairs = 2 * n_diagnostic_pairs(self.study) + self._n_ranked()
        return self.needs.forward_minutes(n_pairs * (1 + KEPT + self.keys["random_draws"]))

    def fit_minutes(self) -> int:
        """Curves or regressions of every head, on the CPU: a second of each, and bootstraps."""
        each = self._n_heads() * len(self.keys["collections"])
        return 3 * LIGHT_MINUTES + math.ceil(each / 60 * (1 + self.keys["random_draws"] / 20))

    def _n_ranked(self) -> int:
        return self.keys["rankings"]["queries"] * self.keys["rankings"]["depth"]

    def _n_heads(self) -> int:
        return self.needs.shape.layers * self.needs.shape.n_heads
