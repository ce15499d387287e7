"""From what a page says to the page: one file of HTML with its style and script in it."""

from __future__ import annotations

import base64
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fullrank import __version__
from fullrank.data.files import replacing
from fullrank.pages.scales import shown

FOLDER = Path(__file__).parent / "templates"


@functools.cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,  # ids, titles and names of files are anybody's
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"number": shown, "percent": percent}
    return made


def percent(share: float | None, digits: int = 0) -> str:
    r"""A share as a percentage, in one word.

    >>> percent(0.256), percent(0.0004), percent(0.9996), percent(None)
    ('26\xa0%', '<\xa01\xa0%', '>\xa099\xa0%', '–')
    """
    if share is None:
        return "–"
    if 0 < share < 0.5 / 100 and not digits:
        return "<\N{NO-BREAK SPACE}1\N{NO-BREAK SPACE}%"
    if 99.5 / 100 <= share < 1 and not digits:
        return ">\N{NO-BREAK SPACE}99\N{NO-BREAK SPACE}%"
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def page(template: str, values: Mapping[str, Any]) -> str:
    """The HTML of a page.

    The style and the script are part of it, and a policy in its head lets it load nothing else and
    run no other script, whatever is in the values.

    Args:
        template: File name of the template.
        values: What it needs.
    """
    style, script = (
        (FOLDER / name).read_text(encoding="utf-8") for name in ("page.css", "page.js")
    )
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    return (
        _environment()
        .get_template(template)
        .render(
            **values,
            style=Markup(style),  # noqa: S704  # a file of ours
            script=Markup(script),  # noqa: S704
            policy=policy,
            version=__version__,
        )
    )


def write_page(path: Path, template: str, values: Mapping[str, Any]) -> None:
    """Writes a page, as a whole or not at all.

    Raises:
        DataError: the disk is full or the folder cannot be written.
    """
    text = page(template, values)
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8", errors="backslashreplace", newline="\n")
