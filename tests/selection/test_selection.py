"""The selection in SQL against NumPy, on tables full of ties."""

from __future__ import annotations

import logging
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from relevance_neurons.errors import UserError
from relevance_neurons.running.sql import MACROS
from relevance_neurons.selection.schemes import Scheme, own_schemes, paper_schemes
from toys.maps import OWN as OWN_METHOD
from toys.maps import neuron_table, write_maps
from toys.synthetic_results import DOMAINS, MAPS, n_selected, select, write_synthetic_results
from workflow_scripts.selection import gather_schemes, select_neurons

KEY = ["scheme", "top_percent", "layer", "component", "neuron"]
LEVELS = [0.5, 2, 10.0, 25, 100]


def run(folder: Path, files: list[Path], domains: dict, levels=LEVELS, schemes=None):
    """Run both rules' scripts on the paper's schemes, or on ``schemes``; return both tables.

    Some levels are selected by one job, the others by another.
    """
    maps = pl.read_parquet(files, columns=["collection", "label"]).unique().rows()
    definitions = [one.as_dict() for one in schemes or paper_schemes(domains, maps)]
    made = {name: folder / f"{name}.parquet" for name in ("schemes", "scheme_sizes")}
    parts = {name: [] for name in made}
    for number, some in enumerate(filter(None, (levels[2:], levels[:2]))):
        outputs = {name: folder / f"{name}{number}.parquet" for name in made}
        select_neurons.main(files, *outputs.values(), domains, definitions, some)
        for name, file in outputs.items():
            parts[name].append(file)
    gather_schemes.main(parts, made, list(domains))
    return pl.read_parquet(made["schemes"]), pl.read_parquet(made["scheme_sizes"])


@st.composite
def studies(draw) -> tuple[dict[str, str], dict[tuple[str, str], np.ndarray], pl.DataFrame]:
    """Domains, scores with many ties, and neurons of a small study."""
    neurons = neuron_table(draw(st.integers(2, 3)), draw(st.integers(7, 20)))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = ["d", "a", "c", "b"][: draw(st.integers(1, 4))]
    domains = {name: draw(st.sampled_from(["in", "out"])) for name in names}
    labels = [["relevant", "non_relevant"], ["relevant"], ["non_relevant"]]
    values = draw(st.sampled_from([2, 4, 1000]))
    scores = {
        (name, label): random.integers(-values, values, len(neurons)).astype(float)
        for name in names
        for label in draw(st.sampled_from(labels))
    }
    return domains, scores, neurons


@settings(max_examples=15, deadline=None)
@given(study=studies(), seed=st.integers(0, 99))
def test_schemes_equal_numpy(tmp_path_factory, study, seed):
    domains, scores, neurons = study
    folder = tmp_path_factory.mktemp("selection")
    files = write_maps(folder, neurons, scores, seed)
    schemes, sizes = run(folder, files[::-1], domains)
    expected = select(scores, domains, [float(level) for level in LEVELS])
    rows = [
        (scheme, level, *neurons.row(index), score)
        for (scheme, level), chosen in sorted(expected.items())
        for index, score in chosen.items()
    ]
    oracle = pl.DataFrame(rows, schema=schemes.schema, orient="row")
    assert_frame_equal(schemes, oracle)
    found = {(scheme, level): n for scheme, level, n, _ in sizes.iter_rows()}
    assert found == {one: len(chosen) for one, chosen in expected.items()}


@settings(max_examples=8, deadline=None)
@given(study=studies())
def test_intersections_lie_in_their_members_and_tops_have_exact_sizes(tmp_path_factory, study):
    domains, scores, neurons = study
    folder = tmp_path_factory.mktemp("selection")
    schemes, sizes = run(folder, write_maps(folder, neurons, scores), domains)
    chosen = {
        name: set(one.select(KEY[1:]).iter_rows()) for (name,), one in schemes.group_by("scheme")
    }
    for scheme, level, n_neurons, collections in sizes.iter_rows():
        if "_and_" in scheme:
            family = scheme[0]
            for collection in collections:
                assert chosen.get(scheme, set()) <= chosen[f"{family}_{collection}"]
        else:
            exact = Decimal(str(level)) * len(neurons) / 100
            assert n_neurons == int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


@given(
    levels=st.lists(st.decimals("0.0001", "100", places=4), min_size=1, max_size=50),
    n_neurons=st.integers(1, 10**6),
)
@settings(max_examples=50, deadline=None)
def test_sizes_are_rounded_halves_upwards(levels, n_neurons):
    macros = MACROS.read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute(macros)
        query = "SELECT n_selected(unnest($levels), $n_neurons)"
        values = {"levels": [float(level) for level in levels], "n_neurons": n_neurons}
        found = [size for (size,) in connection.execute(query, values).fetchall()]
    exact = [Decimal(level) * n_neurons / 100 for level in levels]
    assert found == [int(one.quantize(Decimal(1), rounding=ROUND_HALF_UP)) for one in exact]


@pytest.mark.parametrize(
    ("level", "n_neurons", "size"),
    [
        *[(0.01, 221184, 22), (0.1, 221184, 221), (1, 221184, 2212)],
        # Exact halves whose product is a little less than a half in floating point.
        *[(9.2, 375, 35), (20.4, 375, 77), (64.6, 250, 162)],
    ],
)
def test_known_sizes(level, n_neurons, size):
    macros = MACROS.read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute(macros)
        found = connection.execute("SELECT n_selected(?::DOUBLE, ?)", [level, n_neurons])
        assert found.fetchone() == (size,)


def test_equal_scores_are_taken_in_the_order_of_the_neurons(tmp_path):
    neurons = neuron_table(2, 2)
    files = write_maps(tmp_path, neurons, {("x", "relevant"): np.zeros(len(neurons))})
    schemes, _ = run(tmp_path, files, {"x": "in"}, [50])
    chosen = schemes.filter(pl.col("scheme") == "P_x").select(neurons.columns)
    assert_frame_equal(chosen, neurons.head(16))


def test_synthetic_study(tmp_path, caplog):
    results = write_synthetic_results(tmp_path / "results")
    files = [results / "neuron_scores" / one / f"{label}.parquet" for one, label in MAPS]
    with caplog.at_level(logging.INFO):
        schemes, sizes = run(tmp_path, files, DOMAINS, [1, 5, 10])
    assert_frame_equal(schemes, pl.read_parquet(results / "schemes.parquet"))
    expected = pl.read_parquet(results / "scheme_sizes.parquet")
    assert_frame_equal(sizes, expected, check_dtypes=False)
    assert "N schemes leave out delta: no non_relevant" in caplog.text
    assert "P_and_all selects no neuron at 1 %" in caplog.text


def test_study_without_non_relevant_maps_has_only_p_schemes(tmp_path, caplog):
    neurons = neuron_table(1, 20)
    random = np.random.default_rng(0)
    scores = {(one, "relevant"): random.standard_normal(len(neurons)) for one in ("x", "y")}
    files = write_maps(tmp_path, neurons, scores)
    _, sizes = run(tmp_path, files, {"x": "in", "y": "out"}, [10])
    assert sizes["scheme"].to_list() == ["P_and_all", "P_and_out", "P_x", "P_y"]
    assert sizes["collections"].to_list() == [["x", "y"], ["y"], ["x"], ["y"]]
    assert "P_and_out is of one collection alone, y" in caplog.text


def random_maps(folder: Path, *maps: tuple[str, str]) -> list[Path]:
    neurons, random = neuron_table(1, 20), np.random.default_rng(0)
    return write_maps(folder, neurons, {one: random.standard_normal(len(neurons)) for one in maps})


def test_level_too_small_names_the_smallest_allowed(tmp_path):
    files = random_maps(tmp_path, ("x", "relevant"))
    with pytest.raises(UserError, match=r"0\.3 % of 160 neurons is none; allowed are 0\.3125 to"):
        run(tmp_path, files, {"x": "in"}, [10, 0.3])
    schemes, _ = run(tmp_path, files, {"x": "in"}, [0.3125])
    assert schemes.filter(pl.col("scheme") == "P_x").height == 1
    with pytest.raises(UserError, match=r"101\.0 % of 160 neurons is too many"):
        run(tmp_path, files, {"x": "in"}, [101])


def test_maps_of_different_rankers_are_refused(tmp_path):
    files = random_maps(tmp_path, ("x", "relevant"), ("y", "relevant"))
    frame = pl.read_parquet(files[1])
    frame.head(159).write_parquet(files[1])
    with pytest.raises(UserError, match=r"y_relevant.*159 neurons are not the 160 neurons"):
        run(tmp_path, files, {"x": "in", "y": "out"})
    frame.with_columns(pl.col("neuron") + 1).write_parquet(files[1])
    with pytest.raises(UserError, match="must come from the same ranker"):
        run(tmp_path, files, {"x": "in", "y": "out"})


@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_scores_that_are_no_numbers_are_refused(tmp_path, value):
    files = random_maps(tmp_path, ("x", "relevant"))
    frame = pl.read_parquet(files[0])
    score = pl.when(pl.col("neuron") == 3).then(pl.lit(value)).otherwise(pl.col("score"))
    frame.with_columns(score.alias("score")).write_parquet(files[0])
    with pytest.raises(UserError, match=r"x_relevant.*8 of 160 scores are not finite"):
        run(tmp_path, files, {"x": "in"})


def test_strange_maps_are_refused(tmp_path):
    files = random_maps(tmp_path, ("x", "relevant"))
    with pytest.raises(UserError, match="its collection x is not one of the study's"):
        run(tmp_path, files, {"y": "in"})
    copy = tmp_path / "copy.parquet"
    copy.write_bytes(files[0].read_bytes())
    with pytest.raises(UserError, match=r"relevant map of x by neuron_.* is given by 2 files"):
        run(tmp_path, [*files, copy], {"x": "in"})
    files = random_maps(tmp_path, ("and_all", "relevant"))
    with pytest.raises(
        UserError, match=r"collections\.and_all: .* no names of collections; call it"
    ):
        run(tmp_path, files, {"and_all": "in"})


# Schemes of one's own


OWN = Scheme("mine", ("relevant", "non_relevant"), ("a", "b"), own=True)


def picked(scores: np.ndarray, allowed: np.ndarray, one: Scheme, level: float) -> set[int]:
    """What a member picks, by NumPy."""
    order = np.abs(scores) if one.rank_by == "absolute" else scores
    order = -order if one.pick == "top" else order
    places = np.flatnonzero(allowed)
    chosen = places[np.argsort(order[places], kind="stable")]
    return set(chosen[: n_selected(level, len(places))].tolist())


@pytest.mark.parametrize("across_labels", ["fusion", "intersection"])
@pytest.mark.parametrize("across_collections", ["fusion", "intersection"])
@pytest.mark.parametrize(("rank_by", "pick"), [("score", "bottom"), ("absolute", "top")])
@pytest.mark.parametrize(
    ("components", "layers"), [((), ()), (("key", "value"), (0, 2)), ((), (1,))]
)
def test_own_schemes_equal_numpy(
    tmp_path, across_labels, across_collections, rank_by, pick, components, layers
):
    neurons = neuron_table(3, 10)
    random = np.random.default_rng(3)
    maps = [(name, label) for name in ("a", "b", "c") for label in ("relevant", "non_relevant")]
    scores = {one: random.integers(-9, 9, len(neurons)).astype(float) for one in maps}
    scheme = replace(
        OWN,
        across_labels=across_labels,
        across_collections=across_collections,
        rank_by=rank_by,
        pick=pick,
        components=components,
        layers=layers,
    )
    files = write_maps(tmp_path, neurons, scores)
    schemes, sizes = run(tmp_path, files, dict.fromkeys("abc", "out"), [2, 30], [scheme])
    allowed = np.array(
        [
            (component in components or not components) and (layer in layers or not layers)
            for layer, component, _ in neurons.rows()
        ]
    )
    members: dict[tuple, list[np.ndarray]] = {}
    for collection, label in maps[:4]:
        part = (
            collection if across_collections == "intersection" else "",
            label if across_labels == "intersection" else "",
        )
        members.setdefault(part, []).append(scores[collection, label])
    for level in (2, 30):
        chosen = [picked(np.mean(m, axis=0), allowed, scheme, level) for m in members.values()]
        expected = neurons[sorted(set.intersection(*chosen))]
        found = schemes.filter(scheme="mine", top_percent=level).select(neurons.columns)
        assert_frame_equal(found, expected)
        assert sizes.filter(top_percent=level)["n_neurons"].to_list() == [len(expected)]


def test_a_scheme_that_picks_among_no_neuron_is_refused(tmp_path):
    files = random_maps(tmp_path, ("a", "relevant"), ("a", "non_relevant"))
    somewhere = replace(OWN, collections=("a",), layers=(0,), components=("key",))
    run(tmp_path, files, {"a": "in"}, [10], [somewhere])
    with pytest.raises(
        UserError, match=r"selection\.schemes\.mine\.layers: the ranker has no 7; .*0"
    ):
        run(tmp_path, files, {"a": "in"}, [10], [replace(somewhere, layers=(0, 7))])
    with pytest.raises(UserError, match=r"mine\.components: the ranker has no pooler; .* key"):
        run(tmp_path, files, {"a": "in"}, [10], [replace(somewhere, components=("pooler",))])


def test_own_schemes_use_the_collections_that_have_their_labels():
    keys = {"labels": ["relevant", "non_relevant"], "collections": "out", "pick": "bottom"}
    domains = {"a": "in", "b": "out", "c": "out"}
    maps = [(name, label) for name in domains for label in keys["labels"]][:-1]
    keys["methods"] = ["nig"]
    (scheme,) = own_schemes({"mine": keys}, domains, {"nig": maps})
    assert scheme.collections == ("b",) and scheme.pick == "bottom" and scheme.own
    assert Scheme.from_dict(scheme.as_dict()) == scheme
    assert own_schemes({"mine": keys | {"collections": ["c"]}}, domains, {"nig": maps}) == []
    both = {"mine": keys | {"methods": ["nig", "other"]}}
    assert own_schemes(both, domains, {"nig": maps, "other": maps[:2]}) == []
    (scheme,) = own_schemes(both, domains, {"nig": maps, "other": maps[2:4]})
    assert scheme.collections == ("b",) and scheme.methods == ("nig", "other")


def test_schemes_of_another_method_are_named_after_it(tmp_path):
    """Each method's are those that it has alone; difference maps have the family D."""
    random, neurons = np.random.default_rng(4), neuron_table(2, 10)
    maps = [(name, label) for name in "ab" for label in ("relevant", "non_relevant")]
    own = {one: random.integers(-9, 9, len(neurons)).astype(float) for one in maps}
    other = {one: random.integers(-9, 9, len(neurons)).astype(float) for one in maps}
    differences = {(name, "difference"): -other[name, "relevant"] for name in "ab"}
    domains = {"a": "in", "b": "out"}
    scores = own | {(*one, "gxa"): some for one, some in (other | differences).items()}
    files = write_maps(tmp_path, neurons, scores)
    schemes = [
        *paper_schemes(domains, own, OWN_METHOD),
        *paper_schemes(domains, [*other, *differences], "gxa", "@gxa"),
    ]
    found, _ = run(tmp_path, files, domains, [10], schemes)
    assert {one.group for one in schemes} == {"paper", "paper@gxa"}
    assert {one.scheme for one in schemes if one.is_joint and "D_" in one.scheme} == {
        "D_all@gxa",
        "D_and_all@gxa",
        "D_and_out@gxa",
    }
    for suffix, alone in (("", own), ("@gxa", other)):
        for (scheme, _), chosen in select(alone, domains, [10.0]).items():
            rows = found.filter(scheme=scheme + suffix).select(neurons.columns)
            assert_frame_equal(rows, neurons[sorted(chosen)])
    lowest = np.argsort(other["a", "relevant"], kind="stable")[: n_selected(10, len(neurons))]
    assert_frame_equal(
        found.filter(scheme="D_a@gxa").select(neurons.columns), neurons[sorted(lowest.tolist())]
    )


def test_across_methods_is_what_all_of_them_pick_and_the_other_end_is_the_bottom(tmp_path):
    random, neurons = np.random.default_rng(6), neuron_table(2, 10)
    scores = {
        ("a", "relevant", method): random.integers(-9, 9, len(neurons)).astype(float)
        for method in ("nig", "gxa")
    }
    files = write_maps(tmp_path, neurons, scores)
    one = Scheme("mine", ("relevant",), ("a",), ("nig", "gxa"), own=True)
    found, _ = run(tmp_path, files, {"a": "in"}, [20], [one, one.other_end()])
    everywhere = np.ones(len(neurons), dtype=bool)
    for name, pick in (("mine", "top"), ("bottom:mine", "bottom")):
        of = replace(one, pick=pick)
        chosen = [picked(some, everywhere, of, 20) for some in scores.values()]
        rows = found.filter(scheme=name).select(neurons.columns)
        assert_frame_equal(rows, neurons[sorted(set.intersection(*chosen))])
