"""MonoT5: a T5 that writes "true" or "false" below a query and a passage, as a ranker.

Nogueira et al. 2020, "Document Ranking with a Pretrained Sequence-to-Sequence Model".
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

import torch
from torch import nn

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.architectures import Architecture
from relevance_neurons.rankers.encoding import (
    PASSAGE,
    QUERY,
    EncodedPair,
    fields_and_special,
    number_words,
)
from relevance_neurons.rankers.reranker import Reranker

LABEL_WORDS = ("false", "true")
"""What MonoT5 writes for non_relevant and relevant: a word's place is its logit's index."""


class Output(NamedTuple):
    """What the ranker puts out, as a sequence classifier does: logits, shape (n_rows, 2)."""

    logits: torch.Tensor


class MonoT5(nn.Module):
    """A ``T5ForConditionalGeneration`` with two logits: of the two words, where it begins to write.

    The rest of the vocabulary is left out: only the softmax over the two is asked for.
    """

    def __init__(self, t5: nn.Module, words: Sequence[int]) -> None:
        """``words``: the tokens of ``LABEL_WORDS``."""
        super().__init__()
        self.config = t5.config
        self.encoder, self.decoder = t5.encoder, t5.decoder
        rows = t5.lm_head.weight.detach()[list(words)]
        self.head = nn.Linear(rows.shape[1], len(rows), bias=False, dtype=rows.dtype)
        self.head.weight = nn.Parameter(rows.clone())
        self.scale = rows.shape[1] ** -0.5 if t5.config.scale_decoder_outputs else 1.0
        start = getattr(t5.config, "decoder_start_token_id", None)
        self.start = t5.config.pad_token_id if start is None else start

    @property
    def base_model(self) -> nn.Module:
        """What the description of the architecture starts from."""
        return self

    def get_input_embeddings(self) -> nn.Embedding:
        """The word embeddings of the encoder."""
        return self.encoder.embed_tokens

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
    ) -> Output:
        """Logits, shape (n_rows, 2), from token ids (n_rows, n_tokens) or their embeddings."""
        encoded = self.encoder(
            input_ids=input_ids, inputs_embeds=inputs_embeds, attention_mask=attention_mask
        ).last_hidden_state
        decoded = self.decoder(
            input_ids=torch.full((len(encoded), 1), self.start, device=encoded.device),
            encoder_hidden_states=encoded,
            encoder_attention_mask=attention_mask,
            use_cache=False,
        ).last_hidden_state[:, 0]
        return Output(self.head(decoded * self.scale))


class MonoT5Reranker(Reranker):
    """A MonoT5 over ``Query: {query} Document: {passage} Relevant:``.

    Tokens of the template and the end of the text count as special ones. Those before the
    passage's first token belong to the query's part, the others to the passage's.

    Raises ``UserError`` where ``max_length`` leaves no room beside the template.
    """

    def __init__(
        self,
        model: MonoT5,
        tokenizer,
        architecture: Architecture,
        max_length: int,
        dtype: str = "auto",
        batch_tokens: int | None = None,
    ) -> None:
        super().__init__(model, tokenizer, architecture, max_length, dtype, batch_tokens)
        (template,) = self._tokenised([""], [""])
        if len(template) >= max_length:
            raise UserError(
                f"reranker.max_length: {max_length} was found; MonoT5's template alone takes "
                f"{len(template)} tokens"
            )

    def _tokenised(self, queries: Sequence[str], passages: Sequence[str]) -> list[EncodedPair]:
        """The template survives a cut: the passage's last tokens go first, then the query's."""
        pieces = [
            ("Query:", f" {query}", " Document:", f" {passage}", " Relevant:")
            for query, passage in zip(queries, passages, strict=True)
        ]
        encoding = self.tokenizer(
            ["".join(one) for one in pieces], return_offsets_mapping=True, verbose=False
        )
        encoded = []
        for row, one in enumerate(pieces):
            ids, words = encoding["input_ids"][row], encoding.word_ids(row)
            parts = _parts(encoding["offset_mapping"][row], one)
            kept = _kept(parts, self.max_length)
            own = [parts[place] for place in kept]
            numbers = number_words(own, [words[place] for place in kept])
            is_cut = len(kept) < len(ids)
            rest = (*fields_and_special(own), numbers, is_cut)
            encoded.append(EncodedPair(torch.tensor(ids)[kept], None, *rest))
        return encoded


def label_tokens(tokenizer) -> list[int]:
    """The tokens of ``LABEL_WORDS``. Raises ``UserError`` unless each is one that is known."""
    tokens = [tokenizer.encode(word, add_special_tokens=False) for word in LABEL_WORDS]
    for word, found in zip(LABEL_WORDS, tokens, strict=True):
        if len(found) != 1 or found[0] == tokenizer.unk_token_id:
            raise UserError(
                f"reranker.tokenizer: {word!r} is {tokenizer.convert_ids_to_tokens(found)}; "
                "MonoT5 needs one token that its vocabulary holds"
            )
    return [found[0] for found in tokens]


def _parts(offsets: Sequence[tuple[int, int]], pieces: Sequence[str]) -> list[int | None]:
    """Query, passage or None (the template, and the text's end) for each token, by its place."""
    ends = list(accumulate(len(piece) for piece in pieces))[:-1]
    owners = (None, QUERY, None, PASSAGE, None)
    return [owners[bisect_right(ends, start)] for start, _ in offsets]


def _kept(parts: Sequence[int | None], max_length: int) -> list[int]:
    """Places of the tokens that stay where ``max_length`` may."""
    surplus = max(0, len(parts) - max_length)
    passage_then_query = [
        place for part in (PASSAGE, QUERY) for place in _places(parts, part)[::-1]
    ]
    cut = set(passage_then_query[:surplus])
    return [place for place in range(len(parts)) if place not in cut]


def _places(parts: Sequence[int | None], wanted: int) -> list[int]:
    return [place for place, part in enumerate(parts) if part == wanted]
