"""Options that several commands share, said once: how the ranker runs, where results go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Group, Parameter

if TYPE_CHECKING:
    from relevance_neurons.rankers.reranker import Reranker

Dtype = Literal["auto", "float32", "bfloat16", "float64"]
Format = Literal["table", "csv", "json"]
Labels = Literal["relevant", "non_relevant"]

_RANKER = Group("The ranker", sort_key=2)
_RESULTS = Group("Results", sort_key=3)


@Parameter(name="*", group=_RANKER)
@dataclass(frozen=True)
class RankerOptions:
    """How the ranker is loaded and run."""

    device: str = "auto"
    """auto (the GPU if there is one), cpu or cuda."""
    dtype: Dtype = "auto"
    """Arithmetic; auto is float32 on a CPU, on a GPU TF32 and, for ranking, bfloat16."""
    max_length: int | None = None
    """Tokens of a pair; the rest of the longer text is cut. Default: what the ranker takes, up to
    512."""
    tokenizer: str | None = None
    """Folder or hub id of the tokenizer, where it is not the ranker's own."""
    relevant_index: Literal[0, 1] | None = None
    """Which of two logits means relevant, where the ranker's config does not say."""

    def load(self, model: str) -> Reranker:
        """The ranker. Raises ``UserError`` as ``load_reranker``."""
        from relevance_neurons.rankers.loading import load_reranker

        settings: dict[str, Any] = {
            "tokenizer": self.tokenizer,
            "device": self.device,
            "dtype": self.dtype,
            "max_length": self.max_length,
            "relevant": self.relevant_index,
        }
        return load_reranker(model, **settings)


@Parameter(name="*", group=_RESULTS)
@dataclass(frozen=True)
class ResultOptions:
    """Where the results go: to the terminal, and whole to a file."""

    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None
    """File for the whole table, by its suffix: .parquet, .csv or .json."""
    format: Annotated[Format, Parameter(name=["--format", "-f"])] = "table"
    """What is printed: a table of the first rows, or everything as csv or json (for a pipe)."""
    rows: int = 20
    """Rows of the printed table, for each label, pair or list."""
