"""The diagnostic pairs of a collection, from its files to the table."""

import logging

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from relevance_neurons.errors import UserError
from relevance_neurons.mechanism.diagnostic_pairs import make_diagnostic_pairs
from relevance_neurons.mechanism.pair_table import SCHEMA
from relevance_neurons.mechanism.token_classes import TOKEN_CLASSES
from relevance_neurons.rankers.loading import load_reranker
from toys.pair_rankers import KINDS, ranker_of
from workflow_scripts.mechanism import (
    count_words,
    gather_diagnostic_pairs,
)
from workflow_scripts.mechanism import (
    make_diagnostic_pairs as script,
)

TOPICS = {
    "wing": "lift", "blood": "cell", "neural": "energy", "query": "search", "user": "click",
    "page": "web",
}  # fmt: skip
"""A query's term, and the word that stands beside it in its passages."""
GRADES = (2, 1, 0, 0)


def write_collection(folder, sentences: int = 3, relevant=(1, 2)) -> dict[str, str]:
    """Four judged passages a query, of a few sentences, and others that nobody judged."""
    documents, queries, qrels = [], [], []
    for term, beside in TOPICS.items():
        queries.append((f"q-{term}", f"The {term} of flow?"))
        for number, grade in enumerate(GRADES):
            own = f"The {term} has {beside} in flow {'heat ' * number}of it."
            others = [f"Water and {beside} flow as a {term} of heat."] * (sentences - 1)
            documents.append((f"{term}{number}", " ".join([own, *others])))
            qrels.append((f"q-{term}", f"{term}{number}", grade))
    documents += [(f"x{n}", "The flow of water and heat is time.") for n in range(120)]
    judged = pl.DataFrame(qrels, ["query_id", "doc_id", "grade"], orient="row")
    is_relevant = pl.col("grade").is_in(relevant)
    frames = {
        "documents": pl.DataFrame(documents, ["doc_id", "text"], orient="row"),
        "queries": pl.DataFrame(queries, ["query_id", "text"], orient="row"),
        "qrels": judged.with_columns(
            label=pl.when(is_relevant).then(pl.lit("relevant")).otherwise(pl.lit("non_relevant")),
            gain=pl.col("grade"),
        ),
    }
    files = {name: str(folder / f"{name}.parquet") for name in (*frames, "word_counts")}
    for name, frame in frames.items():
        frame.write_parquet(files[name])
    count_words.main(files["documents"], files["word_counts"])
    return files


def vectors_of(words):
    """A term and the word beside it point in one direction; others anywhere."""
    groups = {word: n for n, pair in enumerate(TOPICS.items()) for word in pair}
    vectors = np.zeros((len(words), len(TOPICS) + 1))
    for row, word in enumerate(words):
        vectors[row, groups.get(word, -1)] = 1
    return vectors


def pairs_of(files, ranker=None, pairs=6, **options) -> pl.DataFrame:
    settings = {"pairs": pairs} | options.pop("settings", {})
    ranker = ranker or ranker_of("WordPiece")
    options = {"vectors_of": vectors_of} | options
    return make_diagnostic_pairs(ranker, "toy", **files, settings=settings, **options)


def test_as_many_pairs_of_each_perturbation(tmp_path):
    found = pairs_of(write_collection(tmp_path))
    assert found.schema == SCHEMA
    patched = found.filter("is_patched")
    assert patched["pair"].to_list() == list(range(24))
    assert patched["perturbation"].to_list() == (
        ["TFC1"] * 6 + ["STMC1"] * 6 + ["TFC2"] * 6 + ["LNC2"] * 6
    )
    # Spread over queries: one of each.
    for _, own in patched.group_by("perturbation"):
        assert own["query_id"].n_unique() == 6
    levels = dict(found.group_by("perturbation").agg(pl.col("level").unique().sort()).iter_rows())
    assert levels == {"TFC1": [1], "STMC1": [1], "TFC2": [0, 1, 2, 3], "LNC2": [0, 1, 2, 3, 4]}


def test_what_is_put_in(tmp_path):
    found = pairs_of(write_collection(tmp_path))
    term = dict(found.filter(perturbation="TFC1").select("term", "injected").iter_rows())
    assert term == {name: name for name in TOPICS}
    related = found.filter(perturbation="STMC1")
    assert dict(related.select("term", "injected").iter_rows()) == TOPICS
    assert set(related["source"]) == {"embeddings + co-occurrences"}
    others = found.filter(pl.col("perturbation").is_in(["TFC2", "LNC2"]))
    assert others["injected"].is_null().all() and others["source"].is_null().all()


def test_passages_are_judged_ones_and_for_two_kinds_relevant(tmp_path):
    files = write_collection(tmp_path)
    found = pairs_of(files, pairs=24).filter("is_patched")
    judged = found.join(pl.read_parquet(files["qrels"]), on=["query_id", "doc_id"])
    assert len(judged) == len(found)
    counts = {name: sorted(own["grade"]) for (name,), own in judged.group_by("perturbation")}
    every = [0] * 12 + [1] * 6 + [2] * 6
    assert counts == {"TFC1": every, "STMC1": every, "TFC2": every[12:], "LNC2": every[12:]}


@pytest.mark.parametrize("kind", KINDS)
def test_every_row_holds_what_it_says(tmp_path, kind):
    ranker = ranker_of(kind)
    files = write_collection(tmp_path, sentences=2)
    if kind == "SentencePiece":  # its toy knows few letters
        texts = {"queries": "wing wings the?", "documents": "the wings flow wing wing. the flow."}
        for name, text in texts.items():
            frame = pl.read_parquet(files[name])
            frame.with_columns(text=pl.lit(text)).write_parquet(files[name])
        count_words.main(files["documents"], files["word_counts"])
    found = pairs_of(files, ranker, settings={"perturbations": ["TFC1", "LNC2"]})
    assert set(found["perturbation"]) == {"TFC1", "LNC2"}
    for row in found.to_dicts():
        before, after = ranker.encode(
            [(row["query"], row["passage_before"]), (row["query"], row["passage_after"])]
        )
        assert not before.is_cut and not after.is_cut
        assert len(before) == len(after) == row["n_tokens"] == len(row["tokens_before"])
        assert len(row["token_classes"]) == len(row["tokens_after"]) == row["n_tokens"]
        assert set(row["token_classes"]) <= set(TOKEN_CLASSES)
        assert "query_term" in row["token_classes"]
        differs = (before.input_ids != after.input_ids).tolist()
        classes = {row["token_classes"][place] for place, one in enumerate(differs) if one}
        assert classes == ({"injected"} if row["level"] else set())


def test_the_same_pairs_whatever_the_order_of_judgments_and_more_of_them(tmp_path):
    files = write_collection(tmp_path)
    first = pairs_of(files, pairs=4)
    assert_frame_equal(first, pairs_of(files, pairs=4))
    for name in ("qrels", "queries"):
        frame = pl.read_parquet(files[name])
        frame.sample(fraction=1, shuffle=True, seed=1).write_parquet(files[name])
    assert_frame_equal(first, pairs_of(files, pairs=4))
    more = pairs_of(files, pairs=5).filter(perturbation="TFC1")
    assert_frame_equal(more[:4], first.filter(perturbation="TFC1"))
    assert not first.equals(pairs_of(files, pairs=4, seed=1))


def test_fewer_than_asked_for_is_a_warning(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        found = pairs_of(write_collection(tmp_path, sentences=1), pairs=13)
    assert found.filter("is_patched")["perturbation"].value_counts(sort=True).rows() == [
        ("TFC1", 13), ("STMC1", 13), ("LNC2", 12),
    ]  # fmt: skip
    fewer = "toy: fewer usable diagnostic pairs than mechanism.pairs asks for: "
    assert [record.getMessage() for record in caplog.records] == [
        f"{fewer}0 of 13 TFC2 pairs (12 passages tried, "
        "12 not usable (12: fewer than two sentences))",
        f"{fewer}12 of 13 LNC2 pairs (12 passages tried)",
    ]


def test_no_usable_pair_is_told_in_one_line(tmp_path):
    files = write_collection(tmp_path, sentences=1)
    with pytest.raises(UserError) as error:
        pairs_of(files, settings={"perturbations": ["TFC2"]})
    assert str(error.value).startswith(
        "collection toy: no usable diagnostic pair: 0 of 6 TFC2 pairs (12 passages tried, 12 not "
        "usable (12: fewer than two sentences)); 6 of 6 queries have a term"
    )
    queries = pl.read_parquet(files["queries"]).with_columns(text=pl.lit("what is this"))
    queries.write_parquet(files["queries"])
    with pytest.raises(UserError, match=r"0 passages tried.*0 of 6 queries have a term") as error:
        pairs_of(files)
    assert "\n" not in str(error.value)


def test_an_unknown_perturbation(tmp_path):
    with pytest.raises(UserError, match="'TDC' was found; allowed: TFC1, STMC1, TFC2, LNC2"):
        pairs_of(write_collection(tmp_path), settings={"perturbations": ["TDC"]})


def test_ones_own_pairs_stand_behind_the_others(tmp_path):
    own = tmp_path / "own.tsv"
    own.write_text("query\tterm\tbefore\tafter\nheat flow\tHeat\twing\twing heat heat\n")
    settings = {"own_pairs": str(own), "perturbations": ["TFC1"]}
    found = pairs_of(write_collection(tmp_path), settings=settings)
    assert found["perturbation"].to_list() == ["TFC1"] * 6 + ["own"]
    row = found.row(6, named=True)
    assert row["pair"] == 6 and row["level"] == 1 and row["is_patched"]
    assert row["query_id"] is None and row["doc_id"] is None and row["injected"] is None
    assert row["token_classes"] == [
        "cls", "query_term", "query_other", "sep1", "passage_other", "injected", "injected", "sep2",
    ]  # fmt: skip
    assert row["passage_before"] == "wing a a"


def test_the_scripts_write_the_same(tmp_path, monkeypatch):
    files, table = write_collection(tmp_path), tmp_path / "pairs.parquet"
    monkeypatch.setattr(script, "load_reranker", lambda **_: ranker_of("WordPiece"))
    settings = {"pairs": 3, "perturbations": ["TFC1", "LNC2"]}
    collection = {"name": "toy", "language": "english", "seed": 4}
    script.main(files, table, {}, settings, collection)
    expected = pairs_of(files, settings=settings, seed=4)
    assert_frame_equal(pl.read_parquet(table), expected)
    gather_diagnostic_pairs.main([table, table], tmp_path / "all.parquet")
    assert_frame_equal(pl.read_parquet(tmp_path / "all.parquet"), pl.concat([expected] * 2))


def test_pairs_of_real_text(tmp_path, shared):
    ranker = load_reranker(shared / "models" / "msmarco-minilm-l6", max_length=96, device="cpu")
    folder = shared / "collections" / "msmarco_dl19"
    qrels = pl.read_csv(
        folder / "qrels.txt", separator=" ", has_header=False,
        new_columns=["query_id", "iteration", "doc_id", "grade"], infer_schema=False,
    ).with_columns(pl.col("grade").cast(pl.Int64)).drop("iteration").head(800)  # fmt: skip
    for name, column in (("docs", "doc_id"), ("queries", "query_id")):
        rows = (folder / f"{name}.tsv").read_text(encoding="utf-8").splitlines()
        rows = [row.split("\t", 1) for row in rows]
        pl.DataFrame(rows, [column, "text"], orient="row").write_parquet(
            tmp_path / f"{name}.parquet"
        )
    files = {
        "documents": tmp_path / "docs.parquet",
        "queries": tmp_path / "queries.parquet",
        "qrels": tmp_path / "qrels.parquet",
        "word_counts": tmp_path / "word_counts.parquet",
    }
    qrels.write_parquet(files["qrels"])
    count_words.main(files["documents"], files["word_counts"])
    settings = {"perturbations": ["TFC1", "TFC2", "LNC2"]}
    found = pairs_of(files, ranker, pairs=10, settings=settings)
    assert found.filter("is_patched")["perturbation"].value_counts(sort=True)[
        "count"
    ].to_list() == ([10, 10, 10])
    for row in found.to_dicts():
        texts = [(row["query"], row[f"passage_{when}"]) for when in ("before", "after")]
        before, after = ranker.encode(texts)
        assert len(before) == len(after) == row["n_tokens"] <= 96
        assert not before.is_cut and not after.is_cut
