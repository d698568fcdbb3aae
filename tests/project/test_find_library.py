"""In .venv the library is this clone's, and the command is there, whatever the path is called."""

import subprocess
import sys
from pathlib import Path

import pytest

FIND_LIBRARY = Path(__file__).resolve().parents[2] / "envs" / "find_library.py"
SHOW = "import sys\nprint(__file__, *sys.argv[1:], sep='|')\n"


@pytest.fixture
def clone(tmp_path, monkeypatch) -> Path:
    """A folder with signs in its name that pip or a first line of a script cannot take."""
    monkeypatch.delenv("PYTHONPATH", raising=False)  # it comes before what .pth files name
    clone = tmp_path / 'it\'s {a} clone, 100% "mine"'
    library = clone / "workflow_scripts" / "relevance_neurons"
    library.mkdir(parents=True)
    (library / "__init__.py").touch()
    (library / "__main__.py").write_text(SHOW)
    (clone / "envs").mkdir()
    (clone / "envs" / FIND_LIBRARY.name).write_bytes(FIND_LIBRARY.read_bytes())
    venv = [sys.executable, "-m", "venv", "--without-pip", str(clone / ".venv")]
    subprocess.run(venv, check=True)
    python = clone / ".venv" / "bin" / "python"
    subprocess.run([python, "envs/find_library.py"], cwd=clone, check=True)
    return clone


def test_the_command_runs_the_library_of_its_clone(clone, tmp_path):
    """By a link too, and from a folder whose files are called like modules."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "relevance_neurons.py").write_text("raise ImportError('the wrong one')")
    link = elsewhere / "link"
    link.symlink_to(clone / ".venv" / "bin" / "relevance-neurons")
    expected = clone / "workflow_scripts" / "relevance_neurons" / "__main__.py"
    for command in (link, link.readlink()):
        done = subprocess.run(
            [command, "top", "a b", "$HOME"],
            cwd=elsewhere,
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout == f"{expected}|top|a b|$HOME\n"


def test_a_python_that_is_no_environments_is_left_alone(tmp_path):
    """Where the command of make setup would end among the system's."""
    base = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
    done = subprocess.run(
        [base, FIND_LIBRARY], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "is no virtual environment's" in done.stderr
