"""The losses of the training against torch's own on pairs one by one, and by hand."""

import pytest
import torch
from torch import nn

from relevance_neurons.rankers.training_loss import (
    MARGIN_SCALE,
    MARGIN_WEIGHT,
    label_loss,
    margin_loss,
    softmax_loss,
    training_loss,
)


@pytest.mark.parametrize("n_negatives", [1, 3])
def test_label_loss_is_cross_entropy_with_both_labels_of_one_weight(n_negatives):
    logits = torch.randn(1 + n_negatives, 5, 2, generator=torch.manual_seed(0), dtype=torch.float64)
    scores = logits[..., 1] - logits[..., 0]
    relevant = nn.BCEWithLogitsLoss()(scores[0], torch.ones(5, dtype=torch.float64))
    other = nn.BCEWithLogitsLoss()(scores[1:], torch.zeros(n_negatives, 5, dtype=torch.float64))
    torch.testing.assert_close(label_loss(logits), (relevant + other) / 2)


def test_margin_loss_by_hand():
    # Two queries with two negatives each; the ranker's scores are 1, 3 | 0, 2 | -1, 4.
    scores = torch.tensor([[1.0, 3.0], [0.0, 2.0], [-1.0, 4.0]])
    logits = torch.stack([-scores / 2, scores / 2], dim=-1) + 7.0  # their level counts for nothing
    similarities = torch.tensor([[0.6, 0.5], [0.4, 0.5], [0.5, 0.7]])
    wanted = torch.tensor([[0.2, 0.0], [0.1, -0.2]]) * MARGIN_SCALE
    found = torch.tensor([[1.0, 1.0], [2.0, -1.0]])
    torch.testing.assert_close(margin_loss(logits, similarities), ((found - wanted) ** 2).mean())


def test_margins_of_the_teacher_are_where_the_loss_ends():
    similarities = torch.rand(3, 4, generator=torch.manual_seed(1))
    scores = MARGIN_SCALE * similarities + 2.0
    logits = torch.stack([torch.zeros_like(scores), scores], dim=-1).requires_grad_()
    loss = margin_loss(logits, similarities)
    loss.backward()
    assert loss.item() < 1e-9 and logits.grad.abs().max() < 1e-5


@pytest.mark.parametrize("n_negatives", [1, 3])
def test_softmax_loss_is_that_of_each_query_alone(n_negatives):
    logits = torch.randn(1 + n_negatives, 5, 2, generator=torch.manual_seed(0), dtype=torch.float64)
    scores = (logits[..., 1] - logits[..., 0]).T
    alone = torch.stack([-(one[0] - one.logsumexp(0)) for one in scores]).mean()
    torch.testing.assert_close(softmax_loss(logits), alone)


def test_the_losses_add_up():
    logits = torch.randn(3, 4, 2, generator=torch.manual_seed(0))
    similarities = torch.rand(3, 4)
    parts = [label_loss(logits), softmax_loss(logits), margin_loss(logits, similarities)]
    names = ("margin_mse", "cross_entropy", "softmax")
    found = training_loss(logits, names, similarities)
    torch.testing.assert_close(found, parts[0] + parts[1] + MARGIN_WEIGHT * parts[2])
    assert torch.equal(training_loss(logits, ("cross_entropy",), None), parts[0])
