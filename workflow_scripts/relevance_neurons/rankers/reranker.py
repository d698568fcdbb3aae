"""A cross-encoder that scores pairs, and what attribution and ablation need to know of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from inspect import signature
from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn.functional import logsigmoid

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.architectures import Architecture
from relevance_neurons.rankers.descriptions import BERT
from relevance_neurons.rankers.encoder import Encoder
from relevance_neurons.rankers.encoding import EncodedPair, fields_and_special, number_words
from relevance_neurons.rankers.kernels import freeze_linear, matrix_precision
from relevance_neurons.rankers.memory import Memory, halving, length_batches
from relevance_neurons.rankers.neurons import Neurons
from relevance_neurons.rankers.pairs import as_pairs

if TYPE_CHECKING:
    from transformers import BatchEncoding, PreTrainedTokenizerBase

LABELS = ("non_relevant", "relevant")
"""A label's place is its index in the ranker's two logits (METHOD: F)."""

TARGETS = ("probability", "logit", "margin")


class Reranker:
    """A cross-encoder over (query, passage) with one or two logits.

    ``dtype`` is "float32", "bfloat16", "float64" or "auto": float32 on a CPU; on a GPU TF32 for
    attribution and bfloat16 for re-ranking. ``batch_tokens`` is the size of a pass, which
    bounds the memory; by default it suits the ranker and its device.
    """

    def __init__(
        self,
        model: nn.Module,
        tokenizer: PreTrainedTokenizerBase,
        architecture: Architecture,
        max_length: int,
        dtype: str = "auto",
        batch_tokens: int | None = None,
    ) -> None:
        self.model = freeze_linear(model.eval())
        for module in model.modules():  # one call of a feed-forward module a layer: ours count them
            if getattr(module, "chunk_size_feed_forward", 0):
                module.chunk_size_feed_forward = 0
        self.tokenizer = tokenizer
        self.architecture = architecture
        self.max_length = max_length
        self.dtype = dtype
        self.batch_tokens = batch_tokens
        self.neurons = Neurons.of(model, architecture)
        self.device = next(model.parameters()).device
        self.with_types = _takes_types(model) and _gives_types(tokenizer)

    def __repr__(self) -> str:
        name, n_layers = type(self.model).__name__, self.neurons.n_layers
        return (
            f"Reranker({name}: {n_layers} layers, {len(self.neurons):,} neurons, pairs cut at "
            f"{self.max_length} tokens, on {self.device})"
        )

    def encode(self, pairs: Sequence[tuple[str, str]]) -> list[EncodedPair]:
        """Tokenise pairs, the longer of the two texts cut first at ``max_length`` tokens.

        Raises ``UserError`` as ``as_pairs``, which tells what may be given.
        """
        texts = as_pairs(pairs)
        return self._tokenised(*zip(*texts, strict=True)) if texts else []

    def _tokenised(self, queries: Sequence[str], passages: Sequence[str]) -> list[EncodedPair]:
        encoding = self.tokenizer(
            list(queries),
            list(passages),
            truncation="longest_first",
            max_length=self.max_length,
            return_token_type_ids=self.with_types,
            verbose=False,
        )
        return [self._pair(encoding, row) for row in range(len(queries))]

    def _pair(self, encoding: BatchEncoding, row: int) -> EncodedPair:
        ids, parts = encoding["input_ids"][row], encoding.sequence_ids(row)
        types = torch.tensor(encoding["token_type_ids"][row]) if self.with_types else None
        words = number_words(parts, encoding.word_ids(row))
        # Only of a pair that fills the length what was cut off is looked at: looking copies it.
        is_cut = len(ids) >= self.max_length and bool(encoding.encodings[row].overflowing)
        return EncodedPair(torch.tensor(ids), types, *fields_and_special(parts), words, is_cut)

    def collate(self, encoded: Sequence[EncodedPair]) -> dict[str, torch.Tensor]:
        """A padded batch on the device: input_ids, attention_mask (and token_type_ids)."""
        pad = self.tokenizer.pad_token_id
        batch = {
            "input_ids": _pad([pair.input_ids for pair in encoded], pad),
            "attention_mask": _pad([torch.ones_like(pair.input_ids) for pair in encoded], 0),
        }
        if encoded[0].token_type_ids is not None:
            types = [pair.token_type_ids for pair in encoded]
            batch["token_type_ids"] = _pad(types, 0)
        return {name: tensor.to(self.device) for name, tensor in batch.items()}

    def log_probabilities(self, logits: torch.Tensor) -> torch.Tensor:
        """log p of (non-relevant, relevant), shape (n_rows, 2), from logits (n_rows, 1 or 2)."""
        logits = logits.float() if logits.dtype == torch.bfloat16 else logits
        # By the margin: a softmax in float32 has log p of 0 from a margin of 17 on, and ties there.
        margin = logits if logits.shape[-1] == 1 else logits[:, 1:] - logits[:, :1]
        return torch.cat([logsigmoid(-margin), logsigmoid(margin)], dim=-1)

    def target_value(self, logits: torch.Tensor, label: str, target: str) -> torch.Tensor:
        """F, the function whose change is attributed: shape (n_rows,) from logits (n_rows, ·).

        probability: softmax (or sigmoid) probability of the label. margin: the label's logit less
        the other's. logit: the label's logit. A ranker with one logit z is read as one with the
        logits (0, z), so its margin is z or −z; its only logit is the same.
        """
        if label not in LABELS:
            raise UserError(f"label: {label!r} was found; allowed: {', '.join(LABELS)}")
        if target not in TARGETS:
            raise UserError(
                f"attribution.target: {target!r} was found; allowed: {', '.join(TARGETS)}"
            )
        index = LABELS.index(label)
        if target == "probability":
            return self.log_probabilities(logits)[:, index].exp()
        if logits.shape[-1] == 1:
            return logits[:, 0] if label == "relevant" else -logits[:, 0]
        return logits[:, index] - (logits[:, 1 - index] if target == "margin" else 0.0)

    @torch.inference_mode()
    def score(self, pairs: Sequence[tuple[str, str]]) -> torch.Tensor:
        """log p(relevant) of each pair, float32, shape (n_pairs,), on the CPU."""
        encoded = self.encode(pairs)
        scores = torch.empty(len(encoded))
        memory = self.memory()

        def score(rows: Sequence[int]) -> torch.Tensor:
            with self.precision("ranking"):
                logits = self.model(**self.collate([encoded[row] for row in rows])).logits
            return self.log_probabilities(logits)[:, 1].float().cpu()

        for rows in length_batches([len(pair) for pair in encoded], memory):
            for part, found in halving(rows, memory, score):
                scores[part] = found
        return scores

    def memory(self) -> Memory:
        """How much may go through at once; for each piece of work anew, as passes may be halved."""
        return Memory.of(len(self.neurons), self.device, self.batch_tokens)

    @cached_property
    def encoder(self) -> Encoder | None:
        """Our own forward pass, where the architecture is one that it was written for."""
        if self.architecture is not BERT:
            return None
        return Encoder(self.model, self.architecture)

    @contextmanager
    def precision(self, work: str) -> Iterator[None]:
        """Within the block, the arithmetic for "attribution" or "ranking" (see ``dtype``)."""
        arithmetic = self.arithmetic(work)
        in_bfloat16 = torch.autocast(
            self.device.type, dtype=torch.bfloat16, enabled=arithmetic == "bfloat16"
        )
        with matrix_precision("high" if arithmetic == "tf32" else "highest"), in_bfloat16:
            yield

    def arithmetic(self, work: str) -> str:
        """In what matrices are multiplied for "attribution" or "ranking".

        One of float64, float32, tf32 and bfloat16 (METHOD, section 5: TF32 changes a pair's
        scores by less than 1 %, bfloat16 by 5 to 15 %).
        """
        if self.dtype != "auto":
            return self.dtype
        if self.device.type != "cuda":
            return "float32"
        return "tf32" if work == "attribution" else "bfloat16"


def _takes_types(model: nn.Module) -> bool:
    """Whether the model tells the two texts apart by token types, whatever its tokenizer gives."""
    known = getattr(model.config, "type_vocab_size", 2)
    return "token_type_ids" in signature(model.forward).parameters and known > 1


def _gives_types(tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether token types belong to the model's inputs, as far as the tokenizer's files say.

    Not by its class: that of ALBERT leaves them out since transformers 5, though ALBERT's rankers
    were trained with them.
    """
    names = tokenizer.init_kwargs.get("model_input_names")
    return names is None or "token_type_ids" in names


def _pad(rows: list[torch.Tensor], value: int) -> torch.Tensor:
    return nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=value)


def check_reranker(reranker: object) -> None:
    """Raise ``UserError`` for anything but a ``Reranker``: a model's name, say, or a model."""
    if not isinstance(reranker, Reranker):
        raise UserError(
            f"reranker: a {type(reranker).__name__} was found; give what load_reranker makes of it"
        )
