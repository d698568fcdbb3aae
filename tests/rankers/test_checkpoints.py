"""Weights: all of the network's must be there, and nothing of a file may be left out unsaid."""

import json
import logging

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import BertForPreTraining, RobertaConfig, RobertaForSequenceClassification

from relevance_neurons import UserError, load_reranker
from toys.bert import PAIRS, make_model, make_reranker
from toys.tiny_rankers import MODELS, SIZES, make_stock_model, roberta_tokenizer


def weights_of(folder) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def put(folder, weights: dict[str, torch.Tensor]) -> None:
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def edit(folder, **keys) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def scores(folder) -> torch.Tensor:
    return load_reranker(folder, max_length=48, device="cpu").score(PAIRS)


LAYER = "bert.encoder.layer"
EXTRA = {
    "distances": f"{LAYER}.0.attention.self.distance_embedding.weight",
    "a second head": "classifier_2.weight",
    "a layer within": f"{LAYER}.1.side.dense.weight",
    "scales of a quantisation": f"{LAYER}.0.output.dense.weight_scale",
    "an average": "ema.classifier.weight",
}


@pytest.mark.parametrize("kind", EXTRA)
def test_weights_that_have_no_place(kind, ranker_folder):
    put(ranker_folder, weights_of(ranker_folder) | {EXTRA[kind]: torch.ones(3, 16)})
    message = f"1 of its weights have no place in a BertForSequenceClassification .*{EXTRA[kind]}"
    with pytest.raises(UserError, match=message):
        load_reranker(ranker_folder)


def test_more_layers_than_the_config_says(ranker_folder):
    edit(ranker_folder, num_hidden_layers=2)
    message = rf"16 of its weights have no place .*{LAYER}\.2.*; give the config\.json that belongs"
    with pytest.raises(UserError, match=message):
        load_reranker(ranker_folder)


def test_fewer_layers_than_the_config_says(ranker_folder):
    edit(ranker_folder, num_hidden_layers=4)
    with pytest.raises(UserError, match=rf"its weights have no {LAYER}\.3"):
        load_reranker(ranker_folder)


def test_names_from_within_another_module(ranker_folder):
    weights = weights_of(ranker_folder)
    put(ranker_folder, {f"module.{name}": tensor for name, tensor in weights.items()})
    with pytest.raises(UserError, match=r"have no bert\.\S+, .* \(but module\.bert\.\S+, …\)"):
        load_reranker(ranker_folder)


@pytest.mark.parametrize("position", ["relative_key", "relative_key_query"])
def test_positions_that_the_class_does_not_compute(position, ranker_folder):
    """transformers 5 drops them from BERT: the config says so even where the weights do not."""
    edit(ranker_folder, position_embedding_type=position)
    with pytest.raises(UserError, match=f"positions of the kind {position} .* no longer computes"):
        load_reranker(ranker_folder)


def test_absolute_positions_may_be_said(ranker_folder):
    expected = scores(ranker_folder)
    edit(ranker_folder, position_embedding_type="absolute")
    assert torch.equal(scores(ranker_folder), expected)


@pytest.mark.parametrize("beside", [True, False])
def test_an_adapter_is_never_ignored(beside, ranker_folder):
    lora = f"base_model.model.{LAYER}.0.attention.self.query.lora_A.weight"
    save_file({lora: torch.ones(2, 16)}, ranker_folder / "adapter_model.safetensors")
    about = {"peft_type": "LORA", "base_model_name_or_path": "some/base"}
    (ranker_folder / "adapter_config.json").write_text(json.dumps(about))
    if not beside:
        (ranker_folder / "model.safetensors").unlink()
        (ranker_folder / "config.json").unlink()
    message = r"an adapter \(adapter_config\.json\) of some/base; merge the adapter first .*unload"
    with pytest.raises(UserError, match=message):
        load_reranker(ranker_folder)


def test_an_adapter_among_the_weights(ranker_folder):
    weights = weights_of(ranker_folder)
    weights[f"{LAYER}.0.attention.self.query.lora_A.default.weight"] = torch.ones(2, 16)
    put(ranker_folder, weights)
    with pytest.raises(UserError, match=r"weights of an adapter \(.*lora_A.*merge the adapter"):
        load_reranker(ranker_folder)


def test_two_weights_for_one_place(ranker_folder):
    """transformers takes one of them and says nothing."""
    weights, name = weights_of(ranker_folder), "embeddings.LayerNorm.weight"
    put(ranker_folder, weights | {name: torch.zeros(16)})
    with pytest.raises(UserError, match=rf"hold {name} twice; save the ranker anew"):
        load_reranker(ranker_folder)


def test_what_pretraining_left_is_not_missed(ranker_folder, caplog):
    """Heads and constants that no ranker computes with; the log names them."""
    caplog.set_level(logging.INFO)
    expected = scores(ranker_folder)
    left = BertForPreTraining(make_model().config).state_dict()
    left = {name: tensor.clone() for name, tensor in left.items() if name.startswith("cls.")}
    left["bert.embeddings.position_ids"] = torch.arange(64)[None]
    put(ranker_folder, weights_of(ranker_folder) | left)
    assert torch.equal(scores(ranker_folder), expected)
    assert "not used, as no ranker does: cls.predictions.bias, " in caplog.text


def test_a_pooler_that_the_class_has_no_use_for(tmp_path):
    torch.manual_seed(0)
    config = RobertaConfig(**{**SIZES, "pad_token_id": 1}, type_vocab_size=1, num_labels=1)
    RobertaForSequenceClassification(config).save_pretrained(tmp_path)
    roberta_tokenizer().save_pretrained(tmp_path)
    expected = scores(tmp_path)
    put(tmp_path, weights_of(tmp_path) | {"roberta.pooler.dense.weight": torch.ones(16, 16)})
    assert torch.equal(scores(tmp_path), expected)


def test_old_names_of_norms(ranker_folder):
    expected = scores(ranker_folder)
    old = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    weights = weights_of(ranker_folder)
    for new, name in old.items():
        weights = {one.replace(new, name): tensor for one, tensor in weights.items()}
    put(ranker_folder, weights)
    assert torch.equal(scores(ranker_folder), expected)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_are_not_finite(number, ranker_folder):
    weights = weights_of(ranker_folder)
    weights[f"{LAYER}.1.output.dense.bias"][3] = number
    put(ranker_folder, weights)
    with pytest.raises(
        UserError, match=rf"{LAYER}\.1\.output\.dense\.bias holds numbers that are not"
    ):
        load_reranker(ranker_folder)


def test_weights_are_not_rounded_to_the_type_that_the_config_names(ranker_folder):
    """transformers loads in that type; the file's own numbers are the ranker's."""
    expected = scores(ranker_folder)
    edit(ranker_folder, dtype="float16")
    assert torch.equal(scores(ranker_folder), expected)


def test_half_precision_is_widened(ranker_folder):
    weights = {name: tensor.half() for name, tensor in weights_of(ranker_folder).items()}
    put(ranker_folder, weights)
    edit(ranker_folder, dtype="float16")
    reranker = load_reranker(ranker_folder, max_length=48, device="cpu")
    for name, tensor in reranker.model.named_parameters():
        assert torch.equal(tensor, weights[name].float())


@pytest.mark.parametrize("suffix", ["safetensors", "bin"])
def test_weights_in_several_files(suffix, ranker_folder):
    expected = scores(ranker_folder)
    weights, stem = weights_of(ranker_folder), "model" if suffix != "bin" else "pytorch_model"
    (ranker_folder / "model.safetensors").unlink()
    places = {}
    for number, names in enumerate((list(weights)[::2], list(weights)[1::2]), 1):
        file = f"{stem}-0000{number}-of-00002.{suffix}"
        part = {name: weights[name] for name in names}
        if suffix == "bin":
            torch.save(part, ranker_folder / file)
        else:
            save_file(part, ranker_folder / file, metadata={"format": "pt"})
        places |= dict.fromkeys(names, file)
    index = ranker_folder / f"{stem}.{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    assert torch.equal(scores(ranker_folder), expected)
    (ranker_folder / file).unlink()
    with pytest.raises(UserError, match=f"lists {file}, which is not there; copy or download"):
        load_reranker(ranker_folder)
    index.write_text("{}")
    with pytest.raises(UserError, match="its index of the weights cannot be read"):
        load_reranker(ranker_folder)


def test_weights_of_torch(ranker_folder):
    expected = scores(ranker_folder)
    torch.save(weights_of(ranker_folder), ranker_folder / "pytorch_model.bin")
    (ranker_folder / "model.safetensors").unlink()
    assert torch.equal(scores(ranker_folder), expected)
    older = ranker_folder / "pytorch_model.bin"
    torch.save(
        make_reranker(2, "float32").model.state_dict(), older, _use_new_zipfile_serialization=False
    )
    assert torch.equal(scores(ranker_folder), expected)


@pytest.mark.parametrize("kind", MODELS)
def test_what_transformers_hides_is_known(kind):
    """Patterns of weights that it drops unsaid, of no effect all: a new one needs a look."""
    hidden = set(make_stock_model(kind)._keys_to_ignore_on_load_unexpected)
    assert hidden <= {
        "position_embeddings",  # DeBERTa's, which has them where position_biased_input says so
        "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight",  # never used
    }
