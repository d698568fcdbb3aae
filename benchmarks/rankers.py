"""Random rankers of real shapes, text of real lengths, and interleaved timing."""

import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

from relevance_neurons.rankers.architectures import find_architecture
from relevance_neurons.rankers.reranker import Reranker

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = [f"word{number}" for number in range(2000)]


def stock_model(layers: int, width: int) -> BertForSequenceClassification:
    """A BERT with two logits and random weights, as a user would load it, frozen."""
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(SPECIAL) + len(WORDS),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32 if width < 768 else width // 64,
        intermediate_size=4 * width,
        num_labels=2,
        pad_token_id=0,
    )
    return BertForSequenceClassification(config).eval().requires_grad_(False)


def reranker(layers: int, width: int, max_length: int = 512, dtype: str = "auto") -> Reranker:
    """The same model as a ranker of this library."""
    model = stock_model(layers, width)
    return Reranker(model, tokenizer(), find_architecture(model), max_length, dtype)


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a word."""
    vocabulary = {word: number for number, word in enumerate([*SPECIAL, *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=512,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )


def texts(n_pairs: int, seed: int = 0) -> list[tuple[str, str]]:
    """Pairs whose lengths are those of MS MARCO: passages of about 75 words."""
    random = np.random.default_rng(seed)
    lengths = np.clip(random.lognormal(np.log(72), 0.4, n_pairs), 10, 400).astype(int)
    draw = lambda n: " ".join(random.choice(WORDS, n))  # noqa: E731
    return [(draw(random.integers(3, 10)), draw(length)) for length in lengths]


def judged_pairs(folder: Path, n_pairs: int) -> list[tuple[str, str]]:
    """Judged pairs of a folder of docs.tsv, queries.tsv and qrels.txt, at equal steps."""
    texts = [
        dict(line.split("\t", 1) for line in (folder / name).read_text("utf-8").splitlines())
        for name in ("queries.tsv", "docs.tsv")
    ]
    judged = [row.split() for row in (folder / "qrels.txt").read_text("utf-8").splitlines()]
    step = max(1, len(judged) // n_pairs)
    return [(texts[0][query], texts[1][doc]) for query, _, doc, _ in judged[::step]][:n_pairs]


def interleaved(
    runs: Mapping[str, Callable[[], object]],
    repeats: int,
    uncounted: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Median seconds of each, taken in turns after some that do not count."""
    times: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(uncounted + repeats):
        for name, run in runs.items():
            start = clock()
            run()
            if number >= uncounted:
                times[name].append(clock() - start)
    return {name: statistics.median(found) for name, found in times.items()}
