"""The notebook runs from first to last cell, on a small ranker in the place of the hub's."""

from pathlib import Path

import jupytext
import nbclient
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "docs" / "notebooks" / "ten_pairs.py"


@pytest.fixture(scope="module")
def cells(hub_cache, tmp_path_factory):
    """Its code cells, with their outputs."""
    notebook = jupytext.read(NOTEBOOK)
    folder = tmp_path_factory.mktemp("notebook")
    patience = {"startup_timeout": 1200, "timeout": 1200, "iopub_timeout": 600}
    client = nbclient.NotebookClient(notebook, kernel_name="python3", **patience)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT / "workflow_scripts"))
        patch.setenv("HF_HUB_CACHE", str(hub_cache))
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("IPYTHONDIR", str(folder))
        client.resources["metadata"] = {"path": str(folder)}
        client.execute()
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell) -> dict[str, str]:
    """What a cell shows as its value, by kind of text."""
    found = [one.data for one in cell.outputs if one.output_type == "execute_result"]
    return found[-1] if found else {}


def test_every_cell_ran(cells):
    assert all(cell.execution_count for cell in cells)
    errors = [one for cell in cells for one in cell.outputs if one.output_type == "error"]
    assert not errors


def test_it_shows_tables_and_coloured_text(cells):
    (comparison,) = [cell for cell in cells if cell.source.startswith("comparison = ")]
    assert "<table" in shown(comparison)["text/html"]
    assert "heat" in shown(cells[-1])["text/html"]


def test_neurons_that_are_off_change_scores(cells):
    (without,) = [cell for cell in cells if cell.source.startswith("with ablate")]
    assert "log_p_without" in shown(without)["text/plain"]
    assert shown(without)["text/plain"] != shown(cells[2])["text/plain"]
