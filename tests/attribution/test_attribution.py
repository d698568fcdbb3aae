"""Scores against Captum, against sums written out by hand, and against the exact identities."""

import numpy as np
import polars as pl
import pytest
import torch
from captum.attr import LayerConductance

from relevance_neurons import UserError, ablate, attribute
from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.attribution import rows
from relevance_neurons.attribution.baselines import find_baseline
from relevance_neurons.attribution.pair_scores import Settings, score_pairs
from relevance_neurons.attribution.paths import baseline_batch
from relevance_neurons.rankers.memory import Memory
from toys.bert import PAIRS, make_reranker


def scores_of(reranker, pairs, batch_tokens=4096, **settings) -> np.ndarray:
    """Scores, shape (n_pairs, n_neurons), in the order of ``pairs``; by default of trapezoids."""
    settings = {"quadrature": "trapezoid"} | settings
    found = np.empty((len(pairs), len(reranker.neurons)))
    memory = Memory(batch_tokens)
    for check, scores in score_pairs(reranker, pairs, Settings(**settings), memory):
        found[check.pair] = scores
    return found


def captum_scores(reranker, pair, label, n_steps) -> np.ndarray:
    """Conductance of every neuron of one pair, module by module."""
    encoded = reranker.encode([pair])
    batch = reranker.collate(encoded)
    inputs = reranker.model.get_input_embeddings()(batch["input_ids"])
    baselines = baseline_batch(reranker, encoded, inputs, find_baseline("pad_all"))

    def forward(embeddings, mask, types):
        outputs = reranker.model(
            inputs_embeds=embeddings, attention_mask=mask, token_type_ids=types
        )
        return reranker.log_probabilities(outputs.logits).exp()

    parts = []
    for block in reranker.neurons.blocks:
        conductance = LayerConductance(forward, block.module).attribute(
            inputs,
            baselines=baselines,
            target={"non_relevant": 0, "relevant": 1}[label],
            additional_forward_args=(batch["attention_mask"], batch["token_type_ids"]),
            n_steps=n_steps,
            method="riemann_trapezoid",  # Captum's name for the left-end rule
        )
        parts.append(conductance.sum(1)[0])
    return torch.cat(parts).detach().numpy()


@pytest.mark.parametrize("label", ["relevant", "non_relevant"])
def test_equals_captum_for_every_component(reranker, label):
    found = scores_of(reranker, PAIRS[:2], label=label, quadrature="left", n_points=9)
    for pair, scores in zip(PAIRS[:2], found, strict=True):
        expected = captum_scores(reranker, pair, label, n_steps=8)
        assert np.abs(expected).max() > 1e-3
        np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("quadrature", ["right", "left", "trapezoid"])
@pytest.mark.parametrize("target", ["probability", "logit", "margin"])
def test_equals_the_sum_written_out(reranker, quadrature, target):
    pair, n_points = PAIRS[0], 6
    block = reranker.neurons.blocks[7]
    outputs, gradients = [], []
    encoded = reranker.encode([pair])
    batch = reranker.collate(encoded)
    inputs = reranker.model.get_input_embeddings()(batch.pop("input_ids"))
    baselines = baseline_batch(reranker, encoded, inputs, find_baseline("pad_all"))
    for i in range(n_points):
        kept = []
        hook = block.module.register_forward_hook(
            lambda _m, _i, output, kept=kept: kept.append(output)
        )
        line = (baselines + i / (n_points - 1) * (inputs - baselines)).requires_grad_()
        logits = reranker.model(inputs_embeds=line, **batch).logits
        hook.remove()
        value = reranker.target_value(logits, "relevant", target).sum()
        gradients.append(torch.autograd.grad(value, kept[0])[0][0])
        outputs.append(kept[0][0].detach())
    expected = torch.zeros(block.size, dtype=torch.float64)
    for i in range(1, n_points):
        ends = {"right": gradients[i], "left": gradients[i - 1]}
        ends["trapezoid"] = (ends["right"] + ends["left"]) / 2
        expected += ((outputs[i] - outputs[i - 1]) * ends[quadrature]).sum(0)
    found = scores_of(reranker, [pair], quadrature=quadrature, target=target, n_points=n_points)
    np.testing.assert_allclose(found[0, block.slice], expected.numpy(), rtol=1e-9, atol=1e-14)


def test_identities_hold_in_the_limit_of_many_points(reranker):
    def errors(n_points):
        scores = scores_of(reranker, PAIRS, quadrature="trapezoid", n_points=n_points)
        sums = {
            (block.layer, block.component): scores[:, block.slice].sum(1)
            for block in reranker.neurons.blocks
        }
        worst = 0.0
        for layer in range(reranker.neurons.n_layers):
            attention = sum(sums[layer, one] for one in ("query", "key", "value"))
            worst = max(worst, np.abs(attention - sums[layer, "attention_output"]).max())
            feed_forward = sums[layer, "intermediate"] - sums[layer, "ff_output"]
            worst = max(worst, np.abs(feed_forward).max())
        checks = attribute(reranker, PAIRS, quadrature="trapezoid", n_points=n_points).checks()
        assert (checks["f_input"] - checks["f_baseline"]).abs().max() > 0.05
        return worst, checks["residual"].abs().max()

    few, many = errors(100), errors(800)
    assert many[0] < 1e-4 and many[1] < 1e-4
    # The trapezoid rule is of second order: 8 times the points, about 64 times less error.
    assert many[0] < few[0] / 20 and many[1] < few[1] / 20


def test_padding_never_changes_a_score(reranker):
    together = scores_of(reranker, PAIRS, n_points=5)
    for pair, scores in zip(PAIRS, together, strict=True):
        np.testing.assert_allclose(
            scores, scores_of(reranker, [pair], n_points=5)[0], rtol=1e-9, atol=1e-14
        )


def test_runs_of_points_add_up(reranker):
    whole = scores_of(reranker, PAIRS, n_points=11)
    in_runs = scores_of(reranker, PAIRS, n_points=11, batch_tokens=40)
    np.testing.assert_allclose(in_runs, whole, rtol=1e-9, atol=1e-14)


def test_the_labels_mirror_each_other(reranker):
    relevant = scores_of(reranker, PAIRS, label="relevant", n_points=7)
    non_relevant = scores_of(reranker, PAIRS, label="non_relevant", n_points=7)
    np.testing.assert_allclose(relevant, -non_relevant, rtol=1e-9, atol=1e-14)


def test_a_constant_path_scores_nothing(two_logits):
    """With the input as its own baseline (nothing of an empty part is replaced) all is zero."""
    scores = scores_of(two_logits, [("wing", "")], baseline="pad_passage")
    np.testing.assert_allclose(scores, 0.0, atol=1e-15)


def test_frame_holds_mean_and_standard_error(two_logits):
    scores = scores_of(two_logits, PAIRS, n_points=5)
    frame = attribute(two_logits, PAIRS, quadrature="trapezoid", n_points=5).frame()
    assert frame.columns == ["layer", "component", "neuron", "score", "standard_error", "n_pairs"]
    np.testing.assert_allclose(frame["score"], scores.mean(0), rtol=1e-12, atol=1e-16)
    expected = scores.std(0, ddof=1) / np.sqrt(len(PAIRS))
    np.testing.assert_allclose(frame["standard_error"], expected, rtol=1e-6, atol=1e-12)
    assert frame["n_pairs"].unique().to_list() == [len(PAIRS)]


def test_one_pair_has_no_standard_error(two_logits):
    frame = attribute(two_logits, PAIRS[:1], quadrature="trapezoid", n_points=3).frame()
    assert frame["standard_error"].null_count() == len(frame)


def test_replicates_resample_the_pairs(two_logits):
    scores = scores_of(two_logits, PAIRS, n_points=3)
    result = attribute(
        two_logits, PAIRS, quadrature="trapezoid", n_points=3, bootstrap_replicates=40, seed=3
    )
    counts = np.stack(
        [np.random.default_rng([3, pair]).poisson(1.0, 40) for pair in range(len(PAIRS))], axis=1
    )
    drawn = counts.sum(1) > 0
    expected = (counts @ scores)[drawn] / counts.sum(1)[drawn, None]
    found = np.array(result.replicates()["replicate_scores"].to_list()).T
    np.testing.assert_allclose(found[drawn], expected, rtol=1e-5, atol=1e-7)


def test_halves_are_means_over_half_of_the_pairs(two_logits):
    scores = scores_of(two_logits, PAIRS, n_points=3)
    rule = {"quadrature": "trapezoid", "n_points": 3}
    halves = attribute(two_logits, PAIRS, split_halves=5, seed=3, **rule).halves()
    assert halves.columns == ["layer", "component", "neuron", "first_half", "second_half"]
    first, second = (np.array(halves[name].to_list()).T for name in halves.columns[3:])
    possible = [scores[[a, b]].mean(axis=0) for a in (0, 1) for b in (2, 3)]
    for one, other in zip(first, second, strict=True):
        places = [np.abs(mean - one).max() < 1e-6 for mean in possible]
        assert sum(places) == 1
        np.testing.assert_allclose(other, possible[3 - places.index(True)], rtol=1e-5, atol=1e-7)


def test_the_same_seed_gives_the_same_tables():
    first, second = (
        attribute(
            make_reranker(2, "float32"),
            PAIRS,
            quadrature="trapezoid",
            n_points=4,
            bootstrap_replicates=5,
            seed=1,
        )
        for _ in range(2)
    )
    assert first.frame().equals(second.frame())
    assert first.replicates().equals(second.replicates())
    assert first.checks().equals(second.checks())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label": "relevnt"}, "'relevnt' was found; allowed: non_relevant, relevant"),
        ({"target": "score"}, "attribution.target: 'score' was found; allowed: probability"),
        ({"baseline": "mask"}, "attribution.baseline: 'mask' was found; allowed: pad_all"),
        ({"quadrature": "gauss"}, "attribution.quadrature: 'gauss' was found; allowed: adaptive"),
        ({"quadrature": "right", "n_points": 1}, "attribution.n_points: 1 was found; at least 2"),
        ({"n_points": 9}, "attribution.n_points: 9 was found; adaptive does not use it"),
        (
            {"quadrature": "right", "tolerance": 0.1},
            "attribution.tolerance: 0.1 was found; right does not use it",
        ),
        ({"tolerance": 0}, "attribution.tolerance: 0 was found; a number between 0 and 1"),
    ],
)
def test_unknown_settings_are_refused(two_logits, settings, message):
    with pytest.raises(UserError, match=message):
        attribute(two_logits, PAIRS, **settings)


def test_no_pairs_are_refused(two_logits):
    with pytest.raises(UserError, match="no pairs"):
        attribute(two_logits, [])


def test_bfloat16_warns(caplog):
    reranker = make_reranker(2, "float32")
    reranker.dtype = "bfloat16"
    attribute(reranker, PAIRS[:1], quadrature="trapezoid", n_points=2)
    assert "bfloat16 changes a pair's scores by 5 to 15 %, and" in caplog.text


@pytest.mark.parametrize("quadrature", ["trapezoid", "adaptive"])
def test_bfloat16_attribution_is_near(quadrature):
    """After scoring too, which needs no gradients where it casts the weights."""
    reranker = make_reranker(2, "float32")
    exact = attribute(reranker, PAIRS, quadrature=quadrature).frame()["score"].to_numpy()
    reranker.dtype = "bfloat16"
    reranker.score(PAIRS)
    found = attribute(reranker, PAIRS, quadrature=quadrature).frame()["score"].to_numpy()
    assert 1e-5 < np.linalg.norm(found - exact) / np.linalg.norm(exact) < 0.3


def test_hooks_in_the_model_are_heeded():
    """Within ``ablate`` the ranker's own forward pass runs, of which the hooks are part."""
    reranker = make_reranker(2)
    off = reranker.neurons.frame().filter(layer=0, component="key").head(4)
    whole = scores_of(reranker, PAIRS)
    with ablate(reranker, off):
        ablated = scores_of(reranker, PAIRS)
        ranked = rerank_under_ablations(reranker, PAIRS, [None])[0]
        np.testing.assert_allclose(ranked, reranker.score(PAIRS).numpy(), atol=1e-6)
    assert np.abs(ablated - whole).max() > 1e-6
    np.testing.assert_array_equal(scores_of(reranker, PAIRS), whole)


def test_scores_that_are_no_numbers_are_refused():
    reranker = make_reranker(2)
    with torch.no_grad():
        reranker.model.classifier.bias.fill_(float("nan"))
    with pytest.raises(UserError, match="not a finite number"):
        attribute(reranker, PAIRS)


def test_real_ranker_converges_on_real_text(shared):
    """On real pairs the cut's residual shrinks as the points double, and the top stays the same."""
    from relevance_neurons import load_reranker

    folder = shared / "collections" / "msmarco_dl19"
    texts = {
        name: dict(line.split("\t", 1) for line in (folder / name).read_text("utf-8").splitlines())
        for name in ("docs.tsv", "queries.tsv")
    }
    relevant = [
        row.split() for row in (folder / "qrels.txt").read_text().splitlines() if row[-1] == "3"
    ]
    pairs = [(texts["queries.tsv"][q], texts["docs.tsv"][d]) for q, _, d, _ in relevant[:480:120]]
    reranker = load_reranker(shared / "models" / "msmarco-minilm-l6", max_length=64, device="cpu")
    few, many = (attribute(reranker, pairs, quadrature="trapezoid", n_points=n) for n in (16, 64))
    assert many.checks()["residual"].abs().mean() < few.checks()["residual"].abs().mean() / 4
    top = [set(one.frame().with_row_index().top_k(207, by="score")["index"]) for one in (few, many)]
    assert len(top[0] & top[1]) / 207 > 0.8
    assert isinstance(many.frame(), pl.DataFrame)


@pytest.mark.parametrize(("quadrature", "is_read"), [("trapezoid", False), ("adaptive", True)])
def test_the_cut_is_copied_for_a_grid_that_reads_it_alone(
    two_logits, monkeypatch, quadrature, is_read
):
    taken = []
    add = rows.CutRows.add
    monkeypatch.setattr(rows.CutRows, "add", lambda *given: taken.append(given) or add(*given))
    found = list(score_pairs(two_logits, PAIRS[:2], Settings(quadrature=quadrature)))
    assert bool(taken) == is_read
    assert all(abs(check.cut_sum) > 0 for check, _ in found)
