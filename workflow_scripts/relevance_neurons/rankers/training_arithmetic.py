"""In which arithmetic a ranker is trained: bfloat16 where the device has it, else float32."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies matrices in bfloat16 itself; a CPU says by its instructions."""
    capabilities = torch.cpu.get_capabilities()
    fast = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
    return device.type == "cuda" or bool(fast)


def arithmetic(device: torch.device) -> AbstractContextManager:
    """Autocast to bfloat16 on a device that has it; elsewhere it would only be slower."""
    if has_bfloat16(device):
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return nullcontext()
