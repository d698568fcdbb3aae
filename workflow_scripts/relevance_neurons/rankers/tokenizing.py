"""A ranker's tokenizer, and how many tokens of it the ranker takes."""

from __future__ import annotations

from collections.abc import Iterable

from relevance_neurons.errors import UserError
from relevance_neurons.rankers.configs import from_pretrained, read_json, refuse_remote_code
from relevance_neurons.rankers.hub import Place, find_place, reason, shown

DEFAULT_LENGTH = 512
"""At how many tokens pairs are cut, where nobody says and the model holds as many."""


def load_tokenizer(name: str, config, key: str = "tokenizer"):
    """The fast tokenizer of a folder or hub id, for a model of ``config``.

    Raises ``UserError`` if there is none, or if it does not belong to the model.
    """
    place = find_place(name, key, "tokenizer")
    names = place.names()
    if "tokenizer_config.json" in names:
        refuse_remote_code(place, read_json(place, "tokenizer_config.json"))
    tokenizer = _read(place)
    if len(tokenizer) <= len(tokenizer.all_special_tokens):  # made up where no file is there
        raise UserError(
            f"{place.where} has no vocabulary ({shown(names)}); name the tokenizer that the ranker "
            "was trained with: a folder with tokenizer.json, or a hub id as bert-large-uncased"
        )
    check_tokenizer(place, tokenizer, config)
    return tokenizer


def check_tokenizer(place: Place, tokenizer, config) -> None:
    """Raise ``UserError`` for a tokenizer that does not belong to a model of ``config``."""
    if len(tokenizer) > config.vocab_size:
        raise UserError(
            f"{place.where} has {len(tokenizer)} tokens and the model knows {config.vocab_size}: "
            "they do not belong together; name the ranker's own tokenizer"
        )
    if not tokenizer.is_fast:
        raise UserError(
            f"{place.where} has no fast tokenizer (tokenizer.json); one is needed to tell query, "
            "passage and special tokens apart"
        )
    if tokenizer.pad_token_id is None:
        padding = tokenizer.convert_ids_to_tokens(getattr(config, "pad_token_id", None) or 0)
        raise UserError(
            f"{place.where} names no padding token; add it to tokenizer_config.json, as "
            f'"pad_token": "{padding}"'
        )


def token_texts(tokenizer, ids: Iterable[int]) -> list[str]:
    """Tokens as one reads them: of RoBERTa's kind their bytes as text, a space before as ▁."""
    tokens = tokenizer.convert_ids_to_tokens(list(map(int, ids)))
    decoder = tokenizer.backend_tokenizer.decoder
    if type(decoder).__name__ != "ByteLevel":
        return tokens
    texts = [decoder.decode([token]).replace(" ", "▁") for token in tokens]
    # A token that is half a character stays as it stands in the vocabulary.
    return [token if "\ufffd" in text else text for token, text in zip(tokens, texts, strict=True)]


def _read(place: Place):
    from transformers import AutoTokenizer

    try:
        return from_pretrained(AutoTokenizer, place)
    except MemoryError:
        raise
    except Exception as error:  # each library below raises its own kinds
        said, why = str(error), reason(error)
        if "tokenizer.json" not in place.names():
            pieces = [name for name in place.names() if name.endswith(".model")]
            if pieces and any(word in said for word in ("tiktoken", "sentencepiece", "protobuf")):
                why = f"{pieces[0]} needs the packages sentencepiece and protobuf"
            elif "Couldn't instantiate" in said:
                why = "there is no tokenizer.json, and none can be made of its files"
        raise UserError(
            f"{place.where} cannot be loaded ({why}); name a tokenizer that has a tokenizer.json, "
            "as google-t5/t5-base for a MonoT5"
        ) from error


def usual_length(network, tokenizer) -> int:
    """At how many tokens a ranker's pairs are cut, where nobody says."""
    return min(DEFAULT_LENGTH, longest_pair(network, tokenizer))


def check_length(max_length: int, network, tokenizer, key: str = "max_length") -> int:
    """``max_length``; raises ``UserError`` where the model holds fewer, or no text is left."""
    limit = longest_pair(network, tokenizer)
    least = 2 + tokenizer.num_special_tokens_to_add(pair=True)  # a token of each text
    if not isinstance(max_length, int) or max_length < least:
        raise UserError(
            f"reranker.{key}: {max_length!r} was found; a whole number from {least} is needed, so "
            "that beside the special tokens there is one of each text"
        )
    if max_length > limit:
        raise UserError(
            f"reranker.{key}: {max_length} was found; this model holds at most {limit} tokens"
        )
    return max_length


def longest_pair(network, tokenizer) -> int:
    """How many tokens a model holds; a very large number where neither it nor its tokenizer says.

    Models with relative positions hold what their tokenizer does.
    """
    positions = getattr(network.config, "max_position_embeddings", None)
    if not positions:
        return tokenizer.model_max_length
    embeddings = getattr(network.base_model, "embeddings", None)
    padding = getattr(getattr(embeddings, "position_embeddings", None), "padding_idx", None)
    if padding is not None:
        positions -= padding + 1  # RoBERTa's kind: the table starts after the padding index
    return min(tokenizer.model_max_length, positions)
