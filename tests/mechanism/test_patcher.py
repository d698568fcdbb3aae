"""Patches against whole passes of the stock model with hooks of the test's own."""

import pytest
import torch

from relevance_neurons.errors import UserError
from relevance_neurons.mechanism.own_patcher import OwnPatcher
from relevance_neurons.mechanism.patcher import Patcher
from relevance_neurons.mechanism.runs import attention_of, gradients
from relevance_neurons.rankers.heads import Heads
from toys.bert import make_reranker
from toys.plain_patches import own_modules, plain_pass
from toys.tiny_rankers import MODELS, make_ranker, rounds

KINDS = [kind for kind in MODELS if "monot5" not in kind]
OWN = {"bert", "electra", "xlm_roberta"}
SITES = ("residual", "heads", "attention_output", "ff_output", "query", "key", "value")
BEFORE = [("wing lift", "the wing has lift a a"), ("heat", "heat flow time user click web")]
AFTER = [("wing lift", "the wing has lift wing wing"), ("heat", "heat flow heat heat click space")]
REPEATS = 2


def opened(kind, n_logits=2):
    reranker = make_ranker(kind, n_logits)
    before, after = reranker.encode(BEFORE), reranker.encode(AFTER)
    patcher = Patcher.open(reranker, [*before, *after])
    assert isinstance(patcher, OwnPatcher) == (kind in OWN)
    with torch.inference_mode():
        return reranker, patcher, patcher.run(before), patcher.run(after), before


def close(kind, found, expected):
    loose = {"rtol": 1e-4, "atol": 1e-4} if rounds(kind) else {"rtol": 1e-6, "atol": 1e-9}
    torch.testing.assert_close(found, expected, **loose)


def mixed_up(run, other, layer, site):
    """Two rows for each pair: the first half of the columns from another run, then the other."""
    here, there = run.at(layer, site), other.at(layer, site)
    half = here.shape[-1] // 2
    rows = [
        torch.cat([there[..., :half], here[..., half:]], -1),
        torch.cat([here[..., :half], there[..., half:]], -1),
    ]
    return torch.stack(rows, 1).flatten(0, 1)


@pytest.mark.parametrize("n_logits", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_a_patch_is_what_a_hook_gives(kind, n_logits):
    reranker, patcher, run, other, before = opened(kind, n_logits)
    plain = own_modules(reranker)
    inputs = {k: v.repeat_interleave(REPEATS, 0) for k, v in plain.collate(before).items()}
    changes = 0
    for layer in range(patcher.heads.n_layers):
        for site in SITES:
            given = mixed_up(run, other, layer, site)
            with torch.inference_mode():
                found = patcher.scores(run, layer, site, given)
            expected, _ = plain_pass(plain, inputs, {(layer, site): given})
            close(kind, found, expected)
            changes += int((expected - run.scores.repeat_interleave(REPEATS)).abs().max() > 1e-6)
    assert changes > len(SITES)


@pytest.mark.parametrize("kind", KINDS)
def test_all_of_a_run_put_in_gives_its_score_and_nothing_that_of_the_other(kind):
    _, patcher, run, other, _ = opened(kind)
    with torch.inference_mode():
        everything = patcher.scores(run, 0, "residual", other.at(0, "residual"))
        nothing = patcher.scores(run, 0, "residual", run.at(0, "residual"))
    close(kind, everything, other.scores)
    close(kind, nothing, run.scores)
    assert (run.scores - other.scores).abs().min() > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_a_path_holds_the_heads_above_and_recomputes_the_rest(kind):
    reranker, patcher, run, other, before = opened(kind)
    plain, inputs = own_modules(reranker), own_modules(reranker).collate(before)
    n_layers = patcher.heads.n_layers
    heads = [(layer, "heads") for layer in range(n_layers)]
    _, seen = plain_pass(plain, inputs, wanted=heads)
    for layer in range(n_layers):
        given = other.at(layer, "heads")
        puts = {key: seen[key] for key in heads[layer + 1 :]} | {(layer, "heads"): given}
        above = list(range(layer + 1, n_layers))
        wanted = [(one, site) for one in above for site in ("query", "key", "value")]
        expected, through = plain_pass(plain, inputs, puts, wanted)
        with torch.inference_mode():
            close(kind, patcher.direct_scores(run, layer, given), expected)
            received = patcher.receivers(run, layer, given, above) if above else {}
        assert received.keys() == set(wanted)
        for key, found in received.items():
            real = run.states.real[:, : found.shape[1]]
            close(kind, found[real], through[key][:, : found.shape[1]][real])


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_foretell_small_patches(kind):
    reranker, patcher, run, other, before = opened(kind)
    if rounds(kind):
        pytest.skip("it rounds to float32: small differences drown")
    slopes = gradients(reranker, patcher.upper, patcher.sites, before)
    step = 1e-5
    for layer in range(patcher.heads.n_layers):
        for site in ("residual", "heads", "attention_output", "ff_output"):
            change = other.at(layer, site) - run.at(layer, site)
            with torch.inference_mode():
                moved = patcher.scores(run, layer, site, run.at(layer, site) + step * change)
            foretold = (slopes[layer, site] * change).sum((1, 2))
            torch.testing.assert_close((moved - run.scores) / step, foretold, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_heads_put_out_attention_times_value(kind):
    reranker, patcher, run, _, before = opened(kind)
    scores, attention = attention_of(reranker, before)
    close(kind, scores, run.scores)
    assert len(attention) == patcher.heads.n_layers
    real = run.states.real
    for layer, one in enumerate(attention):
        assert one.shape[1] == patcher.heads.n_heads
        close(kind, patcher.mixed(one, layer, run)[real], run.at(layer, "heads")[real])


@pytest.mark.parametrize("kind", KINDS)
def test_value_neurons_of_a_head_are_its_output(kind):
    """Switched off together they leave its columns at 0, and no others."""
    reranker, _, run, _, before = opened(kind)
    plain, heads = own_modules(reranker), Heads.of(reranker)
    layer, head = heads.n_layers - 1, 1
    neurons = heads.values([(layer, head)])
    assert neurons.height == heads.size and set(neurons["component"]) == {"value"}
    values = run.at(layer, "value").clone()
    values[..., neurons["neuron"].to_list()] = 0
    puts = {(layer, "value"): values}
    _, seen = plain_pass(plain, plain.collate(before), puts, [(layer, "heads")])
    kept = torch.ones(heads.n_heads * heads.size, dtype=torch.bool)
    kept[heads.columns(head)] = False
    real = run.states.real
    off = seen[layer, "heads"][real]
    assert (off[:, ~kept] == 0).all()
    close(kind, off[:, kept], run.at(layer, "heads")[real][:, kept])


def test_an_encoder_decoder_is_refused_in_one_line():
    with pytest.raises(
        UserError, match=r"^reranker.model: a MonoT5 is an encoder-decoder.*; "
    ) as error:
        Heads.of(make_ranker("monot5"))
    assert "\n" not in str(error.value)


def test_a_ranker_whose_heads_are_not_what_its_configuration_says_is_refused():
    reranker = make_reranker()
    reranker.model.config.num_attention_heads = 3
    with pytest.raises(UserError, match="cannot be told apart"):
        Heads.of(reranker)
    reranker.model.config.num_attention_heads = 4  # divides the width, but it has two
    encoded = reranker.encode(BEFORE)
    with pytest.raises(UserError, match="cannot be told apart"):
        Patcher.open(reranker, encoded)
