"""Patches and paths of all diagnostic pairs of a collection, batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.mechanism.patcher import Patcher
from relevance_neurons.mechanism.patches import COLUMNS as PATCH_COLUMNS
from relevance_neurons.mechanism.patches import patch_pairs
from relevance_neurons.mechanism.paths import COLUMNS as PATH_COLUMNS
from relevance_neurons.mechanism.paths import patch_paths
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.heads import Head
from relevance_neurons.rankers.memory import Memory, length_batches
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.progress import Progress
from relevance_neurons.running.shards import shard_range

PATCHES_AT_ONCE = 16
"""Rows of the layers above that each pair of a batch is given room for."""

IDS = ("collection", "perturbation", "pair")
LOGITS = ("logit_before", "logit_after")


def shard_of_pairs(pairs: pl.DataFrame, shard: int, n_shards: int) -> pl.DataFrame:
    """The rows of diagnostic_pairs whose pair is of a shard: all levels of a pair are together."""
    numbers = pairs["pair"].unique().sort()
    own = shard_range(len(numbers), shard, n_shards)
    return pairs.filter(pl.col("pair").is_in(numbers[own.start : own.stop].implode()))


class PairEffects:
    """The effects of patches on some diagnostic pairs.

    ``pairs``: rows of the table diagnostic_pairs, one a pair, those that are patched. Raises
    ``UserError`` where the ranker does not read a pair as it was written down, and what
    ``Patcher.open`` raises.
    """

    def __init__(self, reranker: Reranker, pairs: pl.DataFrame) -> None:
        self.reranker, self.pairs = reranker, pairs
        self.before, self.after = (
            reranker.encode(list(zip(pairs["query"], pairs[f"passage_{when}"], strict=True)))
            for when in ("before", "after")
        )
        lengths = zip(self.before, self.after, pairs["n_tokens"], pairs["pair"], strict=True)
        for before, after, n_tokens, pair in lengths:
            if not len(before) == len(after) == n_tokens:
                raise UserError(
                    f"diagnostic_pairs: pair {pair} has {len(before)} tokens before and "
                    f"{len(after)} after, and {n_tokens} in the table; make the pairs again with "
                    "this ranker's tokenizer and max_length"
                )
        self.patcher = Patcher.open(reranker, [*self.before, *self.after])

    def patches(self, by_class: Sequence[Head] | None = None) -> pl.DataFrame:
        """A row is a pair under a patch (the tables patch_effects and class_effects).

        Of blocks by class of token, and of every head; or of the heads ``by_class``, by class.
        """

        def effects(rows: Sequence[int], memory: Memory) -> pl.DataFrame:
            classes = [self.pairs["token_classes"][row].to_list() for row in rows]
            return patch_pairs(self.patcher, *self._of(rows), classes, memory, by_class)

        columns = [name for name in PATCH_COLUMNS if name not in ("logit", "estimate")]
        return self._all(effects, "patching", (*columns, *LOGITS, "logit", "estimate"))

    def paths(self, receivers: Sequence[Head] | None = None) -> pl.DataFrame:
        """A row is a pair under a path (the tables path_effects and receiver_effects).

        From every head to the last residual stream, or to what ``receivers`` read.
        """

        def effects(rows: Sequence[int], memory: Memory) -> pl.DataFrame:
            return patch_paths(self.patcher, *self._of(rows), receivers, memory)

        columns = [name for name in PATH_COLUMNS if name != "logit"]
        return self._all(effects, "patching paths", (*columns, *LOGITS, "logit"))

    def _of(self, rows: Sequence[int]) -> Iterator[list[EncodedPair]]:
        return ([some[row] for row in rows] for some in (self.before, self.after))

    def _all(
        self,
        effects: Callable[[Sequence[int], Memory], pl.DataFrame],
        what: str,
        columns: Sequence[str],
    ) -> pl.DataFrame:
        """Those of all pairs, in their order, with the pair's ids."""
        memory, frames = self.reranker.memory(), []
        with Progress(len(self.pairs), what, "pairs") as progress:
            for rows in length_batches(list(map(len, self.before)), memory, PATCHES_AT_ONCE):
                found = effects(rows, memory)
                number = pl.Series("row", rows, dtype=pl.UInt32)[found["pair"]]
                frames.append(found.drop("pair").with_columns(number))
                progress.update(len(rows))
        ids = self.pairs.select(IDS).with_row_index("row")
        if not frames:
            return (
                ids.clear()
                .drop("row")
                .with_columns(
                    [pl.lit(None, _TYPES.get(name, pl.Float64)).alias(name) for name in columns]
                )
            )
        # Which pairs went through together does not show in the order of the rows.
        rows = pl.concat(frames).sort("row", maintain_order=True)
        return rows.join(ids, on="row", how="left", maintain_order="left").select(*IDS, *columns)


_TYPES = PATCH_COLUMNS | PATH_COLUMNS
