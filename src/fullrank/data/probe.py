"""A file that a parser cannot survive is met by another process first.

polars reads Parquet and Arrow files, and some damaged ones end the process that reads them: a run
length in a page asks for 2^61 bytes, and the allocator aborts. No error can be caught then.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Literal

from fullrank.data.plain_names import plain_name
from fullrank.errors import DataError

Kind = Literal["Parquet", "Arrow IPC"]
_SCANS: dict[Kind, str] = {"Parquet": "scan_parquet", "Arrow IPC": "scan_ipc"}
NUMBERS = (2, 15, 1)
"""Ctrl-C, a request to end and a closed terminal: meant for us, and no fault of the file."""
CRASHED = 128
"""Exit codes from here on are of a process that did not end by itself, on Windows too."""
_PROGRAM = """
import json, sys
scan, path, *sys.path = json.load(sys.stdin)  # modules of the parent, and none of this folder
import polars
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except (ImportError, OSError, ValueError):
    pass
try:
    scanned = getattr(polars, scan)(path, glob=False)
    for name in scanned.collect_schema().names():
        scanned.select(polars.col(name)).collect()
except BaseException:
    pass  # what can be caught is met again by who asked
"""


def check_survivable(path: Path, kind: Kind) -> None:
    """Sees in a child that a parser gets through a file, or fails in a way that can be caught.

    The child reads the columns one after another and keeps none, at the cost of a start of Python
    and one more reading. Where no process can be started, the file is read unseen.

    Raises:
        DataError: the child was ended by a signal.
    """
    if not sys.executable or getattr(sys, "frozen", False):
        return
    with plain_name(path) as name:
        told = json.dumps([_SCANS[kind], str(name), *map(str, sys.path)])
        try:
            done = subprocess.run(  # noqa: S603  # our own program
                [sys.executable, "-I", "-S", "-c", _PROGRAM],
                check=False,
                input=told.encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        except (OSError, ValueError):
            return
    if -done.returncode in NUMBERS or 0 <= done.returncode < CRASHED:
        return
    found = f"a damaged {kind} file (its parser ends by signal {abs(done.returncode)})"
    raise DataError(str(path), found, "a whole one")
