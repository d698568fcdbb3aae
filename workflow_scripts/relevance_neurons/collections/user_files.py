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

from relevance_neurons.collections.file_formats import line_error, read_lines, read_rows, show
from relevance_neurons.collections.ids import Ids
from relevance_neurons.errors import UserError

_PLURAL = {"document": "documents", "query": "queries"}
_TREC_COLUMNS = ("query_id", "iteration", "doc_id", "grade")
_BEIR_COLUMNS = ("query-id", "corpus-id", "score")
# Nine digits fit any integer column, and no collection grades higher.
_GRADE = re.compile(r"-?[0-9]{1,9}")


def read_texts(path: str | Path, kind: str, seen: Ids) -> Iterator[tuple[str, str]]:
    """Yield (id, text on one line) of every ``kind`` ("document" or "query") in ``path``.

    ``seen``, empty, is filled with the ids. Raises ``UserError`` at the first line that is not
    allowed: wrong form, empty id, white space in an id (TREC qrels could not name it), no text; at
    the end for an id that is there twice; and where the file is missing, empty or of an unknown
    extension.
    """
    path = Path(path)
    for row in read_rows(path, kind):
        if row.id.split() != [row.id]:
            raise line_error(
                path, row.line, f"the {kind} id {show(row.id)} is empty or holds space"
            )
        text = one_line(row.text)
        if not text:
            raise line_error(
                path, row.line, f"{kind} {show(row.id)} has no text; every one needs some"
            )
        seen.add(row.id)
        yield row.id, text
    if not len(seen):
        raise UserError(f"{path}: empty; at least one {kind} is needed")
    if len(repeated := seen.repeated()):
        _refuse_repeats(path, kind, repeated)


def read_judgments(
    path: str | Path, query_ids: Container[str], doc_ids: Container[str]
) -> Iterator[tuple[str, str, int]]:
    """Yield (query_id, doc_id, grade) of every line of a TREC qrels file, or of one in BEIR's form.

    Raises ``UserError`` for a line that has not four columns (three under BEIR's header), a grade
    that is no integer, a query or document that is not among ``query_ids`` or ``doc_ids``, and a
    pair that was judged before.
    """
    path, seen = Path(path), set()
    for line, (query_id, doc_id, grade) in _judgments(path):
        if not _GRADE.fullmatch(grade):
            raise line_error(path, line, f"the grade {show(grade)} is no integer of up to 9 digits")
        for kind, id_, known in (("query", query_id, query_ids), ("document", doc_id, doc_ids)):
            if id_ not in known:
                raise line_error(path, line, f"{kind} {show(id_)} is not among the {_PLURAL[kind]}")
        if (query_id, doc_id) in seen:
            raise _judged_twice(path, line, query_id, doc_id, grade)
        seen.add((query_id, doc_id))
        yield query_id, doc_id, int(grade)
    if not seen:
        raise UserError(f"{path}: empty; at least one judgment is needed")


def one_line(text: str) -> str:
    """``text`` with every run of white space (line ends too) as one space, none at the ends."""
    return " ".join(text.split())


def _judgments(path: Path) -> Iterator[tuple[int, tuple[str, str, str]]]:
    names = None
    for number, line in read_lines(path):
        columns = tuple(line.split())
        if not columns:
            continue
        if names is None:
            names = _BEIR_COLUMNS if columns == _BEIR_COLUMNS else _TREC_COLUMNS
            if names is _BEIR_COLUMNS:
                continue
        if len(columns) != len(names):
            raise line_error(
                path,
                number,
                f"{len(columns)} columns; {len(names)} are allowed: {' '.join(names)}"
                + ("" if names is _BEIR_COLUMNS else f" (or the header {' '.join(_BEIR_COLUMNS)})"),
            )
        yield number, (columns[0], *columns[-2:])


def _refuse_repeats(path: Path, kind: str, repeated: Ids) -> None:
    lines: dict[str, int] = {}
    for row in read_rows(path, kind):
        if row.id in repeated and lines.setdefault(row.id, row.line) != row.line:
            raise line_error(
                path,
                row.line,
                f"the {kind} id {show(row.id)} is there already, on line {lines[row.id]}",
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
        f"(grade {columns[2]} there, {grade} here); keep one of the two lines",
    )
