"""Which tokens each baseline of Table 1 replaces, and by what."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from relevance_neurons.attribution.baseline_comparison import compare_baselines
from relevance_neurons.attribution.baselines import BASELINES, find_baseline
from relevance_neurons.attribution.paths import baseline_batch
from toys.bert import PAIRS

ROOT = Path(__file__).parents[2]
# "wing lift" and "heat flow": [CLS] wing lift [SEP] heat flow [SEP]
REPLACED = {
    "pad_all": "xxxxxxx",
    "pad_keep_special": ".xx.xx.",
    "pad_passage": "....xx.",
    "pad_passage_and_special": "....xxx",
    "pad_query": ".xx....",
    "pad_query_and_special": "xxxx...",
    "unk_all": "xxxxxxx",
    "unk_keep_special": ".xx.xx.",
    "zero": "xxxxxxx",
    "zero_passage": "....xx.",
}


@pytest.mark.parametrize("name", BASELINES)
def test_replaces_just_those_tokens(two_logits, name):
    embed = two_logits.model.get_input_embeddings()
    encoded = two_logits.encode([("wing lift", "heat flow")])
    inputs = embed(two_logits.collate(encoded)["input_ids"])
    found = baseline_batch(two_logits, encoded, inputs, find_baseline(name))[0]
    filler = {"pad": embed.weight[0], "unk": embed.weight[1], "zero": torch.zeros(16)}
    for token, mark in enumerate(REPLACED[name]):
        expected = filler[name.split("_")[0]].double() if mark == "x" else inputs[0, token]
        assert torch.equal(found[token], expected), (name, token)


def test_every_baseline_is_tried_and_told():
    """Here, in the schema of the study file, and among the words of the default study."""
    assert set(REPLACED) == set(BASELINES)
    schema = yaml.safe_load((ROOT / "rules" / "schemas" / "study.schema.yaml").read_text())
    assert schema["$defs"]["baseline"]["enum"] == list(BASELINES)
    told = (ROOT / "config.yaml").read_text(encoding="utf-8")
    assert all(re.search(rf"\b{name}\b", told) for name in BASELINES)


def test_comparison_equals_the_models_own_probabilities(two_logits):
    frame = compare_baselines(two_logits, PAIRS, chosen="pad_all")
    assert frame["baseline"].to_list() == ["original", *BASELINES]
    assert frame.filter(pl_chosen := frame["chosen"])["baseline"].to_list() == ["pad_all"]
    assert pl_chosen.sum() == 1
    expected = 2 * np.exp(two_logits.score(PAIRS).numpy().astype(float)) - 1
    row = frame.row(0, named=True)
    assert row["mean_difference"] == pytest.approx(expected.mean(), abs=1e-6)
    assert row["ci_low"] <= row["mean_difference"] <= row["ci_high"]
    assert row["n_pairs"] == len(PAIRS)
