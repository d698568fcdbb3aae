"""Growth is fitted rightly, every piece can be measured, and memory is bounded by structure."""

import gc
import re
import tracemalloc
import weakref
from collections import Counter
from pathlib import Path
from typing import ClassVar

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
import torch
from ir_datasets.datasets.base import Dataset
from ir_datasets.formats import BaseDocs

import estimate_cost
import job_queue
import scaling
import scaling_jobs
from relevance_neurons.attribution import attribute as attribution
from relevance_neurons.attribution import pair_scores, scorers
from relevance_neurons.collections import retrieval
from relevance_neurons.collections import tables as collection
from relevance_neurons.collections.datasets import FrameQrels, FrameQueries
from relevance_neurons.collections.texts import pair_texts
from relevance_neurons.rankers.reranker import Reranker
from study import batches, job_sizes
from toys.bert import PAIRS, make_reranker

ROOT = Path(scaling.__file__).parents[1]

# Sizes at which a piece works and takes no time to speak of.
SMALLEST = {"pairs": 2, "neurons": 9300, "schemes": 1, "collections": 2, "draws": 2}
SMALLEST |= {"documents": 150, "shards": 2}
NAMES = [f"{job.quantity}: {job.name}" for job in scaling_jobs.JOBS]
# One of those that do the same work.
PIECES = {job.start: job for job in reversed(scaling_jobs.JOBS)}.values()


@pytest.fixture(autouse=True)
def little_work(monkeypatch):
    """Nothing is repeated, for one level, with few words."""
    monkeypatch.setattr(scaling, "REPEATS", 1)
    monkeypatch.setattr(scaling_jobs, "LEVELS", (1.0,))
    monkeypatch.setattr(scaling_jobs, "VOCABULARY", 500)


@pytest.mark.parametrize("exponent", [0.5, 1, 2])
@pytest.mark.parametrize("fixed", [0, 3])
def test_exponents_are_recovered_with_and_without_a_fixed_cost(exponent, fixed):
    sizes = [10, 40, 160, 640]
    costs = [fixed + 0.05 * size**exponent for size in sizes]
    found = scaling.fit_growth(sizes, costs)
    assert found == (pytest.approx(exponent, abs=0.01), pytest.approx(fixed, rel=0.01, abs=0.01))
    if fixed:
        assert scaling.slope(sizes, costs) < exponent - 0.05
    else:
        assert scaling.slope(sizes, costs) == pytest.approx(exponent)


def test_quantities_are_measured_over_a_factor_of_ten():
    assert {job.quantity for job in scaling_jobs.JOBS} == SMALLEST.keys()
    assert len(set(NAMES)) == len(NAMES)
    for job in scaling_jobs.JOBS:
        assert len(job.sizes) >= 3 and job.sizes[-1] >= 10 * job.sizes[0]


@pytest.mark.parametrize("job", PIECES, ids=lambda job: f"{job.quantity}: {job.name}")
def test_every_piece_can_be_measured(job, folders):
    folder, size = folders[job.quantity], SMALLEST[job.quantity]
    job.prepare(size, folder)
    point = scaling.measure(job, size, folder)
    assert point.size == size and point.seconds > 0
    assert point.peak >= point.before > 0
    assert (point.disk > 0) == bool(job.made)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A folder for each quantity: its pieces share what was prepared."""
    return {quantity: tmp_path_factory.mktemp(quantity) for quantity in SMALLEST}


def test_maps_are_as_many_and_as_large_as_they_are_called(tmp_path):
    scaling_jobs.write_maps(3, tmp_path, n_neurons=50)
    assert scaling_jobs.domains(tmp_path) == {"c0": "in", "c1": "out", "c2": "out"}
    maps = pl.read_parquet(scaling_jobs.map_files(tmp_path))
    assert maps.group_by("collection", "label").len()["len"].to_list() == [50] * 6
    scaling_jobs.write_maps(50, tmp_path / "other", n_collections=2)
    assert len(pl.read_parquet(scaling_jobs.map_files(tmp_path / "other"))) == 2 * 2 * 50


def test_rankings_and_documents_are_as_many_as_they_are_called(tmp_path):
    scaling_jobs.write_rerankings(2, tmp_path)
    rows = pl.read_parquet(tmp_path / "rerankings.parquet")
    assert len(rows) == (2 + 2) * scaling_jobs.QUERIES * scaling_jobs.CANDIDATES
    scaling_jobs.write_tables(150, tmp_path)
    documents = pl.read_parquet(tmp_path / "documents.parquet")
    assert len(documents) == 150
    assert 50 < documents["text"].str.split(" ").list.len().mean() < 62


def test_neurons_are_made_up_in_layers_of_real_shape():
    neurons = scaling_jobs.neuron_frame(2 * scaling_jobs.LAYER + 5)
    assert neurons.is_unique().all()
    first = neurons.filter(layer=1).group_by("component").agg(pl.len(), pl.max("neuron"))
    sizes = {name: (n, last) for name, n, last in first.iter_rows()}
    assert sizes["intermediate"] == (4096, 4095) and sizes["ff_output"] == (1024, 1023)
    assert neurons.filter(layer=2)["component"].unique().to_list() == ["query"]


def test_no_two_of_the_own_schemes_share_work():
    schemes = scaling_jobs.own_schemes(20, ["c0", "c1"])
    assert len({one.components for one in schemes}) == len({one.scheme for one in schemes}) == 20
    assert all(set(one.components) == set(scaling_jobs.COMPONENTS) for one in schemes)


def test_the_memory_of_the_work_is_what_it_added(tmp_path):
    def start(size, folder):
        return lambda: np.ones(size).sum()

    sizes = (5_000_000, 15_000_000)  # so large that no freed memory is taken again
    job = scaling_jobs.Job("draws", "fill", sizes, scaling_jobs.nothing, start)
    small, large = (scaling.measure(job, size, tmp_path) for size in sizes)
    assert small.memory == pytest.approx(8 * sizes[0], rel=0.3)
    assert large.memory == pytest.approx(8 * sizes[1], rel=0.3)


def test_a_point_is_a_process_of_its_own(tmp_path):
    (job,) = (job for job in scaling_jobs.JOBS if job.name == "pair_texts")
    point = scaling.measure_apart(job, SMALLEST["documents"], tmp_path)
    # This process holds torch, that one does not.
    assert 0 < point.before < scaling.resident() / 2


def test_tables_are_printed(tmp_path, monkeypatch, capsys):
    job = next(job for job in scaling_jobs.JOBS if job.name == "build_index")
    points = {
        size: scaling.Point(size, 1 + size / 1e4, 100 << 20, (100 << 20) + 1024 * size, 5 * size)
        for size in job.sizes
    }
    monkeypatch.setattr(scaling, "measure_apart", lambda job, size, folder: points[size])
    scaling.print_growth(scaling.print_points([job], tmp_path))
    printed = capsys.readouterr().out
    assert "| documents | build_index | 10,000 | 2 | 100 | 9.8 | 0.1 |" in printed
    # One second is fixed: half of the smallest point, next to nothing of the largest.
    assert "| 1.00 | 1 (50%, 1%) | 0.1 | 1.00 | 1 |" in printed


# ---- The queue of a study's jobs


def chain_of(*seconds):
    """A job after the other, each on a GPU."""
    names = [f"job {i}" for i in range(len(seconds))]
    needs = [(), *((name,) for name in names)]
    rows = zip(names, seconds, needs, strict=False)
    return [job_queue.Task(name, one, needed, True) for name, one, needed in rows]


def test_a_chain_takes_as_long_on_any_number_of_machines():
    chain = chain_of(10, 20, 5)
    whole = 35 + 3 * job_queue.START
    assert job_queue.critical_path(chain) == chain
    assert [job_queue.makespan(chain, n) for n in (1, 2, 9)] == [whole] * 3


def test_jobs_without_needs_share_the_machines():
    tasks = [job_queue.Task(str(i), 70, (), True) for i in range(10)]
    each = 70 + job_queue.START
    assert [job_queue.makespan(tasks, n) for n in (1, 3, 10, 64)] == [
        10 * each,
        4 * each,
        each,
        each,
    ]
    on_cpu = [job_queue.Task(str(i), 70) for i in range(10)]
    assert job_queue.makespan(on_cpu, devices=1, cpus=5) == 2 * each


def test_the_longest_chain_goes_first():
    alone = [job_queue.Task(f"alone {i}", 100, (), True) for i in range(2)]
    chain = chain_of(100, 100)
    # Two at once: the chain on one machine, the other two jobs on the other.
    assert job_queue.makespan([*alone, *chain], 2) == 2 * (100 + job_queue.START)


@pytest.fixture(scope="module")
def study_tasks():
    study = estimate_cost.load_study(str(ROOT / "studies" / "vast2024.yaml"))
    return job_queue.StudyTasks(study)


def test_the_jobs_of_the_paper_s_study(study_tasks):
    tasks = study_tasks.all()
    assert len(tasks) == 333  # as `snakemake -n` says, without "all"
    done = set()
    for task in tasks:
        assert done.issuperset(task.needs) and task.name not in done
        done.add(task.name)
    rules = Counter(name.split()[0] for name in done)
    # The study has neither section.
    left_out = ("tokens", "mechanism")
    files = [file for file in (ROOT / "rules").glob("*.smk") if file.stem not in left_out]
    written = "".join(file.read_text() for file in files)
    known = set(re.findall(r"^ *(?:rule|use rule \w+ as) (\w+)", written, re.MULTILINE))
    assert known - rules.keys() == {
        *("finetune_reranker", "measure_curves", "locate_heads", "select_heads"),
    }  # which the study does not ask for
    assert rules.keys() <= known
    study = study_tasks.study
    assert rules["attribute_neurons"] == 14 * job_sizes.attribution_shards(study)
    assert rules["rerank_candidates"] == 6 * sum(
        job_sizes.ablation_shards(study, batch) for batch in batches.batches(study)
    )


def test_the_queue_holds_no_gpu_while_it_indexes(study_tasks):
    tasks = {task.name: task for task in study_tasks.all()}
    evaluation = tasks["evaluate_reranker msmarco_dev"]
    assert evaluation.on_gpu and evaluation.needs == ("search_collection msmarco_dev",)
    assert tasks["search_collection msmarco_dev"].needs == ("index_collection msmarco_dev",)
    index = tasks["index_collection msmarco_dev"]
    assert not index.on_gpu and index.seconds > 5 * evaluation.seconds


def test_the_work_of_the_jobs_is_that_of_the_estimate(study_tasks, monkeypatch):
    # Without lookups of texts, the jobs on a GPU do what estimate_cost.py counts.
    monkeypatch.setattr(job_queue, "LOOKED_UP", float("inf"))
    found = sum(task.seconds for task in study_tasks.all() if task.on_gpu) / 3600
    stages = estimate_cost.stages(study_tasks.study, study_tasks.sizes, study_tasks.shape)
    assert found == pytest.approx(sum(one.hours(estimate_cost.GPU) for one in stages), rel=0.02)


def test_the_queue_is_as_short_as_it_can_be_within_a_factor_of_two(study_tasks):
    tasks = study_tasks.all()
    longest = sum(task.whole for task in job_queue.critical_path(tasks))
    work = sum(task.whole for task in tasks if task.on_gpu)
    for devices in (1, 8, 64):
        bound = max(longest, work / devices)
        assert bound - 1 <= job_queue.makespan(tasks, devices, cpus=len(tasks)) <= 2 * bound
    assert job_queue.makespan(tasks, len(tasks), len(tasks)) == pytest.approx(longest)


# ---- What bounds memory, by structure


class FakeNeurons:
    def __len__(self):
        return 2000

    def frame(self):
        return pl.DataFrame({"neuron": np.arange(len(self), dtype=np.int32)})


class FakeRanker(Reranker):
    def __init__(self):
        self.neurons = FakeNeurons()

    def arithmetic(self, work):
        return "float32"


def peak_of_attributing(n_pairs, monkeypatch) -> int:
    """Bytes at the peak while ``n_pairs`` score vectors are added up with replicates and halves."""

    def score_pairs(ranker, pairs, settings):
        random = np.random.default_rng(0)
        for number in range(len(pairs)):
            check = pair_scores.PairCheck(number, 1.0, 0.0, 1.0, 17, 0.0, cost_forwards=34.0)
            yield check, random.normal(size=len(ranker.neurons))

    monkeypatch.setattr(scorers, "score_pairs", score_pairs)
    tracemalloc.start()
    try:
        options = {"bootstrap_replicates": 20, "split_halves": 4}
        attribution.attribute(FakeRanker(), [("a", "b")] * n_pairs, **options)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_no_table_of_pairs_by_neurons_is_held(monkeypatch):
    small, large = (peak_of_attributing(n, monkeypatch) for n in (128, 512))
    a_vector = 8 * len(FakeNeurons())
    assert small > 64 * a_vector  # a block of pairs waits for the replicates
    assert large - small < 20 * a_vector  # of 384 pairs more


def float_bytes() -> int:
    """Bytes of all tensors of floats that are alive."""
    tensors = (one for one in gc.get_objects() if type(one) is torch.Tensor)
    return sum(one.nbytes for one in tensors if one.is_floating_point())


def test_nothing_of_a_pair_s_path_stays_when_it_is_done():
    reranker = make_reranker(2)
    left = []
    for n in (2, 8):
        scores = pair_scores.score_pairs(reranker, PAIRS * n, pair_scores.Settings())
        for _ in range(len(PAIRS) * n):
            found = next(scores)
        left.append(float_bytes())  # while the generator still stands at its last pair
        assert found[1].any()
        del scores
    a_path = 17 * len(reranker.neurons) * 8  # outputs of one token at as many points
    assert left[1] - left[0] < a_path


def test_a_lookup_of_texts_does_not_hold_the_collection(tmp_path):
    ids = pl.int_range(400_000, eager=True).cast(str)
    documents = pl.DataFrame({"doc_id": ids, "text": ids + " word" * 100})
    documents.write_parquet(tmp_path / "documents.parquet", row_group_size=2000)
    n_bytes = documents.estimated_size()
    del documents
    pl.DataFrame({"query_id": ["q"], "text": ["one"]}).write_parquet(tmp_path / "queries.parquet")
    pairs = pl.DataFrame({"query_id": "q", "doc_id": ids.gather_every(2000)})

    def start(size, folder):
        return lambda: pair_texts(pairs, folder / "queries.parquet", folder / "documents.parquet")

    job = scaling_jobs.Job("documents", "lookup", (200,), scaling_jobs.nothing, start)
    assert scaling.measure(job, 200, tmp_path).memory < n_bytes / 3


class Doc:
    """A document that can be watched."""

    alive: ClassVar = weakref.WeakSet()

    def __init__(self, number):
        self.doc_id, self.text = f"d{number}", f"text {number}"
        Doc.alive.add(self)

    def default_text(self):
        return self.text


class Docs(BaseDocs):
    most = 0

    def docs_iter(self):
        for number in range(1000):
            yield Doc(number)
            self.most = max(self.most, len(Doc.alive))

    def docs_count(self):
        return 1000


def test_documents_stream_into_their_table(tmp_path, monkeypatch):
    monkeypatch.setattr(collection, "_CHUNK", 50)
    docs = Docs()
    queries = pl.DataFrame({"query_id": ["q"], "text": ["one"]})
    qrels = pl.DataFrame({"query_id": ["q"], "doc_id": ["d7"], "grade": [1]})
    dataset = Dataset(docs, FrameQueries(queries), FrameQrels(qrels))
    paths = [tmp_path / f"{name}.parquet" for name in ("documents", "queries", "qrels")]
    collection.write_collection(dataset, *paths, "mine", [1], [])
    assert 50 <= docs.most <= 2 * 50 + 1
    assert collection.pq.ParquetFile(paths[0]).num_row_groups == 20
    assert pl.read_parquet(paths[0])["doc_id"].to_list() == [f"d{i}" for i in range(1000)]


class Batches:
    """Stands for a Parquet file, and can be read in batches alone."""

    def __init__(self, path):
        self.path = path

    def iter_batches(self, batch_size, columns):
        assert batch_size <= 10_000
        assert columns == ["doc_id", "text"]
        for start in range(0, 1000, 50):
            ids = [str(i) for i in range(start, start + 50)]
            yield pa.record_batch({"doc_id": ids, "text": [f"word{i} and" for i in ids]})


def test_documents_stream_into_the_index(tmp_path, monkeypatch):
    frames, alive = [], []
    from_arrow = pl.from_arrow

    def watched(batch):
        frame = from_arrow(batch)
        frames.append(weakref.ref(frame))
        alive.append(sum(one() is not None for one in frames))
        return frame

    monkeypatch.setattr(retrieval.pq, "ParquetFile", Batches)
    monkeypatch.setattr(retrieval.pl, "from_arrow", watched)
    file = tmp_path / "documents.parquet"
    index = retrieval.build_index(file, tmp_path / "index", retrieval.Bm25())
    assert len(frames) == 20 and max(alive) <= 3
    assert len(index.doc_ids) == 1000
    query = pl.DataFrame({"query_id": ["q"], "text": ["word777"]})
    assert index.search(query, 5)["doc_id"].to_list() == ["777"]
