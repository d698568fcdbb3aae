"""The rule's script: statistics of the first pairs, and a warning where they are few."""

import logging

import polars as pl
import pytest

from relevance_neurons import load_reranker
from relevance_neurons.tokens.statistics import measure_statistics
from toys.bert import PAIRS
from workflow_scripts.tokens import measure_token_statistics as rule

LABELS = ["relevant", "relevant", "non_relevant", "relevant"]


@pytest.fixture
def given(tmp_path) -> dict[str, str]:
    ids = [str(number) for number in range(len(PAIRS))]
    queries, passages = map(list, zip(*PAIRS, strict=True))
    frames = {
        "queries": pl.DataFrame({"query_id": ids, "text": queries}),
        "documents": pl.DataFrame({"doc_id": ids, "text": passages}),
        "token_pairs": pl.DataFrame({"query_id": ids, "doc_id": ids, "label": LABELS}),
    }
    for name, frame in frames.items():
        frame.write_parquet(tmp_path / f"{name}.parquet")
    return {name: str(tmp_path / f"{name}.parquet") for name in frames}


def run(given, ranker_folder, tmp_path, **settings) -> pl.DataFrame:
    made = {"token_statistics": str(tmp_path / "made.parquet")}
    asked = {"collection": "mine", "pairs": 4, "floor": 0.01, "layers": None, **settings}
    rule.main(given, made, {"model": str(ranker_folder), "max_length": 48}, asked)
    return pl.read_parquet(made["token_statistics"])


def test_the_table_is_that_of_the_library(given, ranker_folder, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        found = run(given, ranker_folder, tmp_path)
    ranker = load_reranker(str(ranker_folder), max_length=48)
    expected = measure_statistics(ranker, PAIRS, LABELS)
    assert found.columns[0] == "collection" and set(found["collection"]) == {"mine"}
    assert found.drop("collection").equals(expected)
    n_tokens = sum(len(pair) for pair in ranker.encode(PAIRS))
    assert f"statistics of mine rest on 4 pairs with {n_tokens} tokens; 4 pairs" in caplog.text


def test_the_first_pairs_and_some_layers(given, ranker_folder, tmp_path):
    found = run(given, ranker_folder, tmp_path, pairs=2, layers=[1])
    assert set(found["n_pairs"]) == {2} and set(found["layer"]) == {1}


@pytest.mark.parametrize(
    ("n_tokens", "n_pairs", "warned"),
    [
        (9_999, 4, True),
        (10_000, 4, False),
        (3_123_000, 5, True),
    ],
)
def test_few_pairs_or_tokens_are_told(caplog, n_tokens, n_pairs, warned):
    frame = pl.DataFrame({"n_pairs": [4, 4], "n_tokens": [n_tokens] * 2})
    with caplog.at_level(logging.WARNING):
        rule.warn_if_few(frame, "mine", n_pairs)
    expected = f"rest on 4 pairs with {n_tokens:,} tokens; {n_pairs} pairs are asked for"
    assert (expected in caplog.text) == warned
