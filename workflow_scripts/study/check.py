"""What a study would run, how long and how big: `relevance-neurons study check`; nothing is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

from relevance_neurons.command.results import print_table
from relevance_neurons.errors import UserError
from study.contents import Study, used_collections
from study.costs import INDEXED, PREPARED, disk, indexed, read_collection, stages
from study.errors import StudyError
from study.job_sizes import Needs
from study.ranker_shapes import BERT_LARGE, Shape, pair_flops, ranker_name, ranker_shape
from study.reading import read_study

SCHEMA = Path("rules") / "schemas" / "study.schema.yaml"
JOB_SECONDS = 8
"""Of a job, to start Python and import what it needs, where the machine has nothing else to do."""
TIMED_TOKENS, TIMED_PAIRS = 128, 8
_JOB = re.compile(r"^(\w+)\s+(\d+)$", re.MULTILINE)


def check_study(clone: Path, file: Path) -> None:
    """Print the jobs of a study by rule, its time on this machine, its disk and its memory.

    Raises ``UserError`` with the line that the workflow would end with.
    """
    try:
        study = read_study(file, clone / SCHEMA)
    except StudyError as error:
        raise UserError(str(error)) from None
    jobs = planned_jobs(clone, file)
    print(f"{file}: the study {study['study']}; results go to results/{study['study']}\n")
    print_jobs(jobs)
    print_cost(study, sum(jobs.values()))
    print_shared(study)


def planned_jobs(clone: Path, file: Path) -> dict[str, int]:
    """How many jobs of each rule Snakemake would run; none where all results are there.

    Raises ``UserError`` where Snakemake refuses the study.
    """
    words = ["-n", "--quiet", "rules", "--cores", "1", "--nocolor", "--nolock"]
    command = [sys.executable, "-m", "snakemake", "-s", str(clone / "Snakefile"), *words]
    done = subprocess.run(
        [*command, "--configfile", str(file.absolute())],
        cwd=clone,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout + done.stderr
    if done.returncode:
        lines = [line.strip() for line in told.splitlines() if line.strip()]
        wrong = next(
            (line for line in lines if line.startswith("Error:")), (lines or ["nothing"])[-1]
        )
        wrong = wrong.removeprefix("Error: ").removeprefix(f"{file}: ")
        raise UserError(f"{file}: {wrong}; snakemake -n --configfile {file} shows all of it")
    found = {rule: int(n) for rule, n in _JOB.findall(told)}
    if "total" not in found and "Nothing to be done" not in told:
        raise RuntimeError(f"Snakemake listed no jobs: {told[-2000:]}")
    return {rule: n for rule, n in found.items() if rule not in ("total", "all")}


def print_jobs(jobs: dict[str, int]) -> None:
    """A table of the jobs by rule."""
    import polars as pl

    if not jobs:
        print("Nothing would run: all results are there.")
        return
    frame = pl.DataFrame({"rule": list(jobs), "jobs": list(jobs.values())})
    print_table(frame, f"{sum(jobs.values())} jobs", len(frame))


def print_shared(study: Study) -> None:
    """Say where neurons are tested on the questions that they are found on."""
    found, tested = study["attribution"]["collections"], study["ablation"]["collections"]
    if shared := [name for name in tested if name in found]:
        others = [name for name in tested if name not in found]
        print(
            f"Neurons of {', '.join(shared)} are found and tested on the same questions, which "
            "they may fit alone; they are tested on others in "
            f"{', '.join(others) or 'no collection: add one to ablation.collections'}."
        )


def print_cost(study: Study, n_jobs: int = 0) -> None:
    """Time on this machine by stage, disk and memory, as far as they can be told beforehand."""
    import polars as pl

    shape = ranker_shape(study)
    length = study["reranker"]["max_length"]
    sizes = {
        name: read_collection(name, study["collections"][name], length)
        for name in used_collections(study)
    }
    rate, device, n_cores = machine_rate(shape)
    found = [one for one in stages(study, sizes, shape) if one.passes]
    rows = [(one.name, one.passes, one.flops / rate / 60) for one in found]
    works = (
        ("prepare the collections", list(sizes), PREPARED),
        ("index them", indexed(study), INDEXED),
    )
    for what, names, speed in works:
        seconds = sum(sizes[name].text_bytes for name in names) / speed / n_cores
        rows.append((what, None, seconds / 60))
    if n_jobs:
        rows.append((f"start {n_jobs} jobs", None, n_jobs * JOB_SECONDS / n_cores / 60))
    schema = {"work": pl.String, "passes": pl.Float64, "minutes": pl.Float64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    forms = {"passes": "{:,.0f}", "minutes": "{:,.1f}"}
    print_table(frame, f"An estimate of the time on {device}, from the start", len(frame), forms)
    if shape is BERT_LARGE:
        print(
            f"The config of {ranker_name(study)} is not on this machine: these estimates are of "
            "one as large as BERT-large, and its first job is to download it."
        )
    total = frame["minutes"].sum()
    print(f"All: about {_duration(total)}. {_left_out(study)}")
    gigabytes = sum(disk(study, sizes, shape).values()) / 1e9
    needs = Needs(study)
    memory = max(needs.attribution_mb(), needs.maps_mb(), needs.stability_mb(), needs.rankings_mb())
    print(
        f"Disk: about {gigabytes:,.{2 if gigabytes < 10 else 0}f} GB. "
        f"Memory that the largest job asks for: {memory / 1e3:,.1f} GB."
    )


def machine_rate(shape: Shape) -> tuple[float, str, int]:
    """FLOP/s of this machine by a timed pass through two random layers of the ranker's width.

    Beside it what it ran on, in words, and the cores. On a CPU a job has a thread, and as many jobs
    run as there are cores: the rate is that of all of them, as if they did not disturb each other.
    """
    import torch
    from transformers import BertConfig, BertModel

    on_gpu = torch.cuda.is_available()
    heads = shape.heads or max(1, shape.width // 64)
    config = BertConfig(
        vocab_size=8,
        hidden_size=shape.width,
        num_hidden_layers=2,
        num_attention_heads=heads if shape.width % heads == 0 else 1,
        intermediate_size=shape.inner,
    )
    torch.set_num_threads(1)
    model = BertModel(config, add_pooling_layer=False).eval().to("cuda" if on_gpu else "cpu")
    ids = torch.zeros((TIMED_PAIRS, TIMED_TOKENS), dtype=torch.long, device=model.device)
    seconds = min(_timed(model, ids) for _ in range(4))
    timed = Shape(2, shape.width, shape.inner)
    rate = TIMED_PAIRS * pair_flops(timed, TIMED_TOKENS) / seconds
    n_cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    if on_gpu:
        return rate, torch.cuda.get_device_name(), n_cores
    return rate * n_cores, f"{n_cores} cores of this machine", n_cores


def _timed(model, ids) -> float:
    import torch

    start = time.perf_counter()
    with torch.inference_mode():
        model(input_ids=ids).last_hidden_state.sum().item()
    return time.perf_counter() - start


def _duration(minutes: float) -> str:
    if minutes < 90:
        return f"{max(1, round(minutes))} minutes"
    return f"{minutes / 60:.1f} hours" if minutes < 48 * 60 else f"{minutes / 1440:.1f} days"


def _left_out(study: Study) -> str:
    """What the estimate does not count."""
    parts = [name for name in ("tokens", "mechanism") if name in study]
    parts += ["the training of the ranker"] * ("finetune" in study["reranker"])
    return f"Not counted: {', '.join([*parts, 'tables and figures'])}."
