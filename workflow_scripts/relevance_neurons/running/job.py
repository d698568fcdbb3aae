"""What every workflow script shares: a log file, and errors that a user can read."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, TextIO

from relevance_neurons.errors import UserError
from relevance_neurons.running.gpus import one_gpu
from relevance_neurons.running.outputs import is_disk_full


@contextmanager
def job(log: str | Path) -> Iterator[None]:
    """Send logging and standard error to ``log``; end a failed job in one clear line.

    A ``UserError`` is printed as one line on the terminal and in the log, and the process exits
    with code 1. Any other exception is a fault of ours: its traceback goes to the log, and the
    terminal gets one line that says where. (Snakemake does not send a script's standard error to
    ``log:`` by itself.)
    """
    terminal = sys.__stderr__
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    with Path(log).open("w", encoding="utf-8", buffering=1) as stream:
        sys.stderr = stream
        logging.basicConfig(
            stream=stream,
            level=logging.INFO,
            format="%(asctime)s %(levelname)s %(message)s",
            force=True,
        )
        logging.captureWarnings(True)
        try:
            yield
        except UserError as error:
            _fail(f"Error: {error}", stream, terminal)
        except Exception as error:
            if is_disk_full(error):
                _fail(
                    f"Error: the disk is full ({error}); free some space and run again",
                    stream,
                    terminal,
                )
            traceback.print_exc(file=stream)
            _fail(
                f"Error: {type(error).__name__}: {error} (a fault of the program); report "
                f"it with its log, {log}",
                stream,
                terminal,
            )
        finally:
            sys.stderr = terminal


@contextmanager
def ranker_job(log: str | Path, threads: int) -> Iterator[None]:
    """A ``job`` that runs the ranker: on a GPU of its own if there is one, with ``threads``.

    Rules give it one: two jobs side by side do more than one on two cores (1.2 times as much where
    it was measured, docs/engine.md), and the last bits of a score do not depend on ``--cores``.
    """
    with job(log), one_gpu():
        import torch  # takes seconds, and the other jobs do without

        torch.set_num_threads(threads)
        yield


def _fail(line: str, *streams: TextIO | None) -> NoReturn:
    for stream in streams:
        if stream is not None:
            print(line, file=stream, flush=True)
    sys.exit(1)
