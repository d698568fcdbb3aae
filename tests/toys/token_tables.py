"""Made-up tables of scored tokens: words in pieces, and texts that try to break out."""

from __future__ import annotations

import numpy as np
import polars as pl

TEXTS = [
    ("what lifts a wing", "The wing lifts, since air flows faster over the wing's upper side."),
    (
        "<script>alert(1)</script>",
        "</script><script>document.title = 'hacked'</script> & \"quotes\"",
    ),
    ("ما هو القلب", "القلب عضو عضلي يضخ الدم"),
    ("heat", "'; <!-- <img src=x onerror=\"document.title='hacked'\"> \u2028 heat"),
]
"""Queries and passages, Arabic among them."""
SPECIAL = ("[CLS]", "[SEP]", "[SEP]")


def tokens_of(query: str, passage: str) -> list[tuple[str, str, int | None, str]]:
    """Rows of (token, word, word_number, part): words of more than five letters are two pieces."""
    rows = [(SPECIAL[0], SPECIAL[0], None, "cls")]
    number = 0
    for part, text, end in (("query", query, "sep1"), ("passage", passage, "sep2")):
        for word in text.split():
            pieces = [word] if len(word) < 6 else [word[:4], f"##{word[4:]}"]
            rows += [(piece, word, number, part) for piece in pieces]
            number += 1
        rows.append((SPECIAL[1], SPECIAL[1], None, end))
    return rows


def token_tables(
    methods: dict[str, list[int | None]],
    texts: list[tuple[str, str]] = TEXTS,
    collections: tuple[str, ...] = ("alpha", "beta"),
    seed: int = 0,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """token_scores and token_checks: ``methods`` with their layers; random scores below 0 too.

    Those of information_bottleneck are all above 0. The pairs' collections take turns.
    """
    random, scores, checks = np.random.default_rng(seed), [], []
    for number, (query, passage) in enumerate(texts):
        rows = tokens_of(query, passage)
        names = {
            "collection": collections[number % len(collections)],
            "query_id": f"q{number}",
            "doc_id": f"d{number}" if number != 1 else "d<b>&",
            "label": "relevant" if number % 3 else "non_relevant",
        }
        for method, layers in methods.items():
            for layer in layers:
                score = random.normal(size=len(rows)) * 10.0 ** random.integers(-3, 2)
                if method == "information_bottleneck":
                    score = np.abs(score)
                scores.append(_frame(rows, score, {**names, "method": method, "layer": layer}))
                checks.append({**names, "method": method, "layer": layer, **_check(number, rows)})
    return pl.concat(scores), pl.DataFrame(checks, schema_overrides={"layer": pl.Int32})


def _check(number: int, rows: list) -> dict[str, object]:
    return {"n_tokens": len(rows), "is_cut": number == 2, "p_label": 1 - 10.0 ** -(number + 2)}


def _frame(rows: list, score: np.ndarray, names: dict[str, object]) -> pl.DataFrame:
    scaled = (score - score.min()) / (score.max() - score.min())
    schema = {"token": pl.String, "word": pl.String, "word_number": pl.Int32, "part": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(
        *(pl.lit(value, dtype=pl.Int32 if name == "layer" else pl.String).alias(name)
          for name, value in names.items()),
        position=pl.int_range(pl.len(), dtype=pl.Int32),
        score=pl.Series(score),
        scaled=pl.Series(scaled),
        weight=pl.Series(scaled / scaled.sum()),
    )  # fmt: skip
