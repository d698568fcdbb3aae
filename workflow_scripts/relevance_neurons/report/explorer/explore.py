"""The explorer of a study: its sections in their order, from the database to the page."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

import duckdb

from relevance_neurons.report.explorer.answer import answer
from relevance_neurons.report.explorer.head_views import head_views
from relevance_neurons.report.explorer.losses import losses
from relevance_neurons.report.explorer.made import made
from relevance_neurons.report.explorer.page import Section, write_page
from relevance_neurons.report.explorer.query_changes import query_changes
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.explorer.shares import shares
from relevance_neurons.report.explorer.token_views import token_views
from relevance_neurons.report.explorer.trust import trust
from relevance_neurons.report.explorer.where import where
from relevance_neurons.report.explorer.which import which

SECTIONS: tuple[Callable[[Results], Section | None], ...] = (
    answer,
    where,
    which,
    shares,
    losses,
    query_changes,
    token_views,
    head_views,
    trust,
    made,
)
"""In the order of the page. One gives None where the study did not run what it shows."""


def write_explorer(database: str | Path, output: str | Path) -> None:
    """Write the page of the study in ``database``, a neurons.duckdb, to ``output``.

    Run times are in it where the folder benchmarks lies beside the database. Raises ``UserError``
    where ``database`` is no study's.
    """
    with Results(database) as results:
        sections = [one for one in (_made(write, results) for write in SECTIONS) if one is not None]
        name = results.study.get("study", Path(database).parent.name)
        write_page(output, f"Which neurons rank? Study {name}", sections, _subtitle(results))


def _made(write: Callable[[Results], Section | None], results: Results) -> Section | None:
    """The section, or a word that the database is older than what it asks for."""
    try:
        return write(results)
    except (duckdb.BinderException, duckdb.CatalogException) as error:
        title = write.__name__.replace("_", " ").capitalize()
        lead = "This database was made by an earlier version, without what is shown here."
        reason = escape(str(error).splitlines()[0])
        again = "<p>Make it again with <code>snakemake build_database</code>.</p>"
        return Section(write.__name__, title, lead, f"<p>DuckDB says: {reason}</p>{again}")


def _subtitle(results: Results) -> str:
    settings = results.study
    if "reranker.model" in settings:
        return f"Ranker: {settings['reranker.model']}"
    base = settings.get("reranker.finetune.base")
    return f"Ranker: fine-tuned from {base}" if base else ""
