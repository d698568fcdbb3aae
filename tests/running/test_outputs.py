"""A file that exists is whole, and a full disk is said in one line."""

import errno
import os
import random
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

from relevance_neurons.errors import UserError
from relevance_neurons.running import outputs
from relevance_neurons.running.outputs import whole, write_parquet, write_text


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
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
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


def test_what_a_killed_process_left_is_removed(tmp_path):
    """Of this machine alone, and not what a process that lives is writing."""
    path = tmp_path / "table.parquet"
    gone = subprocess.Popen(["true"])
    gone.wait()
    here = outputs._machine()
    assert here.startswith(socket.gethostname().replace(".", "-"))
    names = {
        f".table.parquet.{here}.{gone.pid}.tmp": False,
        f".table.parquet.{here}.{gone.pid}.tmp.wal": False,
        f".table.parquet.{here}.{os.getppid()}.tmp": True,
        f".table.parquet.another-machine.{gone.pid}.tmp": True,
        f".other.parquet.{here}.{gone.pid}.tmp": True,
    }
    for name in names:
        (tmp_path / name).write_text("half")
    write_parquet(pl.DataFrame({"a": [1]}), path)
    assert {name: (tmp_path / name).exists() for name in names} == names


WRITE = """
import sys, polars as pl
from relevance_neurons.running.outputs import write_parquet
frame = pl.DataFrame({"a": range(400_000)}).with_columns(b=pl.col("a").hash())
print("ready", flush=True)
for _ in range(40):
    write_parquet(frame, sys.argv[1])
"""


def test_kill_at_any_moment_of_writing_leaves_a_whole_file(tmp_path):
    path = tmp_path / "table.parquet"
    pauses = random.Random(0)
    for _ in range(12):
        writer = subprocess.Popen([sys.executable, "-c", WRITE, str(path)], stdout=subprocess.PIPE)
        writer.stdout.readline()
        time.sleep(pauses.uniform(0, 0.3))
        writer.kill()
        writer.wait()
        assert not path.exists() or len(pl.read_parquet(path)) == 400_000
    subprocess.run([sys.executable, "-c", WRITE, str(path)], check=True)
    assert len(pl.read_parquet(path)) == 400_000


def test_nothing_is_written_but_under_a_temporary_name():
    """Every call that writes a table, figure, text or model stands in a block of ``whole``."""
    scripts = Path(outputs.__file__).parents[2]
    writers = r"\.(?:write_(?!table|batch)\w+|savefig|save_pretrained|to_csv|to_parquet|save)\("
    for file in sorted(scripts.rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        for found in re.finditer(writers, text):
            line = text[text.rfind("\n", 0, found.start()) + 1 :].split("\n", 1)[0]
            to = re.search(r"temporary|folder|paths\[", line)
            assert to, f"{file.name}: {line.strip()}"
            assert "whole(" in text, file.name
