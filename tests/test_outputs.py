"""A file that exists is whole, and a full disk is said in one line."""

import errno

import polars as pl
import pytest

from relevance_neurons.errors import UserError
from relevance_neurons.outputs import whole, write_parquet, write_text


def test_what_was_there_stays_until_the_new_is_whole(tmp_path):
    path = tmp_path / "table.parquet"
    write_parquet(pl.DataFrame({"a": [1]}), path)
    with pytest.raises(RuntimeError), whole(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert pl.read_parquet(path)["a"].to_list() == [1]
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    for content in ("old", "new"):
        with whole(tmp_path / "model") as temporary:
            temporary.mkdir()
            (temporary / content).write_text(content)
    assert [path.name for path in (tmp_path / "model").iterdir()] == ["new"]


def test_a_full_disk_is_a_line(tmp_path, monkeypatch):
    def full(*_args, **_kwargs):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(UserError, match=r"table.parquet: the disk is full; nothing .* is lost"):
        write_parquet(pl.DataFrame({"a": [1]}), tmp_path / "table.parquet")
    assert not list(tmp_path.iterdir())


def test_text(tmp_path):
    write_text("Σ\n", tmp_path / "new" / "x.md")
    assert (tmp_path / "new" / "x.md").read_text("utf-8") == "Σ\n"
