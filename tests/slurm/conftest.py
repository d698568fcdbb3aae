"""A throw-away Slurm, where `--slurm` asks for it and it can be had."""

import subprocess
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def cluster(request, tmp_path_factory):
    """The folder of a cluster of one node; its processes' numbers are in ``run``."""
    if not request.config.getoption("--slurm"):
        pytest.skip("a throw-away Slurm is set up with --slurm alone (make test-slurm)")
    # Not in pytest's folder, which nobody else may enter: munge's socket must be open to all.
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    told = tmp_path_factory.mktemp("cluster") / "up.log"
    with told.open("w") as stream:  # no pipe: the daemons would hold it open
        up = subprocess.run(
            ["timeout", "-k", "5", "1200", str(HERE / "up.sh"), str(folder)],
            stdout=stream,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            check=False,
        )
    if up.returncode == 77:
        pytest.skip(told.read_text().strip().splitlines()[-1])
    try:
        assert up.returncode == 0, told.read_text()
        yield folder
    finally:
        subprocess.run([str(HERE / "down.sh"), str(folder)], check=False)
