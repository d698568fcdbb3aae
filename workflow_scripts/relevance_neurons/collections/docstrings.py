"""Real text that is on every machine: the docstrings of installed Python packages.

The first sentence of a docstring is a query, the running text after it is its passage.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import re
import sysconfig
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from relevance_neurons.collections.docstring_text import MAX_PASSAGE_WORDS, split_docstring
from relevance_neurons.collections.retrieval import Bm25, build_index, sample_queries
from relevance_neurons.errors import UserError

# Where each part of the queries ends on a scale from 0 to 1: 60, 20 and 20 per cent of them.
PARTS = {"training": 0.6, "attribution": 0.8, "ablation": 1.0}

_SKIPPED_FOLDERS = re.compile(
    r"tests?|testing|idle_test|turtledemo|lib2to3|_vendor|_bundled|externals|(site|dist)-packages"
)


def docstring_collection(
    packages: str | Sequence[str],
    part: str = "all",
    queries: int | None = None,
    negatives: int = 1,
    seed: int = 0,
    max_words: int = MAX_PASSAGE_WORDS,
) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """A collection made of the docstrings of a package, or of several: documents, queries, qrels.

    Documents (doc_id, text) are all their passages. Queries (query_id, text) are those of ``part``
    ("training", "attribution", "ablation" or "all"), at most ``queries`` of them, a seeded
    sample; a query has the id of its own passage. A query's part rests on a hash of its words
    and on nothing else, so that no query is in two parts, of whatever packages. Judgments
    (query_id, doc_id, grade): 1 for the own passage, 0 for ``negatives`` others, the highest by
    BM25 that share less than half of their words with the own one (they may be relevant too).
    Raises ``UserError`` for an unknown package or part, or one without queries.
    """
    if part not in (*PARTS, "all"):
        raise UserError(f"docstrings: part {part!r} was found; allowed: {', '.join(PARTS)}, all")
    passages = docstring_passages(packages, max_words)
    documents = passages.select("doc_id", "text")
    chosen = passages.select(query_id="doc_id", text="query")
    if part != "all":
        words = chosen.select(normalised(pl.col("text"))).to_series()
        chosen = chosen.filter(pl.Series([part_of(query) == part for query in words]))
        if chosen.is_empty():
            names = ", ".join(_listed(packages))
            raise UserError(
                f"package {names}: too small, no query falls into part {part}; name more packages, "
                "or take part: all"
            )
    chosen = sample_queries(chosen, queries, seed)
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
    differs = [
        query_id != doc_id and _jaccard(words[query_id], words[doc_id]) <= 0.5
        for query_id, doc_id in run.select("query_id", "doc_id").iter_rows()
    ]
    return (
        run.filter(pl.Series(differs, dtype=pl.Boolean))
        .filter(pl.int_range(pl.len()).over("query_id") < n)
        .select("query_id", "doc_id", grade=pl.lit(0, pl.Int64))
    )


def _jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    return len(one & other) / len(one | other)


def docstring_passages(
    packages: str | Sequence[str], max_words: int = MAX_PASSAGE_WORDS
) -> pl.DataFrame:
    """The queries and passages of installed ``packages`` ("stdlib": Python's own library).

    Source files are read, nothing is imported but the package's parents in a dotted name. Public
    functions, classes and methods count, tests do not. Of several with the same query, or with
    passages that begin with the same twelve words, the first by doc_id is kept.

    Returns doc_id (the dotted name), query, text, sorted by doc_id. Raises ``UserError`` for a
    package that is not installed or has no such text.
    """
    rows: dict[str, tuple[str, str]] = {}
    for package in _listed(packages):
        found = _texts(package, max_words)
        if not found:
            raise UserError(
                f"package {package}: no docstring of it has a sentence and a text; name another"
            )
        rows = found | rows
    frame = pl.DataFrame(
        [(doc_id, *found) for doc_id, found in sorted(rows.items())],
        schema={"doc_id": pl.String, "query": pl.String, "text": pl.String},
        orient="row",
    )
    opening = normalised(pl.col("text")).str.split(" ").list.head(12).list.join(" ")
    frame = frame.unique(normalised(pl.col("query")), keep="first", maintain_order=True)
    return frame.unique(opening, keep="first", maintain_order=True)


def _texts(package: str, max_words: int) -> dict[str, tuple[str, str]]:
    """Query and passage of each docstring of a package that has both, by its dotted name."""
    texts = {}
    for file, module in _source_files(package):
        for name, docstring in _docstrings(file):
            found = split_docstring(docstring, max_words)
            if found:
                texts.setdefault(f"{module}.{name}", found)
    return texts


def _listed(packages: str | Sequence[str]) -> Sequence[str]:
    return [packages] if isinstance(packages, str) else packages


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
        skipped = any(map(_SKIPPED_FOLDERS.fullmatch, parts))
        if not skipped and not re.match(r"test_|conftest", parts[-1]):
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
