"""Scores by kind of token: against Captum before its sum, loops by hand, and by adding up."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
import torch
from captum.attr import LayerConductance
from polars.testing import assert_frame_equal

from relevance_neurons import UserError, attribute
from relevance_neurons.attribution.baselines import find_baseline
from relevance_neurons.attribution.pair_scores import Settings, score_pairs
from relevance_neurons.attribution.paths import baseline_batch
from relevance_neurons.attribution.token_kinds import (
    TOKEN_KINDS,
    kinds_of_tokens,
    merge_token_kinds,
)
from relevance_neurons.rankers.encoding import fields_and_special
from toys.bert import PAIRS, make_reranker, make_tokenizer
from toys.tiny_rankers import MODELS, make_ranker, roberta_tokenizer, rounds, unrolled
from workflow_scripts.attribution import attribute_neurons, merge_attribution

RULE = {"quadrature": "trapezoid", "n_points": 5}
TEXTS = [("wing lift", "the wing has lift in the flow of air, lift"), ("heat", "the flow of heat")]
BERT_KINDS = [
    "cls query query sep passage match passage match".split()
    + "passage passage passage passage passage passage match sep".split(),
    ["cls", "query", "sep", "passage", "passage", "passage", "match", "sep"],
]
"""The kinds of the tokens of TEXTS, in one's own reading."""


def kinds_in(tokenizer, query: str, passage: str) -> str:
    """The kinds of a pair's tokens, an initial each, words from the tokenizer's own count."""
    encoding = tokenizer([query], [passage])
    ids = encoding.sequence_ids(0)
    fields, special = (one.tolist() for one in fields_and_special(ids))
    words = [
        None if own is None else 100 * own + word
        for own, word in zip(ids, encoding.word_ids(0), strict=True)
    ]
    given = (encoding["input_ids"][0], fields, special, words)
    return "".join(kind[0] for kind in kinds_of_tokens(*given, tokenizer.decode))


@pytest.mark.parametrize(
    ("query", "passage", "kinds"),
    [
        ("wing lift", "the wing has lift", "cqqspmpms"),
        ("Wing, heat!", "wing heat, the", "cqqqqsmmmps"),  # punctuation is a word of its own
        ("wings", "the wings of a wing", "cqqspmmppps"),  # "wings" is two pieces, "a" unknown
        ("wing", "wings", "cqspps"),
        ("", "the wing", "ccpps"),
        ("wing", "", "cqss"),
        ("zzz", "yyy", "cqsms"),  # both unknown, and one token to the ranker
    ],
)
def test_kinds_of_a_pairs_tokens(query, passage, kinds):
    assert kinds_in(make_tokenizer(["##s"]), query, passage) == kinds


def test_kinds_between_two_separators():
    assert kinds_in(roberta_tokenizer(), "wing lift", "the wing") == "cqqsspms"


@pytest.mark.parametrize(
    ("texts", "kinds"),
    [
        ({1: "wing", 2: "wing."}, "cqms"),  # a tokenizer that splits at spaces alone
        ({1: "wing", 2: " wing"}, "cqms"),  # the space belongs to the piece
        ({1: "wing", 2: "Wing"}, "cqps"),  # to the ranker another word
        ({1: ",", 2: "."}, "cqps"),
        ({1: ",", 2: ","}, "cqms"),
    ],
)
def test_words_are_compared_as_texts(texts, kinds):
    fields, special, words = [0, 0, 1, 1], [True, False, False, True], [None, 0, 1, None]
    found = kinds_of_tokens([9, 1, 2, 9], fields, special, words, lambda ids: texts[ids[0]])
    assert "".join(kind[0] for kind in found) == kinds


def by_kind(reranker, pairs, **settings) -> np.ndarray:
    """Scores by kind, shape (n_pairs, n_kinds, n_neurons), in the order of ``pairs``."""
    found = {
        check.pair: scores[1:]
        for check, scores in score_pairs(reranker, pairs, Settings(token_kinds=True, **settings))
    }
    return np.stack([found[row] for row in range(len(pairs))])


def path_of(reranker, pair):
    """Embeddings of the pair and of its baseline, and the rest of the batch."""
    encoded = reranker.encode([pair])
    batch = reranker.collate(encoded)
    inputs = reranker.model.get_input_embeddings()(batch.pop("input_ids"))
    return inputs, baseline_batch(reranker, encoded, inputs, find_baseline("pad_all")), batch


def summed(by_token: torch.Tensor, kinds: list[str]) -> np.ndarray:
    """Sums over tokens of each kind, in plain loops; one token alone is where the score is read."""
    rows = by_token.detach().numpy()
    kinds = kinds if len(rows) > 1 else ["cls"]
    total = {kind: np.zeros(rows.shape[1]) for kind in TOKEN_KINDS}
    for kind, row in zip(kinds, rows, strict=True):
        total[kind] += row
    return np.stack(list(total.values()))


def test_equals_captum_before_its_sum_over_tokens(reranker):
    found = by_kind(reranker, TEXTS, quadrature="left", n_points=9)
    for pair, kinds, scores in zip(TEXTS, BERT_KINDS, found, strict=True):
        inputs, baselines, batch = path_of(reranker, pair)

        def forward(embeddings, mask, types):
            logits = reranker.model(
                inputs_embeds=embeddings, attention_mask=mask, token_type_ids=types
            ).logits
            return reranker.log_probabilities(logits).exp()

        for block in reranker.neurons.blocks:
            (conductance,) = LayerConductance(forward, block.module).attribute(
                inputs,
                baselines=baselines,
                target=1,
                additional_forward_args=(batch["attention_mask"], batch["token_type_ids"]),
                n_steps=8,
                method="riemann_trapezoid",  # Captum's name for the left-end rule
            )
            expected = summed(conductance, kinds)
            np.testing.assert_allclose(scores[:, block.slice], expected, rtol=1e-9, atol=1e-13)


def by_hand(reranker, pair, kinds, n_points) -> np.ndarray:
    """Uniform trapezoids of the stock model, point by point: shape (n_kinds, n_neurons)."""
    inputs, baselines, batch = path_of(reranker, pair)
    points = []
    for i in range(n_points):
        calls: dict = {}

        def keep(module, _given, output, calls=calls):
            if output.requires_grad or module not in calls:
                calls.setdefault(module, []).append(output)

        modules = {block.module for block in reranker.neurons.blocks}
        hooks = [module.register_forward_hook(keep) for module in modules]
        line = (baselines + i / (n_points - 1) * (inputs - baselines)).requires_grad_()
        logits = reranker.model(inputs_embeds=line, **batch).logits
        for hook in hooks:
            hook.remove()
        value = reranker.log_probabilities(logits)[:, 1].exp().sum()
        outputs = {module: found[0] for module, found in calls.items()}
        moving = [output for output in outputs.values() if output.requires_grad]
        slopes = torch.autograd.grad(value, moving, allow_unused=True)
        known = {id(one): slope for one, slope in zip(moving, slopes, strict=True)}
        points.append({m: (one, known.get(id(one))) for m, one in outputs.items()})
    scores = np.zeros((len(TOKEN_KINDS), len(reranker.neurons)))
    for block in reranker.neurons.blocks:
        for left, right in pairwise(points):
            (y0, g0), (y1, g1) = left[block.module], right[block.module]
            if g0 is not None:
                part = ((y1 - y0) * (g0 + g1) / 2)[0][:, block.columns]
                scores[:, block.slice] += summed(part, kinds)
    return scores


@pytest.mark.parametrize("kind", MODELS)
def test_equals_loops_over_the_stock_model(kind):
    """Of both pairs in one batch, so that one is padded."""
    ranker = make_ranker(kind)
    oracle = unrolled(ranker) if "albert" in kind else ranker
    found = by_kind(ranker, TEXTS, **RULE)
    tolerance = {"rtol": 1e-4, "atol": 1e-6} if rounds(kind) else {"rtol": 1e-7, "atol": 1e-13}
    for pair, kinds, scores in zip(TEXTS, kinds_of(ranker, kind), found, strict=True):
        assert len(ranker.encode([pair])[0]) == len(kinds)
        np.testing.assert_allclose(scores, by_hand(oracle, pair, kinds, 5), **tolerance)
        assert (np.abs(scores).max(axis=1) > 1e-6).all()


def kinds_of(ranker, kind: str) -> list[list[str]]:
    """As ``BERT_KINDS``, of another template or tokenizer."""
    if kind == "xlm_roberta":
        found = [[*one] for one in BERT_KINDS]
        for one in found:
            one.insert(one.index("sep"), "sep")  # between the texts it has two
        return found
    if "monot5" in kind:
        return [_of_monot5(ranker, pair) for pair in TEXTS]
    return BERT_KINDS


def _of_monot5(ranker, pair: tuple[str, str]) -> list[str]:
    """Query: … Document: … Relevant: </s>, its pieces told apart by the template's own words."""
    pieces = ranker.tokenizer.convert_ids_to_tokens(ranker.encode([pair])[0].input_ids.tolist())
    ends = [place for place, piece in enumerate(pieces) if piece == ":"]
    document, relevant = pieces.index("▁Do"), pieces.index("▁Relevant")
    asked = {f"▁{word}" for word in pair[0].split()}
    kinds = []
    for place, piece in enumerate(pieces):
        if place <= ends[0]:
            kinds.append("cls")
        elif place < document:
            kinds.append("query")
        elif ends[1] < place < relevant:
            kinds.append("match" if piece in asked else "passage")
        else:
            kinds.append("sep")
    return kinds


@pytest.mark.parametrize("settings", [{}, RULE, {"label": "non_relevant", "target": "logit"}])
def test_kinds_add_up_to_the_score(reranker, settings):
    result = attribute(reranker, PAIRS, token_kinds=True, **settings)
    frame = result.token_kinds()
    assert frame.columns == ["layer", "component", "neuron", "kind", "score", "n_pairs"]
    assert frame["kind"].to_list() == list(TOKEN_KINDS) * len(reranker.neurons)
    assert frame["n_pairs"].unique().to_list() == [len(PAIRS)]
    sums = frame.group_by("layer", "component", "neuron", maintain_order=True).agg(
        pl.col("score").sum()
    )
    whole = result.frame().select("layer", "component", "neuron", "score")
    assert_frame_equal(sums, whole, rel_tol=1e-10, abs_tol=1e-14)
    assert_frame_equal(result.frame(), attribute(reranker, PAIRS, **settings).frame())


def test_the_mean_over_pairs(two_logits):
    expected = by_kind(two_logits, PAIRS, **RULE).mean(axis=0)
    found = attribute(two_logits, PAIRS, token_kinds=True, **RULE).token_kinds()
    np.testing.assert_allclose(found["score"], expected.T.ravel(), rtol=1e-10, atol=1e-15)


def test_of_a_target_within_queries(two_logits):
    """The weights of a query's passages, constant under margin_pair, weigh each kind."""
    pairs = [("heat", "heat flow"), ("heat", "the wing"), ("heat", "water, heat")]
    judgments = pl.DataFrame({"query_id": ["q"] * 3, "gain": [1, 0, 0]})
    found = attribute(
        two_logits,
        pairs,
        "relevant",
        target="margin_pair",
        judgments=judgments,
        token_kinds=True,
        **RULE,
    ).token_kinds()
    of_pairs = by_kind(two_logits, pairs, target="margin", **RULE)
    expected = of_pairs[0] - of_pairs[1:].mean(axis=0)
    np.testing.assert_allclose(found["score"], expected.T.ravel(), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("n_shards", [1, 3, 6])
def test_shards_add_up(two_logits, n_shards):
    """Of six shards of four pairs some are empty."""
    whole = attribute(two_logits, PAIRS, token_kinds=True, **RULE).token_kinds()
    parts = [
        attribute(two_logits, PAIRS, shard=(k, n_shards), token_kinds=True, **RULE)
        for k in range(n_shards)
    ]
    merged = merge_token_kinds((one.kind_sums(), len(one.checks())) for one in parts)
    assert_frame_equal(merged, whole, rel_tol=1e-10, abs_tol=1e-14)


def test_shards_that_do_not_fit_are_refused(two_logits):
    sums = attribute(two_logits, PAIRS[:1], token_kinds=True, **RULE).kind_sums()
    with pytest.raises(UserError, match="they hold different neurons; attribute all"):
        merge_token_kinds([(sums, 1), (sums.reverse(), 1)])
    with pytest.raises(UserError, match="none of them has a pair; at least one"):
        merge_token_kinds([(sums, 0)])


def test_what_was_not_asked_for_is_refused(two_logits):
    result = attribute(two_logits, PAIRS[:1], **RULE)
    for ask in (result.token_kinds, result.kind_sums):
        with pytest.raises(UserError, match="not kept apart by kind of token; call attribute with"):
            ask()


def test_the_rules_scripts_write_them(tmp_path, ranker_folder):
    texts = [*TEXTS, *PAIRS]
    names = [f"x{row}" for row in range(len(texts))]
    frames = {
        "queries": {"query_id": names, "text": [query for query, _ in texts]},
        "documents": {"doc_id": names, "text": [passage for _, passage in texts]},
        "pairs": {"query_id": names, "doc_id": names}
        | {"label": ["relevant"] * len(texts), "kept": [True] * len(texts)},
    }
    given = {name: tmp_path / f"{name}.parquet" for name in frames}
    for name, frame in frames.items():
        pl.DataFrame(frame).write_parquet(given[name])
    ranker = {"model": str(ranker_folder), "max_length": 48, "dtype": "float64"}
    of = {"label": "relevant", "passages": None, "most_pairs": 99, "collection": "c"}
    shards = {"sums": [], "checks": [], "neuron_tokens": []}
    for k in range(3):
        made = {name: tmp_path / f"{name}{k}.parquet" for name in shards}
        attribute_neurons.main(given, made, of, (k, 3), ranker, RULE | {"token_kinds": True})
        for name, file in made.items():
            shards[name].append(file)
    made = {name: tmp_path / f"{name}.parquet" for name in ("scores", "checks", "neuron_tokens")}
    merge_attribution.main(shards, made, "c", "relevant", "nig", {"token_kinds": True})
    found = pl.read_parquet(made["neuron_tokens"])
    assert found.columns[:3] == ["collection", "label", "method"]
    whole = attribute(make_reranker(), texts, token_kinds=True, **RULE).token_kinds()
    assert_frame_equal(
        found.drop("collection", "label", "method"), whole, rel_tol=1e-6, abs_tol=1e-9
    )
