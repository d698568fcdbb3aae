"""How long the jobs of a study take on some GPUs at once: arithmetic, and a simulated queue.

Run: python benchmarks/job_queue.py studies/vast2024.yaml. Nothing of the study is run or read. The
jobs are those that Snakemake lists, of the sizes that estimate_cost.py takes them to have; what is
assumed stands in capitals below. Training a ranker first (reranker.finetune) is not counted.
docs/scaling.md reads the tables.
"""

import argparse
import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import estimate_cost as cost
from study import costs
from study.batches import Batch, batches, selections
from study.contents import Study, attributed, used_collections
from study.job_sizes import N_BASELINES, ablation_shards, attribution_shards, n_ablations, n_points
from study.ranker_shapes import pair_flops, ranker_shape

START = 30.0  # seconds until a job works: the queue, imports, the ranker; an assumption
CPUS = 16  # jobs without a GPU at once; an assumption
# Measured (docs/scaling.md): bytes of text a second of a lookup of texts; rows a second of
# measure_rankings; at 221,184 neurons seconds of a selection, of measure_stability for a map, and
# (a bound) of any other job that reads maps or tables.
LOOKED_UP, MEASURED = 1.0e9, 700e3
SELECTED, STABLE, LIGHT = 36.0, 15.0, 15.0
CHUNK = 256  # pairs that score_pairs looks up at once
DEVICES = (1, 4, 16, 64)


@dataclass(frozen=True)
class Task:
    """A job: its name, its rule first, the seconds that it works, and the jobs before it."""

    name: str
    seconds: float
    needs: tuple[str, ...] = ()
    on_gpu: bool = False

    @property
    def whole(self) -> float:
        """Its seconds with its start."""
        return START + self.seconds


class StudyTasks:
    """The jobs of a study."""

    def __init__(self, study: Study) -> None:
        self.study, self.shape = study, ranker_shape(study)
        self.maps, self.points = attributed(study), n_points(study["attribution"])
        self.merged = tuple(f"merge_attribution {one} {label}" for one, label in self.maps)
        self.sizes = {
            name: cost.read_collection(
                name, study["collections"][name], study["reranker"]["max_length"]
            )
            for name in used_collections(study)
        }

    def all(self) -> list[Task]:
        """Every job, behind all that it needs."""
        tasks = [
            *(*self.collections(), *self.attributions(), *self.variants(), *self.selections()),
            *(*self.rerankings(), *self.evaluations(), *self.checks()),
        ]
        needed = {name for task in tasks for name in task.needs}
        ends = tuple(task.name for task in tasks if task.name not in needed)
        report = (
            *("compare_methods", "write_tables", "draw_figures"),
            *("build_database", "build_explorer"),
        )
        return [*tasks, *(Task(name, LIGHT, ends) for name in report)]

    def with_ranker(
        self,
        name: str,
        collection: str,
        passes: float,
        needs: Sequence[str],
        rate: str = "attribution",
        backward: bool = False,
        lookups: float = 1,
    ) -> Task:
        """A job that passes pairs of a collection through the ranker, and looks their texts up."""
        size = self.sizes[collection]
        flops = passes * pair_flops(self.shape, size.n_tokens, backward)
        seconds = flops * (costs.SCORED if backward else 1) / cost.GPU[rate]
        seconds += lookups * size.text_bytes / LOOKED_UP
        return Task(name, seconds, tuple(needs), True)

    def collections(self) -> Iterator[Task]:
        """Collections, what BM25 finds in them, judged pairs."""
        for name, size in self.sizes.items():
            yield Task(f"prepare_collection {name}", size.text_bytes / cost.PREPARED)
        searched = {
            "draw_candidates": self.study["ablation"]["collections"],
            "search_collection": self.study["evaluation"]["collections"],
        }
        for name in dict.fromkeys(chain(*searched.values())):
            seconds = self.sizes[name].text_bytes / cost.INDEXED
            yield Task(f"index_collection {name}", seconds, (f"prepare_collection {name}",))
        for rule, names in searched.items():
            for name in names:
                yield Task(f"{rule} {name}", LIGHT, (f"index_collection {name}",))
        for name in self.study["attribution"]["collections"]:
            kept = sum(self.kept(*one) for one in self.maps if one[0] == name)
            n, needs = kept / costs.AGREEMENT, [f"prepare_collection {name}"]
            lookups = n / CHUNK + 1
            yield self.with_ranker(f"score_pairs {name}", name, n + kept, needs, lookups=lookups)

    def kept(self, collection: str, label: str) -> float:
        """Pairs of a map."""
        return cost.kept_pairs(self.study, self.sizes, collection, label)

    def map(self, suffix: str, of: tuple[str, str], points: float) -> Iterator[Task]:
        """The shards of a map, and their merging; ``suffix``: of the rules, and a variant."""
        collection, label = of
        n_shards = attribution_shards(self.study)
        n, needs = self.kept(*of) * points / n_shards, [f"score_pairs {collection}"]
        names = [f"attribute_{suffix} {collection} {label} {shard}" for shard in range(n_shards)]
        for name in names:
            yield self.with_ranker(name, collection, n, needs, backward=True)
        merging = suffix.replace("neurons", "attribution")
        yield Task(f"merge_{merging} {collection} {label}", LIGHT, tuple(names))

    def attributions(self) -> Iterator[Task]:
        """Every map, and their convergence; activations."""
        for collection, label in self.maps:
            yield from self.map("neurons", (collection, label), self.points)
        names = self.study["attribution"]["collections"]
        n = 2 * self.points * self.study["attribution"]["convergence_pairs"]
        for name in names if n else ():
            labels, needs = sum(one[0] == name for one in self.maps), [f"score_pairs {name}"]
            task = f"double_points {name}"
            yield self.with_ranker(task, name, labels * n, needs, backward=True)
        if n:
            yield Task("check_convergence", LIGHT, tuple(f"double_points {one}" for one in names))
        yield Task("pool_activations", LIGHT, tuple(f"score_pairs {one}" for one in names))

    def variants(self) -> Iterator[Task]:
        """Maps under other settings."""
        keys = self.study["sensitivity"]
        varied = [one for one in self.maps if one[0] in keys["collections"]]
        merged = [f"merge_attribution {collection} {label}" for collection, label in varied]
        for variant, changed in keys["variants"].items():
            points = n_points(self.study["attribution"] | changed)
            for collection, label in varied:
                yield from self.map(f"variant {variant}", (collection, label), points)
                merged.append(f"merge_variant {variant} {collection} {label}")
        if keys["variants"]:
            yield Task("compare_variants", LIGHT, tuple(merged))

    def selections(self) -> Iterator[Task]:
        """What is selected, and what is said of it without the ranker."""
        named = dict.fromkeys(
            [
                *selections(self.study),
                *((group, one.level) for one in batches(self.study) for group in one.groups),
            ]
        )
        names = [f"select_neurons {group} {level}" for group, level in named]
        for name in names:
            yield Task(name, SELECTED, self.merged)
        yield Task("gather_schemes", LIGHT, tuple(names))
        yield Task("overlap_schemes", LIGHT, self.merged)
        yield Task("measure_stability", STABLE * len(self.merged), self.merged)
        if "matched" in self.study["ablation"]["further"]:
            yield Task("check_matches", LIGHT, ("gather_schemes", "pool_activations"))

    def rerankings(self) -> Iterator[Task]:
        """Re-ranking under every batch of ablations, measures and tests."""
        keys = self.study["ablation"]
        n_rankings = cost.n_rankings(self.study) + keys["shuffles"]
        for name in keys["collections"]:
            relevant = self.study["collections"][name]["relevant"]
            passages = cost.candidate_pairs(self.study, self.sizes[name], relevant)
            shards = [
                one
                for batch in batches(self.study)
                for one in self.batch_shards(name, passages, batch)
            ]
            yield from shards
            seconds, needs = passages * n_rankings / MEASURED, tuple(one.name for one in shards)
            yield Task(f"measure_rankings {name}", seconds, needs)
        measured = [f"measure_rankings {name}" for name in keys["collections"]]
        tested = ("gather_schemes", *measured)
        yield Task("test_ablations", LIGHT, tested)
        if len(keys["collections"]) > 1:
            yield Task("pool_effects", LIGHT, tested)
        if "curves" in keys:
            yield Task("measure_curves", LIGHT, tested)
        yield Task("measure_levels", LIGHT, tested)

    def batch_shards(self, collection: str, passages: float, batch: Batch) -> Iterator[Task]:
        """The shards of a batch of ablations."""
        n_shards = ablation_shards(self.study, batch)
        n = passages * n_ablations(self.study, batch) * costs.ABLATED / n_shards
        needs = [f"draw_candidates {collection}"]
        if batch.group:
            needs += ["pool_activations", f"select_neurons {batch.group} {batch.level}"]
        for shard in range(n_shards):
            name = f"rerank_candidates {collection} {batch.name} {batch.level} {shard}"
            yield self.with_ranker(name, collection, n, needs, "reranking")

    def evaluations(self) -> Iterator[Task]:
        """How well the whole ranker ranks."""
        keys = self.study["evaluation"]
        names = [f"evaluate_reranker {one}" for one in keys["collections"]]
        for name, collection in zip(names, keys["collections"], strict=True):
            n = keys["depth"] * min(keys["max_queries"], self.sizes[collection].n_queries)
            needs = [f"search_collection {collection}"]
            yield self.with_ranker(name, collection, n, needs, "reranking")
        yield Task("summarise_evaluations", LIGHT, tuple(names))

    def checks(self) -> Iterator[Task]:
        """What is asked of the ranker beside its maps."""
        table1, sane = self.study["baselines"], self.study["sanity"]
        n, name = table1["pairs"] * (1 + N_BASELINES), table1["collection"]
        yield self.with_ranker("compare_baselines", name, n, [f"prepare_collection {name}"])
        name = sane["collection"]
        needs = [f"score_pairs {name}"]
        labels = [label for collection, label in self.maps if collection == name]
        pairs = len(labels) * sane["pairs"]
        n = pairs * self.points * (self.shape.layers + 3)
        yield self.with_ranker("randomise_layers", name, n, needs, backward=True)
        n, needs = pairs * (1 + sane["neurons"]), [*needs, "pool_activations"]
        yield self.with_ranker("ablate_single_neurons", name, n, needs)
        needs = [f"merge_attribution {name} {labels[0]}"]
        yield self.with_ranker("trace_path", name, self.points, needs, backward=True)


def chains(tasks: Sequence[Task]) -> dict[str, tuple[float, str]]:
    """Of each job: seconds of the longest chain from its start on, and the next job on it or "".

    ``tasks``: each behind all that it needs.
    """
    found = {task.name: (0.0, "") for task in tasks}
    for task in reversed(tasks):
        behind, following = found[task.name]
        found[task.name] = task.whole + behind, following
        for name in task.needs:
            found[name] = max(found[name], (task.whole + behind, task.name))
    return found


def critical_path(tasks: Sequence[Task]) -> list[Task]:
    """The longest chain of jobs, which no number of machines shortens."""
    by_name, found = {task.name: task for task in tasks}, chains(tasks)
    name, path = max(found, key=found.get), []
    while name:
        path.append(by_name[name])
        name = found[name][1]
    return path


def makespan(tasks: Sequence[Task], devices: int, cpus: int = CPUS) -> float:
    """Seconds of all jobs, ``devices`` with a GPU and ``cpus`` without at once.

    Whenever there is room, the job that is ready and has the longest chain behind it starts.
    """
    found, free, clock = chains(tasks), {True: devices, False: cpus}, 0.0
    missing = {task.name: set(task.needs) for task in tasks}
    waiting = sorted(tasks, key=lambda task: -found[task.name][0])
    running: list[tuple[float, str, bool]] = []
    while waiting or running:
        for task in list(waiting):
            if free[task.on_gpu] and not missing[task.name]:
                free[task.on_gpu] -= 1
                waiting.remove(task)
                heapq.heappush(running, (clock + task.whole, task.name, task.on_gpu))
        clock, done, on_gpu = heapq.heappop(running)
        free[on_gpu] += 1
        for needs in missing.values():
            needs.discard(done)
    return clock


def print_queue(study: Study) -> None:
    """Print how long a study takes with many shards and with one, and its longest chain."""
    print("| shards | jobs (with a GPU) | GPUs at once | hours | GPU hours: work | starts |")
    print("|---|---|---|---|---|---|")
    for shards in (1, "auto"):
        study["attribution"]["shards"] = study["ablation"]["shards"] = shards
        tasks = StudyTasks(study).all()
        on_gpu = [task.seconds for task in tasks if task.on_gpu]
        hours = f"{sum(on_gpu) / 3600:.2f} | {START * len(on_gpu) / 3600:.2f}"
        for devices in DEVICES:
            jobs = f"{shards} | {len(tasks)} ({len(on_gpu)}) | {devices}"
            print(f"| {jobs} | {makespan(tasks, devices) / 3600:.2f} | {hours} |")
    print("\n| job on the longest chain (shards: auto) | minutes, with its start |\n|---|---|")
    path = critical_path(tasks)
    for task in path:
        print(f"| {task.name} | {task.whole / 60:.1f} |")
    print(f"| **all** | **{sum(task.whole for task in path) / 60:.1f}** |")


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("study", help="a study file")
    print_queue(cost.load_study(parser.parse_args().study))


if __name__ == "__main__":
    main()
