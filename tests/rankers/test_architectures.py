"""Every architecture: against Captum, copies with zeroed weights, and the stock models."""

import copy
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch
from captum.attr import LayerConductance
from torch import nn
from transformers import (
    AlbertTokenizer,
    Qwen2Config,
    Qwen2ForSequenceClassification,
)
from transformers.models.modernbert import modeling_modernbert

from relevance_neurons import UserError, ablate, load_reranker
from relevance_neurons.ablation.ablate import rerank_under_ablations
from relevance_neurons.attribution.baselines import find_baseline
from relevance_neurons.attribution.pair_scores import Settings, score_pairs
from relevance_neurons.attribution.paths import baseline_batch
from relevance_neurons.rankers.architectures import Architecture, Part, find_architecture, misfit
from relevance_neurons.rankers.monot5 import label_tokens
from relevance_neurons.rankers.neurons import Neurons
from relevance_neurons.rankers.reranker import Reranker
from relevance_neurons.rankers.taps import tapped
from relevance_neurons.rankers.tokenizing import check_length
from toys.bert import PAIRS, SPECIAL, WORDS, make_tokenizer
from toys.tiny_rankers import (
    MODELS,
    make_ranker,
    make_stock_model,
    make_tiny_tokenizer,
    ranker_around,
    rounds,
    t5_tokenizer,
    unrolled,
)

HEADS = [
    (kind, n_logits)
    for kind in MODELS
    for n_logits in ((2,) if "monot5" in kind else (1, 2))
    if n_logits == 2 or "," not in kind  # one logit: a variant of each architecture
]


@pytest.fixture(params=HEADS, ids=lambda head: f"{head[0]}: {head[1]} logits")
def kind_and_ranker(request):
    kind, n_logits = request.param
    return kind, make_ranker(kind, n_logits)


def scores_of(reranker, pairs, **settings) -> np.ndarray:
    """Scores, shape (n_pairs, n_neurons), in the order of ``pairs``."""
    found = np.empty((len(pairs), len(reranker.neurons)))
    for check, scores in score_pairs(reranker, pairs, Settings(**settings)):
        found[check.pair] = scores
    return found


def path_ends(reranker, pair) -> tuple[torch.Tensor, torch.Tensor, dict[str, torch.Tensor]]:
    """Embeddings of one pair and of its baseline, and the rest of the batch."""
    encoded = reranker.encode([pair])
    batch = reranker.collate(encoded)
    inputs = reranker.model.get_input_embeddings()(batch.pop("input_ids"))
    return inputs, baseline_batch(reranker, encoded, inputs, find_baseline("pad_all")), batch


def outputs_on_the_path(reranker, pair, n_points):
    """F of each point, and the points' outputs of every linear module, by module and call."""
    inputs, baselines, batch = path_ends(reranker, pair)
    outputs: dict[tuple[nn.Module, int], torch.Tensor] = {}

    def watch(module):
        return lambda call, output: outputs.update({(module, call): output})

    alpha = torch.linspace(0, 1, n_points, dtype=inputs.dtype)[:, None, None]
    line = (baselines + alpha * (inputs - baselines)).requires_grad_()
    batch = {name: x.expand(n_points, -1) for name, x in batch.items()}
    modules = {block.module for block in reranker.neurons.blocks}
    with tapped(reranker.model, {module: watch(module) for module in modules}):
        logits = reranker.model(inputs_embeds=line, **batch).logits
    return reranker.log_probabilities(logits)[:, 1].exp(), outputs


def captum_scores(reranker, pair, n_steps) -> dict[nn.Module, np.ndarray]:
    """Conductance of every output of each module that runs once and sees the input."""
    inputs, baselines, batch = path_ends(reranker, pair)
    _, outputs = outputs_on_the_path(reranker, pair, 2)

    def forward(embeddings):
        others = {name: x.expand(len(embeddings), -1) for name, x in batch.items()}
        logits = reranker.model(inputs_embeds=embeddings, **others).logits
        return reranker.log_probabilities(logits).exp()

    scores = {}
    for module in dict.fromkeys(module for module, _ in outputs):
        if outputs[module, 0].requires_grad and (module, 1) not in outputs:
            conductance = LayerConductance(forward, module).attribute(
                inputs,
                baselines=baselines,
                target=1,
                n_steps=n_steps,
                method="riemann_trapezoid",  # Captum's name for the left-end rule
            )
            scores[module] = conductance.sum(1)[0].detach().numpy()
    return scores


def sums_by_hand(reranker, pair, n_steps) -> dict[nn.Module, np.ndarray]:
    """The left-end sums of the first call of each module that runs twice, or is constant."""
    value, outputs = outputs_on_the_path(reranker, pair, n_steps + 1)
    scores = {}
    for (module, call), output in outputs.items():
        if call == 0 and not output.requires_grad:
            scores[module] = np.zeros(output.shape[-1])
        elif (module, 1) in outputs and call == 0:
            (gradient,) = torch.autograd.grad(value.sum(), output, retain_graph=True)
            left = output.detach().diff(dim=0) * gradient[:-1]
            scores[module] = left.sum((0, 1)).numpy()
    return scores


def test_equals_captum_for_every_neuron(kind_and_ranker):
    kind, reranker = kind_and_ranker
    pair, n_steps = PAIRS[0], 8
    (found,) = scores_of(reranker, [pair], quadrature="left", n_points=n_steps + 1)
    oracle = unrolled(reranker) if "albert" in kind else reranker
    expected = {**sums_by_hand(oracle, pair, n_steps), **captum_scores(oracle, pair, n_steps)}
    for block, own in zip(reranker.neurons.blocks, oracle.neurons.blocks, strict=True):
        assert (block.layer, block.component, block.slice) == (
            own.layer,
            own.component,
            own.slice,
        )
        tolerance = {"rtol": 1e-4, "atol": 1e-7} if rounds(kind) else {"rtol": 1e-7, "atol": 1e-13}
        np.testing.assert_allclose(
            found[block.slice], expected[own.module][own.columns], **tolerance
        )
    assert np.abs(found).max() > 1e-3


def identity_errors(reranker, n_points) -> dict[str, float]:
    """The largest error of each identity over two pairs (METHOD, section 1)."""
    checks, scores = zip(
        *score_pairs(reranker, PAIRS[:2], Settings(quadrature="trapezoid", n_points=n_points)),
        strict=True,
    )
    sums: dict[tuple[int, str], list[np.ndarray]] = {}
    for block in reranker.neurons.blocks:
        part = np.array([one[block.slice].sum() for one in scores])
        sums.setdefault((block.layer, block.component), []).append(part)
    errors = {"attention": 0.0, "feed-forward": 0.0}
    for layer in range(reranker.neurons.n_layers):
        # A decoder's layer attends twice, to itself and to the encoder: each adds up by itself.
        before = zip(*(sums[layer, one] for one in ("query", "key", "value")), strict=True)
        for three, after in zip(before, sums[layer, "attention_output"], strict=True):
            errors["attention"] = max(errors["attention"], np.abs(sum(three) - after).max())
        inner, outer = sum(sums[layer, "intermediate"]), sum(sums[layer, "ff_output"])
        errors["feed-forward"] = max(errors["feed-forward"], np.abs(inner - outer).max())
    errors["cut"] = max(abs(one.cut_sum - (one.f_input - one.f_baseline)) for one in checks)
    assert max(abs(one.f_input - one.f_baseline) for one in checks) > 1e-3
    return errors


def test_identities_hold_in_the_limit_of_many_points(kind_and_ranker):
    kind, reranker = kind_and_ranker
    few, many = (identity_errors(reranker, n_points) for n_points in (25, 400))
    # 16 times the points: 256 times less error by the trapezoid rule, 16 where a ReLU bends the
    # path (T5's feed-forward, DistilBERT's head).
    gain = 4 if kind in ("monot5", "distilbert") else 64
    for identity, error in many.items():
        assert error < max(few[identity] / gain, 1e-6 if rounds(kind) else 1e-9), identity
        assert error < 2e-3, identity


def zeroed(reranker: Reranker, neurons: pl.DataFrame) -> Reranker:
    """A copy: the neurons' rows of the weights zero, their biases what they give (0, or value)."""
    other = copy.copy(reranker)
    other.model = copy.deepcopy(reranker.model)
    other.neurons = Neurons.of(other.model, other.architecture)
    places = neurons.select("layer", "component", "neuron").iter_rows()
    values = neurons["value"] if "value" in neurons.columns else [0.0] * len(neurons)
    wanted = dict(zip(places, values, strict=True))
    with torch.no_grad():
        for block in other.neurons.blocks:
            for place in range(block.size):
                name = (block.layer, block.component, block.first_neuron + place)
                if name in wanted:
                    block.module.weight[block.column + place] = 0.0
                    if block.module.bias is None:
                        zeros = torch.zeros_like(block.module.weight[:, 0])
                        block.module.bias = nn.Parameter(zeros, requires_grad=False)
                    block.module.bias[block.column + place] = wanted[name]
    return other


def test_ablation_equals_zeroed_weights(kind_and_ranker):
    kind, reranker = kind_and_ranker
    oracle = unrolled(reranker) if "albert" in kind else reranker
    frame = reranker.neurons.frame()
    blocks = frame.partition_by("layer", "component", maintain_order=True)
    sets = [frame.sample(n, seed=n) for n in (5, 40, 100)]
    sets += [block.sample(len(block) // 2, seed=1) for block in blocks]
    values = np.random.default_rng(0).normal(size=(len(sets), len(frame)))
    sets += [
        one.with_columns(value=pl.Series(row[: len(one)]))
        for one, row in zip(sets, values, strict=True)
    ]
    together = rerank_under_ablations(reranker, PAIRS, sets)
    moved = 0.0
    for neurons, scores in zip(sets, together, strict=True):
        expected = zeroed(oracle, neurons).score(PAIRS).numpy()
        mean = {"value": "mean"} if "value" in neurons.columns else {}
        with ablate(reranker, neurons.rename(mean), value="mean" if mean else "zero"):
            np.testing.assert_allclose(reranker.score(PAIRS).numpy(), expected, atol=1e-5)
        np.testing.assert_allclose(scores, expected, atol=1e-5)
        moved = max(moved, np.abs(expected - reranker.score(PAIRS).numpy()).max())
    assert moved > 1e-2


def test_padding_never_changes_a_score(kind_and_ranker):
    kind, reranker = kind_and_ranker
    rule = {"quadrature": "trapezoid", "n_points": 5}
    tolerance = {"rtol": 1e-4, "atol": 1e-6} if rounds(kind) else {"rtol": 1e-8, "atol": 1e-13}
    together, scores = scores_of(reranker, PAIRS, **rule), reranker.score(PAIRS)
    for pair, own, score in zip(PAIRS, together, scores, strict=True):
        np.testing.assert_allclose(own, scores_of(reranker, [pair], **rule)[0], **tolerance)
        torch.testing.assert_close(reranker.score([pair])[0], score, rtol=1e-5, atol=1e-6)


def stock_score(kind, model, tokenizer, pair) -> torch.Tensor:
    """log p(relevant) as the model's own documentation computes it."""
    if "monot5" in kind:
        text = f"Query: {pair[0]} Document: {pair[1]} Relevant:"
        start = torch.tensor([[model.config.decoder_start_token_id]])
        batch = tokenizer(text, return_tensors="pt")
        batch.pop("token_type_ids", None)
        logits = model(**batch, decoder_input_ids=start).logits[0, 0]
        words = tokenizer.convert_tokens_to_ids(["▁false", "▁true"])
        return logits[words].log_softmax(-1)[1]
    batch = tokenizer(*pair, return_tensors="pt")
    if kind in ("xlm_roberta", "distilbert") or kind.startswith("modernbert"):
        batch.pop("token_type_ids")
    logits = model(**batch).logits[0]
    return nn.functional.logsigmoid(logits[0]) if len(logits) == 1 else logits.log_softmax(-1)[1]


@pytest.mark.parametrize(("kind", "n_logits"), HEADS)
def test_a_saved_ranker_scores_as_the_stock_model(kind, n_logits, tmp_path):
    model, tokenizer = make_stock_model(kind, n_logits), make_tiny_tokenizer(kind)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    reranker = load_reranker(tmp_path, device="cpu", max_length=48)
    with torch.no_grad():
        expected = torch.stack([stock_score(kind, model, tokenizer, pair) for pair in PAIRS])
    torch.testing.assert_close(reranker.score(PAIRS), expected, rtol=1e-4, atol=1e-5)
    assert expected.std() > 1e-3
    assert find_architecture(model).name == {
        "electra": "bert",
        "xlm_roberta": "bert",
        "deberta": "deberta_v2",
        "monot5": "t5",
    }.get(kind.split(",")[0], kind.split(",")[0])


@pytest.mark.parametrize("kind", MODELS)
def test_bfloat16_scores_are_close(kind):
    exact, rough = make_ranker(kind, dtype="float32"), make_ranker(kind, dtype="float32")
    rough.dtype = "bfloat16"
    torch.testing.assert_close(rough.score(PAIRS), exact.score(PAIRS), rtol=0.1, atol=0.2)


def test_neurons_are_numbered_on_where_a_component_has_several_modules():
    reranker = make_ranker("monot5, gated")
    sizes = reranker.neurons.frame().group_by("layer", "component").agg(pl.col("neuron").max())
    last = {(layer, component): number for layer, component, number in sizes.iter_rows()}
    assert last[0, "query"] == 15 and last[1, "attention_output"] == 15  # encoder
    assert last[2, "query"] == 31 and last[4, "attention_output"] == 31  # itself, then the encoder
    assert last[0, "intermediate"] == last[4, "intermediate"] == 47
    assert reranker.neurons.n_layers == 5


def test_the_thirds_of_a_fused_projection(monkeypatch):
    """ModernBERT turns its queries and keys, in this order, and not its values."""
    seen = []
    turn = modeling_modernbert.apply_rotary_pos_emb

    def watch(query, key, *others, **options):
        seen.extend([query, key])
        return turn(query, key, *others, **options)

    monkeypatch.setattr(modeling_modernbert, "apply_rotary_pos_emb", watch)
    reranker = make_ranker("modernbert")
    _, outputs = outputs_on_the_path(reranker, PAIRS[0], 2)
    heads = dict(zip(("query", "key"), seen[:2], strict=True))
    for block in reranker.neurons.blocks[:2]:
        own = outputs[block.module, 0][..., block.columns]
        torch.testing.assert_close(own, heads[block.component].transpose(1, 2).flatten(2))


def test_a_shared_layer_has_neurons_for_each_run():
    neurons = make_ranker("albert, groups").neurons
    assert neurons.n_layers == 6  # three runs of a group of two layers
    calls = [block.call for block in neurons.blocks if block.component == "query"]
    assert calls == [0, 0, 1, 1, None, None]


class Inner(nn.Module):
    """A made-up layer: one fused projection for attention, one for the gated feed-forward."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(16, 48), nn.Linear(16, 16)
        self.up, self.down = nn.Linear(16, 40), nn.Linear(20, 16)

    def forward(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        value, query, key = self.qkv(hidden).chunk(3, dim=-1)
        weights = (query @ key.mT).masked_fill(~mask[:, None].bool(), -1e9).softmax(-1)
        hidden = hidden + self.out(weights @ value)
        gate, up = self.up(hidden).chunk(2, dim=-1)
        return hidden + self.down(gate.tanh() * up)


class MadeUp(nn.Module):
    """A model that nobody described."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(len(SPECIAL) + len(WORDS), 16)
        self.blocks = nn.ModuleList([Inner(), Inner()])
        self.classifier = nn.Linear(16, 2)
        self.config = SimpleNamespace(num_labels=2)

    @property
    def base_model(self) -> nn.Module:
        return self

    def get_input_embeddings(self) -> nn.Embedding:
        return self.words

    def forward(self, input_ids=None, attention_mask=None, inputs_embeds=None):
        hidden = self.words(input_ids) if inputs_embeds is None else inputs_embeds
        for block in self.blocks:
            hidden = block(hidden, attention_mask)
        return SimpleNamespace(logits=self.classifier(hidden[:, 0]))


COMPONENTS = {
    "query": Part("qkv", 1, of=3),
    "key": Part("qkv", 2, of=3),
    "value": Part("qkv", 0, of=3),
    "attention_output": "out",
    "intermediate": "up",
    "ff_output": "down",
}


def made_up_ranker() -> Reranker:
    torch.manual_seed(3)
    mine = Architecture("mine", "blocks", COMPONENTS)
    return Reranker(MadeUp().double(), make_tokenizer(), mine, 48, "float64")


def test_a_model_described_by_hand():
    reranker = made_up_ranker()
    (found,) = scores_of(reranker, PAIRS[:1], quadrature="left", n_points=9)
    expected = captum_scores(reranker, PAIRS[0], 8)
    for block in reranker.neurons.blocks:
        own = expected[block.module][block.columns]
        np.testing.assert_allclose(found[block.slice], own, rtol=1e-9, atol=1e-14)
    errors = identity_errors(reranker, 400)
    assert max(errors.values()) < 1e-4
    neurons = reranker.neurons.frame().sample(40, seed=0)
    with ablate(reranker, neurons):
        found = reranker.score(PAIRS)
    torch.testing.assert_close(found, zeroed(reranker, neurons).score(PAIRS))


def test_a_description_is_given_to_load_reranker(tmp_path):
    make_stock_model("distilbert").save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    known = find_architecture(make_stock_model("distilbert"))
    mine = Architecture("mine", known.layers, known.components)
    reranker = load_reranker(tmp_path, device="cpu", max_length=48, architecture=mine)
    assert reranker.architecture is mine
    wrong = Architecture("mine", "encoder.blocks", known.components)
    message = "mine does not fit a DistilBert.*: no layers at encoder.blocks"
    with pytest.raises(UserError, match=message):
        load_reranker(tmp_path, device="cpu", max_length=48, architecture=wrong)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": "keys"}, "layer 0 has no key; linear modules at keys are described"),
        ({"key": ()}, "layer 0 has no key; linear modules at no path are described"),
        ({}, None),
        ({"value": Part("qkv", 0, of=4)}, "has qkv with 48 outputs, of which 44 are described"),
        ({"value": Part("qkv", 1, of=3)}, "has qkv with 48 outputs, of which 32 are described"),
        ({"ff_output": "out"}, "has out with 16 outputs, some of which are described twice"),
    ],
)
def test_a_description_that_misses_neurons(changes, message):
    problem = misfit(MadeUp(), Architecture("mine", "blocks", {**COMPONENTS, **changes}))
    assert problem == message or (message and message in problem)


def test_a_decoder_only_ranker_is_refused():
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = Qwen2Config(vocab_size=40, intermediate_size=24, num_key_value_heads=1, **sizes)
    with pytest.raises(UserError, match=r"Qwen2For.*self_attn\.q_proj.* and no decoder-only model"):
        find_architecture(Qwen2ForSequenceClassification(config))


def test_special_tokens_before_the_passage_belong_to_the_query():
    (encoded,) = make_ranker("xlm_roberta").encode([("wing lift", "heat")])
    assert encoded.fields.tolist() == [0, 0, 0, 0, 0, 1, 1]  # <s> wing lift </s> </s> heat </s>
    assert encoded.special.tolist() == [True, False, False, True, True, False, True]


@pytest.mark.parametrize("kind", MODELS)
def test_token_types_go_only_to_models_that_tell_them_apart(kind):
    reranker = make_ranker(kind)
    taken = "token_type_ids" in reranker.collate(reranker.encode(PAIRS))
    assert taken == (kind.split(",")[0] in ("bert", "electra", "albert"))


@pytest.mark.parametrize(
    ("names", "types"),
    [(None, [0, 0, 0, 0, 1, 1]), (["input_ids", "attention_mask"], None)],
    ids=["by its class", "by its files"],
)
def test_token_types_that_a_tokenizer_leaves_out(names, types, tmp_path):
    """Left out by its class ALBERT's are given all the same; left out by its files they are not."""
    pieces = ["<pad>", "<unk>", "[CLS]", "[SEP]", "[MASK]", "▁wing", "▁lift", "▁heat"]
    options = {} if names is None else {"model_input_names": names}
    AlbertTokenizer(vocab=[(piece, -1.0) for piece in pieces], **options).save_pretrained(tmp_path)
    make_stock_model("albert").save_pretrained(tmp_path)
    reranker = load_reranker(tmp_path, device="cpu", max_length=48)
    found = reranker.encode([("wing lift", "heat")])[0].token_type_ids
    assert (found if found is None else found.tolist()) == types


@pytest.mark.parametrize(("kind", "limit"), [("xlm_roberta", 62), ("bert", 64), ("monot5", 1000)])
def test_the_models_own_limit(kind, limit):
    """RoBERTa's positions start after the padding index; T5's have no end."""
    reranker = make_ranker(kind)
    reranker.tokenizer.model_max_length = 1000
    assert check_length(limit, reranker.model, reranker.tokenizer) == limit
    with pytest.raises(UserError, match=f"this model holds at most {limit} tokens"):
        check_length(limit + 1, reranker.model, reranker.tokenizer)


def monot5_tokens(query: str, passage: str, max_length: int):
    reranker = make_ranker("monot5")
    reranker.max_length = max_length
    (encoded,) = reranker.encode([(query, passage)])
    tokens = reranker.tokenizer.convert_ids_to_tokens(encoded.input_ids.tolist())
    return "".join(tokens).replace("▁", " ").strip(), encoded


def test_the_template_of_monot5_survives_a_cut():
    passage = "heat flow of the cell"
    whole, encoded = monot5_tokens("wing lift", passage, 48)
    assert whole == "Query: wing lift Document: heat flow of the cell Relevant:</s>"
    assert encoded.fields.tolist() == [0] * 7 + [1] * 8
    specials = [1, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1]
    assert encoded.special.int().tolist() == specials
    assert monot5_tokens("wing lift", passage, 12)[0] == (
        "Query: wing lift Document: heat flow Relevant:</s>"
    )
    assert monot5_tokens("wing lift", passage, 9)[0] == "Query: wing Document: Relevant:</s>"
    with pytest.raises(UserError, match="8 was found; MonoT5's template alone takes 8 tokens"):
        ranker = make_ranker("monot5")
        type(ranker)(ranker.model, ranker.tokenizer, ranker.architecture, 8)


def test_a_query_that_holds_the_template():
    _, encoded = monot5_tokens("Document: wing", "Query: Relevant:", 48)
    specials = [1, 1, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1]
    assert encoded.special.int().tolist() == specials


def test_a_tokenizer_without_true_and_false():
    with pytest.raises(UserError, match=r"'false' is \[.*\]; MonoT5 needs one token"):
        label_tokens(t5_tokenizer(labels=("yes", "no")))
    with pytest.raises(UserError, match="'false' is"):
        ranker_around(make_stock_model("monot5"), t5_tokenizer(labels=("true", "no")))


@pytest.mark.parametrize("kind", ["albert", "distilbert"])
def test_feed_forward_in_chunks_changes_no_score(kind):
    """In chunks a feed-forward module would be called several times a layer."""
    whole, chunked = make_stock_model(kind), make_stock_model(kind)
    for module in chunked.modules():
        if hasattr(module, "chunk_size_feed_forward"):
            module.chunk_size_feed_forward = 1
    tokenizer = make_tiny_tokenizer(kind)
    expected, found = (
        scores_of(ranker_around(one, tokenizer), PAIRS[:1]) for one in (whole, chunked)
    )
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-14)
