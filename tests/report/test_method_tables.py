"""Tables of methods side by side: every number is the frames' own, gaps and marks are told."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from relevance_neurons.errors import UserError
from relevance_neurons.report.names import method_label, of_method, of_own_method, scheme_label
from relevance_neurons.report.tables.controls import controls_table
from relevance_neurons.report.tables.formats import MINUS, NOTHING, latex, number
from relevance_neurons.report.tables.levels import levels_table
from relevance_neurons.report.tables.methods import method_checks_table, methods_table, p_text
from relevance_neurons.report.tables.notation import table3
from relevance_neurons.report.tables.pooled import pooled_table
from relevance_neurons.report.tables.sanity import single_neurons_table
from relevance_neurons.report.tables.stability import stability_table, summarise_stability
from relevance_neurons.report.tables.table4 import table4
from relevance_neurons.selection.schemes import Scheme
from toys import synthetic_methods
from toys.bert import make_reranker

METHODS = [*synthetic_methods.METHODS, "lambda"]
FAMILIES = [*synthetic_methods.FAMILIES, "D_alpha"]
NIG, GRADIENT, LAMBDA = METHODS


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.DataFrame]:
    return synthetic_methods.frames(METHODS, FAMILIES)


@pytest.fixture(scope="module")
def schemes(frames) -> list[str]:
    return frames["methods"]["scheme"].unique(maintain_order=True).to_list()


def texts(table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


# Names, and the rows of one method


def test_names_are_words():
    assert scheme_label("N_scipy") == "N_scipy"
    assert scheme_label("N_scipy@gradient_x_activation") == "N_scipy · gradient × activation"
    assert method_label(NIG) == "NIG"
    assert of_own_method(["P_a", "P_a@lambda", "mine"]) == ["P_a", "mine"]


def test_the_rows_of_one_method():
    frame = pl.DataFrame({"method": ["a", "b", "a"], "x": [1, 2, 3]})
    assert of_method(frame, "a")["x"].to_list() == [1, 3]
    assert of_method(frame.drop("method"), "a")["x"].to_list() == [1, 2, 3]
    assert of_method(frame.filter(method="b"))["x"].to_list() == [2]
    with pytest.raises(UserError, match="method: the table has a, b; name one of them"):
        of_method(frame)
    with pytest.raises(UserError, match="method: found c; allowed: a, b"):
        of_method(frame, "c")


# Methods


def test_methods_stand_below_each_other_with_every_collection(frames):
    table = methods_table(frames["methods"], METHODS, "nDCG@10")
    cells = texts(table)
    assert [row[:3] for row in cells[:4]] == [
        ["P_alpha", "0.1 %", "NIG"],
        ["P_alpha", "0.1 %", "gradient × activation"],
        ["P_alpha", "0.1 %", "lambda"],
        ["P_alpha", "1 %", "NIG"],
    ]
    assert [row[2] for row in cells if row[0] == "D_alpha"] == ["lambda", "lambda"]
    assert len(cells) == 2 * (3 * 3 + 1)
    (row,) = [row for row in cells if row[:3] == ["N_beta", "1 %", "gradient × activation"]]
    own = frames["methods"].filter(scheme="N_beta@gradient_x_activation", top_percent=1.0)
    assert row[3] == "207"
    for text, one in zip(row[4:7], own.sort("collection").iter_rows(named=True), strict=True):
        marks = "*†" if one["p_value_holm"] <= 0.05 else "*" if one["p_value"] <= 0.05 else ""
        low, high = number(one["ci_low"], 1), number(one["ci_high"], 1)
        assert text == f"{number(one['difference_percent'], 1)}{marks} [{low}, {high}]"
    assert row[7] == number(own["random_percent"].mean(), 1)
    assert row[8:10] == ["0.200", p_text(own["p_value_random_t"].max())]
    assert row[-1] == number(own["attainable_percent"].mean(), 1)
    assert table.data.equals(frames["methods"])


def test_methods_shows_gaps_and_empty_schemes(frames):
    of = (pl.col("scheme") == "P_alpha") & (pl.col("top_percent") == 0.1)
    gone = frames["methods"].filter(~(of & (pl.col("collection") == "beta")))
    empty = gone.with_columns(n_neurons=pl.when(of).then(0).otherwise("n_neurons"))
    unknown = empty.with_columns(p_value_random=pl.lit(None, pl.Float64))
    first = texts(methods_table(unknown, METHODS, "nDCG@10"))[0]
    assert first[4:7] == ["∅", NOTHING, "∅"]
    assert first[8] == NOTHING


@pytest.mark.parametrize(
    ("value", "text"), [(0.0004, "< 0.001"), (0.001, "0.001"), (0.25, "0.250"), (None, NOTHING)]
)
def test_p_values(value, text):
    assert p_text(value) == text


def test_checks_say_what_else_tells_of_a_method(frames):
    table = method_checks_table(
        *(frames[name] for name in ("methods", "schemes", "activations")),
        METHODS,
        ["alpha", "beta"],
    )
    cells = texts(table)
    assert [row[0] for row in cells] == ["NIG", "gradient × activation", "lambda", "all neurons"]
    one = frames["methods"].filter(method=GRADIENT, top_percent=1.0).row(0, named=True)
    low, high = one["spearman_random_low"], one["spearman_random_high"]
    assert cells[1][1] == f"{number(one['spearman_random'], 2)} [{low:.2f}, {high:.2f}]"
    columns = ("split_halves_percent", "overlap_first_percent", "cost_forwards")
    assert cells[1][3:6] == [number(one[name], 1) for name in columns]


@pytest.mark.parametrize("method", [None, "a & b"])
def test_schemes_of_no_method_or_of_several_are_no_row_of_the_checks(frames, method):
    """Heads are of none, an intersection across methods of several."""
    more = (
        frames["methods"]
        .head(1)
        .with_columns(scheme=pl.lit("mine"), method=pl.lit(method, pl.String))
    )
    others = [frames[name] for name in ("schemes", "activations")]
    given = METHODS, ["alpha", "beta"]
    both = method_checks_table(pl.concat([frames["methods"], more]), *others, *given)
    assert texts(both) == texts(method_checks_table(frames["methods"], *others, *given))


def test_checks_count_where_the_maps_tops_are(frames):
    table = method_checks_table(
        *(frames[name] for name in ("methods", "schemes", "activations")),
        METHODS,
        ["alpha", "beta"],
    )
    data = table.data.filter(method=LAMBDA, top_percent=0.1).row(0, named=True)
    shares = []
    for scheme in ("P_alpha", "N_alpha", "N_beta", "D_alpha"):
        chosen = frames["schemes"].filter(scheme=f"{scheme}@lambda", top_percent=0.1)
        late = np.isin(chosen["layer"], [4, 5]).mean()
        shares.append((100 * (chosen["component"].to_numpy() == "intermediate").mean(), 100 * late))
    found = (data["share_intermediate"], data["share_layers_last"])
    assert found == pytest.approx(np.mean(shares, axis=0))
    whole = table.data.filter(method="all neurons").row(0, named=True)
    assert whole["share_intermediate"] == pytest.approx(100 * 15 / 35)
    assert whole["share_layers_first"] == pytest.approx(100 / 3)


# Pooled tests, levels


def test_pooled_shows_the_test_and_what_it_could_find(frames):
    pooled = frames["pooled_effects"]
    table = pooled_table(pooled, "nDCG@10")
    cells = {(row[0], row[1], row[2]): row[3:] for row in texts(table)}
    assert len(cells) == 2 * 2 * 10  # levels, domains of several collections, schemes
    row = cells["N_alpha · gradient × activation", "1 %", "out-of-domain"]
    of = {"top_percent": 1.0, "domain": "out"}
    one = pooled.filter(scheme="N_alpha@gradient_x_activation", **of).row(0, named=True)
    assert row[:2] == ["2", "50"]
    low, high = number(one["ci_low"], 1), number(one["ci_high"], 1)
    assert row[2] == f"{number(one['difference_percent'], 1)}*† [{low}, {high}]"
    assert row[3:5] == [p_text(one["p_value"]), p_text(one["p_value_holm"])]
    drawn = pooled.filter(scheme="matched:N_alpha@gradient_x_activation", **of)
    assert row[8] == number(drawn["difference_percent"][0], 1)
    assert row[-2:] == ["4.2", "7.1"]
    assert table.data.equals(pooled)


def test_pooled_shows_an_empty_scheme(frames):
    """As ``pooled_effects`` gives it: what it is of, and nulls."""
    first, kept = frames["pooled_effects"][:1], ("scheme", "top_percent", "domain")
    kept = (*kept, "n_collections", "collections")
    empty = first.with_columns(
        pl.lit(None).alias(name) for name in first.columns if name not in kept
    )
    (cells,) = texts(pooled_table(empty.cast(first.schema), "nDCG@10"))
    assert cells[3] == str(first["n_collections"][0]) and set(cells[4:]) == {NOTHING}


def test_pooled_of_a_study_with_one_collection_a_domain(frames):
    table = pooled_table(frames["pooled_effects"].clear(), "nDCG@10")
    assert not table.rows and latex(table).count(r"\midrule") == 1


def test_levels_are_means_over_collections_beside_sets_of_like_shift(frames, schemes):
    names = ("level_changes", "level_controls", "ablation_effects")
    table = levels_table(*(frames[name] for name in names), schemes, "nDCG@10")
    cells = texts(table)
    assert [row[:2] for row in cells[:2]] == [["P_alpha", "0.1 %"], ["P_alpha", "1 %"]]
    (row,) = [row for row in cells if row[:2] == ["N_alpha · lambda", "1 %"]]
    of = {"scheme": "N_alpha@lambda", "top_percent": 1.0}
    own = frames["level_changes"].filter(**of)
    assert row[2] == number(frames["ablation_effects"].filter(**of)["difference_percent"].mean(), 1)
    assert row[3] == f"+{own['shift_relevant'].mean():.2f}"
    assert row[6] == f"{own['p_non_relevant_pruned'].mean():.2f} (0.20)"
    assert row[7] == number(100 + own["gap_percent"].mean(), 0)
    assert row[9] == f"{own['rank_correlation'].mean():.2f}"
    assert row[10] == f"{100 * own['accuracy_lexical_pruned'].mean():.0f} (92)"
    up = frames["level_controls"].filter(pl.col("control").str.starts_with("bottom"), **of)
    up = up.filter(direction="up")
    percent, shift = up["control_difference_percent"].mean(), up["control_shift"].mean()
    assert row[13] == f"{number(percent, 1)} ({'+' if shift > 0 else ''}{number(shift, 2)})"
    assert len(table.data) == 3 * len(cells)


def test_levels_without_a_control_say_so(frames, schemes):
    controls = frames["level_controls"].filter(pl.col("control").str.starts_with("random"))
    table = levels_table(
        frames["level_changes"], controls, frames["ablation_effects"], schemes, "nDCG@10"
    )
    for row in texts(table):
        assert row[13] == row[15] == NOTHING != row[12]


@pytest.mark.parametrize("name", ["methods", "method_checks", "pooled", "levels"])
def test_any_latex_can_set_them(frames, schemes, name):
    tables = {
        "methods": lambda: methods_table(frames["methods"], METHODS, "nDCG@10"),
        "method_checks": lambda: method_checks_table(
            *(frames[one] for one in ("methods", "schemes", "activations")), METHODS, ["alpha"]
        ),
        "pooled": lambda: pooled_table(frames["pooled_effects"], "nDCG@10"),
        "levels": lambda: levels_table(
            *(frames[one] for one in ("level_changes", "level_controls", "ablation_effects")),
            schemes,
            "nDCG@10",
        ),
    }
    table = tables[name]()
    assert table.name == name
    assert latex(table).isascii()
    n_columns = len(table.columns)
    assert {len(row) for row in table.rows} == {n_columns} == {len(table.alignment)}
    assert sum(n for _, n in table.groups) == n_columns


# Older tables


def test_table4_and_controls_name_other_methods_schemes(frames, schemes):
    effects = frames["ablation_effects"]
    for table in (table4(effects, ["alpha"], "m"), controls_table(effects, ["alpha"], "m")):
        assert "N_alpha · gradient × activation" in [row[0] for row in texts(table)]
    own = of_own_method(schemes)
    assert not any("·" in row[0] for row in texts(table4(effects, ["alpha"], "m", schemes=own)))


def test_controls_have_the_other_end_as_a_kind(frames):
    effects = frames["ablation_effects"]
    table = controls_table(effects, ["alpha"], "m", schemes=["N_alpha"])
    place = table.columns.index("least important")
    bottom = effects.filter(scheme="bottom:N_alpha", collection="alpha")
    found = [row[place] for row in texts(table) if row[0] == "N_alpha"]
    assert found == [number(one, 2) for one in bottom.sort("top_percent")["difference_percent"]]
    assert "least important: as many neurons from the other end" in table.notes[0]


def test_single_neurons_are_those_of_one_method(frames):
    _, correlations = synthetic_methods.single_neurons(make_reranker(2).neurons.frame(), METHODS)
    table = single_neurons_table(correlations, GRADIENT)
    assert table.columns[:3] == ["label", "sample", "component"]
    assert {row[1] for row in texts(table)} == {"random", "strong"}
    assert len(table.rows) == len(correlations) / len(METHODS)
    one = correlations.filter(method=GRADIENT).row(0, named=True)
    assert texts(table)[0][4].startswith(f"{number(one['spearman_zero'], 2)} [")
    assert table.data.equals(correlations)


def test_stability_is_that_of_one_method():
    keys = {"collection": "a", "label": "difference", "top_percent": 1.0}
    frequencies = pl.DataFrame(
        [
            keys | {"method": one, "frequency": f, "selected": True}
            for one, f in (("x", 0.5), ("y", 1.0))
        ]
    )
    halves = pl.DataFrame(
        [keys | {"method": one, "shared_percent": f} for one, f in (("x", 40.0), ("y", 80.0))]
    )
    collections = pl.DataFrame(
        {"collection": ["a"], "kept_relevant": [3], "kept_non_relevant": [2]}
    )
    summary = summarise_stability(frequencies, halves, None, collections, "y")
    assert summary.select("frequency_mean", "halves_mean", "n_halvings").rows() == [(1.0, 80.0, 1)]
    assert texts(stability_table(summary))[0][:3] == ["a", "difference", NOTHING]


def test_table3_names_other_methods_in_a_note():
    of = {"labels": ("non_relevant",), "collections": ("a",)}
    schemes = [Scheme("N_a", **of), Scheme("N_a@lambda", **of)]
    schemes += [Scheme("D_a@lambda", labels=("difference",), collections=("a",))]
    names = [one.scheme for one in schemes]
    sizes = pl.DataFrame({"scheme": names, "top_percent": 1.0, "n_neurons": [3, 4, 5]})
    table = table3(schemes, sizes)
    assert [row[1] for row in texts(table)] == ["N_a", "D_a@lambda"]
    assert table.data["scheme"].to_list() == names
    assert table.data["symbol_latex"][2] == r"D_{\mathrm{a}}@\mathrm{lambda}"
    assert "differences within a query" in table.data["meaning"][2]
    assert table.notes[1].startswith("A scheme by the scores of another method is called")
    assert len(table3(schemes[:1], sizes).notes) == 1


def test_losses_have_a_true_minus(frames):
    cells = texts(methods_table(frames["methods"], METHODS, "nDCG@10"))
    assert not any("-" in cell for row in cells for cell in row[4:])
    assert any(MINUS in cell for row in cells for cell in row[4:])
