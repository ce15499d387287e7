"""Writes the tables of README.md and docs/ anew from the files in results/.

    python docs/generate.py            # rewrite the pages
    python docs/generate.py --check    # name the pages that are not up to date, and exit with 1

A page is prose with blocks between ``<!-- table NAME -->`` and ``<!-- end -->``. The function that
`tables.TABLES` has for NAME fills a block; the prose around it is written by hand and holds no
figure of its own.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from tables import TABLES

ROOT = Path(__file__).parent.parent
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/results.md",
    "docs/benchmarks.md",
    "docs/own-model.md",
)
BLOCK = re.compile(r"(<!-- table (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """The page with every block written anew.

    Raises:
        KeyError: A block names a table that does not exist.
    """
    return BLOCK.sub(lambda block: f"{block[1]}{tables[block['name']]()}\n{block[3]}", page)


def main() -> None:
    """Rewrites or checks all pages."""
    parser = argparse.ArgumentParser(description="Writes the tables of the docs from results/.")
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if stale")
    check = parser.parse_args().check
    stale = []
    for name in PAGES:
        path = ROOT / name
        before = path.read_text("utf-8")
        after = filled(before, TABLES)
        if after != before:
            stale.append(name)
            if not check:
                path.write_text(after, "utf-8")
    if check and stale:
        sys.exit(f"{', '.join(stale)}: found tables that differ from results/; run make docs")


if __name__ == "__main__":
    main()
