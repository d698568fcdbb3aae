"""Tables of how the ranker weighs terms: semantic BM25, and where its IDF is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from relevance_neurons.report.names import FORMS, PAPERS_PEARSON, VARIANTS
from relevance_neurons.report.tables.formats import NOTHING, Cell, Table, count, number
from relevance_neurons.report.tables.methods import p_text
from relevance_neurons.report.tables.tokens import with_interval


def semantic_bm25_table(results: pl.DataFrame) -> Table:
    """How well each regression foretells the logit and ranks; the table semantic_bm25.

    The paper's Pearson stands beside the pointwise rows of the variants that it has a number of.
    """
    rows = [_regression(row) for row in results.iter_rows(named=True)]
    measures = ", ".join(results["measure"].drop_nulls().unique().sort()) or "measure"
    return Table(
        name="semantic_bm25",
        title="The cross-encoder as a semantic BM25: regressions on soft term frequency",
        columns=[
            *("collection", "variant", "form", "folds by", "heads", "features", "pairs", "queries"),
            *("paper", "here", "Spearman", measures, "k1", "b"),
        ],
        rows=rows,
        data=results,
        notes=[
            "Pearson and Spearman: of what a regression foretells of held-out pairs with the "
            "ranker's logits; pairwise: fitted to the differences within a query, and correlated "
            f"within each query, mean over queries. {measures}: of the passages as the variant "
            "ranks them. In brackets 95 % intervals of a bootstrap over queries; of random heads "
            "and random weights the mean over draws, and the interval of one draw. Legacy: as the "
            "paper does it, a fifth of the pairs held out and features standardised on all of "
            "them, so that queries are on both sides; it ranks no query whole. The paper's numbers "
            "are of its own data and ranker; its BM25 is raw, here k1 and b are fitted on the "
            "training folds. Pointwise, what says nothing has a correlation below 0: all that is "
            "foretold of a fold is then the mean of the others.",
        ],
        groups=[("", 8), ("Pearson", 2), ("", 4)],
        alignment=["l", "l", "l", "l", *"r" * 10],
    )


def _regression(row: Mapping) -> list[Cell]:
    variant, form = row["variant"], row["form"]
    paper = PAPERS_PEARSON.get(variant) if form == next(iter(FORMS)) else None
    texts = [row["collection"], VARIANTS.get(variant, variant), FORMS.get(form, form or NOTHING)]
    texts += [row["split"] or NOTHING]
    texts += [count(row[one]) for one in ("n_heads", "n_features", "n_pairs", "n_queries")]
    texts += [number(paper, 4)]
    texts += [with_interval(row, one, 3) for one in ("pearson", "spearman", "value")]
    return [Cell(text) for text in (*texts, number(row["k1"], 2), number(row["b"], 2))]


def idf_table(components: pl.DataFrame, edits: pl.DataFrame, collections: Sequence[str]) -> Table:
    """The component that goes with IDF best, and what moving a term along it does.

    ``components``, ``edits``: the tables idf_components and idf_edits. A row a collection; one of
    which nothing could be measured has dashes. The CSV has a row a collection too.
    """
    data = _best(components).join(_slopes(edits), on="collection", how="full", coalesce=True)
    order = pl.DataFrame({"collection": list(collections)}, schema={"collection": pl.String})
    data = order.join(data, on="collection", how="left", maintain_order="left")
    return Table(
        name="idf",
        title="Inverse document frequency in the word embeddings",
        columns=[
            *("collection", "words", "best", "correlation", "p", "found"),
            *("component", "random directions", "scaled row", "p", "pairs"),
        ],
        rows=[_idf(row) for row in data.iter_rows(named=True)],
        data=data,
        notes=[
            "Component: of the singular value decomposition of the word embeddings, from 0, the "
            "one whose entries go best with the IDF of the collection's words; p: all components "
            "looked at, against the largest correlation under permuted IDF. Slope: change of the "
            "logit for a standard deviation of the component towards rarer words, put into a "
            "query's rarest term in query and passage, in brackets its 95 % interval over queries; "
            "random: directions of the same size; scaled: the term's whole embedding. p of the "
            "slope: of the component's against the random directions'.",
        ],
        groups=[("", 2), ("component", 4), ("slope", 4), ("", 1)],
        alignment=["l", *"rrrrl", *"r" * 5],
    )


def _best(components: pl.DataFrame) -> pl.DataFrame:
    """The row with the largest |correlation| of each collection."""
    keys = ["collection", "n_words", "component", "correlation", "p_value", "is_found"]
    by_size = components.drop_nulls("correlation").sort(
        pl.col("correlation").abs(), descending=True, maintain_order=True
    )
    return by_size.unique("collection", keep="first", maintain_order=True).select(keys)


def _slopes(edits: pl.DataFrame) -> pl.DataFrame:
    """A row a collection: slope of each kind of edit with its interval, and the component's p."""
    slopes = edits.filter(pl.col("dose").is_null())
    found = slopes.select("collection").unique(maintain_order=True)
    for kind in ("component", "random", "scaled_row"):
        names = {"change": f"slope_{kind}", "ci_low": f"slope_{kind}_low"}
        names |= {"ci_high": f"slope_{kind}_high"}
        more = {"p_value": "slope_p_value", "n_pairs": "n_pairs"} if kind == "component" else {}
        of_kind = slopes.filter(kind=kind).select(
            "collection", *(pl.col(old).alias(new) for old, new in (names | more).items())
        )
        found = found.join(of_kind, on="collection", how="left", maintain_order="left")
    return found


def _idf(row: Mapping) -> list[Cell]:
    is_found = {True: "yes", False: "no", None: NOTHING}[row["is_found"]]
    texts = [row["collection"], count(row["n_words"]), count(row["component"])]
    texts += [number(row["correlation"], 3), p_text(row["p_value"]), is_found]
    texts += [with_interval(row, f"slope_{one}", 3) for one in ("component", "random")]
    texts += [with_interval(row, "slope_scaled_row", 3), p_text(row["slope_p_value"])]
    return [Cell(text) for text in (*texts, count(row["n_pairs"]))]
