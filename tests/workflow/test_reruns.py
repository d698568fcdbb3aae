"""The table of docs/cluster.md: what a change of the study runs again."""

import copy
import re
from collections.abc import Callable

import pytest
import yaml

from workflow.conftest import ON_GPU, ROOT, snakemake

DOCS = (ROOT / "docs" / "cluster.md").read_text(encoding="utf-8")
OWN = {"labels": ["relevant"], "components": ["value"]}


def set_(path: str, to: object, /, **more: object) -> Callable[[dict], None]:
    """A change of a key, named with dots, and of ``more`` keys beside it."""

    def change(study: dict) -> None:
        *parents, key = path.split(".")
        for parent in parents:
            study = study.setdefault(parent, {})
        study |= {key: to} | more

    return change


CHANGES = {
    "nothing": set_("seed", 0),
    "a level of `selection.top_percents` goes": set_("selection.top_percents", [10]),
    "a level of `selection.top_percents` is added": set_("selection.top_percents", [5, 10, 30]),
    "a scheme of one's own is added": set_("selection.schemes", {"mine": OWN}),
    "a method is added behind the others": set_("attribution.methods.random", {}),
    "`ablation.curves`": set_("ablation.curves.random_draws", 3, top_percents=[3, 20]),
    "`selection.outliers`": set_("selection.outliers", []),
    "`ablation.shuffles`, `significance`, `equivalence_margin`": set_(
        "ablation.shuffles", 20, significance=0.01, equivalence_margin=1
    ),
    "`ablation.measure`, `ambiguous`": set_("ablation.measure", "RR@10", ambiguous="unjudged"),
    "`ablation.random_draws`, `value`, `further`": set_(
        "ablation.random_draws", 4, value="mean", further=["zero"]
    ),
    "`ablation.bm25`": set_("ablation.bm25", {"k1": 1.2}),
    "a collection's `language` or `run`": set_("collections.alpha.language", "german"),
    "`evaluation`": set_("evaluation.depth", 11),
    "a variant of `sensitivity` is added": set_(
        "sensitivity.variants",
        {"logit": {"target": "logit"}, "margin": {"target": "margin"}},
    ),
    "`sanity.neurons`, `strong`": set_("sanity.neurons", 18, strong=3),
    "`example`": set_("example", {"query_id": "q0", "doc_id": "d0-0"}),
    "`attribution.baseline`, `target`, `tolerance`": set_(
        "attribution.baseline", "zero", target="margin", tolerance=0.3
    ),
    "`attribution.bootstrap_replicates`, `split_halves`": set_(
        "attribution.bootstrap_replicates", 20, split_halves=6
    ),
    "`attribution.max_pairs`, `keep`, `threshold`": set_(
        "attribution.max_pairs", 5, keep="all", threshold=0.4
    ),
    "`reranker.batch_tokens`": set_("reranker.batch_tokens", 500),
}


def documented() -> dict[str, set[str]]:
    """Change -> rules on a GPU that run again, as the table has them."""
    rows = re.findall(r"^\| (.+?) \| (.+?) \| .+? \|$", DOCS, re.MULTILINE)
    start = next(number for number, (change, _) in enumerate(rows) if change == "nothing")
    return {
        change: set(re.findall(r"`(\w+)`", rules))
        for change, rules in rows[start : start + len(CHANGES)]
    }


def jobs(folder, study) -> dict[str, int]:
    """How many jobs of each rule a dry run lists."""
    done = snakemake(folder, study, "--dry-run")
    assert done.returncode == 0, done.stdout[-3000:]
    counts = re.findall(r"^(\w+) +(\d+)$", done.stdout, re.MULTILINE)
    return {rule: int(n) for rule, n in counts if rule not in ("total", "all")}


@pytest.fixture(scope="module")
def changed(tiny):
    """The jobs that a changed study would run, given the results of the tiny one."""
    results, study = tiny

    def listed(change: Callable[[dict], None]) -> dict[str, int]:
        keys = copy.deepcopy(yaml.safe_load(study.read_text()))
        change(keys)
        other = study.with_name("changed.yaml")
        other.write_text(yaml.safe_dump(keys, sort_keys=False))
        return jobs(results.parents[1], other)

    return listed


def test_the_table_names_every_change():
    assert documented().keys() == CHANGES.keys()


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_runs_what_the_table_says(changed, change):
    found = changed(CHANGES[change])
    assert found.keys() & ON_GPU == documented()[change]
    assert bool(found) == (change != "nothing")


def test_new_levels_and_schemes_rank_by_themselves(changed):
    """In each of three collections one batch of each method; no other is repeated."""
    added = changed(CHANGES["a level of `selection.top_percents` is added"])
    assert added["rerank_candidates"] == 3 * 3
    assert changed(CHANGES["a scheme of one's own is added"])["rerank_candidates"] == 3 * 2


def test_another_method_repeats_nothing_of_the_first_ones(changed):
    """Five maps and, at two levels in three collections, a batch."""
    added = changed(CHANGES["a method is added behind the others"])
    assert (added["attribute_neurons"], added["rerank_candidates"]) == (5, 2 * 3)
