"""The sentences of a text, by sentencex (rules of Wikipedia's translators for many languages)."""

from __future__ import annotations

from relevance_neurons.running.extras import extra

CODES = {
    "arabic": "ar", "armenian": "hy", "basque": "eu", "catalan": "ca", "czech": "cs",
    "danish": "da", "dutch": "nl", "dutch_porter": "nl", "english": "en", "esperanto": "eo",
    "estonian": "et", "finnish": "fi", "french": "fr", "german": "de", "greek": "el",
    "hindi": "hi", "hungarian": "hu", "indonesian": "id", "irish": "ga", "italian": "it",
    "lithuanian": "lt", "nepali": "ne", "norwegian": "no", "persian": "fa", "polish": "pl",
    "porter": "en", "portuguese": "pt", "romanian": "ro", "russian": "ru", "serbian": "sr",
    "sesotho": "st", "spanish": "es", "swedish": "sv", "tamil": "ta", "turkish": "tr",
    "yiddish": "yi",
}  # fmt: skip
"""ISO 639-1 of the languages that a study names (Snowball's). Others are read like English."""


def split_sentences(text: str, language: str = "english") -> list[str]:
    """The sentences of ``text`` in their order, without white space at their ends.

    ``language`` is one of ``collections.<name>.language``. No character but such white space is
    lost. Abbreviations, initials, decimals and addresses do not end a sentence ("Dr. Smith",
    "e.g. pears", "3.50", "https://a.org/b.c?d=1."); what is known to be cut too often: a number
    that opens an item of a list ("1. "), and abbreviations that the rules do not list ("Approx. ").
    """
    with extra("tokens"):
        import sentencex  # a job that splits no texts does without

    pieces = sentencex.segment(CODES.get(language, "en"), text)
    return [piece.strip() for piece in pieces if piece.strip()]
