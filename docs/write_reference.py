"""Write the pages of docs/generated/ from the code; Sphinx calls it before it reads pages."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import jupytext

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow_scripts")]
import relevance_neurons  # noqa: E402 (found by the path)
from docs import study_reference  # noqa: E402
from relevance_neurons.report.database import comment_all  # noqa: E402

GENERATED = ROOT / "docs" / "generated"
SCRIPTS = ROOT / "workflow_scripts"
NOTEBOOK = ROOT / "docs" / "notebooks" / "ten_pairs.py"
KINDS = {"function": "autofunction", "class": "autoclass", "exception": "autoexception"}


def library_page() -> str:
    """Every public name of the library, by its docstring."""
    parts = [
        "# The library\n\nThe public names of `relevance_neurons`. [How to use them](../library.md)"
        " has examples.\n\n```{eval-rst}\n"
    ]
    for name in relevance_neurons.__all__:
        one = getattr(relevance_neurons, name)
        kind = "function" if not isinstance(one, type) else "class"
        kind = "exception" if kind == "class" and issubclass(one, Exception) else kind
        members = "   :members:\n" if kind == "class" else ""
        parts.append(f".. {KINDS[kind]}:: relevance_neurons.{name}\n{members}\n")
    return "".join([*parts, "```\n"])


def database_page() -> str:
    """The tables, columns and macros of neurons.duckdb, and the ready queries."""
    database = duckdb.connect()
    for name in ("../relevance_neurons/running/macros", "database_tables", "database_macros"):
        database.execute((SCRIPTS / "report" / f"{name}.sql").read_text(encoding="utf-8"))
    comment_all(database, SCRIPTS / "report")
    parts = [
        "# The database\n\nThe tables of `results/<study>/neurons.duckdb`, with their columns. A"
        " table of a stage that did not run is empty or not there.\n"
        "[Read the results](../reading_results.md) says how to ask them.\n"
    ]
    for table, comment in _tables(database):
        parts.append(
            f"\n## {table}\n\n{_as_text(comment)}.\n\n| column | type | what |\n|---|---|---|\n"
        )
        columns = database.execute(
            "SELECT column_name, data_type, comment FROM duckdb_columns() WHERE table_name = $1"
            " ORDER BY column_index",
            [table],
        ).fetchall()
        parts += [
            f"| `{name}` | {kind} | {_as_text(what or '')} |\n" for name, kind, what in columns
        ]
    parts.append("\n## Macros\n\nQuestions with parameters, stored in the database.\n\n")
    parts += [f"- `{name}`: {_as_text(what)}\n" for name, what in _macros()]
    parts.append("\n## Ready queries\n\nFiles of `workflow_scripts/queries/`.\n\n")
    parts += [f"- `{name}.sql`: {_as_text(what)}\n" for name, what in _queries()]
    return "".join(parts)


def _tables(database: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    text = (SCRIPTS / "report" / "database_tables.sql").read_text(encoding="utf-8")
    order = re.findall(r'CREATE TABLE "?(\w+)', text)
    found = dict(database.sql("SELECT table_name, comment FROM duckdb_tables()").fetchall())
    return [(name, found[name] or "") for name in order]


def _macros() -> Iterator[tuple[str, str]]:
    text = (SCRIPTS / "report" / "database_macros.sql").read_text(encoding="utf-8")
    for comment, name in re.findall(
        r"((?:^--.*\n)+)CREATE MACRO (\w+\([^)]*\)) AS TABLE", text, re.M
    ):
        yield name, " ".join(line.strip("- ") for line in comment.splitlines())


def _queries() -> Iterator[tuple[str, str]]:
    for path in sorted((SCRIPTS / "queries").glob("*.sql")):
        lines = path.read_text(encoding="utf-8").splitlines()
        comment = [line.strip("- ") for line in lines if line.startswith("--")]
        yield path.stem, " ".join(comment).partition("?")[0] + "?"


def report_page() -> str:
    """The captions of the report's tables and figures."""
    rules = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "rules").glob("*.smk"))
    parts = [
        "# Tables and figures\n\nWhat `report.html`, `tables/` and `figures/` of a study hold,"
        " with the captions of the report.\n[The paper, table by table](../paper.md) says which of"
        " them are the paper's.\n"
    ]
    for path in sorted((ROOT / "rules" / "captions").glob("*.rst")):
        if path.stem == "workflow":
            continue
        # Jinja takes what is a number of the study from its file.
        text = re.sub(r"{%.*?%}", "", path.read_text(encoding="utf-8"))
        text = re.sub(r"{{.*?}}", "…", text)
        name = path.stem.removesuffix("_figure").removesuffix("_table")
        is_figure = path.stem.endswith("_figure") or f"figures/{name}" in rules
        kind = "figure" if is_figure and not path.stem.endswith("_table") else "table"
        parts.append(f"\n## {name.replace('_', ' ').capitalize()} ({kind})\n\n{_as_text(text)}\n")
    return "".join(parts)


def notebook_page() -> str:
    """The notebook, as text and code; its numbers are those of the reader's own pairs."""
    cells = jupytext.read(NOTEBOOK, fmt="py:percent").cells
    parts = [
        f"```python\n{cell.source}\n```\n" if cell.cell_type == "code" else f"{cell.source}\n"
        for cell in cells
        if cell.source.strip()
    ]
    return "\n".join(parts)


def _as_text(text: str) -> str:
    """``text`` as Markdown shows it, letter by letter."""
    return re.sub(r"([<>\[\]|*_])", r"\\\1", text)


PAGES = {
    "study_file": study_reference.page,
    "library": library_page,
    "database": database_page,
    "report": report_page,
    "ten_pairs": notebook_page,
}


def main() -> None:
    """Write every page that changed."""
    GENERATED.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        text = page()
        path = GENERATED / f"{name}.md"
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
