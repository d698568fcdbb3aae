"""What a study is said to cost: operations as PyTorch counts them, jobs as the study has them."""

import sys
from pathlib import Path

import polars as pl
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import BertConfig, BertModel

import estimate_cost
import scaling
import scaling_jobs
from study import costs
from study.ranker_shapes import Shape, pair_flops

STUDY = str(Path(estimate_cost.__file__).parents[1] / "studies" / "vast2024.yaml")


@pytest.mark.parametrize("n_tokens", [7, 40])
@pytest.mark.parametrize("backward", [False, True])
def test_operations_are_those_that_pytorch_counts(n_tokens, backward):
    config = BertConfig(
        hidden_size=32, num_hidden_layers=3, num_attention_heads=2, intermediate_size=64
    )
    config._attn_implementation = "eager"
    encoder = BertModel(config, add_pooling_layer=False).eval().requires_grad_(False).encoder
    inputs = torch.randn(1, n_tokens, 32, requires_grad=backward)
    with FlopCounterMode(display=False) as counter:
        outputs = encoder(inputs).last_hidden_state
        if backward:
            outputs.sum().backward()
    found = pair_flops(Shape(3, 32, 64), n_tokens, backward)
    assert found == counter.get_total_flops()


@pytest.fixture(scope="module")
def study():
    return estimate_cost.load_study(STUDY)


def test_ablations_and_pairs_are_counted_by_hand(study):
    # Ten schemes, three levels: itself, mean, keep_only, 50 random and 50 matched draws.
    assert costs.n_rankings(study) == 1 + 10 * 3 * (1 + 2 + 100)
    sizes = {
        name: costs.read_collection(name, study["collections"][name], 512)
        for name in ("msmarco", "nfcorpus", "msmarco_dev", "bioasq")
    }
    assert sizes["msmarco"].n_documents == 8_841_823
    assert sizes["msmarco"].judged([2, 3]) == 1804 + 697
    kept = costs.kept_pairs(study, sizes, "nfcorpus", "relevant")
    assert kept == pytest.approx(costs.AGREEMENT * 576)
    assert costs.kept_pairs(study, sizes, "bioasq", "relevant") == 1000
    pool = costs.candidate_pairs(study, sizes["msmarco_dev"], [1])
    assert pool == pytest.approx(100 * (20 + 7437 / 6980))


def test_maps_and_shards_take_the_disk_that_they_are_said_to(study, tmp_path):
    scaling_jobs.write_shard(1, tmp_path)
    scaling_jobs.start_merging(1, tmp_path)()
    n_neurons = len(pl.read_parquet(tmp_path / "sums.parquet"))
    shard, a_map = (scaling.bytes_of(tmp_path / name) for name in ("sums.parquet", "merged"))
    assert shard == pytest.approx(costs.shard_bytes(study, n_neurons), rel=0.1)
    assert a_map == pytest.approx(costs.map_bytes(study, n_neurons), rel=0.1)


def test_the_command_prints_every_collection_and_stage(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["estimate_cost", STUDY])
    estimate_cost.main()
    printed = capsys.readouterr().out
    # 14 maps of 1,000 pairs, but 403 in nfcorpus and 955 in news; 100 points each.
    assert "| attribute | 1,335,800 |" in printed
    assert "| technology | 1,276,222 | 218 |" in printed
    assert "| **all** |" in printed
    assert "| BM25 indexes | 9.8 |" in printed
    assert "| prepare the collections |" in printed
