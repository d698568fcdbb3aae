"""The words of a message, from the expression that makes it; what it quotes in <angle brackets>."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping

_WRAPPERS = {"show", "one_line", "str", "repr", "list", "sorted", "set", "map", "min", "max"}
"""Functions whose argument says more than their name,"""
_OF_VALUES = {"split", "min", "max", "unique"}
"""and those of a value that says more than theirs."""
_FORMAT = re.compile(r"%[-+.\d]*[a-z]")
Known = Mapping[str, object]
"""Names of constants, and what they are."""


def words(node: ast.AST, known: Known) -> str:
    """The text that an expression gives: an f-string, a text, a constant; else a placeholder."""
    if isinstance(node, ast.JoinedStr):
        return "".join(words(one, known) for one in node.values)
    if isinstance(node, ast.FormattedValue):
        return words(node.value, known)
    if isinstance(node, ast.IfExp) and isinstance(node.body, ast.Constant):
        return words(node.body, known)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if isinstance(node.func.value, ast.JoinedStr):  # f"…".rstrip()
            return words(node.func.value, known)
        if node.func.attr == "join" and node.args:
            return _joined(node.func.value, node.args[0], known)
    value = constant(node, known)
    return f"<{name(node)}>" if value is None or not isinstance(value, str | int) else str(value)


def logged(call: ast.Call, known: Known) -> str:
    """The text of a line of the log, of a call: a format with % and what fills it."""
    form, *values = call.args
    values = [
        one
        for value in values
        for one in (value.value.elts if isinstance(value, ast.Starred) else [value])
    ]
    filled = iter(words(value, known) for value in values)
    return _FORMAT.sub(lambda _: next(filled), words(form, known)).replace("%%", "%")


def name(node: ast.AST) -> str:
    """What to call a value that is known only when the message is made."""
    match node:
        case ast.Name(id=found) | ast.Attribute(attr=found) if found != "__name__":
            return found.strip("_").replace("_", " ").lower()
        case ast.Call(func=ast.Name(id="len"), args=[of]):
            return f"number of {name(of)}"
        case ast.Call(func=ast.Name(id=called), args=[*_, of]) if called in _WRAPPERS:
            return name(of)
        case ast.Call(func=ast.Attribute(value=of, attr=called)) if called in _OF_VALUES:
            return name(of)
        case ast.Call(func=ast.Attribute(), args=[of]):
            return name(of)
        case ast.Call(func=function):
            return name(function)
        case ast.Subscript(slice=ast.Constant(value=str(key))):
            return key
        case ast.Attribute(value=of) | ast.Subscript(value=of):
            return name(of)
        case ast.BoolOp(values=[*_, first, ast.Constant()]) | ast.BoolOp(values=[*_, first]):
            return name(first)
        case ast.IfExp(body=of) | ast.GeneratorExp(elt=of) | ast.ListComp(elt=of):
            return name(of)
        case ast.BinOp(left=ast.Constant(), right=of):
            return name(of)
        case ast.BinOp(left=of, op=ast.Sub(), right=ast.Constant(value=less)):
            return f"{name(of)} - {less}"
        case ast.BinOp(left=of):
            return name(of)
    return "…"


def constants(tree: ast.Module) -> Iterator[tuple[str, object]]:
    """Names and values of the module's own: texts, numbers, lists of texts and keys of dicts."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            value = node.value
            if isinstance(value, ast.Dict):
                value = ast.Tuple([key for key in value.keys if key], ast.Load())
            try:
                yield node.targets[0].id, ast.literal_eval(value)
            except ValueError:  # not known before it runs
                continue


def constant(node: ast.AST, known: Known) -> object:
    """The value of a constant or of a name of one; None where it is none."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    return node.value if isinstance(node, ast.Constant) else None


def is_text(node: ast.AST | None) -> bool:
    """Whether an expression is a text or an f-string."""
    return isinstance(node, ast.JoinedStr) or isinstance(getattr(node, "value", None), str)


def assigned(function: ast.FunctionDef, variable: str) -> list[ast.AST]:
    """What a function gives to a variable of its own."""
    found = (node for node in ast.walk(function) if isinstance(node, ast.Assign))
    return _branches(
        node.value
        for node in found
        if any(isinstance(one, ast.Name) and one.id == variable for one in node.targets)
    )


def given(tree: ast.Module, function: ast.FunctionDef, argument: str) -> list[ast.AST]:
    """What a file gives to an argument of one of its functions."""
    arguments = [one.arg for one in function.args.args if one.arg != "self"]
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    of_function = (one for one in calls if ast.unparse(one.func).split(".")[-1] == function.name)
    return _branches(
        value
        for call in of_function
        for known, value in zip(arguments, call.args, strict=False)
        if known == argument
    )


def said(function: ast.FunctionDef) -> list[ast.AST]:
    """What a function returns, or functions within it do."""
    returns = (node for node in ast.walk(function) if isinstance(node, ast.Return | ast.Lambda))
    return _branches(node.body if isinstance(node, ast.Lambda) else node.value for node in returns)


def _branches(nodes: Iterable[ast.AST | None]) -> list[ast.AST]:
    """Each of several expressions that one may be, and the entry of a list."""
    found = []
    for node in nodes:
        if isinstance(node, ast.IfExp):
            found += [node.body, node.orelse]
        elif node:
            found.append(node.elt if isinstance(node, ast.ListComp) else node)
    return found


def _joined(separator: ast.AST, of: ast.AST, known: Known) -> str:
    value = constant(of, known)
    if isinstance(value, tuple) and all(isinstance(one, str) for one in value):
        return str(constant(separator, known) or ", ").join(value)
    return f"<{name(of)}, …>" if name(of) != "…" else "…"
