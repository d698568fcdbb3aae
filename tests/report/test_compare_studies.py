"""Studies side by side: numbers beside numpy's and scipy's, and what is not comparable, said so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import polars as pl
import pytest
from scipy.stats import hypergeom, kendalltau, spearmanr, ttest_rel
from statsmodels.stats.multitest import multipletests

from relevance_neurons import StudyComparison, UserError, compare_studies
from relevance_neurons.report.study_comparison.effects import effects_side_by_side
from relevance_neurons.report.study_comparison.find import find_databases, folder_name
from relevance_neurons.report.study_comparison.pair import Pair, opened
from relevance_neurons.report.study_comparison.relation import relate
from toys import two_studies as toy


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Studies one and two, of one ranker with other scores, as results lie."""
    results = tmp_path_factory.mktemp("results")
    for seed, name in enumerate(["one", "two"]):
        toy.write(results / name / "neurons.duckdb", toy.tables(name, seed))
    return results


@pytest.fixture(scope="module")
def comparison(folder) -> StudyComparison:
    return compare_studies([folder / name / "neurons.duckdb" for name in ("one", "two")])


@pytest.fixture
def compared(folder, tmp_path):
    """Study one beside a study of other tables, perhaps without some."""

    def compare(two: dict, **without) -> StudyComparison:
        other = toy.write(tmp_path / "two.duckdb", two, **without)
        return compare_studies({"one": folder / "one" / "neurons.duckdb", "two": other})

    return compare


def test_schemes_share_what_sets_do_beside_the_hypergeometric_chance(comparison):
    sets = [toy.schemes(seed) for seed in (0, 1)]
    found = {row[2:4]: row[4:] for row in comparison.shared_neurons.iter_rows()}
    assert found.keys() == sets[0].keys()
    for cell, (n_a, n_b, n_shared, percent, n, expected, low, high, p) in found.items():
        a, b = (one[cell] for one in sets)
        assert (n_a, n_b, n_shared) == (len(a), len(b), len(a & b)), cell
        assert n == (toy.N_NEURONS // 2 if cell[0] == "values" else toy.N_NEURONS)
        if not (a and b):
            assert (percent, expected, low, high, p) == (None,) * 5
            continue
        chance = hypergeom(n, n_a, n_b)
        smaller = min(n_a, n_b)
        assert percent == pytest.approx(100 * len(a & b) / smaller)
        assert expected == pytest.approx(100 * chance.mean() / smaller)
        ends = [100 * chance.ppf(end) / smaller for end in (0.025, 0.975)]
        assert [low, high] == pytest.approx(ends)
        assert p == pytest.approx(max(chance.sf(n_shared - 1), 1e-12), rel=1e-6)
    assert found["P_and_all", 0.1][:3] == (0, 0, 0)
    assert 0 < found["P_and_all", 10.0][0] != found["P_and_all", 10.0][1]


def test_maps_correlate_as_scipy_says(comparison):
    one, two = toy.scores(0), toy.scores(1)
    assert len(comparison.maps) == len(toy.MAPS)
    for row in comparison.maps.iter_rows(named=True):
        a, b = (scores[row["collection"], row["label"]] for scores in (one, two))
        assert row["kendall_tau"] == pytest.approx(kendalltau(a, b).statistic)
        assert row["spearman"] == pytest.approx(spearmanr(a, b).statistic)
        assert (row["n_neurons"], row["n_pairs_a"], row["n_pairs_both"]) == (256, 4, 3)
    tops = comparison.map_tops.filter(collection="beta", label="relevant", top_percent=10.0)
    a, b = (toy.top(scores["beta", "relevant"], 10) for scores in (one, two))
    assert tops["n_shared"].item() == len(a & b) > 3
    chance = hypergeom.sf(len(a & b) - 1, 256, 26, 26)
    assert tops["p_value_chance"].item() == pytest.approx(max(chance, 1e-12), rel=1e-6)


def changes(seed: int, scheme: str, level: float) -> np.ndarray:
    found = toy.values(seed)
    draws = [one for (name, of, _), one in found.items() if (name, of) == (scheme, level)]
    return np.mean(draws, axis=0) - found["none", 0.0, 0]


def test_effects_are_tested_over_the_same_queries(comparison):
    rows = comparison.effects
    assert rows["not_paired"].is_null().all()
    assert set(rows["scheme"]) == {"P_alpha", toy.RANDOM} and len(rows) == 4
    for row in rows.iter_rows(named=True):
        a, b = (changes(seed, row["scheme"], row["top_percent"]) for seed in (0, 1))
        assert [row["change_a"], row["change_b"]] == pytest.approx([a.mean(), b.mean()])
        assert row["difference"] == pytest.approx((b - a).mean())
        assert row["p_value"] == pytest.approx(ttest_rel(b, a).pvalue)
        drawn = np.random.default_rng(3).choice(b - a, size=(20_000, len(a))).mean(axis=1)
        ends = [row["difference_low"], row["difference_high"]]
        assert ends == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.1 * np.ptp(drawn))
        assert row["pruned_a"] - row["original_a"] == pytest.approx(a.mean())
    holm = multipletests(rows["p_value"].to_numpy(), method="holm")[1]
    assert rows["p_value_holm"].to_numpy() == pytest.approx(holm)


def test_a_comparison_with_itself_is_one_and_zero(compared):
    found = compared(toy.tables("one"))
    assert found.maps["kendall_tau"].to_list() == pytest.approx([1] * len(toy.MAPS))
    shared = found.shared_neurons.filter(pl.col("n_a") > 0)
    assert (shared["shared_percent"] == 100).all()
    assert (found.effects["difference"] == 0).all() and (found.effects["p_value"] == 1).all()
    assert found.settings.is_empty() and found.left_out.is_empty()
    (relation,) = found.relations.iter_rows(named=True)
    assert relation["largest_score_change"] == 0 and relation["n_passages"] == 48
    assert relation["activation_spearman"] == pytest.approx(1)


def other_order(made: dict) -> dict:
    """The same network with its neurons in another order: as if trained from another start."""
    sizes = made["activations"]["root_mean_square"]
    shuffled = np.random.default_rng(1).permutation(sizes.to_numpy())
    mixed = made["activations"].with_columns(root_mean_square=pl.Series(shuffled))
    return made | {"activations": mixed}


def wider(made: dict) -> dict:
    """One neuron more."""
    last = made["activations"].tail(1).with_columns(neuron=pl.lit(toy.SIZE, pl.Int32))
    return made | {"activations": pl.concat([made["activations"], last])}


BASE = {"reranker__model": None, "reranker__finetune__base": "some/base"}
RELATIONS = {
    "one name": ({}, {}, None, "same ranker", "both name made/up"),
    "other seeds": (BASE, BASE | {"seed": "1"}, None, "same start", "what differs: seed (0, 1)"),
    "tuned from it": (
        {"reranker__model": "some/base"},
        BASE,
        None,
        "same start",
        "one is some/base, the other was fine-tuned from it",
    ),
    "steps": (
        {"reranker__model": "run/step-100"},
        {"reranker__model": "run/step-900"},
        None,
        "same activations",
        "have other names, but one start",
    ),
    "no name": ({"reranker__model": None}, {}, None, "same activations", "that of one and made/up"),
    "other start": (
        {"reranker__model": "run/a"},
        {"reranker__model": "run/b"},
        other_order,
        "not known to be the same",
        "run/a and run/b have one shape, but nothing says",
    ),
    "name of another": ({}, {}, other_order, "not known to be the same", "no more than by chance"),
    "other size": (
        {},
        {},
        wider,
        "other shape",
        "neurons of value in layer 1: 64 in one, 65 in two",
    ),
}


@contextmanager
def pair_of(tmp_path, one: dict, two: dict, names: Sequence[str]) -> Iterator[Pair]:
    """Two databases with the tables ``names`` alone."""
    made = {"one": one, "two": two}
    paths = {
        name: toy.write(tmp_path / f"{name}.duckdb", {key: tables[key] for key in names})
        for name, tables in made.items()
    }
    with opened(paths) as pair:
        yield pair


@pytest.mark.parametrize("name", RELATIONS)
def test_neurons_are_compared_where_rankers_are_one_network(tmp_path, name):
    one, two, change, relation, words = RELATIONS[name]
    tables = [toy.tables("one", 0, **one), toy.tables("two", 1, **two)]
    if change:
        tables[1] = change(tables[1])
    with pair_of(tmp_path, *tables, ["study", "activations"]) as pair:
        found = relate(pair)
    assert found.relation == relation and words in found.reason
    assert found.is_comparable == (change is None)


def test_of_two_networks_effects_alone_are_compared(compared):
    two = other_order(toy.tables("two", 1, reranker__model="another"))
    found = compared(two)
    for frame in (found.shared_neurons, found.maps, found.map_tops):
        assert frame.is_empty()
    assert len(found.effects) == 4 and found.effects["difference"].null_count() == 0
    left = found.left_out.select("part", "name", "reason").rows()
    reason = found.relations["reason"].item()
    assert left == [(part, "all", reason) for part in ("shared neurons", "maps")]


def changed(table: str, **columns: pl.Expr):
    return lambda made: made | {table: made[table].with_columns(**columns)}


RANKED = ["study", "queries", "documents", "candidates", "qrels", "measures", "ablation_effects"]
first = pl.int_range(pl.len()) == 0
UNPAIRED = {
    "text of a query": (
        changed("queries", text=pl.when(first).then(pl.lit("x")).otherwise("text")),
        "1 queries have other texts",
    ),
    "text of a passage": (
        changed("documents", text=pl.when(first).then(pl.lit("x")).otherwise("text")),
        "12 candidates have other texts",
    ),
    "candidate": (
        lambda made: made | {"candidates": made["candidates"][1:]},
        "1 candidates are in one study alone",
    ),
    "query": (
        lambda made: made | {"measures": made["measures"].filter(pl.col("query_id") != "q00")},
        "1 queries are in one study alone",
    ),
    "judgment": (changed("qrels", gain=2 * pl.col("gain")), "36 judgments differ"),
    "measure": (
        changed("measures", measure=pl.lit("P@5")),
        "the measures differ (nDCG@10; P@5)",
    ),
}


@pytest.mark.parametrize("name", UNPAIRED)
def test_effects_on_other_pools_are_side_by_side_alone(tmp_path, name):
    change, reason = UNPAIRED[name]
    tables = toy.tables("one"), change(toy.tables("two", 1))
    with pair_of(tmp_path, *tables, RANKED) as pair:
        found = effects_side_by_side(pair)
    assert len(found) == 4 and reason in found["not_paired"].unique().item()
    assert found["difference"].null_count() == found["p_value"].null_count() == 4
    assert found["difference_percent_b"].null_count() == 0


def test_one_query_has_no_test(tmp_path):
    one = pl.col("query_id") == "q00"
    cut = [
        made | {name: made[name].filter(one) for name in ("measures", "candidates")}
        for made in (toy.tables("one"), toy.tables("two", 1))
    ]
    with pair_of(tmp_path, *cut, RANKED) as pair:
        found = effects_side_by_side(pair)
    assert set(found["not_paired"]) == {"a test needs 2 queries"}
    assert found["p_value"].null_count() == 4 and set(found["n_paired"]) == {1}


def test_passages_of_no_clear_grade_must_count_alike(tmp_path):
    tables = toy.tables("one"), toy.tables("two", 1, ablation__ambiguous="unjudged")
    with pair_of(tmp_path, *tables, RANKED) as pair:
        (reason,) = effects_side_by_side(pair)["not_paired"].unique()
        assert pair.query("settings").rows() == [("ablation.ambiguous", None, "unjudged")]
    assert reason == "ablation.ambiguous differs (gain; unjudged)"


def test_neurons_at_their_mean_are_not_tested_against_neurons_at_zero(tmp_path):
    tables = toy.tables("one"), toy.tables("two", 1, ablation__value="mean")
    with pair_of(tmp_path, *tables, RANKED) as pair:
        assert set(effects_side_by_side(pair)["not_paired"]) == {
            "ablation.value differs (zero; mean)"
        }


def test_plain_schemes_of_other_methods_are_other_schemes(compared):
    """Study two's own method is another; study one's is its second, whose schemes have an @."""
    two = toy.tables("two", 1)
    backwards = pl.lit("gradient_x_activation").alias("method")
    for name in ("scheme_sizes", "schemes", "ablation_effects"):
        other = two[name].with_columns(scheme=pl.col("scheme") + f"@{toy.METHOD}")
        two[name] = pl.concat([two[name], other])
    scores = two["neuron_scores"]
    two["neuron_scores"] = pl.concat(
        [scores, scores.with_columns(backwards, score=-pl.col("score"))]
    )
    found = compared(two)
    assert found.shared_neurons.is_empty() and found.effects.is_empty()
    told = found.left_out.filter(pl.col("reason").str.starts_with("picked by"))
    assert told["part"].to_list() == ["shared neurons", "effects"]
    reason = f"picked by {toy.METHOD} in one, by gradient_x_activation in two"
    assert set(told["reason"]) == {reason}


OLD = {
    "schemes": ("shared neurons", "two has no table schemes"),
    "neuron_scores.label": ("maps", "two has no column label in its table neuron_scores"),
    "ablation_effects": ("effects", "two has no table ablation_effects"),
}


@pytest.mark.parametrize("lacking", OLD)
def test_what_an_old_database_lacks_is_left_out_with_the_reason(compared, lacking):
    part, reason = OLD[lacking]
    found = compared(toy.tables("two", 1), without=[lacking])
    of_part = {"shared neurons": "shared_neurons"}.get(part, part)
    sizes = {name: len(found.tables()[name]) for name in ("shared_neurons", "maps", "effects")}
    assert sizes.pop(of_part) == 0 and all(sizes.values())
    (row,) = found.left_out.select("part", "name", "reason").rows()
    assert row[:2] == (part, "all") and row[2].startswith(reason)


def test_columns_of_newer_versions_are_not_missed(compared, comparison):
    old = ["neuron_scores.method", "qrels.gain", "ablation_effects.n_neurons", "study"]
    found = compared(toy.tables("two", 1), without=old)
    assert found.maps.equals(comparison.maps) and found.effects["not_paired"].is_null().all()
    assert found.relations["relation"].item() == "same activations"
    assert found.effects["n_neurons_b"].null_count() == 4


def test_without_measures_effects_are_not_paired(compared):
    two = toy.tables("two", 1)
    found = compared(two, without=["measures"]).effects
    assert found["not_paired"].str.starts_with("two has no table measures").all()
    assert len(found) == 4


def test_what_one_study_has_alone_is_told(compared):
    two = toy.tables("two", 1)
    maps = two["neuron_scores"].filter(pl.col("collection") != "beta")
    made = two | {"neuron_scores": maps, "schemes": two["schemes"].filter(scheme="P_alpha")}
    found = compared(made).left_out
    assert set(found["reason"]) == {"in one alone"}
    names = found.filter(part="maps")["name"].to_list()
    assert sorted(names) == [f"beta {label} {toy.METHOD}" for label in ("non_relevant", "relevant")]
    assert set(found.filter(part="shared neurons")["name"]) == {"P_and_all", "values"}


def test_all_pairs_of_three_are_compared_and_corrected_as_one(tmp_path):
    paths = {
        name: toy.write(tmp_path / f"{seed}.duckdb", toy.tables("same", seed))
        for seed, name in enumerate(["one", "two", "three"])
    }
    found = compare_studies(paths)
    pairs = [("one", "two"), ("one", "three"), ("two", "three")]
    assert found.relations.select("study_a", "study_b").rows() == pairs
    holm = multipletests(found.effects["p_value"].to_numpy(), method="holm")[1]
    assert len(holm) == 12 and found.effects["p_value_holm"].to_numpy() == pytest.approx(holm)
    assert "one and two: same ranker: both name made/up" in repr(found)


def test_studies_of_one_name_are_told_apart_by_their_folders(tmp_path):
    paths = [
        toy.write(tmp_path / name / "neurons.duckdb", toy.tables("same", seed))
        for seed, name in enumerate(["it's", "b"])
    ]
    assert list(compare_studies(paths).studies) == ["it's", "b"]
    assert folder_name(["it's", "ö/b"]) == "compare_it_s_ö_b"


def test_mistakes_are_one_line(folder, tmp_path):
    path = folder / "one" / "neurons.duckdb"
    (tmp_path / "broken.duckdb").write_text("no database")
    (tmp_path / "empty").mkdir()
    nothing = {"study": toy.tables("empty")["study"]}
    empty = toy.write(tmp_path / "empty.duckdb", nothing)
    for call, words in [
        (lambda: compare_studies([path]), "databases: 1 were given"),
        (lambda: compare_studies(path), "databases: one path was given"),
        (lambda: compare_studies([path, path]), "this database is given twice"),
        (lambda: compare_studies([path, tmp_path / "no"]), "no such file"),
        (lambda: compare_studies([path, tmp_path / "broken.duckdb"]), "DuckDB cannot read it"),
        (lambda: compare_studies([path, empty]), "nothing in them can be compared (empty tells no"),
        (lambda: find_databases("one", folder), "STUDIES: one alone was given"),
        (lambda: find_databases(" ", folder), "STUDIES: nothing was given"),
        (lambda: find_databases("one 'two", folder), "cannot be parted into words"),
        (lambda: find_databases("one three", folder), "'three' was found; allowed are a study"),
        (lambda: find_databases(f"one '{tmp_path}/empty'", folder), "no neurons.duckdb is in this"),
    ]:
        with pytest.raises(UserError) as error:
            call()
        assert words in str(error.value) and "\n" not in str(error.value)


def test_words_are_names_folders_and_databases_with_spaces(folder, tmp_path):
    place = tmp_path / "my study"
    database = toy.write(place / "neurons.duckdb", {})
    asked = f"one '{place}' \"{database}\" {folder}/two"
    of_results = [folder / name / "neurons.duckdb" for name in ("one", "two")]
    assert find_databases(asked, folder) == [of_results[0], database, database, of_results[1]]
