"""A row of the table of findings: what a claim is here, its interval and what that decides."""

from __future__ import annotations

import polars as pl

from relevance_neurons.tokens.claims import CLAIMS, FEWEST, verdict

FINDINGS = pl.Schema(
    dict.fromkeys(("claim", "collection", "method"), pl.String)
    | {"layer": pl.Int32, "paper": pl.String, "paper_value": pl.Float64}
    | dict.fromkeys(("value", "ci_low", "ci_high", "p_value"), pl.Float64)
    | {"n": pl.Int64, "n_collections": pl.Int64, "holds": pl.String}
)
Row = dict[str, object]
Ends = tuple[float | None, float | None]


def finding(
    claim: str,
    of: Row,
    value: float | None,
    ends: Ends,
    holds: str | None,
    *,
    method: str | None = None,
    paper: bool = True,
) -> Row:
    """The row of ``claim``, of a collection's row ``of`` of another table.

    ``method``: the entry that it is about, None where none is asked; ``paper``: whether the paper's
    words stand beside it. A verdict below ``FEWEST`` queries is ``undecided``.
    """
    said = CLAIMS[claim] if paper else None
    if holds is not None and of["n_queries"] < FEWEST:
        holds = "undecided"
    row: Row = {"claim": claim, "collection": of["collection"], "method": method}
    row |= {"layer": of.get("layer"), "value": value, "ci_low": ends[0], "ci_high": ends[1]}
    row |= {"paper": said and said.paper, "paper_value": said and said.number, "holds": holds}
    return row | {"n": of.get("n_pairs") or of["n_queries"]}


def difference(claim: str, row: Row, above: bool = True, **of: object) -> Row:
    """A claim about ``difference`` of a row; ``of``: method and paper of ``finding``."""
    ends = (row["difference_low"], row["difference_high"])
    found = finding(claim, row, row["difference"], ends, verdict(*ends, above=above), **of)
    return found | {"p_value": row.get("p_value_holm")}


def apart(one: Row, other: Row, name: str) -> Ends:
    """The smallest and largest difference of two intervals' points."""
    bounds = [row[f"{name}_{end}"] for row in (one, other) for end in ("low", "high")]
    if None in bounds:
        return None, None
    return bounds[0] - bounds[3], bounds[1] - bounds[2]
