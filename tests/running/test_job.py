"""A failed job ends in one line; the log keeps what we need to mend it."""

import errno
import logging
import sys
from types import SimpleNamespace

import pytest

from relevance_neurons.errors import UserError
from relevance_neurons.running.job import job
from relevance_neurons.running.progress import Progress


def run(log, error=None):
    with job(log):
        logging.getLogger("relevance_neurons").info("half way")
        if error:
            raise error


def test_a_users_mistake_is_one_line(tmp_path, capfd):
    log = tmp_path / "new" / "x.log"
    with pytest.raises(SystemExit) as ended:
        run(log, UserError("d.tsv, line 3: no text"))
    assert ended.value.code == 1
    assert capfd.readouterr().err == "Error: d.tsv, line 3: no text\n"
    text = log.read_text()
    assert "half way" in text and text.endswith("Error: d.tsv, line 3: no text\n")
    assert "Traceback" not in text


def test_our_own_fault_leaves_its_traceback_in_the_log(tmp_path, capfd):
    log = tmp_path / "x.log"
    with pytest.raises(SystemExit):
        run(log, KeyError("oops"))
    line = capfd.readouterr().err
    assert line.startswith("Error: KeyError: 'oops' (a fault of the program") and str(log) in line
    assert line.count("\n") == 1
    assert "Traceback" in log.read_text()


def test_a_full_disk(tmp_path, capfd):
    with pytest.raises(SystemExit):
        run(tmp_path / "x.log", OSError(errno.ENOSPC, "No space left on device"))
    assert "the disk is full" in capfd.readouterr().err
    assert "Traceback" not in (tmp_path / "x.log").read_text()


def test_standard_error_is_back_afterwards(tmp_path):
    before = sys.stderr
    run(tmp_path / "x.log")
    assert sys.stderr is before or sys.stderr is sys.__stderr__


def test_progress_is_logged_with_rate_and_time_left(tmp_path, monkeypatch):
    times = iter([0.0, 5.0, 11.0, 20.0])
    clock = SimpleNamespace(monotonic=lambda: next(times))  # the tests' own goes on
    monkeypatch.setattr("relevance_neurons.running.progress.time", clock)
    # Another test has started a kernel: this process is none, and its log holds no bar.
    monkeypatch.setitem(sys.modules, "ipykernel", SimpleNamespace())
    with job(tmp_path / "x.log"), Progress(40, "pairs of x") as progress:
        progress.update(10)
        progress.update(12)
    lines = (tmp_path / "x.log").read_text().splitlines()
    assert lines[0].endswith("pairs of x: 22/40 pairs, 2.0 pairs/s, 00:11 elapsed, 00:09 left")
    assert lines[1].endswith("pairs of x: 22/40 pairs, 1.1 pairs/s, 00:20 elapsed, 00:16 left")
