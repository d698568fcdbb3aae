"""Words of any script: by hand, against Snowball, and BM25 on Russian against bm25s."""

import unicodedata

import bm25s
import numpy as np
import polars as pl
import pytest
import Stemmer

from relevance_neurons.collections.retrieval import Bm25, build_index
from relevance_neurons.collections.words import Analyser
from relevance_neurons.errors import UserError


def documents(*texts, language="none"):
    return Analyser(language).documents(pl.Series(texts, dtype=pl.String)).to_list()


def decoded(terms):
    """Terms as words again: those in hexadecimal numbers are UTF-8 between 0x and 0."""
    return [
        bytes.fromhex(term[2:-1]).decode() if term.startswith("0x") else term
        for term in terms.split()
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Die Übung, étude-café!", ["die", "übung", "étude", "café"]),
        ("x_y 3.14 C3PO", ["x", "y", "3", "14", "c3po"]),
        ("Пчёлы делают МЁД", ["пчёлы", "делают", "мёд"]),
        ("نحلة العسل", ["نحلة", "العسل"]),
        ("मधुमक्खी शहद", ["मधुमक्खी", "शहद"]),  # vowel signs belong to the word
        ("2019年月球 tide", ["2019", "年月", "月球", "tide"]),
        ("蜂", ["蜂"]),
        ("ハチ ミツ", ["ハチ", "ミツ"]),
        ("コーヒー", ["コー", "ーヒ", "ヒー"]),
        ("ｆｕｌｌ ｗｉｄｔｈ", ["full", "width"]),
        ("cafe\u0301", ["café"]),
        ("soft\u00adware zero\u200bwidth", ["software", "zerowidth"]),
        ("می\u200cخواهم", ["میخواهم"]),  # with its joiner or without
        ("I \u2764\ufe0f NY 1\ufe0f\u20e3", ["i", "ny", "1"]),
        ("İstanbul", ["istanbul"]),
        ("cafe\u200d\u0301 I\u0307\u0307\u0301", ["café", "í"]),  # whatever stood between
        ("ក។ ៗ ၊", ["ក", "ៗ"]),  # of signs, that of a repeated word alone is a letter
        ("\u0e31ก", ["ก"]),  # nor are marks without a letter
        ("", []),
        ("。、 !?", []),
        ("0xc3a90 é", ["0xc3a90", "é"]),  # no word can pass for another's numbers
    ],
)
def test_words_by_hand(text, words):
    (terms,) = documents(text)
    assert decoded(terms) == [unicodedata.normalize("NFKC", word) for word in words]
    assert terms.isascii()


def test_every_text_keeps_its_row_and_equal_words_are_equal_terms():
    texts = ["b a", "", "a b a", "—", "é"]
    terms = documents(*texts)
    assert terms[:4] == ["b a", "", "a b a", ""]
    assert len({*documents("é", "e", "0xc3a90")}) == 3


def test_stems_are_snowball_s():
    texts = ["running runs runner", "laufende Übungen laufen"]
    for text, language in zip(texts, ("english", "german"), strict=True):
        stems = Stemmer.Stemmer(language).stemWords(text.lower().split())
        assert decoded(documents(text, language=language)[0]) == stems
    assert decoded(documents(texts[1])[0]) == texts[1].lower().split()


def test_stop_words_are_of_english_queries_alone():
    asked = pl.Series(["the bees of May"])
    assert Analyser("english").queries(asked).to_list() == ["bee may"]
    assert Analyser("english").documents(asked).to_list() == ["the bee of may"]
    assert Analyser("german").queries(pl.Series(["die Bienen"])).to_list() == ["die bien"]


def test_turkish_has_two_letters_i():
    terms = Analyser("turkish").documents(pl.Series(["İSTANBUL istanbul", "ISPARTA ısparta"]))
    for line in terms:
        one, other = decoded(line)
        assert one == other


def test_an_unknown_language_is_refused():
    with pytest.raises(UserError, match="language 'klingon' has no stemmer; allowed: none, arabic"):
        Analyser("klingon")


def frame(texts, id_column="doc_id"):
    return pl.DataFrame({id_column: [f"d{n}" for n in range(len(texts))], "text": texts})


RUSSIAN = [
    "Пчёлы собирают нектар и делают из него мёд",
    "Луна своим притяжением вызывает приливы",
    "Мёд полезен, но пчела может ужалить",
    "Приливы и отливы зависят от положения Луны",
    "Река течёт через город к морю",
    "Рабочие пчёлы живут летом около месяца",
    "Море у города тёплое только летом",
    "Город стоит на берегу реки, в устье",
]
RUSSIAN_QUERIES = ["как пчела делает мёд", "луна и приливы", "летом у моря", "город на реке"]


def test_ranks_a_russian_collection_as_bm25s_does(tmp_path):
    """bm25s cuts words by itself, and looks for them with another program."""
    bm25 = Bm25(language="russian")
    index = build_index(frame(RUSSIAN), tmp_path / "index", bm25)
    run = index.search(frame(RUSSIAN_QUERIES, "query_id"), k=8)
    cut = {"stopwords": None, "stemmer": Stemmer.Stemmer("russian"), "show_progress": False}
    cut |= {"token_pattern": r"(?u)\b\w+\b", "return_ids": False}
    oracle = bm25s.BM25(method="robertson", k1=0.9, b=0.4)
    oracle.index(bm25s.tokenize(RUSSIAN, **cut), show_progress=False)
    for number, terms in enumerate(bm25s.tokenize(RUSSIAN_QUERIES, **cut)):
        found = run.filter(query_id=f"d{number}")
        own = oracle.get_scores(terms)[[int(doc_id[1:]) for doc_id in found["doc_id"]]]
        assert len(found) == (oracle.get_scores(terms) > 0).sum() > 1
        # bm25s leaves the constant factor k1 + 1 out.
        assert np.allclose(found["bm25_score"], own * 1.9, rtol=1e-4)


@pytest.mark.parametrize(
    ("texts", "query", "first"),
    [
        (["Der bung ist kein Wort", "Die Übung macht den Meister", "nichts"], "Übung", ["d1"]),
        (["tude caf", "une étude sur le café", "rien"], "étude café", ["d1"]),
        (["潮汐来自月球", "蜜蜂采集花蜜", "蜜蜂会蜇人"], "蜜蜂的花蜜", ["d1", "d2"]),
        (["2019年的潮汐", "2019年的蜜蜂", "2018年"], "2019年蜜蜂", ["d1", "d0"]),
        (["ดวงจันทร์กับน้ำ", "ผึ้งทำน้ำผึ้ง", "แม่น้ำ"], "ผึ้ง", ["d1"]),
    ],
)
def test_finds_what_is_written_in_any_script(tmp_path, texts, query, first):
    index = build_index(frame(texts), tmp_path / "index", Bm25(language="none"))
    found = index.search(frame([query], "query_id"), k=3)
    assert found["doc_id"].to_list()[: len(first)] == first


def test_another_language_than_the_study_s_is_noticed(tmp_path, caplog):
    build_index(frame(RUSSIAN), tmp_path / "english", Bm25())
    assert "100 % of the first documents' words hold letters that English lacks" in caplog.text
    caplog.clear()
    build_index(frame(RUSSIAN), tmp_path / "russian", Bm25(language="russian"))
    build_index(
        frame(["蜜蜂", "a naïve bee and more plain words here and there"]), tmp_path / "c", Bm25()
    )
    assert caplog.text == ""
