"""The user's own diagnostic pairs: query, term, and a passage before and after, from a file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from relevance_neurons.collections.lines import json_objects, line_error, read_lines, show
from relevance_neurons.collections.texts import one_line
from relevance_neurons.errors import UserError
from relevance_neurons.mechanism.token_lengths import TokenLengths, Unusable
from relevance_neurons.mechanism.words import words_in

COLUMNS = ("query", "term", "before", "after")
_WAYS = ".tsv (with the header query, term, before, after) and .jsonl are allowed, also with .gz"


class OwnPair(NamedTuple):
    """A pair of the user's, its passages of as many tokens.

    ``read``: the normal forms of what the ranker reads for the term's words.
    """

    query: str
    term: str
    before: str
    after: str
    read: frozenset[str]


def read_own_pairs(path: str | Path, lengths: TokenLengths) -> list[OwnPair]:
    """The pairs of a .tsv file with a header, or of a .jsonl file, either gzipped too (.gz).

    The shorter passage is padded at its end to the tokens of the longer one. Raises ``UserError``,
    which names file and line, for a column that is missing or empty, a term that the query does not
    have, passages that are one to the ranker or that it does not read whole, and where padding
    gives no equal length.
    """
    path = Path(path)
    pairs = [_checked(path, line, texts, lengths) for line, texts in _rows(path)]
    if not pairs:
        raise UserError(f"{path}: empty; at least one pair is needed")
    return pairs


def _rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    suffix = suffixes[-1] if suffixes else ""
    if suffix not in (".tsv", ".jsonl"):
        raise UserError(f"{path}: extension {suffix!r} is unknown; {_WAYS}")
    yield from _tsv_rows(path) if suffix == ".tsv" else _jsonl_rows(path)


def _tsv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    header = None
    for line, text in read_lines(path):
        columns = text.rstrip("\r\n").split("\t")
        if columns == [""]:
            continue
        if header is None:
            header = [name.strip().lower() for name in columns]
            _check_names(path, line, header)
            continue
        if len(columns) != len(header):
            raise line_error(
                path,
                line,
                f"{len(columns)} columns; the header has {len(header)}, with tabs between",
            )
        yield line, dict(zip(header, columns, strict=True))


def _jsonl_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    for line, record in json_objects(path):
        _check_names(path, line, list(record))
        yield line, record


def _check_names(path: Path, line: int, names: list[str]) -> None:
    for name in COLUMNS:
        if names.count(name) != 1:
            found = "is missing" if name not in names else "is there twice"
            raise line_error(
                path,
                line,
                f"{name!r} {found}; needed are {', '.join(COLUMNS)}, found were "
                f"{', '.join(map(show, names)) or 'none'}",
            )


def _checked(path: Path, line: int, row: dict[str, str], lengths: TokenLengths) -> OwnPair:
    texts = {}
    for name in COLUMNS:
        texts[name] = one_line(row[name]) if isinstance(row[name], str) else ""
        if not texts[name]:
            raise line_error(path, line, f"{name} is {show(row[name])}; a text is needed")
    read = [word.read for word in words_in(texts["term"], lengths.tokenizer)]
    asked = {word.read for word in words_in(texts["query"], lengths.tokenizer)}
    if not read or not asked.issuperset(read):
        raise line_error(
            path,
            line,
            f"the term {show(texts['term'])} is not among the words of the query "
            f"{show(texts['query'])}; give one that is",
        )
    try:
        texts |= _of_one_length(texts, lengths)
    except Unusable as why:
        raise line_error(
            path, line, f"the pair is not usable: {why}; write before and after otherwise"
        ) from why
    return OwnPair(**texts, read=frozenset(read))


def _of_one_length(texts: dict[str, str], lengths: TokenLengths) -> dict[str, str]:
    query = texts["query"]
    counts = {name: lengths.of(query, texts[name]) for name in ("before", "after")}
    most = max(counts.values())
    if most > lengths.max_length:
        raise Unusable(
            f"the pair has {most} tokens and the ranker takes {lengths.max_length} (max_length)"
        )
    padded = {name: lengths.padded(query, texts[name], most) for name in counts}
    before, after = lengths.reranker.encode([(query, text) for text in padded.values()])
    if before.input_ids.equal(after.input_ids):
        raise Unusable("before and after are the same to the ranker")
    return padded
