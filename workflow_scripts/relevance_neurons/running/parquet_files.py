"""Tables that lie in one file or in a folder of several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def parquet_files(paths: Sequence[str | Path]) -> list[str]:
    """``paths`` with the Parquet files in a folder, by name, in place of the folder."""
    given = map(Path, paths)
    files = [sorted(one.glob("*.parquet")) if one.is_dir() else [one] for one in given]
    return [str(file) for of in files for file in of]
