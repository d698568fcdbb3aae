"""The scripts of patches: shards together are the whole, and what a pair competes with."""

import polars as pl
import polars.testing
import pytest

from relevance_neurons import load_reranker
from relevance_neurons.errors import UserError
from relevance_neurons.mechanism.competitors import MOST_COMPETITORS
from relevance_neurons.mechanism.effects import PairEffects
from workflow_scripts.mechanism import patch_found_heads, patch_heads

TABLES = ("patch_effects", "path_effects", "diagnostic_scores")
PAIRS = [
    ("TFC1", 1, "q0", "d0", "wing lift", "the wing has lift a", "the wing has lift wing"),
    ("TFC1", 1, "q1", "d1", "heat", "heat flow time a", "heat flow time heat"),
    ("TFC2", 0, "q0", "d0", "wing lift", "time the user time click", "time the user time click"),
    ("TFC2", 1, "q0", "d0", "wing lift", "time the user time click", "wing the user time click"),
    ("TFC2", 2, "q0", "d0", "wing lift", "time the user time click", "wing the user wing click"),
    ("own", 1, None, None, "blood", "water of the cell", "blood of the cell"),
]


@pytest.fixture
def settings(ranker_folder) -> dict[str, object]:
    return {"model": str(ranker_folder), "max_length": 48, "dtype": "float32"}


@pytest.fixture
def given(tmp_path, settings) -> dict[str, str]:
    """Four pairs, one of them at three levels; a query with many judged passages."""
    ranker = load_reranker(**settings)
    names = (
        "perturbation",
        "level",
        "query_id",
        "doc_id",
        "query",
        "passage_before",
        "passage_after",
    )
    pairs = pl.DataFrame(PAIRS, names, orient="row").with_columns(
        collection=pl.lit("mine"),
        pair=pl.Series([0, 1, 2, 2, 2, 3], dtype=pl.Int32),
        is_patched=pl.Series([True, True, False, False, True, True]),
    )
    lengths = [len(one) for one in ranker.encode([row[4:6] for row in PAIRS])]
    classes = [["cls", *["passage_other"] * (n - 2), "sep2"] for n in lengths]
    docs = [f"d{n}" for n in range(30)]
    frames = {
        "diagnostic_pairs": pairs.with_columns(
            n_tokens=pl.Series(lengths, dtype=pl.Int32), token_classes=pl.Series(classes)
        ),
        "queries": pl.DataFrame({"query_id": ["q0", "q1"], "text": ["wing lift", "heat"]}),
        "documents": pl.DataFrame(
            {"doc_id": docs, "text": [f"heat flow {'web ' * n}" for n in range(30)]}
        ),
        "qrels": pl.DataFrame(
            {"query_id": ["q0"] * 29 + ["q1", "q1"], "doc_id": [*docs[:29], "d1", "d29"]}
        ),
    }
    for name, frame in frames.items():
        frame.write_parquet(tmp_path / f"{name}.parquet")
    return {name: str(tmp_path / f"{name}.parquet") for name in frames}


def shards(tmp_path, given, settings, n):
    found = {table: [] for table in TABLES}
    for shard in range(n):
        made = {table: f"{tmp_path}/{table}-{shard}-{n}.parquet" for table in TABLES}
        patch_heads.main(given, made, settings, (shard, n), seed=0)
        for table in TABLES:
            found[table].append(pl.read_parquet(made[table]))
    return {table: pl.concat(frames) for table, frames in found.items()}


def test_shards_together_are_the_whole(tmp_path, given, settings):
    whole, parts = (shards(tmp_path, given, settings, n) for n in (1, 5))
    for table in TABLES:
        assert whole[table]["pair"].n_unique() == 4
        pl.testing.assert_frame_equal(whole[table], parts[table], abs_tol=1e-5, rel_tol=0)
    assert whole["patch_effects"].filter(pair=2)["logit_after"].n_unique() == 1  # the highest level


def test_scores_are_of_every_level_and_competitors_are_others(tmp_path, given, settings):
    scores = shards(tmp_path, given, settings, 1)["diagnostic_scores"]
    ranker = load_reranker(**settings)
    assert scores["level"].to_list() == [1, 1, 0, 1, 2, 1]

    def margins(pairs):
        logits = ranker.model(**ranker.collate(ranker.encode(pairs))).logits.detach()
        return (logits[:, 1] - logits[:, 0]).tolist()

    pairs = pl.read_parquet(given["diagnostic_pairs"])
    for when in ("before", "after"):
        texts = list(zip(pairs["query"], pairs[f"passage_{when}"], strict=True))
        assert scores[f"logit_{when}"].to_list() == pytest.approx(margins(texts), abs=1e-5)
    lengths = scores["competitor_logits"].list.len().to_list()
    assert lengths == [MOST_COMPETITORS, 1, *[MOST_COMPETITORS] * 3, 0]
    text = "heat flow " + "web " * 29
    assert scores["competitor_logits"][1].to_list() == pytest.approx(
        margins([("heat", text)]), abs=1e-5
    )


def test_found_heads_by_class_and_what_they_read(tmp_path, given, settings):
    heads = pl.DataFrame(
        {"layer": [1, 2, 2], "head": [0, 0, 1], "kind": ["matching", "none", "relevance"]},
        {"layer": pl.Int32, "head": pl.Int32, "kind": pl.String},
    ).with_columns(is_relevance=pl.col("kind") == "relevance")
    given["heads"] = str(tmp_path / "heads.parquet")

    def patched(heads, head_classes):
        heads.write_parquet(given["heads"])
        made = {
            name: f"{tmp_path}/{name}.parquet" for name in ("class_effects", "receiver_effects")
        }
        patch_found_heads.main(given, made, settings, head_classes, (0, 1))
        return [pl.read_parquet(file) for file in made.values()]

    by_class, read = patched(heads, "found")
    assert set(by_class.select("layer", "head").rows()) == {(1, 0), (2, 1)}
    assert set(by_class["grid"]) == {"head_class"} and set(by_class["site"]) == {
        "output",
        "pattern",
    }
    assert set(by_class["token_class"]) == {"cls", "passage_other", "sep2"}
    places = read.select("receiver_layer", "receiver_head").unique().rows()
    assert places == [(2, 1)] and set(read["receiver"]) == {"query", "key", "value"}
    assert read.height == 4 * 3 * 4  # pairs, what is read, heads of the two layers below
    every, _ = patched(heads, "all")
    assert set(every.select("layer", "head").rows()) == {(1, 0), (2, 0), (2, 1)}
    none = heads.with_columns(is_relevance=False, kind=pl.lit("none"))
    for frame, full in zip(patched(none, "found"), (by_class, read), strict=True):
        assert frame.is_empty() and frame.schema == full.schema


def test_pairs_that_the_ranker_reads_in_another_way_are_refused(given, settings):
    pairs = pl.read_parquet(given["diagnostic_pairs"]).filter("is_patched")
    ranker = load_reranker(**settings | {"max_length": 7})
    with pytest.raises(
        UserError, match=r"^diagnostic_pairs: pair 0 has 7 tokens before .*; "
    ) as error:
        PairEffects(ranker, pairs)
    assert "\n" not in str(error.value)
