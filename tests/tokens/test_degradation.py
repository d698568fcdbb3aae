"""Degradation curves: counts and orders by hand, probabilities against texts without the words."""

import numpy as np
import polars as pl
import pytest
import torch

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.memory import Memory
from relevance_neurons.tokens.attribute_tokens import attribute_tokens
from relevance_neurons.tokens.degradation import degrade, removed_positions
from toys.bert import PAIRS, make_reranker


def table(pair: int, scores: list[float], layer: int | None = None) -> pl.DataFrame:
    columns = {"pair": pair, "layer": layer, "position": range(len(scores)), "score": scores}
    types = {"pair": pl.Int32, "layer": pl.Int32, "position": pl.Int32}
    return pl.DataFrame(columns, schema_overrides=types)


def test_positions_by_hand():
    """Twelve tokens, three of them special; thirds of all twelve, so 4, 8 and 12 of the nine."""
    scores = np.array([9.0, 3, 1, 9, 2, 5, 5, 4, 0, 1, 8, 9])
    special = np.zeros(12, dtype=bool)
    special[[0, 3, 11]] = True
    most = [gone.tolist() for gone in removed_positions(scores, special, "most", 3)]
    # Of equal scores (5 and 6, 2 and 9) the one that stands first goes first.
    assert most == [[], [10, 5, 6, 7], [10, 5, 6, 7, 1, 4, 2, 9], [10, 5, 6, 7, 1, 4, 2, 9, 8]]
    least = [gone.tolist() for gone in removed_positions(scores, special, "least", 3)]
    assert least == [[], [8, 2, 9, 4], [8, 2, 9, 4, 1, 7, 5, 6], [8, 2, 9, 4, 1, 7, 5, 6, 10]]


def test_a_curve_by_texts(two_logits):
    """Eight tokens by hand: [CLS] wing [SEP] the heat of lift [SEP]; quarters are two tokens."""
    pair = ("wing", "the heat of lift")
    scores = table(0, [0.0, 2.0, 9.0, 1.0, 4.0, 3.0, -1.0, 0.0])
    found = degrade(two_logits, [pair], "non_relevant", scores, ["deletion"], ["most"], steps=4)
    texts = [pair, ("wing", "the lift"), ("", "lift"), ("", ""), ("", "")]
    expected = 1 - two_logits.score(texts).exp().double().numpy()
    assert np.allclose(found["p_label"], expected, atol=1e-6)
    assert found["n_removed"].to_list() == [0, 2, 4, 5, 5]
    assert found["share"].to_list() == [0.0, 0.25, 0.5, 0.75, 1.0]
    least = degrade(two_logits, [pair], "relevant", scores, ["deletion"], ["least"], steps=4)
    texts = [pair, ("wing", "heat of"), ("", "heat"), ("", ""), ("", "")]
    assert np.allclose(least["p_label"], two_logits.score(texts).exp(), atol=1e-6)


@pytest.mark.parametrize("n_logits", [1, 2])
def test_curves_by_a_loop(n_logits):
    """Every step by itself on the stock model, of several layers, pairs, orders and removals."""
    reranker, labels = make_reranker(n_logits), ["relevant", "non_relevant"] * 2
    random = [attribute_tokens(reranker, PAIRS, method="random", seed=k).frame() for k in (0, 1)]
    scores = pl.concat(one.with_columns(layer=pl.lit(k, pl.Int32)) for k, one in enumerate(random))
    found = degrade(reranker, PAIRS, labels, scores.sample(fraction=1.0, shuffle=True, seed=0))
    assert len(found) == 4 * 2 * 2 * 2 * 10
    encoded = reranker.encode(PAIRS)
    for row in found.iter_rows(named=True):
        pair = encoded[row["pair"]]
        own = scores.filter(pair=row["pair"], layer=row["layer"]).sort("position")["score"]
        order = np.argsort(-own.to_numpy() if row["order"] == "most" else own.to_numpy())
        order = [place for place in order if not pair.special[place]]
        assert row["n_removed"] == min(round(row["step"] * len(pair) / 9), len(order))
        kept = torch.ones(len(pair), dtype=torch.bool)
        kept[order[: row["n_removed"]]] = False
        ids, types = pair.input_ids, pair.token_type_ids
        if row["removal"] == "mask":
            ids = torch.where(kept, ids, 1)
        else:
            ids, types = ids[kept], types[kept]
        with torch.no_grad():
            logits = reranker.model(input_ids=ids[None], token_type_ids=types[None]).logits[0]
        relevant = logits.softmax(0)[1] if n_logits == 2 else logits.sigmoid()[0]
        expected = relevant if labels[row["pair"]] == "relevant" else 1 - relevant
        assert row["p_label"] == pytest.approx(expected.item(), abs=1e-9)


def test_rows_come_in_order(two_logits):
    scores = attribute_tokens(two_logits, PAIRS, method="random").frame()
    found = degrade(two_logits, PAIRS, "relevant", scores, memory=Memory(8))
    assert found.schema["layer"] == pl.Int32 and found["layer"].is_null().all()
    assert found["pair"].is_sorted()
    first = found.filter(pair=0).select("removal", "order", "step").rows()
    expected = [
        (r, o, s) for r in ("deletion", "mask") for o in ("most", "least") for s in range(10)
    ]
    assert first == expected
    whole = degrade(two_logits, PAIRS, "relevant", scores)
    assert np.allclose(found["p_label"], whole["p_label"], atol=1e-12)


def test_pairs_without_scores_are_left_out(two_logits):
    scores = attribute_tokens(two_logits, [*PAIRS, ("wing", "")], method="random").frame()
    scores = scores.filter(pl.col("pair") != 1)
    found = degrade(two_logits, [*PAIRS, ("wing", "")], "relevant", scores)
    assert found["pair"].unique().sort().to_list() == [0, 2, 3]


WRONG = [
    ({"removals": ["swap"]}, r"removal: 'swap' was found; allowed: deletion, mask"),
    ({"orders": ["any"]}, r"orders: 'any' was found; allowed: most, least"),
    ({"steps": 0}, r"steps: 0 was found; at least 1 is needed"),
    ({"labels": ["relevant"] * 3}, r"labels: 3 were found for 4 pairs"),
    (
        {"token_scores": table(7, [0.0])},
        r"token_scores: pair 7 was found in scores of 4 pairs; give ",
    ),
    ({"token_scores": table(1, [0.0] * 5)}, r"token_scores: pair 1 has 5 tokens there and 6 in"),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_what_is_wrong_is_said(two_logits, given, message):
    settings = {"labels": "relevant", "token_scores": table(1, [0.0] * 6), **given}
    with pytest.raises(UserError, match=f"^{message}"):
        degrade(two_logits, PAIRS, **settings)
