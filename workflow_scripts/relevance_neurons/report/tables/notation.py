"""The paper's table 3: the notation, which schemes a study has and what they pick."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import polars as pl

from relevance_neurons.report.names import method_label, parted
from relevance_neurons.report.tables.formats import NOTHING, Cell, Table
from relevance_neurons.selection.ablation_kinds import RANDOM, named
from relevance_neurons.selection.schemes import Scheme

_PAIRS = {
    ("relevant",): "relevant pairs",
    ("non_relevant",): "non-relevant pairs",
    ("difference",): "differences within a query",
}


def table3(schemes: Iterable[Scheme], scheme_sizes: pl.DataFrame, n_draws: int = 0) -> Table:
    """The notation (Vast et al., table 3), from the schemes that the study defines.

    ``scheme_sizes``: scheme, top_percent, n_neurons, collections; ``n_draws``: draws of the
    random controls (0: the study has none). Schemes of another method than the study's own are
    named in a note where that has the same; the CSV has them all.
    """
    schemes = list(schemes)
    levels = sorted(scheme_sizes["top_percent"].unique())
    sizes = scheme_sizes.sort("top_percent").group_by("scheme").agg("n_neurons")
    n_neurons = dict(sizes.iter_rows())
    lines = [
        (
            one.scheme,
            *_symbols(one),
            _meaning(one),
            ", ".join(one.collections) or NOTHING,
            " / ".join(map(str, n_neurons[one.scheme])),
        )
        for one in schemes
    ]
    if n_draws:
        meaning = f"as many neurons in the same layers and components, {n_draws} draws"
        if any(one.heads for one in schemes):
            meaning += "; of a scheme of heads as many whole heads in the same layers"
        lines.append(
            (named(RANDOM, "<scheme>"), "random", r"\mathrm{random}", meaning, NOTHING, NOTHING)
        )
    columns = ["scheme", "symbol", "symbol_latex", "meaning", "collections", "n_neurons"]
    names = {scheme for scheme, *_ in lines}
    rows = [
        [Cell(symbol, latex=f"${tex}$"), Cell(scheme), *map(Cell, rest)]
        for scheme, symbol, tex, *rest in lines
        if parted(scheme)[1] is None or parted(scheme)[0] not in names
    ]
    return Table(
        name="table3",
        title="Notation: the schemes of this study",
        columns=["symbol", "scheme", "meaning", "collections", "neurons"],
        rows=rows,
        data=pl.DataFrame(lines, schema=columns, orient="row"),
        notes=[
            f"Neurons: selected at X = {' / '.join(f'{x:g}' for x in levels)}. P_x ⊕ N_x is called "
            "F_x. O: out-of-domain collections; A: all collections; those without judged "
            "non-relevant pairs are left out of N and F.",
            *_note_on_methods(schemes),
            *_note_on_heads(schemes),
        ],
        alignment=["l", "l", "p{4cm}", "p{4cm}", "r"],
    )


def _note_on_methods(schemes: Iterable[Scheme]) -> list[str]:
    methods = [parted(one.scheme)[1] for one in schemes]
    others = [method_label(one) for one in dict.fromkeys(methods) if one is not None]
    if not others:
        return []
    return [
        f"A scheme by the scores of another method is called scheme@method: {', '.join(others)}. "
        "D_x: the top of differences within a query."
    ]


def _note_on_heads(schemes: Iterable[Scheme]) -> list[str]:
    if not any(one.heads for one in schemes):
        return []
    return [
        "A scheme of heads is the same whatever X: it stands at the highest level alone. Head "
        "layer.head, both from 0."
    ]


def _symbols(scheme: Scheme) -> tuple[str, str]:
    """The paper's symbol of a scheme, in Unicode and LaTeX; its name if it is one's own."""
    if scheme.own:
        return scheme.scheme, _tex_name(scheme.scheme)
    base, method = parted(scheme.scheme)
    symbol, tex = _symbols_of_paper(replace(scheme, scheme=base))
    return (
        (symbol, tex) if method is None else (f"{symbol} @{method}", f"{tex}@{_tex_name(method)}")
    )


def _symbols_of_paper(scheme: Scheme) -> tuple[str, str]:
    letter, _, of = scheme.scheme.partition("_")
    if scheme.is_joint:
        one, many = ("o", "O") if of == "and_out" else ("a", "A")
        if scheme.across_collections == "fusion":
            return f"{letter}_{many}", f"{letter}_{{{many}}}"
        return (
            f"⋂ {letter}_{one}, {one} ∈ {many}",
            f"\\bigcap_{{{one} \\in {many}}} {letter}_{{{one}}}",
        )
    name = _tex_name(of)
    if letter == "F":
        return f"P_{of} ⊕ N_{of}", f"P_{{{name}}} \\oplus N_{{{name}}}"
    return scheme.scheme, f"{letter}_{{{name}}}"


def _tex_name(name: str) -> str:
    escaped = name.replace("_", r"\_").replace("-", "{-}")  # a bare one is a minus, with space
    return f"\\mathrm{{{escaped}}}"


def _meaning(scheme: Scheme) -> str:
    """What a scheme picks, in words."""
    if scheme.heads:
        return _meaning_of_heads(scheme.heads)
    order = "mean score" if scheme.rank_by == "score" else "mean score without its sign"
    pick = f"{scheme.pick} X % by {order}"
    fused = scheme.across_labels == "fusion"
    pairs = _PAIRS.get(scheme.labels, "mean of both labels" if fused else "of each label")
    where = [
        f"among {', '.join(scheme.components)}" if scheme.components else "",
        f"in layers {', '.join(map(str, scheme.layers))}" if scheme.layers else "",
    ]
    words = ", ".join([pick, pairs, *filter(None, where)])
    if len(scheme.labels) > 1 and not fused:
        words += ", in both"
    if len(scheme.collections) > 1 or scheme.is_joint:
        words += {
            "intersection": "; intersection over the collections",
            "fusion": "; of the mean over the collections",
        }[scheme.across_collections]
    return words


def _meaning_of_heads(heads: str | tuple[tuple[int, int], ...]) -> str:
    if isinstance(heads, str):
        return f"value neurons of the {heads} heads"
    several = "s" if len(heads) > 1 else ""
    return f"value neurons of head{several} " + ", ".join(f"{x}.{y}" for x, y in heads)
