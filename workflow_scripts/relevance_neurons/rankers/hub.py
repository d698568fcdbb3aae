"""Where a ranker's files are: a folder, the hub's cache, or the hub itself.

The hub is asked for what the cache lacks only, and what it has is looked through before anything
large is fetched. All later reading is from the folder that is found here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from relevance_neurons.errors import UserError

WEIGHTS = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
)
"""Files that hold all weights, or say in which files they are: the first that is there is read."""

VOCABULARIES = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "spiece.model",
    "spm.model",
    "sentencepiece.bpe.model",
    "tokenizer.model",
)
_DESCRIBED = ("config.json", "adapter_config.json", "modules.json")
"""One of these is in every folder of a model, a ranker or not."""
_WORDS = {
    "config": "config.json",
    "weights": "weights that torch reads",
    "tokenizer": "a tokenizer",
}
_HUB_SECONDS = 4.0


@dataclass(frozen=True)
class Place:
    """A folder with a model's files, and how messages name it: the study's key and the name."""

    where: str
    folder: Path

    def names(self) -> list[str]:
        """The files and folders in it, sorted."""
        return _names(self.folder)


def find_place(name: str, key: str, wanted: str) -> Place:
    """The folder that holds what is ``wanted``: "config", "weights" or "tokenizer".

    ``name`` is a folder or a hub id, ``key`` the study's key under reranker that it comes from. A
    folder is taken as it is. Raises ``UserError`` where nothing is found, saying what to do.
    """
    path, where = Path(name).expanduser(), f"reranker.{key}: {name}"
    if path.is_dir():
        return Place(where, path)
    if path.exists():
        raise UserError(f"{where} is a file; give the folder that it is in")
    if path.is_absolute() or name.startswith((".", "~")):
        raise UserError(f"reranker.{key}: no folder {name}; a folder or a hub id is needed")
    cached = _cached(name, where)
    if cached is None or not _complete(cached, wanted):
        cached = _fetched(name, where, wanted, cached)
    return Place(where, cached)


def weight_files(folder: Path, names: Collection[str]) -> list[str] | None:
    """The files that hold all weights, of ``names``; None if there are none.

    Those that an index lists are among them whether they are there or not.
    """
    first = next((name for name in WEIGHTS if name in names), None)
    if first is None or not first.endswith(".index.json"):
        return [first] if first else None
    index = json.loads((folder / first).read_text(encoding="utf-8"))
    return sorted({first, *index["weight_map"].values()})


def no_weights(where: str, names: Collection[str]) -> UserError:
    """The error where none of the files ``names`` holds weights."""
    return UserError(
        f"{where} has no weights that torch reads ({shown(names)}); model.safetensors or "
        "pytorch_model.bin is needed"
    )


def _cached(name: str, where: str) -> Path | None:
    """The folder of a hub id in the hub's cache, if any of it is there."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = [try_to_load_from_cache(name, one) for one in (*_DESCRIBED, *VOCABULARIES)]
    except HFValidationError as error:
        raise UserError(
            f"{where} is neither a folder nor a hub id; a folder, or an id as owner/name, is needed"
        ) from error
    return next((Path(one).parent for one in found if isinstance(one, str)), None)


def _complete(folder: Path, wanted: str) -> bool:
    names = _names(folder)
    if wanted == "weights":
        try:
            files = weight_files(folder, names)
        except (OSError, ValueError, LookupError):
            return True  # the index is broken: reading it will say so
        return files is not None and set(files) <= set(names)
    return any(name in names for name in (VOCABULARIES if wanted == "tokenizer" else _DESCRIBED))


def _fetched(name: str, where: str, wanted: str, cached: Path | None) -> Path:
    """The folder in the cache, after what is ``wanted`` was fetched from the hub."""
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import GatedRepoError
    from huggingface_hub.utils import disable_progress_bars

    disable_progress_bars()  # they would fill the log
    try:
        there = _listed(name, where, wanted, cached)
        small = [one for one in there if one.endswith((".json", ".txt", ".model", ".codes"))]
        if not small:
            raise UserError(
                f"{where} holds no model that can be read ({shown(there)}); one with a config.json "
                "is needed"
            )
        if wanted == "weights" and not set(WEIGHTS) & set(there):
            raise no_weights(where, there)
        folder = {Path(hf_hub_download(name, one)).parent for one in small}.pop()
        if wanted == "weights":
            for file in weight_files(folder, there) or ():
                hf_hub_download(name, file)
    except UserError:
        raise
    except GatedRepoError as error:
        raise UserError(
            f"{where} is gated; ask for access on its page and log in with `hf auth login`"
        ) from error
    except Exception as error:  # the client's own kinds, which differ from version to version
        raise UserError(
            f"{where}: the download failed ({reason(error)}); run `hf download {name}`"
        ) from error
    return folder


def _listed(name: str, where: str, wanted: str, cached: Path | None) -> list[str]:
    """The files at the top of a hub's model, asked for within a few seconds."""
    from huggingface_hub import HfApi, is_offline_mode
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    try:
        if is_offline_mode():
            raise OSError("HF_HUB_OFFLINE is set")
        files = HfApi().model_info(name, timeout=_HUB_SECONDS).siblings or []
    except GatedRepoError:
        raise
    except RepositoryNotFoundError as error:
        raise UserError(
            f"{where}: the hub has no such model that you may see (HTTP "
            f"{error.response.status_code}); check the id, or log in with `hf auth login`"
        ) from error
    except HfHubHTTPError as error:
        raise UserError(
            f"{where}: the hub answers HTTP {error.response.status_code}; try again later, or give "
            "a folder"
        ) from error
    except Exception as error:  # the same
        state = "is neither a folder nor in the hub's offline cache"
        if cached is not None:
            state = (
                f"is in the hub's offline cache without {_WORDS[wanted]} ({shown(_names(cached))})"
            )
        raise UserError(
            f"{where} {state}, and the hub is out of reach ({reason(error)}); give a folder, or "
            f"run `hf download {name}` where there is a network and copy its cache ($HF_HOME)"
            f"{', or name the tokenizer of its base' if wanted == 'tokenizer' else ''}"
        ) from error
    return sorted(file.rfilename for file in files if re.fullmatch(r"[^./][^/]*", file.rfilename))


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def shown(names: Collection[str], most: int = 6) -> str:
    """Names of files for a message: the first few."""
    listed = [*names][:most]
    return f"there: {', '.join(listed)}{', …' if len(names) > most else ''}" if listed else "empty"


def reason(error: BaseException) -> str:
    """The first line of what an error says, or its kind."""
    if isinstance(error, LookupError):  # their text is what was looked up, alone
        return f"{type(error).__name__}: {error}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
