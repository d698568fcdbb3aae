"""Lines of the user's text files: UTF-8, plain or gzipped (.gz).

What is no such text is refused by what it is, before a line of it is taken for one.
"""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, Any

from relevance_neurons.errors import UserError

# How much of a file is looked at for what it is.
_HEAD = 1 << 20
# Bytes. Beyond this, a file without line ends is likelier than a text.
_LONGEST_LINE = 100_000_000
_GZIP = b"\x1f\x8b"
# JSON can spell half of a surrogate pair, which is no character: no UTF-8 file can hold it.
_SURROGATE = re.compile("[\ud800-\udfff]")
# What comes under a wrong name, with its first bytes: of words that could be an id, enough bytes.
_OTHER_FORMATS = {
    _GZIP: "gzip once more",
    b"PK\x03\x04": "a zip archive or a workbook (.xlsx, .ods)",
    b"\xd0\xcf\x11\xe0": "a workbook or document of Office (.xls, .doc)",
    b"PAR1\x15": "a Parquet file",
    b"ARROW1\0\0": "an Arrow file",
    b"SQLite format 3\0": "a SQLite database",
    b"\x89HDF": "an HDF5 file",
    b"%PDF-": "a PDF",
    b"{\\rtf": "an RTF document",
    b"7z\xbc\xaf": "a 7z archive",
    b"\xfd7zXZ": "compressed by xz",
    b"BZh91AY": "compressed by bzip2",
    b"\x28\xb5\x2f\xfd": "compressed by zstd",
    b"version https://git-lfs": "a pointer of Git LFS (`git lfs pull` fetches the file)",
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b".i 1": "in SMART's format (.I, .T, .W)",
}


def count_lines(path: str | Path) -> int:
    """Lines of a text file, plain or gzipped, blank ones too: the most texts it can hold."""
    path = Path(path)
    with _open(path) as stream:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(1 << 20), b"")) + 1


def read_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Line numbers (from 1) and lines, with their ends.

    Byte order marks at their beginnings are dropped: where files were put together, they stand
    within.
    """
    with _open(path) as stream:
        for number, raw in enumerate(iter(lambda: stream.readline(_LONGEST_LINE), b""), 1):
            if len(raw) == _LONGEST_LINE:
                raise line_error(
                    path, number, f"longer than {_LONGEST_LINE} bytes; one text a line is needed"
                )
            try:
                yield number, raw.decode("utf-8").lstrip("\ufeff")
            except UnicodeDecodeError as error:
                raise line_error(
                    path,
                    number,
                    f"byte {error.start + 1} of the line (0x{raw[error.start]:02x}) is not UTF-8; "
                    "save the file as UTF-8",
                ) from error


def json_objects(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers (from 1) and the JSON object of each line that is not blank.

    Raises ``UserError`` for a line that is no JSON, and for JSON that is no object.
    """
    for number, line in read_lines(path):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise line_error(
                path,
                number,
                f"not JSON ({error}); one whole object a line is needed (`jq -c '.[]'` makes it of "
                "an array)",
            ) from error
        if not isinstance(record, dict):
            raise line_error(path, number, f"a {type(record).__name__}; one JSON object a line")
        yield number, record


def check_characters(path: Path, line: int, name: str, text: str) -> None:
    """Raise ``UserError`` for a lone surrogate in what a line of JSON calls ``name``."""
    if not text.isascii() and _SURROGATE.search(text):
        raise line_error(
            path,
            line,
            f"the {name} holds a lone surrogate, which is no character; take it out, or write "
            "the pair",
        )


def line_error(path: Path, line: int, message: str) -> UserError:
    """The error that names a line of a file."""
    return UserError(f"{path}, line {line}: {message}")


def show(value: object) -> str:
    """``value`` as a message quotes it, cut at 60 characters."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


@contextmanager
def _open(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as file:
            first, named = file.read(len(_GZIP)), path.suffix.lower() == ".gz"
            file.seek(0)
            zipped = first == _GZIP
            if zipped and not named:
                raise UserError(f"{path}: holds gzip, not text; add .gz to its name, or unpack it")
            if first and named and not zipped:
                raise UserError(f"{path}: not a gzip file; take .gz off its name, or compress it")
            with gzip.open(file) if zipped else nullcontext(file) as stream:
                _check_content(path, stream.read(_HEAD))
                stream.seek(0)
                yield stream
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: not a whole gzip file ({error}); fetch it again") from error
    except OSError as error:
        raise UserError(
            f"{path}: cannot be read: {error.strerror or error}; is it the right path, a file, and "
            "yours to read?"
        ) from error


def _check_content(path: Path, head: bytes) -> None:
    start = head[:64].lstrip().lower()
    for magic, what in _OTHER_FORMATS.items():
        if head.startswith(magic) or start.startswith(magic):
            raise UserError(
                f"{path}: is {what}, not lines of text; unpack or export it as UTF-8 text"
            )
    if head[257:262] == b"ustar":
        raise UserError(f"{path}: is a tar archive; unpack it, and give the file within")
    if _is_utf16(head):
        raise UserError(f"{path}: is UTF-16 or UTF-32, not UTF-8; save the file as UTF-8")
    if b"\n" not in head and b"\r" in head.rstrip(b"\r"):
        raise UserError(
            f"{path}: its lines end in a carriage return alone, as of a classic Mac; "
            "save it with line feeds (LF) or CRLF"
        )


def _is_utf16(head: bytes) -> bool:
    """By its byte order mark, or by zeros that stand at even places or at odd ones."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff", b"\0\0\xfe\xff")):
        return True
    few, many = sorted((head[::2].count(0), head[1::2].count(0)))
    return many > 1 and 4 * many > len(head) and 10 * few < many
