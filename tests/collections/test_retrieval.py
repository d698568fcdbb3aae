"""BM25 against bm25s and against the formula written out; candidate pools by hand."""

import math
import re
import unicodedata
from pathlib import Path

import bm25s
import numpy as np
import polars as pl
import pyterrier
import pyterrier_pisa
import pytest
import Stemmer

from relevance_neurons.collections.candidates import draw_candidates
from relevance_neurons.collections.retrieval import Bm25, build_index, open_index
from relevance_neurons.errors import UserError
from workflow_scripts.ablation.draw_candidates import main as draw_candidates_script
from workflow_scripts.collections.index_collection import main as index_script

COLLECTIONS = Path(__file__).resolve().parents[2].parent / "shared" / "collections"
TEXTS = {
    "a 1": "red apple pie and apple juice",
    "b": "green apple",
    "c": "a pie of cherries",
    "d": "",
    "e": "fresh fish soup",
    "f": "red wine, red meat",
    "g": "fish\0soup\nwith rice",
}


def frame(texts, id_column="doc_id"):
    return pl.DataFrame({id_column: list(texts), "text": list(texts.values())})


def queries(*texts):
    return frame({f"q{i}": text for i, text in enumerate(texts)}, "query_id")


def bm25_by_hand(query, text, texts, k1, b):
    """Robertson's BM25, idf floored at 1e-6 (as PISA does), no stemming needed in these texts."""
    words = [t.replace("\0", " ").replace(",", "").split() for t in texts]
    mean_length = sum(map(len, words)) / len(words)
    document, score = text.replace("\0", " ").replace(",", "").split(), 0.0
    for term in query.split():
        df = sum(term in other for other in words)
        idf = max(1e-6, math.log((len(words) - df + 0.5) / (df + 0.5)))
        tf, norm = document.count(term), 1 - b + b * len(document) / mean_length
        score += idf * (k1 + 1) * tf / (tf + k1 * norm)
    return score


def test_scores_are_bm25_s_formula(tmp_path):
    index = build_index(frame(TEXTS), tmp_path / "index", Bm25(k1=1.2, b=0.75))
    found = index.search(queries("red wine", "fish soup fish"), k=5)
    assert found.group_by("query_id", maintain_order=True).agg("doc_id").rows() == [
        ("q0", ["f", "a 1"]),
        ("q1", ["e", "g"]),
    ]
    for query_id, doc_id, _, score in found.iter_rows():
        query = {"q0": "red wine", "q1": "fish soup fish"}[query_id]
        expected = bm25_by_hand(query, TEXTS[doc_id], TEXTS.values(), 1.2, 0.75)
        assert score == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["med", "cisi"])
def test_ranks_a_real_collection_as_bm25s_does(tmp_path, name):
    if not COLLECTIONS.exists():
        pytest.skip("the shared collections are not beside this repository")
    read = {"separator": "\t", "has_header": False, "quote_char": None, "infer_schema": False}
    docs = pl.read_csv(COLLECTIONS / name / "docs.tsv", new_columns=["doc_id", "text"], **read)
    asked = pl.read_csv(
        COLLECTIONS / name / "queries.tsv", new_columns=["query_id", "text"], **read
    )
    run = build_index(docs, tmp_path / "index", Bm25()).search(asked, k=50)
    stem, stops = Stemmer.Stemmer("english").stemWord, pyterrier_pisa._STOPWORDS["terrier"]

    def terms(text, without=()):
        words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).lower())
        return [stem(word) for word in words if word not in without]

    oracle = bm25s.BM25(method="robertson", k1=0.9, b=0.4)
    oracle.index([terms(text) for text in docs["text"]], show_progress=False)
    position = dict(zip(docs["doc_id"], range(len(docs)), strict=True))
    for query_id, text in asked.iter_rows():
        found = run.filter(query_id=query_id)
        scores = oracle.get_scores(terms(text, stops))
        own = scores[[position[doc_id] for doc_id in found["doc_id"]]]
        # bm25s leaves the constant factor k1 + 1 out.
        assert np.allclose(found["bm25_score"], own * 1.9, rtol=1e-4)
        assert np.allclose(own, np.sort(scores)[::-1][: len(own)], rtol=1e-5)


def test_ties_rank_by_id_whatever_the_order_of_documents(tmp_path):
    texts = {f"d{i:02}": "one apple" if i % 3 else "two apple apple" for i in range(60)}
    texts |= {f"x{i:02}": "nothing here" for i in range(80)}
    shuffled = frame(texts).sample(fraction=1, shuffle=True, seed=3)
    chunks = frame(texts).iter_slices(7)
    runs = [
        build_index(documents, tmp_path / str(i), Bm25()).search(queries("apple", "the"), k=25)
        for i, documents in enumerate([frame(texts), shuffled, chunks])
    ]
    twice = [i for i in texts if texts[i] == "two apple apple"]
    once = [i for i in texts if texts[i] == "one apple"]
    assert runs[0]["doc_id"].to_list() == [*twice, *once][:25]
    assert runs[0]["bm25_rank"].to_list() == list(range(1, 26))
    assert runs[1].equals(runs[0]) and runs[2].equals(runs[0])


@pytest.mark.parametrize(
    ("documents", "message"),
    [
        (pl.DataFrame({"doc_id": ["a", "b"], "text": ["x1", None]}), "doc_id 'b' has no text"),
        (pl.DataFrame({"doc_id": ["a", "a"], "text": ["x1", "x2"]}), "doc_id 'a' comes twice"),
        (pl.DataFrame({"doc_id": ["a"], "text": ["\u3002 - !"]}), "no document has a word"),
        (iter([]), "no document has a word"),
    ],
)
def test_bad_documents_are_named(tmp_path, documents, message):
    with pytest.raises(UserError, match=message):
        build_index(documents, tmp_path / "index", Bm25())


def test_an_error_in_a_later_chunk_is_not_lost(tmp_path):
    chunks = [frame({"a": "apple"}), pl.DataFrame({"doc_id": ["b"], "text": [None]})]
    with pytest.raises(UserError, match="doc_id 'b' has no text"):
        build_index([chunks[0], chunks[1].cast(pl.String)], tmp_path / "index", Bm25())


def test_mistakes_of_the_user(tmp_path):
    with pytest.raises(UserError, match="engine 'lucene' was found; allowed: pisa, terrier"):
        Bm25(engine="lucene")
    with pytest.raises(UserError, match="exists already"):
        build_index(frame(TEXTS), tmp_path, Bm25())
    index = build_index(frame(TEXTS), tmp_path / "index", Bm25())
    with pytest.raises(UserError, match="query_id 'q0' has no text"):
        index.search(queries(None).cast(pl.String), k=5)


def test_terrier_without_its_jars_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTERRIER_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    mode = pyterrier.java.mavenresolver.OnlineMode.OFFLINE
    monkeypatch.setattr(pyterrier.java.mavenresolver, "_online_mode", mode)
    with pytest.raises(UserError, match=r"PYTERRIER_HOME.*terrier-assemblies-<version>"):
        build_index(frame(TEXTS), tmp_path / "index", Bm25(engine="terrier"))


def test_engines_print_nothing(tmp_path, capfd):
    build_index(frame(TEXTS), tmp_path / "index", Bm25()).search(queries("apple"), k=2)
    assert capfd.readouterr() == ("", "")


QRELS = pl.DataFrame(
    [("q0", "b", 2), ("q0", "e", 1), ("q0", "c", -1), ("q1", "e", 1), ("q2", "a 1", 1)],
    schema=["query_id", "doc_id", "grade"],
    orient="row",
)


@pytest.fixture
def indexed(tmp_path):
    return build_index(frame(TEXTS), tmp_path / "indexed", Bm25())


def test_candidates_by_hand(caplog, indexed):
    asked = queries("apple pie", "the", "red apple juice", "wine")
    pools = draw_candidates(indexed, asked, QRELS, [1, 2], n_candidates=1)
    # q0: BM25 finds "a 1", "b" and "c"; e is relevant but without a word of the query.
    # q1 is a stop word and has nothing to rank; q3 has no relevant passage.
    assert pools.drop("bm25_score").rows() == [
        ("q0", "a 1", 0, 1, "bm25"),
        ("q0", "b", 2, 2, "relevant"),
        ("q0", "e", 1, None, "relevant"),
        ("q2", "a 1", 1, 1, "relevant"),
        ("q2", "f", 0, 2, "bm25"),  # "red" twice: above "apple" once
    ]
    assert pools["bm25_score"].is_null().to_list() == [False, False, True, False, False]
    assert "1 of 3 queries are left out, bm25 finds no other passage for them: q1" in caplog.text
    deeper = draw_candidates(indexed, asked, QRELS, [2], n_candidates=9)
    assert deeper.filter(query_id="q0").select("doc_id", "grade", "pool").rows() == [
        ("a 1", 0, "bm25"),
        ("b", 2, "relevant"),
        ("c", -1, "bm25"),
    ]


def test_the_sample_of_queries_rests_on_the_seed_alone(tmp_path):
    texts = {f"d{i}": f"apple number{i}" for i in range(30)}
    asked = queries(*["apple"] * 30)
    qrels = pl.DataFrame({"query_id": asked["query_id"], "doc_id": list(texts), "grade": 1})
    index = build_index(frame(texts), tmp_path / "index", Bm25())
    chosen = [
        draw_candidates(index, ordered, qrels, [1], 2, max_queries=10, seed=seed)
        for ordered, seed in [(asked, 5), (asked.reverse(), 5), (asked, 6)]
    ]
    assert chosen[0]["query_id"].n_unique() == 10
    assert chosen[0].equals(chosen[1])
    assert set(chosen[0]["query_id"]) != set(chosen[2]["query_id"])


def test_relevant_passages_without_text_are_left_out(caplog, indexed):
    qrels = QRELS.vstack(pl.DataFrame([("q0", "gone", 2)], schema=QRELS.schema, orient="row"))
    pools = draw_candidates(indexed, queries("apple pie"), qrels, [2], 5)
    assert "gone" not in pools["doc_id"]
    assert "1 relevant passages are not among the documents" in caplog.text
    with pytest.raises(UserError, match="no query has a passage of the grades"):
        draw_candidates(indexed, queries("apple pie"), qrels, [7], 5)


def test_an_index_serves_all_that_open_it(tmp_path):
    """Moved or not, and searches write nothing into it; not documents that it was not made of."""
    bm25, asked = Bm25(k1=1.2, b=0.75), queries("red apple pie", "fish soup")
    made = build_index(frame(TEXTS), tmp_path / "made", bm25)
    expected = build_index(frame(TEXTS), tmp_path / "other", bm25).search(asked, k=5)
    (tmp_path / "made").rename(tmp_path / "moved")
    files = {file: file.stat().st_mtime_ns for file in (tmp_path / "moved").rglob("*")}
    for _ in range(2):
        found = open_index(made.doc_ids, tmp_path / "moved", bm25).search(asked, k=5)
        assert found.equals(expected) and len(found)
    assert {file: file.stat().st_mtime_ns for file in (tmp_path / "moved").rglob("*")} == files
    with pytest.raises(UserError, match=r"moved: pisa has indexed 7 of 6 documents; remove the"):
        open_index(made.doc_ids[1:], tmp_path / "moved", Bm25())


def test_scripts(tmp_path):
    tables = {"documents": frame(TEXTS), "queries": queries("apple pie"), "qrels": QRELS}
    given = {name: str(tmp_path / f"{name}.parquet") for name in tables}
    for name, table in tables.items():
        table.write_parquet(given[name])
    given["index"] = str(tmp_path / "index")
    index_script(given["documents"], given["index"], {"k1": 1.2})
    settings = {"relevant_grades": [2], "n_candidates": 3, "max_queries": None, "seed": 0}
    made = tmp_path / "candidates.parquet"
    draw_candidates_script(given, made, {"k1": 1.2}, settings)
    index = build_index(frame(TEXTS), tmp_path / "other", Bm25(k1=1.2))
    expected = draw_candidates(index, tables["queries"], QRELS, [2], 3)
    assert pl.read_parquet(made).equals(expected)
