"""The whole graph on a tiny study: contracts, reruns, kills, and mistakes."""

import os
import re
import shutil
import subprocess

import duckdb
import polars as pl
import pytest
import yaml

from workflow.conftest import (
    ROOT,
    snakemake,
    write_tiny_study,
)

CONTRACT = {
    "collections/alpha/documents.parquet": ["doc_id", "text"],
    "collections/alpha/queries.parquet": ["query_id", "text"],
    "collections/alpha/qrels.parquet": ["query_id", "doc_id", "grade", "label", "gain"],
    "pairs/alpha.parquet": [
        "query_id", "doc_id", "grade", "label", "p_relevant", "kept", "n_tokens",
    ],
    "neuron_scores/alpha/relevant.parquet": [
        "collection", "label", "layer", "component", "neuron", "score", "standard_error",
        "n_pairs", "method",
    ],
    "neuron_scores/alpha/difference@lambda.parquet": ["collection", "label", "method", "score"],
    "attribution_checks/alpha/relevant.parquet": [
        "query_id", "doc_id", "f_input", "f_baseline", "cut_sum", "residual", "n_points",
        "error_estimate", "method", "cost_forwards",
    ],
    "baselines.parquet": ["baseline", "mean_difference", "n_pairs"],
    "schemes.parquet": ["scheme", "top_percent", "layer", "component", "neuron", "score"],
    "overlaps.parquet": [
        "kind", "label", "collections", "top_percent", "shared_percent", "expected_percent",
    ],
    "split_halves.parquet": [
        "collection", "label", "top_percent", "halving", "n_pairs_half", "shared_percent",
    ],
    "convergence.parquet": [
        "collection", "label", "top_percent", "n_pairs", "points", "points_doubled",
        "shared_percent", "kendall_tau", "relative_difference", "worst_pair_difference",
    ],
    "sensitivity.parquet": [
        "collection", "label", "variant_a", "variant_b", "top_percent", "kendall_tau", "spearman",
        "shared_percent", "expected_percent",
    ],
    "candidates/alpha.parquet": [
        "query_id", "doc_id", "grade", "bm25_rank", "bm25_score", "pool",
    ],
    "rerankings/alpha.parquet": [
        "scheme", "top_percent", "draw", "query_id", "doc_id", "score",
    ],
    "measures/alpha.parquet": [
        "scheme", "top_percent", "draw", "query_id", "measure", "value",
    ],
    "ablation_effects.parquet": [
        "scheme", "top_percent", "collection", "original", "pruned", "difference_percent",
        "p_value", "p_value_holm", "ci_low", "ci_high", "n_queries",
    ],
    "methods.parquet": [
        "method", "scheme", "top_percent", "collection", "difference_percent", "cost_forwards",
    ],
    "pooled_effects.parquet": ["scheme", "top_percent", "domain", "difference_percent", "p_value"],
    "level_changes.parquet": ["scheme", "top_percent", "draw", "collection", "shift", "gap"],
    "level_controls.parquet": ["scheme", "direction", "control", "control_shift"],
    "loss_curves.parquet": ["method", "scheme", "ablated", "top_percent", "n_neurons"],
    "curve_areas.parquet": ["method", "scheme", "ablated", "collection", "area", "difference"],
    "single_neurons.parquet": ["method", "sample", "label", "layer", "score", "change_zero"],
}  # fmt: skip


@pytest.mark.parametrize("table", CONTRACT)
def test_tables_keep_their_contract(tiny, table):
    frame = pl.read_parquet(tiny[0] / table)
    assert set(CONTRACT[table]) <= set(frame.columns)
    assert len(frame)


def test_every_job_left_a_log(tiny):
    results, _ = tiny
    logs = {path.relative_to(results / "logs").parts[0] for path in results.rglob("logs/**/*.log")}
    assert logs >= {"attribute_neurons", "rerank_candidates", "build_database.log"}
    log = (results / "logs/attribute_neurons/alpha/relevant/0.log").read_text()
    assert "attribution (relevant): 6/6 pairs" in log


def test_pairs_are_spread_and_agree_with_the_ranker(tiny):
    pairs = pl.read_parquet(tiny[0] / "pairs/alpha.parquet")
    kept = pairs.filter("kept")
    assert (kept.group_by("label").len()["len"] <= 6).all()
    agrees = (kept["p_relevant"] > 0.5) == (kept["label"] == "relevant")
    assert agrees.all()
    turns = pairs.group_by("label", "query_id").len()["len"]
    assert turns.max() - turns.min() <= 1 or len(pairs) > 12


def test_random_draws_are_as_many_as_asked_for(tiny):
    rerankings = pl.read_parquet(tiny[0] / "rerankings/epsilon.parquet")
    schemes = rerankings.group_by("scheme", "top_percent").agg(pl.col("draw").n_unique())
    draws = dict(schemes.filter(top_percent=30).select("scheme", "draw").iter_rows())
    assert draws["P_alpha"] == 1 and draws["random:P_alpha"] == 3
    candidates = pl.read_parquet(tiny[0] / "candidates/epsilon.parquet")
    rankings = rerankings.select("scheme", "top_percent", "draw").n_unique()
    assert len(rerankings) == rankings * len(candidates)


def test_a_run_of_ones_own_takes_the_place_of_bm25(tiny):
    results, _ = tiny
    pools = pl.read_parquet(results / "candidates/delta.parquet")
    assert set(pools["pool"]) == {"relevant", "run"} and pools["bm25_rank"].is_null().all()
    lines = (results.parents[1] / "delta/run.trec").read_text().split("\n")
    scores = {(q, d): float(s) for q, _, d, _, s, _ in (one.split() for one in lines if one)}
    for query, document, score in pools.select("query_id", "doc_id", "run_score").iter_rows():
        assert score is None or score == scores[query, document]
    # beta is ranked for the pools of a target within a query.
    assert {one.name for one in (results / "indexes").iterdir()} == {"alpha", "beta", "epsilon"}
    quality = pl.read_parquet(results / "ranking_quality.parquet")
    assert set(quality.filter(collection="delta")["ranking"]) == {"run", "reranker"}
    assert "own run" in (results / "tables" / "ranking_quality.md").read_text()


def test_the_unpruned_ranking_is_the_rankers_own(tiny):
    from relevance_neurons import load_reranker
    from relevance_neurons.collections.texts import pair_texts

    results, _ = tiny
    rows = pl.read_parquet(results / "rerankings/delta.parquet").filter(scheme="none")
    folder = results / "collections" / "delta"
    texts = pair_texts(rows, folder / "queries.parquet", folder / "documents.parquet")
    ranker = load_reranker(results / "reranker", max_length=48, device="cpu")
    assert rows["score"].to_numpy() == pytest.approx(ranker.score(texts).numpy(), abs=1e-5)


def test_the_database_is_self_contained(tiny, tmp_path):
    moved = tmp_path / "moved.duckdb"
    moved.write_bytes((tiny[0] / "neurons.duckdb").read_bytes())
    with duckdb.connect(str(moved), read_only=True) as database:
        scores = database.sql("SELECT count(*) FROM neuron_scores").fetchall()[0][0]
        # Both labels of two collections and one of the third by two methods, and whole queries.
        assert scores == (5 + 5 + 3) * 3 * (5 * 16 + 24)
        for query in sorted((ROOT / "workflow_scripts" / "queries").glob("*.sql")):
            database.execute(query.read_text())


def test_an_empty_table_says_why(tiny):
    """The study asks for neither tokens nor heads; what every study has says nothing of it."""
    with duckdb.connect(str(tiny[0] / "neurons.duckdb"), read_only=True) as database:
        comments = dict(database.sql("SELECT table_name, comment FROM duckdb_tables()").fetchall())
        empty = {name for name in comments if not database.sql(f'FROM "{name}" LIMIT 1').fetchall()}
    assert {"token_scores", "heads", "neuron_tokens"} <= empty
    assert {name for name in empty if "; empty " not in comments[name]} == set()
    always = {"pairs", "neuron_scores", "schemes", "measures", "ablation_effects", "single_neurons"}
    assert not [name for name in always if "; empty " in comments[name]]


def test_figures_tables_and_report(tiny):
    results, study = tiny
    figures = ("figure2", "figure3", "figure4", "effects", "quality", "method_effects", "levels")
    for figure in (*figures, "loss_curves"):
        assert (results / "figures" / f"{figure}.png").stat().st_size > 10_000
    assert (
        "∅" in (results / "tables" / "table4.md").read_text()
        or "N_and" not in (results / "tables" / "table4.md").read_text()
    )
    report = results / "report.html"
    done = snakemake(results.parents[1], study, "--report", str(report))
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Figures" in report.read_text()


def test_a_second_run_has_nothing_to_do(tiny):
    results, study = tiny
    done = snakemake(results.parents[1], study)
    assert "Nothing to be done" in done.stdout, done.stdout[-3000:]


def test_a_figure_runs_itself_alone(tiny, tmp_path):
    """Its file gone, for example: in a copy, as other tests read the results."""
    results, study = tiny
    for name in ("results", ".snakemake"):
        shutil.copytree(results.parents[1] / name, tmp_path / name)
    assert "Nothing to be done" in snakemake(tmp_path, study).stdout
    (tmp_path / "results" / "tiny" / "figures" / "figure2.png").unlink()
    done = snakemake(tmp_path, study, "--dry-run")
    jobs = re.findall(r"^(\w+) +(\d+)$", done.stdout, re.MULTILINE)
    assert dict(jobs) == {"draw_figures": "1", "all": "1", "total": "2"}


BAD_STUDIES = {
    "a misspelt key": ({"selction": {}}, [], "selction: unknown key (did you mean 'selection'?)"),
    "a missing file": ({}, ["alpha/d.tsv"], "collections.alpha.documents: no file"),
}


@pytest.mark.parametrize("name", BAD_STUDIES)
def test_a_bad_study_stops_at_once(tmp_path, name):
    change, removed, message = BAD_STUDIES[name]
    study = write_tiny_study(tmp_path)
    study.write_text(yaml.safe_dump(yaml.safe_load(study.read_text()) | change))
    for file in removed:
        (tmp_path / file).unlink()
    done = snakemake(tmp_path, study)
    assert done.returncode != 0
    assert message in done.stdout
    assert "Traceback" not in done.stdout
    assert len(done.stdout.splitlines()) < 6


def test_two_study_files_are_refused(tmp_path):
    study = write_tiny_study(tmp_path)
    done = snakemake(tmp_path, study, str(ROOT / "config.yaml"))
    assert done.returncode != 0
    other = tmp_path / "other.yaml"
    other.write_text(study.read_text())
    done = snakemake(tmp_path, study, "--configfile", str(study), str(other))
    assert done.returncode != 0 and "2 study files were given" in done.stdout


BAD_INPUTS = {
    "alpha/d.tsv": (b"d1\n", "line 1: "),
    "alpha/q.tsv": (b"q1\t\xff\n", "not UTF-8"),
    "alpha/r.txt": (b"q0 0 d0-0 1\nq0 0 d0-1 much\n", "line 2: "),
}


@pytest.mark.parametrize("file", BAD_INPUTS)
def test_bad_text_is_one_clear_line(tmp_path, file):
    content, message = BAD_INPUTS[file]
    study = write_tiny_study(tmp_path)
    (tmp_path / file).write_bytes(content)
    target = "results/tiny/collections/alpha/qrels.parquet"
    done = snakemake(tmp_path, study, target)
    errors = [line for line in done.stdout.splitlines() if line.startswith("Error: ")]
    assert done.returncode != 0
    assert message in errors[0] and str(tmp_path / file) in errors[0]
    last = done.stdout.split("Exiting because a job execution failed", 1)[1]
    assert errors == [errors[0]] * 2 and errors[0] in last  # where it happens, and at the end
    assert "Traceback" not in done.stdout
    log = tmp_path / "results/tiny/logs/prepare_collection/alpha.log"
    assert errors[0] in log.read_text()


def test_a_full_disk_loses_nothing(tmp_path):
    """The results are on a file system of a megabyte, too small for one of two collections."""
    disk = tmp_path / "results"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system needs root and a machine that lets it")
    try:
        study = write_tiny_study(tmp_path)
        rows = "\n".join(f"x{i}\t{os.urandom(300).hex()}" for i in range(6000))
        with (tmp_path / "beta/d.tsv").open("a") as documents:
            documents.write(rows + "\n")
        targets = [f"results/tiny/collections/{name}/qrels.parquet" for name in ("alpha", "beta")]
        # One after the other: side by side, the small one can meet a disk that the big one fills.
        done = snakemake(tmp_path, study, "--keep-going", "--cores", "1", *targets)
        assert done.returncode != 0
        assert "the disk is full" in done.stdout
        assert "Traceback" not in done.stdout
        assert len(pl.read_parquet(disk / "tiny/collections/alpha/documents.parquet")) == 60
        assert not list(disk.glob("tiny/collections/beta/*"))
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)
