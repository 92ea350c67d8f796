"""A real browser for the tests of pages: every request and every complaint of a page is written down."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

QUIET = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]
PHONE = {"viewport": {"width": 375, "height": 720}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2}


class Watched:
    """A page, and what it asked for and complained of."""

    def __init__(self, context: Any) -> None:
        self.page = context.new_page()
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def until(self, condition: str) -> None:
        """Wait for a condition in the page, looked at each frame: selectors are looked for only twice a second."""
        self.page.wait_for_function(f"() => {condition}")  # a function: the page forbids eval

    def shows(self, selector: str) -> None:
        """Wait until an element is there, visible, and not disabled."""
        self.until(f"(() => {{ const e = document.querySelector('{selector}'); "
                   "return e && e.checkVisibility() && !e.disabled; })()")


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, or a skip that says what is missing."""
    api = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("the browser tests need chromium on the path")
    with api.sync_playwright() as play:
        running = play.chromium.launch(executable_path=path, args=QUIET)
        try:
            yield running
        finally:
            running.close()
