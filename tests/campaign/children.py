"""Forked children of a warm process: a whole command of the program costs a tenth of a second.

Each child dies with its parent, has a limit of time and one of memory, and is judged by what it
printed and how it ended.
"""

from __future__ import annotations

import ctypes
import errno
import importlib
import os
import select
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, NoReturn

SECONDS, MIB = 60.0, 2500.0
"""Limits of one child, unless a caller has others."""
_LOOK = 30
"""Milliseconds between two looks at the memory of a child."""
_GROWING = frozenset(("open", "os.rename", "os.mkdir"))
_SHRINKING = frozenset(("os.remove", "os.rmdir", "shutil.rmtree"))
"""Audit events of operations that change files, and may or may not find a disk full."""
WARM = (
    "cli", "data", "data.synthetic", "evaluation", "recommender", "serving.model_files",
    "spectrum.report", "studies.compare", "studies.tune", "training", "native",
)  # fmt: skip
"""Modules of the package that its verbs import."""
SIGNALS = {name: getattr(signal, f"SIG{name.upper()}") for name in ("kill", "term", "int", "hup")}
"""Strikes that are signals, by name."""

Body = Callable[[], object]


class Result(NamedTuple):
    """How a child ended; ``code`` is negative for a signal, ``over`` names a limit it went over."""

    code: int
    out: str
    err: str
    seconds: float
    mib: float
    over: str = ""

    @property
    def last(self) -> str:
        """The last line on standard error."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""

    def trouble(self) -> str:
        """What is wrong with an ending that is no success and no clear line; empty if nothing."""
        if self.over:
            return f"over its limit of {self.over}"
        if "Traceback" in self.err or "panicked at" in self.err:
            return f"traceback: {self.last}"
        if self.code == 0:
            return ""
        if self.code != 2:
            return f"code {self.code}: {self.last}"
        return "" if self.last.startswith("error: ") else f"unclear: {self.last}"


class Child:
    """Runs a body in a forked child.

    Args:
        body: Its exit code is that of ``SystemExit``, or 0.
        before: What is done first in the child.
        env: Variables to set, or to remove where the value is ``None``.
        seconds: The child is killed after so long.
        mib: The child is killed once it has so much memory.
    """

    def __init__(
        self,
        body: Body,
        *,
        before: Body | None = None,
        env: dict[str, str | None] | None = None,
        seconds: float = SECONDS,
        mib: float = MIB,
    ) -> None:
        self.limits = seconds, mib
        self.files = [tempfile.TemporaryFile("w+b") for _ in range(2)]  # noqa: SIM115  # until `wait`
        self.began = time.monotonic()
        self.pid = os.fork()
        if self.pid == 0:
            self._be(body, before, env or {})

    def _be(self, body: Body, before: Body | None, env: dict[str, str | None]) -> NoReturn:
        code = 70
        try:
            ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # dies with the parent
            os.setsid()
            for number, file in enumerate(self.files, start=1):
                os.dup2(file.fileno(), number)
            sys.stdout = os.fdopen(1, "w", errors="backslashreplace", closefd=False)
            sys.stderr = os.fdopen(2, "w", errors="backslashreplace", closefd=False)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            for name, value in env.items():
                os.environ.pop(name, None)
                os.environ.update({} if value is None else {name: value})
            if before is not None:
                before()
            body()
            code = 0
        except SystemExit as left:
            code = left.code if isinstance(left.code, int) else int(left.code is not None)
        except BaseException:
            traceback.print_exc()
            code = 1
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(BaseException):
                    stream.flush()
            os._exit(code)

    def wait(self) -> Result:
        """Waits for the end, or brings it about where a limit is passed."""
        over, peak, (most_seconds, most_mib) = "", 0.0, self.limits
        handle = os.pidfd_open(self.pid)
        watch = select.poll()
        watch.register(handle, select.POLLIN)
        while not watch.poll(_LOOK):
            peak = max(peak, high_water(self.pid))
            if time.monotonic() - self.began > most_seconds:
                over = f"{most_seconds:.0f} s"
            elif peak > most_mib:
                over = f"{most_mib:.0f} MiB"
            if over:
                self.stop()
                watch.poll()
        os.close(handle)
        _, status, usage = os.wait4(self.pid, 0)
        seconds = time.monotonic() - self.began
        texts = []
        for file in self.files:
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
            file.close()
        code = os.waitstatus_to_exitcode(status)
        return Result(code, texts[0], texts[1], seconds, max(peak, usage.ru_maxrss / 1024), over)

    def stop(self, number: int = signal.SIGKILL) -> None:
        """Sends a signal to the child and to what it started."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, number)


def high_water(process: int | str = "self") -> float:
    """The most memory that a process has had at once, in MiB."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
    return 0.0


def command(*arguments: object) -> Body:
    """The body ``fullrank ARGUMENTS``."""

    def body() -> None:
        from fullrank.cli import main

        sys.argv = ["fullrank", *map(str, arguments)]
        main()

    return body


def call(body: Body, *, before: Body | None = None, **limits: float) -> Result:
    """Runs a body in a child, to its end."""
    return Child(body, before=before, **limits).wait()  # type: ignore[arg-type]


def cli(*arguments: object, before: Body | None = None, **limits: float) -> Result:
    """Runs ``fullrank ARGUMENTS`` in a child, to its end."""
    return call(command(*arguments), before=before, **limits)


def together(bodies: Iterable[Body], **limits: float) -> list[Result]:
    """Runs bodies at the same time, to their ends."""
    children = [Child(body, **limits) for body in bodies]  # type: ignore[arg-type]
    return [child.wait() for child in children]


def strike(folder: Path, at: int, kind: str, log: Path | None = None) -> Body:
    """What makes a child suffer at its ``at``-th file operation below a folder; 0 only counts.

    Args:
        folder: Operations on paths that begin so count.
        at: Number of the operation, from 1.
        kind: ``kill``, ``term``, ``int`` or ``hup``, a signal to itself; ``full``, a full disk.
        log: Receives a line for each operation.
    """
    seen: list[str] = []

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event not in counted or (event == "open" and arguments[1] in ("r", "rb")):
            return
        if kind == "full" and event == "open" and not int(str(arguments[2])) & os.O_ACCMODE:
            return  # reading needs no room
        named = [os.fsdecode(x) for x in arguments[:2] if isinstance(x, str | bytes | os.PathLike)]
        if not any(name.startswith(str(folder)) for name in named):
            return
        seen.append(event)
        if log is not None:
            os.write(number, f"{event} {' '.join(named).replace(str(folder), '')}\n".encode())
        if len(seen) == at and kind == "full":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), named[0])
        if len(seen) == at:
            os.kill(os.getpid(), SIGNALS[kind])

    counted = _GROWING if kind == "full" else _GROWING | _SHRINKING
    number = -1

    def before() -> None:
        nonlocal number
        if log is not None:
            number = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        sys.addaudithook(hook)

    return before


def operations(folder: Path, log: Path, *arguments: object, kind: str = "kill") -> list[str]:
    """The file operations below a folder that a strike can hit, of a command without one."""
    log.unlink(missing_ok=True)
    result = cli(*arguments, before=strike(folder, 0, kind, log))
    assert result.code == 0, result.err
    return log.read_text(encoding="utf-8").splitlines()


def warm() -> None:
    """Imports what the verbs import and loads the kernels; starts no thread that does work."""
    for name in WARM:
        importlib.import_module(f"fullrank.{name}")
    for name in ("gzip", "rich.console", "rich.table", "filelock", "optuna", "matplotlib.figure"):
        with suppress(ImportError):
            importlib.import_module(name)
    importlib.import_module("fullrank.native").state()
