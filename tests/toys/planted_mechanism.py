"""A BERT whose attention is a BM25 with b = 0, set by hand, and a collection whose IDF it knows.

Three layers of four heads. What is planted, and nothing else moves the score:

* ``MATCHING_HEAD``: from a query word to the equal words of the passage, against a sink at [CLS]
  that is worth ``K1`` occurrences: tf equal words get tf / (tf + K1) of the attention together. It
  brings the IDF of what it finds, IDF · tf / (tf + K1), to the query word.
* ``RELEVANCE_HEAD``: from [CLS] to the query's words, all alike; it brings their mean to [CLS].
* the classifier: the logit is ``SLOPE`` times that mean, less ``OFFSET`` (within about 1 %).
* the word embeddings: left singular vector ``IDF_COMPONENT`` is the IDF of ``planted_texts``, less
  its mean over words; every other one is uncorrelated with it (or the same for all words, but for
  rounding).

Decoys, which must not be found: ``LENGTH_HEAD`` looks from query words at the whole passage,
``IDLE_HEAD`` from [CLS] at the query's words, and both bring nothing. All other heads look at every
token alike and bring nothing; feed-forward blocks put out 0.

LayerNorm is near the identity, as two large constant entries of opposite sign, which the token
types bring, make nearly all of the norm, and one more entry keeps the mean at 0.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import torch
from transformers import BertConfig, BertForSequenceClassification

from relevance_neurons.collections.grades import label_grades
from relevance_neurons.rankers.architectures import find_architecture
from relevance_neurons.rankers.reranker import Reranker
from toys.bert import SPECIAL, WORDS, make_tokenizer

N_LAYERS, N_HEADS = 3, 4
MATCHING_HEAD, RELEVANCE_HEAD = (1, 2), (2, 1)
LENGTH_HEAD, IDLE_HEAD = (1, 0), (2, 3)
IDF_COMPONENT = 1
"""From 0, the largest singular value first; component 0 is a decoy that no head reads."""
K1, SLOPE, OFFSET = 1.5, 4.0, 2.0
N_DOCUMENTS, N_QUERIES = 120, 12

VOCABULARY = ("the", "of", "a", "it", *(word for word in WORDS if word not in ("the", "of")))
"""Its words, the frequent ones first; the tokenizer knows a full stop too."""
_TOKENS = (*VOCABULARY, ".")
_HEAD_SIZE = 48
_WIDTH = N_HEADS * _HEAD_SIZE
_IDF, _MINUS_IDF, _DECOY, _MINUS_DECOY, _IS_WORD, _IS_PASSAGE, _IS_CLS, *_OTHERS = range(
    len(_TOKENS), len(_TOKENS) + 12
)
_MATCHED, _READ, _BALANCE, _HIGH, _LOW = _OTHERS
_CONSTANT, _IDF_SCALE, _DECOY_NORM, _SHARPNESS = 400.0, 2.0, 20.0, 14.0
_SINK, _FROM_PASSAGE = len(_TOKENS), len(_TOKENS) + 1  # places in a head


def planted_ranker(n_logits: int = 1, dtype: str = "float64") -> Reranker:
    """The ranker, of one logit or of two (0 and the same)."""
    tokenizer = make_tokenizer(["a", "it", "."])
    tokenizer.model_max_length = 128
    model = BertForSequenceClassification(_config(len(tokenizer), n_logits)).eval()
    with torch.no_grad():
        for name, weights in model.named_parameters():
            is_scale = name.endswith("LayerNorm.weight")
            weights.fill_(_CONSTANT * math.sqrt(2 / _WIDTH) if is_scale else 0.0)
        _set_embeddings(model, tokenizer)
        _set_matching_head(model)
        _set_relevance_head(model)
        _set_decoys(model)
        model.bert.pooler.dense.weight[0, _READ] = 0.01  # where tanh is linear
        model.classifier.weight[-1, 0] = 100 * SLOPE
        model.classifier.bias[-1] = -OFFSET
    model = model.to(getattr(torch, dtype))
    return Reranker(model, tokenizer, find_architecture(model), 128, dtype)


def planted_score(query: str, passage: str) -> float:
    """The logit of a pair of texts without full stops in the query, by the formula above."""
    idf = dict(planted_idf().iter_rows())
    asked, words = query.lower().split(), passage.lower().replace(".", " . ").split()
    found = [words.count(word) for word in asked]
    pulls = [idf[word] * tf / (tf + K1) for word, tf in zip(asked, found, strict=True)]
    return SLOPE * sum(pulls) / len(asked) - OFFSET


def planted_idf() -> pl.DataFrame:
    """word, idf: ln(1 + (N - n + 0.5) / (n + 0.5)) over the documents of ``planted_texts``."""
    return planted_counts().select("word", "idf")


def planted_counts() -> pl.DataFrame:
    """word, n_documents, n_total_documents, idf, as rule count_words writes them."""
    texts = planted_texts()["documents"]["text"].to_list()
    words = [set(text.lower().replace(".", "").split()) for text in texts]
    counts = np.array([sum(word in one for one in words) for word in VOCABULARY])
    idf = np.log(1 + (len(texts) - counts + 0.5) / (counts + 0.5))
    totals = [len(texts)] * len(VOCABULARY)
    return pl.DataFrame(
        {"word": VOCABULARY, "n_documents": counts, "n_total_documents": totals, "idf": idf}
    )


def planted_texts(seed: int = 0) -> dict[str, pl.DataFrame]:
    """documents, queries and qrels as a study prepares them.

    A query is three words, a rare one among them; three documents have all of them (grade 3; in
    one, two or three sentences), six others are judged 0.
    """
    random = np.random.default_rng(seed)
    queries = [_query(random) for _ in range(N_QUERIES)]
    texts, judged = [], []
    for number, words in enumerate(queries):
        for n_sentences in (1, 2, 3):
            judged.append((f"q{number:02d}", f"d{len(texts):03d}", 3))
            texts.append(_document(random, words, n_sentences))
    texts += [_document(random) for _ in range(N_DOCUMENTS - len(texts))]
    for number in range(N_QUERIES):
        others = random.choice(np.arange(3 * N_QUERIES, N_DOCUMENTS), 6, replace=False)
        judged += [(f"q{number:02d}", f"d{other:03d}", 0) for other in sorted(others)]
    qrels = pl.DataFrame(judged, schema=["query_id", "doc_id", "grade"], orient="row")
    query_ids = [f"q{number:02d}" for number in range(N_QUERIES)]
    asked = {"query_id": query_ids, "text": [" ".join(words) for words in queries]}
    doc_ids = [f"d{number:03d}" for number in range(N_DOCUMENTS)]
    return {
        "documents": pl.DataFrame({"doc_id": doc_ids, "text": texts}),
        "queries": pl.DataFrame(asked).with_columns(own_document=False),
        "qrels": label_grades(qrels, [3], [0]),
    }


def planted_collection(folder: Path) -> dict[str, str]:
    """Write ``planted_texts`` as Parquet files into ``folder``; each table's name and its path."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {}
    for name, frame in planted_texts().items():
        frame.write_parquet(folder / f"{name}.parquet")
        paths[name] = str(folder / f"{name}.parquet")
    return paths


def _query(random: np.random.Generator) -> list[str]:
    rare = random.choice(VOCABULARY[24:])
    others = random.choice(VOCABULARY[6:24], 2, replace=False)
    return [str(word) for word in random.permutation([rare, *others])]


def _document(random: np.random.Generator, words: list[str] = (), n_sentences: int = 0) -> str:
    """Four sentences of six words, drawn by Zipf's law; the first ones have all of ``words``."""
    chance = np.arange(1, len(VOCABULARY) + 1) ** -1.5
    sentences = []
    for number in range(4):
        drawn = [str(word) for word in random.choice(VOCABULARY, 6, p=chance / chance.sum())]
        if number < n_sentences:
            drawn[1 : 1 + len(words)] = words
        sentences.append(" ".join(drawn).capitalize() + ".")
    return " ".join(sentences)


def _config(vocabulary: int, n_logits: int) -> BertConfig:
    return BertConfig(
        vocab_size=vocabulary,
        hidden_size=_WIDTH,
        num_hidden_layers=N_LAYERS,
        num_attention_heads=N_HEADS,
        intermediate_size=8,
        max_position_embeddings=128,
        num_labels=n_logits,
        initializer_range=0.1,  # of the same ranker without training
        pad_token_id=0,
    )


def _set_embeddings(model: BertForSequenceClassification, tokenizer) -> None:
    """Each token an entry of its own, its IDF, and a decoy; what a token is comes by its type."""
    embeddings = model.bert.embeddings
    words, types = embeddings.word_embeddings.weight, embeddings.token_type_embeddings.weight
    rows = tokenizer.convert_tokens_to_ids(list(_TOKENS))
    words[rows, torch.arange(len(_TOKENS))] = 1.0
    idf = planted_idf()["idf"].to_numpy()
    centred = idf - idf.mean()
    decoy = np.random.default_rng(0).standard_normal(len(idf))
    basis = np.linalg.qr(np.stack([np.ones(len(idf)), centred, decoy], axis=1))[0]
    # Each with its own balance, which keeps the components apart.
    for places, values in (
        ((_IDF, _MINUS_IDF), _IDF_SCALE * centred),
        ((_DECOY, _MINUS_DECOY), _DECOY_NORM * basis[:, 2]),
    ):
        column = torch.tensor(values, dtype=words.dtype)
        words[rows[: len(idf)], places[0]], words[rows[: len(idf)], places[1]] = column, -column
    special = tokenizer.convert_tokens_to_ids(SPECIAL)
    words[special, _IS_WORD] = -1.0
    words[tokenizer.cls_token_id, _IS_CLS] = 1.0
    types[:, _IS_WORD] = 1.0
    types[1, _IS_PASSAGE] = 1.0
    types[:, _HIGH], types[:, _LOW] = _CONSTANT, -_CONSTANT
    for table in (words, types):
        table[:, _BALANCE] = -table.sum(dim=1)


def _set_matching_head(model: BertForSequenceClassification) -> None:
    """Logits of attention: equal 2 s, the sink 2 s + ln K1, other passage words s or less.

    From the passage everything in the passage gets 2 s less, so that only the sink is left.
    """
    query, key, value, output = _head(model, MATCHING_HEAD)
    root, places = math.sqrt(_HEAD_SIZE), torch.arange(len(_TOKENS))
    query.weight[places, places] = root * _SHARPNESS
    key.weight[places, places] = 1.0
    query.bias[_SINK] = root
    key.weight[_SINK, _IS_PASSAGE] = _SHARPNESS
    key.weight[_SINK, _IS_CLS] = 2 * _SHARPNESS + math.log(K1)
    query.weight[_FROM_PASSAGE, _IS_PASSAGE] = root
    key.weight[_FROM_PASSAGE, _IS_PASSAGE] = -2 * _SHARPNESS
    value.weight[0, _IDF] = 1 / _IDF_SCALE
    value.weight[0, _IS_WORD] = planted_idf()["idf"].mean()
    output[_MATCHED, 0], output[_BALANCE, 0] = 1.0, -1.0


def _set_relevance_head(model: BertForSequenceClassification) -> None:
    _, _, value, output = _head(model, RELEVANCE_HEAD)
    _look_at_query(model, RELEVANCE_HEAD)
    value.weight[0, _MATCHED] = 1.0
    output[_READ, 0], output[_BALANCE, 0] = 1.0, -1.0


def _set_decoys(model: BertForSequenceClassification) -> None:
    _look_at_query(model, IDLE_HEAD)
    query, key, _, _ = _head(model, LENGTH_HEAD)
    query.weight[0, _IS_WORD] = math.sqrt(_HEAD_SIZE)
    key.weight[0, _IS_PASSAGE] = 4.0


def _look_at_query(model: BertForSequenceClassification, head: tuple[int, int]) -> None:
    """From [CLS] to the words of the query alone; from all other tokens to everything alike."""
    query, key, _, _ = _head(model, head)
    query.weight[0, _IS_CLS] = math.sqrt(_HEAD_SIZE)
    key.weight[0, _IS_WORD], key.weight[0, _IS_PASSAGE] = _SHARPNESS, -_SHARPNESS


class _Rows:
    """A head's rows of a projection: views of its weight and bias."""

    def __init__(self, linear: torch.nn.Linear, rows: slice) -> None:
        self.weight, self.bias = linear.weight[rows], linear.bias[rows]


def _head(model: BertForSequenceClassification, head: tuple[int, int]):
    """query, key, value of a head as ``_Rows``, and its columns of the output's weight."""
    layer, number = head
    attention = model.bert.encoder.layer[layer].attention
    rows = slice(number * _HEAD_SIZE, (number + 1) * _HEAD_SIZE)
    inputs = [_Rows(getattr(attention.self, name), rows) for name in ("query", "key", "value")]
    return *inputs, attention.output.dense.weight[:, rows]
