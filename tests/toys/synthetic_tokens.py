"""Made-up results of attribution to tokens, in the contract's tables, for tests of what reads them.

Two collections of twelve queries with one to three pairs each, three layers, five methods of which
one is layered. Effects are put in: the first method finds the words that decide, [CLS] gathers them
in the last layer, important words stand early and match more often in passages at the top.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from workflow_scripts.tokens import summarise_degradation, summarise_tokens

COLLECTIONS = ["alpha", "beta"]
METHODS = ["information_bottleneck", "integrated_gradients", "lime", "leave_one_out", "random"]
LAYERS, LAYER, IMPORTANT, DEPTH = [0, 1, 2], 1, 6, 8
REMOVALS, ORDERS, STEPS = ["deletion", "mask"], ["most", "least"], 9
KEPT = [100.0, 95.0, 90.0, 75.0, 50.0, 25.0]
SENTENCES = ["original", "swapped", "shuffled", "reversed"]
MEASURES = ["P@1", "RR", "RR@10", "R@3", "R@50", "R@1000", "p_relevant"]
WORDS = "wing lift drag flow heat tail engine fuel air wave noise crack".split()
_FILLERS = "the of a in and is to with that by".split()
_STRENGTH = dict(zip(METHODS, (6.0, 2.5, 0.9, 3.5, 1.2), strict=True))
"""How fast removing a method's first tokens lets p fall."""

SETTINGS = {"collections": COLLECTIONS, "methods": {one: one for one in METHODS}, "seed": 0}
SETTINGS |= {"layer": LAYER, "important": IMPORTANT, "significance": 0.05}
"""As the scripts have them."""
SUMMARIES = ["degradation_curves", "degradation_areas", "special_tokens", "token_positions"]
SUMMARIES += ["token_overlaps", "token_overlap_correlations", *summarise_tokens.PAIRED]
SUMMARIES += ["token_findings"]

TABLES = ["token_scores", "token_checks", "token_degradation", "ranked_token_scores"]
TABLES += ["token_rankings", "token_pairs", "token_statistics", "token_truncation"]
TABLES += ["truncated_rankings", "sentence_order", "matched_positions", "top_passages"]
"""Those that are not made from others."""

Pair = tuple[str, str, list[str], list[str]]


def pairs(collection: str) -> list[Pair]:
    """(query_id, doc_id, query's pieces, passage's pieces) of setting 1."""
    rng = np.random.default_rng(len(collection))
    found = []
    for number in range(12):
        query = [*rng.choice(WORDS, 3, replace=False), "##s"]
        for place in range(1 + number % 3):
            found.append((f"q{number}", f"d{number}_{place}", query, _passage(rng, query, 2)))
    return found


def ranked(collection: str) -> list[tuple[Pair, int]]:
    """The first ``DEPTH`` passages of each query with their ranks; the last query has one fewer."""
    rng = np.random.default_rng(10 + len(collection))
    found = []
    for number in range(12):
        query = [*rng.choice(WORDS, 3, replace=False), "##s"]
        for rank in range(1, DEPTH + (number < 11)):
            n_matches = 3 if rank < 3 else 2 if rank < 5 else 1 if rank < 8 else 0
            passage = _passage(rng, query, n_matches)
            found.append(((f"q{number}", f"r{number}_{rank}", query, passage), rank))
    return found


def _passage(rng: np.random.Generator, query: list[str], n_matches: int) -> list[str]:
    others = [word for word in WORDS if word not in query]
    start = [*query[:n_matches], *rng.choice(others, 2, replace=False)]
    rng.shuffle(start)
    return [*start, *rng.choice(_FILLERS, int(rng.integers(4, 12)))]


def _tokens(pair: Pair, layer: int | None, strength: float, rng: np.random.Generator) -> dict:
    """Columns of a pair's tokens: matched and early words score high, [CLS] in the last layer."""
    query, passage = pair[2:]
    tokens = ["[CLS]", *query, "[SEP]", *passage, "[SEP]"]
    parts = ["cls", *["query"] * len(query), "sep1", *["passage"] * len(passage), "sep2"]
    score = rng.uniform(0, 1, len(tokens))
    for place, (token, part) in enumerate(zip(tokens, parts, strict=True)):
        if part in ("query", "passage"):
            other = passage if part == "query" else query
            score[place] += strength * ((token in other) + (token not in _FILLERS)) / 4
            score[place] += strength * 0.02 * (len(tokens) - place)
        if part == "cls":
            score[place] += {None: 0.5, 0: 1.0, 1: 0.2, 2: strength}[layer]
    numbers, words, number = [], [], -1
    for token, part in zip(tokens, parts, strict=True):
        special = part not in ("query", "passage")
        number += not special and not token.startswith("##")
        numbers.append(None if special else number)
        words.append(token)
    for place, token in enumerate(tokens):
        if token.startswith("##"):  # a piece of the word before it
            words[place - 1] = words[place] = words[place - 1] + token[2:]
    scaled = (score - score.min()) / (score.max() - score.min())
    return {
        **{"position": list(range(len(tokens))), "token": tokens, "word": words},
        **{"word_number": numbers, "part": parts, "score": score, "scaled": scaled},
        "weight": scaled / scaled.sum(),
    }


_TYPES = {"layer": pl.Int32, "position": pl.Int32, "word_number": pl.Int32, "n_removed": pl.Int32}
_TYPES |= {"step": pl.Int32, "rank": pl.Int32, "bm25_rank": pl.Int32, "pair": pl.Int32}


def _frame(keys: dict, columns: dict) -> pl.DataFrame:
    frame = pl.DataFrame(columns).with_columns(**{name: pl.lit(one) for name, one in keys.items()})
    types = {name: kind for name, kind in _TYPES.items() if name in frame.columns}
    return frame.select(*keys, pl.exclude(keys)).cast(types)


def _keys(collection: str, method: str, layer: int | None, pair: Pair) -> dict:
    keys = {"collection": collection, "method": method, "layer": layer}
    return keys | {"query_id": pair[0], "doc_id": pair[1], "label": "relevant"}


def _layers(method: str) -> list[int | None]:
    return list(LAYERS) if method == METHODS[0] else [None]


def token_scores(collection: str, method: str, layer: int | None) -> pl.DataFrame:
    """Scores of the pairs of setting 1."""
    rng = np.random.default_rng([METHODS.index(method), 0 if layer is None else layer])
    strength = _STRENGTH[method] / 2
    return pl.concat(
        _frame(_keys(collection, method, layer, pair), _tokens(pair, layer, strength, rng))
        for pair in pairs(collection)
    )


def ranked_token_scores(collection: str) -> pl.DataFrame:
    """Scores of the first passages, by the first method at its layer."""
    rng = np.random.default_rng(5)
    return pl.concat(
        _frame(_keys(collection, METHODS[0], LAYER, pair), _tokens(pair, LAYER, 3.0, rng))
        for pair, _ in ranked(collection)
    )


def token_checks(collection: str, method: str) -> pl.DataFrame:
    """What a pair cost, and the loss before and after."""
    rng = np.random.default_rng(6)
    return pl.concat(
        _frame(
            _keys(collection, method, layer, pair),
            {"n_tokens": [len(pair[2]) + len(pair[3]) + 3], "is_cut": [False]}
            | {"p_label": rng.uniform(0.6, 1, 1), "before": rng.uniform(1, 2, 1)}
            | {"after": rng.uniform(0, 1, 1), "cost_forwards": rng.uniform(10, 300, 1)},
        )
        for layer in _layers(method)
        for pair in pairs(collection)
    )


def token_degradation(collection: str, method: str) -> pl.DataFrame:
    """p falls from the pair's own to its floor, as fast as the method finds what decides."""
    frames = []
    for layer in _layers(method):
        rng = np.random.default_rng([METHODS.index(method), 3])
        for number, pair in enumerate(pairs(collection)):
            for removal, order in ((one, other) for one in REMOVALS for other in ORDERS):
                original = 0.7 + 0.02 * (number % 12)
                floor = 0.03 + (removal == "mask") * 0.02 + 0.001 * METHODS.index(method)
                rate = _STRENGTH[method] * {0: 0.6, 2: 0.3}.get(layer, 1)
                rate = (rate if order == "most" else 1 / rate) + rng.uniform(0, 1)
                share = np.arange(STEPS + 1) / STEPS
                left = (np.exp(-rate * share) - np.exp(-rate)) / (1 - np.exp(-rate))
                n_tokens = len(pair[2]) + len(pair[3])
                columns = {"step": np.arange(STEPS + 1), "share": share}
                columns |= {"n_removed": np.minimum(np.round(share * (n_tokens + 3)), n_tokens)}
                columns |= {"p_label": floor + (original - floor) * left}
                keys = _keys(collection, method, layer, pair)
                frames.append(_frame(keys | {"removal": removal, "order": order}, columns))
    return pl.concat(frames)


def token_pairs(collection: str) -> pl.DataFrame:
    """The pairs of setting 1; without the column collection, as its files have it."""
    found = pairs(collection)
    columns = {"query_id": [one[0] for one in found], "doc_id": [one[1] for one in found]}
    columns |= {"label": "relevant", "p_relevant": 0.9, "is_scored": True}
    return _frame({}, columns | {"is_of_statistics": np.arange(len(found)) < 9})


def token_statistics(collection: str) -> pl.DataFrame:
    """Mean and spread of four features of every layer."""
    rng = np.random.default_rng(7)
    frames = []
    for layer in LAYERS:
        columns = {"feature": np.arange(4, dtype=np.int32), "mean": rng.normal(size=4)}
        columns |= {"standard_deviation": rng.uniform(0.5, 2, 4), "is_floored": [False] * 4}
        columns |= {"n_tokens": 400, "n_pairs": 9, "loss": 0.2, "information": 1.5, "beta": 1.3}
        frames.append(_frame({"collection": collection, "layer": layer}, columns))
    return pl.concat(frames)


def token_rankings(collection: str) -> pl.DataFrame:
    """The ranked passages; without the column collection, as its files have it."""
    found = ranked(collection)
    ranks = np.array([rank for _, rank in found])
    columns = {"query_id": [pair[0] for pair, _ in found], "doc_id": [one[1] for one, _ in found]}
    columns |= {"bm25_rank": (ranks * 3) % DEPTH + 1, "bm25_score": 20.0 - ranks}
    columns |= {"score": -0.1 * ranks, "rank": ranks, "grade": (ranks < 3).astype(np.int32)}
    return _frame({}, columns | {"is_relevant": ranks < 3, "gain": (ranks < 3).astype(np.int32)})


def per_query(collection: str) -> dict[str, pl.DataFrame]:
    """The tables whose rows are queries."""
    rng = np.random.default_rng(20 + len(collection))
    queries = [f"q{number}" for number in range(12)]
    frames: dict[str, list[dict]] = {}

    def add(table: str, **row: object) -> None:
        frames.setdefault(table, []).append({"collection": collection, **row})

    for number, query in enumerate(queries):
        base = rng.uniform(0.3, 0.9)
        for fields, most in (("both", 5), ("passage", 9)):
            removed = int(rng.integers(1, most))
            row = {"query_id": query, "doc_id": f"d{number}_0", "fields": fields, "n_tokens": 20}
            row |= {"n_removed": removed, "removed_percent": 5.0 * removed}
            add("token_truncation", **row, falls=removed < 8)
            for kept in KEPT:
                value = base * (kept / 100) ** (1.5 if fields == "both" else 0.5)
                row = {"fields": fields, "kept_percent": kept, "query_id": query}
                add("truncated_rankings", **row, measure="RR", value=value)
        for loss, order in enumerate(SENTENCES):
            for measure in MEASURES:
                value = base if measure == "R@1000" else base - 0.04 * loss * rng.uniform(0, 2)
                add("sentence_order", order=order, query_id=query, measure=measure, value=value)
        lower = rng.uniform(0.02, 0.2)
        higher = lower + rng.uniform(-0.02, 0.15)
        row = {"higher_max": higher + 0.05, "higher_mean": higher}
        row |= {"lower_max": lower, "lower_mean": lower, "n_higher": 1 + number % 4}
        add("matched_positions", query_id=query, **row)
        first = rng.uniform(0.02, 0.1)
        row = {"jaccard_ranker": first, "jaccard_bm25": first + rng.uniform(-0.01, 0.03)}
        row |= {"mrr_ranker": first + 0.05, "mrr_bm25": first + rng.uniform(0, 0.06)}
        add("top_passages", query_id=query, **row)
    return {name: pl.DataFrame(rows) for name, rows in frames.items()}


def tables() -> Iterator[tuple[str, str, pl.DataFrame]]:
    """(table, its file under the folder of results, rows) of all files of all collections."""
    for collection in COLLECTIONS:
        for method in METHODS:
            for layer in _layers(method):
                place = f"{collection}/{method}/{'input' if layer is None else layer}"
                yield "token_scores", place, token_scores(collection, method, layer)
            for make in (token_checks, token_degradation):
                yield make.__name__, f"{collection}/{method}", make(collection, method)
        yield "ranked_token_scores", collection, ranked_token_scores(collection)
        for make in (token_rankings, token_pairs, token_statistics):
            yield make.__name__, collection, make(collection)
        for name, frame in per_query(collection).items():
            yield name, collection, frame


def write_tokens(folder: Path) -> dict[str, list[str]]:
    """Write every file under ``folder``; return table -> its files, collection by collection.

    Of token_scores these are the folders of collections and methods, with a file a layer.
    """
    files: dict[str, list[str]] = {}
    for table, place, frame in tables():
        file = folder / table / f"{place}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(file)
        place = file.parent if table == "token_scores" else file
        if str(place) not in files.setdefault(table, []):
            files[table].append(str(place))
    return files


def write_summaries(given: dict[str, list[str]], folder: Path) -> dict[str, str]:
    """Write what the scripts make of the files ``given``; return table -> its file."""
    made = {name: str(folder / f"{name}.parquet") for name in SUMMARIES}
    given = {"token_statistics": [], **given}
    summarise_degradation.main(given, made, SETTINGS)
    of_tokens = {name: file for name, file in made.items() if not name.startswith("degradation")}
    areas = {"degradation_areas": made["degradation_areas"]}
    summarise_tokens.main(given | areas, of_tokens, SETTINGS)
    return made


@cache
def summaries() -> dict[str, pl.DataFrame]:
    """The tables of ``SUMMARIES``."""
    with TemporaryDirectory() as folder:
        made = write_summaries(write_tokens(Path(folder)), Path(folder))
        return {name: pl.read_parquet(file) for name, file in made.items()}
