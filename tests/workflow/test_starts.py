"""What a job may load: imports took half of the default study's time. By names, not by clocks."""

import os
import re

import pytest

from workflow.conftest import ROOT

SCRIPTS = ROOT / "workflow_scripts"
STAGES = ("tokens", "mechanism")
FILES = [file for file in sorted((ROOT / "rules").glob("*.smk")) if file.stem not in STAGES]
"""Rules of the tiny study; those of the other stages: test_tokens_stage.py and its like."""
RULES = "".join(file.read_text() for file in FILES)
OF_HEADS = {"locate_heads", "select_heads"}
"""Of schemes of heads, of which the tiny study has none: test_schemes_of_heads.py."""
BLOCKS = {
    name: block
    for name, block in re.findall(r"(?ms)^ *rule (\w+):\n(.*?)(?=^ *(?:use )?rule |\Z)", RULES)
    if name not in OF_HEADS
}
RANKER = {name for name, block in BLOCKS.items() if "gpu=1" in block} | {"check_matches"}
"""check_matches builds the ranker's shape, without its weights."""
SLOW = {
    "torch", "transformers", "scipy", "scipy.stats", "statsmodels", "matplotlib", "ir_datasets",
    "pyterrier", "pyterrier_pisa", "pandas", "ir_measures", "duckdb",
}  # fmt: skip
BM25 = {"pyterrier", "pyterrier_pisa", "pandas", "ir_datasets", "ir_measures"}
SCIPY = {"scipy", "scipy.stats"}
OF_A_RANKER = {"torch", "transformers", "scipy"}
"""transformers loads scipy.optimize; where tests and correlations are, that is scipy.stats."""
USED = {
    "prepare_collection": {"duckdb", *BM25},
    "index_collection": BM25,
    "search_collection": BM25,
    "draw_candidates": BM25,
    "pool_activations": {"duckdb"},
    "select_neurons": {"duckdb"},
    "gather_schemes": {"duckdb"},
    "overlap_schemes": {"duckdb"},
    "measure_stability": {"duckdb"},
    "check_convergence": SCIPY,
    "compare_variants": {"duckdb", *SCIPY},
    "measure_rankings": {"duckdb", "ir_measures"},
    "test_ablations": {"statsmodels", "pandas", *SCIPY},
    "pool_effects": {"statsmodels", "pandas", *SCIPY},
    "measure_curves": {"statsmodels", "pandas", *SCIPY},
    "measure_levels": {"duckdb", *BM25},
    "compare_methods": {"duckdb"},
    "build_database": {"duckdb"},
    "build_explorer": {"duckdb", "pandas"},
    "write_tables": {"duckdb"},
    "draw_figures": {"matplotlib"},
    "evaluate_reranker": {"ir_measures", *OF_A_RANKER},
    "randomise_layers": {"scipy.stats", *OF_A_RANKER},
    "ablate_single_neurons": {"scipy.stats", *OF_A_RANKER},
}
"""Of the modules that take their time, what a rule's work is done with."""


@pytest.fixture(scope="module")
def written(tiny) -> list[tuple[str, list[str]]]:
    """Of each job, its rule and what it wrote when it ended: PYTHONPATH, the modules loaded."""
    results, _ = tiny
    files = (results.parents[1] / "loaded").iterdir()
    return [(file.stem, file.read_text().split("\n")) for file in files]


@pytest.fixture(scope="module")
def loaded(written) -> dict[str, set[str]]:
    """Rule -> the modules that any of its jobs had loaded when it ended."""
    found: dict[str, set[str]] = {}
    for rule, (_, *modules) in written:
        found.setdefault(rule, set()).update(modules)
    return found


def test_jobs_find_the_library_of_this_clone(written):
    """Also where it is not installed, which in a test's environment it is."""
    assert {path.split(os.pathsep)[0] for _, (path, *_) in written} == {str(SCRIPTS)}


def test_every_rule_was_seen(loaded):
    assert loaded.keys() == BLOCKS.keys() - {"all"}


@pytest.mark.parametrize("rule", sorted(BLOCKS.keys() - {"all"}))
def test_a_job_loads_what_it_works_with(loaded, rule):
    allowed = USED.get(rule, OF_A_RANKER if rule in RANKER else set())
    assert loaded[rule] & SLOW <= allowed
