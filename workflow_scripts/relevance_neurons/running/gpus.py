"""Jobs on one machine take turns on its GPUs, one job on one GPU."""

from __future__ import annotations

import fcntl
import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import takewhile
from pathlib import Path
from typing import IO

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_TRIES = 0.5


@contextmanager
def one_gpu(folder: str | Path | None = None) -> Iterator[str | None]:
    """Within the block, this process sees one GPU, which no other of the user's in a block has.

    Waits while all are taken, and gives the GPU's name. Gives None, and changes nothing, where
    there is no GPU, and where Slurm has given the job one of its own. ``CUDA_VISIBLE_DEVICES``
    narrows the choice. To be entered before CUDA is used. A process that is killed lets its GPU go.

    ``folder`` holds a lock file for each GPU; by default the machine's temporary folder.
    """
    gpus = visible_gpus()
    if not gpus or ("SLURM_JOB_ID" in os.environ and len(gpus) == 1):
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
    """The GPUs here that ``CUDA_VISIBLE_DEVICES`` allows, as it names them; none without a driver.

    It may hold UUIDs, beginnings of them, parts of a GPU (MIG-…), or numbers, which are taken for
    those of nvidia-smi (the order of the bus). As in CUDA, all after an unknown name are left out.
    """
    try:
        query = ["nvidia-smi", "--query-gpu=index,uuid", "--format=csv,noheader"]
        listed = subprocess.run(query, capture_output=True, text=True, check=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return []
    found = dict(line.split(", ", 1) for line in listed.stdout.splitlines() if ", " in line)
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is None:
        return list(found.values())
    named = (_resolved(name.strip(), found) or "" for name in allowed.split(","))
    return list(takewhile(bool, named))


def _resolved(name: str, found: Mapping[str, str]) -> str | None:
    """What ``CUDA_VISIBLE_DEVICES`` means by a name; None for what there is not."""
    if name.startswith("MIG-"):
        return name
    whole = [uuid for uuid in found.values() if name.startswith("GPU-") and uuid.startswith(name)]
    return found.get(name, whole[0] if len(whole) == 1 else None)


def _wait_for_one(gpus: Sequence[str], folder: Path) -> tuple[str, IO]:
    """The first GPU that is free, and its lock; it is held as long as the lock is open."""
    told = False
    while True:
        for gpu in gpus:
            path = folder / f"relevance-neurons-{os.getuid()}-{gpu.replace('/', '-')}.lock"
            lock = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600))
            with suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return gpu, lock
            lock.close()
        if not told:
            logger.info("all %d GPUs are taken by other jobs: waiting for one", len(gpus))
            told = True
        time.sleep(_SECONDS_BETWEEN_TRIES)
