"""A study file with the comments of config.yaml: the same lines, other values.

config.yaml is the one place where the keys are explained. Its lines are kept; a value is replaced,
and a key with all that belongs to it is taken out or made a comment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

_KEY = re.compile(r"(?P<start>(?P<indent> *)(?P<key>\w+):)(?P<value>.*?)(?P<comment> +#.*)?")


class Commented:
    """The lines of a commented YAML file, to be changed key by key (dotted: attribution.method)."""

    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()

    def text(self) -> str:
        """The file as it stands."""
        return "\n".join(self.lines) + "\n"

    def set(self, key: str, value: object) -> None:
        """Give ``key`` another value; its comments stay."""
        start, end = self._item(key)
        found = _KEY.fullmatch(self.lines[start])
        written = f"{found['start']} {flow(value)}"
        comment = (found["comment"] or "").strip()
        if comment:
            column = len(self.lines[start]) - len(comment)
            written = f"{written.ljust(column - 1)} {comment}"
        rest = [line for line in self.lines[start + 1 : end] if line.lstrip().startswith("#")]
        self.lines[start:end] = [written, *rest]

    def set_lines(self, key: str, lines: Sequence[str]) -> None:
        """Give ``key`` the block of ``lines`` in the place of what is below it."""
        start, end = self._item(key)
        self.lines[start + 1 : end] = lines

    def remove(self, key: str) -> None:
        """Take ``key`` out, with all that belongs to it."""
        start, end = self._item(key)
        del self.lines[start:end]

    def hide(self, key: str) -> None:
        """Make ``key`` a comment, with all that belongs to it: then its default holds."""
        start, end = self._item(key)
        width = len(_KEY.fullmatch(self.lines[start])["indent"])
        self.lines[start:end] = [_hidden(line, width) for line in self.lines[start:end]]

    def unhide(self, key: str) -> None:
        """Make a key that stands in a comment one of the file's."""
        *parents, name = key.split(".")
        start, end = self._item(".".join(parents)) if parents else (-1, len(self.lines))
        marked = re.compile(rf"( *)# {name}:.*")
        at = next(one for one in range(start + 1, end) if marked.fullmatch(self.lines[one]))
        self.lines[at] = self.lines[at].replace("# ", "", 1)

    def replace_head(self, lines: Sequence[str]) -> None:
        """Put ``lines`` in the place of the first paragraphs, up to the first key."""
        first = next(at for at, line in enumerate(self.lines) if _KEY.fullmatch(line))
        self.lines[:first] = lines

    def _item(self, key: str) -> tuple[int, int]:
        """Where a key stands: its line, and the first line that belongs to it no more."""
        start, end, width = -1, len(self.lines), -1
        for name in key.split("."):
            start, found = next(
                (at, found)
                for at in range(start + 1, end)
                if (found := _KEY.fullmatch(self.lines[at])) and found["key"] == name
                if len(found["indent"]) == (0 if width < 0 else width + 2)
            )
            width = len(found["indent"])
            end = next(
                (at for at in range(start + 1, end) if not _is_within(self.lines[at], width)), end
            )
        return start, end


def flow(value: object) -> str:
    """``value`` on one line of YAML, texts in quotes only where they need them."""
    if isinstance(value, dict):
        inner = (f"{key}: {flow(one)}" for key, one in value.items())
        return f"{{{', '.join(inner)}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    if not isinstance(value, str):
        return json.dumps(value)
    plain = re.fullmatch(r"[A-Za-z./~][\w./~@ +-]*", value) and value.strip() == value
    is_word = value.lower() in ("null", "true", "false", "yes", "no", "on", "off", "y", "n")
    return (
        value if plain and not is_word and value != "~" else json.dumps(value, ensure_ascii=False)
    )


def _is_within(line: str, width: int) -> bool:
    """Whether a line belongs to a key that is indented by ``width``."""
    return bool(line.strip()) and len(line) - len(line.lstrip()) > width


def _hidden(line: str, width: int) -> str:
    """``line`` as a comment; the sign of one that is a comment already stays where it was."""
    return line if line.lstrip().startswith("#") else f"{line[:width]}# {line[width:]}"
