"""make hands over what it is given as it is, and tells what is wrong with it in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def make(tmp_path):
    """make with a Python that writes down the words it is called with, in place of .venv's."""
    python = tmp_path / "venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(
        "#!/bin/sh\n"
        'for word in "$@"; do printf "%s\\n" "$word"; done >> "$CALLED"\n'
        'case "$*" in "-m study "*) echo name ;; esac\n'
    )
    python.chmod(0o755)
    (tmp_path / "venv" / ".done").touch()
    called = tmp_path / "called"

    def call(*words: str, venv: str = str(tmp_path / "venv")):
        done = subprocess.run(
            ["make", *words, f"VENV={venv}"],
            cwd=ROOT,
            env=os.environ | {"CALLED": str(called)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done, called.read_text().splitlines() if called.exists() else []

    return call


STUDIES = [
    "my study.yaml",
    "it's.yaml",
    'a "b" $HOME #1.yaml',
    "{a} <b> 100% & ;.yaml",
    "é`x`.yaml",
]


@pytest.mark.parametrize("study", STUDIES)
@pytest.mark.parametrize("target", ["run", "resume", "report", "unlock"])
def test_a_study_file_is_one_word_whatever_its_name(make, target, study):
    done, called = make(target, f"STUDY={study}")
    assert done.returncode == 0, done.stderr
    assert study in called
    assert ("results/name/report.html" in called) == (target != "unlock")


def test_a_profile_and_cores_are_handed_over(make):
    _done, called = make("run", "PROFILE=my profiles/it's", "CORES=x")
    assert called[called.index("--profile") + 1] == "my profiles/it's" and "--cores" not in called
    _done, called = make("run", "CORES=3")
    assert called[called.index("--cores") + 1] == "3"


@pytest.mark.parametrize("studies", ["one other", "one 'my \"study\"' $HOME #1 100%", ""])
def test_studies_to_compare_are_handed_over(make, studies):
    done, called = make("compare", f"STUDIES={studies}")
    assert done.returncode == 0, done.stderr
    assert called == ["workflow_scripts/report/compare_studies.py", studies]


@pytest.mark.parametrize("cores", ["x", "0", "-1", "2 3", "1.5", ""])
def test_cores_that_are_no_number_are_one_line(make, cores):
    done, called = make("run", f"CORES={cores}")
    message = f"Error: CORES: '{cores}' was found; a whole number from 1 or all is needed"
    assert done.returncode != 0 and not called
    assert done.stderr.splitlines()[0] == message


@pytest.mark.parametrize("name", ["my venv", "a%b", "a:b", "a#b", "it's", "a(b", "{v}"])
def test_a_folder_that_make_cannot_hold_is_one_line(make, tmp_path, name):
    done, called = make("run", venv=str(tmp_path / name))
    assert done.returncode != 0 and not called
    assert f'VENV: "{tmp_path / name}" has a space or a sign in it' in done.stderr
    assert len(done.stderr.splitlines()) == 1


MISTAKES = {
    "no such file": (["no such.yaml"], "no such.yaml: no such file; name a study file, such as"),
    "without quotes": (["my", "study.yaml"], "2 words were given; one study file is needed, in q"),
    "nothing": ([], "0 words were given; one study file is needed"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_study_file_that_is_none_is_one_line(name):
    words, message = MISTAKES[name]
    done = subprocess.run(
        [sys.executable, "-m", "study", *words],
        cwd=ROOT / "workflow_scripts",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: {message}") and len(done.stderr.splitlines()) == 1
