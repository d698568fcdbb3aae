"""Packages that not every user has: an extra of pyproject.toml brings each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from relevance_neurons.errors import UserError


@contextmanager
def extra(name: str) -> Iterator[None]:
    """Around imports that need the extra ``name``.

    Raises ``UserError``, with what to install, where one of its packages is missing.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "relevance_neurons").startswith("relevance_neurons"):
            raise  # a fault of our own
        raise UserError(
            f"the package {error.name} is not installed; "
            f"pip install 'relevance-neurons[{name}]' brings it"
        ) from error
