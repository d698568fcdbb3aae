"""The stage tokens, whole, on a tiny study: what it makes, what it loads, what is told."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest
import yaml

from .conftest import ROOT, run_study, snakemake, write_base_model, write_collection

TARGETS = ("tokens", "results/tokens/neuron_tokens/alpha/relevant.parquet")
SCRIPTS = set(
    re.findall(
        r'workflow_scripts/tokens/(\w+)\.py"$', (ROOT / "rules" / "tokens.smk").read_text(), re.M
    )
)
OF_A_RANKER = {"torch", "transformers"}
USED = {
    "attribute_tokens": OF_A_RANKER,
    "choose_token_pairs": set(),
    "gather_token_scores": set(),
    "gather_ranked_tokens": set(),
    "write_token_maps": set(),
    "match_positions": {"duckdb"},
    "summarise_degradation": {"duckdb", "statsmodels"},
    "summarise_tokens": {"duckdb", "statsmodels"},
    "write_token_tables": set(),
    "draw_token_figures": {"matplotlib"},
    "measure_token_statistics": OF_A_RANKER,
    "degrade_tokens": OF_A_RANKER,
    "rank_passages": OF_A_RANKER,
    "truncate_passages": {"ir_measures", *OF_A_RANKER},
    "reorder_sentences": {"ir_measures", "sentencex", *OF_A_RANKER},
}
"""Of the modules that take their time, those that a rule's work is done with."""
SLOW = {
    *("torch", "transformers", "statsmodels", "matplotlib", "ir_datasets", "pyterrier", "captum"),
    *("pyterrier_pisa", "ir_measures", "duckdb", "sentencex", "sklearn"),
}


def write_study(folder: Path, **changes) -> Path:
    """One collection, whose tokens are scored by a method with layers and by one without."""
    write_base_model(folder / "base")
    study = {
        "study": "tokens",
        "reranker": {"model": "base", "max_length": 48, "dtype": "float32"},
        "collections": {"alpha": write_collection(folder / "alpha", 0)},
        "attribution": {
            "collections": ["alpha"],
            "max_pairs": 6,
            "quadrature": "trapezoid",
            "n_points": 3,
            "bootstrap_replicates": 0,
            "split_halves": 0,
            "keep": "all",
        },
        "ablation": {"collections": ["alpha"]},
        "tokens": {
            "pairs": 4,
            "layers": [0],
            "methods": ["information_bottleneck", "random"],
            "steps": 2,
            "samples": 2,
            "statistics": {"pairs": 5},
            "rankings": {"queries": 4, "passages": 3, "depth": 8},
            "degradation": {"steps": 3},
            "shards": 2,
        }
        | changes,
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study, sort_keys=False))
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> tuple[Path, Path, Path]:
    """The results, the study, and what each job had loaded at its end."""
    folder = tmp_path_factory.mktemp("tokens")
    study, loaded = write_study(folder), folder / "loaded"
    loaded.mkdir()
    seen = {
        "LOADED_MODULES": str(loaded),
        "PYTHONPATH": str(ROOT / "tests" / "toys" / "recorder"),
    }
    run_study(folder, study, "--", *TARGETS, variables=seen)
    return folder / "results" / "tokens", study, loaded


def test_scores_are_a_file_a_layer_of_every_pair(made):
    scores = made[0] / "token_scores" / "alpha"
    found = {str(file.relative_to(scores)) for file in scores.rglob("*.parquet")}
    # The layer that was asked for, and the one at two thirds of three.
    layers = {f"information_bottleneck/{layer}.parquet" for layer in (0, 1)}
    assert found == {*layers, "random/input.parquet"}
    for file in found:
        frame = pl.read_parquet(scores / file)
        assert frame.columns == [
            *("collection", "method", "layer", "query_id", "doc_id", "label"),
            *("position", "token", "word", "word_number", "part", "score", "scaled", "weight"),
        ]
        assert frame.select("query_id", "doc_id").n_unique() == 4
        sums = frame.group_by("query_id", "doc_id").agg(pl.sum("weight"))
        assert sums["weight"].to_list() == pytest.approx([1.0] * 4)


def test_shards_are_gone_and_their_pairs_are_all_there(made):
    assert not list((made[0] / "shards").rglob("*.parquet"))
    pairs = pl.read_parquet(made[0] / "token_pairs" / "alpha.parquet")
    checks = pl.read_parquet(made[0] / "token_checks" / "alpha" / "random.parquet")
    scored = pairs.filter("is_scored").select("query_id", "doc_id")
    assert len(pairs) == 5 and checks.select("query_id", "doc_id").equals(scored)


def test_every_question_has_its_table_and_figure(made):
    results = made[0]
    for name in ("token_degradation", "special_tokens", "token_truncation", "token_findings"):
        assert (results / "tables" / f"{name}.md").read_text().count("|") > 10
    for name in ("token_degradation", "special_tokens", "token_overlaps", "token_positions"):
        assert (results / "figures" / f"{name}.png").stat().st_size > 5_000
    page = (results / "token_maps.html").read_text()
    assert "information_bottleneck" in page and "http://" not in page.replace("www.w3.org", "")
    findings = pl.read_parquet(results / "token_findings.parquet")
    assert set(findings["holds"].drop_nulls()) <= {"yes", "no", "undecided"} and len(findings) > 5


def test_kinds_of_tokens_add_up_to_the_neurons_scores(made):
    kinds = pl.read_parquet(made[0] / "neuron_tokens" / "alpha" / "relevant.parquet")
    scores = pl.read_parquet(made[0] / "neuron_scores" / "alpha" / "relevant.parquet")
    keys = ["layer", "component", "neuron"]
    sums = kinds.group_by(keys).agg(pl.sum("score").alias("sum"))
    both = scores.join(sums, on=keys)
    assert len(both) == len(scores) and kinds["kind"].n_unique() == 5
    assert both["sum"].to_list() == pytest.approx(both["score"].to_list(), rel=1e-4, abs=1e-7)


@pytest.mark.parametrize("rule", USED)
def test_jobs_load_what_their_work_needs(made, rule):
    files = [file for file in made[2].iterdir() if file.stem.split(".")[0] == rule]
    assert files, sorted(file.name for file in made[2].iterdir())
    for file in files:
        modules = set(file.read_text().split("\n")[1:])
        assert modules & SLOW <= USED[rule], file.name


def test_every_script_was_seen(made):
    assert {file.stem.split(".")[0] for file in made[2].iterdir()} >= SCRIPTS
    assert USED.keys() >= SCRIPTS and len(SCRIPTS) > 10


def test_a_second_run_has_nothing_to_do_and_a_new_method_repeats_none(made, tmp_path):
    results, study, _ = made
    folder = results.parents[1]
    done = snakemake(folder, study, "--", *TARGETS)
    assert "Nothing to be done" in done.stdout, done.stdout[-3000:]
    keys = yaml.safe_load(study.read_text())
    keys["tokens"]["methods"] += ["leave_one_out"]
    more = study.with_name("more.yaml")
    more.write_text(yaml.safe_dump(keys, sort_keys=False))
    done = snakemake(folder, more, "--dry-run", "--quiet", "rules", "--", *TARGETS)
    counts = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, re.MULTILINE))
    assert counts["attribute_tokens"] == "2" and counts["degrade_tokens"] == "1"
    assert not {"measure_token_statistics", "rank_passages", "score_pairs"} & counts.keys()


def test_a_study_without_the_section_says_so(tmp_path):
    study = write_study(tmp_path)
    keys = yaml.safe_load(study.read_text())
    del keys["tokens"]
    study.write_text(yaml.safe_dump(keys, sort_keys=False))
    done = snakemake(tmp_path, study, "--dry-run", "--", "tokens")
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("Error: ")]
    assert line.endswith("tokens: is missing; add the section, as in config.yaml")
    assert "Traceback" not in done.stdout
