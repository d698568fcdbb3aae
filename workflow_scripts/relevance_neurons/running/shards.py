"""Cut rows into shards that jobs take on by themselves."""

from __future__ import annotations

from relevance_neurons.errors import UserError


def shard_range(n_rows: int, shard: int, n_shards: int) -> range:
    """The rows of shard number ``shard`` (from 0) of ``n_shards``: neighbours, in order.

    Sizes differ by one at most; with fewer rows than shards some are empty. Raises ``UserError``
    for a shard that there is not.
    """
    if not 0 <= shard < n_shards:
        raise UserError(f"shard: {shard} of {n_shards} was found; allowed are 0 to {n_shards - 1}")
    return range(n_rows * shard // n_shards, n_rows * (shard + 1) // n_shards)
