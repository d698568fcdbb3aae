"""A small study file, for what is wrong with one."""

import copy
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = ROOT / "rules" / "schemas" / "study.schema.yaml"
FILES = {"source": "files", "documents": "d.tsv", "queries": "q.tsv", "qrels": "r.txt"}
MINIMAL = {
    "study": "small",
    "reranker": {"model": "some/ranker"},
    "collections": {"alpha": {**FILES, "domain": "in"}, "beta": {**FILES, "non_relevant": []}},
    "attribution": {"collections": ["alpha", "beta"]},
    "ablation": {"collections": ["beta"]},
}


def write_study(folder: Path, **changes) -> Path:
    """A study file and its collections; a change maps a dotted key to a value or to ... (out)."""
    for name in ("d.tsv", "q.tsv", "r.txt"):
        (folder / name).write_text("1\ttext\n")
    study = copy.deepcopy(MINIMAL)
    for dotted, value in changes.items():
        *parents, key = dotted.split(".")
        place = study
        for parent in parents:
            place = place.setdefault(parent, {})
        if value is ...:
            del place[key]
        else:
            place[key] = value
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study, sort_keys=False))
    return path
