"""The profiles as Snakemake reads them."""

import re
from pathlib import Path

import yte

ROOT = Path(__file__).parents[2]


def profile(name: str, **settings) -> dict:
    """The profile as Snakemake reads it, with other values of the user's settings."""
    text = (ROOT / name / "config.yaml").read_text(encoding="utf-8")
    for key, value in settings.items():
        text, n = re.subn(rf"^(  {key}:) \S+", rf"\1 {value}", text, flags=re.M)
        assert n == 1
    return yte.process_yaml(text, require_use_yte=True)
