"""How much may go through the ranker at once, and what to do where it was too much."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch

from relevance_neurons.errors import UserError

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH_TOKENS = 4096
"""Padded tokens in a pass: from 512 to 4,096 a CPU works at its best rate (METHOD, section 5)."""
CPU_BYTES = 2 * 2**30
"""For a pass on a CPU. It does not depend on what is free, so that the same study is cut into the
same batches, and gives the same tables, in every run."""
GPU_SHARE = 0.6
"""Of the memory of a GPU that is free at the start, for a pass."""
VALUES_PER_NEURON = 3
"""float32 values that a token needs for each neuron in a forward and backward pass that keeps
outputs and gradients (measured: 2.2 to 2.4 at 24 × 1024; attention is most of the rest)."""
MOST_TOKENS = 65536

_SIGNS = ("DefaultCPUAllocator", "ALLOC_FAILED", "CUDA error: out of memory")
"""In errors of torch that have no class of their own: its CPU allocator's, cuBLAS's, CUDA's."""


@dataclass
class Memory:
    """Tokens in a pass through the ranker, and bytes kept between passes of an attribution."""

    batch_tokens: int
    kept_bytes: int = CPU_BYTES
    """About as much as a pass takes."""

    @classmethod
    def of(cls, n_neurons: int, device: torch.device, batch_tokens: int | None = None) -> Memory:
        """What suits a ranker and its device; ``batch_tokens`` are the most, if given."""
        each = 4 * VALUES_PER_NEURON * n_neurons
        if device.type == "cuda":
            free = int(GPU_SHARE * _free_on_gpu(device))
            fitting = min(MOST_TOKENS, 2 ** max(0, (free // each).bit_length() - 1))
            tokens = min(batch_tokens or fitting, fitting)
        else:
            fitting = max(1, min(BATCH_TOKENS, CPU_BYTES // each))
            tokens = batch_tokens or fitting
        return cls(tokens, tokens * each)

    def halve(self, n_rows: int) -> None:
        """After a pass of ``n_rows`` rows ran out: let half as much through from now on.

        Raises ``UserError`` where one row alone was too much.
        """
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if n_rows < 2:
            raise UserError(
                "out of memory with a single pair; lower reranker.max_length, or take a device "
                "with more memory"
            )
        self.batch_tokens = max(1, self.batch_tokens // 2)
        # Way out: nothing need be done; a smaller reranker.batch_tokens saves the failed passes.
        logger.warning("out of memory: going on with passes of %d tokens", self.batch_tokens)


def length_batches(
    lengths: Sequence[int], memory: Memory, rows_each: int = 1
) -> Iterator[list[int]]:
    """Yield the indices of batches of pairs of like length, longest first.

    A batch holds at most ``memory.batch_tokens`` padded tokens where each pair takes ``rows_each``
    rows, and at least one pair. Longest first, so that memory runs out at once or never; what it
    taught is heeded from the next batch on.
    """
    order = sorted(range(len(lengths)), key=lambda i: (-lengths[i], i))
    start = 0
    while start < len(order):
        size = max(1, memory.batch_tokens // (max(lengths[order[start]], 1) * rows_each))
        yield order[start : start + size]
        start += size


def halving(
    rows: Sequence[Item], memory: Memory, compute: Callable[[Sequence[Item]], Result]
) -> Iterator[tuple[Sequence[Item], Result]]:
    """Yield rows and what ``compute`` makes of them: all at once, in halves where memory ends.

    Raises ``UserError`` where one row alone is too much.
    """
    size, start = len(rows), 0
    while start < len(rows):
        part = rows[start : start + size]
        computed = _unless_out_of_memory(compute, part)
        if computed is None:  # its error, which holds what the pass had in memory, is gone
            memory.halve(len(part))
            size = max(1, size // 2)
            continue
        yield part, computed.pop()  # held by the caller alone, which is done with it afterwards
        start += size


def _unless_out_of_memory(compute: Callable[[Item], Result], item: Item) -> list[Result] | None:
    try:
        return [compute(item)]
    except (RuntimeError, MemoryError) as error:
        if is_out_of_memory(error):
            return None
        raise


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device or the machine has no memory left."""
    told = isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)
    return told or isinstance(error, MemoryError | torch.OutOfMemoryError)


def _free_on_gpu(device: torch.device) -> int:
    """Bytes that torch can still have: what nobody holds, and what its own cache holds unused."""
    unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + unused
