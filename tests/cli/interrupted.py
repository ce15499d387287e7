"""Runs the command line, and sends itself a signal at the start of its n-th import.

    python interrupted.py SIGINT N fit …

Some imports are asked for by C++ in the middle of an import of torch, others at the end of a run.
"""

from __future__ import annotations

import os
import signal
import sys


class Moment:
    """Finds no module; counts how many are looked for."""

    def __init__(self, number: int, at: int) -> None:
        self.number, self.left = number, at

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), self.number)


if __name__ == "__main__":
    number, at = getattr(signal, sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started this ignores
    sys.argv[1:] = sys.argv[3:]
    moment = Moment(number, at)
    from fullrank.__main__ import main

    sys.meta_path.insert(0, moment)  # type: ignore[arg-type]
    try:
        main()
    finally:
        if moment.left > 0:
            sys.stderr.write(f"{at - moment.left} imports\n")
