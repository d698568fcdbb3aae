"""The paper's table 4: what every ablation does to the ranking, in and out of the domain."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from relevance_neurons.report.names import scheme_label
from relevance_neurons.report.tables.formats import NOTHING, Cell, Table, number
from relevance_neurons.selection.ablation_kinds import PLAIN, RANDOM, with_kind

EMPTY = "∅"
DOMAINS = {"in": "in-domain", "out": "out-of-domain"}


def table4_schemes(schemes: Sequence[str], in_domain: Sequence[str]) -> list[str]:
    """Table 4's rows: those of Vast et al., then the other ``schemes`` in their order.

    Vast et al. have a scheme of P, N and F for the in-domain collection: here for every one that
    has a scheme.
    """
    names = [name for name in in_domain if {f"{x}_{name}" for x in "PNF"} & set(schemes)]
    rows = [f"{letter}_{name}" for name in names for letter in "PN"]
    rows += [f"{letter}_and_{of}" for of in ("out", "all") for letter in "PN"]
    rows += [*(f"F_{name}" for name in names), "F_and_out", "F_and_all", "F_all"]
    return [*rows, *(name for name in schemes if name not in rows)]


def domain_of(in_domain: Sequence[str]) -> pl.Expr:
    """``in`` or ``out``, by the column ``collection``."""
    is_in = pl.col("collection").is_in(list(in_domain))
    return pl.when(is_in).then(pl.lit("in")).otherwise(pl.lit("out"))


def table4(
    effects: pl.DataFrame,
    in_domain: Sequence[str],
    measure: str,
    significance: float = 0.05,
    schemes: Sequence[str] | None = None,
) -> Table:
    """What the ablations do to the ranking (Vast et al., table 4).

    ``effects``: as ``ablation_effects`` returns, of which the plain and the random rows count;
    ``in_domain``: the in-domain collections; ``schemes``: those that were ablated, in order (by
    default all of ``effects``). The CSV has a row per scheme, top_percent and domain; the others
    a column per level and domain.
    """
    effects = with_kind(effects).filter(pl.col("kind").is_in([PLAIN, RANDOM]))
    schemes = table4_schemes(ablated_in(effects) if schemes is None else schemes, in_domain)
    data = _by_domain(effects, schemes, in_domain)
    levels = sorted(effects["top_percent"].unique())
    found = {(row["scheme"], row["top_percent"], row["domain"]): row for row in data.to_dicts()}
    columns = [(level, domain) for level in levels for domain in DOMAINS]
    ranks = {column: _largest(data, *column) for column in columns}
    rows = [
        [Cell(scheme_label(scheme))]
        + [_effect_cell(found.get((scheme, *column)), ranks[column]) for column in columns]
        for scheme in [RANDOM, *schemes]
    ]
    return Table(
        name="table4",
        title=f"Difference in {measure} (%) between pruned and original ranker",
        columns=["scheme", *(DOMAINS[domain] for _, domain in columns)],
        rows=rows,
        data=data,
        notes=_effect_notes(effects, in_domain, significance),
        alignment=["l"] + ["r"] * len(columns),
        groups=[("", 1), *((f"{level:g} %", 2) for level in levels)],
    )


def ablated_in(effects: pl.DataFrame) -> list[str]:
    """The schemes that were ablated, by name."""
    return with_kind(effects)["of"].unique().sort().to_list()


def _by_domain(
    effects: pl.DataFrame, schemes: Sequence[str], in_domain: Sequence[str]
) -> pl.DataFrame:
    """Mean effect and number of significant tests per scheme, level and domain."""
    rows = effects.filter(pl.col("of").is_in(schemes)).with_columns(
        scheme=pl.when(kind=RANDOM).then(pl.lit(RANDOM)).otherwise("scheme"),
        domain=domain_of(in_domain),
    )
    return (
        rows.group_by("scheme", "top_percent", "domain")
        .agg(
            pl.col("difference_percent").mean(),
            n_significant=pl.col("significant").sum(),
            n_significant_holm=pl.col("significant_holm").sum(),
            n_tests=pl.col("p_value").count(),
            n_collections=pl.col("collection").n_unique(),
            empty=(pl.col("n_neurons") == 0).all(),
        )
        .sort("scheme", "top_percent", "domain")
    )


def _largest(data: pl.DataFrame, level: float, domain: str) -> list[float]:
    """The two largest changes of a column, the largest first."""
    column = data.filter(top_percent=level, domain=domain)["difference_percent"].drop_nulls()
    return [change for change in sorted(set(column.abs()), reverse=True) if change > 0][:2]


def _effect_cell(row: dict | None, largest: list[float]) -> Cell:
    if row is not None and row["empty"]:
        return Cell(EMPTY)
    if row is None or row["difference_percent"] is None:
        return Cell(NOTHING)
    change = abs(row["difference_percent"])
    return Cell(
        number(row["difference_percent"], 2) + _significance_mark(row),
        bold=largest[:1] == [change],
        underlined=largest[1:] == [change],
    )


def _significance_mark(row: dict) -> str:
    significant, holm = row["n_significant"], row["n_significant_holm"]
    if not significant:
        return ""
    if row["scheme"] == RANDOM:
        return f" ({significant} of {row['n_tests']})"
    if row["n_collections"] == 1:
        return "*†" if holm else "*"
    return f" ({significant}, {holm}†)" if holm else f" ({significant})"


def _effect_notes(
    effects: pl.DataFrame, in_domain: Sequence[str], significance: float
) -> list[str]:
    queries = effects.drop_nulls("n_queries").group_by("collection").agg(pl.col("n_queries").max())
    queries = queries.sort("collection")
    is_in = pl.col("collection").is_in(in_domain)
    domains = [
        f"{heading}: "
        + (", ".join(f"{name} ({n} queries)" for name, n in part.iter_rows()) or "none")
        for heading, part in zip(
            DOMAINS.values(), (queries.filter(is_in), queries.filter(~is_in)), strict=True
        )
    ]
    draws = effects.filter(kind=RANDOM)["n_draws"].max()
    n_tests = effects["p_value"].count()
    return [
        f"Collections, {'; '.join(domains)}. Several collections: mean of their differences.",
        f"*: p ≤ {significance:g}, two-tailed paired t-test over queries, original against pruned; "
        f"†: also after Holm's correction over all {n_tests} tests of the schemes and of their "
        f"random controls. Brackets: number of collections with p ≤ {significance:g} and, before "
        "†, of those that stay after Holm.",
        f"{RANDOM}: mean over the random controls of the table's schemes (as many neurons in "
        f"the same layers and components, {draws or 0} draws each, averaged per query); brackets: "
        "significant tests of all.",
        "Bold: largest change of the column; underlined: second largest. "
        f"{EMPTY}: no neuron is selected (an empty intersection, or too few to pick "
        "from), nothing was ablated. "
        f"{NOTHING}: the study has no such scheme, collection or difference.",
    ]
