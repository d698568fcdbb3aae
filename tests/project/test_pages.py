"""Every block of README.md and of the pages is tried, as far as it can be; what is not says why.

Python runs on a small ranker in the place of the hub's and on the empty tables of a study; SQL on
these tables; YAML is checked by the schema; of shell lines make's are run with -n, Snakemake's
are read by its own parser (one is run with -n), and those of our own command are run.
"""

import itertools
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import duckdb
import jsonschema
import pytest
import snakemake.cli
import yaml
from sybil import Document
from sybil.parsers.markdown.lexers import FencedCodeBlockLexer

from relevance_neurons.command.main import main
from toys.hub import offline
from toys.studies import SCHEMA

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DATABASE = ("relevance_neurons/running/macros.sql", "report/database_tables.sql")
RUN = {"python", "sql", "yaml", "sh"}
SHOWN = {"text", "console", ""}
"""Languages of blocks that show what is printed, or (without one) how something is drawn."""
NOT_RUN = {
    ("docs/command.md", "it reads the sizes of every job of a study; tests/command runs it"): 1,
    ("docs/command.md", "it writes to the user's own shell"): 1,
    (
        "docs/compare_studies.md",
        "it needs the databases of two studies that ran, and tests/report has them",
    ): 1,
}
"""Blocks that are not tried: page and reason, which stands before them in a comment; how many."""


class Block(NamedTuple):
    page: str
    line: int
    language: str
    source: str
    not_run: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(path: Path) -> list[Block]:
    """The fenced blocks of a page."""
    text = path.read_text(encoding="utf-8")
    found = []
    for region in FencedCodeBlockLexer(language=r"[^\n]*")(Document(text, str(path))):
        opening = re.match(r"\s*`{3,}([^\n]*)", text[region.start : region.end])
        mark = re.search(r"<!-- not run: ([^\n]*) -->\s*\Z", text[: region.start])
        name = path.relative_to(ROOT).as_posix()
        line = text.count("\n", 0, region.start) + 1
        source = str(region.lexemes["source"])
        found.append(Block(name, line, opening[1].strip(), source, mark[1] if mark else ""))
    return found


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
TRIED = [block for block in BLOCKS if block.language in RUN and not block.not_run]


def of(language: str) -> list[Block]:
    return [block for block in TRIED if block.language == language]


def shell_lines(program: str) -> list:
    """The commands of all shell blocks that begin with ``program`` (after settings)."""
    return [
        pytest.param(words, id=f"{block}: {' '.join(words)}")
        for block in of("sh")
        for words in commands(block.source)
        if words[0] == program
    ]


def commands(source: str) -> list[list[str]]:
    """The commands of a shell block, in words, without comments and what is set before them."""
    lines = source.replace("\\\n", " ").splitlines()
    words = [shlex.split(line, comments=True) for line in lines]
    settings = r"export|[A-Z_]+=.*"  # make takes its own as they are
    rest = [
        line if line[:1] == ["make"] else [one for one in line if not re.fullmatch(settings, one)]
        for line in words
    ]
    return [line for line in rest if line]


@pytest.fixture(scope="module")
def clone(hub_cache, tmp_path_factory) -> Path:
    """What a user has before them: the project's files, and the tables of studies that ran."""
    folder = tmp_path_factory.mktemp("clone")
    for path in ROOT.iterdir():
        if path.name not in ("results", "studies", ".git", ".snakemake"):
            (folder / path.name).symlink_to(path)
    (folder / "studies").mkdir()
    for path in (ROOT / "studies").iterdir():
        (folder / "studies" / path.name).symlink_to(path)
    (folder / "studies" / "mine.yaml").symlink_to(ROOT / "studies" / "tutorial" / "study.yaml")
    for study in ("docstrings", "tutorial", "mine"):
        (folder / "results" / study).mkdir(parents=True)
        with duckdb.connect(folder / "results" / study / "neurons.duckdb") as database:
            for sql in DATABASE:
                database.execute((ROOT / "workflow_scripts" / sql).read_text(encoding="utf-8"))
    (ranker,) = hub_cache.glob("*/snapshots/*")
    (folder / "results" / "docstrings" / "reranker").symlink_to(ranker)
    return folder


def test_every_block_is_tried_or_says_why_not():
    known = RUN | SHOWN
    assert not [str(block) for block in BLOCKS if block.language.split("{")[0] not in known]
    given = [(block.page, block.not_run) for block in BLOCKS if block.not_run]
    assert {one: given.count(one) for one in given} == NOT_RUN
    assert len(of("python")) >= 4 and len(of("sh")) >= 10


@pytest.mark.parametrize("page", sorted({block.page for block in of("python")}))
def test_python(page, clone, hub_cache, monkeypatch):
    """The blocks of a page run one after the other."""
    monkeypatch.chdir(clone)
    offline(monkeypatch, hub_cache)
    names: dict = {}
    for block in of("python"):
        if block.page == page:
            lines = "\n" * block.line + block.source
            exec(compile(lines, block.page, "exec"), names)


@pytest.mark.parametrize("block", of("sql"), ids=str)
def test_sql(block, clone):
    with duckdb.connect(clone / "results" / "docstrings" / "neurons.duckdb", read_only=True) as one:
        for query in one.extract_statements(block.source):
            one.execute(query).fetchall()


@pytest.mark.parametrize("block", of("yaml"), ids=str)
def test_yaml(block):
    """What a study file may say under these keys."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.validate(yaml.safe_load(block.source), {**schema, "required": []})


@pytest.mark.parametrize("words", shell_lines("make"))
def test_make(words, clone):
    done = subprocess.run(
        [*words, "-n", "--no-print-directory"], cwd=clone, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", shell_lines("snakemake"))
def test_snakemake(words, clone, monkeypatch):
    """Its options and profile are there, and the files that it is given."""
    monkeypatch.chdir(clone)
    _, given = snakemake.cli.parse_args(words[1:])
    assert all(Path(file).is_file() for file in given.configfile or ())
    assert all((clone / name / "config.yaml").is_file() for name in given.profile or ())


def test_the_tutorials_study_is_one(clone):
    """By a dry run, which is what the tutorial has run first."""
    shown = [words.values[0] for words in shell_lines("snakemake") if "-n" in words.values[0]]
    (words,) = [words for words in shown if "studies/tutorial/study.yaml" in words]
    command = [sys.executable, "-m", *words, "--quiet", "--directory", clone]
    done = subprocess.run(command, cwd=clone, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_command(clone, hub_cache, monkeypatch):
    """Our own command, line by line: what one writes the next may read."""
    monkeypatch.chdir(clone)
    offline(monkeypatch, hub_cache)
    lines = shell_lines("relevance-neurons")
    assert len(lines) >= 5
    for line in lines:
        (words,) = line.values
        assert main(words[1:]) == 0, line.id


def test_no_other_program_is_left_out():
    programs = {words[0] for block in of("sh") for words in commands(block.source)}
    assert programs == {"grep", "make", "relevance-neurons", "snakemake"}


def test_readme_is_one_screen_a_part():
    lines = (ROOT / "README.md").read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 100
    starts = [n for n, line in enumerate(lines) if line.startswith("## ")] + [len(lines)]
    assert all(end - start <= 24 for start, end in itertools.pairwise(starts))
