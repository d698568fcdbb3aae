"""A BERT whose score is, by its weights, how much IDF the embeddings of a pair's words hold.

One direction of the word embeddings grows with IDF; the others are the same for all words, with a
little noise. The first layer changes nothing; the second, whose attention is the same for all
tokens, moves the mean along that direction to [CLS]; the head reads it there.
"""

import numpy as np
import polars as pl
import torch

from relevance_neurons.rankers.architectures import find_architecture
from relevance_neurons.rankers.reranker import Reranker
from toys.bert import SPECIAL, WORDS, make_model, make_tokenizer

PAIRS = [
    ("the wing", "the wing has lift in the flow of air"),
    ("heat of the cell", "cell heat flow and the water of the cell"),
    ("neural rank model", "the score of a model is the relevance of the rank and neural model"),
    ("user click", "the web page index has the click time of the user"),
    ("space", "of the layer and the space"),
    ("lift", "heat flow"),  # its term is not in the passage
]


def word_counts() -> pl.DataFrame:
    """As of rule count_words: the first words are common, the last ones rare (idf is made up)."""
    return pl.DataFrame(
        {
            "word": WORDS,
            "n_documents": range(len(WORDS), 0, -1),
            "n_total_documents": [len(WORDS)] * len(WORDS),
            "idf": np.linspace(0.5, 8.0, len(WORDS)),
        }
    )


def planted_idf_ranker(score_sign: int = 1, n_logits: int = 1) -> Reranker:
    """In float64. ``score_sign``: whether more IDF raises the score or lowers it."""
    model = make_model(n_logits, layers=2)
    random = torch.Generator().manual_seed(0)
    idf = torch.tensor(word_counts()["idf"].to_list())
    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
        words = model.bert.embeddings.word_embeddings.weight
        words.normal_(0.0, 0.02, generator=random)
        words[:, 2:4] += torch.tensor([1.0, -1.0])
        planted = (0.1 * (idf - idf.mean()))[:, None] * torch.tensor([1.0, -1.0])
        words[len(SPECIAL) :, :2] += planted
        attention = model.bert.encoder.layer[1].attention
        attention.self.value.weight[4, :2] = torch.tensor([2.0, -2.0])
        attention.output.dense.weight.copy_(torch.eye(16))
        model.bert.pooler.dense.weight[0, 4] = 0.2
        model.classifier.weight[-1, 0] = 6.0 * score_sign
    return Reranker(model.double(), make_tokenizer(), find_architecture(model), 48, "float64")
