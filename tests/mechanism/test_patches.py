"""Grids of patches and of paths against passes of the stock model with hooks of the test's own."""

import polars as pl
import polars.testing
import pytest
import torch

from relevance_neurons.mechanism.patcher import Patcher
from relevance_neurons.mechanism.patches import ALL, patch_pairs
from relevance_neurons.mechanism.paths import patch_paths
from relevance_neurons.rankers.heads import Heads
from toys.plain_patches import own_modules, plain_pass
from toys.tiny_rankers import MODELS, make_ranker, rounds

KINDS = [kind for kind in MODELS if "monot5" not in kind]
BEFORE = [("wing lift", "the wing has lift a a"), ("heat", "heat flow time user click web")]
AFTER = [("wing lift", "the wing has lift wing wing"), ("heat", "heat flow heat heat click space")]


def classes_of(pairs):
    """Two classes that both pairs have, one that only the first has."""
    rows = [["cls", *["passage_other"] * (len(pair) - 2), "sep2"] for pair in pairs]
    rows[0][2] = "query_other"
    return rows


class Opened:
    """A tiny ranker with its pairs, and what plain passes need."""

    def __init__(self, kind, n_logits=1):
        self.kind, self.reranker = kind, make_ranker(kind, n_logits)
        self.before, self.after = self.reranker.encode(BEFORE), self.reranker.encode(AFTER)
        self.classes = classes_of(self.before)
        self.patcher = Patcher.open(self.reranker, [*self.before, *self.after])
        self.plain, self.heads = own_modules(self.reranker), Heads.of(self.reranker)
        self.inputs = self.plain.collate(self.before)
        keys = [(layer, site) for layer in range(self.heads.n_layers) for site in SITES.values()]
        self.scores, self.here = plain_pass(self.plain, self.inputs, wanted=keys)
        _, self.there = plain_pass(self.plain, self.plain.collate(self.after), wanted=keys)

    def close(self, found, expected):
        loose = {"rtol": 1e-4, "atol": 1e-4} if rounds(self.kind) else {"rtol": 1e-6, "atol": 1e-9}
        found = torch.tensor(found, dtype=torch.float64)
        torch.testing.assert_close(found, expected.double(), **loose)

    def patches(self, after=None):
        """All there are: blocks by class, heads at all positions and by class."""
        given = self.before, after or self.after, self.classes
        memory = self.reranker.memory()
        heads = self.heads.frame().rows()
        frames = [patch_pairs(self.patcher, *given, memory, by) for by in (None, heads)]
        return pl.concat(frames)

    def mask(self, token_class):
        mask = torch.zeros(self.inputs["input_ids"].shape, dtype=torch.bool)
        for row, names in enumerate(self.classes):
            for place, name in enumerate(names):
                mask[row, place] = token_class in (ALL, name)
        return mask


SITES = {
    "residual": "residual",
    "attention_output": "attention_output",
    "ff_output": "ff_output",
    "output": "heads",
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_patch_is_what_a_hook_gives(kind):
    one = Opened(kind)
    found = one.patches()
    assert found["logit_before"].unique().len() == 2
    groups = found.filter(pl.col("site") != "pattern").group_by(
        "grid", "site", "layer", "head", "token_class"
    )
    seen = 0
    for (grid, site, layer, head, token_class), rows in groups:
        key = (layer, SITES[site])
        columns = torch.zeros(one.here[key].shape[-1], dtype=torch.bool)
        columns[slice(None) if head is None else one.heads.columns(head)] = True
        where = one.mask(token_class)[..., None] & columns
        puts = {key: torch.where(where, one.there[key], one.here[key])}
        expected, _ = plain_pass(one.plain, one.inputs, puts)
        one.close(rows["logit"].to_list(), expected[rows["pair"].to_list()])
        assert (grid == "block") == (head is None)
        assert grid == "block" or (grid == "head") == (token_class == ALL)
        assert rows["pair"].to_list() == ([0] if token_class == "query_other" else [0, 1])
        seen += 1
    n_classes = 1 + len({name for row in one.classes for name in row})
    assert seen == one.heads.n_layers * n_classes * (3 + one.heads.n_heads)


@pytest.mark.parametrize("kind", KINDS)
def test_a_pattern_is_patched_with_the_values_as_they_were(kind, monkeypatch):
    """Where the model itself attends: its softmax, a call a layer."""
    one = Opened(kind)
    one.plain.model.set_attn_implementation("eager")
    softmax, calls = torch.nn.functional.softmax, []

    def recorded(scores, *more, **named):
        calls.append(softmax(scores, *more, **named))
        return calls[-1]

    monkeypatch.setattr(torch.nn.functional, "softmax", recorded)
    plain_pass(one.plain, one.plain.collate(one.after))
    there = list(calls)
    assert len(there) == one.heads.n_layers
    monkeypatch.undo()
    found = one.patches()
    for layer in range(one.heads.n_layers):
        for head in range(one.heads.n_heads):
            for token_class in (ALL, "cls"):
                number = iter(range(99))

                def patched(scores, *more, at=(layer, head, token_class), number=number, **named):
                    own = softmax(scores, *more, **named)
                    if next(number) != at[0]:
                        return own
                    rows = one.mask(at[2])[:, :, None]  # of the tokens that attend
                    own[:, at[1]] = torch.where(rows, there[at[0]][:, at[1]], own[:, at[1]])
                    return own

                monkeypatch.setattr(torch.nn.functional, "softmax", patched)
                expected, _ = plain_pass(one.plain, one.inputs)
                monkeypatch.undo()
                rows = found.filter(site="pattern", layer=layer, head=head, token_class=token_class)
                one.close(rows["logit"].to_list(), expected)


@pytest.mark.parametrize("kind", KINDS)
def test_everything_is_1_and_nothing_0(kind):
    one = Opened(kind)
    found = one.patches()
    everything = found.filter(grid="block", site="residual", layer=0, token_class=ALL)
    one.close(everything["logit"].to_list(), torch.tensor(everything["logit_after"].to_list()))
    same = one.patches(one.before)
    one.close(same["logit"].to_list(), torch.tensor(same["logit_before"].to_list()))
    assert (found["logit_after"] - found["logit_before"]).abs().min() > 1e-3


def test_estimates_are_the_slopes_times_the_change():
    """Of a perturbation that moves nearly nothing the estimate is what a patch gives."""
    one = Opened("bert")
    weights = one.reranker.model.get_input_embeddings().weight
    words = one.reranker.tokenizer
    ids = [
        words.convert_tokens_to_ids(word) for word in ("a", "wing", "time", "user", "space", "heat")
    ]
    with torch.no_grad():  # all these words are nearly the same
        weights[ids] = weights[ids[0]] + 1e-6 * torch.randn(len(ids), weights.shape[1]).double()
    after = [
        ("wing lift", "the wing has lift wing wing"),
        ("heat", "heat flow heat heat click web"),
    ]
    patcher = Patcher.open(one.reranker, one.before)
    found = patch_pairs(
        patcher, one.before, one.reranker.encode(after), one.classes, one.reranker.memory()
    )
    change = (found["logit"] - found["logit_before"]).to_numpy()
    foretold = (found["estimate"] - found["logit_before"]).to_numpy()
    assert abs(change).max() > 1e-8
    assert abs(change - foretold).max() < 1e-3 * abs(change).max()


def test_the_batch_and_the_memory_change_nothing():
    one = Opened("bert")
    memory = one.reranker.memory()
    whole = patch_pairs(one.patcher, one.before, one.after, one.classes, memory)
    memory.batch_tokens = 30  # two patches of a pair at a time
    for place in range(2):
        row = slice(place, place + 1)
        alone = patch_pairs(one.patcher, one.before[row], one.after[row], one.classes[row], memory)
        expected = whole.filter(pair=place).drop("pair")
        pl.testing.assert_frame_equal(
            alone.drop("pair"), expected, check_exact=False, rel_tol=1e-9, abs_tol=1e-12
        )


@pytest.mark.parametrize("kind", ["bert", "modernbert", "albert, groups", "deberta, own key"])
def test_a_path_to_a_receiver_is_two_passes(kind):
    one = Opened(kind)
    n_layers = one.heads.n_layers
    receivers = [(1, 0), (n_layers - 1, 1)]
    found = patch_paths(one.patcher, one.before, one.after, receivers, one.reranker.memory())
    assert found.height == 2 * 3 * one.heads.n_heads * (1 + n_layers - 1)
    names = ("sender_layer", "sender_head", "receiver", "receiver_layer", "receiver_head")
    for (layer, head, site, to, reader), rows in found.group_by(*names):
        sent = one.here[layer, "heads"].clone()
        sent[..., one.heads.columns(head)] = one.there[layer, "heads"][..., one.heads.columns(head)]
        held = {(above, "heads"): one.here[above, "heads"] for above in range(layer + 1, n_layers)}
        key = (to, site)
        _, through = plain_pass(one.plain, one.inputs, held | {(layer, "heads"): sent}, [key])
        _, here = plain_pass(one.plain, one.inputs, wanted=[key])
        given = here[key].clone()
        given[..., one.heads.columns(reader)] = through[key][..., one.heads.columns(reader)]
        expected, _ = plain_pass(one.plain, one.inputs, {key: given})
        one.close(rows.sort("pair")["logit"].to_list(), expected)


def test_paths_of_a_linear_toy_sum_up_to_the_whole_effect():
    """Without LayerNorm and feed-forward parts, and with attention that never changes."""
    one = Opened("bert")
    model = one.reranker.model
    for layer in model.bert.encoder.layer:
        layer.attention.output.LayerNorm = layer.output.LayerNorm = torch.nn.Identity()
        for module in (layer.attention.self.query, layer.attention.self.key, layer.output.dense):
            module.weight.data.zero_()
            module.bias.data.zero_()
    model.bert.embeddings.LayerNorm = torch.nn.Identity()
    model.bert.pooler.activation = torch.nn.Identity()
    reranker = type(one.reranker)(
        model, one.reranker.tokenizer, one.reranker.architecture, 48, "float64"
    )
    patcher = Patcher.open(reranker, one.before)
    found = patch_paths(patcher, one.before, one.after, None, reranker.memory())
    sums = (
        found.with_columns(effect=pl.col("logit") - pl.col("logit_before"))
        .group_by("pair")
        .agg(pl.col("effect").sum(), (pl.col("logit_after") - pl.col("logit_before")).first())
    )
    assert sums["logit_after"].abs().min() > 1e-3
    torch.testing.assert_close(
        torch.tensor(sums["effect"].to_list()), torch.tensor(sums["logit_after"].to_list())
    )
