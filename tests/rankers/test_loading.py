"""Loading rankers: what fits, and one clear line for what does not."""

import pytest
import torch
from transformers import (
    BartConfig,
    BartForSequenceClassification,
    BertConfig,
    BertModel,
    DebertaConfig,
    DebertaForSequenceClassification,
    T5Config,
    T5ForSequenceClassification,
)

from relevance_neurons import UserError, load_reranker
from relevance_neurons.rankers.loading import default_length, load_neurons
from toys.bert import PAIRS, make_model, make_tokenizer
from toys.tiny_rankers import MODELS, make_stock_model, make_tiny_tokenizer, ranker_around


def test_two_logits_do_not_saturate_before_one_would(ranker_folder):
    """Beyond a margin of 17 a softmax in float32 has log p of 0, and passages tie."""
    margins = torch.tensor([16.0, 18.0, 30.0, 60.0, -30.0])
    logits = torch.stack([torch.full_like(margins, 3.0), 3 + margins], dim=1)
    ranker = load_reranker(ranker_folder, max_length=32)
    found = ranker.log_probabilities(logits)
    torch.testing.assert_close(found, ranker.log_probabilities(margins[:, None]))
    both = torch.stack([-margins, margins], dim=1).double()
    expected = -torch.log1p(torch.exp(-both))
    torch.testing.assert_close(found.double(), expected, rtol=1e-5, atol=0)
    assert (found[:3, 1].diff() > 0).all()


def test_scores_are_log_probabilities_of_relevance(ranker_folder):
    reranker = load_reranker(ranker_folder, max_length=48, device="cpu")
    model, tokenizer = make_model(), make_tokenizer()
    for pair, score in zip(PAIRS, reranker.score(PAIRS), strict=True):
        logits = model(**tokenizer(*pair, return_tensors="pt")).logits
        torch.testing.assert_close(score, torch.log_softmax(logits, -1)[0, 1].detach())


def test_one_logit_is_a_sigmoid(tmp_path):
    make_model(1).save_pretrained(tmp_path / "one")
    make_tokenizer().save_pretrained(tmp_path / "one")
    reranker = load_reranker(tmp_path / "one", max_length=48, device="cpu")
    logits = make_model(1)(**make_tokenizer()(*PAIRS[0], return_tensors="pt")).logits
    torch.testing.assert_close(reranker.score(PAIRS[:1])[0], logits[0, 0].sigmoid().log().detach())


def test_long_pairs_are_cut(ranker_folder):
    reranker = load_reranker(ranker_folder, max_length=10, device="cpu")
    (encoded,) = reranker.encode([("wing lift " * 3, "heat flow " * 30)])
    assert len(encoded) == 10


def test_no_pairs_have_no_scores(ranker_folder):
    assert load_reranker(ranker_folder, max_length=48).score([]).shape == (0,)


def test_something_else_than_pairs(ranker_folder):
    reranker = load_reranker(ranker_folder, max_length=48)
    with pytest.raises(UserError, match=r"a list of \(query, passage\), two texts"):
        reranker.score(("what", "is bm25"))
    with pytest.raises(UserError, match="a list was found; a polars or pandas frame"):
        reranker.neurons.select([(0, "query", 1)])


def test_a_folder_that_is_missing(tmp_path):
    with pytest.raises(UserError, match=r"no folder .*nowhere"):
        load_reranker(tmp_path / "nowhere")


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(UserError, match=r"has no config\.json \(empty\); .* save_pretrained"):
        load_reranker(tmp_path)


def test_a_model_that_is_no_ranker(tmp_path):
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    BertModel(BertConfig(vocab_size=40, **sizes)).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"not a trained ranker: its weights have no .*classifier"):
        load_reranker(tmp_path)


def test_three_logits(tmp_path):
    make_model(3).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(
        UserError, match=r"has 3 logits \(LABEL_0, LABEL_1, LABEL_2\); a ranker has 1"
    ):
        load_reranker(tmp_path)


def test_an_architecture_that_is_not_described(tmp_path):
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = DebertaConfig(vocab_size=40, intermediate_size=24, **sizes)
    DebertaForSequenceClassification(config).save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    message = (
        r"a DebertaForSequenceClassification is not described; its 6 linear modules are "
        r"deberta\.encoder\.layer\.0\.attention\.self\.in_proj, .*described are: bert, .*t5, and "
        r"no decoder-only model; describe it with .*architecture=Architecture"
    )
    with pytest.raises(UserError, match=message) as error:
        load_reranker(tmp_path)
    assert "\n" not in str(error.value)


def test_another_encoder_decoder(tmp_path):
    sizes = {"d_model": 16, "encoder_layers": 1, "decoder_layers": 1, "encoder_ffn_dim": 24}
    config = BartConfig(vocab_size=40, decoder_ffn_dim=24, **sizes)
    BartForSequenceClassification(config).save_pretrained(tmp_path)
    with pytest.raises(UserError, match=r"a BartForSequenceClassification is no MonoT5"):
        load_reranker(tmp_path)


def test_a_t5_with_another_head(tmp_path):
    """Loaded as a MonoT5 it would score by an output layer that was never trained."""
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 1, "num_heads": 2}
    T5ForSequenceClassification(T5Config(vocab_size=40, **sizes)).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="T5ForSequenceClassification is no MonoT5"):
        load_reranker(tmp_path)


def test_no_tokenizer(ranker_folder):
    for file in ranker_folder.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(UserError, match=r"reranker\.tokenizer: .* has no vocabulary"):
        load_reranker(ranker_folder)


def test_a_tokenizer_with_a_sentencepiece_file_alone(ranker_folder, tmp_path):
    """As many MonoT5 come; what transformers says of it (tiktoken) leads astray."""
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 24, "num_layers": 1, "num_heads": 2}
    config = T5Config(vocab_size=40, **sizes, architectures=["T5ForConditionalGeneration"])
    config.save_pretrained(tmp_path)
    (tmp_path / "spiece.model").write_bytes(b"")
    with pytest.raises(
        UserError,
        match=r"spiece\.model needs the packages sentencepiece .*tokenizer that has a tokeniz",
    ):
        load_reranker(ranker_folder, tokenizer=tmp_path)


def test_a_tokenizer_of_another_model(ranker_folder, tmp_path):
    make_tokenizer(["more", "words"]).save_pretrained(tmp_path / "other")
    with pytest.raises(UserError, match="has 36 tokens and the model knows 34"):
        load_reranker(ranker_folder, tokenizer=tmp_path / "other")


def test_a_tokenizer_in_memory(ranker_folder):
    words = make_tokenizer()
    reranker = load_reranker(ranker_folder, tokenizer=words)
    assert reranker.tokenizer is not words and reranker.tokenizer.get_vocab() == words.get_vocab()
    with pytest.raises(UserError, match="tokenizer: a TokenizersBackend has 36 tokens"):
        load_reranker(ranker_folder, tokenizer=make_tokenizer(["more", "words"]))


def test_pairs_are_cut_where_the_model_or_its_tokenizer_ends(ranker_folder):
    assert load_reranker(ranker_folder).max_length == default_length(ranker_folder) == 64
    words = make_tokenizer()
    words.model_max_length = 32
    words.save_pretrained(ranker_folder)
    assert load_reranker(ranker_folder).max_length == default_length(ranker_folder) == 32


def test_more_tokens_than_the_model_holds(ranker_folder):
    with pytest.raises(UserError, match="max_length: 65 was found; this model holds at most 64"):
        load_reranker(ranker_folder, max_length=65)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dtype": "float16"}, "dtype: 'float16' was found; allowed: auto"),
        ({"device": "abacus"}, "device: 'abacus' was found"),
    ],
)
def test_unknown_settings(ranker_folder, settings, message):
    with pytest.raises(UserError, match=message):
        load_reranker(ranker_folder, max_length=48, **settings)


@pytest.mark.parametrize("kind", MODELS)
def test_neurons_without_weights_are_those_of_the_ranker(kind, tmp_path):
    """The config alone tells them, block by block; no weights are read."""
    model = make_stock_model(kind, 2)
    model.config.save_pretrained(tmp_path)
    found = load_neurons(tmp_path)
    expected = ranker_around(model, make_tiny_tokenizer(kind)).neurons
    names = ("layer", "component", "start", "size", "first_neuron", "column", "call")
    for one, other in zip(found.blocks, expected.blocks, strict=True):
        assert [getattr(one, name) for name in names] == [getattr(other, name) for name in names]
    assert all(one.module.weight.is_meta for one in found.blocks)
