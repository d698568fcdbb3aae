"""A BERT whose score is, by its weights, the share of a few known tokens in a pair.

A planted token's embedding points one way, any other token's another way, with a little noise.
The first layer changes nothing; the second, whose attention is the same for all tokens, moves the
share of planted tokens to [CLS]; the head reads it there.
"""

import torch

from relevance_neurons.rankers.architectures import find_architecture
from relevance_neurons.rankers.reranker import Reranker
from toys.bert import make_model, make_tokenizer

PLANTED = ("heat", "blood", "rank", "lift")
PAIRS = [
    ("wing", "the flow of lift in the space has water and the time is user"),
    ("cell", "water of the cell energy heat time space user click web page test index"),
    ("neural model term", "the score of a passage is the relevance of blood to the query term"),
    ("web", "the rank test of the page and the weight of the index in the model layer"),
    ("query passage", "the user click lift the web heat page and the flow of time"),
]
"""In each, some planted tokens of the passage."""
N_LAYERS = 2


def planted_ranker(n_logits: int = 2) -> Reranker:
    """In float64. p(relevant) is about 0.1 without a planted token and 0.9 with many."""
    model, tokenizer = make_model(n_logits, N_LAYERS), make_tokenizer()
    planted = tokenizer.convert_tokens_to_ids(list(PLANTED))
    random = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.fill_(1.0 if name.endswith("LayerNorm.weight") else 0.0)
        words = model.bert.embeddings.word_embeddings.weight
        words.normal_(0.0, 0.02, generator=random)
        words[:, 2:4] += torch.tensor([1.0, -1.0])  # so that all have mean 0 and one norm
        words[planted, :4] += torch.tensor([1.0, -1.0, -1.0, 1.0])
        attention = model.bert.encoder.layer[1].attention
        attention.self.value.weight[4, 0] = 4.0  # query and key are 0: all attend to all alike
        attention.output.dense.weight.copy_(torch.eye(16))
        model.bert.pooler.dense.weight[0, 4] = 0.5
        model.classifier.weight[-1, 0] = 6.0
        model.classifier.bias[-1] = -2.0
    return Reranker(model.double(), tokenizer, find_architecture(model), 48, "float64")


def is_planted(tokens) -> list[bool]:
    return [token in PLANTED for token in tokens]
