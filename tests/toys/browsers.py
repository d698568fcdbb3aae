"""Headless Chromium, where it is installed, and pages that tell what goes wrong in them."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

PATIENCE = 600_000
"""Milliseconds that a page may take for anything: how fast it is, is the machine's matter."""
_NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser; without one the test is skipped."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        pytest.skip(f"no browser is installed ({', '.join(_NAMES)})")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=found, args=["--no-sandbox"], timeout=PATIENCE
        )
        yield started
        started.close()


def watched_page(browser: Browser, **options) -> tuple[Page, list[str]]:
    """A new page, and what goes wrong in it: errors, and requests for more than its own file."""
    page, faults = browser.new_page(**options), []
    page.set_default_timeout(PATIENCE)

    def asked(url: str) -> None:
        if not url.startswith(("file:", "blob:")):
            faults.append(url)

    page.on("console", lambda message: faults.append(message.text))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: asked(request.url))
    return page, faults
