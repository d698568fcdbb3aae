"""The whole optimisation against a slow loop, and that pairs have no say in each other's scores."""

import numpy as np
import polars as pl
import pytest
import torch

from relevance_neurons.attribution.upper_layers import UpperLayers
from relevance_neurons.errors import UserError
from relevance_neurons.rankers.memory import Memory
from relevance_neurons.tokens import bottleneck, optimisation
from relevance_neurons.tokens.bottleneck import all_layers, scores
from relevance_neurons.tokens.bottleneck_batches import hardly_padded
from relevance_neurons.tokens.noise import draw_noise, noise_key
from relevance_neurons.tokens.optimisation import Asked, Descent, optimise
from relevance_neurons.tokens.restriction import Restriction
from relevance_neurons.tokens.statistics import measure_statistics
from toys.bert import PAIRS, make_reranker
from toys.plain_bottleneck import entropy, replaced, slow_scores
from toys.tiny_rankers import MODELS, make_ranker, rounds

LABELS = ["relevant", "non_relevant", "relevant", "non_relevant"]
MANY = Memory(10**6)
"""Everything in one batch."""


def by_pair(found) -> list[np.ndarray]:
    """Scores in the order of the pairs."""
    return [own for _, own in sorted(found, key=lambda one: one[0].pair)]


def of_layer(statistics: pl.DataFrame, layer: int) -> list[torch.Tensor]:
    own = statistics.filter(layer=layer).sort("feature")
    return [
        torch.from_numpy(own[name].to_numpy(writable=True))
        for name in ("mean", "standard_deviation")
    ]


def noise_of(pair, layer: int, n_tokens: int, steps: int, samples: int, width: int = 16):
    key = noise_key(0, pair, layer)
    drawn = [draw_noise([key], [n_tokens], step, range(samples), width) for step in range(steps)]
    return [torch.from_numpy(one[0]).double() for one in drawn]


@pytest.mark.parametrize(
    ("kind", "n_logits", "layers"),
    [
        ("bert", 2, (0, 1, 2)),
        ("bert", 1, (1,)),
        ("electra", 2, (1,)),
        ("xlm_roberta", 2, (0,)),
        ("distilbert", 2, (0,)),
        ("deberta, shared key", 1, (1,)),
        ("deberta, own key", 2, (0, 1)),
        ("albert", 2, (1,)),
        ("albert, groups", 2, (3,)),
        ("modernbert, mean", 2, (2,)),
        ("monot5", 2, (0,)),
    ],
)
def test_scores_are_those_of_the_plain_loop(kind, n_logits, layers):
    reranker = make_ranker(kind, n_logits)
    statistics = measure_statistics(reranker, PAIRS, LABELS)
    settings = {"beta": 0.2, "samples": 3, "steps": 6}
    found = list(all_layers(reranker, PAIRS, LABELS, layers, statistics, **settings))
    for layer, check, own in found:
        if check.pair not in (0, 3):
            continue
        pair, label = PAIRS[check.pair], int(LABELS[check.pair] == "relevant")
        mean, sd = of_layer(statistics, layer)
        noise = noise_of(pair, layer, check.n_tokens, 6, 3)
        expected = slow_scores(reranker, pair, layer, label, mean, sd, 0.2, noise, steps=6)
        rtol = 1e-3 if rounds(kind) else 1e-6
        np.testing.assert_allclose(own, expected, rtol=rtol)
    assert sorted((layer, check.pair) for layer, check, _ in found) == [
        (layer, pair) for layer in layers for pair in range(4)
    ]


@pytest.fixture
def reranker():
    return make_reranker()


@pytest.fixture
def statistics(reranker):
    return measure_statistics(reranker, PAIRS, LABELS)


def test_the_defaults_are_the_published_settings(reranker, statistics):
    explicit = {
        "beta": statistics["beta"][0],
        "steps": 10,
        "samples": 10,
        "learning_rate": 1.0,
        "initial_alpha": 5.0,
        "seed": 0,
    }
    ours = by_pair(scores(reranker, PAIRS, LABELS, 1, statistics))
    same = by_pair(scores(reranker, PAIRS, LABELS, 1, statistics, **explicit))
    for one, other in zip(ours, same, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("kind", ["bert", "distilbert", "modernbert, mean", "monot5"])
def test_a_pairs_scores_depend_on_nothing_beside_it(kind):
    """Whatever its batch, its padding, its place and how many samples are in a pass."""
    reranker = make_ranker(kind)
    statistics = measure_statistics(reranker, PAIRS, LABELS)
    settings = {"beta": 0.2, "samples": 4, "steps": 5}
    rtol = 1e-3 if rounds(kind) else 1e-7

    def run(pairs, labels, tokens: int) -> list[np.ndarray]:
        memory = Memory(tokens)
        return by_pair(scores(reranker, pairs, labels, 0, statistics, memory=memory, **settings))

    together = run(PAIRS, LABELS, 10**6)
    turned = run(PAIRS[::-1], LABELS[::-1], 10**6)[::-1]
    few = run(PAIRS, LABELS, 50)  # a pair at a time, its samples in several passes
    for place, own in enumerate(together):
        (alone,) = run(PAIRS[place : place + 1], LABELS[place : place + 1], 10**6)
        for other in (turned[place], few[place], alone):
            np.testing.assert_allclose(own, other, rtol=rtol)


@pytest.mark.parametrize(
    ("enough", "parts"),
    [(1, [[1, 4], [0], [3], [2]]), (21, [[1, 4, 0], [3, 2]]), (31, [[1, 4, 0, 3], [2]])],
)
def test_pairs_of_other_lengths_share_a_pass_only_where_it_would_be_small(enough, parts):
    lengths = [6, 10, 3, 5, 10]
    assert list(hardly_padded([1, 4, 0, 3, 2], lengths, 1, enough)) == parts


def test_the_same_pair_with_the_other_label_has_other_scores(reranker, statistics):
    pairs = [PAIRS[0], PAIRS[0]]
    one, other = by_pair(scores(reranker, pairs, LABELS[:2], 1, statistics))
    assert not np.allclose(one, other, rtol=0.01)


def test_layers_together_and_alone(reranker, statistics):
    together = {
        (layer, check.pair): own
        for layer, check, own in all_layers(reranker, PAIRS, LABELS, [2, 0], statistics)
    }
    for layer in (0, 2):
        for place, own in enumerate(by_pair(scores(reranker, PAIRS, LABELS, layer, statistics))):
            np.testing.assert_array_equal(together[layer, place], own)


def test_the_seed_changes_the_noise(reranker, statistics):
    one, other = (
        by_pair(scores(reranker, PAIRS, LABELS, 1, statistics, seed=seed)) for seed in (0, 1)
    )
    assert not np.allclose(one[0], other[0], rtol=1e-3)


def asked(reranker, statistics, layer: int) -> tuple[Asked, Restriction]:
    encoded = reranker.encode(PAIRS)
    upper = UpperLayers.open(reranker, encoded)
    states = upper.states(encoded, [layer])
    labels = torch.tensor([int(label == "relevant") for label in LABELS])
    keys = [noise_key(0, pair, layer) for pair in PAIRS]
    restriction = Restriction(states.hidden(layer), states.real, *of_layer(statistics, layer))
    return Asked(upper, states, layer, labels, keys), restriction


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_the_slope_of_the_entropy_is_its_difference_quotient(reranker, statistics, layer):
    question, restriction = asked(reranker, statistics, layer)
    descent = Descent(0.1, samples=3)
    torch.manual_seed(0)
    alpha = 2 * torch.randn_like(restriction.hidden)

    def at(changed):
        return optimisation._entropy(question, restriction, descent, changed, 0, MANY)

    _, slope = at(alpha)
    step = 1e-5
    for pair, token, feature in ((0, 0, 0), (0, 3, 5), (1, 2, 9), (2, 7, 3), (3, 0, 15), (1, 9, 1)):
        shift = torch.zeros_like(alpha)
        shift[pair, token, feature] = step
        rise = (at(alpha + shift)[0] - at(alpha - shift)[0]) / (2 * step)
        assert rise[pair].item() == pytest.approx(
            slope[pair, token, feature].item(), rel=1e-5, abs=1e-9
        )
        assert not rise[torch.arange(len(rise)) != pair].any()


def test_at_the_last_layer_entropy_holds_open_the_first_token_alone(reranker, statistics):
    """Without β nothing closes the others: they stay where they started."""
    question, restriction = asked(reranker, statistics, 2)
    found = optimise(question, restriction, Descent(0.0), MANY)
    assert (found.alpha[:, 1:] == 5).all()
    assert (found.alpha[:, 0] != 5).all()


def test_padding_stays_where_it_started(reranker, statistics):
    question, restriction = asked(reranker, statistics, 0)
    found = optimise(question, restriction, Descent(0.3), MANY)
    assert (found.alpha[~restriction.real] == 5).all()
    assert (found.alpha[restriction.real] != 5).all()


def test_checks_say_how_the_loss_fell(reranker, statistics):
    beta = float(statistics["beta"][0])
    logits = reranker.model(**reranker.collate(reranker.encode(PAIRS))).logits
    indices = [int(label == "relevant") for label in LABELS]
    for check, own in scores(reranker, PAIRS, LABELS, 1, statistics):
        label = indices[check.pair]
        assert check.p_label == pytest.approx(logits[check.pair].softmax(-1)[label].item())
        assert check.n_tokens == len(own) and not check.is_cut
        assert check.after < check.before
        assert check.cost_forwards == pytest.approx(1 + 10 * 10 * 2 / 3)
        # At the start almost everything passes.
        information = statistics.filter(layer=1)["information"][0]
        assert check.before == pytest.approx(-np.log(check.p_label) + beta * information, rel=0.25)


def test_the_costs_of_all_layers_have_the_pass_for_states_once(reranker, statistics):
    found = all_layers(reranker, PAIRS[:1], "relevant", [0, 1, 2], statistics)
    assert sum(check.cost_forwards for _, check, _ in found) == pytest.approx(1 + 100 * (4 + 2) / 3)


def test_a_cut_pair_is_told(statistics):
    reranker = make_reranker()
    pair = reranker.encode(PAIRS)[2]
    object.__setattr__(pair, "is_cut", True)
    reranker.encode = lambda _: [pair]
    ((check, _),) = scores(reranker, PAIRS[:1], "relevant", 1, statistics)
    assert check.is_cut


@pytest.mark.parametrize("tokens", [20, 60, 100, 300])
def test_a_pass_has_no_more_tokens_than_it_may(monkeypatch, reranker, statistics, tokens):
    """But for a row that alone has more. A pair's samples then take several passes."""
    seen = []

    def passed(asked, rows):
        seen.append(rows.shape)
        return entropy_of(asked, rows)

    entropy_of = optimisation._entropy_of
    monkeypatch.setattr(optimisation, "_entropy_of", passed)
    memory = Memory(tokens)
    list(scores(reranker, PAIRS, LABELS, 1, statistics, steps=1, samples=4, memory=memory))
    lengths = [len(pair) for pair in reranker.encode(PAIRS)]
    assert {shape[2] for shape in seen} <= set(lengths)
    sizes = [shape[:3].numel() for shape in seen]
    assert max(sizes) <= max(tokens, max(lengths))
    assert sum(shape[0] * shape[1] for shape in seen) == 4 * len(PAIRS)


def out_of_memory(reranker, n_rows: int):
    """Passes of more rows fail, as on a device that is full."""
    forward = reranker.model.forward

    def bounded(**inputs):
        if len(inputs["input_ids"]) > n_rows:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(**inputs)

    reranker.model.forward = bounded


@pytest.mark.parametrize(("n_rows", "tokens"), [(1, 512), (3, 512), (12, 4096)])
def test_passes_are_halved_where_memory_ends(n_rows, tokens, caplog):
    kind = "distilbert"
    statistics = measure_statistics(make_ranker(kind), PAIRS, LABELS)

    def run(one):
        return by_pair(scores(one, PAIRS, LABELS, 0, statistics, samples=4, steps=2))

    expected, full = run(make_ranker(kind)), make_ranker(kind)
    full.batch_tokens = tokens
    upper = UpperLayers.open(full, full.encode(PAIRS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(UpperLayers, "open", lambda *_: upper)  # its own trial is of four rows
        out_of_memory(full, n_rows)
        found = run(full)
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-7)
    assert "out of memory: going on with passes of" in caplog.text


def test_numbers_that_are_not_finite_are_told(statistics):
    reranker = make_reranker()
    with torch.no_grad():
        reranker.model.classifier.bias[0] = float("inf")
    with pytest.raises(UserError, match="not a finite number"):
        list(scores(reranker, PAIRS, LABELS, 1, statistics))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "auto"])
def test_other_precisions_give_almost_the_same(dtype):
    exact = make_ranker("bert")
    rounded = make_ranker("bert", dtype="float32")
    rounded.dtype = dtype
    statistics = measure_statistics(exact, PAIRS, LABELS)
    found, expected = (
        np.concatenate(by_pair(scores(one, PAIRS, LABELS, 1, statistics)))
        for one in (rounded, exact)
    )
    assert found.dtype == np.float64
    least = 0.9 if dtype == "bfloat16" else 0.999
    assert np.corrcoef(np.log(found), np.log(expected))[0, 1] > least


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "tokens.steps: 0 was found; allowed: 1 and more"),
        ({"samples": 0}, "tokens.samples: 0 was found"),
        ({"beta": -1.0}, "tokens.beta: -1.0 was found"),
        ({"beta": float("nan")}, "tokens.beta: nan was found"),
        ({"labels": "good"}, "labels: 'good' was found; allowed: non_relevant, relevant"),
        ({"labels": ["relevant"]}, "labels: 1 were found for 4 pairs"),
        ({"layer": 9}, "token_statistics: layer 9 was asked for; there are 0, 1, 2"),
    ],
)
def test_what_is_wrong_is_told(reranker, statistics, change, message):
    given = {"labels": LABELS, "layer": 1, **change}
    with pytest.raises(UserError, match=message):
        list(scores(reranker, PAIRS, statistics=statistics, **given))


def test_a_layer_that_only_the_statistics_have(reranker, statistics):
    more = statistics.with_columns(layer=pl.col("layer") + 2)
    with pytest.raises(UserError, match=r"tokens\.layers: 3 was found"):
        list(scores(reranker, PAIRS, LABELS, 3, more))


def test_statistics_of_another_ranker_or_of_two_collections(reranker, statistics):
    with pytest.raises(UserError, match="15 features of layer 1 were found"):
        fewer = statistics.filter(pl.col("feature") < 15)
        list(scores(reranker, PAIRS, LABELS, 1, fewer))
    with pytest.raises(UserError, match="several rows of one feature"):
        list(scores(reranker, PAIRS, LABELS, 1, pl.concat([statistics, statistics])))
    with pytest.raises(UserError, match="2 values of beta"):
        two = statistics.with_columns(beta=pl.col("layer") % 2 + 0.5)
        list(scores(reranker, PAIRS, LABELS, 1, two))


def test_no_pairs_no_scores(reranker, statistics):
    assert list(scores(reranker, [], "relevant", 1, statistics)) == []


def planted_reranker():
    """Its last layer attends to the word "cell" alone, by feature 0, and reads feature 1 there.

    The states below are the embeddings. Those of "blood" are large in feature 2, which is not read.
    """
    reranker = make_reranker(layers=2)
    words, bert = reranker.tokenizer.get_vocab(), reranker.model.bert
    with torch.no_grad():
        bert.embeddings.position_embeddings.weight.zero_()
        bert.embeddings.token_type_embeddings.weight.zero_()
        table = bert.embeddings.word_embeddings.weight.normal_(0, 0.3)
        table[:, :3] = 0
        table[words["cell"], :2] = torch.tensor([6.0, 6.0])
        table[words["blood"], 2] = 6.0
        below, last = bert.encoder.layer
        for module in (below.attention.output.dense, below.output.dense):
            module.weight.zero_()
        attention = last.attention.self
        for module in (attention.query, attention.key, attention.value):
            module.weight.zero_()
            module.bias.zero_()
        attention.query.bias[:] = 1.0
        attention.key.weight[:, 0] = 4.0
        attention.value.weight[:, 1] = 4.0
    return reranker


@pytest.mark.parametrize("beta", [0.01, 0.03])
def test_planted_tokens_are_found_and_decoys_are_not(beta):
    reranker = planted_reranker()
    pairs = [
        ("wing cell", "heat flow of the blood water"),
        ("wing lift", "heat blood the flow cell of water energy"),
        ("blood heat", "the wing of water cell energy test"),
    ]
    statistics = measure_statistics(reranker, pairs, "relevant")
    labels = [
        "relevant" if logits[1] > logits[0] else "non_relevant"
        for logits in reranker.model(**reranker.collate(reranker.encode(pairs))).logits
    ]
    found = scores(reranker, pairs, labels, 0, statistics, beta=beta)
    for check, own in found:
        tokens = reranker.tokenizer.convert_ids_to_tokens(
            reranker.encode(pairs)[check.pair].input_ids.tolist()
        )
        others = [
            score
            for token, score in zip(tokens, own, strict=True)
            if token not in ("cell", "[CLS]")
        ]
        assert own[tokens.index("cell")] > 2 * max(others)
        assert own[tokens.index("blood")] < own[tokens.index("cell")] / 4


def test_scores_are_taken_after_the_last_update(reranker, statistics):
    question, restriction = asked(reranker, statistics, 1)
    found = optimise(question, restriction, Descent(0.3, steps=1), MANY)
    # Adam's first step is as long as the learning rate.
    steps = (found.alpha - 5).abs()[restriction.real]
    torch.testing.assert_close(steps, torch.ones_like(steps), rtol=1e-3, atol=0)
    assert (found.alpha_before == 5).all()


def test_the_loss_at_the_start_is_that_of_the_formula(reranker, statistics):
    question, restriction = asked(reranker, statistics, 1)
    found = optimise(question, restriction, Descent(0.3, samples=2), MANY)
    pair, mean_sd = PAIRS[1], of_layer(statistics, 1)
    inputs = reranker.collate(reranker.encode([pair]))
    n_tokens = inputs["input_ids"].shape[1]
    alpha = torch.full((n_tokens, 16), 5.0, dtype=torch.float64)
    x = restriction.hidden[1, :n_tokens]
    losses = []
    for noise in noise_of(pair, 1, n_tokens, 1, 2)[0]:
        mu = alpha.sigmoid()
        passed = mu * x + (1 - mu) * (mean_sd[0] + mean_sd[1] * noise)
        with replaced(reranker, 1, lambda _, passed=passed: passed[None]):
            losses.append(entropy(reranker.model(**inputs).logits, 0).item())
    information = restriction.mean_information(torch.full_like(restriction.hidden, 5.0))[1]
    assert found.before[1].item() == pytest.approx(np.mean(losses) + 0.3 * information.item())


def test_every_architecture_can_be_scored():
    for kind in MODELS:
        reranker = make_ranker(kind, dtype="float32")
        statistics = measure_statistics(reranker, PAIRS[:2], "relevant")
        found = list(bottleneck.all_layers(reranker, PAIRS[:2], "relevant", [0], statistics))
        assert len(found) == 2 and all((own > 0).all() for _, _, own in found)
