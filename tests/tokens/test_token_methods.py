"""Which settings a method of scoring tokens reads, and what is said of others."""

from inspect import signature

import pytest

from relevance_neurons.errors import UserError
from relevance_neurons.rankers import reranker
from relevance_neurons.tokens import integrated_gradients, leave_one_out, lime, random_tokens
from relevance_neurons.tokens.methods import (
    LAYERED,
    METHODS,
    TARGETS,
    check_settings,
    settings_of,
)

FUNCTIONS = {
    "integrated_gradients": integrated_gradients.scores,
    "lime": lime.scores,
    "leave_one_out": leave_one_out.scores,
    "random": random_tokens.scores,
}


@pytest.mark.parametrize("method", FUNCTIONS)
def test_they_are_what_its_function_takes(method):
    taken = signature(FUNCTIONS[method]).parameters.values()
    named = {one.name: one.default for one in taken if one.kind is one.KEYWORD_ONLY}
    read = settings_of(method)
    assert named.keys() - {"memory"} == read.keys()
    for key, default in read.items():
        assert named[key] in (default, None)


def test_names():
    assert {*FUNCTIONS, *LAYERED} == {*METHODS}
    assert TARGETS == reranker.TARGETS


def test_numbers_of_the_public_code():
    assert settings_of("integrated_gradients")["n_points"] == 50
    assert settings_of("integrated_gradients", legacy=True) == {
        "target": "probability",
        "n_points": 10,
        "legacy": True,
    }
    assert settings_of("lime")["n_samples"] == 200
    assert settings_of("lime", legacy=True)["n_samples"] == 75


def test_what_is_right_passes():
    for method in METHODS:
        check_settings(method, settings_of(method))
    check_settings("information_bottleneck", {"beta": 0.1, "steps": 1, "legacy": True})


WRONG = [
    ("shap", {}, "tokens.method: 'shap' was found; allowed: information_bottleneck, "),
    ("random", {"target": "logit"}, "tokens.target: 'logit' was found; random does not use it, "),
    ("lime", {"removal": "mask"}, "tokens.removal: 'mask' was found; lime does not use it, only "),
    ("lime", {"target": "score"}, "tokens.target: 'score' was found; allowed: probability, "),
    ("lime", {"n_samples": 0}, "tokens.n_samples: 0 was found; allowed: a whole number from 1 on"),
    ("lime", {"n_samples": True}, "tokens.n_samples: True was found; allowed: a whole number "),
    ("random", {"seed": -1}, "tokens.seed: -1 was found; allowed: a whole number from 0 on"),
    ("leave_one_out", {"removal": "cut"}, "tokens.removal: 'cut' was found; allowed: deletion, "),
    ("integrated_gradients", {"legacy": "yes"}, "tokens.legacy: 'yes' was found; allowed: true, "),
    ("information_bottleneck", {"beta": -1.0}, "tokens.beta: -1.0 was found; allowed: a number "),
]


@pytest.mark.parametrize(("method", "settings", "message"), WRONG)
def test_what_is_wrong_is_said(method, settings, message):
    with pytest.raises(UserError, match=f"^{message}"):
        check_settings(method, settings)
