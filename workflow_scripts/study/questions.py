"""Questions on a terminal; where nobody can answer, the option that would have."""

from __future__ import annotations

import sys

from relevance_neurons.errors import UserError


def ask(question: str, option: str, can_ask: bool, default: str | None = None) -> str:
    """The answer to a question; an empty one is the default, without which it is asked again.

    Raises ``UserError`` where nothing may be asked, or nobody answers.
    """
    if not can_ask:
        raise UserError(f"study new: {option} is missing; give it, or leave --yes out to be asked")
    shown = f" [{default}]" if default else ""
    while True:
        print(f"{question}{shown}: ", end="", file=sys.stderr, flush=True)
        answer = sys.stdin.readline()
        if not answer:
            raise UserError(f"study new: nobody answered ({question}); give {option}")
        if answer.strip() or default is not None:
            return answer.strip() or default or ""


def ask_yes(question: str) -> bool:
    """Whether the answer is yes; an empty one, or none, is no."""
    print(f"{question} [y/N]: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
