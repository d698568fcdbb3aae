"""The stage mechanism on a tiny study: its jobs, what it makes, what it loads, what is told."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path

import duckdb
import polars as pl
import pytest
import yaml

from relevance_neurons.report.database import build_database
from toys import synthetic_mechanism as toy
from toys.bert import WORDS
from toys.databases import rows

from .conftest import ROOT, run_study, snakemake, write_base_model

SQL = ROOT / "workflow_scripts" / "report"
TARGET = "mechanism"
SCRIPTS = set(
    re.findall(
        r'workflow_scripts/mechanism/(\w+)\.py"$',
        (ROOT / "rules" / "mechanism.smk").read_text(),
        re.M,
    )
)
OF_A_RANKER = {"torch", "transformers"}
USED = {
    "count_words": {"duckdb"},
    # PISA has English's stop words, and brings the others of PyTerrier along.
    "make_diagnostic_pairs": {
        *("duckdb", "sentencex", "pyterrier", "pyterrier_pisa", "ir_datasets", "ir_measures"),
        *OF_A_RANKER,
    },
    "gather_diagnostic_pairs": set(),
    "patch_heads": OF_A_RANKER,
    "gather_patches": set(),
    "measure_heads": OF_A_RANKER,
    "find_heads": {"duckdb", "statsmodels"},
    "patch_found_heads": OF_A_RANKER,
    "summarise_patches": {"duckdb", "statsmodels"},
    "fit_soft_tf": {"duckdb"},
    "correlate_idf": {"duckdb", *OF_A_RANKER},
    "edit_idf": {"duckdb", *OF_A_RANKER},
    "summarise_idf": set(),
    "fit_semantic_bm25": {"duckdb", "sklearn", "ir_measures"},
    "test_faithfulness": {"ir_measures", *OF_A_RANKER},
    "summarise_faithfulness": {"duckdb"},
    "locate_heads": OF_A_RANKER,
    "select_heads": {"duckdb"},
    "overlap_heads": {"duckdb", "statsmodels"},
    "write_mechanism_tables": set(),
    "draw_mechanism_figures": {"matplotlib"},
}
"""Of the modules that take their time, those that a rule's work is done with."""
SLOW = {
    *("torch", "transformers", "statsmodels", "matplotlib", "ir_datasets", "pyterrier", "captum"),
    *("pyterrier_pisa", "ir_measures", "duckdb", "sentencex", "sklearn"),
}
SHOWN = {"write_mechanism_tables", "draw_mechanism_figures"}
ONCE = {
    *SHOWN,
    *("gather_diagnostic_pairs", "find_heads", "summarise_patches", "fit_soft_tf"),
    *("summarise_idf", "fit_semantic_bm25", "summarise_faithfulness", "locate_heads"),
    *("select_heads", "overlap_heads"),
}
"""Rules with one job, whatever the collections."""
EACH = {
    *(
        "count_words",
        "make_diagnostic_pairs",
        "gather_patches",
        "gather_found_heads",
        "search_for_mechanism",
    ),
    *("measure_heads", "correlate_idf", "edit_idf", "test_faithfulness"),
}
"""Rules with one job a collection."""
SHARDED = {"patch_heads", "patch_found_heads"}
"""Rules with two jobs a collection."""


def write_sentences(folder: Path, seed: int) -> dict:
    """12 queries over 60 passages of six sentences; relevant ones hold their query's words."""
    rng = random.Random(seed)
    folder.mkdir()
    passages, queries, qrels = [], [], []
    for query in range(12):
        words = rng.sample(WORDS[2:], 3)
        queries.append(f"q{query}\t{' '.join(words)}")
        for copy in range(5):
            sentences = [rng.sample(WORDS, 4) for _ in range(6)]
            for place in range(5 if copy < 2 else 1):
                sentences[place][0] = words[0]
                sentences[place][1:2] = [words[1 + place % 2]]
            text = " ".join(f"{' '.join(one).capitalize()}." for one in sentences)
            passages.append(f"d{query}-{copy}\t{text}")
            qrels.append(f"q{query} 0 d{query}-{copy} {int(copy < 2)}")
    files = {"documents": "d.tsv", "queries": "q.tsv", "qrels": "r.txt"}
    for name, lines in zip(files.values(), (passages, queries, qrels), strict=True):
        (folder / name).write_text("\n".join(lines) + "\n")
    return {"source": "files"} | {key: f"{folder.name}/{name}" for key, name in files.items()}


def write_study(folder: Path, **changes) -> Path:
    """Two collections, with heads named by hand: a random ranker may have none to be found."""
    write_base_model(folder / "base")
    study = {
        "study": "mechanism",
        "reranker": {"model": "base", "max_length": 48, "dtype": "float32"},
        "collections": {
            name: write_sentences(folder / name, seed) for seed, name in enumerate(toy.COLLECTIONS)
        },
        "attribution": {
            "collections": ["alpha"],
            "max_pairs": 6,
            "quadrature": "trapezoid",
            "n_points": 3,
            "bootstrap_replicates": 0,
            "split_halves": 0,
            "keep": "all",
        },
        "selection": {
            "top_percents": [10],
            "schemes": {"matching_heads": {"heads": "matching"}},
        },
        "ablation": {"collections": ["alpha", "beta"]},
        "mechanism": {
            "pairs": 3,
            "smallest_change": 0.001,
            "matching_heads": [[0, 1], [1, 0]],
            "relevance_heads": [[2, 1]],
            "nulls": {"rankers": 1, "shuffles": 19},
            "rankings": {"queries": 6, "depth": 6},
            "folds": 2,
            "idf": {"permutations": 19, "doses": [-1, 1], "directions": 19, "pairs": 4},
            "random_draws": 2,
            "shards": 2,
        }
        | changes,
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study, sort_keys=False))
    return path


def changed(study: Path, **changes) -> Path:
    """The same study, by the same name, with other keys of the section; ... takes one out."""
    keys = yaml.safe_load(study.read_text())
    for name, value in changes.items():
        if value is ...:
            del keys["mechanism"][name]
        else:
            keys["mechanism"][name] = value
    other = study.with_name("changed.yaml")
    other.write_text(yaml.safe_dump(keys, sort_keys=False))
    return other


def counts(folder: Path, study: Path, *targets: str) -> dict[str, int]:
    """Rule -> how many jobs of it a dry run lists."""
    done = snakemake(folder, study, "--dry-run", "--quiet", "rules", "--", *(targets or (TARGET,)))
    assert done.returncode == 0, done.stdout[-3000:]
    return {name: int(n) for name, n in re.findall(r"(?m)^(\w+) +(\d+)$", done.stdout)}


# ---- The graph alone


@pytest.fixture(scope="module")
def planned(tmp_path_factory) -> tuple[Path, Path, dict[str, int]]:
    """A folder with the study and nothing made, the study, and the jobs of the target."""
    folder = tmp_path_factory.mktemp("planned")
    study = write_study(folder)
    return folder, study, counts(folder, study)


def test_every_rule_has_its_jobs(planned):
    jobs = planned[2]
    assert {name: jobs[name] for name in ONCE} == dict.fromkeys(ONCE, 1)
    assert {name: jobs[name] for name in EACH} == dict.fromkeys(EACH, 2)
    assert {name: jobs[name] for name in SHARDED} == dict.fromkeys(SHARDED, 4)
    assert {*ONCE, *EACH, *SHARDED} >= SCRIPTS


def test_its_collections_are_indexed_and_no_other_stage_is_asked(planned):
    jobs = planned[2]
    assert jobs["index_collection"] == jobs["prepare_collection"] == 2
    # The schemes that heads are compared with, and what they are selected from.
    assert jobs["attribute_neurons"] == 2 and jobs["gather_schemes"] == 1
    others = {"rerank_candidates", "search_collection", "draw_candidates", "write_tables"}
    assert not others & jobs.keys()


def test_the_database_waits_for_it_and_a_study_without_has_none(planned):
    folder, study, _ = planned
    with_it = counts(folder, study, "results/mechanism/neurons.duckdb")
    # The tables and figures to read wait for no database, nor it for them.
    assert with_it.keys() >= {*ONCE, *EACH, *SHARDED, "build_database"} - SHOWN
    keys = yaml.safe_load(study.read_text())
    del keys["mechanism"], keys["selection"]["schemes"]
    alone = study.with_name("alone.yaml")
    alone.write_text(yaml.safe_dump(keys, sort_keys=False))
    without = counts(folder, alone, "all")
    assert "build_database" in without
    assert not {*ONCE, *EACH, *SHARDED} & without.keys()


def test_a_study_without_the_section_says_so(planned):
    folder, study, _ = planned
    keys = yaml.safe_load(study.read_text())
    del keys["mechanism"], keys["selection"]["schemes"]
    without = study.with_name("without.yaml")
    without.write_text(yaml.safe_dump(keys, sort_keys=False))
    done = snakemake(folder, without, "--dry-run", "--", TARGET)
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("Error: ")]
    assert line.endswith("mechanism: is missing; add the section, as in config.yaml")
    assert done.returncode != 0 and "Traceback" not in done.stdout


# ---- A whole run


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path, Path]:
    """The results, the study, and what each job had loaded at its end."""
    folder = tmp_path_factory.mktemp("mechanism")
    study, loaded = write_study(folder), folder / "loaded"
    loaded.mkdir()
    seen = {
        "LOADED_MODULES": str(loaded),
        "PYTHONPATH": str(ROOT / "tests" / "toys" / "recorder"),
    }
    run_study(folder, study, "--", TARGET, variables=seen)
    return folder / "results" / "mechanism", study, loaded


def table_files(results: Path) -> dict[str, list[Path]]:
    """The files of every table that the database has of the stage."""
    return {
        name: sorted((results / name).glob("*.parquet"))
        if name == "diagnostic_scores"
        else [results / f"{name}.parquet"]
        for name in toy.TABLES
    }


@pytest.mark.parametrize("table", toy.TABLES)
def test_tables_have_the_columns_that_reports_read(made, table):
    for file in table_files(made[0])[table]:
        frame = pl.read_parquet(file)
        assert frame.columns == toy.tables()[table].columns
        assert len(frame) > 0


def test_the_database_takes_them(made, tmp_path):
    files = table_files(made[0])
    build_database(tmp_path / "neurons.duckdb", SQL, files, {}, {}, {})
    with duckdb.connect(str(tmp_path / "neurons.duckdb"), read_only=True) as database:
        for name, paths in files.items():
            expected = pl.concat(map(pl.read_parquet, paths))
            assert len(rows(database, f"FROM {name}")) == len(expected), name


def test_pairs_are_of_both_collections_and_one_level_of_each_is_patched(made):
    pairs = pl.read_parquet(made[0] / "diagnostic_pairs.parquet")
    assert pairs["collection"].unique().sort().to_list() == ["alpha", "beta"]
    # Few words in random passages: none is related to another (STMC1).
    assert {"TFC1", "TFC2", "LNC2"} <= set(pairs["perturbation"])
    patched = pairs.filter("is_patched").group_by("collection", "pair").len()
    assert patched["len"].unique().to_list() == [1]
    assert len(patched) == pairs.select("collection", "pair").n_unique()
    for row in pairs.iter_rows(named=True):
        sizes = {len(row[name]) for name in ("tokens_before", "tokens_after", "token_classes")}
        assert sizes == {row["n_tokens"]}


def test_shards_are_gone_and_their_pairs_are_all_there(made):
    assert not list((made[0] / "shards").rglob("*.parquet"))
    pairs = pl.read_parquet(made[0] / "diagnostic_pairs.parquet").filter("is_patched")
    for name in toy.COLLECTIONS:
        of = pairs.filter(collection=name)["pair"].sort()
        for table in ("patch_effects", "path_effects"):
            found = pl.read_parquet(made[0] / table / f"{name}.parquet")
            assert found["pair"].unique().sort().equals(of), table
            assert found["pair"].is_sorted()


def test_every_head_is_there_and_those_named_are_what_the_study_says(made):
    heads = pl.read_parquet(made[0] / "heads.parquet")
    assert heads.select("layer", "head").rows() == [(k, h) for k in range(3) for h in range(2)]
    kinds = dict(zip(heads.select("layer", "head").rows(), heads["kind"], strict=True))
    assert {at: kind for at, kind in kinds.items() if kind != "none"} == {
        (0, 1): "matching",
        (1, 0): "matching",
        (2, 1): "relevance",
    }
    paths = pl.read_parquet(made[0] / "path_patches.parquet")
    to_heads = paths.filter(pl.col("receiver") != "residual")
    assert set(to_heads.select("receiver_layer", "receiver_head").rows()) == {(2, 1)}
    assert to_heads["sender_layer"].max() < 2
    senders = paths.filter(receiver="residual").select("sender_layer", "sender_head")
    assert senders.n_unique() == 6


def test_all_the_heads_keep_everything(made):
    kept = pl.read_parquet(made[0] / "faithfulness.parquet")
    for _, of in kept.group_by("collection"):
        whole = of.filter(kept="all").row(0, named=True)
        assert whole["score_share"] == pytest.approx(1, rel=1e-4) and whole["value_share"] == 1
        numbers = dict(of.filter(draw=0).select("kept", "n_heads").iter_rows())
        assert numbers == {
            **{"all": 6, "found": 3, "matching": 2, "relevance": 1, "random": 3, "none": 0}
        }
        assert of.filter(kept="random")["draw"].sort().to_list() == [None, 0, 1]


@pytest.mark.parametrize("rule", USED)
def test_jobs_load_what_their_work_needs(made, rule):
    files = [file for file in made[2].iterdir() if file.stem.split(".")[0] == rule]
    assert files, sorted(file.name for file in made[2].iterdir())
    for file in files:
        modules = set(file.read_text().split("\n")[1:])
        assert modules & SLOW <= USED[rule], file.name


def test_every_script_was_seen(made):
    assert {file.stem.split(".")[0] for file in made[2].iterdir()} >= SCRIPTS
    assert USED.keys() >= SCRIPTS and len(SCRIPTS) > 15


AFTER_HEADS = {
    *SHOWN,
    *("find_heads", "patch_found_heads", "gather_found_heads"),
    *("summarise_patches", "fit_soft_tf", "fit_semantic_bm25"),
    *("test_faithfulness", "summarise_faithfulness", "locate_heads", "select_heads"),
    *("gather_schemes", "overlap_heads"),
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, set()),
        ({"folds": 3}, {"fit_semantic_bm25", *SHOWN}),
        ({"matching_heads": [[0, 0]]}, AFTER_HEADS),
        ({"smallest_change": 0.002}, AFTER_HEADS),
        (
            {"random_draws": 3},
            {"fit_semantic_bm25", "test_faithfulness", "summarise_faithfulness", *SHOWN},
        ),
        (
            {"idf": {"permutations": 19, "doses": [-2, 2], "directions": 19, "pairs": 4}},
            {"edit_idf", "summarise_idf", *SHOWN},
        ),
    ],
)
def test_an_edit_runs_what_reads_it_again(made, changes, expected):
    results, study, _ = made
    jobs = counts(results.parents[1], changed(study, **changes))
    assert jobs.keys() - {TARGET, "total"} == expected


def test_pairs_of_ones_own_stand_with_the_first_collection_and_wordnet_with_all(made):
    results, study, _ = made
    folder = results.parents[1]
    (folder / "pairs.tsv").write_text("query\tterm\tbefore\tafter\n")
    (folder / "wordnet").mkdir()
    made_again = "make_diagnostic_pairs"
    assert counts(folder, changed(study, own_pairs="pairs.tsv"))[made_again] == 1
    assert counts(folder, changed(study, wordnet="wordnet"))[made_again] == 2


def test_a_change_within_a_file_of_wordnets_makes_pairs_again(made):
    """It leaves the folder's own time as it was."""
    results, study, _ = made
    folder = results.parents[1]
    file = folder / "dict" / "data.noun"
    file.parent.mkdir()
    file.write_text("")
    for path in (file, file.parent):
        os.utime(path, (0, 0))
    asked = (folder, changed(study, wordnet="dict"), "--dry-run", "--rerun-triggers", "mtime")
    again = "Make diagnostic pairs of"
    assert again not in snakemake(*asked, "--", TARGET).stdout
    os.utime(file)
    assert snakemake(*asked, "--", TARGET).stdout.count(again) == 2


def test_a_ranker_in_which_no_head_may_be_found_goes_through(made, tmp_path):
    """By the rule, on random weights: the tables are there, and say why where they are empty."""
    results, study, _ = made
    folder = results.parents[1]
    by_rule = changed(study, matching_heads=..., relevance_heads=...)
    keys = yaml.safe_load(by_rule.read_text())
    del keys["selection"]["schemes"]  # a scheme of heads that are not found cannot be
    by_rule.write_text(yaml.safe_dump(keys, sort_keys=False))
    run_study(folder, by_rule, "--", TARGET)
    heads = pl.read_parquet(results / "heads.parquet")
    assert len(heads) == 6 and heads["why"].str.len_chars().min() > 20
    build_database(tmp_path / "neurons.duckdb", SQL, table_files(results), {}, {}, {})
