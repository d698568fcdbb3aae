"""Find every message that a user can see, by reading the code; none of it is run.

Errors where they are made, warnings of the log, and what functions say in words to those that raise
it (``MAKERS``).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from docs.message_words import (
    assigned,
    constants,
    given,
    is_text,
    logged,
    name,
    said,
    words,
)

ERRORS = {"UserError", "StudyError", "ResumeError", "WorkflowError"}
EXITS = {"exit", "_fail"}
WARNINGS = {"warning", "warn", "error"}
MAKERS = {"contradictions", "describe", "misfit", "notes", "reasons_of_failure", "run_sql"}
"""Functions whose words others raise: what they, or those named after them, return or yield; of
``run_sql``, what the .sql files say."""
WAY_OUT = "# Way out: "
"""Begins a comment above a warning that comes too often to be longer."""
_DEFINITIONS = re.compile(r"^(?:class|def) .*\n(?:(?:[ \t]+.*)?\n)*", re.MULTILINE)
_SQL = re.compile(r"format\(((?:\s*'(?:[^']|'')*')+),\s*(.*?)\)(?: AS fault)?\s+FROM", re.DOTALL)
_MAKE = re.compile(r"""echo "Error: (.+?)"|sys\.exit\(.+? and '(.+?)'\)""")
Function = ast.FunctionDef | None
"""What a message is made in."""


@dataclass(frozen=True)
class Message:
    """A message and where it is.

    ``by``: what is called to make it, "" where it is said and not raised; ``comment``: what to do,
    from above it; ``passes_on``: it ends with another one's words; ``notes``: what a part of it
    can be, by the part's name.
    """

    file: str
    function: str
    text: str
    by: str = ""
    comment: str = ""
    passes_on: bool = False
    notes: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def is_warning(self) -> bool:
        """Whether it stands in a log alone, and stops nothing."""
        return self.by in WARNINGS

    @property
    def way_out(self) -> str:
        """What to do: behind the last semicolon, or in the comment; "" where nothing is said."""
        return self.comment or ("; " in self.text) * self.text.rpartition("; ")[2]

    @property
    def found(self) -> str:
        """The message without its way out."""
        return self.text if self.comment else self.text.removesuffix(f"; {self.way_out}")


def find_messages(root: Path) -> list[Message]:
    """All messages under ``root``, file by file, in the order of the lines."""
    texts = {path: path.read_text(encoding="utf-8") for path in _sources(root)}
    for path in texts:
        if path.suffix != ".py":  # of rules, the functions are Python
            texts[path] = "".join(_DEFINITIONS.findall(texts[path]))
    files = [File(path.relative_to(root).as_posix(), text) for path, text in texts.items()]
    errors = ERRORS.union(*(one.subclasses() for one in files))
    known = {key: value for one in files for key, value in one.constants.items()}
    for one in files:
        one.errors, one.known = errors, known | one.constants
    helpers = {key: value for one in files for key, value in one.find_helpers().items()}
    for one in files:
        one.helpers = helpers
    return [*_of_makefile(root), *(found for one in files for found in one), *_of_sql(root)]


def _sources(root: Path) -> list[Path]:
    rules = [root / "Snakefile", *sorted((root / "rules").glob("*.smk"))]
    return [*rules, *sorted((root / "workflow_scripts").rglob("*.py"))]


class File:
    """The messages of a file of Python; ``errors``, ``known``, ``helpers`` are those of all."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.lines, self.tree = path, text.splitlines(), ast.parse(text)
        self.constants = dict(constants(self.tree))
        self.functions = {one.name: one for one in self.tree.body if _is_function(one)}
        self.errors: set[str] = set()
        self.known: dict[str, object] = {}
        self.helpers: dict[str, str] = {}
        """Functions that make an error of their last argument, and what they put before it."""

    def subclasses(self) -> set[str]:
        """The classes that are errors of ours."""
        classes = [node for node in ast.walk(self.tree) if isinstance(node, ast.ClassDef)]
        return {one.name for one in classes if ERRORS & _names(*one.bases)}

    def find_helpers(self) -> dict[str, str]:
        """Those of this file: their last argument is ``message``."""
        sites = [(function, shown[0]) for function, _, shown in self._sites() if function]
        return {
            function.name: words(node, self.known).removesuffix("<message>")
            for function, node in sites
            if function.args.args and function.args.args[-1].arg == "message"
            if words(node, self.known).endswith("<message>")
        }

    def __iter__(self) -> Iterator[Message]:
        for function, node, (shown, start) in self._sites():
            by, within = _called(node), function.name if function else ""
            text = start + (logged if by in WARNINGS else words)(shown, self.known)
            text, notes = _told(text.removeprefix("Error: "), dict(self._parts(function, node)))
            comment = self._comment(node.lineno - 1)
            passes_on = within in self.helpers or self._passes_on(function, shown)
            yield Message(self.path, within, text, by, comment, passes_on, notes)

    def _sites(self) -> Iterator[tuple[Function, ast.AST, list]]:
        """Where messages are made: function, node, its expressions and what is put before them."""
        for function, node in sorted(_walk(self.tree, None), key=lambda one: _line(one[1])):
            called = _called(node)
            if called in self.helpers:
                yield function, node, [node.args[-1], self.helpers[called]]
            elif called in self.errors or (called in EXITS and is_text(node.args[0])):
                yield function, node, [node.args[0], ""]
            elif called in WARNINGS and ast.unparse(node.func).startswith(("logger", "warnings")):
                yield function, node, [node, ""]
            elif _is_maker(function) and isinstance(node, ast.Yield | ast.Return):
                yield from [(function, node, [node.value, ""])] * is_text(node.value)

    def _comment(self, line: int) -> str:
        """What to do, by the comment that ends on ``line``."""
        lines = []
        while line and (text := self.lines[line - 1].strip()).startswith("#"):
            lines.insert(0, text)
            line -= 1
        return " ".join(lines).partition(WAY_OUT)[2].replace(" # ", " ")

    def _passes_on(self, function: Function, shown: ast.AST) -> bool:
        """Whether the message ends with one that was made elsewhere."""
        last = shown.values[-1] if isinstance(shown, ast.JoinedStr) else shown
        last = last.value if isinstance(last, ast.FormattedValue) else last
        if isinstance(last, ast.Name):
            return any(self._makes(node, last) for node in ast.walk(function or self.tree))
        if _called(last) == "str" or (_called(last) in WARNINGS and len(last.args) == 1):
            return self._passes_on(function, last.args[0])
        return _called(last) in MAKERS

    def _makes(self, node: ast.AST, used: ast.Name) -> bool:
        """Whether ``node`` gives a message of ours to the name that is ``used``."""
        if isinstance(node, ast.ExceptHandler):
            is_ours = node.name == used.id and self.errors & _names(node.type)
            return bool(is_ours) and any(one is used for one in ast.walk(node))
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        source = getattr(node, "iter", None) or getattr(node, "value", None)
        is_given = any(isinstance(one, ast.Name) and one.id == used.id for one in targets)
        return is_given and bool(MAKERS & _names(source))

    def _parts(self, function: Function, node: ast.AST) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Parts of a message by name, and the texts that ``function`` or others make of them."""
        for one in ast.walk(node):
            nodes = []
            if isinstance(one, ast.Name) and function:
                nodes = [*assigned(function, one.id), *given(self.tree, function, one.id)]
            elif _called(one) in self.functions and _called(one) not in self.helpers:
                nodes = said(self.functions[_called(one)])
            if any(map(is_text, nodes)):
                texts = dict.fromkeys(words(value, self.known) for value in nodes)
                yield name(one), tuple(text for text in texts if text)


def _walk(node: ast.AST, function: Function) -> Iterator[tuple[Function, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        yield function, child
        yield from _walk(child, child if _is_function(child) else function)


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef)


def _told(text: str, parts: dict[str, tuple[str, ...]]) -> tuple[str, tuple]:
    """``text`` with the parts that can be one thing alone, and the others as notes."""
    for part, texts in parts.items():
        if len(texts) == 1:
            text = text.replace(f"<{part}>", texts[0])
    spoken = ((part, tuple(filter(_has_words, texts))) for part, texts in parts.items())
    return text, tuple(note for note in spoken if note[1] and f"<{note[0]}>" in text)


def _has_words(text: str) -> bool:
    return re.search(r"\w", re.sub(r"<[^<>]+>", "", text)) is not None


def _is_maker(function: Function) -> bool:
    return function is not None and any(maker in function.name for maker in MAKERS)


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)


def _called(node: ast.AST) -> str:
    """The name of the function that is called, without its module; else ""."""
    return ast.unparse(node.func).split(".")[-1] if isinstance(node, ast.Call) else ""


def _names(*nodes: ast.AST | None) -> set[str]:
    return {one.id for node in nodes if node for one in ast.walk(node) if isinstance(one, ast.Name)}


def _of_makefile(root: Path) -> Iterator[Message]:
    for found in _MAKE.finditer((root / "Makefile").read_text(encoding="utf-8")):
        yield Message("Makefile", "", found[1] or found[2])


def _of_sql(root: Path) -> Iterator[Message]:
    for path in sorted((root / "workflow_scripts").rglob("*.sql")):
        text = path.read_text(encoding="utf-8")
        for form, values in _SQL.findall(text) if "AS fault" in text else ():
            text = "".join(re.findall(r"'((?:[^']|'')*)'", form)).replace("''", "'")
            text = text.format(*map(_sql_name, re.split(r",\s+", values)))
            yield Message(path.relative_to(root).as_posix(), "", text)


def _sql_name(value: str) -> str:
    is_column = re.fullmatch(r"[\w.]+", value)
    return f"<{value.split('.')[-1].replace('_', ' ')}>" if is_column else "…"
