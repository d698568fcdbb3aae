"""What a study costs, on paper: passes through the ranker, operations, disk; nothing is run.

What is assumed stands in capitals; docs/vast2024.md says where it comes from. Counts of documents
and judgments are those of the ir_datasets catalogue (offline), or of the user's files.
"""

from __future__ import annotations

import gzip
from collections import Counter
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import ir_datasets

from relevance_neurons.collections.lines import count_lines
from relevance_neurons.collections.user_files import read_judgments
from study.batches import batches
from study.contents import FILES, Study, attributed, maps, maps_of
from study.job_sizes import N_BASELINES, attribution_shards, n_ablations, n_passes, n_points
from study.methods import given_methods
from study.ranker_shapes import Shape, pair_flops

# docs/engine.md: a scored pass against the floor, and an ablation against a plain pass, with our
# products (24 x 1024, 12 x 768; sets over all layers).
SCORED, ABLATED = 1.06, 1.04
AGREEMENT = 0.7  # share of the judged pairs whose label the ranker predicts; a guess
WORD_PIECES = 1.35  # tokens a word, in English text with BERT's vocabulary; medicine has more
SPECIAL_TOKENS = 3
BYTES_PER_WORD = 6.0  # with its space
# Words of a query and of a document: BEIR (Thakur et al. 2021, table 1); titles of Robust04's
# topics and DPR's passages of 100 words by their definition; LoTTE's answers are a guess.
WORDS = {
    "msmarco-passage": (6, 56),
    "beir/fiqa": (11, 132),
    "beir/trec-covid": (11, 161),
    "wapo": (11, 635),
    "nfcorpus": (3, 232),
    "bioasq": (8, 203),
    "disks45": (3, 466),
    "dpr-w100": (9, 100),
    "lotte": (9, 150),
}
OTHER_WORDS = (10, 150)
# For files, which no catalogue counts: documents, queries, relevant judgments (BEIR, table 1).
FILE_COUNTS = {"bioasq": (14_914_602, 500, 2_350)}
# Bytes of text a second that a job prepares and indexes (docs/scaling.md).
PREPARED, INDEXED = 20e6, 4.9e6
# Disk, as shares of the plain text: our table (zstd) and an index of BM25 (docs/scaling.md), and
# what ir_datasets keeps (download and store), a guess.
TABLE, INDEX, CATALOGUE = 0.5, 1.9, 1.3
# What zstd leaves of means in single precision and of sums in double (docs/scaling.md).
MEANS, SUMS = 0.93, 0.965


@dataclass(frozen=True)
class Collection:
    """The size of a collection: documents, queries, judgments by grade, tokens of a pair."""

    n_documents: int
    n_queries: int
    grades: dict[int, int]
    n_tokens: int
    text_bytes: float
    is_catalogue: bool

    def judged(self, grades: list[int]) -> int:
        """Judgments of these grades."""
        return sum(self.grades.get(grade, 0) for grade in grades)


@dataclass(frozen=True)
class Stage:
    """Work of one kind: a name, pairs that pass through the ranker, and what that computes."""

    name: str
    rate: str  # a key of GPU and CPU
    passes: float
    flops: float

    def hours(self, rates: dict[str, float]) -> float:
        """Hours on one device."""
        return self.flops / rates[self.rate] / 3600


def read_collection(name: str, keys: dict, max_length: int) -> Collection:
    """The size of a collection by the catalogue, or by what is assumed of files."""
    key = keys.get("id", name)
    words = next((WORDS[start] for start in WORDS if key.startswith(start)), OTHER_WORDS)
    if keys["source"] == "ir_datasets":
        parts = ir_datasets.load(key).metadata()
        n_documents, n_queries = (parts[part]["count"] for part in ("docs", "queries"))
        counted = parts["qrels"]["fields"]["relevance"]["counts_by_value"]
        grades = {int(grade): n for grade, n in counted.items()}
    elif keys["source"] == "files" and all(Path(keys[key]).is_file() for key in FILES):
        n_documents, n_queries = (count_lines(keys[key]) for key in ("documents", "queries"))
        words = tuple(
            _size(Path(keys[key])) / n / BYTES_PER_WORD
            for key, n in (("queries", n_queries), ("documents", n_documents))
        )
        grades = dict(Counter(grade for *_, grade in read_judgments(keys["qrels"])))
    else:
        unknown = (100_000, keys.get("max_queries", 1000), 1000)
        n_documents, n_queries, n_relevant = FILE_COUNTS.get(name, unknown)
        n_others = n_relevant
        if keys["source"] == "docstrings":  # a relevant one a query, among those of its package
            n_documents, n_relevant = 10 * n_queries, n_queries
            n_others = n_queries * keys.get("negatives", 1)
        grades = dict.fromkeys(keys["relevant"], n_relevant)
        grades |= dict.fromkeys(keys["non_relevant"], n_others)
    n_tokens = min(max_length, round(WORD_PIECES * sum(words)) + SPECIAL_TOKENS)
    text_bytes = n_documents * words[1] * BYTES_PER_WORD
    return Collection(
        n_documents, n_queries, grades, n_tokens, text_bytes, keys["source"] == "ir_datasets"
    )


def _size(path: Path) -> int:
    """Bytes of a text file; of one that is gzipped, of what is in it."""
    if path.suffix.lower() != ".gz":
        return path.stat().st_size
    with gzip.open(path) as stream:
        return sum(len(chunk) for chunk in iter(lambda: stream.read(1 << 20), b""))


def kept_pairs(study: Study, sizes: dict[str, Collection], collection: str, label: str) -> float:
    """Pairs that are attributed: as many as asked for, where as many agree with the ranker."""
    judged = sizes[collection].judged(study["collections"][collection][label])
    return min(study["attribution"]["max_pairs"], AGREEMENT * judged)


def n_rankings(study: Study) -> int:
    """Rankings of a collection, the whole ranker's among them, if no scheme is empty."""
    return sum(n_ablations(study, batch) for batch in batches(study))


def candidate_pairs(study: Study, size: Collection, relevant: list[int]) -> float:
    """Passages of a collection that are re-ranked: the relevant ones of its queries, and BM25's."""
    n_queries = min(study["ablation"]["max_queries"], size.n_queries)
    per_query = size.judged(relevant) / size.n_queries
    return n_queries * (study["ablation"]["candidates"] + per_query)


def stages(study: Study, sizes: dict[str, Collection], shape: Shape) -> list[Stage]:
    """Every stage that passes pairs through the ranker, but for those of tokens and mechanism."""
    maps = attributed(study)
    kept = {one: kept_pairs(study, sizes, *one) for one in maps}
    keys, sanity = study["attribution"], study["sanity"]

    def forward(name: str, pairs: dict[str, float], rate: str = "reranking") -> Stage:
        flops = {name: pair_flops(shape, sizes[name].n_tokens) for name in pairs}
        return Stage(name, rate, sum(pairs.values()), sum(flops[one] * pairs[one] for one in pairs))

    def along(name: str, points: dict[tuple[str, str], float]) -> Stage:
        cost = [pair_flops(shape, sizes[one[0]].n_tokens, backward=True) for one in points]
        flops = sum(SCORED * n * flop for n, flop in zip(points.values(), cost, strict=True))
        return Stage(name, "attribution", sum(points.values()), flops)

    attributions = {
        method: (
            "attribute" if len(given) == 1 else f"attribute by {method}",
            maps_of(study, method),
        )
        for given in [given_methods(study)]
        for method in given
    }

    def of_map(collection: str, label: str) -> float:
        """Pairs of a map; one of differences within queries has those of both labels."""
        each = [kept.get((collection, one), 0) for one in ("relevant", "non_relevant")]
        return kept.get((collection, label), sum(each))

    judged, activations = {}, {}
    for (collection, _), n in kept.items():
        judged[collection] = judged.get(collection, 0) + n / AGREEMENT
        activations[collection] = activations.get(collection, 0) + n
    variants = {
        one: n
        * sum(n_points(keys | variant) for variant in study["sensitivity"]["variants"].values())
        for one, n in kept.items()
        if one[0] in study["sensitivity"]["collections"]
    }
    sane = {
        one: min(sanity["pairs"], n) for one, n in kept.items() if one[0] == sanity["collection"]
    }
    convergence = {one: min(keys["convergence_pairs"], n) for one, n in kept.items()}
    cascade = shape.layers + 3  # as it is; then head, every layer and the embeddings become random
    table1 = {study["baselines"]["collection"]: study["baselines"]["pairs"] * (1 + N_BASELINES)}
    evaluated = {
        name: study["evaluation"]["depth"]
        * min(study["evaluation"]["max_queries"], sizes[name].n_queries)
        for name in study["evaluation"]["collections"]
    }
    ablated = {
        name: candidate_pairs(study, sizes[name], study["collections"][name]["relevant"])
        * (1 + ABLATED * (n_rankings(study) - 1))
        for name in study["ablation"]["collections"]
    }
    return [
        forward("score the judged pairs", judged, "attribution"),
        forward("compare baselines", table1, "attribution"),
        *(
            along(name, {one: of_map(*one) * n_passes(study, method) for one in own})
            for method, (name, own) in attributions.items()
        ),
        forward("measure activations", activations, "attribution"),
        along("check convergence", {one: n * 2 * n_points(keys) for one, n in convergence.items()}),
        along("sensitivity", variants),
        along("random weights", {one: n * cascade * n_points(keys) for one, n in sane.items()}),
        forward(
            "single neurons",
            {sanity["collection"]: sum(sane.values()) * (1 + sanity["neurons"])},
            "attribution",
        ),
        forward("evaluate the ranker", evaluated),
        forward("re-rank under ablations", ablated),
    ]


def map_bytes(study: Study, n_neurons: int) -> float:
    """A map on disk: scores and standard errors, replicates, both means of every halving."""
    keys = study["attribution"]
    means = keys["bootstrap_replicates"] + 2 * keys["split_halves"]
    return MEANS * n_neurons * (2 * 8 + 4 * means)


def shard_bytes(study: Study, n_neurons: int) -> float:
    """The sums of a shard on disk, which are there until the shards of its map are merged."""
    keys = study["attribution"]
    return SUMS * 8 * n_neurons * (2 + keys["bootstrap_replicates"] + keys["split_halves"])


def indexed(study: Study) -> list[str]:
    """The collections that are indexed."""
    searched = study["ablation"]["collections"], study["evaluation"]["collections"]
    return list(dict.fromkeys(chain(*searched)))


def disk(study: Study, sizes: dict[str, Collection], shape: Shape) -> dict[str, float]:
    """Bytes on disk, by what they are."""
    n_maps = len(maps(study))
    shards = shard_bytes(study, shape.n_neurons) * attribution_shards(study)
    ids = {name: study["collections"][name].get("id", name).split("/")[0] for name in sizes}
    sources = {ids[name]: size.text_bytes for name, size in sizes.items() if size.is_catalogue}
    ranked = sum(
        candidate_pairs(study, sizes[name], study["collections"][name]["relevant"])
        for name in study["ablation"]["collections"]
    )
    return {
        "documents.parquet of all collections": TABLE * sum(s.text_bytes for s in sizes.values()),
        "home of ir_datasets (one copy of what several share)": CATALOGUE * sum(sources.values()),
        "maps, replicates and halves": map_bytes(study, shape.n_neurons) * n_maps,
        # A double for the score; the names repeat and take about as much.
        "rerankings": 16 * ranked * n_rankings(study),
        "BM25 indexes": INDEX * sum(sizes[name].text_bytes for name in indexed(study)),
        "shards of maps (temporary), if all wait to be merged": shards * n_maps,
    }
