"""What the heads of a ranker look at, over pairs: read batch by batch, no pattern is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
import polars as pl
import torch

from relevance_neurons.mechanism.head_statistics import HeadSums
from relevance_neurons.mechanism.matching import contrasts, shuffled_orders
from relevance_neurons.mechanism.pair_tokens import PairTokens
from relevance_neurons.mechanism.query_attention import (
    SCHEMA,
    kind_masks,
    kind_sums,
    n_query_places,
    query_rows,
)
from relevance_neurons.mechanism.read_idf import idf_as_read
from relevance_neurons.mechanism.runs import attention_of
from relevance_neurons.rankers.encoding import EncodedPair
from relevance_neurons.rankers.heads import Heads
from relevance_neurons.rankers.memory import Memory, halving, length_batches
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.running.progress import Progress


@dataclass(frozen=True)
class Study:
    """What is measured, of every ranker alike.

    ``ids``: query_id and doc_id of each pair; ``encoded`` the pairs; ``soft`` each query word's
    soft matches; ``collection`` its name. ``significance`` is that of null_shuffles.
    """

    collection: str
    ids: Sequence[tuple[str, str]]
    encoded: Sequence[EncodedPair]
    soft: Mapping[str, frozenset[str]]
    n_shuffles: int
    seed: int
    significance: float = 0.05


class Measured(NamedTuple):
    """``query_attention`` and ``head_attention`` as the tables, but without idf; the logits."""

    query_attention: pl.DataFrame
    head_attention: pl.DataFrame
    logits: np.ndarray


def measure_heads(
    reranker: Reranker, study: Study, name: str, with_shuffles: bool = True
) -> Measured:
    """Run ``reranker``, called ``name``, over all pairs of ``study``.

    The shuffled places depend on the seed and the pair's ids alone, whatever the batches. Raises
    ``UserError`` where the ranker's heads cannot be told apart.
    """
    heads, tokens = Heads.of(reranker), read_pairs(reranker, study.encoded)
    memory = _memory(reranker, heads, tokens)
    sums = HeadSums(heads.n_layers, heads.n_heads, study.n_shuffles if with_shuffles else 0)
    rows: list[pl.DataFrame | None] = [None] * len(tokens)
    logits = np.full(len(tokens), np.nan)
    batches = length_batches([pair.n_tokens for pair in tokens], memory)
    with Progress(len(tokens), f"heads of {study.collection}, {name}") as progress:
        for batch in batches:
            for part, (kinds, found) in halving(
                batch, memory, lambda part: _read_batch(reranker, part, tokens, study, sums)
            ):
                logits[part] = found
                for number, row in enumerate(part):
                    names = reranker.tokenizer.convert_ids_to_tokens(study.encoded[row].input_ids)
                    rows[row] = query_rows(tokens[row], names, kinds[number])
                progress.update(len(part))
    frame = _with_ids(rows, study.ids, name)
    return Measured(frame, sums.frame(study.collection, name, study.significance), logits)


def read_pairs(reranker: Reranker, encoded: Sequence[EncodedPair]) -> list[PairTokens]:
    """Each pair's words and where they are."""
    decode = reranker.tokenizer.decode
    return [PairTokens.of(pair, decode) for pair in encoded]


def with_idf(query_attention: pl.DataFrame, word_counts: pl.DataFrame, tokenizer) -> pl.DataFrame:
    """The table query_attention: ``idf`` of each word, as ``idf_as_read`` finds it.

    A word that no document has is the rarest. Null are punctuation and what ``tokenizer`` does not
    know, of which nobody can say how rare it is.
    """
    found = query_attention.drop("idf", strict=False)
    idf = idf_as_read(found["word"].unique(), word_counts, tokenizer).select("word", "idf")
    known = pl.col("token") != (tokenizer.unk_token or "")
    joined = found.join(idf, on="word", how="left", maintain_order="left")
    return joined.with_columns(idf=pl.when(known).then("idf")).select(list(SCHEMA))


def _memory(reranker: Reranker, heads: Heads, tokens: Sequence[PairTokens]) -> Memory:
    """What suits the ranker, less where the attention of all heads at once takes more."""
    memory = reranker.memory()
    longest = max((pair.n_tokens for pair in tokens), default=1)
    fitting = memory.kept_bytes // (4 * len(heads) * longest)
    memory.batch_tokens = max(1, min(memory.batch_tokens, fitting))
    return memory


def _read_batch(
    reranker: Reranker,
    part: Sequence[int],
    tokens: Sequence[PairTokens],
    study: Study,
    sums: HeadSums,
) -> tuple[np.ndarray, np.ndarray]:
    """Attention of the kinds, shape (n_pairs, n_places, n_kinds, n_layers · n_heads); logits."""
    pairs = [tokens[row] for row in part]
    n_tokens, n_shuffles = max(pair.n_tokens for pair in pairs), len(sums.shuffled)
    orders = [
        shuffled_orders(tokens[row], n_shuffles, _generator(study.seed, study.ids[row]))
        for row in part
    ]
    found = contrasts(pairs, orders, n_tokens)
    masks, kinds = kind_masks(pairs, study.soft, n_tokens), []
    own = HeadSums(*sums.match.shape, n_shuffles)  # whole or not at all, where memory ends
    logits, attention = attention_of(reranker, [study.encoded[row] for row in part])
    for layer, whole in enumerate(attention):
        patterns = _at_least_float32(whole[:, :, : n_query_places(pairs)])
        kinds.append(kind_sums(patterns, masks).cpu().numpy())
        own.add_layer(layer, patterns, found, pairs)
    own.count(found, pairs)
    sums.add(own)
    return np.concatenate(kinds, axis=-1), logits.double().cpu().numpy()


def _with_ids(
    rows: Sequence[pl.DataFrame], ids: Sequence[tuple[str, str]], name: str
) -> pl.DataFrame:
    if not rows:
        return pl.DataFrame(schema=SCHEMA).drop("idf")
    named = [
        frame.select(
            pl.lit(name).alias("ranker"),
            pl.lit(query_id).alias("query_id"),
            pl.lit(doc_id).alias("doc_id"),
            pl.all(),
        )
        for frame, (query_id, doc_id) in zip(rows, ids, strict=True)
    ]
    return pl.concat(named)


def _generator(seed: int, ids: tuple[str, str]) -> np.random.Generator:
    text = json.dumps(["shuffled passages", seed, *ids])
    key = int.from_bytes(blake2b(text.encode(), digest_size=16).digest())
    return np.random.Generator(np.random.Philox(key=key))


def _at_least_float32(patterns: torch.Tensor) -> torch.Tensor:
    return patterns.to(torch.promote_types(patterns.dtype, torch.float32))
