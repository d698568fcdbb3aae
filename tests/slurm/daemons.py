"""The daemons of a throw-away Slurm: stopped for a while, and kept up otherwise."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import psutil

from workflow.conftest import run

PATIENCE = 600
"""Seconds that a command of Slurm's may take: how long is the machine's matter, not a fault."""
NAMES = ("slurmdbd", "slurmctld", "slurmd")
EVERY = 10
"""Seconds between two looks at them."""
SILENCE = 120
"""Seconds that one may be away."""


@dataclass
class Daemons:
    """Those of the cluster in ``folder``."""

    folder: Path
    looked: float = 0
    well: dict[str, float] = field(default_factory=dict)

    def process(self, name: str) -> psutil.Process | None:
        """The one of that name, if it lives."""
        try:
            found = psutil.Process(int((self.folder / "run" / f"{name}.pid").read_text()))
            lives = found.name() == name and found.status() != psutil.STATUS_ZOMBIE
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return None
        return found if lives else None

    def stop(self, name: str) -> None:
        """End it, as a service manager does."""
        if process := self.process(name):
            process.terminate()
            deadline = time.monotonic() + SILENCE
            while self.process(name) and time.monotonic() < deadline:
                time.sleep(0.1)
        if process := self.process(name):
            process.kill()

    def begin(self, name: str) -> None:
        """Start it; whether it is there is seen at the next look."""
        subprocess.run([name], check=False)
        self.well[name] = time.monotonic()

    def keep_up(self) -> None:
        """Begin anew, as systemd does, what ended by itself or is silent; print its last words."""
        now = time.monotonic()
        if now < self.looked + EVERY:
            return
        self.looked = now
        for name in NAMES:
            if self.process(name) and (name != "slurmctld" or _answers()):
                self.well[name] = now
            elif now > self.well.setdefault(name, now) + SILENCE:
                words = (self.folder / "log" / f"{name}.log").read_text()[-3000:]
                print(f"{name} is begun anew; it had said:\n{words}", file=sys.stderr)
                self.stop(name)
                self.begin(name)


@cache
def daemons() -> Daemons:
    """Those of the cluster that is set up here (up.sh)."""
    return Daemons(Path("/etc/slurm/slurm.conf").resolve().parents[1])


def asked(*words: str) -> str:
    """What a command of Slurm's says, asked again while it fails: a busy daemon may not hear it."""
    deadline = time.monotonic() + PATIENCE
    while (done := run([*words], timeout=PATIENCE)).returncode:
        assert time.monotonic() < deadline, done.stdout
        daemons().keep_up()
        time.sleep(1)
    return done.stdout


def _answers() -> bool:
    ping = ["timeout", "30", "scontrol", "ping"]
    return "is UP" in subprocess.run(ping, capture_output=True, text=True, check=False).stdout
