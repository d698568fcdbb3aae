"""Schemes of heads in a study file: what is wrong with one, and at which level it stands."""

from __future__ import annotations

import pytest

from study.batches import batches, groups, head_groups, level_of_heads, selections
from study.contents import ablated_schemes, study_schemes
from study.errors import StudyError
from study.reading import read_study
from toys.studies import SCHEMA, write_study

SOME = {"mine": {"heads": [[7, 9], [8, 1]]}}


def read(folder, schemes=SOME, **more) -> dict:
    return read_study(write_study(folder, **{"selection.schemes": schemes} | more), SCHEMA)


def test_a_scheme_of_heads_has_no_key_beside_them(tmp_path):
    study = read(tmp_path, {"other": {"labels": ["relevant"]}, **SOME})
    assert study["selection"]["schemes"]["mine"] == {"heads": [[7, 9], [8, 1]]}
    assert study["selection"]["schemes"]["other"]["pick"] == "top"
    of = {one.scheme: one for one in study_schemes(study)}
    assert of["mine"].heads == ((7, 9), (8, 1)) and of["mine"].own
    assert ablated_schemes(study)[-2:] == ["mine", "other"]


def test_it_stands_once_at_the_highest_level(tmp_path):
    levels = {"selection.top_percents": [1, 5, 0.1]}
    study = read(tmp_path, **levels, **{"ablation.schemes": ["P_alpha", "mine"]})
    assert level_of_heads(study) == "5"
    assert [level for group, level in selections(study) if group == "mine"] == ["5"]
    assert [level for group, level in selections(study) if group == "paper"] == ["1", "5", "0.1"]
    ablated = [(one.name, one.level, one.groups) for one in batches(study)]
    assert [one for one in ablated if one[0] == "mine"] == [("mine", "5", ("mine",))]
    assert len([one for one in ablated if one[0] == "P_alpha"]) == 3
    assert list(head_groups(study)) == ["mine"] and "bottom.mine" not in groups(study)


def test_the_batches_of_others_are_the_same_beside_it(tmp_path):
    own = {"other": {"labels": ["relevant"]}}
    alone, beside = read(tmp_path, own), read(tmp_path, own | SOME)
    (more,) = set(batches(beside)) - set(batches(alone))
    assert more.schemes == ("mine",) and set(batches(alone)) < set(batches(beside))
    assert [one for one in selections(beside) if one[0] != "mine"] == selections(alone)


MECHANISM = "the stage mechanism, which this study does not ask for; add the section mechanism, or"


@pytest.mark.parametrize(
    ("keys", "more", "told"),
    [
        ({"heads": "matching"}, {}, f"mine.heads: the matching heads are found by {MECHANISM}"),
        ({"heads": "relevance"}, {}, f"mine.heads: the relevance heads are found by {MECHANISM}"),
        ({"heads": [[7, 9], [8, 1], [7, 9]]}, {}, "mine.heads: [7, 9] stands twice; name each"),
        (
            {"heads": [[7, 9]], "pick": "top"},  # what would be the default
            {},
            "mine.pick: a scheme of heads ranks no neurons, so it has no other key; leave it out",
        ),
        ({"heads": [[7, 9]], "labels": ["relevant"]}, {}, "mine: exactly one of labels or heads"),
        ({}, {}, "mine: exactly one of labels or heads is needed; give that one alone"),
        *(
            ({"heads": heads}, {}, "matching, relevance or a list of [layer, head], both from 0")
            for heads in ("some", [], [7, 9], [[7]], [[7, 9, 1]], [[7, -1]], [[7, 1.5]])
        ),
        (
            {"heads": [[7, 9]]},
            {"ablation.further": ["bottom"]},
            "ablation.further: bottom: mine is a scheme of heads, whose ranking has no other end; ",
        ),
        (
            {"heads": [[7, 9]]},
            {"ablation.curves": {"schemes": ["mine"]}},
            "ablation.curves.schemes: mine is a scheme of heads, which picks the same neurons at ",
        ),
    ],
)
def test_a_mistake_is_one_line(tmp_path, keys, more, told):
    with pytest.raises(StudyError) as error:
        read(tmp_path, {"mine": keys}, **more)
    message = str(error.value)
    assert told in message and "\n" not in message
    assert message.startswith(f"{tmp_path / 'study.yaml'}: ")


def test_bottom_is_for_others_where_the_heads_are_not_ablated(tmp_path):
    more = {"ablation.further": ["bottom"], "ablation.schemes": ["P_alpha"]}
    assert ablated_schemes(read(tmp_path, **more)) == ["P_alpha"]
    name = {"P_beta": {"heads": [[7, 9]]}}
    with pytest.raises(StudyError, match="P_beta: the paper's schemes have one of this name"):
        read(tmp_path, name)
