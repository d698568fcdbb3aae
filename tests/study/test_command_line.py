"""--config: its numbers are numbers, and what is wrong with it is not the file's fault."""

import pytest

from study import reading
from study.command_line import given_keys
from study.reading import StudyError
from toys.studies import SCHEMA, write_study

GIVEN = {
    "a number": (["seed=1"], ("seed",), 1),
    "a nested number": (["ablation={random_draws: 2}"], ("ablation", "random_draws"), 2),
    "a list": (["selection={top_percents: [1, 0.5]}"], ("selection", "top_percents"), [1, 0.5]),
    "two of one key": (
        ["ablation={random_draws: 2}", "ablation={candidates: 9}"],
        ("ablation", "random_draws"),
        2,
    ),
    "beside the file's": (["ablation={random_draws: 2}"], ("ablation", "collections"), ["beta"]),
}


@pytest.mark.parametrize("name", GIVEN)
def test_what_is_given_takes_the_place_of_the_files(tmp_path, name):
    entries, keys, expected = GIVEN[name]
    value = reading.read_study(write_study(tmp_path), SCHEMA, entries)
    for key in keys:
        value = value[key]
    assert value == expected


WRONG = {
    "a word": (["seed=one"], "seed: 'one' was found; a value of type integer is needed"),
    "a nested word": (["ablation={random_draws: a}"], "ablation.random_draws: 'a' was found"),
    "a misspelt key": (["sed=1"], "sed: unknown key (did you mean 'seed'?)"),
    "a contradiction": (["selection={outliers: [gamma]}"], "selection.outliers: 'gamma' is not"),
    "no YAML": (["ablation={random_draws: 2"], "ablation: "),
    "a truth value": (["study=no"], "study: no is a truth value to YAML; write 'no' in quotes"),
    "an exponent": (["attribution={tolerance: 1e-2}"], "attribution.tolerance: '1e-2' was found"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_mistake_of_the_command_line_is_its_own(tmp_path, name):
    entries, message = WRONG[name]
    with pytest.raises(StudyError) as error:
        reading.read_study(write_study(tmp_path), SCHEMA, entries)
    assert str(error.value).startswith(f"--config: {message}")
    assert "\n" not in str(error.value)


def test_a_mistake_of_the_file_stays_the_files(tmp_path):
    path = write_study(tmp_path, **{"ablation.value": "median"})
    with pytest.raises(StudyError) as error:
        reading.read_study(path, SCHEMA, ["seed=1"])
    assert str(error.value).startswith(f"{path}: ablation.value: 'median' was found")
    assert reading.read_study(path, SCHEMA, ["ablation={value: zero}"])["seed"] == 0


def test_nothing_is_given():
    assert given_keys([]) == {}


NUMBERS = {
    "attribution.tolerance": {"1e-2": "write 0.01", "'0.1'": "write 0.1", "0,1": ""},
    "attribution.max_pairs": {"08": "write 8", "1e3": "write 1000", "'25'": "write 25"},
    "attribution.shards": {"1e1": "write 10"},
    "reranker.model": {"2024": "write '2024' in quotes"},
    "study": {"2024": "write '2024' in quotes"},
}


@pytest.mark.parametrize(
    ("key", "text"), [(key, text) for key, texts in NUMBERS.items() for text in texts]
)
def test_a_value_of_another_kind_tells_what_to_write(tmp_path, key, text):
    path = write_study(tmp_path, **{key: "HERE"})
    path.write_text(path.read_text().replace("HERE", text))
    with pytest.raises(StudyError) as error:
        reading.read_study(path, SCHEMA)
    assert f"{path}: {key}: " in str(error.value)
    assert str(error.value).endswith(NUMBERS[key][text])
