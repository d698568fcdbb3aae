"""The user's own documents, queries and judgments: read as a stream, checked line by line.

Texts are .tsv (id, tab, text; no header), .csv (with a header) or .jsonl, judgments are TREC
qrels (query_id iteration doc_id grade) or BEIR's (query-id corpus-id score, under this header);
each may be gzipped (.gz), all are UTF-8. Whatever is wrong raises ``UserError`` with the file and
the line. Of the ids, 8 bytes each are kept in memory.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator
from pathlib import Path

from relevance_neurons.collections.file_formats import read_rows
from relevance_neurons.collections.ids import Ids
from relevance_neurons.collections.lines import line_error, read_lines, show
from relevance_neurons.collections.texts import one_line
from relevance_neurons.errors import UserError

_PLURAL = {"document": "documents", "query": "queries"}
_TREC_COLUMNS = ("query_id", "iteration", "doc_id", "grade")
_BEIR_COLUMNS = ("query-id", "corpus-id", "score")
# Nine digits fit any integer column, and no collection grades higher. pandas writes 1 as 1.0.
_GRADE = re.compile(r"(-?[0-9]{1,9})(?:\.0*)?")
# What no line of judgments can hold in an id, and NUL, where trec_eval's code would end it.
_NOT_IN_IDS = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029]")


def read_texts(
    path: str | Path, kind: str, seen: Ids, strict: bool = False
) -> Iterator[tuple[str, str]]:
    """Yield (id, text on one line) of every ``kind`` ("document" or "query") in ``path``.

    A text without a visible character is "", or where ``strict`` refused. ``seen``, empty, is
    filled with the ids. Raises ``UserError`` at the first line that is not allowed: wrong form, an
    empty id, one with space at its ends or with a control character; at the end for an id that is
    there twice; and where the file is missing, empty or of an unknown extension.
    """
    path = Path(path)
    for row in read_rows(path, kind):
        if not one_line(row.id) or row.id.strip() != row.id or _NOT_IN_IDS.search(row.id):
            raise line_error(
                path,
                row.line,
                f"the {kind} id {show(row.id)} is empty, begins or ends with space, or holds a "
                "tab, a line end or a control character; spaces between its words are allowed",
            )
        text = one_line(row.text)
        if strict and not text:
            raise line_error(
                path,
                row.line,
                f"{kind} {show(row.id)} has no text; give it one, or leave such lines out with "
                "on_dangling: drop",
            )
        seen.add(row.id)
        yield row.id, text
    if not len(seen):
        raise UserError(f"{path}: empty; at least one {kind} is needed")
    if len(repeated := seen.repeated()):
        _refuse_repeats(path, kind, repeated)


def read_judgments(
    path: str | Path,
    query_ids: Container[str] | None = None,
    doc_ids: Container[str] | None = None,
) -> Iterator[tuple[str, str, int]]:
    """Yield (query_id, doc_id, grade) of every line of a TREC qrels file, or of one in BEIR's form.

    A line that is there again comes again. Raises ``UserError`` for a line that has not four
    columns (three under BEIR's header), a grade that is no integer, a pair that was judged before
    with another grade and, where they are given, a query or document that is not among
    ``query_ids`` or ``doc_ids``.
    """
    path, seen = Path(path), {}
    for line, (query_id, doc_id, written) in _judgments(path):
        if not (grade := _GRADE.fullmatch(written)):
            raise line_error(
                path, line, f"the grade {show(written)} is no integer of up to 9 digits; write one"
            )
        for kind, id_, known in (("query", query_id, query_ids), ("document", doc_id, doc_ids)):
            if known is not None and id_ not in known:
                # What an id looks like tells other ids, and columns that are swapped.
                first = getattr(known, "first", None)
                such_as = f" (the first of them is {show(first)})" if first else ""
                raise line_error(
                    path,
                    line,
                    f"{kind} {show(id_)} is not among the {_PLURAL[kind]}{such_as}; add it, or "
                    "leave such judgments out with on_dangling: drop",
                )
        if seen.setdefault((query_id, doc_id), int(grade[1])) != int(grade[1]):
            raise _judged_twice(path, line, query_id, doc_id, written)
        yield query_id, doc_id, int(grade[1])
    if not seen:
        raise UserError(f"{path}: empty; at least one judgment is needed")


def _judgments(path: Path) -> Iterator[tuple[int, tuple[str, str, str]]]:
    names = None
    for number, line in read_lines(path):
        if not line.strip():
            continue
        if names is None:
            names = _BEIR_COLUMNS if _is_beir_header(line) else _TREC_COLUMNS
            if names is _BEIR_COLUMNS:
                continue
            _refuse_other_header(path, number, line)
        columns = _columns(line)
        if len(columns) != len(names):
            raise line_error(
                path,
                number,
                f"{len(columns)} columns; {len(names)} are allowed: {' '.join(names)}"
                f"{_hint(line, len(columns), names)}",
            )
        yield number, (columns[0], *columns[-2:])


def _columns(line: str) -> list[str]:
    """By tabs where there are any, so that an id may hold spaces; else by white space."""
    return re.split(r"\s*\t\s*", line.strip()) if "\t" in line.strip() else line.split()


def _is_beir_header(line: str) -> bool:
    return tuple(line.lower().split()) == _BEIR_COLUMNS


def _refuse_other_header(path: Path, number: int, line: str) -> None:
    if len(line.split()) in (3, 4) and not any(map(str.isdigit, line)):
        raise line_error(
            path,
            number,
            f"looks like a header ({show(one_line(line))}); write {' '.join(_BEIR_COLUMNS)} above "
            f"three columns in this order, and nothing above {' '.join(_TREC_COLUMNS)}",
        )


def _hint(line: str, n: int, names: tuple[str, ...]) -> str:
    other = "" if names is _BEIR_COLUMNS else f" (or the header {' '.join(_BEIR_COLUMNS)})"
    if n == 6 and line.split()[1].upper() == "Q0":
        return f"{other}: this is a line of a run, not of judgments"
    if "\t" in line.strip():
        return f"{other}, with tabs between all of them or none"
    if n > len(names):
        return f"{other}: where an id holds spaces, tabs are needed between the columns"
    return other


def _refuse_repeats(path: Path, kind: str, repeated: Ids) -> None:
    lines: dict[str, int] = {}
    for row in read_rows(path, kind):
        if row.id in repeated and lines.setdefault(row.id, row.line) != row.line:
            raise line_error(
                path,
                row.line,
                f"the {kind} id {show(row.id)} is there already, on line {lines[row.id]}; keep one "
                "of the two lines, or give one another id",
            )


def _judged_twice(path: Path, line: int, query_id: str, doc_id: str, grade: str) -> UserError:
    first, columns = next(
        (number, columns)
        for number, columns in _judgments(path)
        if columns[:2] == (query_id, doc_id)
    )
    return line_error(
        path,
        line,
        f"query {show(query_id)} and document {show(doc_id)} are judged already, on line {first} "
        f"(grade {columns[2]} there, {grade} here); keep one of the two lines "
        "(columns are query_id, 0, doc_id, grade)",
    )
