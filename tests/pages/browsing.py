"""A real browser for tests of pages: Debian's chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
IN_CI = bool(os.environ.get("CI") or os.environ.get("FULLRANK_CI"))
"""`.ci/run` sets the second: with the first, hypothesis would draw the same cases every time."""
NEEDS_IT = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHROMIUM and not IN_CI, reason="needs chromium (apt-get install it)"),
]
WIDTHS, SCHEMES = (360, 1440), ("light", "dark")


@contextmanager
def chromium() -> Iterator[Any]:
    """The browser, for as long as it is needed."""
    from playwright.sync_api import sync_playwright

    assert CHROMIUM, "no chromium, and CI skips nothing: apt-get install chromium"
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()
