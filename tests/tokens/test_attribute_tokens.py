"""The table of token scores: its columns, shards, pairs left out, and what is refused."""

import logging
import sys
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

import relevance_neurons
from relevance_neurons import TokenAttribution, UserError, attribute_tokens
from relevance_neurons.tokens.check import TokenCheck
from relevance_neurons.tokens.token_table import describe
from toys.bert import PAIRS

LABELS = ["relevant", "non_relevant", "non_relevant", "relevant"]
AT_INPUT = ["integrated_gradients", "lime", "leave_one_out", "random"]


def test_columns(two_logits):
    found = attribute_tokens(two_logits, PAIRS, LABELS, "leave_one_out")
    frame = found.frame()
    assert isinstance(found, TokenAttribution)
    assert dict(frame.schema) == {
        **{"pair": pl.Int32, "layer": pl.Int32, "label": pl.String, "position": pl.Int32},
        **{"token": pl.String, "word": pl.String, "word_number": pl.Int32, "part": pl.String},
        **{"score": pl.Float64, "scaled": pl.Float64, "weight": pl.Float64},
    }
    tokens = describe(two_logits, two_logits.encode(PAIRS))
    assert frame.select(tokens.columns).equals(tokens)
    assert frame["layer"].is_null().all()
    assert frame.group_by("pair").agg(pl.col("label").unique()).sort("pair")["label"].to_list() == [
        [label] for label in LABELS
    ]


@pytest.mark.parametrize("method", AT_INPUT)
def test_scaled_and_weight_by_numpy(two_logits, method):
    frame = attribute_tokens(two_logits, PAIRS, LABELS, method).frame()
    for (_,), own in frame.group_by("pair"):
        score = own["score"].to_numpy()
        scaled = (score - score.min()) / (score.max() - score.min())
        assert np.allclose(own["scaled"], scaled, atol=1e-12)
        assert np.allclose(own["weight"], scaled / scaled.sum(), atol=1e-12)


def scored(two_logits, scores: list[np.ndarray], layers: list[int | None]) -> pl.DataFrame:
    tokens = describe(two_logits, two_logits.encode(PAIRS[1:2]))
    check = TokenCheck(0, 6, False, 0.5, 0.0, 0.0, 1.0)
    given = [(layer, check, own) for layer, own in zip(layers, scores, strict=True)]
    from relevance_neurons.tokens.token_attribution import Scored

    return TokenAttribution(tokens, {0: "relevant"}, [Scored(*one) for one in given]).frame()


def test_equal_scores_have_no_weight(two_logits):
    frame = scored(two_logits, [np.full(6, 3.0)], [None])
    assert frame["scaled"].to_list() == frame["weight"].to_list() == [0.0] * 6


def test_layers_are_scaled_each_by_itself(two_logits):
    own = [np.array([0.0, 1, 2, 3, 4, 0]), np.array([5.0, 5, 5, 5, 5, 10])]
    frame = scored(two_logits, own[::-1], [1, 0])
    assert frame["layer"].to_list() == [0] * 6 + [1] * 6
    assert frame.filter(layer=0)["scaled"].to_list() == [0.0, 0.25, 0.5, 0.75, 1.0, 0.0]
    assert frame.filter(layer=0)["weight"].to_list() == [0.0, 0.1, 0.2, 0.3, 0.4, 0.0]
    assert frame.filter(layer=1)["weight"].to_list() == [0.0] * 5 + [1.0]


@pytest.mark.parametrize("method", AT_INPUT)
def test_shards_make_the_whole(two_logits, method):
    """With the numbers of the whole list; of six shards two have no pair."""
    found = attribute_tokens(two_logits, PAIRS, LABELS, method)
    shards = [attribute_tokens(two_logits, PAIRS, LABELS, method, shard=(k, 6)) for k in range(6)]
    frame = pl.concat(shard.frame() for shard in shards)
    assert frame.schema == found.frame().schema
    names = [name for name in frame.columns if name not in ("score", "scaled", "weight")]
    assert frame.select(names).equals(found.frame().select(names))
    assert np.allclose(frame["score"], found.frame()["score"], atol=1e-8)
    checks = pl.concat(shard.checks() for shard in shards)
    assert checks.select("pair", "layer", "n_tokens").equals(
        found.checks().select("pair", "layer", "n_tokens")
    )
    assert checks["pair"].to_list() == [0, 1, 2, 3]


def test_checks(two_logits):
    checks = attribute_tokens(two_logits, PAIRS, LABELS, "leave_one_out").checks()
    names = "pair layer n_tokens is_cut p_label before after cost_forwards".split()
    assert checks.columns == names
    assert checks["n_tokens"].to_list() == [len(pair) for pair in two_logits.encode(PAIRS)]
    relevant = two_logits.score(PAIRS).exp().double().numpy()
    expected = np.where([label == "relevant" for label in LABELS], relevant, 1 - relevant)
    assert np.allclose(checks["p_label"], expected, atol=1e-6)


def test_pairs_that_are_cut_are_counted(two_logits, caplog):
    pairs = [PAIRS[0], ("wing", "heat " * 60), ("wing", "heat " * 70), PAIRS[1]]
    with caplog.at_level(logging.INFO):
        found = attribute_tokens(two_logits, pairs, method="random")
    assert "2 of 4 pairs are cut at max_length" in caplog.messages
    assert found.checks()["is_cut"].to_list() == [False, True, True, False]


def test_a_pair_without_a_passage_is_left_out(two_logits, caplog):
    pairs = [PAIRS[0], ("wing", ""), PAIRS[1], ("heat", " ")]
    with caplog.at_level(logging.WARNING):  # a slow machine tells its progress too
        found = attribute_tokens(two_logits, pairs, ["relevant"] * 3 + ["non_relevant"], "random")
    assert found.frame()["pair"].unique().sort().to_list() == [0, 2]
    assert found.checks()["pair"].to_list() == [0, 2]
    warnings = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert warnings == [
        "left out 2 of 4 pairs, of whose passage no token is left: it is empty, or the query fills "
        "max_length"
    ]
    own = attribute_tokens(two_logits, PAIRS[:2], method="random").frame()["score"]
    assert found.frame()["score"].equals(own)


def test_nothing_is_left(two_logits):
    for method in AT_INPUT:
        found = attribute_tokens(two_logits, [("wing", "")], method=method)
        assert found.frame().is_empty() and found.checks().is_empty()


def test_it_is_in_the_public_face():
    assert {"attribute_tokens", "TokenAttribution"} <= set(relevance_neurons.__all__)


WRONG = [
    ({"pairs": []}, "attribute_tokens: no pairs were given; at least one is needed"),
    ({"method": "shap"}, "tokens.method: 'shap' was found; allowed: information_bottleneck, "),
    ({"labels": "good"}, "labels: 'good' was found; allowed: non_relevant, relevant"),
    ({"labels": ["relevant"]}, "labels: 1 were found for 4 pairs; give one for each, or one for "),
    ({"labels": ["relevant"] * 3 + ["good"]}, "labels: 'good' was found; allowed: "),
    ({"layer": 0}, "layer: 0 was found; lime scores the tokens at the input: take it out"),
    ({"n_points": 5}, "tokens.n_points: 5 was found; lime does not use it, only target, n_sam"),
    ({"shard": (2, 2)}, "shard: 2 of 2 was found; allowed are 0 to 1"),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_what_is_wrong_is_said(two_logits, given, message):
    settings = {"pairs": PAIRS, "method": "lime", **given}
    with pytest.raises(UserError, match=f"^{message}"):
        attribute_tokens(two_logits, **settings)


@pytest.fixture
def bottleneck(monkeypatch) -> list[dict]:
    """In place of the bottleneck: a score of 10 × layer + position; keeps what it was given."""
    asked: list[dict] = []

    def all_layers(reranker, pairs, labels, layers, statistics=None, **settings):
        asked.append({"labels": labels, "statistics": statistics, **settings})
        for layer in layers:
            for row, pair in reversed(list(enumerate(reranker.encode(pairs)))):
                check = TokenCheck(row, len(pair), False, 0.5, 1.0, 0.5, 220.0)
                yield layer, check, 10.0 * layer + np.arange(len(pair))

    def measured(_reranker, pairs, _labels, layers):
        return pl.DataFrame({"layer": layers, "n_pairs": len(pairs)})

    modules = {
        "upper_layers": SimpleNamespace(UpperLayers=lambda _reranker: SimpleNamespace(n_layers=3)),
        "bottleneck": SimpleNamespace(all_layers=all_layers),
        "legacy_bottleneck": SimpleNamespace(all_layers=all_layers),
        "statistics": SimpleNamespace(measure_statistics=measured),
    }
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, f"relevance_neurons.tokens.{name}", module)
    return asked


@pytest.mark.parametrize(
    ("layer", "expected"), [(None, [0, 1, 2]), (1, [1]), ([2, 0], [0, 2]), (range(1, 3), [1, 2])]
)
def test_layers(two_logits, bottleneck, layer, expected):
    found = attribute_tokens(two_logits, PAIRS, LABELS, layer=layer)
    checks = found.checks()
    assert checks.select("pair", "layer").rows() == [(p, at) for p in range(4) for at in expected]
    frame = found.frame()
    assert (frame["score"] == frame["layer"] * 10 + frame["position"]).all()
    assert bottleneck == [{"labels": LABELS, "statistics": bottleneck[0]["statistics"], "seed": 0}]
    assert bottleneck[0]["statistics"]["layer"].to_list() == expected


def test_statistics_are_measured_over_all_pairs(two_logits, bottleneck, caplog):
    with caplog.at_level(logging.INFO):
        attribute_tokens(two_logits, PAIRS, layer=1, shard=(1, 2))
    assert bottleneck[0]["statistics"]["n_pairs"].to_list() == [4]
    assert "no statistics were given: measuring them over the 4 pairs" in caplog.messages


def test_statistics_and_settings_are_handed_on(two_logits, bottleneck):
    statistics = pl.DataFrame({"layer": [0, 1]})
    attribute_tokens(two_logits, PAIRS, layer=1, statistics=statistics, seed=3, beta=0.5, steps=2)
    assert bottleneck[0]["statistics"] is statistics
    settings = {key: bottleneck[0][key] for key in ("seed", "beta", "steps")}
    assert settings == {"seed": 3, "beta": 0.5, "steps": 2}


def test_as_published_has_no_statistics(two_logits, bottleneck):
    attribute_tokens(two_logits, PAIRS, layer=1, legacy=True)
    assert bottleneck[0]["statistics"] is None and "legacy" not in bottleneck[0]


WRONG_LAYERS = [
    ({"layer": 3}, "layer: 3 was found; this ranker has the layers 0 to 2"),
    ({"layer": [0, -1]}, "layer: -1 was found; this ranker has the layers 0 to 2"),
    ({"layer": []}, "layer: none was found; this ranker has the layers 0 to 2"),
    (
        {"statistics": pl.DataFrame({"layer": [1]})},
        "statistics: layer 0, 2 is missing; measure them with measure_statistics for every layer",
    ),
]


@pytest.mark.parametrize(("given", "message"), WRONG_LAYERS)
def test_wrong_layers(two_logits, bottleneck, given, message):
    with pytest.raises(UserError, match=f"^{message}"):
        attribute_tokens(two_logits, PAIRS, **given)
