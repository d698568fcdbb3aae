"""Level, spread and order of margins under ablations, against loops over single passages."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.stats

from relevance_neurons.ablation.level_intervals import BOUNDS
from relevance_neurons.ablation.shared_terms import term_shares, with_many_terms
from relevance_neurons.running.sql import run_sql
from toys.margins import QUERIES, log_p, write_ranked
from workflow_scripts.ablation import measure_levels

CONDITIONS = [
    *(("S", level, 0) for level in (0.5, 1.0)),
    *(("T@gradient_x_activation", 1.0, 0), ("mean:S", 1.0, 0)),
    *(("random:S", level, draw) for level in (0.5, 1.0) for draw in range(5)),
    *((f"bottom:{one}", 1.0, 0) for one in ("S", "T@gradient_x_activation")),
]
LABELS = ("relevant", "non_relevant")
SIZES = {("S", 0.5): 3, ("S", 1.0): 6, ("T@gradient_x_activation", 1.0): 2}
SIZES |= {("bottom:T@gradient_x_activation", 1.0): 5}


def measured(files: dict[str, Path], folder: Path, names=("c",)) -> dict[str, pl.DataFrame]:
    rows = [(*cell, n) for cell, n in SIZES.items()]
    schema = {"scheme": pl.String, "top_percent": pl.Float64, "n_neurons": pl.Int64}
    sizes = folder / "scheme_sizes.parquet"
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(sizes)
    made = {name: folder / f"{name}.parquet" for name in ("level_changes", "level_controls")}
    given = {name: [file] * len(names) for name, file in files.items()} | {"scheme_sizes": sizes}
    measure_levels.main(given, made, dict.fromkeys(names, "english"), 0)
    return {name: pl.read_parquet(file) for name, file in made.items()}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> dict[str, Path]:
    return write_ranked(tmp_path_factory.mktemp("ranked"), CONDITIONS)


@pytest.fixture(scope="module")
def tables(files, tmp_path_factory) -> dict[str, pl.DataFrame]:
    return measured(files, tmp_path_factory.mktemp("levels"))


def passages(files: dict[str, Path], condition: tuple) -> dict[str, list[tuple]]:
    """Query -> (document, label, margin with the neurons, margin without)."""
    labels = {(q, d): label for q, d, label in pl.read_parquet(files["qrels"]).iter_rows()}
    rows = pl.read_parquet(files["rerankings"])
    scores = {tuple(row[:5]): row[5] for row in rows.iter_rows()}
    found: dict[str, list[tuple]] = {}
    for query, document, _ in pl.read_parquet(files["candidates"]).iter_rows():
        margins = [
            math.log(math.exp(s) / -math.expm1(s))
            for s in (scores[*one, query, document] for one in (("none", 0.0, 0), condition))
        ]
        label = labels.get((query, document), "non_relevant")
        found.setdefault(query, []).append((document, label, *margins))
    return found


def right_share(relevant: list[float], others: list[float]) -> float:
    return np.mean([(a > b) + (a == b) / 2 for a in relevant for b in others])


@pytest.mark.parametrize("condition", [CONDITIONS[0], CONDITIONS[2], ("random:S", 0.5, 3)])
def test_every_column_equals_a_loop_over_passages(files, tables, condition):
    names = ("scheme", "top_percent", "draw")
    row = tables["level_changes"].filter(**dict(zip(names, condition, strict=True)))
    found = row.row(0, named=True)
    queries = list(passages(files, condition).values())
    every = [one for rows in queries for one in rows]
    assert found["collection"] == "c" and found["n_queries"] == 4
    assert found["shift"] == pytest.approx(np.mean([one[3] - one[2] for one in every]), abs=1e-5)
    for label in LABELS:
        of = np.array([one[2:] for one in every if one[1] == label])
        p = 1 / (1 + np.exp(-of))
        expected = [of[:, 0].mean(), (of[:, 1] - of[:, 0]).mean(), *p.mean(axis=0)]
        columns = ["margin_{}", "shift_{}", "p_{}", "p_{}_pruned"]
        values = [found[name.format(label)] for name in columns]
        assert values == pytest.approx(expected, abs=1e-5)
    for place, end in ((2, ""), (3, "_pruned")):
        by = [
            [[one[place] for one in rows if one[1] == label] for label in LABELS]
            for rows in queries
        ]
        spreads = [np.std([one[place] for one in rows], ddof=1) for rows in queries]
        gaps = [np.mean(mine) - np.mean(others) for mine, others in by]
        for name, values in (
            ("spread", spreads), ("gap", gaps), ("accuracy", [right_share(*one) for one in by])
        ):  # fmt: skip
            assert found[name + end] == pytest.approx(np.mean(values), abs=1e-5), name
    for name in ("spread", "gap"):
        percent = 100 * (found[f"{name}_pruned"] / found[name] - 1) if found[name] > 0 else None
        assert found[f"{name}_percent"] == pytest.approx(percent)
    margins = [np.array([one[2:] for one in rows]) for rows in queries]
    correlation = np.mean([scipy.stats.spearmanr(one).statistic for one in margins])
    assert found["rank_correlation"] == pytest.approx(correlation, abs=1e-5)


def test_accuracy_of_passages_with_many_and_few_of_the_terms_of_the_query(files, tables):
    relevant = pl.read_parquet(files["candidates"]).filter(pool="relevant")
    shares = term_shares(relevant, files["queries"], files["documents"], "english")
    share = {document: value for _, document, value in shares.iter_rows()}
    median = np.median([value for value in share.values() if value is not None])
    found = tables["level_changes"].filter(scheme="S", top_percent=1.0).row(0, named=True)
    queries = passages(files, ("S", 1.0, 0))
    for name, chosen in (("lexical", lambda x: x > median), ("semantic", lambda x: x <= median)):
        for place, end in ((2, ""), (3, "_pruned")):
            of_queries = []
            for rows in queries.values():
                mine = [one[place] for one in rows if one[1] == "relevant"
                        and share[one[0]] is not None and chosen(share[one[0]])]  # fmt: skip
                others = [one[place] for one in rows if one[1] == "non_relevant"]
                of_queries += [right_share(mine, others)] if mine else []
            assert 0 < len(of_queries) < 4
            expected = pytest.approx(np.mean(of_queries), abs=1e-9)
            assert found[f"accuracy_{name}{end}"] == expected


def test_terms_are_stems_of_the_query_without_stop_words(tmp_path):
    texts = {"d1": "Wings and lifts", "d2": "nothing", "d3": "wing wing WING tail"}
    pairs = pl.DataFrame({"query_id": ["q1", "q1", "q1", "q4"], "doc_id": [*texts, "d1"]})
    for name, key, rows in (("q", "query_id", QUERIES), ("d", "doc_id", texts)):
        frame = pl.DataFrame({key: list(rows), "text": list(rows.values())})
        frame.write_parquet(tmp_path / name)
    found = term_shares(pairs, tmp_path / "q", tmp_path / "d", "english")
    assert found.select("query_id", "doc_id").equals(pairs)
    assert found["share"].to_list() == [1.0, 0.0, 0.5, None]  # of wing, lift
    assert with_many_terms(found)["lexical"].to_list() == [True, False, False, None]


def test_margins_are_exact_from_the_least_to_the_largest_score(tmp_path):
    margins = np.concatenate([np.linspace(-85, 85, 171), [-1e-3, 1e-3, -1000, 700]])
    scores = log_p(margins).astype(np.float32)
    pl.DataFrame({"score": scores}).write_parquet(tmp_path / "scores.parquet")
    query = tmp_path / "query.sql"
    query.write_text(f"SELECT margin_of(score) AS margin FROM '{tmp_path / 'scores.parquet'}'")
    found = run_sql(query)["margin"].to_numpy()
    known = scores[:-1].astype(np.float64)
    np.testing.assert_allclose(found[:-1], known - np.log(-np.expm1(known)), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(found[:-1], margins[:-1], rtol=1e-6, atol=1e-6)
    assert scores[-1] == 0 and found[-1] == pytest.approx(103.28, abs=0.01)


def test_intervals_are_of_resampled_queries(files, tables):
    queries = list(passages(files, ("S", 1.0, 0)).values())
    sums = np.array([[sum(one[3] - one[2] for one in rows), len(rows)] for rows in queries])
    rng = np.random.default_rng(5)
    drawn = rng.integers(0, 4, (20_000, 4))
    ratios = sums[drawn, 0].sum(axis=1) / sums[drawn, 1].sum(axis=1)
    low, high = np.quantile(ratios, [0.025, 0.975])
    found = tables["level_changes"].filter(scheme="S", top_percent=1.0).row(0, named=True)
    assert found["shift_low"] == pytest.approx(low, abs=0.02 * (high - low))
    assert found["shift_high"] == pytest.approx(high, abs=0.02 * (high - low))
    spreads = [[np.std([r[i] for r in rows], ddof=1) for i in (2, 3)] for rows in queries]
    spreads = np.array(spreads)[drawn].mean(axis=1)
    low, high = np.quantile(100 * (spreads[:, 1] / spreads[:, 0] - 1), [0.025, 0.975])
    assert found["spread_percent_low"] == pytest.approx(low, abs=0.03 * (high - low))
    assert found["spread_percent_high"] == pytest.approx(high, abs=0.03 * (high - low))


def test_controls_have_no_intervals_and_plain_rows_have(tables):
    changes = tables["level_changes"]
    plain = ~pl.col("scheme").str.contains(":")
    assert changes.filter(~plain).select(BOUNDS).drop_nulls().is_empty()
    own = changes.filter(plain)
    assert own["shift_low"].null_count() == 0
    for name in ("shift", "shift_relevant", "shift_non_relevant", "spread_percent"):
        assert (own[f"{name}_low"] <= own[name]).all() and (own[name] <= own[f"{name}_high"]).all()


def test_controls_shift_the_level_as_far(files, tables):
    changes, controls = tables["level_changes"], tables["level_controls"]
    shift = {
        row[:3]: row[3] for row in changes.select("scheme", "top_percent", "draw", "shift").rows()
    }
    measures = pl.read_parquet(files["measures"]).group_by("scheme", "top_percent", "draw")
    value = {row[:3]: row[3] for row in measures.agg(pl.mean("value")).rows()}
    original = value["none", 0.0, 0]
    expected = {}
    for cell in [one for one in shift if ":" not in one[0]]:
        for direction, sign in (("up", 1), ("down", -1)):
            for kind in ("random", "bottom"):
                sets = [one for one in shift if one[0].startswith(kind) and sign * shift[one] > 0]
                if sets:
                    best = min(sets, key=lambda one: abs(abs(shift[one]) - abs(shift[cell])))
                    expected[*cell[:2], direction, kind] = best
    assert len(controls) == len(expected) > 6
    for row in controls.iter_rows(named=True):
        kind = row["control"].split(":")[0]
        best = expected[row["scheme"], row["top_percent"], row["direction"], kind]
        assert (row["control"], row["control_percent"], row["control_draw"]) == best
        assert row["control_shift"] == pytest.approx(shift[best])
        assert row["shift"] == pytest.approx(shift[row["scheme"], row["top_percent"], 0])
        percent = 100 * (value[best] / original - 1)
        assert row["control_difference_percent"] == pytest.approx(percent)
        own = value[row["scheme"], row["top_percent"], 0]
        assert row["difference_percent"] == pytest.approx(100 * (own / original - 1))
        of = best[0].split(":")[1]
        size = SIZES.get(best[:2], SIZES[of, best[1]])
        assert row["control_n_neurons"] == size
    assert 5 in controls["control_n_neurons"]  # a size of the other end alone


def test_collections_stand_below_each_other(files, tables, tmp_path):
    both = measured(files, tmp_path, ["c", "d"])
    assert both["level_changes"]["collection"].unique().sort().to_list() == ["c", "d"]
    one = both["level_changes"].filter(collection="d").drop("collection", *BOUNDS)
    same = tables["level_changes"].drop("collection", *BOUNDS)
    for name in same.columns[:4]:
        assert one[name].equals(same[name])
    assert len(both["level_controls"]) == 2 * len(tables["level_controls"])


def test_one_query_has_values_without_intervals(tmp_path):
    found = measured(write_ranked(tmp_path, CONDITIONS, queries=1), tmp_path)["level_changes"]
    assert found.select(BOUNDS).drop_nulls().is_empty()
    assert found["shift"].null_count() == found["accuracy"].null_count() == 0


def test_without_one_label_there_is_no_gap(tmp_path):
    files = write_ranked(tmp_path, CONDITIONS)
    qrels = pl.read_parquet(files["qrels"]).with_columns(label=pl.lit("relevant"))
    judged = pl.read_parquet(files["candidates"]).select(
        "query_id", "doc_id", label=pl.lit("relevant")
    )
    pl.concat([qrels, judged]).unique(["query_id", "doc_id"]).write_parquet(files["qrels"])
    found = measured(files, tmp_path)["level_changes"]
    nothing = ["gap", "gap_percent", "accuracy", "accuracy_lexical", "margin_non_relevant"]
    nothing += ["shift_non_relevant", "gap_percent_low", "shift_non_relevant_low"]
    assert found.select(nothing).null_count().row(0) == (len(found),) * len(nothing)
    assert found["shift"].equals(found["shift_relevant"])


def test_equal_scores_have_no_ranking_to_correlate(tmp_path):
    files = write_ranked(tmp_path, [("S", 1.0, 0)])
    rows = pl.read_parquet(files["rerankings"])
    flat = pl.when(pl.col("scheme") == "S").then(pl.lit(0.0, pl.Float32)).otherwise("score")
    rows.with_columns(score=flat).write_parquet(files["rerankings"])
    found = measured(files, tmp_path)["level_changes"].row(0, named=True)
    assert found["rank_correlation"] is None
    assert found["accuracy_pruned"] == 0.5
    assert found["spread_percent"] == pytest.approx(-100)
    assert np.isfinite(found["shift"])


def test_levels_without_an_ablation_give_empty_tables(tmp_path):
    tables = measured(write_ranked(tmp_path, []), tmp_path)
    assert tables["level_changes"].is_empty() and tables["level_controls"].is_empty()
    assert set(BOUNDS) <= set(tables["level_changes"].columns)
