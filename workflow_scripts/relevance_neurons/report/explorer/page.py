"""The explorer's page: sections under a table of contents, scripts and styles in the same file."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

from itables.utils import read_package_file
from plotly.offline import get_plotlyjs

from relevance_neurons.report.explorer.plots import PALETTE
from relevance_neurons.running.outputs import write_text

_FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Section:
    """A part of the page: anchor, heading, the sentence that says what is seen, the rest."""

    name: str
    title: str
    lead: str
    html: str


def write_page(
    output: str | Path, title: str, sections: Sequence[Section], subtitle: str = ""
) -> None:
    """Write ``sections`` as one file that needs no network; ``title`` and ``subtitle`` are text."""
    write_text(page(title, sections, subtitle), output)


def page(title: str, sections: Sequence[Section], subtitle: str = "") -> str:
    """The page as text. Plotly and DataTables are in it once, whatever the sections hold."""
    parts = {
        "title": escape(title),
        "subtitle": escape(subtitle),
        "contents": "\n".join(map(_entry, sections)),
        "sections": "\n".join(map(_section, sections)),
        "palette": json.dumps(PALETTE),
        "style": _own("explorer.css"),
        "script": _own("explorer.js"),
        # The ways by which the two packages give what a page without network needs.
        "datatables_style": read_package_file("html/dt_bundle.css"),
        "datatables": in_script(read_package_file("html/dt_bundle.js")),
        "plotly": in_script(get_plotlyjs()),
    }
    # In one pass: what is filled in may hold braces of its own.
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _own("explorer.html"))


def in_script(text: str) -> str:
    """JavaScript or JSON that ends no script element, wherever a string of it would."""
    return re.sub(r"<(?=/script|!--|script)", r"\\x3c", text, flags=re.IGNORECASE)


def _own(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


def _entry(section: Section) -> str:
    return f'<li><a href="#{section.name}">{escape(section.title)}</a></li>'


def _section(section: Section) -> str:
    return (
        f'<section id="{section.name}" aria-labelledby="{section.name}-title" tabindex="-1">\n'
        f'<h2 id="{section.name}-title">{escape(section.title)}</h2>\n'
        f'<p class="lead">{escape(section.lead)}</p>\n{section.html}\n</section>'
    )
