"""The files of the page and of the docs, read once; they ask no other host for anything."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fullrank.pages import render

FOLDER = Path(__file__).parent / "page"
HTML = b"text/html; charset=utf-8"
KINDS = {".html": HTML, ".css": b"text/css", ".js": b"text/javascript", ".svg": b"image/svg+xml"}
SAFE = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-cache"),
)
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
POLICY = (b"content-security-policy", _POLICY.encode())


@dataclass(frozen=True)
class File:
    """A file as it is sent."""

    body: bytes
    kind: bytes
    headers: tuple[tuple[bytes, bytes], ...]


def _files() -> dict[str, File]:
    paths = {f"/page/{path.name}": path for path in sorted(FOLDER.iterdir())}
    paths["/"], paths["/docs"] = paths.pop("/page/index.html"), paths.pop("/page/docs.html")
    paths["/page/base.css"] = render.FOLDER / "page.css"  # the style of the reports
    return {
        address: File(path.read_bytes(), KINDS[path.suffix], (*SAFE, POLICY))
        for address, path in paths.items()
        if path.suffix in KINDS
    }


FILES = _files()
"""By path."""
