"""Which file a study comes from, and what could be taken for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from study.contents import Study
from study.errors import StudyError
from study.reading import read_yaml
from study.results_folder import shared_with


def chosen_file(named: Sequence[Path], checkout: Path) -> Path:
    """The one ``--configfile``, or the default study of the checkout, wherever one works.

    Raises ``StudyError`` if more than one was named.
    """
    if len(named) > 1:
        raise StudyError(
            f"--configfile: {len(named)} study files were given ({', '.join(map(str, named))}); "
            "give one: a mix of two studies would mix their collections"
        )
    return Path(named[0]) if named else checkout / "config.yaml"


def notes(study: Study, file: Path, is_named: bool) -> Iterator[str]:
    """What a user may not expect of ``file``, which they named or did not; one line for each."""
    results = Path("results") / study["study"]
    other = shared_with(results, file)
    if other:
        yield (
            f"{file}: study: {study['study']} is the name of {other} too: they share {results}, "
            "and what differs is made anew there; to keep both, give it another name"
        )
    if not is_named and is_unread_study(file):
        yield (
            "config.yaml: this study in the working directory is not read; --configfile "
            "config.yaml reads it"
        )


def is_unread_study(default: Path) -> bool:
    """Whether the working directory has a study in config.yaml that is not the default one."""
    here = Path("config.yaml")
    try:
        return not here.samefile(default) and bool(read_yaml(here))
    except (OSError, StudyError):
        return False
