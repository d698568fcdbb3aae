"""Made-up results of the stage mechanism, for tests of what reads them: tables as its rules write.

Two collections, a ranker of 6 layers × 4 heads. Put in are three matching heads and two relevance
heads, one of them both; IDF along component 3; a regression that comes between BM25 and the ranker.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

COLLECTIONS = ["alpha", "beta"]
N_LAYERS, N_HEADS, SIZE = 6, 4, 8
MATCHING = {(1, 2): 0.42, (2, 1): 0.31, (4, 0): 0.55}
"""Head -> the share of the effect that its output carries; so below."""
RELEVANCE = {(4, 0): 0.18, (5, 1): 0.61}
LEVELS = {"TFC1": (1,), "STMC1": (1,), "TFC2": (0, 1, 2, 3, 4, 5), "LNC2": (0, 1, 2, 3, 4)}
"""Perturbation -> the levels of each of its pairs; the last is patched."""
STRENGTH = {"TFC1": 1.0, "STMC1": 0.55, "TFC2": 0.9, "LNC2": -0.4}
CLASSES = ["cls", "query_term", "query_other", "sep1", "injected", "passage_term"]
CLASSES += ["passage_query", "passage_other", "sep2"]
BLOCK_SITES = ("residual", "attention_output", "ff_output")
DOSES = (-4.0, -2.0, -1.0, 1.0, 2.0, 4.0)
N_PAIRS, N_QUERIES = 20, 24
SCHEMES = ("P_alpha", "N_alpha", "F_all")
COMPONENTS = ("value", "attention_output", "query", "key")
_INTEGERS = "level pair layer head place draw sender_layer sender_head receiver_layer receiver_head"
_INTEGERS += " component neuron n_tokens"


def _frame(rows: list[dict]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, infer_schema_length=None)
    whole = [name for name in _INTEGERS.split() if name in frame.columns]
    return frame.cast({name: pl.Int32 for name in whole if frame.schema[name] != pl.String})


def _interval(value: float, half: float, name: str = "ci") -> dict[str, float]:
    return {f"{name}_low": value - half, f"{name}_high": value + half}


def _heads() -> list[tuple[int, int]]:
    return [(layer, head) for layer in range(N_LAYERS) for head in range(N_HEADS)]


def diagnostic_pairs() -> pl.DataFrame:
    """Three pairs of each perturbation and collection, at all their levels."""
    rows = []
    for collection in COLLECTIONS:
        for pair in range(3 * len(LEVELS)):
            perturbation = list(LEVELS)[pair // 3]
            for level in LEVELS[perturbation]:
                row = {"collection": collection, "pair": pair, "perturbation": perturbation}
                row |= {"level": level, "is_patched": level == LEVELS[perturbation][-1]}
                row |= {"query_id": f"q{pair % 5}", "doc_id": f"d{pair}", "query": "wing lift"}
                rows.append(row | _passages(perturbation, level))
    return _frame(rows)


def _passages(perturbation: str, level: int) -> dict[str, object]:
    before, after = ["the", "wing", "a"], ["the", "wing", "wing"]
    injected, source, what = "wing", None, "injected"
    if perturbation == "STMC1":
        injected, source = "aileron", "embeddings + co-occurrences"
        after = ["the", "wing", "aileron"]
    elif perturbation == "TFC2":
        before, what, injected = ["it", "it", "flies"], "passage_term", None
        after = [*["wing"] * min(level, 2), *before[min(level, 2) :]]
    elif perturbation == "LNC2":
        injected, what = None, "passage_other"
        after = ["the", "wing", "cooks" if level else "a"]
    classes = ["passage_other", "passage_term", what]
    start, end = ["[CLS]", "wing", "lift", "[SEP]"], ["[SEP]"]
    return {
        **{"term": "wing", "injected": injected, "source": source},
        **{"passage_before": " ".join(before), "passage_after": " ".join(after)},
        **{"tokens_before": [*start, *before, *end], "tokens_after": [*start, *after, *end]},
        "token_classes": ["cls", "query_term", "query_other", "sep1", *classes, "sep2"],
        "n_tokens": SIZE,
    }


def diagnostic_scores() -> pl.DataFrame:
    """Logits of those pairs: what a level adds is in proportion to it."""
    rng, rows = np.random.default_rng(1), []
    for row in diagnostic_pairs().iter_rows(named=True):
        share = row["level"] / max(LEVELS[row["perturbation"]])
        before = rng.normal()
        change = STRENGTH[row["perturbation"]] * share * rng.uniform(0.8, 1.2)
        names = ("collection", "pair", "perturbation", "level", "query_id", "doc_id")
        logits = {"logit_before": before, "logit_after": before + change}
        competitors = {"competitor_logits": sorted(rng.normal(size=5).tolist())}
        rows.append({name: row[name] for name in names} | logits | competitors)
    return _frame(rows)


def patches() -> pl.DataFrame:
    """The effect of every block and head; that of a found one on its own class of tokens."""
    rng, rows = np.random.default_rng(2), []
    for collection in COLLECTIONS:
        for perturbation, strength in STRENGTH.items():
            for place, mean in _places():
                effect = mean + rng.normal(0, 0.004)
                n_small = 4 if perturbation == "LNC2" else 1
                rows.append(
                    {"collection": collection, "perturbation": perturbation, **place}
                    | {"n_pairs": N_PAIRS - n_small, "n_small": n_small, "effect": effect}
                    | _interval(effect, 0.03)
                    | {"p_value": _p(effect), "p_value_holm": min(1.0, 24 * _p(effect))}
                    | {"logit_change": strength * effect, "estimated_effect": effect * 0.9}
                    | {"flipped_percent": min(100.0, 60 * abs(effect)), "n_compared": N_PAIRS - 2}
                )
    return _frame(rows)


def _p(effect: float) -> float:
    return float(np.exp(-150 * abs(effect)))


def _places() -> Iterator[tuple[dict, float]]:
    """(grid, site, layer, head, token_class), and the effect of a patch there."""
    for site in BLOCK_SITES:
        for layer in range(N_LAYERS):
            for number, token_class in enumerate(CLASSES):
                # The effect moves from the term, where it is put in, to [CLS].
                share = layer / (N_LAYERS - 1)
                mean = {"injected": 1 - share, "cls": share, "query_term": 0.3 * share}
                scale = 1 if site == "residual" else 0.4
                keys = {"grid": "block", "site": site, "layer": layer, "head": None}
                effect = scale * mean.get(token_class, 0.01 * (number % 2))
                yield keys | {"token_class": token_class}, effect
    for layer, head in _heads():
        strength = {**RELEVANCE, **MATCHING}.get((layer, head), 0.0)
        own = "query_term" if (layer, head) in MATCHING else "cls"
        for site in ("output", "pattern"):
            keys = {"site": site, "layer": layer, "head": head}
            effect = strength if site == "output" else 0.5 * strength
            yield {"grid": "head", **keys, "token_class": "all"}, effect
            for token_class in CLASSES:
                of_class = effect * 0.9 if token_class == own else 0.0
                yield {"grid": "head_class", **keys, "token_class": token_class}, of_class


def path_patches() -> pl.DataFrame:
    """From every head to the last residual stream, and to the inputs of the relevance heads."""
    rng, rows = np.random.default_rng(3), []
    for collection in COLLECTIONS:
        for perturbation, strength in STRENGTH.items():
            for sender, receiver, at, mean in _paths():
                effect = mean + rng.normal(0, 0.004)
                rows.append(
                    {"collection": collection, "perturbation": perturbation}
                    | {"sender_layer": sender[0], "sender_head": sender[1]}
                    | {"receiver": receiver, "receiver_layer": at[0], "receiver_head": at[1]}
                    | {"n_pairs": N_PAIRS - 1, "n_small": 1, "effect": effect}
                    | _interval(effect, 0.03)
                    | {"p_value": _p(effect), "p_value_holm": min(1.0, 24 * _p(effect))}
                    | {"logit_change": strength * effect}
                )
    return _frame(rows)


def _paths() -> Iterator[tuple[tuple[int, int], str, tuple[int, int | None], float]]:
    for sender in _heads():
        yield sender, "residual", (N_LAYERS - 1, None), RELEVANCE.get(sender, 0.0)
        for at in RELEVANCE:
            for receiver in ("query", "key", "value") if sender[0] < at[0] else ():
                share = {"key": 0.8, "value": 0.2}.get(receiver, 0.0)
                yield sender, receiver, at, share * MATCHING.get(sender, 0.0)


def patch_screen() -> pl.DataFrame:
    """How well the linear estimate does: worse on patterns."""
    grids = [("block", site) for site in BLOCK_SITES]
    grids += [(grid, site) for grid in ("head", "head_class") for site in ("output", "pattern")]
    rows = [
        {"collection": collection, "perturbation": perturbation, "grid": grid, "site": site}
        | {"n_patches": 54 if grid == "block" else 24 if grid == "head" else 216}
        | {"pearson": 0.95 - 0.2 * (site == "pattern"), "spearman": 0.8}
        | {"mean_absolute_error": 0.02, "top_shared_percent": 80.0}
        for collection in COLLECTIONS
        for perturbation in LEVELS
        for grid, site in grids
    ]
    return _frame(rows)


def dose_scores() -> pl.DataFrame:
    """The logit's change rises with occurrences, and falls with sentences off the topic."""
    rows = []
    for collection in COLLECTIONS:
        for perturbation, levels in LEVELS.items():
            for level in levels:
                share = level / (level + 1) * (max(levels) + 1) / max(levels)
                change = STRENGTH[perturbation] * share
                keys = {"collection": collection, "perturbation": perturbation, "level": level}
                rows.append(keys | {"n_pairs": N_PAIRS, "logit_change": change})
                rows[-1] |= _interval(change, 0.1)
    return _frame(rows)


def heads() -> pl.DataFrame:
    """Every head, what it is and why."""
    rng, rows = np.random.default_rng(4), []
    for layer, head in _heads():
        at = (layer, head)
        match = MATCHING.get(at, 0.02) * rng.uniform(0.9, 1.1)
        path = RELEVANCE.get(at, 0.0) + rng.normal(0, 0.004)
        cls_share = 3.5 if at in RELEVANCE else rng.uniform(0.4, 1.1)
        is_matching, is_relevance = at in MATCHING, at in RELEVANCE
        kinds = {(True, True): "both", (True, False): "matching", (False, True): "relevance"}
        rows.append(
            {"layer": layer, "head": head}
            | {"is_matching": is_matching, "is_relevance": is_relevance}
            | {"kind": kinds.get((is_matching, is_relevance), "none")}
            | {"why": f"Attention to equal words {match:.3f}, shuffled at most 0.060."}
            | {"match_attention": match, "null_shuffles": 0.06, "null_rankers": 0.045}
            | {"p_shuffles": 0.005 if is_matching else 0.8}
            | {"cls_query_share": cls_share, "null_cls_query_share": 1.2}
            | {"path_effect": path, **_interval(path, 0.03, "path_ci")}
            | {"path_p_holm": 0.001 if is_relevance else 1.0}
            | {"output_effect": {**RELEVANCE, **MATCHING}.get(at, 0.0), "n_words": 800}
            | {"path_perturbation": "TFC1", "n_path_pairs": 2 * (N_PAIRS - 1)}
        )
    return _frame(rows)


def soft_tf() -> pl.DataFrame:
    """Attention against term count: matching heads saturate; of others no curve can be fitted."""
    rows = []
    for collection in COLLECTIONS:
        for at in _heads():
            for kind in ("total", "exact", "soft"):
                fits = at in MATCHING and kind != "soft"
                k1, b = (1.1, 0.5) if fits else (None, None)
                low = _interval(k1, 0.4, "k1") if fits else {"k1_low": None, "k1_high": None}
                of_b = _interval(b, 0.2, "b") if fits else {"b_low": None, "b_high": None}
                keys = {"collection": collection, "layer": at[0], "head": at[1]}
                keys |= {"is_matching": at in MATCHING, "kind": kind, "k1": k1} | low
                r_squared = 0.7 if fits else None
                rows.append(keys | {"b": b} | of_b | {"r_squared": r_squared})
                rows[-1] |= {"n_words": 400 if fits else 0, "n_queries": N_QUERIES}
                rows[-1] |= dict(
                    zip(("height", "floor"), (0.4, 0.1) if fits else (None, None), strict=True)
                )
    return _frame(rows)


def idf_components() -> pl.DataFrame:
    """Component 3 goes with IDF, the others by chance."""
    rng, rows = np.random.default_rng(5), []
    for collection in COLLECTIONS:
        for component in range(SIZE):
            correlation = 0.62 if component == 3 else abs(rng.normal(0, 0.03))
            rows.append(
                {"collection": collection, "component": component}
                | {"singular_value": 40.0 / (1 + component)}
                | {"correlation": -correlation if component % 2 else correlation}
                | {"p_value": 0.001 if component == 3 else 0.4}
                | {"sign": -1 if component % 2 else 1, "is_found": component == 3, "n_words": 900}
            )
    return _frame(rows)


def idf_edits() -> pl.DataFrame:
    """The score follows the component; a row with dose null is the slope."""
    rows = []
    for collection in COLLECTIONS:
        for kind, slope in (("component", 0.12), ("random", 0.01), ("scaled_row", -0.03)):
            for dose in (*DOSES, None):
                change = slope if dose is None else slope * dose
                keys = {"collection": collection, "kind": kind, "dose": dose}
                keys |= {"n_pairs": 40, "n_queries": N_QUERIES, "change": change}
                p_value = 0.05 if kind == "component" else None
                rows.append(keys | _interval(change, 0.02) | {"p_value": p_value})
                rows[-1] |= {"p_value_queries": None if p_value is None else 0.01}
                ends = _interval(change, 0.05, "d") if kind == "random" else {}
                rows[-1] |= {"lowest_direction": ends.get("d_low")}
                rows[-1] |= {"highest_direction": ends.get("d_high")}
    return _frame(rows)


PEARSON = {"legacy": 0.84, "features": 0.71, "soft_tf_idf": 0.6, "random_heads": 0.35}
PEARSON |= {"reinitialised": 0.21, "bm25": 0.42, "cross_encoder": 1.0}
"""Variant of the regression -> its correlation with the ranker's scores, pointwise."""


def semantic_bm25() -> pl.DataFrame:
    """The regressions, in both forms; theirs is split over pairs too."""
    rows = []
    for collection in COLLECTIONS:
        for variant, pearson in PEARSON.items():
            for form in ("pointwise", "pairwise"):
                value = 0.3 + 0.4 * pearson
                n_heads = 0 if variant in ("bm25", "cross_encoder") else len(MATCHING)
                rows.append(
                    {"collection": collection, "variant": variant, "form": form}
                    | {"split": {"legacy": "pairs", "cross_encoder": None}.get(variant, "queries")}
                    | {"n_heads": n_heads, "n_features": 5 * (1 + 2 * n_heads)}
                    | {"n_pairs": 480, "n_queries": N_QUERIES}
                    | {"pearson": pearson, **_interval(pearson, 0.05, "pearson")}
                    | {"spearman": 0.9 * pearson, **_interval(0.9 * pearson, 0.05, "spearman")}
                    | {"measure": "nDCG@10", "value": value, **_interval(value, 0.08, "value")}
                    | {"k1": 0.9 if variant == "bm25" else None}
                    | {"b": 0.4 if variant == "bm25" else None}
                    | {"n_left_out": 0, "n_ranked": N_QUERIES}
                )
    return _frame(rows)


KEPT = {"all": 1.0, "found": 0.7, "matching": 0.4, "relevance": 0.5, "random": 0.1, "none": 0.02}
"""Heads that are kept -> the share of the score that is."""


def faithfulness() -> pl.DataFrame:
    """What is left with some heads alone; five draws of random ones, and their mean."""
    numbers = {"all": 24, "found": 4, "matching": 3, "relevance": 2, "random": 4, "none": 0}
    rows = []
    for collection in COLLECTIONS:
        for kept, share in KEPT.items():
            for draw in [None, *range(5)] if kept == "random" else [0]:
                of_draw = share + 0.02 * (2 if draw is None else draw)
                value = 0.7 * (0.5 + 0.5 * of_draw)
                rows.append(
                    {"collection": collection, "kept": kept, "draw": draw}
                    | {"n_heads": numbers[kept], "score_share": of_draw}
                    | _interval(of_draw, 0.1, "score_share")
                    | {"n_pairs": 4 * N_PAIRS, "measure": "nDCG@10", "value": value}
                    | {"value_share": value / 0.7, **_interval(value, 0.08, "value")}
                    | {"n_queries": N_QUERIES, "n_small": 3}
                    | {"score_p_random": 1 / 6 if kept == "found" else None}
                    | {"value_p_random": 1 / 6 if kept == "found" else None}
                )
    return _frame(rows)


def head_neurons() -> pl.DataFrame:
    """Two neurons of each component and head."""
    rows = []
    for layer, head in _heads():
        for component in ("query", "key", "value", "attention_output"):
            for neuron in (2 * head, 2 * head + 1):
                keys = {"layer": layer, "component": component, "neuron": neuron, "head": head}
                keys |= {"is_matching": (layer, head) in MATCHING}
                keys |= {"is_relevance": (layer, head) in RELEVANCE}
                rows.append(keys | {"share": 0.4 if component == "attention_output" else 1.0})
    return _frame(rows)


def head_overlaps() -> pl.DataFrame:
    """Neurons of schemes lie in the value products of matching heads more often than by chance."""
    rows = []
    for scheme in SCHEMES:
        for top_percent in (1.0, 5.0, 10.0):
            for kind, n_heads in (("matching", len(MATCHING)), ("relevance", len(RELEVANCE))):
                for component in COMPONENTS:
                    n_scheme = int(2 * top_percent)
                    expected = n_scheme * n_heads / (N_LAYERS * N_HEADS)
                    more = 1 + 2 * (component == "value" and kind == "matching")
                    rows.append(
                        {"scheme": scheme, "top_percent": top_percent, "kind": kind}
                        | {"component": component, "n_scheme": n_scheme}
                        | {"n_heads_neurons": 2 * n_heads, "n_component": N_LAYERS * SIZE}
                        | {"shared": round(more * expected), "expected": expected}
                        | _interval(expected, expected / 2, "expected")
                        | {"p_value": 0.01 if more > 1 else 0.6}
                    )
    return _frame(rows)


MAKERS = (
    *(diagnostic_pairs, diagnostic_scores, patches, path_patches, patch_screen, dose_scores),
    *(heads, soft_tf, idf_components, idf_edits, semantic_bm25, faithfulness),
    *(head_neurons, head_overlaps),
)
TABLES = [make.__name__ for make in MAKERS]


def tables() -> dict[str, pl.DataFrame]:
    """Every table of the stage that the database has, by name."""
    return {make.__name__: make() for make in MAKERS}


def write_mechanism(folder: Path) -> dict[str, str]:
    """Write every table under ``folder``; return table -> its file.

    diagnostic_scores, of which the rules write a file a collection, is one here.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: str(folder / f"{name}.parquet") for name in TABLES}
    for name, frame in tables().items():
        frame.write_parquet(files[name])
    return files
