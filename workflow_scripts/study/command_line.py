"""The words of Snakemake's command line: options, and what --config says of a study.

Snakemake gives words for the numbers of a nested value. Here the words of the command line are
read as a study file is.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import zip_longest

from study.contents import Study
from study.errors import StudyError
from study.plain_yaml import parse


def given_keys(entries: Sequence[str]) -> Study:
    """The keys of ``--config key=value …``. Raises ``StudyError`` for a value that is no YAML."""
    given: Study = {}
    for entry in entries:
        key, _, text = entry.partition("=")
        try:
            given = merged(given, {key: parse(text)})
        except StudyError as error:
            message = str(error).removeprefix("line 1: ")
            raise StudyError(f"--config: {key}: {message}") from None
    return given


def merged(study: Study, given: Study) -> Study:
    """``study`` with the keys of ``given`` in place of its own; a list is replaced as a whole."""
    whole = copy.deepcopy(study)
    for key, value in given.items():
        both = isinstance(whole.get(key), dict) and isinstance(value, dict)
        whole[key] = merged(whole[key], value) if both else copy.deepcopy(value)
    return whole


def option(words: Sequence[str], *names: str) -> str | None:
    """The value of an option, ``--name value`` or ``--name=value``, in a command's words."""
    for word, following in zip_longest(words, words[1:], fillvalue=""):
        name, is_given, value = word.partition("=")
        if name in names:
            return value if is_given else following
    return None


def option_words(words: Sequence[str]) -> list[str]:
    """The words, and what stands behind the = of an option."""
    return [*words, *(word.partition("=")[2] for word in words if word.startswith("-"))]
