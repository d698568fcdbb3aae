"""Related words from WordNet's own files, where a study names a folder of them."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from relevance_neurons.errors import UserError
from relevance_neurons.mechanism.related_words import FROM_WORDNET, Related, first_related
from relevance_neurons.mechanism.terms import Term
from relevance_neurons.running.extras import extra

_PARTS = ("noun", "verb", "adj", "adv")
_NEEDED = (
    *(f"{kind}.{part}" for kind in ("index", "data") for part in _PARTS),
    *(f"{part}.exc" for part in _PARTS),
)
_N_LEXICOGRAPHERS = 45
"""Files of lexicographers, whose names stand in `lexnames`: a file that some packages leave out."""


def related_in_wordnet(
    terms: Mapping[str, Term],
    queries: Mapping[str, str],
    folder: str | Path,
    language: str = "english",
    read: Callable[[str], str] = str,
) -> dict[str, Related]:
    """query_id -> a word that WordNet relates to its term, of the queries for which there is one.

    As ``related_words``, with candidates from the database files in ``folder`` (index.noun,
    data.noun and so on, version 3.0 or later): synonyms of the term's senses, the most frequent
    sense first, then words of the senses above, below and beside. Words of one word alone. Raises
    ``UserError`` where ``folder`` holds no such files.
    """
    reader = open_wordnet(folder)
    return first_related(
        terms, queries, lambda term: _candidates(reader, term), FROM_WORDNET, language, read
    )


def open_wordnet(folder: str | Path):
    """NLTK's reader of the database files in ``folder``; raises ``UserError`` where it has none."""
    folder = Path(folder)
    missing = [name for name in _NEEDED if not (folder / name).is_file()]
    if missing:
        raise UserError(
            f"mechanism.wordnet: {folder} has no {missing[0]}; name a folder of WordNet's database "
            "files (index.noun, data.noun, ...), such as /usr/share/wordnet"
        )
    with extra("tokens"):
        import nltk  # takes seconds, and only a study that names a folder needs it

    nltk.data.path.append(str(folder.resolve()))  # NLTK opens nothing outside these
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # other languages, which are not asked for
            return _reader_class()(str(folder.resolve()), None)
    except Exception as error:  # whatever a broken file makes the parser raise
        raise UserError(
            f"mechanism.wordnet: {folder} cannot be read ({type(error).__name__}: {error}); name a "
            "folder of whole database files of WordNet 3.0 or later"
        ) from error


def _reader_class():
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    class Reader(WordNetCorpusReader):
        """Without what other languages need, and with names where `lexnames` is left out."""

        def open(self, file):
            if file == "lexnames" and not (Path(str(self._root)) / file).is_file():
                return io.StringIO("".join(f"{n}\tfile{n}\t0\n" for n in range(_N_LEXICOGRAPHERS)))
            return super().open(file)

        def map_wn(self, version="wordnet"):
            return None

    return Reader


def _candidates(reader, term: str) -> Iterator[str]:
    senses = reader.synsets(term)
    for sense in senses:
        yield from _single_words(sense)
    for sense in senses:
        for other in (
            *sense.hypernyms(),
            *sense.hyponyms(),
            *sense.similar_tos(),
            *sense.also_sees(),
        ):
            yield from _single_words(other)


def _single_words(sense) -> Iterator[str]:
    return (name.lower() for name in sense.lemma_names() if name.isalpha())
