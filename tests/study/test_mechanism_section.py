"""The section ``mechanism`` of a study: defaults, paths, how large the jobs are."""

from __future__ import annotations

import json

import pytest

from study.contents import used_collections
from study.errors import StudyError
from study.job_sizes import Needs
from study.mechanism_sizes import (
    MechanismNeeds,
    found_passes,
    n_diagnostic_pairs,
    patch_passes,
    patch_shards,
)
from study.ranker_shapes import Shape, ranker_shape
from study.reading import read_study
from toys.studies import FILES, SCHEMA, write_study


def read(folder, **section) -> dict:
    return read_study(write_study(folder, mechanism=section), SCHEMA)


def test_an_empty_section_asks_for_everything_of_the_ablations_collections(tmp_path):
    study = read(tmp_path)
    keys = study["mechanism"]
    assert keys["collections"] == study["ablation"]["collections"]
    assert keys["perturbations"] == ["TFC1", "STMC1", "TFC2", "LNC2"] and keys["pairs"] == 20
    assert keys["nulls"] == {"rankers": 3, "shuffles": 200}
    assert keys["rankings"] == {"queries": 30, "depth": 20} and keys["folds"] == 5
    assert keys["idf"] == {
        "permutations": 1000,
        "doses": [-4, -2, -1, 1, 2, 4],
        "directions": 20,
        "pairs": 40,
    }
    assert (keys["max_heads"], keys["random_draws"], keys["smallest_change"]) == (13, 20, 0.1)
    assert not {"own_pairs", "wordnet", "matching_heads", "relevance_heads"} & keys.keys()


def test_a_study_without_the_section_has_none(tmp_path):
    assert "mechanism" not in read_study(write_study(tmp_path), SCHEMA)


def test_its_collections_are_prepared(tmp_path):
    """Also one that no other stage reads."""
    third = {"collections.third": {**FILES}, "mechanism": {"collections": ["third"]}}
    study = read_study(write_study(tmp_path, **third), SCHEMA)
    assert used_collections(study) == ["alpha", "beta", "third"]


def test_paths_are_relative_to_the_study_file(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "pairs.tsv").write_text("query\tterm\tbefore\tafter\n")
    keys = read(tmp_path, own_pairs="mine/pairs.tsv", wordnet="mine")["mechanism"]
    assert keys["own_pairs"] == str(tmp_path / "mine" / "pairs.tsv")
    assert keys["wordnet"] == str(tmp_path / "mine")


def test_pairs_of_ones_own_need_no_perturbation(tmp_path):
    (tmp_path / "pairs.tsv").write_text("query\tterm\tbefore\tafter\n")
    keys = {"own_pairs": "pairs.tsv", "perturbations": [], "pairs": 7}
    study = read(tmp_path, **keys, collections=["beta"])
    assert n_diagnostic_pairs(study) == 7
    with pytest.raises(StudyError, match="alone: alpha would have none; name one, or beta alone"):
        read(tmp_path, **keys, collections=["beta", "alpha"])


def test_heads_keep_their_order(tmp_path):
    keys = read(tmp_path, matching_heads=[[7, 9], [2, 1]], relevance_heads=[[10, 1]])["mechanism"]
    assert keys["matching_heads"] == [[7, 9], [2, 1]] and keys["relevance_heads"] == [[10, 1]]


def test_as_few_draws_are_taken_as_can_reach_the_significance(tmp_path):
    few = {"idf": {"directions": 19, "permutations": 19}, "nulls": {"shuffles": 19}}
    assert read(tmp_path, **few)["mechanism"]["idf"]["directions"] == 19
    strict = {"mechanism": few, "ablation.significance": 0.01}
    with pytest.raises(StudyError, match=r"nulls\.shuffles: 19 was found; with fewer than 99 no"):
        read_study(write_study(tmp_path, **strict), SCHEMA)


@pytest.mark.parametrize(
    "changes",
    [
        {"mechanism": {"matching_heads": [[2, 3], [2, 4]]}},
        {"mechanism": {"relevance_heads": [[0, 0], [3, 1]]}},
        {"selection.schemes": {"mine": {"heads": [[1, 1], [3, 0]]}}},
    ],
)
def test_a_head_that_the_ranker_does_not_have_is_told_before_any_job(tmp_path, changes):
    """By the ranker's config, from a folder that is relative to the study file."""
    sizes = {"num_hidden_layers": 3, "hidden_size": 128, "intermediate_size": 64, "vocab_size": 99}
    (tmp_path / "ranker").mkdir()
    config = json.dumps(sizes | {"num_attention_heads": 4})
    (tmp_path / "ranker" / "config.json").write_text(config)
    file = write_study(tmp_path, **{"reranker.model": "ranker", **changes})
    told = (
        r"_?heads: \[[23], [0-4]\] was found; this ranker has layers 0 to 2 with heads 0 to 3; name"
    )
    with pytest.raises(StudyError, match=told):
        read_study(file, SCHEMA)
    elsewhere = write_study(tmp_path, **{"reranker.model": "some/ranker", **changes})
    read_study(elsewhere, SCHEMA)  # whose config is not here: the job says it


@pytest.mark.parametrize(
    ("config", "heads"),
    [({"num_attention_heads": 16}, 16), ({"n_heads": 8}, 8), ({}, 2)],
)
def test_heads_of_a_ranker_are_read_from_its_config(tmp_path, config, heads):
    sizes = {"num_hidden_layers": 3, "hidden_size": 128, "intermediate_size": 64, "vocab_size": 99}
    folder = tmp_path / "ranker"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(sizes | config))
    study = read_study(write_study(tmp_path, **{"reranker.model": "ranker"}), SCHEMA)
    assert ranker_shape(study).n_heads == heads


def test_a_pair_costs_the_layers_above_each_patch(tmp_path):
    """Of a ranker that nobody has here, which counts as one of 24 layers with 16 heads."""
    study = read(tmp_path)
    assert ranker_shape(study) == Shape(24, 1024, 4096)
    heads, paths, blocks = 24 * 16 * 2 / 2, 1.1 * 24 * 16, 3 * 24 * 10 / 2
    rest = patch_passes(study) - heads - paths - blocks
    assert 0 < rest < 0.05 * patch_passes(study)
    every = read(tmp_path, head_classes="all")
    # By class the 13 matching and 3 relevance heads, or all 384.
    assert found_passes(every) - found_passes(study) == 9 * (24 * 16 - 16)


def test_shards_are_as_many_as_asked_for_and_no_more_than_pairs(tmp_path):
    assert patch_shards(read(tmp_path, shards=3)) == 3
    study = read(tmp_path, pairs=2, perturbations=["TFC1", "LNC2"], shards=99)
    assert patch_shards(study) == n_diagnostic_pairs(study) == 4
    small, large = read(tmp_path, pairs=20), read(tmp_path, pairs=200)
    for study in (small, large):
        study["reranker"]["max_length"] = 512
    assert 1 < patch_shards(small) < patch_shards(large) <= 10 * patch_shards(small)


def test_time_grows_with_what_is_asked(tmp_path):
    small, large = (MechanismNeeds(study, Needs(study)) for study in _sizes(tmp_path))
    for name in ("patch", "found", "attention", "edit", "faithfulness"):
        assert getattr(large, f"{name}_minutes")() > getattr(small, f"{name}_minutes")(), name
    assert small.fit_minutes() == large.fit_minutes() > 30


def _sizes(folder):
    for factor in (1, 1000):
        study = read(
            folder,
            pairs=2 * factor,
            rankings={"queries": 5 * factor, "depth": 5},
            idf={"pairs": 2 * factor},
            shards=1,
        )
        study["reranker"] = {"model": "some/ranker", "max_length": 512}
        yield study
