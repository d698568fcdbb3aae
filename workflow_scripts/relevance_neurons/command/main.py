"""The command itself: its commands, its exit codes, what it says of a mistake.

Exit codes: 0 it worked, 1 a mistake in what was given (one line), 2 wrong usage, 130 Ctrl-C.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from typing import Literal

from cyclopts import App, CycloptsError

from relevance_neurons.command import ablate, attribute, explain, study, tokens, top
from relevance_neurons.command.version import version
from relevance_neurons.errors import UserError

NAME = "relevance-neurons"
HELP = "Find the neurons that a cross-encoder ranks with, and prove it."
EPILOGUE = """\
Examples (RANKER: a folder written by save_pretrained, or a hub id):

    relevance-neurons attribute RANKER pairs.tsv -o scores.parquet
    relevance-neurons top scores.parquet --top-percent 1 -o neurons.csv
    relevance-neurons ablate RANKER neurons.csv candidates.tsv
    relevance-neurons explain RANKER --query "wing lift" --passage "the wing has lift"
    relevance-neurons study new my_study.yaml
    relevance-neurons completion bash >> ~/.bashrc

Exit codes: 0 it worked, 1 a mistake in what was given, 2 wrong usage, 130 Ctrl-C.
"""
COMPLETION = """\
Examples:

    relevance-neurons completion bash >> ~/.bashrc
    relevance-neurons completion zsh > ~/.zfunc/_relevance-neurons
    relevance-neurons completion fish > ~/.config/fish/completions/relevance-neurons.fish
"""


def make_app() -> App:
    """The command with all its commands."""
    app = App(
        name=NAME,
        help=HELP,
        help_format="markdown",
        help_epilogue=EPILOGUE,
        version=version,
        suppress_keyboard_interrupt=False,
    )
    for module in (attribute, top, ablate, explain, tokens):
        name = module.__name__.rpartition(".")[2]
        app.command(getattr(module, name), name=name, help_epilogue=module.EPILOGUE)
    app.command(study.make_app())

    @app.command(help_epilogue=COMPLETION)
    def completion(shell: Literal["bash", "zsh", "fish"]) -> None:
        """Print the script that lets a shell complete this command with Tab.

        Args:
            shell: Which shell.
        """
        print(app.generate_completion(prog_name=NAME, shell=shell))

    return app


def main(words: Sequence[str] | None = None) -> int:
    """Run the command on ``words``, by default those of the command line; its exit code."""
    _quiet()
    try:
        make_app()(words, exit_on_error=False, print_error=True, result_action="return_none")
    except CycloptsError:
        return 2
    except UserError as error:
        return _mistake(error)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # what reads our output, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return 0


def _mistake(error: UserError) -> int:
    print(f"Error: {error}", file=sys.stderr)
    return 1


def _quiet() -> None:
    """Of other packages warnings alone, without bars: transformers reads it when imported."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s", force=True)


if __name__ == "__main__":
    sys.exit(main())
