"""A new study file: what is given or answered, in config.yaml's lines, as the workflow takes it."""

import io
import re
import sys
from pathlib import Path

import pytest
import yaml

from relevance_neurons.command.main import main
from study import check
from study.commented import Commented, flow
from study.plain_yaml import parse
from study.reading import read_study
from toys.bert import make_model, make_tokenizer
from toys.studies import ROOT, SCHEMA


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working directory with a ranker and a collection, beside no clone; no machine is timed."""
    make_model().save_pretrained(tmp_path / "RANKER")
    make_tokenizer().save_pretrained(tmp_path / "RANKER")
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "docs.tsv").write_text("".join(f"d{n}\twing lift {n}\n" for n in range(30)))
    (folder / "queries.tsv").write_text("q1\twing\nq2\tlift\n")
    judged = [("q1", 1, 2), ("q1", 2, 0), ("q2", 3, 1), ("q2", 4, 0), ("q2", 5, 3)]
    (folder / "qrels.txt").write_text("".join(f"{q} 0 d{d} {grade}\n" for q, d, grade in judged))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(check, "machine_rate", lambda shape: (1e9, "a machine", 2))
    return tmp_path


def _new(*words: str) -> int:
    given = ["--ranker", "RANKER", "--collection", "mine=mine", "--workflow", str(ROOT)]
    return main(["study", "new", *words, *given])


def test_it_is_what_was_given_and_the_workflow_takes_it(here, capsys):
    assert _new("study.yaml", "--yes", "--max-pairs", "7", "--random-draws", "3") == 0
    study = read_study("study.yaml", SCHEMA)
    assert study["study"] == "study"
    assert study["reranker"]["model"] == str(here / "RANKER")
    assert study["reranker"]["max_length"] == 64  # what the ranker takes
    mine = study["collections"]["mine"]
    assert (mine["relevant"], mine["non_relevant"]) == ([1, 2, 3], [0])
    assert mine["documents"] == str(here / "mine" / "docs.tsv")
    assert study["attribution"]["max_pairs"] == 7 and study["ablation"]["random_draws"] == 3
    assert "methods" not in study["attribution"] and "schemes" not in study["ablation"]
    printed = capsys.readouterr()
    assert "mine: grades 0 (2), 1 (1), 2 (1), 3 (1)" in printed.err
    assert "RANKER: 3 layers" in printed.err
    assert "re-rank under ablations" in printed.out and "on a machine" in printed.out


def test_names_and_grades_that_are_given_stay_what_they_are(here):
    files = "documents: mine/docs.tsv, queries: mine/queries.tsv, qrels: mine/qrels.txt"
    words = ["study", "new", "x.yaml", "--yes", "--ranker", "RANKER", "--workflow", str(ROOT)]
    words += ["--collection", f"no={{source: files, {files}, non_relevant: []}}"]
    assert main([*words, "--collection", "007=mine"]) == 0
    study = read_study("x.yaml", SCHEMA)
    assert list(study["collections"]) == study["ablation"]["collections"] == ["no", "007"]
    assert study["collections"]["no"]["relevant"] == [1, 2, 3]
    assert study["collections"]["no"]["non_relevant"] == []


def test_its_comments_are_those_of_config_yaml(here):
    assert _new("study.yaml", "--yes") == 0
    told = (here / "study.yaml").read_text("utf-8")
    lines = (ROOT / "config.yaml").read_text("utf-8").splitlines()
    comments = [line[line.index("# ") :] for line in lines if "# " in line]
    missing = [one for one in comments if one not in told]
    head = [
        one
        for one in lines[
            : lines.index("study: docstrings                # results go to results/<study>/")
        ]
        if one
    ]
    training = " ".join(lines[lines.index("reranker:") : lines.index("reranker:") + 20])
    assert all(one in head or one in training for one in missing), missing
    assert len(comments) > 150 and len(missing) < 25


def test_answers_on_a_terminal_are_taken(here, monkeypatch, capsys):
    answers = ["RANKER", "mine=nowhere/x/y", "mine=mine", "2 3", "0", "", "by_hand"]
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(answers) + "\n"))
    assert main(["study", "new", "--workflow", str(ROOT)]) == 0
    study = read_study("by_hand.yaml", SCHEMA)
    mine = study["collections"]["mine"]
    assert (mine["relevant"], mine["non_relevant"]) == ([2, 3], [0])
    asked = capsys.readouterr().err
    assert "The ranker (a folder, or a hub id): " in asked
    assert "ir_datasets id 'nowhere/x/y' is unknown" in asked  # told, and asked again
    assert "Which grades are relevant [1 2 3]: " in asked


def test_a_file_that_is_there_stays_unless_it_is_said(here, monkeypatch, capsys):
    (here / "study.yaml").write_text("mine")
    for answer, code in (("\n", 1), ("y\n", 0)):
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"1 2 3\n0\nname\n{answer}"))
        assert _new("study.yaml") == code
    assert read_study("study.yaml", SCHEMA)["study"] == "name"
    assert "was left as it is" in capsys.readouterr().err


MISTAKES = {
    "no ranker": (["--yes", "--collection", "mine=mine"], "--ranker is missing"),
    "no folder": (["--yes", "--ranker", "./no", "--collection", "m=mine"], "no folder ./no"),
    "no collection": (["--yes", "--ranker", "RANKER"], "--collection is missing"),
    "no name": (["--yes", "--ranker", "RANKER", "--collection", "mine"], "NAME=WHAT is needed"),
    "no file": (["--yes", "--ranker", "RANKER", "--collection", "m=RANKER"], "no documents in"),
    "an id": (["--yes", "--ranker", "RANKER", "--collection", "m=no/such"], "'no/such' is unknown"),
    "braces": (
        ["--yes", "--ranker", "RANKER", "--collection", "m={source: fils, id: x}"],
        "source: 'fils' was found; allowed are ir_datasets",
    ),
    "a key": (
        ["--yes", "--ranker", "RANKER", "--collection", "m={source: docstrings, packge: csv}"],
        "packge: is no key of source docstrings (did you mean 'package'?)",
    ),
    "grades": (
        [
            *["--yes", "--ranker", "RANKER", "--collection"],
            "m={source: files, documents: mine/docs.tsv, queries: mine/queries.tsv, "
            "qrels: mine/qrels.txt, relevant: [0], non_relevant: []}",
        ],
        "relevant grade 0 would gain nothing",
    ),
    "a line": (
        [
            *["--yes", "--ranker", "RANKER", "--collection"],
            "m={source: files, documents: mine/qrels.txt, queries: mine/queries.tsv, "
            "qrels: mine/qrels.txt}",
        ],
        "extension '.txt' is unknown",
    ),
    "nobody": (["--ranker", "RANKER"], "nobody answered"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_told_and_nothing_written(name, here, monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    words, expected = MISTAKES[name]
    assert main(["study", "new", "x.yaml", *words, "--workflow", str(ROOT)]) == 1
    told = capsys.readouterr().err
    assert expected in told and told.splitlines()[-1].startswith(("Error: ", "A collection"))
    assert not (here / "x.yaml").exists()


def test_check_lists_the_jobs_of_the_workflow(here, capsys):
    assert _new("study.yaml", "--yes") == 0
    capsys.readouterr()
    assert main(["study", "check", "study.yaml", "--workflow", str(ROOT)]) == 0
    printed = capsys.readouterr().out
    jobs = {line.split()[0]: line.split()[1:] for line in printed.splitlines() if line.split()}
    assert jobs["prepare_collection"] == ["1"] and jobs["attribute_neurons"] == ["2"]
    assert "Memory that the largest job asks for" in printed
    assert "found and tested on the same questions" in printed and "BERT-large" not in printed
    assert "in no collection: add one to ablation.collections" in printed


def test_check_says_of_which_ranker_its_estimates_are(here, capsys):
    """Where it has none to look at."""
    assert _new("study.yaml", "--yes") == 0
    text = (here / "study.yaml").read_text("utf-8")
    other = re.sub("^  model: .*$", "  model: someone/ranker", text, flags=re.MULTILINE)
    (here / "study.yaml").write_text(other)
    capsys.readouterr()
    assert main(["study", "check", "study.yaml", "--workflow", str(ROOT)]) == 0
    told = capsys.readouterr().out
    assert "The config of someone/ranker is not on this machine" in told
    assert "as large as BERT-large" in told


def test_check_tells_a_mistake_as_the_workflow_does(here, capsys):
    assert _new("study.yaml", "--yes") == 0
    text = (here / "study.yaml").read_text("utf-8")
    (here / "study.yaml").write_text(
        text.replace("  quadrature: adaptive", "  quadratur: adaptive")
    )
    capsys.readouterr()
    assert main(["study", "check", "study.yaml", "--workflow", str(ROOT)]) == 1
    told = capsys.readouterr().err
    assert told.startswith("Error: study.yaml: attribution.quadratur: unknown key (did you mean")
    assert told.count("\n") == 1


def test_keys_are_changed_taken_out_and_hidden_line_by_line():
    text = "a: 1    # one\nb:\n  c: [2,\n      3]   # more\n  # d: 4   # four\n  e: 5\n# end\n"
    made = Commented(text)
    made.set("a", "x: y")
    made.unhide("b.d")
    made.hide("b.e")
    assert made.text() == (
        'a: "x: y" # one\nb:\n  c: [2,\n      3]   # more\n  d: 4   # four\n  # e: 5\n# end\n'
    )
    made.set("b.d", 44)
    made.remove("b.c")
    assert made.text() == 'a: "x: y" # one\nb:\n  d: 44  # four\n  # e: 5\n# end\n'


@pytest.mark.parametrize(
    "value",
    ["plain", "a/b-c", "./x y", "no", "", "7", "a: b", "[x", "é", " x", [1, "no"], {"a": [2]}],
)
def test_values_are_written_as_they_are_read(value):
    assert yaml.safe_load(f"key: {flow(value)}") == {"key": value}
    assert parse(f"key: {flow(value)}") == {"key": value}
