"""The main paper's study on tiny collections and a tiny ranker: every rule and job of it runs."""

import json
import re
import shutil
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
import yaml

from study.reading import read_yaml
from workflow.conftest import ROOT, run_study, snakemake, write_base_model, write_collection

STUDY = ROOT / "studies" / "vast2024.yaml"
SMALLER = {
    "reranker": {"model": "base", "tokenizer": "base", "max_length": 48, "dtype": "float32"},
    "attribution": {
        "max_pairs": 3,
        "n_points": 5,
        "bootstrap_replicates": 5,
        "split_halves": 2,
        "convergence_pairs": 1,
    },
    "baselines": {"pairs": 6},
    "selection": {"top_percents": [1, 10, 30]},  # of 312 neurons
    "ablation": {"max_queries": 4, "candidates": 4, "random_draws": 2, "shuffles": 10},
    "evaluation": {"depth": 5, "max_queries": 4},
    "sanity": {"pairs": 2, "neurons": 6},
}
# BioASQ and FiQA have no non-relevant judgments (paper, footnote 5).
OUT_JUDGED = ["covid", "news", "nfcorpus", "robust", "nq"]


def write_source(folder: Path, name: str, keys: dict, seed: int) -> dict:
    """A tiny collection with the study's own grades; files that it names are where it says."""
    tiny = write_collection(folder / name, seed, non_relevant=bool(keys["non_relevant"]))
    judged = [line.split() for line in (folder / tiny["qrels"]).read_text().splitlines()]
    grades = {"1": keys["relevant"], "0": keys["non_relevant"]}
    rows = [
        (query_id, doc_id, grades[label][number % len(grades[label])])
        for number, (query_id, _, doc_id, label) in enumerate(judged)
    ]
    if keys["source"] == "files":
        write_beir(folder, keys, tiny, rows)
        return keys
    lines = [f"{query_id} 0 {doc_id} {grade}" for query_id, doc_id, grade in rows]
    (folder / tiny["qrels"]).write_text("\n".join(lines) + "\n")
    kept = {key: value for key, value in keys.items() if key not in ("source", "id")}
    return tiny | kept


def write_beir(folder: Path, keys: dict, tiny: dict, rows: list) -> None:
    """The same texts and judgments in BEIR's layout."""
    for key in ("documents", "queries"):
        texts = [line.split("\t") for line in (folder / tiny[key]).read_text().splitlines()]
        records = [{"_id": id_, "title": "", "text": text} for id_, text in texts]
        (folder / keys[key]).write_text("".join(json.dumps(one) + "\n" for one in records))
    (folder / keys["qrels"]).parent.mkdir()
    lines = ["query-id\tcorpus-id\tscore", *("\t".join(map(str, row)) for row in rows)]
    (folder / keys["qrels"]).write_text("\n".join(lines) + "\n")


def write_small_study(folder: Path) -> Path:
    """The study with the same keys and names, smaller numbers, and made-up text."""
    write_base_model(folder / "base")
    study = read_yaml(STUDY)
    for seed, (name, keys) in enumerate(study["collections"].items()):
        study["collections"][name] = write_source(folder, name, keys, seed)
    for part, keys in SMALLER.items():
        assert keys.keys() <= study[part].keys(), part
        study[part] |= keys
    study["sensitivity"]["variants"]["exact"]["tolerance"] = 0.3
    path = folder / STUDY.name
    path.write_text(yaml.safe_dump(study, sort_keys=False))
    return path


def without_files(folder: Path) -> Path:
    """The study as it is, where none of its files are."""
    return Path(shutil.copy(STUDY, folder))


def jobs(folder: Path, study: Path) -> tuple[dict[str, int], Counter]:
    """How many jobs of each rule a dry run lists, and what it says of each."""
    done = snakemake(folder, study, "--dry-run")
    assert done.returncode == 0, done.stdout[-3000:]
    counts = dict(re.findall(r"^(\w+) +(\d+)$", done.stdout, re.MULTILINE))
    messages = re.findall(r"^(?:Job \d+: (.*)|local(?:rule|checkpoint) .*)$", done.stdout, re.M)
    return {rule: int(n) for rule, n in counts.items()}, Counter(messages)


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> tuple[Path, Path]:
    """The small study's folder and its study file, before anything ran."""
    folder = tmp_path_factory.mktemp("vast2024")
    return folder, write_small_study(folder)


@pytest.fixture(scope="module")
def results(small) -> Path:
    """The small study's results at one level, run once; repeating checks on fewer collections."""
    folder, study = small
    keys = read_yaml(study)
    keys["selection"]["top_percents"] = [30]
    keys["attribution"]["convergence_pairs"] = 0
    keys["evaluation"]["collections"] = ["msmarco_dev", "lifestyle"]
    keys["ablation"]["collections"] = ["msmarco_dev", "lifestyle", "recreation"]
    del keys["sensitivity"]["variants"]["logit"], keys["sensitivity"]["variants"]["margin"]
    (folder / "run.yaml").write_text(yaml.safe_dump(keys, sort_keys=False))
    run_study(folder, folder / "run.yaml")
    return folder / "results" / "vast2024"


def test_the_graph_is_listed_without_files_and_the_small_one_is_the_same(small, tmp_path):
    """But for the shards, of which so little text needs one, and the levels of few neurons."""
    folder, study = small
    counts, messages = jobs(tmp_path, without_files(tmp_path))
    assert counts["prepare_collection"] == 14
    assert counts["attribute_neurons"] == 4 * counts["merge_attribution"] == 4 * (8 + 6)
    assert counts["rerank_candidates"] == 6 * (1 + 3 * 8)
    assert counts["total"] == sum(counts.values()) - counts["total"] > 60
    assert sum(messages.values()) >= counts["total"] - 1
    whole = tmp_path / "whole.yaml"
    keys = read_yaml(STUDY)
    for part in ("attribution", "ablation"):
        keys[part]["shards"] = 1
    keys["selection"]["top_percents"] = SMALLER["selection"]["top_percents"]
    whole.write_text(yaml.safe_dump(keys, sort_keys=False))
    assert jobs(folder, study) == jobs(tmp_path, whole)


def test_a_collection_on_request_says_how_to_get_it(tmp_path):
    target = "results/vast2024/collections/bioasq/qrels.parquet"
    done = snakemake(tmp_path, without_files(tmp_path), "--", target)
    (line,) = {line for line in done.stdout.splitlines() if line.startswith("Error: ")}
    assert f"documents: no file {tmp_path / 'bioasq/corpus.jsonl'}" in line
    assert "register at http://www.bioasq.org" in line
    assert done.returncode != 0 and "Traceback" not in done.stdout


@pytest.mark.slow
def test_every_job_of_the_paper_runs(small, results):
    done = snakemake(small[0], small[0] / "run.yaml", "--dry-run")
    assert "Nothing to be done" in done.stdout, done.stdout[-3000:]
    assert (results / "neurons.duckdb").exists()


@pytest.mark.slow
def test_table4_has_the_papers_rows(results):
    lines = (results / "tables" / "table4.md").read_text().splitlines()
    first = [line.split("|")[1].strip(" `") for line in lines if line.startswith("|")]
    rows = [
        *("random", "P_msmarco", "N_msmarco", "P_and_out", "N_and_out", "P_and_all", "N_and_all"),
        *("F_msmarco", "F_and_out", "F_and_all", "F_all"),
    ]
    assert [name for name in first if name in rows] == first[-len(rows) :] == rows
    data = pl.read_csv(results / "tables" / "table4.csv")
    sizes = data.group_by("scheme", "top_percent").agg(pl.col("domain").sort())
    assert sizes["domain"].to_list() == [["in", "out"]] * len(sizes)
    assert set(data["scheme"]) <= set(rows) and set(data["top_percent"]) == {30}
    out = data.filter(pl.col("domain") == "out", pl.col("scheme") == "F_msmarco")
    assert out["n_collections"].to_list() == [2]


@pytest.mark.slow
def test_schemes_of_non_relevant_maps_leave_out_who_has_none(results):
    schemes = pl.read_parquet(results / "schemes.parquet").filter(top_percent=30)
    chosen = {
        scheme: set(rows.select("layer", "component", "neuron").rows())
        for (scheme,), rows in schemes.group_by("scheme")
    }
    assert not {"N_fiqa", "N_bioasq", "F_fiqa", "F_bioasq"} & chosen.keys()
    assert {"P_fiqa", "P_bioasq"} <= chosen.keys()
    for family in "NF":
        out = set.intersection(*(chosen[f"{family}_{name}"] for name in OUT_JUDGED))
        assert chosen.get(f"{family}_and_out", set()) == out
        assert chosen.get(f"{family}_and_all", set()) == out & chosen[f"{family}_msmarco"]
