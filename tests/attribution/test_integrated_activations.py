"""Integrated activations against Captum, loops written out in torch, and what ablation changes."""

from functools import partial

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients
from scipy.integrate import simpson, trapezoid

from relevance_neurons import UserError, ablate, attribute
from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.attribution import integrated_activations
from relevance_neurons.attribution.own_modules import OwnModules
from relevance_neurons.rankers.memory import Memory
from relevance_neurons.rankers.taps import tapped
from toys.bert import PAIRS, make_reranker
from toys.tiny_rankers import MODELS, make_ranker, rounds

RULES = {
    "left": lambda y, x: (y[:-1] * np.diff(x)[:, None]).sum(axis=0),
    "right": lambda y, x: (y[1:] * np.diff(x)[:, None]).sum(axis=0),
    "trapezoid": partial(trapezoid, axis=0),
    "simpson": partial(simpson, axis=0),
}
"""From slopes, shape (n_points, size), and their points α to integrals."""
SMOOTH = [kind for kind in MODELS if not kind.startswith(("monot5", "distilbert"))]
"""Without a ReLU, and without a norm that turns sharply where little is left of its input."""


def scored(reranker, pairs=PAIRS, label="relevant", target="probability", **settings):
    """Checks and scores, shape (n_pairs, n_neurons), in the order of ``pairs``."""
    found = integrated_activations.scores(reranker, pairs, label=label, target=target, **settings)
    checks, scores = zip(*sorted(found, key=lambda one: one[0].pair), strict=True)
    return checks, np.stack(scores)


def some_reference(reranker) -> np.ndarray:
    return np.random.default_rng(0).normal(0.0, 0.3, len(reranker.neurons))


def value_of(reranker, target="probability", label="relevant"):
    return lambda logits: reranker.target_value(logits.double(), label, target)


def changes_without(reranker, pair, reference) -> np.ndarray:
    """F less F without each block, by the ablation of the re-ranking."""
    frame = reranker.neurons.frame()
    if reference is not None:
        frame = frame.with_columns(value=reference)
    off = [frame[block.start : block.start + block.size] for block in reranker.neurons.blocks]
    values = rerank_under_ablations(reranker, [pair], [None, *off], read=value_of(reranker))
    return values[0, 0] - values[1:, 0]


def in_place_of(reranker, block, reference, alpha):
    """A tap that puts r + α (y − r) in place of y, and keeps (y − r) and what it put there."""
    kept = []

    def tap(call, output):
        if block.call not in (None, call):
            return None
        changed = output.clone()
        own = output[..., block.columns].detach()
        put = (reference + alpha * (own - reference)).requires_grad_()
        changed[..., block.columns] = put
        kept.append((own - reference, put))
        return changed

    return kept, {block.module: tap}


def slopes_by_hand(reranker, pair, block, reference, alphas, target) -> np.ndarray:
    """Σ_tokens (y − r) ∂F/∂y at each point, one point after the other."""
    batch = reranker.collate(reranker.encode([pair]))
    slopes = []
    for alpha in alphas:
        kept, taps = in_place_of(reranker, block, reference, alpha)
        with tapped(reranker.model, taps):
            value = value_of(reranker, target)(reranker.model(**batch).logits).sum()
        gradients = torch.autograd.grad(value, [put for _, put in kept])
        parts = zip(kept, gradients, strict=True)
        slopes.append(sum((y * g).flatten(0, -2).sum(0) for (y, _), g in parts).numpy())
    return np.stack(slopes)


@pytest.mark.parametrize("kind", MODELS)
def test_scores_of_a_module_add_up_to_what_f_loses_without_it(kind):
    reranker, pairs = make_ranker(kind), PAIRS[:1]
    starts = [block.start for block in reranker.neurons.blocks]
    for reference in (None, some_reference(reranker)):
        expected = changes_without(reranker, pairs[0], reference)
        errors = []
        for n_points in (5, 33):
            (check,), scores = scored(
                reranker,
                pairs,
                quadrature="simpson",
                n_points=n_points,
                reference_values=reference,
            )
            missed = np.add.reduceat(scores[0], starts) - expected
            errors.append(np.abs(missed).max())
            residual = check.cut_sum - (check.f_input - check.f_baseline)
            assert abs(residual) == pytest.approx(errors[-1], abs=1e-5)
        assert np.abs(expected).max() > 0.02
        assert errors[1] < max(errors[0] / (100 if kind in SMOOTH else 2), 1e-5)
        assert errors[1] < 1e-2


@pytest.mark.parametrize("kind", MODELS)
def test_equals_the_sum_written_out(kind):
    """For every module of every architecture; in DeBERTa some run again, over positions."""
    reranker, alphas = make_ranker(kind), np.linspace(0, 1, 3)
    reference = some_reference(reranker)
    for rule, target in (("trapezoid", "probability"), ("simpson", "logit")):
        _, (found,) = scored(
            reranker,
            PAIRS[:1],
            quadrature=rule,
            n_points=3,
            target=target,
            reference_values=reference,
        )
        for block in reranker.neurons.blocks:
            own = torch.from_numpy(reference[block.slice])
            slopes = slopes_by_hand(reranker, PAIRS[0], block, own, alphas, target)
            expected = RULES[rule](slopes, x=alphas)
            near = {"rtol": 1e-4, "atol": 1e-6} if rounds(kind) else {"rtol": 1e-8, "atol": 1e-13}
            np.testing.assert_allclose(found[block.slice], expected, **near)
        assert np.abs(found).max() > 1e-3


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("target", ["probability", "logit", "margin"])
def test_every_rule_equals_the_sum_written_out(reranker, rule, target):
    alphas = np.linspace(0, 1, 7)
    settings = {"quadrature": rule, "n_points": 7, "target": target}
    _, (found,) = scored(reranker, PAIRS[:1], **settings)
    for block in reranker.neurons.blocks[::4]:
        slopes = slopes_by_hand(reranker, PAIRS[0], block, torch.zeros(()), alphas, target)
        expected = RULES[rule](slopes, x=alphas)
        np.testing.assert_allclose(found[block.slice], expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("kind", [kind for kind in SMOOTH if kind != "deberta, shared key"])
def test_equals_captum_on_each_module(kind):
    """Integrated gradients of F as a function of one module's outputs, by Gauss and Legendre."""
    reranker = make_ranker(kind)
    batch = reranker.collate(reranker.encode(PAIRS[:1]))
    _, (found,) = scored(reranker, PAIRS[:1], quadrature="simpson", n_points=129)
    for block in reranker.neurons.blocks[1::3]:

        def put(call, output, outputs, block=block):
            if block.call not in (None, call):
                return None
            changed = output.clone()
            changed[..., block.columns] = outputs
            return changed

        def f(outputs, block=block, put=put):
            rows = {name: x.expand(len(outputs), -1) for name, x in batch.items()}
            with tapped(reranker.model, {block.module: partial(put, outputs=outputs)}):
                return value_of(reranker)(reranker.model(**rows).logits)

        kept, taps = in_place_of(reranker, block, 0.0, 1.0)
        with tapped(reranker.model, taps):
            reranker.model(**batch)
        outputs = kept[0][0]
        expected = IntegratedGradients(f).attribute(outputs, baselines=0.0, n_steps=60)
        expected = expected.flatten(0, -2).sum(0).numpy()
        np.testing.assert_allclose(found[block.slice], expected, rtol=2e-3, atol=2e-5)


def ranges(reranker, pair) -> np.ndarray:
    """Largest less smallest F on the path of each module."""
    alphas = torch.linspace(0, 1, 33, dtype=torch.float64)[:, None, None]
    batch = reranker.collate(reranker.encode([pair]))
    rows = {name: x.expand(len(alphas), -1) for name, x in batch.items()}
    found = []
    for block in reranker.neurons.blocks:
        _, taps = in_place_of(reranker, block, 0.0, alphas)
        with tapped(reranker.model, taps), torch.no_grad():
            values = value_of(reranker)(reranker.model(**rows).logits)
        found.append(values.max() - values.min())
    return np.array(found)


@pytest.mark.parametrize("tolerance", [0.05, 0.005])
def test_an_adaptive_grid_keeps_its_tolerance(reranker, tolerance):
    pairs = PAIRS[:3]
    exact = scored(reranker, pairs, quadrature="simpson", n_points=65)[1]
    checks, scores = scored(reranker, pairs, tolerance=tolerance)
    starts = [block.start for block in reranker.neurons.blocks]
    for check, own, best, pair in zip(checks, scores, exact, pairs, strict=True):
        missed = np.abs(np.add.reduceat(own, starts) - changes_without(reranker, pair, None))
        assert (missed <= 1.001 * tolerance * np.maximum(ranges(reranker, pair), 1e-3)).all()
        residual = check.cut_sum - (check.f_input - check.f_baseline)
        assert abs(residual) == pytest.approx(missed.max(), abs=1e-9)
        assert abs(residual) <= check.error_estimate and not check.is_given_up
        assert np.linalg.norm(own - best) < 3 * tolerance * np.linalg.norm(best)
    assert scored(reranker, pairs[:1], tolerance=tolerance / 50)[0][0].n_points > checks[0].n_points


@pytest.mark.parametrize("kind", ["bert", "electra", "xlm_roberta"])
@pytest.mark.parametrize("n_logits", [1, 2])
def test_our_own_forward_pass_agrees_with_the_stock_models(kind, n_logits, monkeypatch):
    reranker = make_ranker(kind, n_logits)
    reference = some_reference(reranker)
    checks, own = scored(reranker, reference_values=reference)
    monkeypatch.setattr(integrated_activations, "own_encoder", lambda *_: None)
    stock_checks, stock = scored(reranker, reference_values=reference)
    np.testing.assert_allclose(own, stock, rtol=1e-8, atol=1e-13)
    for one, other in zip(checks, stock_checks, strict=True):
        assert one.f_baseline == pytest.approx(other.f_baseline, abs=1e-12)
        assert one.n_points == other.n_points
        assert one.cost_forwards < other.cost_forwards


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("bert", {"tolerance": 0.1}),
        ("bert", {"quadrature": "simpson", "n_points": 5}),
        ("deberta, shared key", {"quadrature": "trapezoid", "n_points": 3}),
        ("modernbert", {"quadrature": "trapezoid", "n_points": 3}),
        ("monot5", {"quadrature": "trapezoid", "n_points": 3}),
    ],
)
def test_batches_and_padding_never_change_a_score(kind, rule):
    reranker, pairs = make_ranker(kind), PAIRS[:2]
    near = {"rtol": 1e-4, "atol": 1e-6} if rounds(kind) else {"rtol": 1e-8, "atol": 1e-13}
    checks, together = scored(reranker, pairs, **rule)
    for batch_tokens in (1, 70):
        few, in_parts = scored(reranker, pairs, memory=Memory(batch_tokens), **rule)
        np.testing.assert_allclose(in_parts, together, **near)
        assert [one.n_points for one in few] == [one.n_points for one in checks]
    for pair, own in zip(pairs, together, strict=True):
        np.testing.assert_allclose(scored(reranker, [pair], **rule)[1][0], own, **near)


def test_a_pass_that_is_too_large_is_made_in_parts(two_logits, monkeypatch):
    pairs = PAIRS[:2]
    expected = scored(two_logits, pairs)[1]
    at, sizes = OwnModules.at, []

    def narrow(self, points):
        if len(points) > 3:
            raise MemoryError
        sizes.append(len(points))
        return at(self, points)

    monkeypatch.setattr(OwnModules, "at", narrow)
    np.testing.assert_allclose(scored(two_logits, pairs)[1], expected, rtol=1e-9, atol=1e-14)
    assert 1 < max(sizes) <= 3


def test_cost_counts_the_layers_that_run(two_logits, monkeypatch):
    """Three layers of six modules, four points each beside the pair itself."""
    (check,), _ = scored(two_logits, PAIRS[:1], quadrature="trapezoid", n_points=5)
    assert check.n_points == 1 + 18 * 4
    assert check.cost_forwards == pytest.approx(2 + 6 * 4 * 2 * (1 + 2 / 3 + 1 / 3))
    monkeypatch.setattr(integrated_activations, "own_encoder", lambda *_: None)
    (check,), _ = scored(two_logits, PAIRS[:1], quadrature="trapezoid", n_points=5)
    assert check.cost_forwards == pytest.approx(2 + 6 * 4 * (3 + 1 + 2 / 3 + 1 / 3))


def test_hooks_in_the_model_are_heeded(two_logits):
    off = two_logits.neurons.frame().filter(layer=0, component="value").head(8)
    places = two_logits.neurons.numbers(off)
    whole = scored(two_logits)[1]
    with ablate(two_logits, off):
        ablated = scored(two_logits)[1]
        # Already off: scaling them changes nothing.
        np.testing.assert_array_equal(ablated[:, places], 0.0)
    assert np.abs(ablated - whole).max() > 1e-3
    assert np.abs(whole[:, places]).max() > 1e-4


def test_attribute_gives_the_mean_over_pairs(two_logits):
    settings = {"quadrature": "simpson", "n_points": 5}
    result = attribute(two_logits, PAIRS, method="integrated_activations", **settings)
    checks, scores = scored(two_logits, **settings)
    np.testing.assert_allclose(result.frame()["score"], scores.mean(0), rtol=1e-12, atol=1e-16)
    assert result.checks()["cost_forwards"].to_list() == [one.cost_forwards for one in checks]
    assert result.checks()["residual"].abs().max() > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"quadrature": "gauss"}, "attribution.quadrature: 'gauss' was found; allowed: adaptive"),
        ({"tolerance": 0}, "attribution.tolerance: 0 was found; a number between 0 and 1"),
        ({"quadrature": "simpson", "n_points": 4}, "attribution.n_points: 4 was found; simpson"),
        ({"target": "score"}, "attribution.target: 'score' was found; allowed: probability"),
        ({"label": "relevnt"}, "'relevnt' was found; allowed: non_relevant, relevant"),
    ],
)
def test_unknown_settings_are_refused(two_logits, settings, message):
    with pytest.raises(UserError, match=message):
        scored(two_logits, **settings)


@pytest.mark.parametrize("kind", ["bert", "distilbert"])
def test_scores_that_are_no_numbers_are_refused(kind):
    reranker = make_ranker(kind)
    with torch.no_grad():
        reranker.model.classifier.bias.fill_(float("nan"))
    with pytest.raises(UserError, match="not a finite number"):
        scored(reranker)


def test_bfloat16_is_near():
    reranker = make_reranker(2, "float32")
    exact = scored(reranker, quadrature="simpson", n_points=9)[1]
    reranker.dtype = "bfloat16"
    rough = scored(reranker, quadrature="simpson", n_points=9)[1]
    assert 1e-5 < np.linalg.norm(rough - exact) / np.linalg.norm(exact) < 0.3
