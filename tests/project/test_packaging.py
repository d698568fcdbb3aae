"""The library as pip installs it: without the workflow, without what the extras bring."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from toys.bert import WORDS, make_model, make_tokenizer

ROOT = Path(__file__).resolve().parents[2]
HIDDEN = """
import sys
from importlib.machinery import PathFinder

hidden, find = set({names!r}), PathFinder.find_spec
PathFinder.find_spec = classmethod(
    lambda cls, name, path=None, target=None: (
        None if name.split(".")[0] in hidden else find(name, path, target)
    )
)
"""
OF_EXTRAS = [
    *("snakemake", "ir_datasets", "pyterrier", "pyterrier_pisa", "Stemmer", "matplotlib"),
    *("plotly", "itables", "captum", "sklearn", "sentencex", "nltk"),
]
USE = """
import relevance_neurons
from relevance_neurons import ablate, attribute, attribute_tokens, load_reranker

assert relevance_neurons.__file__.startswith({installed!r}), relevance_neurons.__file__
reranker = load_reranker({model!r}, max_length=48)
pairs = [({query!r}, {passage!r}), ({query!r}, {query!r})]
scores = attribute(reranker, pairs).frame()
whole = reranker.score(pairs)
with ablate(reranker, scores.top_k(9, by="score")):
    assert (reranker.score(pairs) != whole).all()
attribute_tokens(reranker, pairs, method="leave_one_out")
try:
    attribute_tokens(reranker, pairs, method="lime")
except relevance_neurons.UserError as error:
    print(error)
"""

DOORS = {
    "collections.sources": ("ir_datasets", "retrieval"),
    "collections.words": ("Stemmer", "retrieval"),
    "report.figures.overlaps": ("matplotlib", "plots"),
    "report.explorer.explore": ("itables", "plots"),
    "mechanism.semantic_bm25.regression": ("sklearn", "tokens"),
}
OPEN = """
from importlib import import_module
from relevance_neurons import UserError

for name in {doors!r}:
    try:
        import_module("relevance_neurons." + name)
    except UserError as error:
        print(error)
from relevance_neurons.collections.sentences import split_sentences
try:
    split_sentences("One. Two.")
except UserError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """The folder that the wheel was installed to."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    options = ["--no-build-isolation", "--no-deps", "--no-index"]
    # From a copy of what is in git: setuptools leaves folders behind where it builds.
    source = tmp_path_factory.mktemp("source")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file() and name.startswith(("workflow_scripts/rel", "py", "R", "L")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([*pip, "install", *options, "--target", str(folder), str(source)], check=True)
    return folder


def run(code: str, folder: Path, path: Path | None = None) -> subprocess.CompletedProcess:
    """Run code away from the clone; the library is the one of ``path`` alone."""
    command = [sys.executable, "-c", code]
    return subprocess.run(
        command,
        cwd=folder,
        env={"PYTHONPATH": str(path), "PATH": "", "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_face_works_without_the_extras(installed, tmp_path):
    """And what needs one names it, in one line."""
    make_model().save_pretrained(tmp_path / "model")
    make_tokenizer().save_pretrained(tmp_path / "model")
    texts = {"query": " ".join(WORDS[:3]), "passage": " ".join(WORDS[2:9])}
    use = USE.format(installed=str(installed), model=str(tmp_path / "model"), **texts)
    done = run(HIDDEN.format(names=OF_EXTRAS) + use, tmp_path, installed)
    assert done.returncode == 0, done.stderr
    missing = "the package captum is not installed; pip install 'relevance-neurons[tokens]' "
    assert done.stdout == f"{missing}brings it\n"


def test_every_door_to_an_extra_names_it(installed, tmp_path):
    done = run(HIDDEN.format(names=OF_EXTRAS) + OPEN.format(doors=list(DOORS)), tmp_path, installed)
    needed = [*DOORS.values(), ("sentencex", "tokens")]
    told = [
        f"the package {package} is not installed; pip install 'relevance-neurons[{name}]' brings it"
        for package, name in needed
    ]
    assert done.stdout.splitlines() == told, done.stderr


def test_the_wheel_holds_what_the_code_reads(installed):
    library = ROOT / "workflow_scripts" / "relevance_neurons"
    wanted = {
        path.relative_to(library)
        for path in library.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    own = installed / "relevance_neurons"
    found = {
        path.relative_to(own)
        for path in own.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert found == wanted and Path("py.typed") in found


def test_the_command_is_installed(installed):
    (entry,) = installed.glob("relevance_neurons-*.dist-info/entry_points.txt")
    assert "relevance-neurons = relevance_neurons.command.main:main" in entry.read_text()


def test_the_command_works_without_the_extras(installed, tmp_path):
    use = "from relevance_neurons.command.main import main\nraise SystemExit(main(['--help']))"
    done = run(HIDDEN.format(names=OF_EXTRAS) + use, tmp_path, installed)
    assert done.returncode == 0 and "attribute" in done.stdout, done.stderr
