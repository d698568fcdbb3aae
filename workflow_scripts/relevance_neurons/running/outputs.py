"""Write files so that one that exists is whole: under a temporary name, then renamed."""

from __future__ import annotations

import errno
import glob
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

import polars as pl

from relevance_neurons.errors import UserError


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; rename it to ``path`` when the block ends well.

    The name carries machine and process, so that two jobs that write the same output never share a
    temporary file. One that a killed process of this machine left is removed. Works for a file and
    for a folder; an old folder is moved aside first, so that at a moment there may be none. A full
    disk raises ``UserError``.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    start = f".{path.name}.{_machine()}."
    _remove_left(path.parent, start)
    temporary, aside = (path.with_name(f"{start}{os.getpid()}.{end}") for end in ("tmp", "old.tmp"))
    try:
        yield temporary
        _flush(temporary)
        if path.is_dir():
            path.replace(aside)
        temporary.replace(path)
        _remove(aside)
    except Exception as error:
        if is_disk_full(error):
            raise UserError(
                f"{path}: the disk is full; nothing that was computed before is lost: free some "
                "space and run the same command again"
            ) from error
        raise
    finally:
        _remove(temporary)


def write_parquet(frame: pl.DataFrame, path: str | Path) -> None:
    """Write ``frame`` as zstd Parquet, whole or not at all."""
    with whole(path) as temporary:
        frame.write_parquet(temporary, compression="zstd")


def write_text(text: str, path: str | Path) -> None:
    """Write ``text`` as UTF-8, whole or not at all."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def is_disk_full(error: BaseException) -> bool:
    """Whether ``error`` comes from a full disk or quota (libraries wrap the system's error)."""
    numbers = (errno.ENOSPC, errno.EDQUOT)
    return getattr(error, "errno", None) in numbers or any(
        os.strerror(number).lower() in str(error).lower() for number in numbers
    )


def _flush(path: Path) -> None:
    """Have the content on the disk before the name: a machine that loses power keeps the order."""
    for file in path.rglob("*") if path.is_dir() else [path]:
        if file.is_file():
            with file.open("rb") as stream:
                os.fsync(stream.fileno())


@cache
def _machine() -> str:
    """Where numbers of processes mean the same: a host since its start, and a container of it."""
    marks = [socket.gethostname()]
    with suppress(OSError):  # of Linux
        marks.append(Path("/proc/sys/kernel/random/boot_id").read_text()[:8])
        marks.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    return "-".join(marks).replace(".", "-")


def _remove_left(folder: Path, start: str) -> None:
    for left in folder.glob(
        f"{glob.escape(start)}*.tmp*"
    ):  # DuckDB puts files of its own beside it
        number = left.name[len(start) :].split(".")[0]
        if number.isdigit() and (int(number) == os.getpid() or not _is_running(int(number))):
            _remove(left)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
