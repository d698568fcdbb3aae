"""A ranking of the user's own, in TREC's run format, in the place of BM25's."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from relevance_neurons.collections.lines import line_error, read_lines, show
from relevance_neurons.collections.own_documents import without_own_documents
from relevance_neurons.collections.retrieval import ranked
from relevance_neurons.errors import UserError

logger = logging.getLogger(__name__)

_COLUMNS = ("query_id", "Q0", "doc_id", "rank", "score", "tag")
_SCHEMA = {
    "query_id": pl.String,
    "doc_id": pl.String,
    "run_score": pl.Float64,
    "rank": pl.Float64,
}


@dataclass(frozen=True)
class OwnRun:
    """A run (query_id, doc_id, run_score), and the ids of the collection's documents."""

    rows: pl.DataFrame
    doc_ids: pl.Series
    name = "run"

    def search(self, queries: pl.DataFrame, k: int) -> pl.DataFrame:
        """The ``k`` best documents of each query (query_id, …); fewer where the run has fewer.

        Returns query_id, doc_id, run_rank (from 1), run_score, sorted by query_id and rank. Scores
        decide and not the ranks in the file, equal scores rank by doc_id. A query that is itself
        among the documents is left out of its own ranking, as in ``Bm25Index``.
        """
        found = self.rows.join(queries, on="query_id", how="semi")
        found = ranked(without_own_documents(found, queries), self.name)
        return found.filter(pl.col("run_rank") <= k)


def read_run(path: str | Path, queries: pl.DataFrame, documents: Path) -> OwnRun:
    """The run in ``path`` of ``queries`` (query_id) over ``documents`` (a Parquet file).

    Columns are query_id Q0 doc_id rank score tag, between spaces or, where ids hold spaces, tabs.
    Other queries than these are passed over; passages that are no document are left out, and the
    log counts them. As for trec_eval the scores decide: where they contradict the ranks the log
    says so. Raises ``UserError`` for a line of another form, a score or rank that is no number, a
    passage that a query has twice, scores that fall as ranks get better or that are all the same,
    and where nothing of these queries is left.
    """
    path, asked = Path(path), set(queries["query_id"])
    doc_ids = pl.read_parquet(documents, columns=["doc_id"])["doc_id"]
    rows = pl.DataFrame(_rows(path, asked), schema=_SCHEMA, orient="row")
    _check_order(path, rows)
    known = rows.drop("rank").filter(pl.col("doc_id").is_in(doc_ids.implode()))
    if missing := len(rows) - len(known):
        # Way out: nothing need be done where the run is of a larger collection; else write ids as
        # the documents have them.
        logger.warning("%s: %d passages are not among the documents: left out", path, missing)
    if known.is_empty():
        raise UserError(
            f"{path}: no passage of a judged query is among the documents; the ids of queries and "
            "documents must be those of the collection"
        )
    lacking = len(asked) - known["query_id"].n_unique()
    if lacking:
        # Way out: nothing need be done; these queries are left out, and the evaluation counts them
        # (n_not_found).
        logger.warning("%s: %d of %d judged queries are not in the run", path, lacking, len(asked))
    return OwnRun(known, doc_ids)


def _check_order(path: Path, rows: pl.DataFrame) -> None:
    """See that the scores order the passages as the ranks do."""
    rank, score = pl.col("rank"), pl.col("run_score")
    several = (
        rows.group_by("query_id")
        .agg(
            n=rank.n_unique(),
            same=score.n_unique() == 1,
            turned=pl.corr(rank, score, method="spearman").fill_nan(0) > 0,  # of equal scores
            # As trec_eval sorts them; ranks may be from 0 or from 1, and ties may have any order.
            differ=(score.sort_by(rank).diff() > 0).any(),
        )
        .filter(pl.col("n") > 1)
    )
    if several.filter("same").height * 2 > max(1, several.height):
        raise UserError(
            f"{path}: all scores of a query are the same though its ranks differ; write scores "
            "that fall with the rank, as 1 / rank"
        )
    if several.filter("turned").height * 2 > max(1, several.height):
        raise UserError(
            f"{path}: scores grow as ranks get worse; scores must be higher for better passages: "
            "write them negated"
        )
    if differ := several.filter("differ").height:
        logger.warning(
            "%s: in %d of %d queries ranks and scores order the passages differently; the scores "
            "count, as in trec_eval: see that they are the right ones",
            path,
            differ,
            several.height,
        )


def _rows(path: Path, asked: set[str]) -> Iterator[tuple[str, str, float, float]]:
    seen: dict[tuple[str, str], int] = {}
    for number, line in read_lines(path):
        columns = line.rstrip("\r\n").split("\t") if "\t" in line else line.split()
        if not "".join(columns).strip():
            continue
        if len(columns) != len(_COLUMNS):
            raise line_error(
                path,
                number,
                f"{len(columns)} columns; a run has {len(_COLUMNS)}: {' '.join(_COLUMNS)}",
            )
        query_id, _, doc_id, rank, score, _ = map(str.strip, columns)
        if query_id not in asked:
            continue
        if (query_id, doc_id) in seen:
            raise line_error(
                path,
                number,
                f"query {show(query_id)} has document {show(doc_id)} already, on line "
                f"{seen[query_id, doc_id]}; keep one of the two lines",
            )
        seen[query_id, doc_id] = number
        numbers = _number(path, number, "score", score), _number(path, number, "rank", rank)
        yield query_id, doc_id, *numbers


def _number(path: Path, line: int, column: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise line_error(
            path, line, f"the {column} {show(text)} is no finite number; one is needed"
        )
    return number
