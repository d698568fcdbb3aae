"""One table, three files: CSV for programs, Markdown and LaTeX (booktabs) for readers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from relevance_neurons.errors import UserError
from relevance_neurons.running.outputs import whole, write_text

NOTHING = "–"
MINUS = "\u2212"
_LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"$<$",
    ">": r"$>$",
    "|": r"\textbar{}",  # a dash in LaTeX's usual fonts
    '"': "''",  # a special character of some languages
    "`": r"\textasciigrave{}",
    "\n": " ",
    "\0": "{}",
    MINUS: r"$-$",
    "–": "--",
    "†": r"\textsuperscript{\textdagger}",
    "‡": r"\textsuperscript{\textdaggerdbl}",
    "∅": r"$\emptyset$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "τ": r"$\tau$",
    "ρ": r"$\rho$",
    "Δ": r"$\Delta$",
    "Σ": r"$\Sigma$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "±": r"$\pm$",
    "⊕": r"$\oplus$",
    "∩": r"$\cap$",
}
_LAST_OF_PDFLATEX = 0x17F
_WIDE = 10
"""More columns than this need small type."""
_MARKDOWN = {character: f"\\{character}" for character in "\\|*`~$"}
_MARKDOWN |= {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\n": " "}
_OUTER_UNDERSCORE = re.compile(r"(?<![^\W_])_|_(?![^\W_])")
"""Those inside a word are no emphasis in Markdown."""


@dataclass(frozen=True)
class Cell:
    """Text of one cell; ``latex`` replaces the escaped text where LaTeX has a symbol of its own."""

    text: str
    bold: bool = False
    underlined: bool = False
    latex: str | None = None


@dataclass(frozen=True)
class Table:
    """A table to be read (columns, rows, notes) and the same to be computed with (data).

    ``groups`` are headings over consecutive columns: (heading, number of columns).
    ``alignment`` is LaTeX's, by column: l, r or p{width}.
    """

    name: str
    title: str
    columns: Sequence[str]
    alignment: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    data: pl.DataFrame
    notes: Sequence[str] = ()
    groups: Sequence[tuple[str, int]] = field(default=())


def number(value: float | None, digits: int) -> str:
    """``value`` with a true minus sign and no negative zero; a dash for None."""
    if value is None:
        return NOTHING
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)


def count(value: int | None) -> str:
    """``value`` with commas between thousands; a dash for None."""
    return NOTHING if value is None else f"{value:,}"


def write_table(table: Table, paths: Iterable[str | Path]) -> None:
    """Write ``table`` to every path, in the format of its suffix (.csv, .md, .tex)."""
    for path in map(Path, paths):
        if path.suffix == ".csv":
            write_csv(table.data, path)
        elif path.suffix == ".md":
            write_text(markdown(table), path)
        elif path.suffix == ".tex":
            write_text(latex(table), path)
        else:
            raise UserError(f"{path}: found suffix {path.suffix!r}; allowed: .csv, .md, .tex")


def write_csv(frame: pl.DataFrame, path: str | Path) -> None:
    """Write ``frame`` as CSV (nothing for a null; lists joined by spaces).

    Texts are written as they are. None begins with a sign that spreadsheets take for a formula's:
    the study's schema has every name begin with a letter or digit.
    """
    lists = [name for name, kind in frame.schema.items() if kind == pl.List(pl.String)]
    with whole(path) as temporary:
        frame.with_columns(pl.col(lists).list.join(" ")).write_csv(temporary)


def markdown(table: Table) -> str:
    """Github-flavoured Markdown: title, table, notes."""
    columns = _grouped_columns(table)
    rules = ["---:" if align == "r" else "---" for align in table.alignment]
    lines = [[_markdown_escape(name) for name in columns], rules]
    lines += [[_markdown_cell(cell) for cell in row] for row in table.rows]
    body = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    notes = [_markdown_escape(note) for note in table.notes]
    return "\n\n".join([f"**{_markdown_escape(table.title)}**", body, *notes]) + "\n"


def latex(table: Table) -> str:
    r"""A ``table`` environment to ``\input`` (booktabs); the notes stand under the table.

    Characters beyond the alphabets that pdfLaTeX sets are kept, and named in the first lines.
    """
    is_wide = len(table.columns) > _WIDE
    lines = [
        "\\begin{table}",
        "\\centering",
        *(["\\scriptsize\\setlength{\\tabcolsep}{2.5pt}"] if is_wide else []),
        f"\\caption{{{_latex_escape(table.title)}}}",
        f"\\label{{tab:{table.name}}}",
        f"\\begin{{tabular}}{{{''.join(table.alignment)}}}",
        "\\toprule",
        *_latex_groups(table),
        _latex_row(map(_latex_escape, table.columns)),
        "\\midrule",
        *(_latex_row(map(_latex_cell, row)) for row in table.rows),
        "\\bottomrule",
        "\\end{tabular}",
        *(f"\\par\\smallskip{{\\footnotesize {_latex_escape(note)}}}" for note in table.notes),
        "\\end{table}",
    ]
    needs = ["% needs \\usepackage{booktabs}" + (", and a page in landscape" if is_wide else "")]
    if others := sorted({one for line in lines for one in line if ord(one) > _LAST_OF_PDFLATEX}):
        needs += [f"% needs LuaLaTeX or XeLaTeX, and fonts that have {' '.join(others)}"]
    return "\n".join([*needs, *lines]) + "\n"


def _latex_row(cells: Iterable[str]) -> str:
    r"""A row; what begins with [ or * would be an option of the line's end before it."""
    row = " & ".join(cells)
    return f"{'{}' if row.startswith(('[', '*')) else ''}{row} \\\\"


def _grouped_columns(table: Table) -> list[str]:
    """Markdown has one heading row: a group's heading goes before its columns' own."""
    names = [heading for heading, n_columns in table.groups for _ in range(n_columns)]
    names = names or [""] * len(table.columns)
    return [f"{name} {column}".strip() for name, column in zip(names, table.columns, strict=True)]


def _latex_groups(table: Table) -> list[str]:
    if not table.groups:
        return []
    spans, rules, first = [], [], 1
    for heading, n_columns in table.groups:
        last = first + n_columns - 1
        if heading:
            spans.append(f"\\multicolumn{{{n_columns}}}{{c}}{{{_latex_escape(heading)}}}")
            rules.append(f"\\cmidrule(lr){{{first}-{last}}}")
        else:
            spans.append(" & ".join([""] * n_columns))
        first = last + 1
    return [" & ".join(spans) + r" \\", " ".join(rules)]


def _markdown_cell(cell: Cell) -> str:
    text = _markdown_escape(cell.text)
    text = f"<u>{text}</u>" if cell.underlined else text
    return f"**{text}**" if cell.bold else text


def _latex_cell(cell: Cell) -> str:
    text = _latex_escape(cell.text) if cell.latex is None else cell.latex
    text = f"\\underline{{{text}}}" if cell.underlined else text
    return f"\\textbf{{{text}}}" if cell.bold else text


def _markdown_escape(text: str) -> str:
    escaped = "".join(_MARKDOWN.get(character, character) for character in text)
    return _OUTER_UNDERSCORE.sub(r"\\_", escaped)


def _latex_escape(text: str) -> str:
    apart = re.sub("-(?=-)", "-\0", text)  # two hyphens would become one dash
    return "".join(_LATEX.get(character, character) for character in apart)
