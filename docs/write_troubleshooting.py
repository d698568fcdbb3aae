"""Write docs/troubleshooting.md from the code: every message, and what to do (`make docs`)."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path

from docs.find_messages import Message, find_messages

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "troubleshooting.md"
HEAD = """\
# Troubleshooting

Every message with which the program stops or warns, and the way out. `make docs` writes this page
from the code, where the messages stand: mend them there.

- Search the page (Ctrl-F) for words of your message that are no names or numbers of yours: here
  those are `<in brackets>`.
- A message says where something is wrong, what was found and, after its last semicolon, what to do:
  here behind **→**.
- Snakemake puts lines of its own around it: the last lines of a run that failed tell each reason
  again, with the job's log.
- Each job has such a log, `results/<study>/logs/<rule>/…`. Snakemake's own are in
  `.snakemake/log/`.
- Warnings stop nothing: `grep -rn WARNING results/<study>/logs` finds them.
- Once it is mended run the same command again: what was finished stays. After a run was killed it
  is `make resume STUDY=… PROFILE=…`, which ends the jobs that it left, unlocks and goes on.
- `snakemake -n --configfile STUDY` shows what would run and why, and runs nothing.
- A traceback, or *a fault of the program*, is ours: please report it with the job's log.
- Behind each message are its file (in `workflow_scripts/`, mostly) and its function.
"""
CAUSES = """\
## Without a message of ours

- **A job ends with `SIGKILL`, `exit status 137` or, on Slurm, `OUT_OF_MEMORY`:** the memory did not
  suffice. **→** On Slurm it is tried once more with twice as much; `gpu_mem_mb` in
  `slurm/config.yaml` asks for more. On one machine start fewer jobs at once (`make run CORES=1`, or
  a lower `mem_mb` in `local/config.yaml`). What a job with a ranker takes falls with
  `reranker.batch_tokens`, `attribution.bootstrap_replicates` and `attribution.split_halves`. A pass
  that is too large for a GPU is halved by itself. [scaling.md](scaling.md) says which job takes how
  much.
- **The disk is full** (`No space left on device`, `Disk quota exceeded`). **→** Free some space and
  run the same command; no file is left half written. DuckDB puts what its memory does not hold
  under `$TMPDIR`: name a larger disk there.
- **The hub is out of reach** (compute nodes, `HF_HUB_OFFLINE`). **→** Run `hf download ID` where
  there is a network, with `$HF_HOME` on a disk that both see, or give `reranker.model` a folder.
  For collections of ir_datasets, with `$IR_DATASETS_HOME` on such a disk, run there
  `snakemake --profile local --cores 4 --configfile STUDY --until prepare_collection`.
- **`bm25: engine terrier could not start`.** **→** Take `engine: pisa`, the default, which needs no
  Java; or install Java 11 or newer, and let the jars be fetched once where there is a network.
- **`Directory cannot be locked`:** another run works in this folder, or one was killed. **→** Wait
  for it, or `make resume STUDY=… PROFILE=…`; `make unlock` only where surely nothing runs any more.
- **A job waits for ever on Slurm** (`PartitionTimeLimit`). **→** Set `most_minutes` in
  `slurm/config.yaml` to what your partitions allow.
- **Finished jobs run again after an update** (`Params have changed since last execution`, `Code has
  changed`): the new version computes other numbers; CHANGELOG.md says which were wrong.
  **→** Let them run. To keep the old results beside the new ones, give the study another name
  (`study:`) first. `--rerun-triggers mtime` would leave them, and mix old numbers with new ones.
"""
PREFIX = "workflow_scripts/"
LIBRARY = f"{PREFIX}relevance_neurons/"
STAGES = {
    "The study file": [f"{PREFIX}study/"],
    "Starting, files and disk": ["Makefile", "Snakefile", "rules/", f"{LIBRARY}running/"],
    "Collections and your own files": [f"{PREFIX}collections/", f"{LIBRARY}collections/"],
    "The ranker": [f"{PREFIX}reranker/", f"{LIBRARY}rankers/"],
    "Attribution": [f"{PREFIX}attribution/", f"{LIBRARY}attribution/"],
    "Selection, ablation and measures": [
        *(f"{PREFIX}{one}/" for one in ("selection", "stability", "ablation", "sanity")),
        *(f"{LIBRARY}{one}/" for one in ("selection", "ablation", "statistics", "checks")),
    ],
    "Tokens": [f"{PREFIX}tokens/", f"{LIBRARY}tokens/"],
    "How it ranks": [f"{PREFIX}mechanism/", f"{LIBRARY}mechanism/"],
    "A cluster, and resuming": [f"{PREFIX}study/resume", "slurm/"],
    "The command relevance-neurons": [
        f"{LIBRARY}command/",
        *(f"{PREFIX}study/{one}" for one in ("new", "check", "questions")),
    ],
    "Tables, figures and the database": [f"{PREFIX}report/", f"{LIBRARY}report/"],
}
"""What the user was doing, in the order in which the data flow, and the code that does it."""


def stage_of(file: str) -> str:
    """The stage of a file: that of the longest path that it begins with."""
    starts = [
        (len(start), stage)
        for stage, paths in STAGES.items()
        for start in paths
        if file.startswith(start)
    ]
    if not starts:
        sys.exit(f"Error: {file}: its messages have no place in the page; add it to STAGES")
    return max(starts)[1]


def page(messages: Iterable[Message]) -> str:
    """The page, of all messages that are not another's words again."""
    told = [one for one in messages if not one.passes_on]
    parts = [HEAD, CAUSES]
    for stage in STAGES:
        of_stage = [one for one in told if stage_of(one.file) == stage]
        parts.append(f"## {stage}\n")
        parts.append("".join(entry(one) for one in of_stage if not one.is_warning))
        if warnings := "".join(entry(one) for one in of_stage if one.is_warning):
            parts += ["Warnings, which stop nothing:\n", warnings]
    return "\n".join(part for part in parts if part)


def entry(message: Message) -> str:
    """A message, what a part of it can be, what to do, and where it comes from."""
    function = f", `{message.function}`" if message.function else ""
    place = f"*(`{message.file.removeprefix(PREFIX)}`{function})*"
    notes = "".join(
        f"  (`<{part}>`, say: {', '.join(map(code, texts))})\n" for part, texts in message.notes
    )
    way = f"**→** {_as_text(message.way_out)} " if message.way_out else ""
    return f"- {code(message.found)}\n{notes}  {way}{place}\n"


def code(text: str) -> str:
    """``text`` as Markdown shows it letter by letter, also with backticks in it."""
    text = " ".join(text.split())
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def _as_text(text: str) -> str:
    """``text`` with its placeholders as code: Markdown would take them for HTML."""
    parts = text.split("`")
    for place in range(0, len(parts), 2):
        parts[place] = re.sub(r"<[^<>]+>|\$\w+", r"`\g<0>`", parts[place])
    return "`".join(parts)


def main() -> None:
    """Write the page if it changed, and say so."""
    text = page(find_messages(ROOT))
    if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        PAGE.write_text(text, encoding="utf-8")
        print(f"{PAGE.relative_to(ROOT)} written")


if __name__ == "__main__":
    main()
