"""How alike a sentence encoder finds two texts: the teacher of a ranker that is made of it."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import numpy as np
import torch
from torch.nn.functional import normalize

from relevance_neurons.rankers.memory import Memory, length_batches
from relevance_neurons.rankers.training_arithmetic import arithmetic

_BATCH_TOKENS = 4096


class BiEncoder:
    """Cosines of texts by the mean of their token vectors (Reimers and Gurevych 2019).

    ``body`` is copied: what happens to it afterwards does not change the cosines.
    """

    def __init__(self, body: torch.nn.Module, tokenizer, max_length: int) -> None:
        self.body, self.tokenizer, self.max_length = deepcopy(body), tokenizer, max_length
        self._known: dict[str, np.ndarray] = {}

    def similarities(self, one: Sequence[str], other: Sequence[str]) -> np.ndarray:
        """The cosine of each text of ``one`` with that of ``other``: float32, shape (n,)."""
        self._embed([text for text in dict.fromkeys([*one, *other]) if text not in self._known])
        rows = ([self._known[text] for text in texts] for texts in (one, other))
        return np.einsum("ij,ij->i", *map(np.stack, rows))

    @torch.inference_mode()
    def _embed(self, texts: list[str]) -> None:
        if not texts:
            return
        device = next(self.body.parameters()).device
        encoded = self.tokenizer(texts, truncation=True, max_length=self.max_length)
        lengths = [len(ids) for ids in encoded["input_ids"]]
        for rows in length_batches(lengths, Memory(_BATCH_TOKENS)):
            picked = {name: [values[row] for row in rows] for name, values in encoded.items()}
            batch = self.tokenizer.pad(picked, return_tensors="pt").to(device)
            with arithmetic(device):
                states = self.body(**batch).last_hidden_state.float()
            mask = batch["attention_mask"].unsqueeze(-1)
            mean = (states * mask).sum(1) / mask.sum(1)
            vectors = normalize(mean, dim=1).cpu().numpy()
            self._known.update(zip((texts[row] for row in rows), vectors, strict=True))
