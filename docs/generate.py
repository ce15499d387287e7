"""Writes the tables of README.md and docs/ and the pictures of docs/images anew from results/.

    python docs/generate.py            # rewrite the pages and pictures
    python docs/generate.py --check    # name the pages that are not up to date, and exit with 1

A page is prose with blocks between ``<!-- table NAME -->`` and ``<!-- end -->``. The function that
`tables.TABLES` has for NAME fills a block; the prose around it is written by hand and holds no
figure of its own.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tables import TABLES
from tables.pictures import PICTURES

ROOT = Path(__file__).parent.parent
MARK = "<!-- table "
PAGES = tuple(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md")))
    if MARK in path.read_text("utf-8")
)
BLOCK = re.compile(r"(<!-- table (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """The page with every block written anew.

    Raises:
        KeyError: A block names a table that does not exist.
    """
    return BLOCK.sub(lambda block: f"{block[1]}{tables[block['name']]()}\n{block[3]}", page)


def written() -> Iterator[tuple[str, str]]:
    """Each page and picture that is made here, by its path in the repository."""
    for name in PAGES:
        yield name, filled((ROOT / name).read_text("utf-8"), TABLES)
    for name, draw in PICTURES.items():
        yield f"docs/images/{name}", draw()


def main() -> None:
    """Rewrites or checks all pages and pictures."""
    parser = argparse.ArgumentParser(description="Writes the tables of the docs from results/.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if stale")
    check = parser.parse_args().check
    stale = []
    for name, after in written():
        path = ROOT / name
        if not path.exists() or after != path.read_text("utf-8"):
            stale.append(name)
            if not check:
                path.write_text(after, "utf-8")
    if check and stale:
        sys.exit(
            f"{', '.join(stale)}: found tables or pictures that differ from results/; run make docs"
        )


if __name__ == "__main__":
    main()
