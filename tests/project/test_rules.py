"""What the rules' text promises: jobs on a GPU outlive another choice of neurons."""

import re
from pathlib import Path

import pytest
import yaml

SCRIPTS = "workflow_scripts"
RULES = Path(__file__).parents[2] / "rules"
SCHEMA = yaml.safe_load((RULES / "schemas" / "study.schema.yaml").read_text(encoding="utf-8"))
SELECTION_KEYS = set(SCHEMA["properties"]["selection"]["properties"]) - {"schemes"}


def blocks() -> dict[str, str]:
    """The text of each rule, by its name; ``file:`` and the file's name for what is outside."""
    found = {}
    for file in sorted(RULES.glob("*.smk")):
        name = f"file:{file.name}"
        for line in file.read_text(encoding="utf-8").splitlines():
            head = re.match(r" *(?:rule|use rule \w+ as) (\w+)", line)
            if head:
                name = head[1]
            elif line and not line.startswith(" "):
                name = f"file:{file.name}"
            found[name] = found.get(name, "") + line + "\n"
    return found


BLOCKS = blocks()
ON_GPU = [name for name, text in BLOCKS.items() if "gpu=1" in text] + ["attribute_variant"]
OUTSIDE = [name for name in BLOCKS if name.startswith("file:")]


@pytest.mark.parametrize("name", ON_GPU + OUTSIDE)
def test_another_selection_repeats_no_job_on_a_gpu(name):
    """Nor what the files define for their rules. Schemes reach re-ranking as its inputs."""
    words = set(re.findall(r"\w+", BLOCKS[name]))
    assert not words & (SELECTION_KEYS | {"selection"}), name


def test_no_folder_of_scripts_is_a_package():
    """Jobs have workflow_scripts/ first on their path: collections/ would hide Python's own."""
    stages = {file.stem for file in RULES.glob("*.smk")}
    assert not [one for one in stages if (RULES.parent / SCRIPTS / one / "__init__.py").exists()]


def test_the_rules_on_a_gpu_are_found():
    assert {"attribute_neurons", "rerank_candidates", "randomise_layers"} <= set(ON_GPU)
    assert "select_neurons" in set(BLOCKS) - set(ON_GPU)


def test_every_query_of_a_job_is_an_input_of_a_rule():
    """An edit of a library's module triggers nothing; one of a query runs its jobs again."""
    folder, text = RULES.parent / SCRIPTS, "".join(BLOCKS.values())
    apart = {folder / "queries"}  # questions that a user asks of the database
    report = folder / "relevance_neurons" / "report"
    apart.add(report / "study_comparison")  # make compare's own
    apart.add(report / "explorer")  # build_explorer takes whatever lies there
    assert "EXPLORER_FILES" in BLOCKS["build_explorer"]
    queries = [file for file in sorted(folder.rglob("*.sql")) if file.parent not in apart]
    assert len(queries) > 20
    assert [file.name for file in queries if f"/{file.name}" not in text] == []


def test_a_job_that_asks_for_no_gpu_takes_none():
    """It would keep one from those that do."""
    scripts = {
        name: (RULES / script[1]).read_text(encoding="utf-8")
        for name, text in BLOCKS.items()
        if "gpu=1" not in text and (script := re.search(r'script:\s+"([^"]+)"', text))
    }
    loading = {name: text for name, text in scripts.items() if "load_reranker(" in text}
    assert {"locate_heads", "correlate_idf"} <= loading.keys()
    for name, text in loading.items():
        assert 'device="cpu"' in text and "ranker_job" not in text, name
