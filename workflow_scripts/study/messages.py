"""A schema's errors in a user's words: one line with the key, what was found, what is allowed."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping

from jsonschema import ValidationError


def describe(error: ValidationError) -> str:
    """One line for a schema error: key, what was found, what is allowed."""
    where = ".".join(str(part) for part in error.absolute_path)
    if error.validator == "additionalProperties":
        return _describe_unknown(where, error)
    if "propertyNames" in error.absolute_schema_path:
        schema = error.schema if "not" in error.schema else {"not": {"enum": [error.instance]}}
        return (
            f"{where}.{error.instance}: a name here is letters, digits, - and _ (in quotes if it "
            f"is a number), and not {', '.join(map(str, schema['not']['enum']))}; give another"
        )
    if error.validator == "required":
        missing = next(key for key in error.validator_value if key not in error.instance)
        return f"{_join(where, missing)}: is missing; add it"
    if error.validator == "oneOf":
        keys = " or ".join(part["required"][0] for part in error.validator_value)
        return f"{where}: exactly one of {keys} is needed; give that one alone"
    value = "nothing" if error.instance is None else repr(error.instance)
    return f"{where or 'the file'}: {value} was found; {_allowed(error)}{_to_write(error)}"


def _describe_unknown(where: str, error: ValidationError) -> str:
    allowed = error.schema.get("properties", {})
    unknown = next(key for key in error.instance if key not in allowed)
    return (
        f"{_join(where, unknown)}: unknown key{suggestion(unknown, allowed)}; "
        f"allowed are {', '.join(allowed)}"
    )


def _allowed(error: ValidationError) -> str:
    value = error.validator_value
    words = {
        "enum": lambda: f"allowed are {', '.join(map(str, value))}",
        "type": lambda: (
            "a list is needed, between [ and ]"
            if value == "array" and not isinstance(error.instance, dict)
            else f"a value of type {value} is needed"
        ),
        "minimum": lambda: f"at least {value} is allowed",
        "maximum": lambda: f"at most {value} is allowed",
        "exclusiveMinimum": lambda: f"more than {value} is allowed",
        "exclusiveMaximum": lambda: f"less than {value} is allowed",
        "minItems": lambda: f"at least {value} entry is needed",
        "minProperties": lambda: f"at least {value} entry is needed",
        "minLength": lambda: "an empty text is not allowed",
        "uniqueItems": lambda: "no entry may stand twice",
        "pattern": lambda: "letters, digits, - and _ are allowed, a letter or digit first",
        "anyOf": lambda: f"{' or '.join(map(_alternative, value))} is allowed",
    }
    return words.get(error.validator, lambda: error.message)()


def _alternative(schema: Mapping) -> str:
    """One of several kinds of values that a key may have."""
    if "enum" in schema:
        return ", ".join(schema["enum"])
    kinds = {"array": "a list of names", "integer": "a whole number", "string": "a name"}
    kinds |= {"number": "a number", "object": "a name with its own keys for each"}
    kind = kinds[schema["type"]]
    if schema.get("items", {}).get("type") == "array":
        return "a list of [layer, head], both from 0"
    if schema.get("items", {}).get("type") == "integer":
        kind, schema = "a list of whole numbers", schema["items"]
    return f"{kind} from {schema['minimum']}" if "minimum" in schema else kind


def _to_write(error: ValidationError) -> str:
    """How a value of the wrong kind is written in YAML, where it seems to be the right one."""
    value, kinds = error.instance, _kinds(error.schema)
    if isinstance(value, int | float) and not isinstance(value, bool) and "string" in kinds:
        return f": {value} is a number to YAML, write '{value}' in quotes"
    if isinstance(value, str) and kinds & {"integer", "number"}:
        try:
            number = float(value.replace(",", "").replace("_", ""))
        except ValueError:
            return ""
        plain = int(number) if number.is_integer() else number
        return f": {value!r} is a text to YAML, write {plain}" if math.isfinite(number) else ""
    return ""


def _kinds(schema: Mapping) -> set[str]:
    """The types of values that a key may have."""
    return {str(one.get("type")) for one in (schema, *schema.get("anyOf", ()))}


def suggestion(name: str, known: Mapping | list) -> str:
    """The known name that is closest to one that is not, in words; else nothing."""
    close = difflib.get_close_matches(str(name), list(map(str, known)), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _join(where: str, key: str) -> str:
    return f"{where}.{key}" if where else str(key)
