"""What jobs ask for: shards by size, memory for what is known to be there, more when retried."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import estimate_cost
from relevance_neurons.attribution import adaptive, baselines
from relevance_neurons.rankers import memory
from relevance_neurons.rankers.architectures import find_architecture
from relevance_neurons.rankers.neurons import Neurons
from study import job_sizes, ranker_shapes
from study.batches import WHOLE_RANKER, Batch, batches
from study.job_sizes import Needs, ablation_shards, attribution_shards, growing
from study.ranker_shapes import BERT_LARGE, Shape, ranker_shape
from toys.bert import make_model

ROOT = Path(estimate_cost.__file__).parents[1]


@pytest.fixture
def vast2024():
    return estimate_cost.load_study(str(ROOT / "studies" / "vast2024.yaml"))


@pytest.fixture
def default():
    return estimate_cost.load_study(str(ROOT / "config.yaml"))


def test_constants_are_those_of_the_library():
    """Which takes seconds to import, so that they stand in both places."""
    assert job_sizes.PASS_MB * 2**20 == memory.CPU_BYTES
    assert job_sizes.PASS_TOKENS == memory.BATCH_TOKENS
    assert job_sizes.VALUES_PER_NEURON == memory.VALUES_PER_NEURON
    assert job_sizes.MOST_POINTS == adaptive.MAX_POINTS
    assert len(baselines.BASELINES) == job_sizes.N_BASELINES


def test_the_shape_of_a_ranker_in_a_folder(tmp_path, default):
    model = make_model()
    model.save_pretrained(tmp_path)
    default["reranker"] = {"model": str(tmp_path), "max_length": 48}
    shape = ranker_shape(default)
    assert shape.n_neurons == len(Neurons.of(model, find_architecture(model)))
    maps = [m for m in model.bert.encoder.modules() if isinstance(m, torch.nn.Linear)]
    weights = sum(m.weight.numel() for m in maps) + model.get_input_embeddings().weight.numel()
    assert shape.n_parameters == weights
    config = json.loads((tmp_path / "config.json").read_text())
    names = {
        "num_hidden_layers": "n_layers",
        "hidden_size": "dim",
        "intermediate_size": "hidden_dim",
    }
    renamed = {names.get(key, key): value for key, value in config.items()}
    (tmp_path / "config.json").write_text(json.dumps(renamed))  # as DistilBERT has them
    assert ranker_shape(default) == shape
    (tmp_path / "config.json").write_text("{}")
    assert ranker_shape(default) == BERT_LARGE


def test_memory_follows_from_the_files_of_the_weights(tmp_path, default, monkeypatch):
    """Of a folder, and of a hub id that is in the cache; a T5's config tells too little."""
    config = {"num_layers": 24, "num_decoder_layers": 24, "d_model": 1024, "d_ff": 16384}
    (tmp_path / "config.json").write_text(json.dumps(config | {"vocab_size": 32128}))
    with (tmp_path / "model.safetensors").open("wb") as stream:
        stream.truncate(11_400 * 2**20)  # a hole: three billion float32 take no room on the disk
    default["reranker"] = {"model": str(tmp_path), "max_length": 48}
    assert ranker_shape(default).layers == 48
    assert Needs(default).ranker_mb() > 2 * 11_400
    monkeypatch.setattr(ranker_shapes, "_cached", lambda name: tmp_path if name == "a/b" else None)
    default["reranker"]["model"] = "a/b"
    assert ranker_shape(default).weights_mb == 11_400
    default["reranker"]["model"] = "c/d"
    assert ranker_shape(default) == BERT_LARGE


def test_the_hubs_cache_is_looked_into(tmp_path):
    look = "import sys; from study.ranker_shapes import _cached; print(_cached(sys.argv[1]))"
    snapshot = tmp_path / "hub" / "models--a--b" / "snapshots" / "123"
    snapshot.mkdir(parents=True)
    (snapshot / "config.json").write_text("{}")
    (snapshot.parents[1] / "refs").mkdir()
    (snapshot.parents[1] / "refs" / "main").write_text("123")
    for name, found in (("a/b", str(snapshot)), ("c/d", "None"), ("no/hub/id", "None")):
        done = subprocess.run(
            [sys.executable, "-c", look, name],
            env=os.environ | {"HF_HOME": str(tmp_path)},
            cwd=Path(job_sizes.__file__).parents[1],
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == found


def test_an_unknown_hub_id_is_taken_for_the_paper_s_ranker(vast2024):
    assert ranker_shape(vast2024) == BERT_LARGE
    assert BERT_LARGE.n_neurons == 221_184


def test_shards_by_size(vast2024, default):
    assert attribution_shards(vast2024) == 4
    shards = {batch.level: ablation_shards(vast2024, batch) for batch in batches(vast2024)}
    assert shards == {"0": 1, "0.01": 8, "0.1": 8, "1": 8}
    assert attribution_shards(default) == 1
    assert {ablation_shards(default, batch) for batch in batches(default)} == {1}
    vast2024["attribution"]["max_pairs"] *= 10
    assert attribution_shards(vast2024) == 40


@pytest.mark.parametrize("shards", [1, 3, 10_000])
def test_shards_that_are_asked_for(default, shards):
    """But none without a pair, and none of the whole ranker, which is one ranking."""
    default["attribution"]["shards"] = default["ablation"]["shards"] = shards
    assert attribution_shards(default) == min(shards, default["attribution"]["max_pairs"])
    most = default["ablation"]["max_queries"] * default["ablation"]["candidates"]
    assert ablation_shards(default, Batch("paper", "1", ("P_scipy",), "paper")) == min(shards, most)
    assert ablation_shards(default, WHOLE_RANKER) == 1


def test_shards_do_not_depend_on_what_is_on_the_machine(vast2024, monkeypatch):
    monkeypatch.setattr(job_sizes, "ranker_shape", lambda study: Shape(2, 8, 8))
    assert attribution_shards(vast2024) == 4


def test_memory_holds_what_was_measured(vast2024):
    """docs/engine.md: 4.3 GiB at 512 tokens and a row a pass, without replicates."""
    needs = Needs(vast2024)
    assert needs.attribution_mb() > 4.3 * 1024 + needs.sums_mb()
    assert needs.sums_mb() == pytest.approx(8 * 221_184 * (2 + 200 + 20) / 2**20)


def test_more_work_asks_for_more(vast2024):
    small = {name: getattr(Needs(vast2024), name)() for name in ("attribution_mb", "maps_mb")}
    minutes = Needs(vast2024).shard_minutes()
    vast2024["attribution"]["bootstrap_replicates"] = 2000
    assert Needs(vast2024).attribution_mb() > small["attribution_mb"]
    vast2024["attribution"] |= {"shards": 1}
    assert Needs(vast2024).shard_minutes() > 3 * minutes
    assert Needs(vast2024).batch_minutes(batches(vast2024)[1]) > Needs(vast2024).batch_minutes(
        WHOLE_RANKER
    )


def test_a_retry_asks_for_twice_as_much():
    assert [growing(10.2)(None, attempt) for attempt in (1, 2, 3)] == [11, 22, 44]
