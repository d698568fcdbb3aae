"""Progress of long work: a bar on a terminal, a line now and then in the log."""

from __future__ import annotations

import logging
import sys
import time
from types import TracebackType

from tqdm import tqdm

_LOG_EVERY_SECONDS = 10.0

logger = logging.getLogger(__name__)


class Progress:
    """Counts units done; shows units a second and the time left (where ``total`` is known).

    On a terminal and in a notebook it is a tqdm bar on standard error; the same numbers go to the
    log every ten seconds and at the end, so that a job on a cluster can be followed with
    ``tail -f``.
    """

    def __init__(self, total: int | None, description: str, unit: str = "pairs") -> None:
        self.description = description
        # Its stderr, which is no terminal, is the cell. Who but starts kernels has ipykernel alone.
        in_notebook = "ipykernel.kernelapp" in sys.modules
        self.bar = tqdm(
            total=total,
            desc=description,
            unit=f" {unit}",
            file=sys.stderr if in_notebook else sys.__stderr__,
            disable=not (in_notebook or (sys.__stderr__ and sys.__stderr__.isatty())),
            leave=False,
        )
        self.unit, self.total, self.done = unit, total, 0
        self.start = self.last_log = time.monotonic()

    def update(self, n: int = 1) -> None:
        """Count ``n`` more units as done."""
        self.done += n
        self.bar.update(n)
        now = time.monotonic()
        if now - self.last_log >= _LOG_EVERY_SECONDS:
            self.last_log = now
            self._log(now)

    def _log(self, now: float) -> None:
        seconds = max(now - self.start, 1e-9)
        rate = self.done / seconds
        left = ""
        if self.total is not None and rate:
            left = f", {tqdm.format_interval((self.total - self.done) / rate)} left"
        logger.info(
            "%s: %d%s %s, %.1f %s/s, %s elapsed%s",
            self.description,
            self.done,
            "" if self.total is None else f"/{self.total}",
            self.unit,
            rate,
            self.unit,
            tqdm.format_interval(seconds),
            left,
        )

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.bar.close()
        self._log(time.monotonic())
