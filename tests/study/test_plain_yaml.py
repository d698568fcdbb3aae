"""What YAML would read otherwise than it looks: a line that says what to write."""

from pathlib import Path

import pytest

from study.plain_yaml import parse
from study.reading import StudyError, read_yaml, study_name

TEXTS = {
    "no as text": ("domain: no", "line 1: no is a truth value to YAML; write 'no' in quotes, or f"),
    "off as a name": ("a: [on, b]", "line 1: on is a truth value to YAML; write 'on' in quotes"),
    "no as a key": ("a: 1\nno: {}", "line 2: no is no text to YAML; write 'no' in quotes"),
    "a number as a key": ("2020: {}", "line 1: 2020 is no text to YAML; write '2020' in quotes"),
    "nothing as a key": ("~: 1", "line 1: ~ is no text to YAML; write '~' in quotes"),
    "a list as a key": ("? [a]\n: 1", "line 1: a list or mapping as a key is no text to YAML"),
    "octal": ("seed: 0042", "line 1: 0042 is 34 to YAML; write 34 or 42"),
    "base 60": ("seed: 1:30", "line 1: 1:30 is 90 to YAML; write 90"),
    "base 60 with a point": ("seed: 1:30.5", "line 1: 1:30.5 is 90.5 to YAML; write a number"),
    "no number": ("a: 1\nb: .nan", "line 2: .nan is nan to YAML; write a number"),
    "without end": ("b: -.inf", "line 1: -.inf is -inf to YAML; write a number"),
    "a date": ("study: 2024-01-31", "line 1: 2024-01-31 is a date to YAML; write '2024-01-31' in"),
    "a tab": ("study: a\n\tseed: 1", "line 2: a tab was found; YAML is indented by spaces"),
    "no YAML": ("a: 1\nb: [1", "line 2: "),
    "two texts": ("a: 1\n---\nb: 1", "line 2: but found another document; mend this line"),
    "a control character": ("a: 1\nb: \x07", "line 2: the character U+0007 was found; YAML"),
    "Python": ("a: !!python/name:os.system", "line 1: could not determine a constructor"),
    "a key twice": ("a: 1\nb: 2\na: 3", "line 3: key 'a' is there already; leave one of them"),
    "deep within": ("[" * 5000, "line 1: "),
}


@pytest.mark.parametrize("name", TEXTS)
def test_what_looks_like_something_else_is_refused(name):
    text, message = TEXTS[name]
    with pytest.raises(StudyError) as error:
        parse(text)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_what_is_meant_as_it_looks_is_read():
    text = (
        "a: &a {x: 1_000, y: true, z: 0}\nb: {<<: *a, x: 0.5}\n'no': ['no', null, -7, 0x1f, 1.0e-2]"
    )
    assert parse(text) == {
        "a": {"x": 1000, "y": True, "z": 0},
        "b": {"x": 0.5, "y": True, "z": 0},
        "no": ["no", None, -7, 31, 0.01],
    }


FILES = {
    "empty": (b"", "nothing was found; a study has keys: study: NAME"),
    "a list": (b"- study: a\n", "a list was found; a study has keys"),
    "a word": (b"study\n", "a single value was found; a study has keys"),
    "another program's": (b"samples: [a]\n", "study: is missing; give the study a name"),
    "UTF-16": ("study: a\n".encode("utf-16"), "the file is UTF-16; save it as UTF-8"),
    "Latin-1": (b"study: a\n# \xe9t\xe9\n", "line 2: byte 0xe9 is not UTF-8; save the file as U"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_study(tmp_path, name):
    content, message = FILES[name]
    path = tmp_path / "study.yaml"
    path.write_bytes(content)
    with pytest.raises(StudyError) as error:
        read_yaml(path)
    assert str(error.value).startswith(f"{path}: {message}")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(StudyError, match=r"no\.yaml: no such file; name a study file"):
        read_yaml(tmp_path / "no.yaml")
    with pytest.raises(StudyError, match="this is a folder; name the study file in it"):
        read_yaml(tmp_path)


def test_a_mark_of_utf_8_is_none_of_the_text(tmp_path):
    path = tmp_path / "study.yaml"
    path.write_bytes(b"\xef\xbb\xbfstudy: a\n")
    assert read_yaml(path) == {"study": "a"}


NAMES = {
    "2024": ": 2024 was found; a text .*: write '2024' in quotes",
    "../other": r": '\.\./other' was found; a text of letters, digits, - and _ is needed",
    "[a]": r": \['a'\] was found; a text",
    "~": ": None was found; a text",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_can_be_no_folder(tmp_path, name):
    path: Path = tmp_path / "study.yaml"
    path.write_text(f"study: {name}\n")
    with pytest.raises(StudyError, match=NAMES[name]):
        study_name(path)
