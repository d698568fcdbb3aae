"""YAML as a study is written in: what it would read otherwise than it looks is refused.

YAML 1.1 has ``no`` for a truth value, 0042 for 34, 1:30 for 90 and 2024-01-01 for a date; of a key
that stands twice it loses the first. Each is told with its line and with what to write.
"""

from __future__ import annotations

import math
import re
from typing import Any

import yaml

from study.errors import StudyError

_MERGE, _TEXT = "tag:yaml.org,2002:merge", "tag:yaml.org,2002:str"


class _Loader(yaml.SafeLoader):
    """Raises ``StudyError`` for each; the line is the first thing in its message."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        seen = set()
        for key, _value in node.value:
            if key.tag == _MERGE:
                continue
            if key.tag != _TEXT:
                raise StudyError(
                    f"line {_line(key)}: {_text(key)} is no text to YAML; write {_quoted(key)}"
                )
            if key.value in seen:
                raise StudyError(
                    f"line {_line(key)}: key {key.value!r} is there already; leave one of them out"
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)

    def construct_truth(self, node: yaml.ScalarNode) -> bool:
        value = self.construct_yaml_bool(node)
        if node.value.lower() not in ("true", "false"):
            word = str(value).lower()
            raise StudyError(
                f"line {_line(node)}: {node.value} is a truth value to YAML; "
                f"write {_quoted(node)}, or {word}"
            )
        return value

    def construct_whole_number(self, node: yaml.ScalarNode) -> int:
        value = self.construct_yaml_int(node)
        if re.fullmatch(r"[-+]?0[0-9_]+|.*:.*", node.value):
            meant = node.value.lstrip("+-0_")
            other = f" or {meant}" if meant.isdigit() else ""
            raise StudyError(
                f"line {_line(node)}: {node.value} is {value} to YAML; write {value}{other}"
            )
        return value

    def construct_number(self, node: yaml.ScalarNode) -> float:
        value = self.construct_yaml_float(node)
        if ":" in node.value or not math.isfinite(value):
            raise StudyError(
                f"line {_line(node)}: {node.value} is {value} to YAML; write a number with a point"
            )
        return value

    def construct_date(self, node: yaml.ScalarNode) -> None:
        raise StudyError(
            f"line {_line(node)}: {node.value} is a date to YAML; write {_quoted(node)}"
        )


for _kind, _constructor in (
    ("bool", _Loader.construct_truth),
    ("int", _Loader.construct_whole_number),
    ("float", _Loader.construct_number),
    ("timestamp", _Loader.construct_date),
):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _constructor)


def parse(text: str) -> Any:
    """What ``text`` says. Raises ``StudyError`` that begins with the line."""
    try:
        return yaml.load(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        if r"\t" in str(error.problem):
            raise StudyError(
                f"line {mark.line + 1}: a tab was found; YAML is indented by spaces"
            ) from None
        raise StudyError(
            f"line {mark.line + 1}: {error.problem}; mend this line, or the one before it"
        ) from None
    except yaml.reader.ReaderError as error:
        line = text[: error.position].count("\n") + 1
        character = f"U+{ord(text[error.position]):04X}"
        raise StudyError(
            f"line {line}: the character {character} was found; YAML allows none of its kind"
        ) from None
    except RecursionError:
        raise StudyError("line 1: brackets within brackets without end; close them") from None


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def _text(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else "a list or mapping as a key"


def _quoted(node: yaml.Node) -> str:
    """How it is written if it is meant as a text."""
    return f"'{node.value}' in quotes" if isinstance(node, yaml.ScalarNode) else "a name"
