"""The three sources of a collection, each as an ir_datasets dataset.

``ir_datasets``: any dataset of that catalogue. ``files``: the user's own. ``docstrings``: the
documentation of installed Python packages. Whoever reads the dataset need not know which.
"""

from __future__ import annotations

import difflib
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from relevance_neurons.collections.datasets import (
    FileDocs,
    FileQrels,
    FileQueries,
    FrameDocs,
    FrameQrels,
    FrameQueries,
)
from relevance_neurons.collections.docstrings import docstring_collection
from relevance_neurons.collections.texts import one_line
from relevance_neurons.errors import UserError
from relevance_neurons.running.extras import extra
from relevance_neurons.running.outputs import is_disk_full

with extra("retrieval"):
    import ir_datasets
    from ir_datasets.datasets.base import Dataset
    from ir_datasets.formats import GenericQuery

logger = logging.getLogger(__name__)


def open_dataset(source: str, settings: Mapping[str, Any], seed: int) -> Dataset:
    """The dataset that ``settings`` of ``source`` name, with documents, queries and judgments.

    ``settings``: ``id`` (ir_datasets); ``documents``, ``queries``, ``qrels``, paths, and if wanted
    ``obtain``, what to do where one is missing, and ``on_dangling: stop``, to refuse texts that
    are empty and judgments of what is not there by file and line (files);
    ``package``, and if wanted ``part``, ``max_queries``, ``negatives`` (docstrings, the only one
    to use ``seed``; see ``docstring_collection`` for what they mean and default to).
    Nothing is read yet except docstrings. Raises ``UserError`` for an unknown source or id, and
    while the dataset is iterated: for a mistake in the user's files, a failed download, documents
    that must be asked for (with the instruction of ir_datasets).
    """
    if source == "ir_datasets":
        return CatalogueDataset(settings["id"])
    if source == "files":
        return _files(settings)
    if source == "docstrings":
        names = {"part": "part", "max_queries": "queries", "negatives": "negatives"}
        given = {name: settings[key] for key, name in names.items() if key in settings}
        documents, queries, qrels = docstring_collection(settings["package"], seed=seed, **given)
        return Dataset(FrameDocs(documents), FrameQueries(queries), FrameQrels(qrels))
    raise UserError(f"source {source!r} is unknown; ir_datasets, files and docstrings are allowed")


def _files(settings: Mapping[str, Any]) -> Dataset:
    _check_files(settings)
    strict = settings.get("on_dangling") == "stop"
    documents = FileDocs(settings["documents"], strict)
    queries = FileQueries(settings["queries"], strict)
    qrels = FileQrels(settings["qrels"], (queries, documents) if strict else None)
    return Dataset(documents, queries, qrels)


def _check_files(settings: Mapping[str, Any]) -> None:
    files = {key: Path(settings[key]) for key in ("documents", "queries", "qrels")}
    missing = [f"{key}: no file {path}" for key, path in files.items() if not path.is_file()]
    if missing and "obtain" in settings:
        raise UserError(f"{'; '.join(missing)}; how to get them: {one_line(settings['obtain'])}")


class CatalogueDataset(Dataset):
    """A dataset of the ir_datasets catalogue whose failures are one clear line each."""

    def __init__(self, dataset_id: str) -> None:
        super().__init__(_load(dataset_id))
        self._id = dataset_id

    def docs_iter(self) -> Iterator[Any]:
        """The documents, downloaded first where they are not in the ir_datasets home."""
        return self._guarded("docs_iter", "documents")

    def queries_iter(self) -> Iterator[Any]:
        """The queries, downloaded like the documents."""
        return map(self._with_text, self._guarded("queries_iter", "queries"))

    def qrels_iter(self) -> Iterator[Any]:
        """The judgments, downloaded like the documents."""
        return self._guarded("qrels_iter", "judgments")

    def docs_count(self) -> int:
        """Number of documents by the catalogue, 0 where it does not say; opens no file."""
        return getattr(self, "docs_metadata", dict)().get("count", 0)

    def _with_text(self, query: Any) -> Any:
        # A background linking query (TREC News) is an article: its title is the text, as in BEIR.
        if hasattr(query, "default_text") or not hasattr(query, "doc_id"):
            return query
        article = self._constituents[0].docs_store().get_many([query.doc_id]).get(query.doc_id)
        return GenericQuery(query.query_id, getattr(article, "title", None) or "")

    def _guarded(self, method: str, part: str) -> Iterator[Any]:
        iterate: Callable[[], Iterator[Any]] = getattr(self._constituents[0], method)
        with _Messages() as messages:
            try:
                yield from iterate()
            except Exception as error:
                if is_disk_full(error):
                    raise
                logger.info("ir_datasets failed", exc_info=True)
                raise _unavailable(self._id, part, error, messages) from error


def _load(dataset_id: str) -> Dataset:
    try:
        dataset = ir_datasets.load(dataset_id)
    except KeyError as error:
        near = difflib.get_close_matches(dataset_id, list(ir_datasets.registry), n=3, cutoff=0.5)
        raise UserError(
            f"ir_datasets id {dataset_id!r} is unknown; near: {', '.join(near) or 'none'} "
            "(all ids: https://ir-datasets.com)"
        ) from error
    missing = [part for part in ("docs", "queries", "qrels") if not dataset.has(part)]
    if missing:
        subsets = [name for name in ir_datasets.registry if name.startswith(f"{dataset_id}/")]
        raise UserError(
            f"ir_datasets id {dataset_id!r} has no {', no '.join(missing)}; a dataset with all "
            f"three is needed, look among its subsets: {', '.join(subsets[:8]) or 'none'}"
        )
    return dataset


class _Messages(logging.Handler):
    """Collects what ir_datasets logs: it tells there, not in the exception, what to do."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: deque[str] = deque(maxlen=50)

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(one_line(record.getMessage()))

    def __enter__(self) -> _Messages:
        logging.getLogger("ir_datasets").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("ir_datasets").removeHandler(self)


def _unavailable(dataset_id: str, part: str, error: Exception, messages: _Messages) -> UserError:
    if isinstance(error, FileNotFoundError) and messages.texts:
        return UserError(
            f"ir_datasets id {dataset_id!r}: its {part} must be asked for; {messages.texts[-1]}"
        )
    # Download raises RuntimeError(text, [(mirror, error), ...]) where it has tried several.
    if len(error.args) == 2 and isinstance(error.args[1], list):
        error = error.args[1][-1][1]
    copies = [text for text in messages.texts if text.startswith("If you have a local copy")]
    return UserError(
        f"ir_datasets id {dataset_id!r}: its {part} could not be read "
        f"({type(error).__name__}: {one_line(str(error))[:600]}); without a network, prepare the "
        "collection where there is one and bring the folder "
        f"{ir_datasets.util.home_path()} here. {copies[-1] if copies else ''}".rstrip()
    )
