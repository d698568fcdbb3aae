"""Paths with any characters, and the files of a ranker's folder."""

import os
import subprocess
from pathlib import Path

import pytest

from study.paths import check_checkout, check_for_slurm, for_shell, literal, ranker_files
from study.reading import StudyError
from study.results_folder import record_study_file, shared_with
from study.which_study import is_unread_study

NAMES = ["a b", "it's", 'a"b', "100%", "a&b;c", "a$HOME", "a#b", "é 中", "a[b]*?", "a\\b", "a`b`"]


@pytest.mark.parametrize("name", NAMES)
def test_a_path_is_itself_where_it_can_be(tmp_path, name):
    assert literal(tmp_path / name) == str(tmp_path / name)


@pytest.mark.parametrize("folder", ["{v1}", "<best>", "a {b", "plain"])
@pytest.mark.parametrize("name", ["d.tsv.gz", "{d}.tsv.gz", "<d>.tsv.gz"])
def test_a_path_with_characters_of_snakemake_is_another_of_the_same_file(
    tmp_path, monkeypatch, folder, name
):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / folder / name
    file.parent.mkdir()
    file.write_text("text")
    os.utime(file, (1e9, 1e9))
    path = Path(literal(file))
    assert not set("{}<>") & set(str(path)) and path.samefile(file)
    assert path.suffixes == [".tsv", ".gz"]
    assert literal(file) == str(path)
    assert max(path.stat().st_mtime, path.lstat().st_mtime) == 1e9
    file.write_text("another")
    assert path.stat().st_mtime > 1e9


def test_links_need_a_folder_without(tmp_path):
    with pytest.raises(StudyError, match=r"set XDG_CACHE_HOME to a folder without"):
        literal(tmp_path / "{a}" / "b", tmp_path / "{cache}")


@pytest.mark.parametrize("name", [*NAMES, "a {b} <c>", "(a)", "~a", "a!b"])
def test_a_shell_reads_the_path_as_it_is(tmp_path, name):
    path = str(tmp_path / name / "bin" / "python")
    command = f"printf %s {for_shell(path)}"
    assert subprocess.run(command, shell=True, capture_output=True, text=True).stdout == path
    assert for_shell(path).rpartition("/")[0] == for_shell(path.rpartition("/")[0])


@pytest.mark.parametrize("character", '$`\\%"')
def test_what_slurm_cannot_take_is_told(character):
    with pytest.raises(StudyError, match="in a path cannot be handed to Slurm; rename it") as error:
        check_for_slurm("/a b/it's", f"/home/a{character}b")
    assert str(error.value).startswith(f"/home/a{character}b: {character} in")


def test_what_path_cannot_take_is_told():
    check_checkout("/home/a b {c} <d> it's")
    with pytest.raises(StudyError, match="/home/a:b: ':' in the path of the checkout"):
        check_checkout("/home/a:b")


READ = [
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "model-00001-of-00002.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model-00001-of-00002.bin",
    "pytorch_model.bin.index.json",
    "adapter_config.json",
    "adapter_model.safetensors",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
    "spiece.model",
    "sentencepiece.bpe.model",
]
NOT_READ = [
    ".DS_Store",
    "._model.safetensors",
    ".gitattributes",
    "README.md",
    "optimizer.pt",
    "scheduler.pt",
    "rng_state.pth",
    "trainer_state.json",
    "training_args.bin",
    "all_results.json",
    "log.txt",
    "events.out.tfevents.1",
    "model.onnx",
]


def test_only_what_loading_reads_makes_jobs_run_again(tmp_path):
    for name in READ + NOT_READ:
        (tmp_path / name).write_text("")
    (tmp_path / ".git").mkdir()
    assert ranker_files(tmp_path) == sorted(str(tmp_path / name) for name in READ)
    assert ranker_files("some/ranker") == ranker_files("") == []


def test_two_study_files_of_one_name_are_noticed(tmp_path, monkeypatch):
    """One that was moved, or has another name by now, is no other."""
    monkeypatch.chdir(tmp_path)
    results, first, second = Path("results/mine"), Path("a.yaml"), Path("b.yaml")
    for file in (first, second):
        file.write_text("study: mine\n")
    assert shared_with(results, second) is None
    record_study_file(results, first)
    assert shared_with(results, first) is None
    assert shared_with(results, first.absolute()) is None
    assert shared_with(results, second) == first
    first.write_text("study: another\n")
    assert shared_with(results, second) is None
    first.unlink()
    assert shared_with(results, second) is None


@pytest.mark.parametrize(
    ("text", "is_study"), [("study: mine\n", True), ("samples: [a]\n", False), ("\t", False)]
)
def test_a_study_that_is_not_read_is_noticed(tmp_path, monkeypatch, text, is_study):
    monkeypatch.chdir(tmp_path)
    default = tmp_path / "checkout.yaml"
    default.write_text("study: docstrings\n")
    assert not is_unread_study(default)
    Path("config.yaml").write_text(text)
    assert is_unread_study(default) == is_study
    assert not is_unread_study(Path("config.yaml"))
