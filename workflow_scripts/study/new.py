"""Write a commented study file from a ranker and collections: `relevance-neurons study new`.

What is not given is asked for on a terminal; what is given is looked at before anything is written:
the ranker's config, the collections (new_collections.py), the whole file as the workflow reads it.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from relevance_neurons.errors import UserError
from relevance_neurons.running.outputs import write_text
from study.check import print_cost, print_shared
from study.commented import Commented, flow
from study.errors import StudyError
from study.new_collections import ask_for_collections, collection_of
from study.plain_yaml import parse
from study.questions import ask, ask_yes
from study.reading import checked_study

SCHEMA = Path("rules") / "schemas" / "study.schema.yaml"
Found = dict[str, Any]


def new_study(
    clone: Path,
    file: Path | None,
    name: str | None,
    ranker: str | None,
    collections: Sequence[str],
    sizes: Mapping[str, int | None],
    check_ranker: bool = True,
    yes: bool = False,
) -> None:
    """Write ``file`` from what is given and what is asked for; ``yes``: nothing is asked.

    ``collections``: NAME=WHAT each (see ``collection_of``); ``sizes``: max_length, max_pairs,
    max_queries, candidates, random_draws. Raises ``UserError`` for what is missing where nothing
    can be asked, and for what is wrong.
    """
    can_ask = not yes
    ranker = ranker or ask("The ranker (a folder, or a hub id)", "--ranker", can_ask)
    length = _look_at(ranker) if check_ranker else 512
    folder = (file or Path()).absolute().parent if file else Path.cwd()
    chosen = dict(collection_of(one, folder, can_ask) for one in collections)
    if not chosen:
        chosen = ask_for_collections(folder, can_ask)
    if name is None:
        default = file.stem if file else next(iter(chosen))
        name = ask("The study's name", "--name", can_ask, default) if not yes else default
    file = file or Path(f"{name}.yaml")
    given = {key: value for key, value in sizes.items() if value is not None}
    given.setdefault("max_length", length)
    text = study_text(clone, name, _from(folder, ranker), chosen, given)
    try:
        study = checked_study(parse(text), clone / SCHEMA, file)
    except StudyError as error:
        raise UserError(str(error)) from None
    if file.exists() and not yes and not ask_yes(f"{file} is there already; write over it?"):
        raise UserError(f"{file}: is there already and was left as it is; name another file")
    write_text(text, file)
    print(f"{file}: written; its comments say what each key is for\n")
    print_cost(study)
    print_shared(study)
    own = file.absolute()
    there = shlex.quote(str(own.relative_to(clone) if own.is_relative_to(clone) else own))
    print(f"\nIn the clone, {clone}:")
    print(f"  relevance-neurons study check {there}   # which jobs these are")
    print(f"  make run STUDY={there}")


def study_text(
    clone: Path, name: str, ranker: str, collections: Mapping[str, Found], sizes: Mapping[str, int]
) -> str:
    """The study file: config.yaml's lines with the values of this study."""
    made = Commented((clone / "config.yaml").read_text(encoding="utf-8"))
    made.replace_head(
        [
            f"# The study {name}, begun by `relevance-neurons study new`. Paths are relative to",
            "# this file. rules/schemas/study.schema.yaml refuses unknown keys; keys that are left",
            "# out take the default that their comment names.",
            "",
        ]
    )
    made.set("study", name)
    made.remove("reranker.finetune")
    made.unhide("reranker.model")
    made.set("reranker.model", ranker)
    made.set("reranker.max_length", sizes["max_length"])
    made.set_lines(
        "collections", [f"  {flow(key)}: {flow(keys)}" for key, keys in collections.items()]
    )
    names = list(collections)
    made.set("attribution.collections", names)
    made.set("attribution.max_pairs", sizes["max_pairs"])
    made.set("attribution.tolerance", 0.02)
    made.set("attribution.convergence_pairs", min(10, sizes["max_pairs"]))
    made.hide("attribution.methods")
    made.set("baselines.collection", names[0])
    made.set("baselines.pairs", min(200, 2 * sizes["max_pairs"]))
    made.set("selection.top_percents", [0.1, 1])
    made.set("selection.outliers", [])
    made.set("ablation.collections", names)
    for key in ("max_queries", "candidates", "random_draws"):
        made.set(f"ablation.{key}", sizes[key])
    made.hide("ablation.schemes")
    made.hide("evaluation.collections")
    made.set("evaluation.max_queries", sizes["max_queries"])
    made.set("evaluation.depth", max(20, sizes["candidates"]))
    made.set("sensitivity.collections", names[:1])
    made.set("sanity.collection", names[0])
    return made.text()


def _look_at(ranker: str) -> int:
    """At how many tokens it cuts pairs, after a look at its config and tokenizer."""
    from relevance_neurons.rankers.loading import default_length, load_neurons

    neurons = load_neurons(ranker)
    print(f"{ranker}: {neurons.n_layers} layers, {len(neurons):,} neurons", file=sys.stderr)
    return default_length(ranker)


def _from(folder: Path, name: str) -> str:
    """A folder as the study file names it, relative to its own; a hub id stays."""
    path = Path(name).expanduser()
    if not path.is_dir() or path.is_absolute():
        return str(path) if path.is_dir() else name
    relative = os.path.relpath(path, folder)
    return relative if relative.startswith(".") else f"./{relative}"
