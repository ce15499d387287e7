"""A file that a parser cannot survive is met by another process first.

polars reads Parquet and Arrow files, and some damaged ones end the process that reads them: a run
length in a page asks for 2^61 bytes, and the allocator aborts. No error can be caught then.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import ExitStack
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
# Modules of the parent, and none of this folder.
scan, paths, wanted, *sys.path = json.load(sys.stdin)
import polars
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
except (ImportError, OSError, ValueError):
    pass
for number, path in enumerate(paths):
    print(number, flush=True)
    try:
        scanned = getattr(polars, scan)(path, glob=False)
        for name in scanned.collect_schema().names():
            if not wanted or name in wanted:
                scanned.select(polars.col(name)).collect()
    except BaseException:
        pass  # what can be caught is met again by who asked
"""


def check_survivable(paths: Path | Sequence[Path], kind: Kind, wanted: Sequence[str] = ()) -> None:
    """Sees in a child that a parser gets through files, or fails in a way that can be caught.

    The child reads the columns one after another and keeps none, at the cost of a start of Python
    and one more reading. Where no process can be started, the files are read unseen.

    Args:
        paths: One file or several.
        kind: Their format.
        wanted: The columns to read; all if none are named.

    Raises:
        DataError: the child was ended by a signal.
    """
    paths = [paths] if isinstance(paths, Path) else paths
    if not sys.executable or getattr(sys, "frozen", False):
        return
    with ExitStack() as stack:
        names = [str(stack.enter_context(plain_name(path))) for path in paths]
        told = json.dumps([_SCANS[kind], names, list(wanted), *map(str, sys.path)])
        try:
            done = subprocess.run(  # noqa: S603  # our own program
                [sys.executable, "-I", "-S", "-c", _PROGRAM],
                check=False,
                input=told.encode(),
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        except (OSError, ValueError):
            return
    if -done.returncode in NUMBERS or 0 <= done.returncode < CRASHED:
        return
    reached = done.stdout.split()
    path = paths[int(reached[-1])] if reached else paths[0]
    found = f"a damaged {kind} file (its parser ends by signal {abs(done.returncode)})"
    raise DataError(str(path), found, "a whole one")
