"""Means, spreads, information and β, against numpy over all tokens at once."""

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from relevance_neurons.errors import UserError
from relevance_neurons.tokens.statistics import measure_statistics
from toys.bert import PAIRS, make_reranker
from toys.plain_bottleneck import output_of
from toys.tiny_rankers import make_ranker, rounds

LABELS = ["relevant", "non_relevant", "relevant", "relevant"]
KINDS = ["bert", "deberta, own key", "albert", "modernbert", "monot5"]


def outputs(reranker, layer: int) -> list[np.ndarray]:
    """What comes out of the layer for each pair alone: (n_tokens, width)."""
    inputs = (reranker.collate([pair]) for pair in reranker.encode(PAIRS))
    return [output_of(reranker, layer, one)[0].double().numpy() for one in inputs]


@pytest.mark.parametrize("batch_tokens", [10, 4096])
@pytest.mark.parametrize("kind", KINDS)
def test_means_and_spreads_are_those_of_all_tokens(kind, batch_tokens):
    reranker = make_ranker(kind)
    reranker.batch_tokens = batch_tokens
    found = measure_statistics(reranker, PAIRS, LABELS, floor=1e-6)
    rtol = 1e-4 if rounds(kind) else 1e-9
    for layer in found["layer"].unique():
        tokens = np.concatenate(outputs(reranker, layer))
        own = found.filter(layer=layer)
        assert own["feature"].to_list() == list(range(16))
        assert set(own["n_tokens"]) == {len(tokens)} and set(own["n_pairs"]) == {4}
        np.testing.assert_allclose(own["mean"], tokens.mean(0), rtol=rtol, atol=1e-6)
        np.testing.assert_allclose(own["standard_deviation"], tokens.std(0, ddof=1), rtol=rtol)
        assert not own["is_floored"].any()


@pytest.mark.parametrize("n_logits", [1, 2])
def test_the_loss_and_the_information_at_the_start(n_logits):
    reranker = make_reranker(n_logits)
    reranker.batch_tokens = 20
    found = measure_statistics(reranker, PAIRS, LABELS)
    p = np.exp(reranker.score(PAIRS).double().numpy())
    p[1] = 1 - p[1]
    assert found["loss"].unique().to_list() == pytest.approx([-np.log(p).mean()], rel=1e-6)
    mu = torch.tensor(5.0, dtype=torch.float64).sigmoid()
    information = []
    for layer in range(3):
        own = found.filter(layer=layer)
        mean, sd = (torch.tensor(own[name]) for name in ("mean", "standard_deviation"))
        of_pairs = [
            kl_divergence(
                Normal(mu * torch.tensor(x) + (1 - mu) * mean, (1 - mu) * sd), Normal(mean, sd)
            ).mean()
            for x in outputs(reranker, layer)
        ]
        information.append(float(np.mean(of_pairs)))
        assert own["information"].unique().to_list() == pytest.approx(information[-1:])
    beta = 10 * found["loss"][0] / np.mean(information)
    assert found["beta"].unique().to_list() == pytest.approx([beta])


def test_a_spread_below_the_floor_is_raised_and_marked():
    reranker = make_reranker()
    norm = reranker.model.bert.encoder.layer[1].output.LayerNorm
    with torch.no_grad():
        norm.weight[3], norm.bias[3] = 1e-4, 7.0
    found = measure_statistics(reranker, PAIRS, "relevant", [1], floor=0.05)
    assert found.filter("is_floored")["feature"].to_list() == [3]
    row = found.row(3, named=True)
    assert row["standard_deviation"] == 0.05 and row["mean"] == pytest.approx(7, abs=1e-3)
    assert (found["standard_deviation"] >= 0.05).all()


def test_some_layers_alone():
    reranker = make_reranker()
    every = measure_statistics(reranker, PAIRS, LABELS)
    some = measure_statistics(reranker, PAIRS, LABELS, [2, 0])
    same = ["layer", "feature", "mean", "standard_deviation"]
    assert some["layer"].unique(maintain_order=True).to_list() == [2, 0]
    layers = some.select(same).sort("layer", "feature")
    assert layers.equals(every.filter(every["layer"] != 1).select(same))


def test_features_far_from_zero_keep_their_digits():
    reranker = make_reranker()
    norm = reranker.model.bert.encoder.layer[0].output.LayerNorm
    with torch.no_grad():
        norm.bias[2] = 1e6
    reranker.batch_tokens = 10
    row = measure_statistics(reranker, PAIRS, "relevant", [0]).row(2, named=True)
    tokens = np.concatenate(outputs(reranker, 0))[:, 2]
    assert row["standard_deviation"] == pytest.approx(tokens.std(ddof=1), rel=1e-6)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pairs": []}, "pairs: none were found"),
        ({"layers": [4]}, r"tokens\.layers: 4 was found"),
        ({"floor": 0.0}, r"tokens\.statistics\.floor: 0\.0 was found; allowed: more than 0"),
        ({"labels": "maybe"}, "labels: 'maybe' was found"),
    ],
)
def test_what_is_wrong_is_told(given, message):
    with pytest.raises(UserError, match=message):
        measure_statistics(make_reranker(), **{"pairs": PAIRS, "labels": "relevant", **given})
