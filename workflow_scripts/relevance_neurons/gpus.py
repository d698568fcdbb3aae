"""Jobs on one machine take turns on its GPUs, one job on one GPU."""

from __future__ import annotations

import fcntl
import getpass
import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_TRIES = 0.5


@contextmanager
def one_gpu(folder: str | Path | None = None) -> Iterator[str | None]:
    """Within the block, this process sees one GPU, which no other process in such a block has.

    Waits while all are taken, and gives the GPU's UUID. Gives None, and changes nothing, where
    there is no GPU and in a Slurm job, to which Slurm has given its own. ``CUDA_VISIBLE_DEVICES``
    narrows the choice. To be entered before CUDA is used. A process that is killed lets its GPU go.

    ``folder`` holds a lock file for each GPU; by default the machine's temporary folder.
    """
    gpus = [] if "SLURM_JOB_ID" in os.environ else visible_gpus()
    if not gpus:
        yield None
        return
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpu, lock = _wait_for_one(gpus, Path(folder or tempfile.gettempdir()))
    os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    try:
        yield gpu
    finally:
        lock.close()
        if before is None:
            del os.environ["CUDA_VISIBLE_DEVICES"]
        else:
            os.environ["CUDA_VISIBLE_DEVICES"] = before


def visible_gpus() -> list[str]:
    """The UUIDs of the GPUs here that ``CUDA_VISIBLE_DEVICES`` allows; none without a driver."""
    try:
        query = ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"]
        listed = subprocess.run(query, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return []
    found = dict(line.split(", ", 1) for line in listed.stdout.splitlines() if ", " in line)
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return list(found.values())
    names = [name.strip() for name in allowed.split(",")]
    return [uuid for index, uuid in found.items() if index in names or uuid in names]


def _wait_for_one(gpus: Sequence[str], folder: Path) -> tuple[str, IO]:
    """The first GPU that is free, and its lock; it is held as long as the lock is open."""
    told = False
    while True:
        for gpu in gpus:
            lock = (folder / f"relevance-neurons-{getpass.getuser()}-{gpu}.lock").open("w")
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return gpu, lock
            lock.close()
        if not told:
            logger.info("all %d GPUs are taken by other jobs: waiting for one", len(gpus))
            told = True
        time.sleep(_SECONDS_BETWEEN_TRIES)
