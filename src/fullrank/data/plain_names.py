"""Names for libraries that open no file whose path is not UTF-8, as those written in Rust."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def plain_name(path: Path) -> Iterator[Path]:
    """Another name of a file, through a link, where its own is not UTF-8; else its own.

    A file to be written can be replaced in its folder, as some libraries do, if its last part is
    UTF-8: then the link is one to the folder.
    """
    if _is_plain(str(path)):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="fullrank-") as folder:
        link = Path(folder) / "link"
        if _is_plain(path.name):
            link.symlink_to(path.parent.absolute(), target_is_directory=True)
            yield link / path.name
        else:
            link.symlink_to(path.absolute())
            yield link


def _is_plain(name: str) -> bool:
    """Whether Python could read every byte of a name as UTF-8."""
    return not any("\ud800" <= each <= "\udfff" for each in name)
