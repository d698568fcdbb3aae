"""Which queries lose most without a scheme's neurons, and the passages that rose and fell for them.

Every text is in the page once: a view names the passages of its queries by number, and
``query_changes.js`` puts it together when it comes into sight.
"""

from __future__ import annotations

import html
import json
from pathlib import Path

import polars as pl

from relevance_neurons.report.explorer.choices import key, level_text, options, own_first
from relevance_neurons.report.explorer.controls import Control, switched
from relevance_neurons.report.explorer.page import Section
from relevance_neurons.report.explorer.results import Results
from relevance_neurons.report.names import scheme_label

N_QUERIES, DEPTH = 10, 10
"""Of a view: queries at most, and ranks of each ranking."""
LENGTH, LEAST = 300, 80
"""Characters that are shown of a passage, and the fewest where there are very many."""
MOST = 1_500_000
"""Characters of all passages together."""
_TABLES = ("measures", "rerankings", "candidates", "ablation_effects")
_VIEW = ["collection", "scheme", "top_percent"]
_LABELS = {
    "relevant": "relevant",
    "non_relevant": "not relevant",
    None: "of neither list",
}
_CHANGED = 1e-9


def query_changes(results: Results) -> Section | None:
    """The queries that lost most, with their rankings side by side; None without rankings."""
    if not all(map(results.has, _TABLES)):
        return None
    changes = results.query("query_changes")
    if changes.is_empty():
        return None
    moved = results.query("moved_passages", n_losers=N_QUERIES, depth=DEPTH)
    texts = results.query("candidate_texts", length=LENGTH)
    data, numbers, length = _stored(changes, moved, texts)
    lead = "Which queries lost most without a scheme's neurons, and which passages rose and fell."
    said = (
        f"<p>Shown are at most {N_QUERIES} queries for each collection, scheme and level, those "
        f"that lost most; of each ranking the {DEPTH} best passages, of each passage the first "
        f"{length} characters. The passages ranked are the query's pool: its relevant passages "
        "and the first stage's best others. Equal losses are in the order of their ids.</p>"
    )
    folder = Path(__file__).parent
    parts = [
        f"<style>{(folder / 'query_changes.css').read_text(encoding='utf-8')}</style>",
        said,
        _switch(changes, numbers),
        f'<script type="application/json" id="query-changes-data">{data}</script>',
        f"<script>{(folder / 'query_changes.js').read_text(encoding='utf-8')}</script>",
    ]
    return Section("query_changes", "Which queries", lead, "\n".join(parts))


def _switch(changes: pl.DataFrame, numbers: dict[tuple, int]) -> str:
    views = {}
    for place, rows in changes.group_by(_VIEW, maintain_order=True):
        collection, scheme, level = place
        said = html.escape(_counted(rows))
        number = numbers.get(place)
        lists = "" if number is None else f'<div class="query-changes" data-view="{number}"></div>'
        views[collection, scheme, key(level)] = f"<p><strong>{said}</strong></p>{lists}"
    controls = [
        Control("collection", "Collection", options(changes["collection"].unique().sort())),
        Control("scheme", "Scheme", options(own_first(changes["scheme"]), scheme_label)),
        Control(
            "level",
            "Level",
            options(changes["top_percent"].unique().sort(descending=True), level_text),
        ),
    ]
    return switched("query-changes", controls, views)


def _counted(rows: pl.DataFrame) -> str:
    """How many queries lost, gained and stayed."""
    difference = rows["difference"]
    lost, gained = (difference < -_CHANGED).sum(), (difference > _CHANGED).sum()
    measure = rows["measure"][0]
    mean = f"{difference.mean():+.3f}".replace("-", "−")
    return (
        f"Of {len(rows)} queries {lost} lost {measure}, {gained} gained, "
        f"{len(rows) - lost - gained} stayed as they were; mean change {mean}."
    )


def _stored(
    changes: pl.DataFrame, moved: pl.DataFrame, texts: pl.DataFrame
) -> tuple[str, dict[tuple, int], int]:
    """(JSON of the views, view -> its number, characters shown of a passage)."""
    of_pair = {(row["collection"], row["query_id"], row["doc_id"]): row for row in texts.to_dicts()}
    shown = {tuple(row) for row in moved.select("collection", "query_id", "doc_id").iter_rows()}
    distinct = {(row[0], row[2]) for row in shown}
    length = max(LEAST, min(LENGTH, MOST // max(1, len(distinct))))
    store = _Store(length)
    columns = (*_VIEW, "query_id", "place", "original", "pruned")
    told = {tuple(row[:4]): row[4:] for row in changes.select(columns).iter_rows()}
    views, numbers = [], {}
    for view, rows in moved.group_by(_VIEW, maintain_order=True):
        queries = []
        for (query,), own in rows.group_by("query_id", maintain_order=True):
            place, *values = told[(*view, query)]
            passages = _passages(store, of_pair, view[0], query, own)
            text = of_pair.get((view[0], query, own["doc_id"][0]), {}).get("query")
            shortened = [round(one, 4) for one in values]
            queries.append((place, [store.query(query, text), *shortened, passages]))
        numbers[view] = len(views)
        views.append([query for _, query in sorted(queries)])
    found = {"measure": changes["measure"][0], "depth": DEPTH, "views": views} | store.lists()
    # A text may hold </script>.
    return json.dumps(found, separators=(",", ":")).replace("<", "\\u003c"), numbers, length


def _passages(
    store: _Store, of_pair: dict[tuple, dict], collection: str, query: str, rows: pl.DataFrame
) -> list[int]:
    """Number, rank before and rank after of each passage, one behind the other."""
    found = []
    for doc, before, after in rows.select("doc_id", "rank_before", "rank_after").iter_rows():
        found += [store.passage(of_pair.get((collection, query, doc)), doc), before, after]
    return found


class _Store:
    """Texts, queries, passages and grades, each once, by number."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._texts, self._queries, self._passages, self._grades = {}, {}, {}, {}

    def query(self, query_id: str, text: str | None) -> int:
        """The number of a query."""
        return _number(self._queries, (query_id, _cut(text or "(no text)", LENGTH, False)))

    def passage(self, row: dict | None, doc_id: str) -> int:
        """The number of a passage with its judgment for one query."""
        text, grade = "(no text)", "not judged"
        if row is not None:
            text = _cut(row["text"] or "(empty)", self._length, bool(row["is_cut"]))
            if row["grade"] is not None:
                grade = f"grade {row['grade']}, {_LABELS.get(row['label'], row['label'])}"
        place = (_number(self._texts, text), doc_id, _number(self._grades, grade))
        return _number(self._passages, place)

    def lists(self) -> dict[str, list]:
        """What the numbers mean, for JSON."""
        return {
            "texts": list(self._texts),
            "queries": list(self._queries),
            "passages": list(self._passages),
            "grades": list(self._grades),
        }


def _number(known: dict, value: object) -> int:
    return known.setdefault(value, len(known))


def _cut(text: str, length: int, is_cut: bool) -> str:
    short = text if len(text) <= length else text[:length]
    return f"{short.rstrip()} …" if is_cut or len(text) > length else short
