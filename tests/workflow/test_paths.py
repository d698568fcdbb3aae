"""Where a checkout and a study may lie, which study file is read, and how its mistakes are told."""

import shutil
import sys
from pathlib import Path

import pytest
import yaml

from .conftest import ROOT, SNAKEMAKE, command, run, write_tiny_study

ODD = """my work {v1} <b> 100% it's "q" [x] é $HOME &;#"""
TARGET = "results/tiny/candidates/alpha.parquet"


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Path:
    """A tiny study that no run has begun."""
    return write_tiny_study(tmp_path_factory.mktemp("study"))


def test_every_path_is_taken_as_it_is(tmp_path):
    """That of the checkout, of its Python, of the study and of all that it names."""
    here = tmp_path / ODD
    checkout = here / "checkout"
    for name in ("rules", "workflow_scripts", "envs"):
        shutil.copytree(ROOT / name, checkout / name)
    for name in ("Snakefile", "config.yaml"):
        shutil.copy(ROOT / name, checkout)
    (checkout / ".venv").symlink_to(sys.prefix)
    file = write_tiny_study(here / "data")
    keys = yaml.safe_load(file.read_text())
    for key in ("documents", "queries", "qrels"):
        old = file.parent / keys["collections"]["alpha"][key]
        keys["collections"]["alpha"][key] = f"{ODD} {key}.{old.suffix[1:]}"
        old.rename(file.with_name(keys["collections"]["alpha"][key]))
    file = file.with_name(f"{ODD}.yaml")
    file.write_text(yaml.safe_dump(keys, sort_keys=False))  # the first method is the study's own
    words = [str(checkout / ".venv" / "bin" / "python"), "-m", "snakemake"]
    words += ["--configfile", str(file), "--cores", "1"]
    for more in ([], ["--report", "report.html"]):
        done = run([*words, *more, "--", TARGET], directory=checkout)
        assert done.returncode == 0, done.stdout[-3000:]
    assert (checkout / TARGET).exists() and (checkout / "report.html").exists()
    done = run([*words, "--dry-run", "--", TARGET], directory=checkout)
    assert "Nothing to be done" in done.stdout, done.stdout[-3000:]
    with file.with_name(keys["collections"]["alpha"]["queries"]).open("a") as queries:
        queries.write("q99\tone more\n")
    done = run([*words, "--dry-run", "--", TARGET], directory=checkout)
    assert "Prepare the collection alpha" in done.stdout, done.stdout[-3000:]


MODES = {
    "a run": ["--cores", "1"],
    "a quiet run": ["--cores", "1", "--quiet", "all"],
    "a dry run": ["--dry-run"],
    "lint": ["--lint"],
    "a report": ["--report", "report.html"],
    "unlock": ["--unlock"],
    "a job": ["--mode", "remote", "--cores", "1", "--nolock"],
}


@pytest.mark.parametrize("mode", MODES)
def test_a_mistake_is_one_line_in_every_way_to_call(tmp_path, mode):
    (tmp_path / "bad.yaml").write_text("study: bad\nsed: 1\n")
    words = [SNAKEMAKE, "--snakefile", str(ROOT / "Snakefile"), "--configfile", "bad.yaml"]
    done = run([*words, *MODES[mode]], directory=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith(f"Error: {tmp_path / 'bad.yaml'}: ")
    assert len(done.stdout.splitlines()) == 1


def dry_run(folder: Path, *arguments: str) -> str:
    """What a dry run in ``folder`` says of this checkout's Snakefile."""
    words = [SNAKEMAKE, "--snakefile", str(ROOT / "Snakefile"), "--dry-run", "--quiet", "rules"]
    return run([*words, *arguments], directory=folder).stdout


HERE = {
    "nothing": (None, False),
    "another program's": ("samples: [a]\n", False),
    "a study": ("study: mine\n", True),
}


@pytest.mark.parametrize("name", HERE)
def test_without_a_study_file_it_is_the_checkouts(tmp_path, name):
    text, is_told = HERE[name]
    if text:
        (tmp_path / "config.yaml").write_text(text)
    told = dry_run(tmp_path)
    results = tmp_path / "results" / "docstrings"
    assert f"Study docstrings: {ROOT / 'config.yaml'}; results: {results}\n" in told
    assert ("not read; --configfile config.yaml reads it" in told) == is_told
    assert "This was a dry-run" in told


def test_a_relative_study_file_is_of_where_snakemake_was_called(study, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    told = dry_run(study.parent, "--configfile", study.name, "--directory", str(tmp_path))
    assert f"Study tiny: {study}; results: {tmp_path / 'results' / 'tiny'}\n" in told
    assert "This was a dry-run" in told


def test_the_command_line_changes_nested_numbers(study, tmp_path):
    """And jobs, which are told of it in Snakemake's own words, see the same study."""
    more = ["--config", "ablation={candidates: 4, max_queries: 3}", "seed=7", "--", TARGET]
    done = run(command(tmp_path, study, *more))
    assert done.returncode == 0, done.stdout[-3000:]
    told = dry_run(tmp_path, "--configfile", str(study), *more)
    assert "Nothing to be done" in told
    told = dry_run(tmp_path, "--configfile", str(study), "--config", "ablation={candidates: a}")
    assert told.startswith("Error: --config: ablation.candidates: 'a' was found; ")


def test_another_study_of_the_same_name_is_told(study, tmp_path):
    done = run(command(tmp_path, study, "--", "results/tiny/collections/alpha/qrels.parquet"))
    assert done.returncode == 0, done.stdout[-3000:]
    other = study.with_name("other.yaml")
    other.write_text(study.read_text())
    assert "is the name of" in dry_run(tmp_path, "--configfile", str(other))
    assert "is the name of" not in dry_run(tmp_path, "--configfile", str(study))
