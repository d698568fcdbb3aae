"""docs/troubleshooting.md holds every message of the code, each with its way out."""

import ast
import inspect
import re
from collections import Counter
from pathlib import Path

import pytest
import snakemake.jobs
from snakemake.exceptions import LockException

from docs import write_troubleshooting
from docs.find_messages import ERRORS, File, find_messages
from docs.message_words import words
from relevance_neurons.collections.user_files import read_judgments
from relevance_neurons.errors import UserError

ROOT = Path(__file__).parents[2]
MESSAGES = find_messages(ROOT)
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
OWN_WORDS = "says itself what to write"
PASSED_ON = "it ends with another message, which has one"
NO_WAY_OUT = {
    "usage: python -m study.resume": OWN_WORDS,
    "--config: <message>": PASSED_ON,
    "--config: <key>: <message>": PASSED_ON,
}
"""Beginnings of messages without a way out, and why they have none."""


def starts_with_one_of(message, starts):
    return any(message.text.startswith(start) for start in starts)


def test_the_page_is_that_of_the_code():
    assert write_troubleshooting.page(MESSAGES) == PAGE, "`make docs` writes it"


def test_every_message_has_a_way_out():
    told = [one for one in MESSAGES if not one.passes_on and not one.way_out]
    assert not [one for one in told if not starts_with_one_of(one, NO_WAY_OUT)]
    texts = [one.text for one in told]
    gone = [start for start in NO_WAY_OUT if not any(text.startswith(start) for text in texts)]
    assert not gone, "these have one, or are gone: take them off the list"


def test_every_message_is_one_line():
    assert not [one for one in MESSAGES if "\n" in one.text]


def test_the_page_tells_each_of_them():
    for one in MESSAGES:
        if not one.passes_on:
            assert write_troubleshooting.entry(one) in PAGE


def test_no_place_where_messages_are_made_is_missed():
    """By a search for the words alone, in all files and in those of the rules."""
    found = Counter((one.file, one.by) for one in MESSAGES)
    classes = "|".join(ERRORS | {"TooFewLeft", "line_error"})
    logs = r"(?<=logger\.)(?:warning|error)|(?<=warnings\.)warn"
    made = re.compile(rf"(?<!class )(?<!def )({logs}|\b(?:{classes}))\(")
    searched = Counter(
        (path.relative_to(ROOT).as_posix(), called)
        for pattern in ("workflow_scripts/**/*.py", "rules/*.smk", "Snakefile")
        for path in ROOT.glob(pattern)
        for called in made.findall(path.read_text(encoding="utf-8"))
    )
    kinds = re.compile(f"{classes}|warning|error|warn")
    assert searched == {key: number for key, number in found.items() if kinds.fullmatch(key[1])}
    assert searched.total() > 150


def test_other_kinds_of_messages_are_found():
    texts = [one.text for one in MESSAGES]
    for part in (
        "PYTHON=… names another one",  # Makefile
        "--configfile",  # of the functions that rules use
        "is not defined under collections",  # a contradiction
        "unknown key",  # of the schema
        "all maps must come from the same ranker",  # SQL
        "(a fault of the program); report it with its log",  # of a job's end
        "<path>, line <line>: not CSV (<error>); is a quote left open?",  # with a file's line
    ):
        assert any(part in text for text in texts), part


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (
            "f'{path}: {len(rows)} rows; {size - 1} at most'",
            "<path>: <number of rows> rows; <size - 1> at most",
        ),
        ("f'{show(n_points)!r} of {self.doc_ids[0]}'", "<n points> of <doc ids>"),
        ("f'''allowed: {', '.join(KNOWN)}'''", "allowed: a, b"),
        ("f'''{', '.join(sorted(names)) or 'none'}'''", "<names>"),
        ("f'''no {type(x).__name__} in {row['key']}'''.rstrip()", "no <type> in <key>"),
        ("f\"{REASON}: {f(1, y)}{'s' if many else ''}\"", "for this: <f>s"),
        ("'in ' f'{a.b.strerror or error}'", "in <error>"),
    ],
)
def test_words_of_an_expression(code, text):
    node = ast.parse(code, mode="eval").body
    assert words(node, {"KNOWN": ("a", "b"), "REASON": "for this"}) == text


SOURCE = """
def at(path, message):
    return UserError(f"{path}: {message}")

def read(path, what):
    if path:
        raise at(path, f"no {what} here; give one")
    try:
        run()
    except UserError as error:
        raise UserError(f"in {path}: {error}")
    except OSError as error:
        raise UserError(f"in {path}: {error}")
    # Rows come late.
    # Way out: nothing need be done;
    # they are counted.
    logger.warning("%d rows of %s, %.1f %%", *(len(rows), path), share)

read(file, "query")
read(file, f"{kind} file")
"""


def test_messages_of_a_file():
    file = File("a.py", SOURCE)
    file.errors = ERRORS
    file.helpers = file.find_helpers()
    helper, line, ours, theirs, warning = file
    assert file.helpers == {"at": "<path>: "} and helper.passes_on
    assert (line.found, line.way_out, line.by) == ("<path>: no <what> here", "give one", "at")
    assert line.notes == (("what", ("query", "<kind> file")),)
    assert ours.passes_on and not theirs.passes_on and not theirs.way_out
    assert warning.is_warning and warning.text == "<number of rows> rows of <path>, <share> %"
    assert warning.way_out == "nothing need be done; they are counted."


def test_a_real_message_is_found_by_its_words(tmp_path):
    qrels = tmp_path / "qrels.txt"
    qrels.write_text("q 0 d high\n")
    with pytest.raises(UserError) as caught:
        list(read_judgments(qrels))
    patterns = [
        re.sub(r"<[^<>]+>", ".+", re.escape(one.text).replace(r"\ ", " "))
        for one in MESSAGES
        if not one.passes_on and one.function == "read_judgments"
    ]
    assert [one for one in patterns if re.fullmatch(one, str(caught.value))] == [
        ".+, line .+: the grade .+ is no integer of up to 9 digits; write one"
    ]


def test_a_file_without_a_stage_is_told():
    with pytest.raises(SystemExit, match=r"new/x\.py: its messages have no place in the page; add"):
        write_troubleshooting.stage_of("workflow_scripts/new/x.py")


def test_what_the_page_says_of_others_is_true():
    causes = write_troubleshooting.CAUSES
    assert "`Directory cannot be locked`" in causes
    assert "Directory cannot be locked" in str(LockException())
    for said in (
        "Params have changed since last execution",
        "Code has changed since last execution",
    ):
        assert said in inspect.getsource(snakemake.jobs)
    for named in re.findall(r"`(\w+/[\w.]+\.yaml)`|\((\w+\.md)\)", causes):
        assert (ROOT / (named[0] or f"docs/{named[1]}")).is_file()
    assert "most_minutes" in (ROOT / "slurm" / "config.yaml").read_text()
    assert all(f"\n{target}:" in (ROOT / "Makefile").read_text() for target in ("resume", "unlock"))


def test_markdown_shows_every_letter():
    assert write_troubleshooting.code("a `b`\n<c>") == "`` a `b` <c> ``"
    assert write_troubleshooting._as_text("name <x> in `y <z>` or $HOME") == (
        "name `<x>` in `y <z>` or `$HOME`"
    )
