"""Leave-one-out against a plain loop over the stock model, one pair and token at a time."""

import numpy as np
import pytest
import torch

from relevance_neurons.rankers.memory import Memory
from relevance_neurons.tokens.leave_one_out import scores
from toys.bert import PAIRS, make_reranker
from toys.tiny_rankers import MODELS, make_ranker, rounds

LABELS = ["relevant", "non_relevant", "non_relevant", "relevant"]


def value(reranker, ids, types, label: str) -> float:
    """The label's probability of one row of ids, by torch's own functions."""
    more = {} if types is None else {"token_type_ids": types[None]}
    with torch.no_grad():
        logits = reranker.model(
            input_ids=ids[None], attention_mask=torch.ones_like(ids)[None], **more
        )
    logits = logits.logits[0]
    relevant = logits.softmax(0)[1] if len(logits) == 2 else logits.sigmoid()[0]
    return (relevant if label == "relevant" else 1 - relevant).item()


def loop(reranker, pair, label: str, removal: str) -> np.ndarray:
    ids, types, special = pair.input_ids, pair.token_type_ids, pair.special.tolist()
    found = np.zeros(len(ids))
    for place in range(len(ids)):
        if special[place]:
            continue
        if removal == "deletion":
            kept = [other for other in range(len(ids)) if other != place]
            others = ids[kept], None if types is None else types[kept]
        else:
            masked = ids.clone()
            masked[place] = reranker.tokenizer.unk_token_id
            others = masked, types
        found[place] = value(reranker, ids, types, label) - value(reranker, *others, label)
    return found


@pytest.mark.parametrize("removal", ["deletion", "mask"])
@pytest.mark.parametrize("kind", MODELS)
def test_it_is_a_loop_over_tokens(kind, removal):
    reranker = make_ranker(kind)
    within = 1e-5 if rounds(kind) else 1e-10
    found = {
        check.pair: (check, own) for check, own in scores(reranker, PAIRS, LABELS, removal=removal)
    }
    for row, pair in enumerate(reranker.encode(PAIRS)):
        check, own = found[row]
        assert np.allclose(own, loop(reranker, pair, LABELS[row], removal), atol=within)
        whole = value(reranker, pair.input_ids, pair.token_type_ids, LABELS[row])
        assert check.p_label == check.before == pytest.approx(whole, abs=within)


def test_of_one_logit():
    reranker = make_reranker(1)
    for check, own in scores(reranker, PAIRS, LABELS):
        pair, label = reranker.encode(PAIRS)[check.pair], LABELS[check.pair]
        assert np.allclose(own, loop(reranker, pair, label, "deletion"), atol=1e-10)


def test_a_margin_is_the_difference_of_logits(two_logits):
    """log p/(1 - p) of the label: taken from the probabilities of the whole and its variants."""
    given = (two_logits, PAIRS, LABELS)
    margins = {check.pair: check for check, _ in scores(*given, target="margin")}
    for check, _ in scores(*given):
        for p, margin in ((check.before, "before"), (check.after, "after")):
            assert getattr(margins[check.pair], margin) == pytest.approx(np.log(p / (1 - p)))


@pytest.mark.parametrize("batch_tokens", [8, 64, 100_000])
def test_no_batch_changes_it(two_logits, batch_tokens):
    whole = {check.pair: own for check, own in scores(two_logits, PAIRS, LABELS)}
    memory = Memory(batch_tokens)
    for check, own in scores(two_logits, PAIRS, LABELS, memory=memory):
        assert np.allclose(own, whole.pop(check.pair), atol=1e-12)
    assert not whole
