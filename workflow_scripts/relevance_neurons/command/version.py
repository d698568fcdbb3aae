"""The version: that of the installed package, or in a clone that of its pyproject.toml."""

from __future__ import annotations

from pathlib import Path


def version() -> str:
    """The version as pyproject.toml has it."""
    from importlib import metadata

    try:
        return metadata.version("relevance-neurons")
    except metadata.PackageNotFoundError:
        import tomllib

        project = Path(__file__).parents[3] / "pyproject.toml"
        return tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"]
