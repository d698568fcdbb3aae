"""Where a ranker comes from: folders, the hub's cache, the hub; and what is said where it fails."""

import json
import shutil

import pytest
import torch
from huggingface_hub import constants

from relevance_neurons import UserError, load_reranker
from relevance_neurons.rankers.loading import load_neurons
from toys.bert import PAIRS, make_model, make_tokenizer
from toys.hub import hub, offline, put_in_cache


def edit(folder, **keys):
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | keys))


def scores(name, **options):
    return load_reranker(name, max_length=48, device="cpu", **options).score(PAIRS)


def refusal(name, **options) -> str:
    with pytest.raises(UserError) as error:
        load_reranker(name, max_length=48, device="cpu", **options)
    assert "\n" not in str(error.value)
    return str(error.value)


BROKEN = {
    "a newer kind": (
        lambda folder: edit(folder, model_type="bert-of-tomorrow"),
        r"is of the kind bert-of-tomorrow, which transformers [\d.]+ does not know; a newer",
    ),
    "no kind": (
        lambda folder: (folder / "config.json").write_text('{"vocab_size": 5}'),
        'config.json names no model_type; add it, as "model_type": "bert"',
    ),
    "a config that is no JSON": (
        lambda folder: (folder / "config.json").write_text("{"),
        "config.json cannot be read .*; copy or download it again",
    ),
    "a config that is a list": (
        lambda folder: (folder / "config.json").write_text("[1]"),
        "config.json cannot be read .*; copy or download it again",
    ),
    "a key of another type": (
        lambda folder: edit(folder, hidden_size="wide"),
        r"cannot be loaded \(.*hidden_size.*\); a folder written by save_pretrained",
    ),
    "code of its own": (
        lambda folder: edit(folder, auto_map={"AutoConfig": "mine.Config"}, model_type="mine"),
        r"code of its own \(auto_map: AutoConfig\), which is never run; take one whose classes",
    ),
    "code of its own under a known kind": (
        lambda folder: edit(folder, auto_map={"AutoModelForSequenceClassification": "mine.Bert"}),
        r"code of its own \(auto_map: AutoModelForSequenceClassification\)",
    ),
    "code of its own in the tokenizer": (
        lambda folder: (folder / "tokenizer_config.json").write_text(
            '{"auto_map": {"AutoTokenizer": ["mine.Words", null]}}'
        ),
        r"reranker\.tokenizer: .* code of its own \(auto_map: AutoTokenizer\)",
    ),
    "quantised, bitsandbytes": (
        lambda folder: edit(
            folder, quantization_config={"quant_method": "bitsandbytes", "load_in_8bit": True}
        ),
        r"is quantised \(bitsandbytes\); take its weights in float32",
    ),
    "quantised, gptq": (
        lambda folder: edit(folder, quantization_config={"quant_method": "gptq", "bits": 4}),
        r"is quantised \(gptq\)",
    ),
    "torn weights": (
        lambda folder: (folder / "model.safetensors").write_bytes(b"1" * 400),
        r"model\.safetensors is torn, or holds no weights \(.*header.*\); copy or download it",
    ),
    "torn weights of torch": (
        lambda folder: (
            (folder / "model.safetensors").unlink(),
            (folder / "pytorch_model.bin").write_bytes(b"1" * 400),
        ),
        r"pytorch_model\.bin is torn, or holds no weights",
    ),
    "a pointer in place of weights": (
        lambda folder: (folder / "model.safetensors").write_text(
            "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n"
        ),
        "model.safetensors is a pointer of Git LFS, not the weights; run `git lfs pull`",
    ),
    "another head": (
        lambda folder: edit(folder, id2label={"0": "LABEL_0"}, label2id={"LABEL_0": 0}),
        r"classifier\.bias is \(2,\) in the weights and \(1,\) by config\.json; give the config",
    ),
    "three logits": (
        lambda folder: edit(
            folder,
            id2label={"0": "contradiction", "1": "entailment", "2": "neutral"},
            label2id={"contradiction": 0, "entailment": 1, "neutral": 2},
        ),
        r"has 3 logits \(contradiction, entailment, neutral\); a ranker has 1 .* or 2",
    ),
    "a head for tokens": (
        lambda folder: edit(folder, architectures=["BertForTokenClassification"]),
        "a BertForTokenClassification is no ranker; a sequence classifier",
    ),
    "a tokenizer of tomorrow": (
        lambda folder: (folder / "tokenizer.json").write_text('{"model": {"type": "New"}}'),
        r"reranker\.tokenizer: .* cannot be loaded \(KeyError: .*\); name a tokenizer that has a",
    ),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_cannot_be_loaded_is_told_by_its_own_reason(fault, ranker_folder, monkeypatch):
    """In a folder and in the hub's cache alike, where nothing else is blamed."""
    spoil, message = BROKEN[fault]
    spoil(ranker_folder)
    with pytest.raises(UserError, match=message):
        load_reranker(ranker_folder)
    cache = ranker_folder.parent / "cache"
    offline(monkeypatch, cache)
    put_in_cache(cache, "me/ranker", ranker_folder)
    with pytest.raises(UserError, match=message) as error:
        load_reranker("me/ranker")
    assert "reach" not in str(error.value)
    assert str(error.value).startswith("reranker.") and ": me/ranker" in str(error.value)


def test_nothing_is_asked(ranker_folder, monkeypatch):
    """transformers asks on the terminal whether it may run a repository's code."""
    monkeypatch.setattr("builtins.input", lambda *_: pytest.fail("a question"))
    edit(ranker_folder, auto_map={"AutoConfig": "mine.Config"}, model_type="mine")
    assert "never run" in refusal(ranker_folder)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ((), r"has no config\.json \(empty\); a folder written by save_pretrained is needed"),
        (("model.onnx", "tokenizer.json"), r"no config\.json \(there: model\.onnx, tokenizer\.j"),
        (("modules.json", "1_Pooling/config.json"), "is an embedding model of sentence-transf"),
        (
            ("checkpoint-500/config.json", "checkpoint-900/config.json", "training_args.bin"),
            r"folders in it have \(checkpoint-500, checkpoint-900\); give one of them, as .*-900",
        ),
    ],
)
def test_a_folder_without_a_config(files, message, tmp_path):
    folder = tmp_path / "given"
    folder.mkdir()
    for name in files:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    with pytest.raises(UserError, match=message):
        load_reranker(folder)


@pytest.mark.parametrize("name", ["model.onnx", "tf_model.h5", "model.gguf", "last.ckpt"])
def test_weights_of_another_kind(name, ranker_folder):
    (ranker_folder / "model.safetensors").rename(ranker_folder / name)
    assert "has no weights that torch reads (there: " in refusal(ranker_folder)
    assert len(load_neurons(ranker_folder)) > 0  # which needs none


def test_a_file_in_place_of_a_folder(ranker_folder):
    message = refusal(ranker_folder / "model.safetensors")
    assert message.endswith("model.safetensors is a file; give the folder that it is in")


def test_a_folder_of_the_home(ranker_folder, monkeypatch):
    monkeypatch.setenv("HOME", str(ranker_folder.parent))
    assert torch.equal(scores("~/ranker"), scores(ranker_folder))


def test_a_name_that_no_hub_can_have(monkeypatch, tmp_path):
    offline(monkeypatch, tmp_path)
    assert "is neither a folder nor a hub id; a folder, or an id as owner/name" in refusal("a/b/c")


def test_a_ranker_in_the_cache_needs_no_hub(ranker_folder, monkeypatch, tmp_path):
    offline(monkeypatch, tmp_path / "cache")
    expected = scores(ranker_folder)
    put_in_cache(tmp_path / "cache", "me/ranker", ranker_folder)
    assert torch.equal(scores("me/ranker"), expected)


@pytest.mark.parametrize(("missing", "words"), [("model", "weights"), ("tokenizer", "a tokenizer")])
def test_a_cache_that_is_not_whole(missing, words, ranker_folder, monkeypatch, tmp_path):
    """What lacks is fetched from the hub; where it is out of reach, it is said what lacks."""
    found = put_in_cache(tmp_path / "cache", "me/ranker", ranker_folder)
    for file in found.glob(f"{missing}*"):
        file.unlink()
    offline(monkeypatch, tmp_path / "cache")
    assert f"is in the hub's offline cache without {words}" in refusal("me/ranker")
    with hub(monkeypatch, tmp_path / "cache", {"me/ranker": ranker_folder}):
        assert torch.equal(scores("me/ranker"), scores(ranker_folder))
    offline(monkeypatch, tmp_path / "cache")
    assert torch.equal(scores("me/ranker"), scores(ranker_folder))


def test_the_hub_is_asked_for_what_is_read_alone(ranker_folder, monkeypatch, tmp_path):
    (ranker_folder / "pytorch_model.bin").write_bytes(b"again")
    (ranker_folder / "model.onnx").write_bytes(b"again")
    with hub(monkeypatch, tmp_path / "cache", {"me/ranker": ranker_folder}) as asked:
        scores("me/ranker")
        assert not [path for path in asked if path.endswith((".bin", ".onnx"))]
        asked.clear()
        scores("me/ranker")
        assert asked == []


def test_code_of_its_own_is_refused_before_the_weights_come(ranker_folder, monkeypatch, tmp_path):
    edit(ranker_folder, auto_map={"AutoModel": "mine.Model"})
    with hub(monkeypatch, tmp_path / "cache", {"me/ranker": ranker_folder}) as asked:
        assert "never run" in refusal("me/ranker")
    assert not [path for path in asked if "safetensors" in path]


def test_what_the_hub_says(ranker_folder, monkeypatch, tmp_path):
    onnx, other = tmp_path / "onnx", tmp_path / "other"
    shutil.copytree(ranker_folder, onnx)
    (onnx / "model.safetensors").rename(onnx / "model.onnx")
    other.mkdir()
    (other / "model.gguf").write_bytes(b"")
    models = {"me/gated": ranker_folder, "me/onnx": onnx, "me/other": other}
    with hub(monkeypatch, tmp_path / "cache", models, gated=("me/gated",)):
        assert "is gated; ask for access on its page and log in with" in refusal("me/gated")
        assert "no such model that you may see (HTTP 404); check the id" in refusal("me/nothing")
        assert "has no weights that torch reads (there: config.json, model.o" in refusal("me/onnx")
        assert "holds no model that can be read (there: model.gguf)" in refusal("me/other")


def test_a_hub_out_of_reach_is_said_at_once(monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    message = refusal("nobody/no-such-ranker")
    assert "neither a folder nor in the hub's offline cache, and the hub is out of re" in message
    assert "give a folder, or run `hf download nobody/no-such-ranker`" in message


def test_a_sentence_transformer_is_no_ranker(tmp_path):
    make_model().bert.save_pretrained(tmp_path)
    make_tokenizer().save_pretrained(tmp_path)
    (tmp_path / "modules.json").write_text("[]")
    assert "is an embedding model of sentence-transformers" in refusal(tmp_path)
