"""Related words from WordNet's files: a WordNet of five senses, and one that is no WordNet."""

import importlib.util
from pathlib import Path

import pytest

from relevance_neurons.errors import UserError
from relevance_neurons.mechanism.related_words import FROM_WORDNET
from relevance_neurons.mechanism.terms import Term
from relevance_neurons.mechanism.wordnet import related_in_wordnet

SENSES = {  # words, senses above it
    "doctor": (["doctor", "Doctor_of_medicine", "physician"], ["expert"]),
    "theologian": (["doctor", "theologian"], []),
    "expert": (["expert", "specialist"], []),
    "wing": (["wing"], ["organ"]),
    "organ": (["organ"], []),
}
needs_nltk = pytest.mark.skipif(
    importlib.util.find_spec("nltk") is None, reason="nltk is not installed"
)


def write_wordnet(folder: Path) -> Path:
    """Database files as `man wndb` has them: index lines name offsets of bytes in the data file."""

    def lines(places: dict[str, int]) -> list[str]:
        rows = []
        for name, (words, above) in SENSES.items():
            listed = " ".join(f"{word} 0" for word in words)
            pointers = "".join(f" @ {places.get(one, 0):08d} n 0000" for one in above)
            head = f"{places.get(name, 0):08d} 03 n {len(words):02x} {listed} {len(above):03d}"
            rows.append(f"{head}{pointers} | {name}\n")
        return rows

    places, start = {}, 0
    for name, line in zip(SENSES, lines({}), strict=True):
        places[name], start = start, start + len(line)
    folder.mkdir()
    for part in ("noun", "verb", "adj", "adv"):
        for name in (f"index.{part}", f"data.{part}", f"{part}.exc"):
            (folder / name).write_text("")
    (folder / "data.noun").write_text("".join(lines(places)))
    words = sorted({word.lower() for words, _ in SENSES.values() for word in words})
    index = []
    for word in words:
        own = [places[name] for name, (has, _) in SENSES.items() if word in map(str.lower, has)]
        offsets = " ".join(f"{place:08d}" for place in own)
        index.append(f"{word} n {len(own)} 1 @ {len(own)} 0 {offsets}\n")
    (folder / "index.noun").write_text("".join(index))
    return folder


def related(folder, word: str, query: str):
    found = related_in_wordnet({"q": Term(word, word, word, 1.0, 1)}, {"q": query}, folder)
    return found.get("q")


@needs_nltk
@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("a doctor", "physician"),
        ("doctors and physicians", "theologian"),  # of the second sense
        ("doctor physician theologian", "expert"),  # above the first
        ("doctor physician theologian expert", "specialist"),
    ],
)
def test_synonyms_come_first(tmp_path, query, word):
    assert related(write_wordnet(tmp_path / "wordnet"), "doctor", query) == (word, FROM_WORDNET)


@needs_nltk
def test_what_wordnet_does_not_relate(tmp_path):
    folder = write_wordnet(tmp_path / "wordnet")
    assert related(folder, "wing", "wing") == ("organ", FROM_WORDNET)
    assert related(folder, "organ", "organ") is None
    assert related(folder, "zzz", "zzz") is None


@needs_nltk
def test_broken_files_are_told_in_one_line(tmp_path):
    folder = write_wordnet(tmp_path / "wordnet")
    (folder / "index.noun").write_text("no such line\n")
    with pytest.raises(UserError, match=r"mechanism\.wordnet: .*wordnet cannot be read") as error:
        related(folder, "wing", "wing")
    assert "\n" not in str(error.value)


def test_a_folder_without_its_files(tmp_path):
    with pytest.raises(UserError, match=r"mechanism\.wordnet: .* has no index.noun; name a folder"):
        related(tmp_path, "wing", "wing")
