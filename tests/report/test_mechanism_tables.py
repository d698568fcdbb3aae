"""Tables of the mechanism: the numbers shown are those of the frames."""

from __future__ import annotations

import polars as pl
import pytest

from relevance_neurons.report.tables import mechanism, term_weights
from relevance_neurons.report.tables.formats import NOTHING, Table, latex, markdown, number
from toys import synthetic_mechanism as toy
from workflow_scripts.report import write_mechanism_tables

NAMES = ["heads", "semantic_bm25", "faithfulness", "idf", "patch_screen"]
READ = ["heads", "semantic_bm25", "faithfulness", "idf_components", "idf_edits", "patch_screen"]


@pytest.fixture(scope="module")
def frames() -> dict[str, pl.DataFrame]:
    return toy.tables()


def made(frames: dict[str, pl.DataFrame], collections: list[str]) -> list[Table]:
    idf = frames["idf_components"], frames["idf_edits"]
    return [
        mechanism.heads_table(frames["heads"]),
        mechanism.faithfulness_table(frames["faithfulness"]),
        mechanism.patch_screen_table(frames["patch_screen"]),
        term_weights.semantic_bm25_table(frames["semantic_bm25"]),
        term_weights.idf_table(*idf, collections),
    ]


def texts(table: Table) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def bracketed(values: list[float], digits: int) -> str:
    value, low, high = (number(one, digits) for one in values)
    return f"{value} [{low}, {high}]"


def test_found_heads_stand_with_their_nulls(frames):
    table = mechanism.heads_table(frames["heads"])
    found = {**toy.MATCHING, **toy.RELEVANCE}
    assert [row[0] for row in texts(table)] == [f"{a}.{h}" for a, h in sorted(found)]
    assert table.title.endswith(f": {len(found)} of {frames['heads'].height}")
    for shown in texts(table):
        layer, head = map(int, shown[0].split("."))
        row = frames["heads"].filter(layer=layer, head=head).row(0, named=True)
        names = ("match_attention", "null_shuffles", "null_rankers")
        assert shown[1:5] == [row["kind"], *(number(row[one], 3) for one in names)]
        assert shown[6:8] == [number(row[f"{one}cls_query_share"], 2) for one in ("", "null_")]
        path = [row[f"path_{one}"] for one in ("effect", "ci_low", "ci_high")]
        assert shown[8] == bracketed(path, 3)
        assert shown[10] == number(row["output_effect"], 3)
    assert table.data.equals(frames["heads"])


def test_regressions_stand_beside_the_papers_numbers(frames):
    results = frames["semantic_bm25"]
    table = term_weights.semantic_bm25_table(results)
    assert len(table.rows) == len(results)
    for shown, row in zip(texts(table), results.iter_rows(named=True), strict=True):
        papers = {"legacy": "0.8157", "bm25": "0.4200"} if row["form"] == "pointwise" else {}
        assert shown[8] == papers.get(row["variant"], NOTHING)
        for place, name in ((9, "pearson"), (10, "spearman"), (11, "value")):
            ends = [row[f"{name}{end}"] for end in ("", "_low", "_high")]
            assert shown[place] == bracketed(ends, 3)
        assert shown[12:] == [number(row["k1"], 2), number(row["b"], 2)]
    ranks_none = results.with_columns(value=None, value_low=None, value_high=None)
    assert {row[11] for row in texts(term_weights.semantic_bm25_table(ranks_none))} == {NOTHING}


def test_kept_heads_stand_beside_the_mean_of_random_draws(frames):
    faithfulness = frames["faithfulness"]
    cells = texts(mechanism.faithfulness_table(faithfulness))
    assert len(cells) == 2 * len(toy.KEPT)
    kept = ["all heads", "found heads", "matching heads", "relevance heads", "random heads"]
    assert [row[1] for row in cells[:6]] == [*kept, "no head"]
    row = faithfulness.filter(collection="alpha", kept="found").row(0, named=True)
    share = [100 * row[f"score_share{end}"] for end in ("", "_low", "_high")]
    assert cells[1][4] == bracketed(share, 1)
    assert cells[1][7] == bracketed([row[f"value{end}"] for end in ("", "_low", "_high")], 3)
    assert cells[1][8] == number(100 * row["value_share"], 1)
    drawn = faithfulness.filter(collection="alpha", kept="random").drop_nulls("draw")
    draws = drawn["score_share"].to_list()
    assert cells[4][3] == str(len(draws)) == "5"
    assert cells[4][4].split()[0] == number(100 * sum(draws) / len(draws), 1)
    low, high = (float(one.strip("[],")) for one in cells[4][4].split()[1:])
    assert 100 * min(draws) <= low < high <= 100 * max(draws)


def test_a_row_of_the_mean_of_draws_is_no_further_draw(frames):
    own = frames["faithfulness"].filter(collection="alpha")
    random = own.filter(kept="random")
    mean = random.head(1).with_columns(draw=pl.lit(None, pl.Int32), score_share=pl.lit(9.0))
    both = pl.concat([own.filter(pl.col("kept") != "random"), mean, random])
    both = both.with_columns(score_p_random=pl.lit(0.167), value_p_random=pl.lit(0.5))
    cells = texts(mechanism.faithfulness_table(both))
    (shown,) = [row for row in cells if row[1] == "random heads"]
    assert shown[3] == "5" and shown[4].startswith(number(100 * random["score_share"].mean(), 1))
    assert cells[1][5] == "0.167" and cells[1][9] == "0.500"


def test_idf_has_the_best_component_and_the_slopes(frames):
    components, edits = frames["idf_components"], frames["idf_edits"]
    table = term_weights.idf_table(components, edits, ["beta", "alpha"])
    assert [row[0] for row in texts(table)] == ["beta", "alpha"]
    own = components.filter(collection="beta").rows(named=True)
    best = max(own, key=lambda row: abs(row["correlation"]))
    shown = texts(table)[0]
    assert shown[1:4] == ["900", str(best["component"]), number(best["correlation"], 3)]
    assert shown[5] == "yes"
    for place, kind in enumerate(("component", "random", "scaled_row"), 6):
        of_kind = edits.filter(pl.col("dose").is_null(), collection="beta", kind=kind)
        ends = of_kind.select("change", "ci_low", "ci_high").row(0)
        assert shown[place] == bracketed(list(ends), 3)
    assert shown[9:] == ["0.050", "40"]
    weaker = components.with_columns(
        is_found=pl.lit(False), correlation=pl.col("correlation") / 10, p_value=pl.lit(0.4)
    )
    shown = texts(term_weights.idf_table(weaker, edits.clear(), ["beta"]))[0]
    assert shown[2:6] == ["3", number(best["correlation"] / 10, 3), "0.400", "no"]
    assert set(shown[6:]) == {NOTHING}


def test_the_screen_has_a_row_a_grid_and_site(frames):
    screen = frames["patch_screen"]
    cells = texts(mechanism.patch_screen_table(screen))
    assert len(cells) == len(screen)
    assert cells[0] == [
        *("alpha", "TFC1", "block × class", "residual", "54", "0.95", "0.80", "0.0200", "80"),
    ]


@pytest.mark.parametrize("collections", [["alpha"], toy.COLLECTIONS, ["alpha", "gamma"]])
def test_tables_have_as_many_cells_as_columns(frames, collections):
    for table in made(frames, collections):
        n = len(table.columns)
        assert len(table.alignment) == n and {len(row) for row in table.rows} == {n}
        assert sum(size for _, size in table.groups) in (0, n)
        assert table.title in markdown(table).replace("\\", "")
        assert latex(table).count("&") >= (n - 1) * 2
        assert "% needs LuaLaTeX" not in latex(table)


def test_a_study_without_rows_has_empty_tables_with_their_notes(frames):
    empty = {name: frame.clear() for name, frame in frames.items()}
    tables = {table.name: table for table in made(empty, ["alpha"])}
    assert texts(tables["idf"]) == [["alpha", *[NOTHING] * 10]]
    assert all(not tables[one].rows for one in tables if one != "idf")
    for table in tables.values():
        assert markdown(table) and latex(table)


def test_the_script_writes_every_file(tmp_path):
    files = toy.write_mechanism(tmp_path / "given")
    given = {name: files[name] for name in READ}
    wanted = {
        one: [str(tmp_path / f"{one}.{end}") for end in ("csv", "md", "tex")] for one in NAMES
    }
    write_mechanism_tables.main(given, wanted, {"collections": toy.COLLECTIONS})
    for csv, *others in wanted.values():
        assert len(pl.read_csv(csv, infer_schema_length=None)) > 0
        assert all((tmp_path / one).stat().st_size for one in others)
    assert len(pl.read_csv(wanted["heads"][0])) == toy.N_LAYERS * toy.N_HEADS
