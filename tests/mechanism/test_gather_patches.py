"""Shards of patches, and the pairs of collections, become a table each, in their order."""

from __future__ import annotations

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from workflow_scripts.mechanism import gather_diagnostic_pairs, gather_patches

TABLES = ("patch_effects", "diagnostic_scores", "path_effects")


@pytest.fixture
def shards(tmp_path) -> dict[str, list[str]]:
    """Three shards of every table: the second has no pair, as where there are few."""
    files = {}
    for table in TABLES:
        whole = pl.DataFrame({"pair": [4, 4, 1, 0], "head": [None, 1, 2, 3], "of": [table] * 4})
        parts = (whole[:2], whole[2:2], whole[2:])
        files[table] = [str(tmp_path / f"{table}.{number}.parquet") for number in range(3)]
        for file, part in zip(files[table], parts, strict=True):
            part.write_parquet(file)
    return files


def test_each_table_has_its_shards_in_their_order(shards, tmp_path):
    made = {table: str(tmp_path / "made" / f"{table}.parquet") for table in reversed(TABLES)}
    gather_patches.main(shards | {"script": ["patch_heads.py"]}, made)
    for table, file in made.items():
        found = pl.read_parquet(file)
        assert found["pair"].to_list() == [4, 4, 1, 0]
        assert found["head"].to_list() == [None, 1, 2, 3]
        assert found["of"].unique().to_list() == [table]


def test_pairs_of_all_collections_stand_in_one_table(tmp_path):
    frames = [
        pl.DataFrame({"collection": name, "pair": [0, 1], "tokens_before": [["a"], ["b", "c"]]})
        for name in ("second", "first")
    ]
    files = [str(tmp_path / f"{number}.parquet") for number in range(2)]
    for frame, file in zip(frames, files, strict=True):
        frame.write_parquet(file)
    gather_diagnostic_pairs.main(files, str(tmp_path / "diagnostic_pairs.parquet"))
    found = pl.read_parquet(tmp_path / "diagnostic_pairs.parquet")
    assert_frame_equal(found, pl.concat(frames))
