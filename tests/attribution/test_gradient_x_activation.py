"""Gradient × activation against Captum, differences, ablation; and whatever must not matter."""

import copy
import gc

import numpy as np
import pytest
import torch
from captum.attr import LayerGradientXActivation
from torch import nn

from relevance_neurons import UserError, ablate
from relevance_neurons.attribution import gradient_x_activation
from relevance_neurons.attribution.tracing import EncoderTracer, StockTracer, find_tracer
from relevance_neurons.rankers.memory import Memory
from relevance_neurons.rankers.taps import tapped
from toys.bert import PAIRS
from toys.tiny_rankers import MODELS, make_ranker, rounds, unrolled

HEADS = [(kind, 2) for kind in MODELS] + [("bert", 1), ("modernbert", 1), ("deberta, own key", 1)]


def scores_of(reranker, pairs, batch_tokens=4096, memory=None, **options) -> np.ndarray:
    """Scores, shape (n_pairs, n_neurons), in the order of ``pairs``."""
    found = np.empty((len(pairs), len(reranker.neurons)))
    options = {"label": "relevant", "target": "probability"} | options
    memory = memory or Memory(batch_tokens)
    for check, scores in gradient_x_activation.scores(reranker, pairs, memory=memory, **options):
        found[check.pair] = scores
    return found


def with_all_gradients(reranker):
    """A copy in which every output has a gradient, also what the input does not move."""
    other = copy.copy(reranker)
    other.model = copy.deepcopy(reranker.model).requires_grad_(True)
    other.neurons = type(reranker.neurons).of(other.model, other.architecture)
    return other


def outputs_by_call(reranker, batch) -> tuple[torch.Tensor, dict[tuple[nn.Module, int], object]]:
    """F, and every linear module's output in each of its calls."""
    outputs = {}

    def watch(module):
        return lambda call, output: outputs.update({(module, call): output})

    modules = {block.module for block in reranker.neurons.blocks}
    with tapped(reranker.model, {module: watch(module) for module in modules}):
        value = reranker.target_value(reranker.model(**batch).logits, "relevant", "probability")
    return value, outputs


def captum_scores(reranker, pair, reference) -> np.ndarray:
    """Σ_tokens (y − r) ∂F/∂y, module by module; of one that runs twice, of its first call.

    Captum sees the last call of a module alone, so that the first comes from torch's gradient. It
    multiplies by the activation itself where the reference is None.
    """
    batch = reranker.collate(reranker.encode([pair]))
    value, outputs = outputs_by_call(reranker, batch)

    def forward(_ids):
        logits = reranker.model(**batch).logits
        return reranker.target_value(logits, "relevant", "probability")

    scores = np.empty(len(reranker.neurons))
    for block in reranker.neurons.blocks:
        off = 0.0 if reference is None else reference[block.slice]
        if (block.module, 1) in outputs:  # which Captum cannot tell apart: PyTorch, run by run
            scores[block.slice] = sum(
                of_run(value, output, block, off)
                for (module, _), output in outputs.items()
                if module is block.module
            )
            continue
        output, multiplies = outputs[block.module, 0], reference is None
        found = LayerGradientXActivation(
            forward, block.module, multiply_by_inputs=multiplies
        ).attribute(batch["input_ids"])
        products = found.detach()[0][:, block.columns].numpy()
        if not multiplies:
            products = (output.detach()[0][:, block.columns].numpy() - off) * products
        scores[block.slice] = products.sum(axis=0)
    return scores


def of_run(value, output, block, off) -> np.ndarray:
    """Σ (y − r) ∂F/∂y over the tokens, or relative positions, of one run of a module."""
    (gradient,) = torch.autograd.grad(value.sum(), output, retain_graph=True)
    change, gradient = (one.detach()[..., block.columns] for one in (output, gradient))
    return ((change.numpy() - off) * gradient.numpy()).reshape(-1, block.size).sum(axis=0)


@pytest.mark.parametrize(("kind", "n_logits"), HEADS)
def test_equals_captum_for_every_neuron(kind, n_logits):
    reranker = make_ranker(kind, n_logits)
    oracle = with_all_gradients(unrolled(reranker) if "albert" in kind else reranker)
    mean = np.random.default_rng(0).normal(size=len(reranker.neurons))
    tolerance = {"rtol": 1e-4, "atol": 1e-6} if rounds(kind) else {"rtol": 1e-7, "atol": 1e-12}
    for pair, reference in zip(PAIRS[:2], (None, mean), strict=True):
        (found,) = scores_of(reranker, [pair], reference_values=reference)
        np.testing.assert_allclose(found, captum_scores(oracle, pair, reference), **tolerance)
        assert np.abs(found).max() > 1e-3


def test_what_the_decoder_makes_of_its_start_token_counts():
    """No input moves it, so Neuron Integrated Gradients give it 0; switched off, it matters."""
    reranker = make_ranker("monot5, gated")
    value = next(
        block
        for block in reranker.neurons.blocks
        if block.layer == 2 and block.component == "value" and block.first_neuron == 0
    )
    assert np.abs(scores_of(reranker, PAIRS)[:, value.slice]).max() > 1e-4


def test_a_module_that_runs_again_counts_as_an_ablation_switches_it_off():
    """To first order: DeBERTa's shared projections also make keys and queries of positions."""
    ranker = make_ranker("deberta, shared key")
    pair, step = PAIRS[:1], 1e-3
    batch = ranker.collate(ranker.encode(pair))
    (found,) = scores_of(ranker, pair, target="margin")

    def scaled(block, factor) -> float:
        def tap(_call, output):
            return output.index_copy(-1, torch.tensor([5]), factor * output[..., [5]])

        with tapped(ranker.model, {block.module: tap}), torch.no_grad():
            logits = ranker.model(**batch).logits
        return ranker.target_value(logits, "relevant", "margin").item()

    for block in ranker.neurons.blocks:
        if block.component in ("query", "key"):
            difference = (scaled(block, 1 + step) - scaled(block, 1 - step)) / (2 * step)
            assert found[block.start + 5] == pytest.approx(difference, rel=2e-2, abs=1e-5)


@pytest.mark.parametrize("target", ["probability", "logit", "margin"])
@pytest.mark.parametrize("label", ["relevant", "non_relevant"])
def test_equals_the_difference_that_a_scaled_neuron_makes(reranker, target, label):
    batch = reranker.collate(reranker.encode(PAIRS))
    found = scores_of(reranker, PAIRS, target=target, label=label)
    step = 1e-5

    def scaled(block, column, factor) -> torch.Tensor:
        def tap(_call, output):
            return output.index_copy(-1, column, factor * output[..., column])

        with tapped(reranker.model, {block.module: tap}), torch.no_grad():
            return reranker.target_value(reranker.model(**batch).logits, label, target)

    for block in reranker.neurons.blocks:
        column = torch.tensor([5])
        ends = [scaled(block, column, 1 + one).numpy() for one in (step, -step)]
        difference = (ends[0] - ends[1]) / (2 * step)
        np.testing.assert_allclose(found[:, block.start + 5], difference, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("kind", MODELS)
@pytest.mark.parametrize("batch_tokens", [4096, 60, 1])
def test_neither_padding_nor_batches_matter(kind, batch_tokens):
    reranker = make_ranker(kind)
    together = scores_of(reranker, PAIRS, batch_tokens)
    tolerance = {"rtol": 1e-3, "atol": 1e-5} if rounds(kind) else {"rtol": 1e-8, "atol": 1e-12}
    for pair, own in zip(PAIRS, together, strict=True):
        np.testing.assert_allclose(own, scores_of(reranker, [pair])[0], **tolerance)


def test_our_own_forward_pass_gives_what_the_models_does(reranker, monkeypatch):
    encoded = reranker.encode(PAIRS)
    assert isinstance(find_tracer(reranker, encoded), EncoderTracer)
    own = scores_of(reranker, PAIRS)
    monkeypatch.setattr(gradient_x_activation, "find_tracer", lambda one, _: StockTracer(one))
    np.testing.assert_allclose(scores_of(reranker, PAIRS), own, rtol=1e-9, atol=1e-14)


def test_a_neuron_that_is_off_has_no_score(two_logits):
    off = two_logits.neurons.frame().filter(layer=1, component="intermediate").head(4)
    numbers = two_logits.neurons.numbers(off)
    assert (scores_of(two_logits, PAIRS)[:, numbers] != 0).all()
    with ablate(two_logits, off):
        assert (scores_of(two_logits, PAIRS)[:, numbers] == 0).all()


def test_passes_are_halved_where_memory_ends(two_logits, monkeypatch, caplog):
    expected = scores_of(two_logits, PAIRS)
    value = two_logits.target_value

    def limited(logits, *others):
        if len(logits) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return value(logits, *others)

    monkeypatch.setattr(two_logits, "target_value", limited)
    memory = Memory(4096)
    found = scores_of(two_logits, PAIRS, memory=memory)
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-14)
    assert memory.batch_tokens < 4096 and "going on with passes of" in caplog.text


def test_nothing_of_a_pass_stays(two_logits):
    """No cycle holds a pass's outputs until Python looks for cycles."""

    def held() -> int:
        return sum(one.nbytes for one in gc.get_objects() if type(one) is torch.Tensor)

    scores_of(two_logits, PAIRS[:1])
    gc.collect()
    gc.disable()
    try:
        before = held()
        scores_of(two_logits, PAIRS * 5)
        assert held() - before < 8 * len(two_logits.neurons)
    finally:
        gc.enable()


def test_nothing_asks_for_a_gradient_afterwards(two_logits):
    scores_of(two_logits, PAIRS[:1])
    assert not any(
        one.requires_grad or one.grad is not None for one in two_logits.model.parameters()
    )


@pytest.mark.parametrize("kind", MODELS)
def test_bfloat16_is_near(kind):
    reranker = make_ranker(kind, dtype="float32")
    exact = scores_of(reranker, PAIRS)
    reranker.dtype = "bfloat16"
    reranker.score(PAIRS)  # may have cast the weights where no gradient was wanted
    found = scores_of(reranker, PAIRS)
    assert 1e-5 < np.linalg.norm(found - exact) / np.linalg.norm(exact) < 0.1


def test_products_are_summed_in_float32():
    """A sum of 400 like products would stop at 256 in bfloat16."""
    ones = torch.ones(1, 400, 3, dtype=torch.bfloat16)
    found = gradient_x_activation._reduced(ones, ones, None)
    assert found.dtype == torch.float32 and found.tolist() == [[400.0] * 3]


def test_scores_that_are_no_numbers_are_refused(two_logits):
    with torch.no_grad():
        two_logits.model.classifier.bias.fill_(float("nan"))
    with pytest.raises(UserError, match="not a finite number"):
        scores_of(two_logits, PAIRS)
