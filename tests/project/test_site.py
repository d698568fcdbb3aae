"""The pages build as a site without a warning, and what is made from the code says what it says."""

import re
from pathlib import Path

import pytest
import yaml
from sphinx.cmd.build import main as sphinx_build

from docs import study_reference, write_reference

ROOT = Path(__file__).parents[2]
SCHEMA = yaml.safe_load(study_reference.SCHEMA.read_text(encoding="utf-8"))
KEYS = {key: node for key, node, _ in study_reference.walk(SCHEMA, "", SCHEMA["$defs"])}
COMMENTS = study_reference.comments(study_reference.CONFIG.read_text(encoding="utf-8"), set(KEYS))
RERUNS = study_reference.reruns(study_reference.RERUNS.read_text(encoding="utf-8"), set(KEYS))


@pytest.mark.filterwarnings("ignore:.*deprecated")  # of Sphinx, by its extensions
def test_the_site_builds_without_a_warning(tmp_path, capfd):
    """A link to a page or heading that is not there is a warning, and a warning an error."""
    options = ["--quiet", "--fail-on-warning", "--keep-going", "-b", "dummy"]
    code = sphinx_build([*options, str(ROOT / "docs"), str(tmp_path)])
    assert code == 0, capfd.readouterr().err


def test_every_page_is_in_the_menu():
    text = (ROOT / "docs" / "index.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^[\w/]+$", text, re.M))
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} - {"index"}
    assert pages | {f"generated/{name}" for name in write_reference.PAGES} == named


def test_every_key_of_a_study_is_told():
    page = study_reference.page()
    assert len(KEYS) > 130
    for key in KEYS:
        assert f"\n### `{key}`\n" in page
    assert set(study_reference.COSTS) <= set(KEYS)


def test_comments_of_config_are_found():
    assert COMMENTS["attribution.max_pairs"].startswith("a collection and label, of those whose")
    assert COMMENTS["attribution.max_pairs"].endswith("1000 (the default)")
    assert COMMENTS["collections.<name>.run"].endswith("the place of BM25 for this collection")
    assert COMMENTS["tokens.degradation.steps"] == "equal shares of the pair's tokens"
    assert len(COMMENTS) > 80


@pytest.mark.parametrize(
    ("key", "on_gpu"),
    [
        ("attribution.tolerance", "`attribute_neurons`, `attribute_variant`"),
        ("ablation.ambiguous", "`evaluate_reranker`; then measures"),
        ("collections.<name>.run", "`rerank_candidates`, `evaluate_reranker`"),
        ("selection.outliers", "none; then overlaps"),
    ],
)
def test_what_runs_again_is_found(key, on_gpu):
    assert RERUNS[key][0].startswith(on_gpu)


def test_allowed_values_are_in_words():
    words = {key: study_reference.allowed(node, SCHEMA["$defs"]) for key, node in KEYS.items()}
    assert words["attribution.threshold"] == "`auto`, or a number above 0 below 1"
    assert words["attribution.labels"] == "a list of: `relevant` | `non_relevant`"
    assert words["reranker.max_length"] == "a whole number from 8"


def test_every_table_of_the_database_is_told():
    page = write_reference.database_page()
    tables = (ROOT / "workflow_scripts" / "report" / "database_tables.sql").read_text("utf-8")
    for name in re.findall(r'CREATE TABLE "?(\w+)', tables):
        assert f"\n## {name}\n" in page
    queries = (ROOT / "workflow_scripts" / "queries").glob("*.sql")
    assert all(f"- `{path.name}`: " in page for path in queries)
    assert "- `top_neurons(of_scheme, percent)`: One row is a neuron" in page
