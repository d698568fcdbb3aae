"""What a ranker in training is told: how wrong its logits of some queries' passages are.

``logits``: (1 + n_negatives, n_queries, 2), of each query the positive's ([0]) and the negatives'.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.functional import cross_entropy, mse_loss

# A margin of the teacher's cosines in the ranker's logits. About half of those between a positive
# and a hard negative of BM25 are then between 1 and 5, which a ranker of labels has too.
MARGIN_SCALE = 15.0
# Beside the labels' losses. A wrong margin costs its square, the labels at most a few units.
MARGIN_WEIGHT = 0.05
LOSSES = ("cross_entropy", "softmax", "margin_mse")


def training_loss(
    logits: torch.Tensor, losses: Sequence[str], similarities: torch.Tensor | None
) -> torch.Tensor:
    """The sum of ``losses``; ``similarities`` are for margin_mse, see ``margin_loss``."""
    each = {
        "cross_entropy": lambda: label_loss(logits),
        "softmax": lambda: softmax_loss(logits),
        "margin_mse": lambda: MARGIN_WEIGHT * margin_loss(logits, similarities),
    }
    return torch.stack([each[name]() for name in losses]).sum()


def label_loss(logits: torch.Tensor) -> torch.Tensor:
    """Cross entropy on the labels.

    Both labels weigh the same however many negatives there are, so that p(relevant) = 0.5 stays
    the line between them.
    """
    n_negatives = len(logits) - 1
    labels = torch.zeros(logits.shape[:2], dtype=torch.long, device=logits.device)
    labels[0] = 1
    weights = None if n_negatives == 1 else logits.new_tensor([1 / n_negatives, 1.0])
    return cross_entropy(logits.reshape(-1, 2), labels.reshape(-1), weight=weights)


def softmax_loss(logits: torch.Tensor) -> torch.Tensor:
    """Cross entropy over a query's passages (Cao et al. 2007): the positive before its negatives.

    A passage's score is its relevant logit minus the other.
    """
    positives = torch.zeros(logits.shape[1], dtype=torch.long, device=logits.device)
    return cross_entropy(_scores(logits).T, positives)


def margin_loss(logits: torch.Tensor, similarities: torch.Tensor) -> torch.Tensor:
    """MarginMSE (Hofstätter et al. 2020) against a teacher's ``similarities``.

    Their shape is (1 + n_negatives, n_queries). The mean over queries and negatives of the squared
    difference between the ranker's margin s+ - s-, of scores as in ``softmax_loss``, and
    ``MARGIN_SCALE`` times that of the teacher.
    """
    scores = _scores(logits)
    wanted = MARGIN_SCALE * (similarities[:1] - similarities[1:])
    return mse_loss(scores[:1] - scores[1:], wanted)


def _scores(logits: torch.Tensor) -> torch.Tensor:
    return logits[..., 1] - logits[..., 0]
