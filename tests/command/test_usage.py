"""How the command speaks: help with examples that run, one line for a mistake, exit codes."""

import re
import shlex
import subprocess
import sys

import polars as pl
import pytest

from relevance_neurons.command import ablate, attribute, explain, tokens, top
from relevance_neurons.command.main import COMPLETION, EPILOGUE, main, make_app
from relevance_neurons.command.study import CHECK_EPILOGUE, NEW_EPILOGUE

COMMANDS = {
    (): EPILOGUE,
    ("attribute",): attribute.EPILOGUE,
    ("top",): top.EPILOGUE,
    ("ablate",): ablate.EPILOGUE,
    ("explain",): explain.EPILOGUE,
    ("tokens",): tokens.EPILOGUE,
    ("completion",): COMPLETION,
    ("study", "new"): NEW_EPILOGUE,
    ("study", "check"): CHECK_EPILOGUE,
}


def _examples(epilogue: str) -> list[list[str]]:
    lines = re.findall(r"^    relevance-neurons (.*?)(?: >.*)?$", epilogue, re.MULTILINE)
    return [shlex.split(line) for line in lines]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_examples(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main([*command, "--help"]) == 0
    printed = capsys.readouterr().out
    examples = _examples(COMMANDS[command])
    assert examples and all(" ".join(one[:2]) in printed for one in examples)


def test_every_command_has_examples():
    names = {name for name in make_app() if not name.startswith("-")}
    assert names == {command[0] for command in COMMANDS if command}


def _runnable() -> list[tuple[list[str], str]]:
    """Those of every help, but for study's: tests/study runs them in a clone."""
    found = [one for epilogue in COMMANDS.values() for one in _examples(epilogue)]
    return [one for one in found if one[0] != "study"]


@pytest.mark.parametrize("words", _runnable(), ids=" ".join)
def test_the_examples_run(words, here, capsys):
    if words[0] == "ablate":
        pytest.importorskip("relevance_neurons.ablation.compare")
    numbers = {"layer": [n % 6 for n in range(600)], "neuron": [n // 6 for n in range(600)]}
    named = {"component": pl.lit("value"), "label": pl.lit("relevant")}
    scores = pl.DataFrame(numbers).with_columns(score=pl.col("neuron"), **named)
    for name in ("scores", "others"):
        scores.write_parquet(f"{name}.parquet")
    scores.filter(pl.col("layer") < 3, pl.col("neuron") < 2).write_csv("neurons.csv")
    assert main(words) == 0, capsys.readouterr().err
    assert capsys.readouterr().out


PAIR = "query\tpassage\nwing\tlift\n"
MISTAKES = {
    "no such file": (["attribute", "RANKER", "no.tsv"], "no.tsv: cannot be read: No such file"),
    "extension": (["attribute", "RANKER", "RANKER/config.json"], "extension '.json' is unknown"),
    "column": (["tokens", "RANKER", "columns.tsv"], "columns.tsv, line 1: no column 'passage'"),
    "empty text": (["attribute", "RANKER", "empty.tsv"], "empty.tsv, line 3: passage is '  '"),
    "label": (["attribute", "RANKER", "label.csv"], "label.csv, line 2: label is 'maybe'"),
    "no pair": (["attribute", "RANKER", "header.tsv"], "header.tsv: empty; at least one line"),
    "columns": (["attribute", "RANKER", "wide.csv"], "wide.csv, line 2: 3 columns; the header has"),
    "json": (["attribute", "RANKER", "bad.jsonl"], "bad.jsonl, line 2: not JSON"),
    "ranker": (["attribute", "./nowhere", "pairs.tsv"], "no folder ./nowhere"),
    "setting": (
        ["attribute", "RANKER", "pairs.tsv", "--method", "random", "--tolerance", "0.1"],
        "attribution.tolerance: 0.1 was found; random does not use it",
    ),
    "output": (["attribute", "RANKER", "pairs.tsv", "-o", "x.xlsx"], "x.xlsx ends in '.xlsx'"),
    "rows": (["attribute", "RANKER", "pairs.tsv", "--rows", "0"], "--rows: 0 was found"),
    "scores": (["top", "label.csv"], "label.csv: no column layer, component, neuron, score"),
    "neuron": (["top", "named.csv"], "named.csv: neuron 'first' was found; layer and neuron"),
    "label of a map": (
        ["top", "named.csv", "--label", "relevant"],
        "named.csv: no map of label 'relevant'; it has no column label",
    ),
    "file and pair": (
        ["explain", "RANKER", "pairs.tsv", "--query", "wing"],
        "explain: a file and a pair; give the file, or --query and --passage",
    ),
    "short": (
        ["attribute", "RANKER", "pairs.tsv", "--max-length", "4"],
        "a whole number from 5 is",
    ),
    "half a sign": (["attribute", "RANKER", "half.jsonl"], "half.jsonl, line 1: the query holds a"),
    "methods": (["top", "methods.csv"], "across: fusion was found with maps of nig, other"),
    "screen": (
        [
            *["attribute", "RANKER", "pairs.tsv", "--method", "single_ablation"],
            "--screen",
            "methods.csv",
        ],
        "--screen: methods.csv holds 2 maps (methods.csv: nig, methods.csv: other)",
    ),
    "no scores": (["top"], "top: no file was given"),
    "table": (["top", "bad.parquet"], "bad.parquet: cannot be read"),
    "gain": (["ablate", "RANKER", "neurons.csv", "pairs.tsv"], "line 2: no column 'gain' or"),
    "gains": (["ablate", "RANKER", "neurons.csv", "gain.tsv"], "line 2: gain is '-1'"),
    "twice": (["ablate", "RANKER", "neurons.csv", "twice.tsv"], "is there already, on line 2"),
    "pair twice": (["tokens", "RANKER", "ids.tsv"], "ids.tsv, line 3: passage 'd' of query '7' is"),
    "all": (["ablate", "RANKER", "all.csv", "candidates.tsv"], "holds all 312 neurons of the"),
    "no pair given": (
        ["explain", "RANKER", "--query", "wing"],
        "explain: no pair; give a file of pairs, or both --query and",
    ),
    "percent": (["explain", "RANKER", "pairs.tsv", "--top-percent", "0"], "--top-percent: 0.0"),
    "first": (["explain", "RANKER", "pairs.tsv", "--first", "0"], "--first: 0 was found; a whole"),
    "device": (
        ["attribute", "RANKER", "pairs.tsv", "--device", "tpux"],
        "device: 'tpux' was found",
    ),
    "no clone": (["study", "check", "study.yaml"], "study: no clone of the project in"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line(name, here, tiny_folder, capsys):
    files = {
        "columns.tsv": "query\ttext\na\tb\n",
        "empty.tsv": f"{PAIR}wing\t  \n",
        "label.csv": "query,passage,label\na,b,maybe\n",
        "header.tsv": "query\tpassage\n",
        "wide.csv": "query,passage\na,b,c\n",
        "bad.jsonl": '{"query": "a", "passage": "b"}\n{"query": \n',
        "bad.parquet": "no parquet",
        "gain.tsv": "query\tpassage\tgain\nwing\tlift\t-1\n",
        "twice.tsv": "query\tdoc_id\tpassage\tgain\nwing\t1\tlift\t1\nwing\t1\tlift\t1\n",
        "ids.tsv": "query_id\tdoc_id\tquery\tpassage\n7\td\twing\tlift\n7\td\twing\tlift\n",
        "neurons.csv": "layer,component,neuron\n0,value,1\n",
        "named.csv": "layer,component,neuron,score\n0,value,first,1\n",
        "half.jsonl": '{"query": "\\ud800", "passage": "b"}\n',
        "methods.csv": "method,layer,component,neuron,score\nnig,0,value,1,1\nother,0,value,1,9\n",
    }
    for file, text in files.items():
        (here / file).write_text(text)
    if name == "all":
        from relevance_neurons import load_reranker

        load_reranker(tiny_folder, max_length=64).neurons.frame().write_csv("all.csv")
    words, expected = MISTAKES[name]
    assert main(words) == 1
    printed = capsys.readouterr()
    assert expected in printed.err and printed.err.startswith("Error: ")
    assert printed.err.count("\n") == 1 and not printed.out


@pytest.mark.parametrize(
    "words", [["attribute"], ["nothing"], ["top", "x.csv", "--across", "sum"], ["tokens", "--odd"]]
)
def test_wrong_usage_is_told_and_ends_in_2(words, capsys):
    assert main(words) == 2
    assert "Error" in capsys.readouterr().err


def test_ctrl_c_ends_in_130(here, monkeypatch):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("relevance_neurons.command.files.read_pairs", interrupted)
    assert main(["attribute", "RANKER", "pairs.tsv"]) == 130


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_it(shell, capsys):
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert all(name in script for name in ("attribute", "explain", "--top-percent", "relevance"))
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script, text=True, check=True)


def test_it_starts_without_torch_and_runs_as_a_program(here):
    code = (
        "import sys; from relevance_neurons.command.main import main; main(['--help']); "
        "print({'torch', 'polars', 'transformers'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n"
    program = [sys.executable, "-m", "relevance_neurons"]
    done = subprocess.run([*program, "--version"], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"\d+\.\d+\.\d+\S*\n", done.stdout)
    done = subprocess.run([*program, "top"], capture_output=True, text=True)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
