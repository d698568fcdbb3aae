"""Paths that are taken as they are, whatever stands in their names.

Snakemake reads ``{name}`` in an input as a wildcard and ``<name>`` as a path variable, and knows no
way to write either as it is; it hands paths to a shell and to Slurm too. What cannot work is told
in one line before anything starts.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextlib import suppress
from pathlib import Path

from study.errors import StudyError

PATTERN = re.compile("[{}<>]")
"""Characters that Snakemake gives a meaning of its own."""
LINKS = Path(".snakemake") / "links"
"""Where links of the working directory lead to paths that have such characters."""
RANKER_FILE = re.compile(
    r"(config|generation_config|tokenizer[^/]*|special_tokens_map|added_tokens|\w*vocab|"
    r"adapter_config|[^.][^/]*\.index)\.json|(vocab|merges)\.txt|"
    r"[^.][^/]*\.(safetensors|model|tiktoken)|(pytorch|adapter)_model[^/]*\.bin"
)
"""The names of what loading a ranker may read: configs, tokenizers, weights and their shards."""


def literal(path: str | Path, links: Path = LINKS) -> str:
    """``path`` as Snakemake can take it: itself, or a path through a link in ``links``.

    The link is of the folder, and of the file itself only where its own name has such characters,
    so that the time of the file's last change stays what it is.
    """
    path = Path(path)
    if not PATTERN.search(str(path)):
        return str(path)
    if PATTERN.search(path.name):
        return str(_link(path, links))
    return str(_link(path.parent, links) / path.name)


def _link(path: Path, links: Path) -> Path:
    if PATTERN.search(str(links)):
        raise StudyError(
            f"{links}: Snakemake's own folder has one of the characters {{ }} < > in its path; set "
            "XDG_CACHE_HOME to a folder without"
        )
    target = path.absolute()
    # Its ending stays: by that a reader knows what is in a file.
    ending = "".join(one for one in target.suffixes if not PATTERN.search(one))
    link = links / (hashlib.sha256(os.fsencode(target)).hexdigest()[:16] + ending)
    links.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):  # of an earlier run, or of another job
        link.symlink_to(target)
        changed = target.stat()
        os.utime(link, ns=(changed.st_atime_ns, changed.st_mtime_ns), follow_symlinks=False)
    return link


def ranker_files(folder: str | Path) -> list[str]:
    """The files of a ranker's folder that loading reads; a change of another one changes nothing.

    A hub id has none, and no name is no folder.
    """
    if not folder:
        return []
    files = (path for path in Path(folder).glob("*") if path.is_file())
    return sorted(literal(path) for path in files if RANKER_FILE.fullmatch(path.name))


def check_checkout(folder: str | Path) -> None:
    """Raise ``StudyError`` where the checkout's path has a character that cannot work."""
    if os.pathsep in str(folder):
        raise StudyError(
            f"{folder}: {os.pathsep!r} in the path of the checkout would part it in two in PATH; "
            "rename the folder"
        )


def for_shell(path: str) -> str:
    """``path`` with a backslash before what a shell would take for its own.

    Unlike in quotes, its folder then stands as right before a shell as the whole.
    """
    return re.sub(r"([^\w@%+=:,./-])", r"\\\1", path)


def check_for_slurm(*paths: str | Path) -> None:
    """Raise ``StudyError`` where a path has a character that a job's command or log cannot have.

    Snakemake writes the command in quotes that a shell reads twice; % stands for a job's number
    in the name of a log.
    """
    for path in map(str, paths):
        found = re.search(r'[$`\\%"]', path)
        if found:
            raise StudyError(
                f"{path}: {found[0]} in a path cannot be handed to Slurm; rename it, or run with "
                "--profile local"
            )
