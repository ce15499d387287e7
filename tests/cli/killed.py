"""A warm process whose children run the command line and die at a file operation of their choice.

``python killed.py WATCHED WHICH COMMANDS``: WATCHED is the output, beside which operations count,
WHICH a slice of them (``::3``), COMMANDS a JSON list: the command, and the one said after a kill.
Writes a JSON object for each point: the operation, both exit codes, what the second said, and the
files that are there in the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import fullrank.data.synthetic
import fullrank.recommender  # noqa: F401
from fullrank.cli import main

KINDS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "shutil.rmtree"}


def hook(watched: str, at: int, log: Path | None) -> Callable[[str, tuple[object, ...]], None]:
    """Kills this process at an operation below the path that is not a plain read; 0 counts."""
    seen = []

    def strike(event: str, arguments: tuple[object, ...]) -> None:
        if event not in KINDS or (event == "open" and arguments[1] in ("r", "rb")):
            return
        named = [str(each) for each in arguments[:2] if isinstance(each, str | os.PathLike)]
        if not any(name.startswith(watched) for name in named):
            return
        seen.append(event)
        if log is not None:
            os.write(3, f"{event} {named[0].removeprefix(watched)}\n".encode())
        if len(seen) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    return strike


def run(
    command: list[str], watched: str = "", at: int = 0, log: Path | None = None
) -> tuple[int, str]:
    """Runs a command in a child: its exit code (-9 if it was killed) and its errors."""
    with tempfile.TemporaryFile("w+") as errors:
        child = os.fork()
        if child == 0:
            code = 70
            os.dup2(errors.fileno(), 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            if log is not None:
                os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND), 3)
            sys.argv = ["fullrank", *command]
            if watched:
                sys.addaudithook(hook(watched, at, log))
            try:
                main()
            except SystemExit as stop:
                code = int(stop.code or 0)
            finally:
                with contextlib.suppress(BaseException):
                    sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        errors.seek(0)
        return os.waitstatus_to_exitcode(status), errors.read()


def clean(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    path.unlink(missing_ok=True)


def tree(path: Path) -> list[str]:
    return sorted(each.relative_to(path).as_posix() for each in path.rglob("*") if each.is_file())


if __name__ == "__main__":
    watched, which, commands = Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])
    home = watched.parent
    first, again = commands
    log = home.with_suffix(".log")
    code, said = run(first, str(home), 0, log)
    assert code == 0, said
    points = log.read_text().splitlines()
    chosen = range(1, len(points) + 1)[slice(*(int(x) if x else None for x in which.split(":")))]
    for at in chosen:
        clean(home)
        home.mkdir()
        killed, _ = run(first, str(home), at)
        resume = ["--resume"] if (watched / "checkpoint.safetensors").exists() else []
        code, said = run([*again, *resume])
        point = {"at": points[at - 1], "killed": killed, "code": code, "said": said}
        point |= {"resumed": bool(resume), "there": tree(home)}
        sys.stdout.write(json.dumps(point) + "\n")
        sys.stdout.flush()  # before a child has a copy
