"""Which databases a user means, and what their studies are called side by side."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import duckdb

from relevance_neurons.errors import UserError

DATABASE = "neurons.duckdb"
_ASK = 'such as make compare STUDIES="one other"'


def find_databases(given: str, results: Path) -> list[Path]:
    """The databases of ``given``: words as in a shell, in quotes where they have spaces.

    A word is the name of a study under ``results``, a study's folder or its database. Raises
    ``UserError`` for one that is none of these, and for fewer than two.
    """
    try:
        words = shlex.split(given)
    except ValueError as error:
        raise UserError(
            f"STUDIES: {given!r} cannot be parted into words ({error}); put a path with spaces or "
            "quotes in its name in quotes as a shell wants it"
        ) from None
    if len(words) < 2:
        found = f"{given.strip()} alone" if words else "nothing"
        raise UserError(f"STUDIES: {found} was given; name at least two, {_ASK}")
    return [_find(word, results) for word in words]


def _find(word: str, results: Path) -> Path:
    for place in (results / word, Path(word)):
        if place.is_file():
            return place
        if (place / DATABASE).is_file():
            return place / DATABASE
    for place in (results / word, Path(word)):
        if place.is_dir():
            raise UserError(
                f"{place}: no {DATABASE} is in this folder; run the study to its end first"
            )
    names = sorted(path.parent.name for path in results.glob(f"*/{DATABASE}"))
    raise UserError(
        f"STUDIES: {word!r} was found; allowed are a study under {results} "
        f"({', '.join(names) or 'none is there'}), a study's folder, or its {DATABASE}; in quotes "
        "where its path has spaces"
    )


def named(databases: Sequence[str | Path] | Mapping[str, str | Path]) -> dict[str, Path]:
    """What each study is called: as given, else by its own name, its folder's or its path.

    The first of these that tells all of them apart. Raises ``UserError`` for fewer than two, for
    one that is given twice and for a file that is no database.
    """
    if isinstance(databases, str | Path):
        raise UserError(f"databases: one path was given ({databases}); give at least two in a list")
    given = list(databases) if isinstance(databases, Mapping) else None
    paths = [Path(one) for one in _files(databases)]
    if len(paths) < 2:
        raise UserError(f"databases: {len(paths)} were given; give at least two")
    own = [_study_name(path) for path in paths]
    places = [path.resolve() for path in paths]
    for place, path in enumerate(paths):
        if places[place] in places[:place]:
            raise UserError(f"{path}: this database is given twice; name another study beside it")
    if given is not None:
        return dict(zip(given, paths, strict=True))
    ways: list[Callable[[int], str]] = [
        lambda i: own[i] or places[i].parent.name,
        lambda i: places[i].parent.name,
        lambda i: str(paths[i]),
    ]
    names = [[way(i) for i in range(len(paths))] for way in ways]
    chosen = next((one for one in names if len(set(one)) == len(one)), list(map(str, places)))
    return dict(zip(chosen, paths, strict=True))


def _files(
    databases: Sequence[str | Path] | Mapping[str, str | Path],
) -> Iterable[str | Path]:
    return databases.values() if isinstance(databases, Mapping) else databases


def _study_name(path: Path) -> str | None:
    """What the study file calls it; None where the database does not say."""
    if not path.is_file():
        raise UserError(f"{path}: no such file; give the {DATABASE} of a study")
    try:
        with duckdb.connect(str(path), read_only=True) as database:
            tables = {name for (name,) in database.execute("SHOW TABLES").fetchall()}
            if "study" not in tables:
                return None
            found = database.execute("SELECT value FROM study WHERE key = 'study'").fetchone()
    except duckdb.Error as error:
        line = str(error).splitlines()[0]
        raise UserError(
            f"{path}: DuckDB cannot read it ({line}); give the {DATABASE} of a study that is done"
        ) from None
    return found[0] if found else None


def folder_name(names: Sequence[str]) -> str:
    """``compare_<a>_<b>``, of what every file system can hold."""
    plain = [re.sub(r"[^\w.-]+", "_", name).strip("_") or "study" for name in names]
    return "compare_" + "_".join(plain)
