"""The section ``tokens`` of a study: defaults, what methods read, how large the jobs are."""

from __future__ import annotations

import pytest

from study.job_sizes import Needs
from study.reading import read_study
from study.token_sizes import TokenNeeds, ranked_token_shards, token_passes, token_shards
from study.tokens import token_methods
from toys.studies import SCHEMA, write_study


def read(folder, **section) -> dict:
    return read_study(write_study(folder, tokens=section), SCHEMA)


def test_an_empty_section_asks_for_five_methods_on_all_relevant_pairs(tmp_path):
    study = read(tmp_path)
    assert study["tokens"]["collections"] == study["attribution"]["collections"]
    methods = token_methods(study)
    assert list(methods) == [
        *("information_bottleneck", "integrated_gradients", "lime", "leave_one_out", "random"),
    ]
    assert methods["information_bottleneck"]["steps"] == 10  # beta is found from the pairs
    assert "beta" not in methods["information_bottleneck"]
    assert study["tokens"]["layers"] == "all" and "layer" not in study["tokens"]


def test_a_study_without_the_section_has_none(tmp_path):
    assert "tokens" not in read_study(write_study(tmp_path), SCHEMA)


def test_entries_keep_their_order_names_and_settings(tmp_path):
    given = {"masked": {"method": "leave_one_out", "removal": "mask"}, "lime": {"n_samples": 50}}
    methods = token_methods(read(tmp_path, methods=given))
    assert methods == {
        "masked": {"method": "leave_one_out", "removal": "mask"},
        "lime": {"method": "lime", "n_samples": 50},
    }
    assert list(methods) == ["masked", "lime"]
    (bottleneck,) = token_methods(
        read(tmp_path, methods=["information_bottleneck"], beta=2.5)
    ).values()
    assert bottleneck["beta"] == 2.5


def test_a_legacy_bottleneck_has_a_beta_of_its_own_scale(tmp_path):
    given = {
        "information_bottleneck": {},
        "old": {"method": "information_bottleneck", "legacy": True},
    }
    methods = token_methods(read(tmp_path, methods=given, beta=2.5))
    assert methods["information_bottleneck"]["beta"] == 2.5 and "beta" not in methods["old"]


@pytest.mark.parametrize(("layers", "above"), [([0], 23 / 24), ([0, 23], 23 / 24), ([23], 1 / 24)])
def test_a_bottleneck_costs_the_layers_above_it(tmp_path, layers, above):
    """Of a ranker that nobody has here, which counts as one of 24 layers."""
    study = read(tmp_path, layers=layers, methods=["information_bottleneck"])
    study["reranker"] = {"model": "some/ranker", "max_length": 512}
    assert token_passes(study, "information_bottleneck") == pytest.approx(1 + 1.2 * 100 * above)


def test_shards_are_as_many_as_asked_for_and_no_more_than_pairs(tmp_path):
    methods = ["information_bottleneck", "random"]
    assert token_shards(read(tmp_path, methods=methods, shards=3), "random") == 3
    study = read(
        tmp_path, methods=methods, pairs=2, shards=9, rankings={"queries": 2, "passages": 3}
    )
    assert token_shards(study, "information_bottleneck") == 2
    assert ranked_token_shards(study) == 6
    study = read(tmp_path, methods=methods, pairs=1000)
    study["reranker"]["max_length"] = 512
    assert token_shards(study, "information_bottleneck") > token_shards(study, "random") == 1


def test_time_grows_with_what_is_asked(tmp_path):
    small, large = (TokenNeeds(study, Needs(study)) for study in _sizes(tmp_path))
    for name in ("statistics", "ranked", "degradation", "rankings", "truncation"):
        assert getattr(large, f"{name}_minutes")() > getattr(small, f"{name}_minutes")(), name


def _sizes(folder):
    for factor in (1, 10_000):
        study = read(
            folder,
            pairs=2 * factor,
            statistics={"pairs": 2 * factor},
            rankings={"queries": 2 * factor, "passages": 5, "depth": 5},
            shards=1,
        )
        study["reranker"] = {"model": "some/ranker", "max_length": 512}
        yield study
