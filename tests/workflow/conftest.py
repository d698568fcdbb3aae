"""A tiny study: every rule of the workflow on a random ranker and made-up text, in a minute."""

import fcntl
import os
import random
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import polars as pl
import pytest
import torch
import yaml

from toys.bert import WORDS, make_model, make_tokenizer
from toys.warm_jobs import warm

ROOT = Path(__file__).resolve().parents[2]
SNAKEMAKE = str(Path(sys.executable).with_name("snakemake"))
PROFILE = (ROOT / "slurm" / "config.yaml").read_text(encoding="utf-8")
ON_GPU = set(re.search(r"gpu_rules: \[(.*)\]", PROFILE)[1].split(", "))
"""The rules with a ranker."""


def write_collection(folder: Path, seed: int, non_relevant: bool = True) -> dict:
    """12 queries over 60 passages; a relevant passage holds its query's words."""
    rng = random.Random(seed)
    folder.mkdir(parents=True)
    passages, queries, qrels = [], [], []
    for query in range(12):
        words = rng.sample(WORDS, 3)
        queries.append(f"q{query}\t{' '.join(words)}")
        for copy in range(5):
            own = words if copy < 2 else rng.sample(WORDS, 1)
            text = own + rng.choices(WORDS, k=rng.randint(4, 14))
            passages.append(f"d{query}-{copy}\t{' '.join(rng.sample(text, len(text)))}")
            if copy < 2 or non_relevant:
                qrels.append(f"q{query} 0 d{query}-{copy} {int(copy < 2)}")
    run = [
        f"q{query} Q0 {passage.split()[0]} 1 {rng.random()} mine"
        for query in range(12)
        for passage in rng.sample(passages, 20)
    ]
    lists = {"d.tsv": passages, "q.tsv": queries, "r.txt": qrels, "run.trec": run}
    for name, lines in lists.items():
        (folder / name).write_text("\n".join(lines) + "\n")
    source = {"source": "files"} | {
        key: f"{folder.name}/{name}"
        for key, name in (("documents", "d.tsv"), ("queries", "q.tsv"), ("qrels", "r.txt"))
    }
    return source | {"relevant": [1], "non_relevant": [0] if non_relevant else []}


def write_base_model(folder: Path) -> None:
    """A random model that finds about half of all pairs relevant."""
    model, tokenizer = make_model(), make_tokenizer()
    rng = random.Random(0)
    pairs = [
        [" ".join(rng.choices(WORDS, k=k)) for k in (3, rng.randint(5, 17))] for _ in range(99)
    ]
    with torch.no_grad():
        batch = tokenizer(pairs, padding=True, return_tensors="pt")
        logits = model(**batch).logits
        model.classifier.bias[0] += (logits[:, 1] - logits[:, 0]).median()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def write_tiny_study(folder: Path) -> Path:
    """The study file; beside it its collections and the model that it starts from."""
    write_base_model(folder / "base")
    collections = {
        name: write_collection(folder / name, seed, non_relevant=name != "delta")
        for seed, name in enumerate(("alpha", "beta", "delta", "epsilon"))
    }
    collections["alpha"]["domain"] = "in"
    collections["delta"]["run"] = "delta/run.trec"
    docstrings = {"source": "docstrings", "package": "numpy"}
    collections["numpy_training"] = docstrings | {"part": "training", "max_queries": 40}
    finetune = {"base": "base", "collections": ["numpy_training"], "pairs": 64, "max_length": 48}
    finetune["learning_rate"] = 1e-5  # a few steps must not make it say the same of every pair
    study = {
        "study": "tiny",
        "reranker": {"finetune": finetune, "max_length": 48, "dtype": "float32"},
        "collections": collections,
        "attribution": {
            "collections": ["alpha", "beta", "delta"],
            "max_pairs": 6,
            "tolerance": 0.2,
            "bootstrap_replicates": 10,
            "split_halves": 4,
            "convergence_pairs": 2,
            "methods": {
                "neuron_integrated_gradients": {},
                "gradient_x_activation": {},
                "lambda": {
                    "method": "gradient_x_activation",
                    "target": "lambda",
                    "passages": "pool",
                },
            },
        },
        "sensitivity": {
            "collections": ["alpha"],
            "variants": {"logit": {"target": "logit"}},
        },
        "baselines": {"pairs": 12},
        "selection": {"top_percents": [10, 30], "outliers": ["delta"]},
        "ablation": {
            "collections": ["alpha", "epsilon", "delta"],
            "max_queries": 6,
            "candidates": 5,
            "random_draws": 3,
            "further": ["mean", "keep_only", "matched"],
            "curves": {
                "schemes": ["N_alpha", "N_alpha@gradient_x_activation"],
                "top_percents": [3, 10],
                "kinds": ["bottom", "random"],
                "random_draws": 2,
                "collections": ["alpha"],
            },
        },
        "evaluation": {"collections": ["alpha", "delta"], "depth": 10, "max_queries": 6},
        "sanity": {"pairs": 2, "neurons": 12, "strong": 4},
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study, sort_keys=False))
    return path


def snakemake(directory: Path, study: Path, *arguments: str, timeout: int = 7200):
    """Run Snakemake in ``directory``; its output is standard output and error together."""
    return run(command(directory, study, *arguments), timeout=timeout)


def run_study(
    directory: Path,
    study: Path,
    *arguments: str,
    variables: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Run a study to its end, its jobs with a ranker in a Python that has loaded torch already."""
    done = run(warm(command(directory, study, *arguments)), variables=variables)
    assert done.returncode == 0, done.stdout[-5000:]


def run(
    words: list[str],
    timeout: int = 7200,
    directory: Path | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
):
    """Run a command; its output is standard output and error together.

    ``variables`` of the environment stand beside, or in place of, those that are there.
    """
    return subprocess.run(
        words,
        cwd=directory,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout,
        env=environment() | variables,
        check=False,
    )


def command(directory: Path, study: Path, *arguments: str) -> list[str]:
    """Snakemake with the study file alone, two jobs at once."""
    file = ["--snakefile", str(ROOT / "Snakefile"), "--configfile", str(study)]
    return [SNAKEMAKE, *file, "--directory", str(directory), "--cores", "2", *arguments]


def environment() -> dict[str, str]:
    """This process's environment, with its Python first."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "OMP_WAIT_POLICY": "PASSIVE", "GOMP_SPINCOUNT": "0"}


def tables(results: Path) -> dict[str, pl.DataFrame]:
    """Every table of a study that stays, by its path."""
    return {
        str(path.relative_to(results)): pl.read_parquet(path)
        for path in sorted(results.rglob("*.parquet"))
    }


def assert_same_tables(results: Path, expected: Path) -> None:
    """The same tables with the same rows, bit for bit."""
    found, wanted = tables(results), tables(expected)
    assert found.keys() == wanted.keys()
    for name, frame in wanted.items():
        assert frame.equals(found[name]), name


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> tuple[Path, Path]:
    """The tiny study's results folder, and its study file; run once, whoever asks first.

    Processes that share the tests (-n) wait for the one that runs it.
    """
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, study = base / "tiny", base / "tiny" / "study.yaml"
    with (base / "tiny.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        whole = base / "tiny.whole"
        if not whole.exists():  # or what is there is of a run that failed
            shutil.rmtree(folder, ignore_errors=True)
            write_tiny_study(folder)
            loaded = folder / "loaded"
            loaded.mkdir()
            recorder = ROOT / "tests" / "toys" / "recorder"
            seen = {"LOADED_MODULES": str(loaded), "PYTHONPATH": str(recorder)}
            run_study(folder, study, variables=seen)
            whole.touch()
    return folder / "results" / "tiny", study
