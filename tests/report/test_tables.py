"""The tables: what they say, and that CSV, Markdown and LaTeX say the same."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import yaml
from matplotlib.mathtext import MathTextParser

from relevance_neurons.ablation.significance import EFFECTS
from relevance_neurons.errors import UserError
from relevance_neurons.report.tables.controls import controls_table
from relevance_neurons.report.tables.formats import (
    MINUS,
    NOTHING,
    Cell,
    Table,
    latex,
    markdown,
    number,
    write_csv,
    write_table,
)
from relevance_neurons.report.tables.notation import table3
from relevance_neurons.report.tables.paper import ranking_quality_table, table1, table2
from relevance_neurons.report.tables.table4 import table4
from relevance_neurons.selection.schemes import Scheme, of_heads, paper_schemes
from toys import synthetic_methods, synthetic_results
from workflow_scripts.report import write_tables

SCHEMA = Path(__file__).parents[2] / "rules" / "schemas" / "study.schema.yaml"
FORMATS = (".csv", ".md", ".tex")
OTHER_TABLES = ("controls", "ranking_quality", "stability", "sensitivity")
OTHER_TABLES += ("randomisation", "single_neurons")
OTHER_TABLES += ("methods", "method_checks", "pooled", "levels")


def small_table(cells: list[Cell], **options) -> Table:
    columns = [f"c{i}" for i in range(len(cells))]
    return Table(
        "small", "A_title", columns, ["l"] * len(cells), [cells], pl.DataFrame(), **options
    )


def markdown_rows(table: Table) -> list[list[str]]:
    lines = [line for line in markdown(table).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def texts(table: Table) -> dict[str, list[str]]:
    """First cell of a row -> the others, emphasis included."""
    return {row[0]: row[1:] for row in markdown_rows(table)[2:]}


def effects_of(rows: list[dict]) -> pl.DataFrame:
    blank = {"top_percent": 1.0, "n_queries": 10, "n_neurons": 4, "n_draws": 1, "p_value": 0.5}
    blank |= {"significant": False, "significant_holm": False}
    return pl.DataFrame([blank | row for row in rows], schema=EFFECTS)


# Renderers


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [(1.234, 2, "1.23"), (-1.235, 1, f"{MINUS}1.2"), (-0.004, 2, "0.00"), (None, 2, NOTHING)],
)
def test_number(value, digits, text):
    assert number(value, digits) == text


def test_markdown_escapes_and_emphasises():
    cells = [Cell("a|b"), Cell("1*", bold=True), Cell("2", underlined=True), Cell("<x>")]
    assert markdown_rows(small_table(cells))[2] == [r"a\|b", r"**1\***", "<u>2</u>", "&lt;x&gt;"]


def test_latex_escapes_and_emphasises():
    cells = [Cell("a_b & 5 %"), Cell("−1†", bold=True), Cell("2", underlined=True)]
    cells += [Cell("∅"), Cell("P_x", latex="$P_x$")]
    body = latex(small_table(cells)).split(r"\midrule")[1].split(r"\bottomrule")[0].strip()
    assert body == (
        r"a\_b \& 5 \% & \textbf{$-$1\textsuperscript{\textdagger}} & \underline{2} & "
        r"$\emptyset$ & $P_x$ \\"
    )


MARKDOWN = {
    "a|b": r"a\|b",
    "`x` and `y`": r"\`x\` and \`y\`",
    "~~out~~": r"\~\~out\~\~",
    "$x$ & $y$": r"\$x\$ &amp; \$y\$",
    "&copy;": "&amp;copy;",
    r"\|": r"\\\|",
    "__x__": r"\_\_x\_\_",
    "P_alpha_1": "P_alpha_1",
    "P_and_": r"P_and\_",
    "two\nlines": "two lines",
    "蜂 ०": "蜂 ०",
}


@pytest.mark.parametrize(("text", "escaped"), MARKDOWN.items())
def test_markdown_shows_every_character_as_it_is(text, escaped):
    table = small_table([Cell(text), Cell("x")], notes=[text])
    assert f"\n| {escaped} | x |\n" in markdown(table)
    assert f"\n\n{escaped}\n" in markdown(table)


LATEX = {
    "a_b % c # d & e": r"a\_b \% c \# d \& e",
    "$x$ {y}": r"\$x\$ \{y\}",
    "~ ^ \\": r"\textasciitilde{} \textasciicircum{} \textbackslash{}",
    "|score|": r"\textbar{}score\textbar{}",
    'say "so"': "say ''so''",
    "`x`": r"\textasciigrave{}x\textasciigrave{}",
    "a--b": "a-{}-b",
    "a---b": "a-{}-{}-b",
    "1–2": "1--2",
    "two\n\nlines": "two  lines",
    "[0, 1]": "{}[0, 1]",
    "*†": r"{}*\textsuperscript{\textdagger}",
    "Übung": "Übung",
}


@pytest.mark.parametrize(("text", "escaped"), LATEX.items())
def test_latex_shows_every_character_as_it_is(text, escaped):
    table = small_table([Cell(text), Cell("x")], notes=[text])
    lines = latex(table).splitlines()
    assert rf"{escaped} & x \\" in lines
    assert rf"\par\smallskip{{\footnotesize {escaped.removeprefix('{}')}}}" in lines
    assert not any("LuaLaTeX" in line for line in lines)


def test_latex_says_what_needs_another_engine():
    first, second, *_ = latex(small_table([Cell("蜂 Übung क")])).splitlines()
    assert first == r"% needs \usepackage{booktabs}"
    assert second == "% needs LuaLaTeX or XeLaTeX, and fonts that have क 蜂"


def test_csv_keeps_every_character(tmp_path):
    odd = ['say "so"', "a,b", "two\nlines", " spaces ", "=1+1", "蜂", "it's; $x$", "NULL", ""]
    write_csv(pl.DataFrame({"a": odd, "b": 1}), tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["a"] for row in csv.DictReader(stream)] == odd


def test_names_of_a_study_begin_with_no_sign_of_a_formula():
    """A spreadsheet takes = + - @ for one: CSV files have names and numbers as they are."""
    schema = yaml.safe_load(SCHEMA.read_text(encoding="utf-8"))["properties"]
    schemes = schema["selection"]["properties"]["schemes"]
    for names in (schema["collections"], schemes, schema["sensitivity"]["properties"]["variants"]):
        assert names["propertyNames"]["pattern"].startswith("^[A-Za-z0-9]")


def test_groups_head_their_columns():
    table = small_table([Cell("a"), Cell("b"), Cell("c")], groups=[("", 1), ("1 %", 2)])
    assert markdown_rows(table)[0] == ["c0", "1 % c1", "1 % c2"]
    assert r" & \multicolumn{2}{c}{1 \%} \\" in latex(table)
    assert r"\cmidrule(lr){2-3}" in latex(table)


def test_csv_keeps_numbers_and_nulls(tmp_path):
    frame = pl.DataFrame({"a": [0.1 + 0.2, None], "b": ["x,y", 'q"'], "c": [["u", "v"], []]})
    write_csv(frame, tmp_path / "t.csv")
    read = pl.read_csv(tmp_path / "t.csv")
    assert read["a"].to_list() == [0.1 + 0.2, None]
    assert read["b"].to_list() == ["x,y", 'q"']
    assert read["c"].to_list()[0] == "u v"


def test_unknown_format_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"found suffix '\.xlsx'; allowed: \.csv, \.md, \.tex"):
        write_table(small_table([Cell("a")]), [tmp_path / "t.xlsx"])


# Tables 1 to 3 and the quality of the rankings


@pytest.mark.parametrize("original", [0.001, 0.2])
def test_table1_marks_the_closest_to_0_and_the_study_s_choice(original):
    names = ["original", "pad_all", "zero"]
    baselines = pl.DataFrame(
        {
            "baseline": names,
            "mean_difference": [original, 0.3, -0.2],
            "ci_low": [0.0, 0.2, None],
            "ci_high": [0.002, 0.4, None],
            "n_pairs": [1000] * 3,
            "chosen": [False, True, False],
        }
    )
    rows = texts(table1(baselines))
    assert rows["original"][1:] == [
        f"{original:.3f}",
        "[0.000, 0.002]",
        "1,000",
        "",
    ]  # not a candidate
    assert rows["pad_all"][1:] == ["0.300", "[0.200, 0.400]", "1,000", "used in this study"]
    assert rows["zero"][1:3] == [f"**{MINUS}0.200**", NOTHING]
    assert table1(baselines).data["closest"].to_list() == [False, False, True]


def test_table1_describes_every_baseline_of_the_study():
    baselines = pl.DataFrame(
        {"baseline": synthetic_results.BASELINES, "mean_difference": 0.1, "n_pairs": 5}
    ).with_columns(ci_low=0.0, ci_high=0.2, chosen=False)
    inputs = [row[0] for row in texts(table1(baselines)).values()]
    assert NOTHING not in inputs
    assert len(set(inputs)) == len(synthetic_results.BASELINES)


def test_table2_shows_counts_and_what_is_not_attributed():
    numbers = {"n_documents": 8_841_823, "n_queries": 43, "n_relevant": 2501}
    numbers |= {"n_non_relevant": 5158, "kept_relevant": 900, "kept_non_relevant": None}
    numbers |= {"agreeing_relevant": 900, "agreeing_non_relevant": None}
    collections = pl.DataFrame([{"collection": "ms", "source": "files", "domain": "in"} | numbers])
    table = table2(collections)
    assert texts(table)["ms"] == [
        *("files", "in", "8,841,823", "43", "2,501", "900", "5,158", NOTHING)
    ]
    assert markdown_rows(table)[0][-2:] == ["non-relevant judged", "non-relevant kept"]
    assert "those where the ranker's prediction agrees" in table.notes[0]


def test_table2_says_where_pairs_are_kept_whatever_the_ranker_predicts():
    numbers = dict.fromkeys(["n_documents", "n_queries", "n_relevant", "n_non_relevant"], 2000)
    numbers |= {"kept_relevant": 1200, "agreeing_relevant": 1100}
    numbers |= {"kept_non_relevant": 7, "agreeing_non_relevant": 7}
    collections = pl.DataFrame([{"collection": "ms", "source": "files", "domain": "in"} | numbers])
    table = table2(collections)
    assert texts(table)["ms"][-4:] == ["2,000", "1,200 (1,100)", "2,000", "7"]
    assert "all, whatever the ranker predicts (keep: all;" in table.notes[0]
    assert "those where" not in table.notes[0]


def of_table3(schemes: list[Scheme], **options: int) -> Table:
    rows = [(one.scheme, level, n) for one in schemes for level, n in ((1.0, 22), (0.1, 2))]
    sizes = pl.DataFrame(rows, schema=["scheme", "top_percent", "n_neurons"], orient="row")
    return table3(schemes, sizes, **options)


def test_table3_explains_every_scheme_of_the_paper():
    maps = [(name, label) for name in ("ms_1", "a", "b") for label in ("relevant", "non_relevant")]
    schemes = paper_schemes({"ms_1": "in", "a": "out", "b": "out"}, maps[:-1])
    table = of_table3(schemes, n_draws=50)
    assert table.data["scheme"].to_list()[:3] == ["P_ms_1", "N_ms_1", "F_ms_1"]
    rows = {row["scheme"]: row for row in table.data.to_dicts()}
    assert set(rows) == {*(one.scheme for one in schemes), "random:<scheme>"}
    assert rows["N_and_out"]["symbol_latex"] == r"\bigcap_{o \in O} N_{o}"
    assert rows["F_ms_1"]["symbol_latex"] == r"P_{\mathrm{ms\_1}} \oplus N_{\mathrm{ms\_1}}"
    assert rows["F_all"]["symbol_latex"] == "F_{A}"
    meaning = "top X % by mean score, relevant pairs; intersection over the collections"
    assert rows["P_and_all"]["meaning"] == meaning
    assert rows["P_and_all"]["collections"] == "ms_1, a, b"
    assert rows["F_all"]["collections"] == "ms_1, a"  # b has no judged non-relevant pairs
    assert "the mean over the collections" in rows["F_all"]["meaning"]
    assert rows["P_and_all"]["n_neurons"] == "2 / 22"
    assert "50 draws" in rows["random:<scheme>"]["meaning"]
    assert "X = 0.1 / 1." in table.notes[0]
    parser = MathTextParser("path")
    for symbol in table.data["symbol_latex"]:
        assert parser.parse(f"${symbol}$").width > 0
    assert "random:<scheme>" not in of_table3(schemes).data["scheme"].to_list()


def test_table3_explains_a_scheme_of_ones_own():
    both, options = ("relevant", "non_relevant"), {"components": ("value",), "layers": (3, 4)}
    own = Scheme(
        "mine",
        both,
        ("a", "b"),
        ("nig",),
        "intersection",
        "fusion",
        "absolute",
        "bottom",
        **options,
    )
    row = of_table3([replace(own, own=True)]).data.row(0, named=True)
    assert (row["symbol"], row["symbol_latex"]) == ("mine", r"\mathrm{mine}")
    hyphened = of_table3([replace(own, scheme="my-own_1", own=True)]).data["symbol_latex"][0]
    assert hyphened == r"\mathrm{my{-}own\_1}"  # a bare one would be set as a minus
    assert MathTextParser("path").parse(f"${hyphened}$").width > 0
    assert row["meaning"] == (
        "bottom X % by mean score without its sign, of each label, among value, in layers 3, 4, "
        "in both; of the mean over the collections"
    )


def test_table3_explains_schemes_of_heads():
    schemes = [of_heads("mine", [(7, 9), (8, 1)]), of_heads("one", [(0, 0)])]
    schemes += [of_heads("found", "matching")]
    table = of_table3(schemes, n_draws=3)
    meanings = dict(table.data.select("scheme", "meaning").iter_rows())
    assert meanings["mine"] == "value neurons of heads 7.9, 8.1"
    assert meanings["one"] == "value neurons of head 0.0"
    assert meanings["found"] == "value neurons of the matching heads"
    assert meanings["random:<scheme>"].endswith("as many whole heads in the same layers")
    assert set(table.data["collections"]) == {"–"}
    assert "the same whatever X" in table.notes[-1]
    without = of_table3([Scheme("P_a", ("relevant",), ("a",))], n_draws=3)
    assert not any("head" in text for text in [*without.notes, *without.data["meaning"]])


def test_ranking_quality_shows_intervals_and_gaps():
    rows = [
        ("a", "bm25", "nDCG@10", 0.5, 0.4, 0.6, 12, 0),
        ("a", "reranker", "nDCG@10", 0.7, None, None, 12, 0),
        ("b", "reranker", "nDCG@10", 0.8, 0.7, 0.9, 3, 0),
        ("c", "run", "nDCG@10", 0.2, 0.1, 0.3, 5, 1200),
        ("c", "reranker", "nDCG@10", 0.3, 0.2, 0.4, 5, 1200),
    ]
    names = ["collection", "ranking", "measure", "value", "ci_low", "ci_high", "n_queries"]
    quality = pl.DataFrame(rows, schema=[*names, "n_not_found"], orient="row")
    table = ranking_quality_table(quality)
    found = texts(table)
    assert markdown_rows(table)[0][3:] == ["BM25", "own run", "ranker"]
    assert found["a"] == ["nDCG@10", "12", "0.500 [0.400, 0.600]", NOTHING, f"0.700 {NOTHING}"]
    assert found["b"] == ["nDCG@10", "3", NOTHING, NOTHING, "0.800 [0.700, 0.900]"]
    assert found["c"][2:] == [NOTHING, "0.200 [0.100, 0.300]", "0.300 [0.200, 0.400]"]
    assert table.notes[1].endswith("finds nothing are left out: 1,200 of c.")
    assert len(ranking_quality_table(quality.filter(n_not_found=0)).notes) == 1


# Table 4


def row(scheme: str, collection: str, difference: float | None, p: float = 0.5, **more) -> dict:
    marks = {"significant": p <= 0.05, "significant_holm": p <= 0.001, "p_value": p}
    return (
        {"scheme": scheme, "collection": collection, "difference_percent": difference}
        | marks
        | more
    )


PAPER_SCHEMES = ["P_ms", "N_ms", "P_and_out", "F_all"]


@pytest.fixture
def effects() -> pl.DataFrame:
    empty = {"n_neurons": 0, "p_value": None, "significant": None, "significant_holm": None}
    return effects_of(
        [
            row("P_ms", "dev", -3.0),
            row("P_ms", "sci", 4.0, p=0.04),
            row("P_ms", "art", -2.0),
            row("N_ms", "dev", -40.0, p=0.0001),
            row("N_ms", "sci", -20.0, p=0.0001),
            row("N_ms", "art", -10.0, p=0.01),
            row("F_all", "dev", 5.0, p=0.03),
            row("F_all", "sci", -0.001),
            row("F_all", "art", -0.001),
            *(row("P_and_out", collection, None) | empty for collection in ("dev", "sci", "art")),
            row("random:P_ms", "dev", -1.0, n_draws=50),
            row("random:P_ms", "sci", 0.5, n_draws=50, p=0.02),
            row("random:P_ms", "art", -0.5, n_draws=50),
            row("random:N_ms", "dev", -2.0, n_draws=50, draws_within=48),
            row("random:N_ms", "sci", -1.0, n_draws=50, draws_within=50),
            row("random:N_ms", "art", -1.0, n_draws=50, draws_within=47),
            row("P_sci", "dev", -90.0),  # ablated, but no row of the paper's table
            row("matched:N_ms", "dev", -80.0, n_draws=50, p=0.0001, draws_within=3),  # no table 4
            row("keep_only:N_ms", "dev", -99.0, p=0.0001),
        ]
    )


def test_table4_in_domain_and_mean_of_the_others(effects):
    rows = texts(table4(effects, ["ms", "dev"], "nDCG@10", schemes=PAPER_SCHEMES))
    assert list(rows) == [
        *("random", "P_ms", "N_ms", "P_and_out", "N_and_out", "P_and_all", "N_and_all"),
        *("F_ms", "F_and_out", "F_and_all", "F_all"),
    ]  # and no row of P_sci
    assert rows["P_ms"] == [f"{MINUS}3.00", "<u>1.00 (1)</u>"]
    assert rows["N_ms"] == [rf"**{MINUS}40.00\*†**", f"**{MINUS}15.00 (2, 1†)**"]
    assert rows["F_all"] == [r"<u>5.00\*</u>", "0.00"]
    assert rows["P_and_out"] == ["∅", "∅"]
    assert rows["N_and_all"] == [NOTHING, NOTHING]


def test_table4_random_is_the_mean_over_the_controls(effects):
    table = table4(effects, ["ms", "dev"], "nDCG@10", schemes=PAPER_SCHEMES)
    assert texts(table)["random"] == [f"{MINUS}1.50", f"{MINUS}0.50 (1 of 4)"]
    assert any(note.startswith("random: mean over the random controls") for note in table.notes)


def test_table4_notes_name_test_correction_queries_and_draws(effects):
    notes = " ".join(table4(effects, ["ms", "dev"], "nDCG@10", significance=0.01).notes)
    for words in ("two-tailed paired t-test", "p ≤ 0.01", "Holm", "over all 16 tests", "50 draws"):
        assert words in notes
    assert "in-domain: dev (10 queries)" in notes
    assert "out-of-domain: art (10 queries), sci (10 queries)" in notes


def test_table4_csv_agrees_with_the_text(effects):
    data = table4(effects, ["ms", "dev"], "nDCG@10").data
    (found,) = data.filter(scheme="N_ms", domain="out").to_dicts()
    assert found["difference_percent"] == pytest.approx(-15)
    assert (found["n_significant"], found["n_significant_holm"]) == (2, 1)
    assert (found["n_tests"], found["n_collections"], found["empty"]) == (2, 2, False)


def test_table4_without_an_in_domain_collection(effects):
    table = table4(effects.filter(pl.col("collection") != "dev"), [], "nDCG@10")
    rows = texts(table)
    # Which collection is in the domain is not known: its schemes follow as the study's own.
    assert list(rows)[-3:] == ["F_all", "N_ms", "P_ms"]
    assert rows["F_all"][0] == NOTHING
    assert "in-domain: none" in table.notes[0]


def test_table4_with_several_in_domain_collections_counts_tests(effects):
    rows = texts(table4(effects, ["ms", "dev", "sci"], "nDCG@10"))
    assert rows["P_sci"][0] == f"**{MINUS}90.00**"  # now an in-domain collection's scheme
    assert rows["N_ms"] == [f"<u>{MINUS}30.00 (2, 2†)</u>", rf"**{MINUS}10.00\***"]


def test_table4_ends_with_the_study_s_own_schemes_in_their_order(effects):
    own = effects.with_columns(
        pl.col("scheme").replace({"N_ms": "mine", "random:N_ms": "random:mine"})
    )
    for schemes in (["P_ms", "mine", "P_sci"], ["P_sci", "P_ms", "mine"]):
        rows = texts(table4(own, ["ms", "dev"], "nDCG@10", schemes=schemes))
        assert list(rows)[-3:] == ["F_all", *(name for name in schemes if name != "P_ms")]
        assert rows["mine"] == [rf"<u>{MINUS}40.00\*†</u>", f"**{MINUS}15.00 (2, 1†)**"]
        assert rows["P_sci"] == [f"**{MINUS}90.00**", NOTHING]


# Ablation beyond zero


def test_controls_has_a_column_per_kind_and_domain(effects):
    found = controls_table(effects, ["ms", "dev"], "nDCG@10", schemes=PAPER_SCHEMES)
    assert markdown_rows(found)[0] == [
        *("scheme", "level"),
        *(f"in-domain {name}" for name in ("zero", "keep only", "random", "matched")),
        "in-domain % of attainable",
        *(f"out-of-domain {name}" for name in ("zero", "keep only", "random", "matched")),
        "out-of-domain % of attainable",
    ]
    rows = texts(found)
    assert list(rows) == ["P_ms", "N_ms", "P_and_out", "F_all"]
    assert rows["P_and_out"] == ["1 %", *["∅"] * 10]
    assert rows["F_all"][:5] == ["1 %", "5.00", NOTHING, NOTHING, NOTHING]
    assert rows["N_ms"][1:5] == [
        *(f"{MINUS}40.00", f"{MINUS}99.00"),
        *(f"{MINUS}2.00 (0/1 eq., 48/50 draws)", f"{MINUS}80.00 (0/1 eq., 3/50 draws)"),
    ]


def test_controls_counts_equivalent_controls_and_averages_what_is_attainable(effects):
    is_random = pl.col("scheme") == "random:N_ms"
    marked = effects.with_columns(
        equivalent=is_random & (pl.col("collection") != "dev"),
        attainable_percent=pl.when(collection="sci").then(-30.0).otherwise(-10.0),
    )
    found = controls_table(marked, ["ms", "dev"], "nDCG@10", "mean", schemes=["N_ms"])
    row = texts(found)["N_ms"]
    names = [name.split("domain ")[-1] for name in markdown_rows(found)[0][1:]]
    assert names == ["level", *["mean", "keep only", "random", "matched", "% of attainable"] * 2]
    assert row[3] == f"{MINUS}2.00 (0/1 eq., 48/50 draws)"
    assert row[8] == f"{MINUS}1.00 (2/2 eq., 97/100 draws)"
    assert (row[5], row[10]) == (f"{MINUS}10.0", f"{MINUS}20.0")
    (data,) = found.data.filter(scheme="N_ms", kind="random", domain="out").to_dicts()
    assert (data["n_equivalent"], data["n_tests"], data["n_collections"]) == (2, 2, 2)
    assert (data["draws_within"], data["n_draws"]) == (97, 100)
    assert data["difference_percent"] == pytest.approx(-1)


def test_controls_says_over_how_many_collections_the_attainable_is_averaged(effects):
    """Out of the domain are sci and art; null is an original that may be the floor."""
    for known, expected in ((["sci"], f"{MINUS}30.0 (1/2)"), ([], NOTHING)):
        percent = pl.when(pl.col("collection").is_in([*known, "dev"])).then(-30.0)
        marked = effects.with_columns(attainable_percent=percent)
        table = controls_table(marked, ["ms", "dev"], "nDCG@10", schemes=["N_ms"])
        row = texts(table)["N_ms"]
        assert (row[5], row[10]) == (f"{MINUS}30.0", expected)
    assert "clearly above the floor, counted in brackets" in " ".join(table.notes)


@pytest.mark.parametrize(
    ("ratio", "sign"),
    [(1.0, ""), (0.67, ""), (1.5, ""), (0.6, "‡"), (1.6, "‡"), (None, "")],
)
def test_controls_marks_matched_draws_of_another_size(effects, ratio, sign):
    matches = pl.DataFrame(
        {"scheme": ["N_ms"], "top_percent": [1.0], "ratio_matched": [ratio]},
        schema_overrides={"ratio_matched": pl.Float64},
    )
    table = controls_table(effects, ["ms", "dev"], "m", schemes=["N_ms"], match_quality=matches)
    row = texts(table)["N_ms"]
    assert row[4] == f"{MINUS}80.00{sign} (0/1 eq., 3/50 draws)"
    assert "‡" not in "".join([*row[:4], *row[5:]])
    assert "‡: they are not near" in " ".join(table.notes)
    of_matched = table.data.filter(pl.col("ratio_matched").is_not_null())["kind"].unique()
    assert of_matched.to_list() == ([] if ratio is None else ["matched"])


def test_controls_notes_explain_the_kinds_that_are_there(effects):
    table = controls_table(effects, ["ms", "dev"], "nDCG@10", equivalence_margin=1.5)
    notes = " ".join(table.notes)
    for words in ("± 1.5 %", "p ≤ 0.05", "the scheme's neurons give 0", "all neurons but", "floor"):
        assert words in notes
    assert "mean over the attribution pairs" not in notes
    plain = effects.filter(~pl.col("scheme").str.contains(":"))
    notes = " ".join(controls_table(plain, ["ms", "dev"], "nDCG@10").notes)
    assert "equivalent" not in notes


def test_table4_has_a_pair_of_columns_for_each_level(effects):
    both = pl.concat([effects, effects.with_columns(top_percent=pl.lit(0.01))])
    table = table4(both, ["ms", "dev"], "nDCG@10")
    assert markdown_rows(table)[0] == [
        *(
            "scheme",
            "0.01 % in-domain",
            "0.01 % out-of-domain",
            "1 % in-domain",
            "1 % out-of-domain",
        )
    ]
    assert {len(row) for row in markdown_rows(table)} == {5}


# The script, on a made-up study


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> tuple[Path, Path]:
    study = synthetic_results.write_synthetic_results(tmp_path_factory.mktemp("study"))
    domains = synthetic_results.DOMAINS | synthetic_results.ABLATION_DOMAINS
    collections = {
        name: {"source": "files", "domain": domain, "relevant": [2, 3], "non_relevant": [0]}
        for name, domain in domains.items()
    }
    collections["delta"]["non_relevant"] = []
    files = {
        kind: [study / "collections" / name / f"{kind}.parquet" for name in domains]
        for kind in ("documents", "queries", "qrels")
    }
    files["pairs"] = [study / "pairs" / f"{name}.parquet" for name in synthetic_results.DOMAINS]
    files = {kind: [str(path) for path in paths] for kind, paths in files.items()}
    names = ("baselines", "ablation_effects", "match_quality", "scheme_sizes", "ranking_quality")
    names += ("selection_frequencies", "split_halves", "sensitivity")
    names += ("randomisation", "single_neuron_correlations")
    files |= {name: study / f"{name}.parquet" for name in names}
    files["convergence"] = [study / "convergence.parquet"]
    of_methods = synthetic_methods.frames()
    neurons = synthetic_results.neuron_frame()
    _, correlations = synthetic_methods.single_neurons(neurons, synthetic_methods.METHODS)
    of_methods |= {"single_neuron_correlations": correlations}
    for name in set(of_methods) - {"loss_curves", "curve_areas"}:
        files[name] = study / "methods" / f"{name}.parquet"
        synthetic_results.write(of_methods[name], files[name])
    tables = study / "tables"
    names = ("table1", "table2", "table3", "table4", "controls", "ranking_quality")
    names += ("stability", "sensitivity", "randomisation", "single_neurons")
    names += ("methods", "method_checks", "pooled", "levels")
    output = {name: [tables / f"{name}{suffix}" for suffix in FORMATS] for name in names}
    output |= {"effects": tables / "effects.csv", "collections": study / "collections.parquet"}
    attributed = list(synthetic_results.DOMAINS)
    schemes = paper_schemes(synthetic_results.DOMAINS, synthetic_results.MAPS)
    schemes = [one.as_dict() for one in schemes]
    ablation = {
        "measure": "nDCG@10",
        "value": "zero",
        "equivalence_margin": 2,
        "significance": 0.05,
    }
    ablated = of_methods["methods"]["scheme"].unique(maintain_order=True).to_list()
    settings = (collections, attributed, schemes, ablation | {"schemes": ablated})
    write_tables.main(files, output, *settings, synthetic_methods.METHODS)
    return study, tables


def test_script_writes_every_table_in_every_format(written):
    _, tables = written
    names = {path.name for path in tables.iterdir()}
    assert names == {
        *(f"table{n}{suffix}" for n in range(1, 5) for suffix in FORMATS),
        *(f"{name}{suffix}" for name in OTHER_TABLES for suffix in FORMATS),
        "effects.csv",
    }
    for path in tables.glob("*.tex"):
        body = path.read_text(encoding="utf-8").split(r"\midrule")[1].split(r"\bottomrule")[0]
        widths = {len(re.findall(r"(?<!\\)&", line)) for line in body.strip().splitlines()}
        assert len(widths) == 1, path.name
        assert path.read_text(encoding="utf-8").isascii(), path.name  # any LaTeX can set it


def test_script_summarises_the_collections(written):
    study, tables = written
    summary = pl.read_parquet(study / "collections.parquet")
    assert pl.read_csv(tables / "table2.csv").equals(summary)
    assert summary["collection"].to_list() == [
        *("alpha", "alpha_test", "beta", "delta", "epsilon", "gamma", "zeta")
    ]
    for row in summary.iter_rows(named=True):
        folder = study / "collections" / row["collection"]
        grades = pl.read_parquet(folder / "qrels.parquet")["grade"]
        assert row["n_documents"] == pl.read_parquet(folder / "documents.parquet").height
        assert row["n_queries"] == pl.read_parquet(folder / "queries.parquet").height
        assert row["n_relevant"] == grades.is_in([2, 3]).sum()
        has_zeros = row["collection"] != "delta"
        assert row["n_non_relevant"] == (grades.eq(0).sum() if has_zeros else 0)
    kept = summary.select("collection", "kept_relevant", "kept_non_relevant")
    agreeing = summary.select("collection", "agreeing_relevant", "agreeing_non_relevant")
    assert agreeing.rows() == kept.rows()
    for collection, *counts in kept.iter_rows():
        if collection in synthetic_results.DOMAINS:
            pairs = pl.read_parquet(study / "pairs" / f"{collection}.parquet").filter("kept")
            expected = [pairs.filter(label=x).height for x in ("relevant", "non_relevant")]
            expected[1] = None if collection == "delta" else expected[1]
            assert counts == expected
        else:
            assert counts == [None, None]


def test_script_writes_the_effects_as_they_are(written):
    study, tables = written
    effects = pl.read_parquet(study / "methods" / "ablation_effects.parquet")
    read = pl.read_csv(tables / "effects.csv", schema=effects.schema)
    assert read.equals(effects)


def test_script_shows_the_study_s_own_method_where_one_is_meant(written):
    _, tables = written
    for name in ("table4", "controls"):
        text = (tables / f"{name}.md").read_text(encoding="utf-8")
        assert "N_alpha" in text and "gradient × activation" not in text
    assert "gradient × activation" in (tables / "methods.md").read_text(encoding="utf-8")
    own = pl.read_csv(tables / "single_neurons.csv").filter(method=synthetic_methods.METHODS[0])
    text = (tables / "single_neurons.md").read_text(encoding="utf-8")
    assert text.count("\n| ") - 2 == len(own)
