"""Pieces of a study whose size can be chosen, which scaling.py measures; inputs are made up."""

import math
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

# torch is imported by the work that uses it.
from relevance_neurons.running.outputs import write_parquet
from relevance_neurons.selection.schemes import Scheme, paper_schemes

sys.path.append(str(Path(__file__).parents[1]))  # for the rules' scripts, which are no package
LABELS = ("relevant", "non_relevant")
METHOD = "neuron_integrated_gradients"
LEVELS = (0.01, 0.1, 1.0)
# A layer of monobert-large; its components in order, as shares of nine.
LAYER, WIDTH = 9216, 1024
COMPONENTS = ("query", "key", "value", "attention_output", *["intermediate"] * 4, "ff_output")
FEW = 20_000  # neurons, where something else grows
REPLICATES, HALVINGS = 20, 4  # of the map whose stability is measured
RANKER = (2, 64)  # layers, width: 1,152 neurons
QUERIES, CANDIDATES = 100, 21
VOCABULARY, WORDS_EACH = 200_000, 56  # passages of MS MARCO have 56 words (BEIR, table 1)

Work = Callable[[], object]


@dataclass(frozen=True)
class Job:
    """A piece of a study whose size can be chosen.

    ``prepare`` writes its inputs into a folder (none if they are there); ``start`` loads what the
    work needs and returns the work, which can be done again; ``made``: a file or folder whose
    bytes are counted afterwards.
    """

    quantity: str
    name: str
    sizes: tuple[int, ...]
    prepare: Callable[[int, Path], None]
    start: Callable[[int, Path], Work]
    made: str = ""


# ---- Pairs: a ranker, and attribution with everything that a study asks for


def nothing(size: int, folder: Path) -> None:
    """Prepare nothing."""


def start_attribution(size: int, folder: Path) -> Work:
    """Attribute ``size`` pairs, with 200 bootstrap replicates and 20 halvings."""
    import rankers
    from relevance_neurons import attribute

    ranker, pairs = rankers.reranker(*RANKER, max_length=128), rankers.texts(size)

    def work() -> None:
        found = attribute(ranker, pairs, bootstrap_replicates=200, split_halves=20)
        found.frame(), found.replicates(), found.halves(), found.checks()

    return work


def write_shard(size: int, folder: Path) -> None:
    """Write the sums of one shard of 4,608 neurons and their checks; it stands for all shards."""
    from relevance_neurons.attribution.mean_scores import Attribution
    from relevance_neurons.attribution.running_scores import RunningScores

    neurons, random = neuron_frame(LAYER // 2), np.random.default_rng(8)
    running = RunningScores(len(neurons), replicates=200, halvings=20)
    for pair in range(64):
        running.add(pair, random.normal(size=len(neurons)))
    write_parquet(Attribution("relevant", neurons, running).sums(), folder / "sums.parquet")
    write_parquet(pl.DataFrame({"residual": np.zeros(64)}), folder / "checks.parquet")


def start_merging(size: int, folder: Path) -> Work:
    """Rule merge_attribution over ``size`` shards."""
    from workflow_scripts.attribution import merge_attribution

    shards = {name: [str(folder / f"{name}.parquet")] * size for name in ("sums", "checks")}
    names = {"scores", "bootstrap", "halves", "checks"}
    made = {name: str(folder / "merged" / f"{name}.parquet") for name in names}
    settings = {"bootstrap_replicates": 200, "split_halves": 20}
    return lambda: merge_attribution.main(shards, made, "c0", "relevant", METHOD, settings)


# ---- Neurons, schemes, collections: made-up maps, and the SQL over them


def neuron_frame(n_neurons: int) -> pl.DataFrame:
    """layer, component, neuron of as many neurons, in layers of monobert-large's shape."""
    layer, place = np.divmod(np.arange(n_neurons), LAYER)
    part = place // WIDTH
    names = np.array(COMPONENTS)[part]
    neuron = np.where(names == "intermediate", place - 4 * WIDTH, place % WIDTH)
    frame = pl.DataFrame({"layer": layer, "component": names, "neuron": neuron})
    return frame.cast({"layer": pl.Int32, "neuron": pl.Int32})


def write_maps(size: int, folder: Path, n_neurons: int = 0, n_collections: int = 0) -> None:
    """Write maps that agree in half of their variance, as maps of one ranker do.

    The number of neurons or of collections that is not given is ``size``.
    """
    n_neurons, n_collections = n_neurons or size, n_collections or size
    neurons, random = neuron_frame(n_neurons), np.random.default_rng(0)
    common = {label: random.normal(size=n_neurons) for label in LABELS}
    for number in range(n_collections):
        for label in LABELS:
            scores = pl.Series(common[label] + random.normal(size=n_neurons))
            names = {"collection": pl.lit(f"c{number}"), "label": pl.lit(label)}
            names["method"] = pl.lit(METHOD)
            frame = neurons.with_columns(score=scores, n_pairs=pl.lit(1000), **names)
            write_parquet(frame, folder / f"c{number}" / f"{label}.parquet")


def map_files(folder: Path) -> list[str]:
    """The files of both maps of every collection."""
    return sorted(map(str, folder.glob("c*/*.parquet")))


def domains(folder: Path) -> dict[str, str]:
    """The collections whose maps are there; the first is in the domain."""
    names = dict.fromkeys(Path(file).parent.name for file in map_files(folder))
    return {name: "in" if name == "c0" else "out" for name in names}


def write_resampled(size: int, folder: Path) -> None:
    """Write one map, its replicates and its halves."""
    write_maps(size, folder, n_collections=1)
    scores, random = pl.read_parquet(map_files(folder)[0]), np.random.default_rng(1)

    def lists(entries: int) -> pl.Series:
        noise = random.normal(size=(size, entries)) / 10 + scores["score"].to_numpy()[:, None]
        array = pl.Array(pl.Float32, entries)
        return pl.Series(noise.astype(np.float32), dtype=array).arr.to_list()

    names = scores.select("collection", "label", "method", "layer", "component", "neuron")
    replicates = names.with_columns(replicate_scores=lists(REPLICATES))
    write_parquet(replicates, folder / "replicates.parquet")
    halves = {"first_half": lists(HALVINGS), "second_half": lists(HALVINGS)}
    write_parquet(names.with_columns(**halves), folder / "halves.parquet")


def own_schemes(n_schemes: int, collections: Sequence[str]) -> list[Scheme]:
    """Schemes that share no work: of all components, each in an order of its own."""
    random, kinds = np.random.default_rng(2), tuple(dict.fromkeys(COMPONENTS))
    orders: dict[tuple[str, ...], None] = {}
    while len(orders) < n_schemes:  # the order is part of what tells two schemes apart
        orders[tuple(random.permutation(kinds).tolist())] = None
    return [
        Scheme(f"own{i}", LABELS, tuple(collections), components=order, own=True)
        for i, order in enumerate(orders)
    ]


def selection(folder: Path, schemes: Sequence[Scheme]) -> Work:
    """Rule select_neurons over the maps in ``folder``."""
    from workflow_scripts.selection import select_neurons

    made = [str(folder / name) for name in ("schemes.parquet", "scheme_sizes.parquet")]
    definitions = [one.as_dict() for one in schemes]
    given = map_files(folder), *made, domains(folder), definitions, LEVELS
    return lambda: select_neurons.main(*given)


def start_selecting(size: int, folder: Path) -> Work:
    """The paper's schemes."""
    names = domains(folder)
    maps = [(name, label) for name in names for label in LABELS]
    return selection(folder, paper_schemes(names, maps))


def start_selecting_own(size: int, folder: Path) -> Work:
    """``size`` schemes of one's own."""
    return selection(folder, own_schemes(size, list(domains(folder))))


def start_overlaps(size: int, folder: Path) -> Work:
    """Rule overlap_schemes over the maps in ``folder``."""
    from relevance_neurons.statistics.chance import intersection_sizes
    from workflow_scripts.selection import overlap_schemes

    made, methods = str(folder / "overlaps.parquet"), [METHOD]
    given = map_files(folder), made, domains(folder), methods, [], LEVELS

    def work() -> None:
        intersection_sizes.cache_clear()  # a job of a study starts without it
        overlap_schemes.main(*given)

    return work


def start_stability(size: int, folder: Path) -> Work:
    """Rule measure_stability on one map."""
    from workflow_scripts.stability import measure_stability

    given = {
        "neuron_scores": map_files(folder)[0],
        "bootstrap_scores": str(folder / "replicates.parquet"),
        "half_scores": str(folder / "halves.parquet"),
    }
    maps = {name: [file] for name, file in given.items()}
    made = {name: folder / f"{name}.parquet" for name in ("selection_frequencies", "split_halves")}
    return lambda: measure_stability.main(maps, made, LEVELS)


# ---- Draws: re-ranking under ablations, measures, tests


def start_reranking(size: int, folder: Path) -> Work:
    """Re-rank the passages of four queries under one scheme and ``size`` random draws."""
    import rankers
    from relevance_neurons.ablation.ablate import rerank_under_ablations
    from relevance_neurons.ablation.conditions import Settings, conditions

    ranker, pairs = rankers.reranker(*RANKER, max_length=128), rankers.texts(4 * CANDIDATES)
    neurons = ranker.neurons.frame()
    scheme = neurons.sample(12, seed=0).with_columns(scheme=pl.lit("P_c0"), top_percent=1.0)
    activations = neurons.with_columns(mean=pl.lit(0.0), root_mean_square=pl.lit(1.0))

    def work() -> None:
        settings = Settings(random_draws=size)
        todo = list(conditions(scheme, ranker.neurons, activations, settings))
        rerank_under_ablations(ranker, pairs, [one.neurons for one in todo])

    return work


def ablation_grid(n_draws: int) -> pl.DataFrame:
    """scheme, top_percent, draw of the whole ranker, a scheme and its random draws."""
    rows = [("none", 0.0, 0), ("P_c0", 1.0, 0), *(("random:P_c0", 1.0, i) for i in range(n_draws))]
    schema = {"scheme": pl.String, "top_percent": pl.Float64, "draw": pl.Int32}
    return pl.DataFrame(rows, schema=schema, orient="row")


def write_rerankings(size: int, folder: Path) -> None:
    """Write the scores of 21 passages of each of 100 queries under every ablation."""
    numbers = pl.DataFrame({"query": np.repeat(np.arange(QUERIES), CANDIDATES)}).with_row_index("i")
    ids = numbers.select(pl.format("q{}", "query").alias("query_id"), doc_id=pl.format("d{}", "i"))
    rows = ablation_grid(size).join(ids, how="cross")
    scores = np.random.default_rng(3).normal(size=len(rows)).astype(np.float32)
    write_parquet(rows.with_columns(score=pl.Series(scores)), folder / "rerankings.parquet")
    judged = ids.gather_every(CANDIDATES).with_columns(grade=pl.lit(1))
    write_parquet(judged, folder / "qrels.parquet")


def start_measures(size: int, folder: Path) -> Work:
    """What rule measure_rankings does, without its random orders, which are a constant."""
    from relevance_neurons.ablation.measures import measure_rankings

    def work() -> None:
        scores = pl.read_parquet(folder / "rerankings.parquet")
        measured = measure_rankings(scores, pl.read_parquet(folder / "qrels.parquet"))
        write_parquet(measured, folder / "measures.parquet")

    return work


def write_measures(size: int, folder: Path) -> None:
    """Write a value of every query under every ablation."""
    queries = pl.DataFrame({"query_id": [f"q{i}" for i in range(QUERIES)]})
    rows = ablation_grid(size).join(queries, how="cross")
    values = np.random.default_rng(4).uniform(size=len(rows))
    same = {"collection": pl.lit("c0"), "measure": pl.lit("nDCG@10")}
    write_parquet(rows.with_columns(value=pl.Series(values), **same), folder / "values.parquet")


def start_tests(size: int, folder: Path) -> Work:
    """Rule test_ablations on one collection, with its 10,000 bootstrap replicates."""
    from relevance_neurons.ablation.significance import ablation_effects

    sizes = pl.DataFrame({"scheme": ["P_c0"], "top_percent": [1.0], "n_neurons": [12]})
    return lambda: ablation_effects(pl.read_parquet(folder / "values.parquet"), sizes)


def write_draws(size: int, folder: Path) -> None:
    """Write the scores and the values."""
    write_rerankings(size, folder)
    write_measures(size, folder)


def start_building(size: int, folder: Path) -> Work:
    """Rule build_database, with the tables that grow with the draws."""
    from workflow_scripts.report import build_database

    files = {"rerankings": "rerankings.parquet", "measures": "values.parquet"}
    inputs = {table: [str(folder / name)] for table, name in files.items()}
    keys = {"rerankings": ["c0"]}
    return lambda: build_database.main(inputs, str(folder / "neurons.duckdb"), keys, {}, {})


# ---- Documents: made-up passages in a file, through all that reads a collection whole


def passages(n: int, mean_length: float, seed: int) -> Iterator[str]:
    """``n`` texts of varied lengths, of made-up words with Zipf's frequencies."""
    random = np.random.default_rng(5)  # the same words for every seed
    ends = np.cumsum(2 + random.poisson(3.5, VOCABULARY))
    letters = "".join(random.choice(list("etaoinshrdlcumwfgypbvkjxqz"), ends[-1]))
    words = np.array([letters[i:j] for i, j in zip([0, *ends[:-1]], ends, strict=True)], object)
    shares, random = np.cumsum(1 / (np.arange(VOCABULARY) + 2.7)), np.random.default_rng(seed)
    for start in range(0, n, 50_000):
        sizes = random.lognormal(math.log(mean_length) - 0.08, 0.4, min(50_000, n - start))
        lengths = np.maximum(2, sizes.astype(int))
        points = random.uniform(0, shares[-1], lengths.sum())
        chosen = words[np.searchsorted(shares, points)]
        for end, length in zip(np.cumsum(lengths), lengths, strict=True):
            yield " ".join(chosen[end - length : end])


def write_texts(size: int, folder: Path) -> None:
    """Write documents, queries and judgments as a user's own files."""
    if (folder / "documents.tsv").exists():
        return
    with (folder / "documents.tsv").open("w") as file:
        for i, text in enumerate(passages(size, WORDS_EACH, seed=6)):
            file.write(f"{i}\t{text}\n")
    queries = [f"q{i}\t{text}\n" for i, text in enumerate(passages(QUERIES, 6, seed=7))]
    (folder / "queries.tsv").write_text("".join(queries))
    judged = np.random.default_rng(8).choice(size, QUERIES, replace=False)
    (folder / "qrels").write_text("".join(f"q{i} 0 {doc} 1\n" for i, doc in enumerate(judged)))


def start_preparing(size: int, folder: Path) -> Work:
    """What rule prepare_collection does with a user's own files."""
    from relevance_neurons.collections.sources import open_dataset
    from relevance_neurons.collections.tables import write_collection

    files = {"documents": "documents.tsv", "queries": "queries.tsv", "qrels": "qrels"}
    settings = {key: str(folder / name) for key, name in files.items()}
    tables = [folder / f"{name}.parquet" for name in files]

    def work() -> None:
        dataset = open_dataset("files", settings, 0)
        write_collection(dataset, *tables, "made_up", [1], [])

    return work


def write_tables(size: int, folder: Path) -> None:
    """Write the three tables of the collection."""
    write_texts(size, folder)
    if not (folder / "documents.parquet").exists():
        start_preparing(size, folder)()


def start_indexing(size: int, folder: Path) -> Work:
    """Index the documents for BM25 with PISA."""
    from relevance_neurons.collections.retrieval import Bm25, build_index

    def work() -> None:
        shutil.rmtree(folder / "index", ignore_errors=True)
        build_index(folder / "documents.parquet", folder / "index", Bm25())

    return work


def start_drawing(size: int, folder: Path) -> Work:
    """What rule draw_candidates does: open the index, search 100 queries, pool."""
    from relevance_neurons.collections.candidates import draw_candidates
    from relevance_neurons.collections.retrieval import Bm25, build_index, open_index

    documents, place = folder / "documents.parquet", folder / "index"
    build_index(documents, place, Bm25())

    def work() -> None:
        tables = (pl.read_parquet(folder / f"{name}.parquet") for name in ("queries", "qrels"))
        index = open_index(documents, place, Bm25())
        draw_candidates(index, *tables, [1], CANDIDATES - 1, QUERIES)

    return work


def start_looking_up(size: int, folder: Path) -> Work:
    """The texts of 256 pairs, as every job of the ranker reads them."""
    from relevance_neurons.collections.texts import pair_texts

    documents = np.random.default_rng(9).choice(size, min(256, size), replace=False)
    ids = {"query_id": [f"q{i % QUERIES}" for i in documents], "doc_id": map(str, documents)}
    pairs = pl.DataFrame(ids)
    return lambda: pair_texts(pairs, folder / "queries.parquet", folder / "documents.parquet")


# ---- All of them

two_collections = partial(write_maps, n_collections=2)
few_neurons = partial(write_maps, n_neurons=FEW)
four_maps = partial(write_maps, n_neurons=FEW, n_collections=4)
NEURONS = (20_000, 100_000, 500_000, 2_000_000)
COLLECTIONS = (3, 6, 12, 30)
DRAWS = (64, 256, 1024, 4096)
TEXTS = (10_000, 100_000, 1_000_000)
JOBS = (
    Job("pairs", "attribute", (60, 240, 960, 3840), nothing, start_attribution),
    Job("shards", "merge_attribution", (2, 8, 32, 128), write_shard, start_merging),
    Job("neurons", "select_neurons", NEURONS, two_collections, start_selecting),
    Job("neurons", "overlap_schemes", NEURONS, two_collections, start_overlaps),
    Job("neurons", "measure_stability", NEURONS, write_resampled, start_stability),
    Job("schemes", "select_neurons", (4, 12, 36, 108), four_maps, start_selecting_own),
    Job("collections", "select_neurons", COLLECTIONS, few_neurons, start_selecting),
    Job("collections", "overlap_schemes", COLLECTIONS, few_neurons, start_overlaps),
    Job("draws", "rerank_candidates", (16, 64, 256, 1024), nothing, start_reranking),
    Job("draws", "measure_rankings", DRAWS, write_rerankings, start_measures),
    Job("draws", "test_ablations", DRAWS, write_measures, start_tests),
    Job("draws", "build_database", DRAWS, write_draws, start_building, "neurons.duckdb"),
    Job(
        "documents", "prepare_collection", TEXTS, write_texts, start_preparing, "documents.parquet"
    ),
    Job("documents", "build_index", TEXTS, write_tables, start_indexing, "index"),
    Job("documents", "draw_candidates", TEXTS, write_tables, start_drawing),
    Job("documents", "pair_texts", TEXTS, write_tables, start_looking_up),
)
