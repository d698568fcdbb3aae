"""Real text that is on every machine: the docstrings of an installed Python package.

The first sentence of a docstring is a query, the running text after it is its passage.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import re
import sysconfig
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.retrieval import Bm25, build_index

# Where each part of the queries ends on a scale from 0 to 1: 60, 20 and 20 per cent of them.
PARTS = {"training": 0.6, "attribution": 0.8, "ablation": 1.0}
QUERY_WORDS = (3, 25)
MIN_PASSAGE_WORDS = 15

_SKIPPED_FOLDERS = set(
    ["test", "tests", "testing", "idle_test", "turtledemo", "_vendor", "_bundled", "externals", "lib2to3", "site-packages", "dist-packages"]
)
# Sections of running text; no other section (parameters, examples, references, …) is kept.
_PROSE_SECTIONS = {"note", "notes", "warning", "warnings", "description", "details"}
_PROSE_DIRECTIVES = {"note", "warning", "important", "caution", "attention", "tip", "hint"}
_TABLE_SECTIONS = set(
    ["parameters", "parameter", "params", "args", "arguments", "keyword args", "keyword arguments", "keywords", "kwargs", "other parameters", "returns", "return", "return value", "yields", "raises", "receives", "warns", "attributes", "attributes accessed", "attributes updated", "methods", "method", "properties", "inputs", "input", "outputs", "output", "shape", "shapes", "example", "examples", "usage", "references", "reference", "see also", "todo", "options", "defaults", "types", "fields", "variables", "call arguments", "requirements"]
)
_UNDERLINE = re.compile(r"\s*([-=~^*])\1{2,}\s*")
_HEADING = re.compile(r"\s*\**([A-Za-z ]+?)\**\s*:{1,2}\**\s*")
_FIELD = re.compile(r"\s*(?::[a-z]+\b[^:`]*:(?!`)|@[a-z]+\b)")
_DEFINITION = re.compile(r"[\w*. ]+\([^)]*\)\s*:.*|\w*_\w*:.*|[A-Z]+:.*|.*[:(,]")
_DIRECTIVE = re.compile(r"\s*\.\. (?:([\w:-]+?)::|[_\[|]|$|\w)")
_BULLET = re.compile(r"^\s*(?:[-*•+]|\(?[\divx]{1,3}[.)])\s+")
_SIGNATURE = re.compile(r"[\w.]+\(.*\)(\s*->.*)?\.?|\s*")

# Stands for what was cut out of a sentence (a formula); such a sentence is left out whole.
_CUT = "\ue000"
_MARKUP = [
    (r"(?i)\b(see|in|of|by|from|and|to|on|with|also|refs?\.?)\s+\[[\w#*,\s-]{1,20}\]_", _CUT),
    (r"\[[\w#*,\s-]{1,20}\]_", ""),  # footnote
    (r":math:`[^`]*`|\$[^$\s][^$]*\$|\\[a-z]+\{", _CUT),  # formula
    (r"!?\[([^\]]+)\]\([^)\s]*\)", r"\1"),  # Markdown link
    (r"\[`+([^`]+)`+\](?:\[\w*\])?", r"\1"),  # Markdown reference
    (r"(?::[\w+-]+)*:`([^`<]+?)\s*<[^>`]*>`", r"\1"),  # role with a text of its own
    (r"(?::[\w+-]+)*:`~(?:[^`]*?\.)?([^`.]+(?:\(\))?)`", r"\1"),  # role that shows the last part
    (r"(?::[\w+-]+)+:`[!.]*([^`]+)`", r"\1"),  # role
    (r"``([^`]+)``", r"\1"),
    (r"`([^`<]+?)\s*<[^>`]*>`_*", r"\1"),  # link
    (r"`~(?:[^`]*?\.)?([^`.]+)`_*", r"\1"),
    (r"`[!.]*([^`]+)`_*", r"\1"),
    (r"(?<![\w*])\*{1,3}(?=[^\s*])([^*]+?)(?<=[^\s*])\*{1,3}(?![\w*])", r"\1"),  # emphasis
    (r"(?<!\w)\|([^|\s][^|]*)\|(?!\w)", r"\1"),  # substitution
    (r"</?[A-Za-z][^<>]*>", ""),  # tag
    (r"<?https?://\S+", _CUT),
    (r"\\(\W)", r"\1"),
    (r"\s+", " "),
    (r" ([,;:)]|\.(?!\w))", r"\1"),
]
_MARKUP = [(re.compile(pattern), replacement) for pattern, replacement in _MARKUP]
_SENTENCE_END = re.compile(
    r"(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bcf\.)(?<!\bvs\.)(?<!\bal\.)(?<!\bEq\.)(?<!\bFig\.)"
    r"(?<=[.!?])[\"')]*\s+(?=[\"'(]*[A-Z])"
)
_WHOLE_SENTENCE = re.compile(
    r"(?!(?:where|for|with|and|or|see|then|which|in|as|to|is|of|by)\b).*[.!?][\"')]*"
)
_PLAIN_WORD = re.compile(r"[\"'(]*[A-Za-z]+(?:['/-][A-Za-z]+)*[\"')]*[.,:;!?]*[\"')]*")


def split_docstring(docstring: str, max_words: int = 90) -> tuple[str, str] | None:
    """The query and the passage in ``docstring``, or None where it is too short or not text.

    The query is the first sentence (3 to 25 words); the passage is what running text follows
    (at least 15 words), up to the last sentence that ends within ``max_words``.
    """
    sentences = [s for text in _paragraphs(docstring) for s in _SENTENCE_END.split(_plain(text))]
    if not sentences or not _is_prose(sentences[0]) or _DEFINITION.fullmatch(sentences[0]):
        return None
    rest = [s for s in sentences[1:] if _is_prose(s) and _WHOLE_SENTENCE.fullmatch(s)]
    query, passage = sentences[0], _capped(rest, max_words)
    fits = QUERY_WORDS[0] <= len(query.split()) <= QUERY_WORDS[1]
    return (query, passage) if fits and len(passage.split()) >= MIN_PASSAGE_WORDS else None


def _capped(sentences: list[str], max_words: int) -> str:
    """Whole sentences of at most ``max_words`` words together; the first one cut if need be."""
    words: list[str] = []
    for sentence in sentences:
        if words and len(words) + len(sentence.split()) > max_words:
            break
        words += sentence.split()
    return " ".join(words[:max_words])


def _is_prose(sentence: str) -> bool:
    """Whether a sentence reads as text: most of its words are plain words, nothing was cut."""
    words = sentence.split()
    plain = sum(_PLAIN_WORD.fullmatch(word) is not None for word in words)
    return len(words) >= 3 and plain >= 0.75 * len(words) and _CUT not in sentence


def _plain(paragraph: str) -> str:
    """``paragraph`` without the markup of reStructuredText and Markdown."""
    for pattern, replacement in _MARKUP:
        paragraph = pattern.sub(replacement, paragraph)
    return paragraph.strip()


def _paragraphs(docstring: str) -> Iterator[str]:
    """Paragraphs of running text; signatures at the start are passed over."""
    lines = _without_code(inspect.cleandoc(docstring).splitlines())
    lines = _without_directives(_prose_sections(lines))
    while lines and _SIGNATURE.fullmatch(lines[0]):
        lines.pop(0)
    paragraph: list[str] = []
    for line in [*lines, ""]:
        if paragraph and (not line.strip() or _BULLET.match(line)):
            yield " ".join(paragraph)
            paragraph = []
        if line.strip():
            paragraph.append(_BULLET.sub("", line, count=1).strip())


def _without_code(lines: list[str]) -> list[str]:
    """Lines outside of fences, doctests (up to a blank line), drawn tables, literal blocks."""
    kept, fenced, doctest, literal = [], False, False, None
    for line in lines:
        text, indent = line.strip(), len(line) - len(line.lstrip())
        if text.startswith(("```", "~~~")) and not _UNDERLINE.fullmatch(line):
            fenced = not fenced
            continue
        doctest = text.startswith((">>>", "In [")) or (doctest and bool(text))
        if literal is not None and text and indent <= literal:
            literal = None
        drawn = bool(re.match(r"[│┌└╞├|+#]", text)) or bool(re.search(r"\S\s{4,}\S", text))
        if not (fenced or doctest or drawn or literal is not None):
            kept.append(re.sub(r"::\s*$", ":", line) if not text.startswith("..") else line)
            if text.endswith("::") and not text.startswith(".."):
                literal = indent
    return kept


def _prose_sections(lines: list[str]) -> list[str]:
    """Lines of the text before the first section and of sections of prose."""
    kept, dropped, heading_indent, underlined = [], False, 0, False
    for number, line in enumerate(lines):
        indent = len(line) - len(line.lstrip())
        below = lines[number + 1] if number + 1 < len(lines) else ""
        colon = _HEADING.fullmatch(line)
        name = (colon.group(1) if colon else line.strip()).lower()
        if _UNDERLINE.fullmatch(line):
            continue
        if line.strip() and _UNDERLINE.fullmatch(below):
            dropped, underlined = name not in _PROSE_SECTIONS, True
        elif colon and name in _TABLE_SECTIONS | _PROSE_SECTIONS:
            dropped, underlined, heading_indent = name in _TABLE_SECTIONS, False, indent
        elif not line.strip():
            kept.append("")
        else:
            if dropped and not underlined and indent <= heading_indent and not lines[number - 1]:
                dropped = False
            if not dropped:
                kept.append(line)
    return kept


def _without_directives(lines: list[str]) -> list[str]:
    """Lines outside of fields (``:param x:``) and directives, but with the text of notes."""
    kept, block = [], None
    for line in lines:
        text, indent = line.strip(), len(line) - len(line.lstrip())
        if block is not None and text and indent <= block:
            block = None
        directive = _DIRECTIVE.match(line)
        if block is None and directive and directive.group(1) in _PROSE_DIRECTIVES:
            kept += ["", line[directive.end() :].strip()]
        elif block is None and (directive or _FIELD.match(line)):
            block = indent
        elif block is None:
            kept.append(line)
        elif not text:
            kept.append("")
    return kept


def docstring_collection(
    package: str,
    part: str = "all",
    queries: int | None = None,
    negatives: int = 1,
    seed: int = 0,
    max_words: int = 90,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """A collection made of a package's docstrings: documents, queries, qrels.

    Documents (doc_id, text) are all its passages. Queries (query_id, text) are those of ``part``
    ("training", "attribution", "ablation" or "all"), at most ``queries`` of them, a seeded
    sample; a query has the id of its own passage. A query's part rests on a hash of its words
    and on nothing else, so that no query is in two parts, of whatever packages. Judgments
    (query_id, doc_id, grade): 1 for the own passage, 0 for ``negatives`` others, the highest by
    BM25 that share less than half of their words with the own one (they may be relevant too).
    Raises ``UserError`` for an unknown package or part.
    """
    if part not in (*PARTS, "all"):
        raise UserError(f"docstrings: part {part!r} is not one of {', '.join(PARTS)}, all")
    passages = docstring_passages(package, max_words)
    documents = passages.select("doc_id", "text")
    chosen = passages.select(query_id="doc_id", text="query")
    if part != "all":
        words = chosen.select(normalised(pl.col("text"))).to_series()
        chosen = chosen.filter(pl.Series([part_of(query) == part for query in words]))
    if queries is not None and queries < len(chosen):
        picked = np.random.default_rng(seed).choice(len(chosen), size=queries, replace=False)
        chosen = chosen[np.sort(picked)]
    own = chosen.select("query_id", doc_id="query_id", grade=pl.lit(1, pl.Int64))
    qrels = pl.concat([own, _hard_negatives(documents, chosen, negatives)])
    return documents, chosen, qrels.sort("query_id", "doc_id")


def part_of(query: str) -> str:
    """The part that a normalised query belongs to, by the first bytes of its SHA-256 hash."""
    position = int.from_bytes(hashlib.sha256(query.encode()).digest()[:8]) / 2**64
    return next(part for part, end in PARTS.items() if position < end)


def _hard_negatives(documents: pl.DataFrame, queries: pl.DataFrame, n: int) -> pl.DataFrame:
    """The ``n`` best passages by BM25 of each query that do not say what its own one says."""
    with tempfile.TemporaryDirectory() as folder:
        run = build_index(documents, Path(folder) / "index", Bm25()).search(queries, n + 20)
    words = {
        doc_id: frozenset(text.split())
        for doc_id, text in documents.with_columns(normalised(pl.col("text"))).iter_rows()
    }
    return (
        run.filter(
            pl.Series(
                [
                    query_id != doc_id and _jaccard(words[query_id], words[doc_id]) <= 0.5
                    for query_id, doc_id in run.select("query_id", "doc_id").iter_rows()
                ],
                dtype=pl.Boolean,
            )
        )
        .filter(pl.int_range(pl.len()).over("query_id") < n)
        .select("query_id", "doc_id", grade=pl.lit(0, pl.Int64))
    )


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def docstring_passages(package: str, max_words: int = 90) -> pl.DataFrame:
    """The queries and passages of an installed ``package`` ("stdlib": Python's own library).

    Source files are read, nothing is imported but the package's parents in a dotted name. Public
    functions, classes and methods count, tests do not. Of several with the same query, or with
    passages that begin with the same twelve words, the first by doc_id is kept.

    Returns doc_id (the dotted name), query, text, sorted by doc_id. Raises ``UserError`` for a
    package that is not installed or has no such text.
    """
    rows = {}
    for file, module in _source_files(package):
        for name, docstring in _docstrings(file):
            found = split_docstring(docstring, max_words)
            if found:
                rows.setdefault(f"{module}.{name}", found)
    frame = pl.DataFrame(
        [(doc_id, *found) for doc_id, found in sorted(rows.items())],
        schema={"doc_id": pl.String, "query": pl.String, "text": pl.String},
        orient="row",
    )
    opening = normalised(pl.col("text")).str.split(" ").list.head(12).list.join(" ")
    frame = frame.unique(normalised(pl.col("query")), keep="first", maintain_order=True)
    frame = frame.unique(opening, keep="first", maintain_order=True)
    if frame.is_empty():
        raise UserError(f"package {package}: no docstring of it has a sentence and a text")
    return frame


def normalised(text: pl.Expr) -> pl.Expr:
    """Lower case, words only: what two texts must share to count as the same."""
    return text.str.to_lowercase().str.replace_all(r"[^a-z0-9]+", " ").str.strip_chars()


def _source_files(package: str) -> Iterator[tuple[Path, str]]:
    """The package's source files without its tests, and their modules' dotted names."""
    root = _root(package)
    if root.is_file():
        yield root, package
        return
    for file in sorted(root.rglob("*.py")):
        parts = file.relative_to(root).with_suffix("").parts
        if _SKIPPED_FOLDERS.isdisjoint(parts) and not re.match(r"test_|conftest", parts[-1]):
            names = parts[:-1] if parts[-1] == "__init__" else parts
            yield file, ".".join(names if package == "stdlib" else (package, *names))


def _root(package: str) -> Path:
    if package == "stdlib":
        return Path(sysconfig.get_path("stdlib"))
    try:
        found = importlib.util.find_spec(package)
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise UserError(
            f"package {package}: not installed here; a docstring collection needs an installed "
            f'package (pip install {package}), or "stdlib"'
        )
    if found.submodule_search_locations:
        return Path(next(iter(found.submodule_search_locations)))
    return Path(found.origin)


def _docstrings(file: Path) -> Iterator[tuple[str, str]]:
    """Dotted names and docstrings of the public functions, classes and methods in ``file``."""
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(file.read_bytes())
    except (SyntaxError, ValueError):  # a template, or a file for another Python
        return
    yield from _members(tree.body, "")


def _members(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, str]]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            if node.name.startswith("_"):
                continue
            if docstring := ast.get_docstring(node, clean=False):
                yield prefix + node.name, docstring
            if isinstance(node, ast.ClassDef):
                yield from _members(node.body, f"{prefix}{node.name}.")
        elif isinstance(node, ast.If | ast.Try):
            yield from _members([*node.body, *node.orelse], prefix)
