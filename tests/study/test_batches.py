"""Batches of ablations: what one job ranks, and that a change leaves the others alone."""

from pathlib import Path

import pytest

import estimate_cost
from study.batches import WHOLE_RANKER, batches, groups, level_name, levels
from study.contents import ablated_schemes, study_schemes

FULL = str(Path(estimate_cost.__file__).parents[1] / "studies" / "docstrings_full.yaml")


@pytest.fixture
def study():
    """Of one method and without loss curves."""
    study = estimate_cost.load_study(FULL)
    del study["attribution"]["methods"], study["ablation"]["curves"]
    return study


def names(study) -> set[tuple[str, str, tuple[str, ...]]]:
    return {(one.name, one.level, one.schemes) for one in batches(study)}


@pytest.mark.parametrize(
    ("level", "name"), [(1, "1"), (1.0, "1"), (0.01, "0.01"), (100, "100"), (1e-05, "1e-05")]
)
def test_a_level_has_one_name(level, name):
    assert level_name(level) == name and float(name) == level


def test_the_papers_schemes_are_one_batch_a_level_and_each_own_another(study):
    study["selection"]["top_percents"] = [0.1, 1, 1.0]
    assert levels(study) == ["0.1", "1"]
    paper = tuple(ablated_schemes(study)[:-1])
    assert names(study) == {("none", "0", ())} | {
        one
        for level in ("0.1", "1")
        for one in (
            ("paper", level, paper),
            ("worst_relevant", level, ("worst_relevant",)),
        )
    }


def test_every_ablated_scheme_is_in_one_batch_of_its_group(study):
    for chosen in (None, ["F_all", "worst_relevant", "P_scipy"]):
        if chosen:
            study["ablation"]["schemes"] = chosen
        for level in levels(study):
            ranked = [
                one for batch in batches(study) if batch.level == level for one in batch.schemes
            ]
            assert sorted(ranked) == sorted(ablated_schemes(study))
        of = {
            one.scheme: name
            for name, group in groups(study).items()
            for one in group
            if not name.startswith("bottom.")
        }
        assert of.keys() == {one.scheme for one in study_schemes(study)}
        for batch in batches(study):
            assert {of[scheme] for scheme in batch.schemes} <= {batch.group}


def test_a_list_can_change_and_no_batch_of_the_others_does(study):
    study["ablation"]["schemes"] = ["F_all", "worst_relevant", "P_scipy"]
    before = names(study)
    study["ablation"]["schemes"] = ["P_scipy", "N_scipy", "F_all"]
    after = names(study)
    assert {one[0] for one in before - after} == {"worst_relevant"}
    assert {one[0] for one in after - before} == {"N_scipy"}
    assert WHOLE_RANKER in batches(study)
