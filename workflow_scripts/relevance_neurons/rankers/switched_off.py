"""What outputs of a linear transformation give while they are switched off."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256

import torch


@dataclass(frozen=True, eq=False)
class Off:
    """Outputs ``columns`` (int64, sorted) and the ``values`` that they give; None: all zero.

    Both have shape (n_columns,), the values float64: what a neuron gives after its bias.
    """

    columns: torch.Tensor
    values: torch.Tensor | None = None

    @classmethod
    def of(cls, columns: torch.Tensor, values: torch.Tensor) -> Off:
        """In order of the columns; values that are all zero are left out."""
        order = columns.argsort()
        return cls(columns[order], values[order] if bool(values.any()) else None)

    @classmethod
    def joined(cls, parts: Sequence[tuple[int, Off]]) -> Off:
        """Several as one: each with the number of its first column in the whole."""
        columns = torch.cat([first + one.columns for first, one in parts])
        values = torch.cat([one._filled() for _, one in parts])
        return cls.of(columns, values)

    @cached_property
    def key(self) -> bytes:
        """The same for the same columns and values, and for no others."""
        parts = [one for one in (self.columns, self.values) if one is not None]
        return b"".join(sha256(one.cpu().numpy().tobytes()).digest() for one in parts)

    def to(self, device: torch.device) -> Off:
        """The same on a device."""
        values = None if self.values is None else self.values.to(device)
        return Off(self.columns.to(device), values)

    def into(self, output: torch.Tensor, *, in_place: bool = False) -> torch.Tensor:
        """``output`` (…, width) with the columns at their values."""
        if self.values is None:
            fill = output.index_fill_ if in_place else output.index_fill
            return fill(-1, self.columns, 0.0)
        copy = output.index_copy_ if in_place else output.index_copy
        values = self.values.to(output.dtype)
        return copy(-1, self.columns, values.expand(*output.shape[:-1], -1))

    def added_to(self, rest: torch.Tensor) -> torch.Tensor:
        """The columns of ``rest`` (…, width) plus the values, shape (…, n_columns)."""
        chosen = rest.index_select(-1, self.columns)
        return chosen if self.values is None else chosen + self.values.to(rest.dtype)

    def through(self, activation: Callable[[torch.Tensor], torch.Tensor]) -> Off:
        """What the same columns give behind an elementwise ``activation``."""
        return Off.of(self.columns, activation(self._filled()))

    def _filled(self) -> torch.Tensor:
        if self.values is None:
            return torch.zeros(self.columns.shape, dtype=torch.float64)
        return self.values
