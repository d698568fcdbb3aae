"""The layers above a stored state give what the whole model gives, and those below do not run."""

import logging

import pytest
import torch
from torch import nn

from relevance_neurons.attribution.upper_layers import (
    EMBEDDED,
    OwnUpperLayers,
    StockUpperLayers,
    UpperLayers,
)
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.stages import stages_of
from toys.bert import PAIRS, make_reranker
from toys.plain_bottleneck import output_of, replaced
from toys.tiny_rankers import MODELS, make_ranker, rounds

OWN = {"bert", "electra", "xlm_roberta"}
REPEATS = 3
LOOSE = {"rtol": 1e-5, "atol": 1e-5}
"""For models that round to float32 in places."""


def opened(reranker):
    encoded = reranker.encode(PAIRS)
    upper = UpperLayers.open(reranker, encoded)
    return upper, encoded, upper.states(encoded, range(EMBEDDED, upper.n_layers))


@pytest.mark.parametrize("n_logits", [1, 2])
@pytest.mark.parametrize("kind", MODELS)
def test_states_put_back_unchanged_give_the_models_logits(kind, n_logits):
    reranker = make_ranker(kind, n_logits)
    upper, encoded, states = opened(reranker)
    with torch.no_grad():
        expected = reranker.model(**reranker.collate(encoded)).logits
    assert isinstance(upper, OwnUpperLayers) == (kind in OWN)
    assert isinstance(upper, OwnUpperLayers) or upper.skips
    assert torch.equal(states.logits, expected)
    for layer in range(upper.n_layers):
        hidden = states.hidden(layer).repeat_interleave(REPEATS, 0)
        logits = upper.logits(states, layer, hidden, REPEATS)
        torch.testing.assert_close(logits, expected.repeat_interleave(REPEATS, 0))


@pytest.mark.parametrize("kind", MODELS)
def test_states_are_what_comes_out_of_a_layer(kind):
    reranker = make_ranker(kind)
    upper, encoded, states = opened(reranker)
    for layer in range(upper.n_layers):
        for row, pair in enumerate(encoded):
            alone = output_of(reranker, layer, reranker.collate([pair]))[0]
            own = states.hidden(layer)[row, : len(pair)]
            torch.testing.assert_close(own, alone, **(LOOSE if rounds(kind) else {}))


@pytest.mark.parametrize("kind", MODELS)
def test_logits_and_gradients_of_changed_states_are_the_models(kind):
    """Against a forward hook in the whole model, one row at a time."""
    reranker = make_ranker(kind)
    upper, encoded, states = opened(reranker)
    torch.manual_seed(0)
    for layer in range(upper.n_layers):
        kept = states.hidden(layer).repeat_interleave(2, 0)
        changed = (kept + torch.randn_like(kept)).requires_grad_(True)
        logits = upper.logits(states, layer, changed, 2)
        (gradient,) = torch.autograd.grad(logits[:, 0].sum(), changed)
        for row in (0, 1, 2, 7):
            pair = encoded[row // 2]
            own = changed[row : row + 1, : len(pair)].detach().requires_grad_(True)
            with replaced(reranker, layer, lambda _, own=own: own):
                expected = reranker.model(**reranker.collate([pair])).logits
            (slope,) = torch.autograd.grad(expected[:, 0].sum(), own)
            close = LOOSE if rounds(kind) else {}
            torch.testing.assert_close(logits[row : row + 1], expected, **close)
            torch.testing.assert_close(gradient[row : row + 1, : len(pair)], slope, **close)
            assert not gradient[row, len(pair) :].any()


def test_the_last_layer_reads_one_token_and_all_its_tokens_have_states():
    reranker = make_reranker()
    upper, _, states = opened(reranker)
    last = upper.n_layers - 1
    hidden = states.hidden(last).clone().requires_grad_(True)
    logits = upper.logits(states, last, hidden, 1)
    (gradient,) = torch.autograd.grad(logits.sum(), hidden)
    assert gradient[:, 0].any() and not gradient[:, 1:].any()
    assert states.hidden(last)[:, 1].any()


def a_part(module: nn.Module) -> nn.Module:
    """What runs once whenever the module runs."""
    parts = (part for part in module.modules() if part is not module)
    return next(part for part in parts if not isinstance(part, nn.ModuleList))


@pytest.mark.parametrize("kind", sorted(MODELS.keys() - OWN))
def test_layers_below_do_not_run(kind):
    reranker = make_ranker(kind)
    upper, _, states = opened(reranker)
    stages, ends = stages_of(reranker)
    ran = []
    handles = [
        a_part(module).register_forward_hook(lambda module, *_: ran.append(module))
        for module in dict.fromkeys(module for module, _ in stages)
    ]
    for layer in range(upper.n_layers):
        ran.clear()
        upper.logits(states, layer, states.hidden(layer), 1)
        assert len(ran) == len(stages) - 1 - ends[layer]
    for handle in handles:
        handle.remove()


def test_what_a_layer_hands_on_beside_its_states_is_each_pairs_own():
    """T5's layers hand on their bias of positions; here it depends on the pair."""
    reranker = make_ranker("monot5")
    first = reranker.model.encoder.block[0]
    forward = first.forward

    def of_the_pair(*inputs, **named):
        hidden, bias, *others = forward(*inputs, **named)
        return hidden, bias * (1 + hidden[:, :1, :1].unsqueeze(1)), *others

    first.forward = of_the_pair
    upper, encoded, states = opened(reranker)
    assert upper.skips
    with torch.no_grad():
        expected = reranker.model(**reranker.collate(encoded)).logits
    logits = upper.logits(states, 0, states.hidden(0).repeat_interleave(3, 0), 3)
    torch.testing.assert_close(logits, expected.repeat_interleave(3, 0))


def test_the_model_is_left_as_it_was():
    reranker = make_ranker("distilbert")
    opened(reranker)
    assert not any("forward" in vars(module) for module in reranker.model.modules())


def test_a_shared_layer_counts_as_often_as_it_runs():
    upper, _, _ = opened(make_ranker("albert, groups"))
    assert upper.n_layers == 6


def test_what_enters_layer_0_is_the_embeddings():
    reranker = make_reranker()
    _, encoded, states = opened(reranker)
    inputs = {name: x for name, x in reranker.collate(encoded).items() if name != "attention_mask"}
    expected = reranker.model.bert.embeddings(**inputs)
    torch.testing.assert_close(states.hidden(EMBEDDED), expected)


def with_a_side_channel(reranker):
    """Its last layer reads, past the others, what the first one was given."""
    layers = reranker.model.bert.encoder.layer
    first, last, seen = layers[0].forward, layers[-1].forward, []

    def watched(hidden, *others, **named):
        seen.append(hidden)
        return first(hidden, *others, **named)

    def reading(hidden, *others, **named):
        return last(hidden + seen[-1], *others, **named)

    layers[0].forward, layers[-1].forward = watched, reading
    return reranker


def test_layers_run_where_skipping_them_would_change_the_logits(caplog):
    reranker = with_a_side_channel(make_reranker())
    with caplog.at_level(logging.WARNING):
        upper, encoded, states = opened(reranker)
    assert isinstance(upper, StockUpperLayers) and not upper.skips
    assert "cannot be skipped in this model" in caplog.text
    with torch.no_grad():
        expected = reranker.model(**reranker.collate(encoded)).logits
    hidden = states.hidden(1).repeat_interleave(2, 0)
    logits = upper.logits(states, 1, hidden, 2)
    torch.testing.assert_close(logits, expected.repeat_interleave(2, 0))
    assert upper.cost_forwards(1) == pytest.approx(1 + 1 / 3)
    assert all("forward" in vars(layer) for layer in reranker.model.bert.encoder.layer[::2])


@pytest.mark.parametrize("layer", [-1, 3, "2", True])
def test_a_layer_that_there_is_not(layer):
    upper, _, _ = opened(make_reranker())
    with pytest.raises(UserError, match=r"tokens\.layers: .* this ranker has layers 0 to 2"):
        upper.check([0, layer])


def test_the_cost_is_the_share_of_layers_above_there_and_back():
    upper, _, _ = opened(make_reranker())
    assert [upper.cost_forwards(layer) for layer in range(3)] == pytest.approx([4 / 3, 2 / 3, 0])
