"""The real program in odd surroundings: no HOME, other locales, closed streams, limits, signals."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from children import Result
from common import Setting, Tally, digests, events, fit, remove, state_of

SECONDS = 300.0
ASCII: dict[str, str | None] = {
    "LC_ALL": "POSIX",
    "PYTHONCOERCECLOCALE": "0",
    "PYTHONUTF8": "0",
    "PYTHONIOENCODING": "ascii",
}
SAFE = f"{shlex.quote(sys.executable)} -P -m fullrank"
"""Without the current folder on the path, as the installed command has it."""
NOBODY = "setpriv --reuid=12345 --regid=12345 --clear-groups "
PROGRAM = f"{shlex.quote(sys.executable)} -m fullrank"
SHADOWED = ("random", "json", "numpy", "torch", "typing", "types", "polars", "csv", "select")


@dataclass(frozen=True)
class Probe:
    """A command line of a shell in which PROGRAM, FIT, SHOW, OUT and WORK stand for theirs.

    Args:
        name: What the surroundings are.
        line: The command line.
        env: Variables to set, or to remove where the value is ``None``.
        codes: The exit codes that are right.
        model: Whether OUT must be the model that the usual surroundings give.
        prefix: What runs the program, as another user.
    """

    name: str
    line: str = "PROGRAM FIT -o OUT"
    env: dict[str, str | None] = field(default_factory=dict)
    codes: tuple[int, ...] = (0,)
    model: bool = False
    prefix: str = ""


SHOW = "PROGRAM SHOW"
PROBES = (
    Probe("no HOME", env={"HOME": None}, model=True),
    Probe("HOME cannot be written", env={"HOME": "/proc/nowhere"}, model=True),
    Probe("no HOME, unknown user", env={"HOME": None}, prefix=NOBODY),
    Probe("recommend, unknown user", SHOW, {"HOME": "/nowhere"}, prefix=NOBODY),
    Probe("cache cannot be written", env={"FULLRANK_CACHE": "/proc/nowhere"}),
    Probe("cache is a file", env={"FULLRANK_CACHE": "WORK/events.csv"}),
    Probe("without kernels", env={"FULLRANK_NATIVE": "0"}),
    Probe("empty PATH", env={"PATH": "/nowhere"}),
    Probe("CXX fails", env={"CXX": "/bin/false", "FULLRANK_CACHE": "WORK/cache"}),
    Probe("-o in a folder that cannot be written", "PROGRAM FIT -o /proc/model", codes=(2,)),
    Probe("-o below a file", "PROGRAM FIT -o WORK/events.csv/model", codes=(2,)),
    Probe("-o of 300 letters", f"PROGRAM FIT -o WORK/{'x' * 300}", codes=(2,)),
    Probe("~ without HOME", "PROGRAM recommend '~nobody-of-this-name/m' --user u1", codes=(2,)),
    Probe("LANG=C", env={"LANG": "C", "LC_ALL": "C"}, model=True),
    Probe("ASCII", env=ASCII, model=True),
    Probe("ASCII, inspect", "PROGRAM inspect WORK/whole", ASCII),
    Probe("accents", "PROGRAM FIT -o WORK/è && PROGRAM inspect WORK/è"),
    Probe("accents, ASCII", "cp WORK/whole WORK/é -r; PROGRAM recommend WORK/é --user u1", ASCII),
    Probe("name not UTF-8", "PROGRAM FIT -o $'WORK/o\\xff' && PROGRAM inspect $'WORK/o\\xff'"),
    Probe("name with [1]", "cp -r WORK/whole 'WORK/o[1]'; PROGRAM recommend 'WORK/o[1]' --user u1"),
    Probe("PYTHONOPTIMIZE=2", env={"PYTHONOPTIMIZE": "2"}, model=True),
    Probe("PYTHONOPTIMIZE=2, methods", "PROGRAM methods directspec+", {"PYTHONOPTIMIZE": "2"}),
    Probe("PYTHONOPTIMIZE=2, help", "PROGRAM fit --help", {"PYTHONOPTIMIZE": "2"}),
    Probe("PYTHONWARNINGS=error", env={"PYTHONWARNINGS": "error"}, model=True),
    Probe("python -bb -X dev", "PYTHON -bb -X dev -m fullrank SHOW"),
    *(Probe(f"TZ={zone}", SHOW, {"TZ": zone}) for zone in ("Asia/Kathmandu", "No", "", "UTC+14")),
    *(Probe(f"COLUMNS={n}", SHOW, {"COLUMNS": n}) for n in ("20", "1", "0", "-5", "x", "100000")),
    Probe("COLUMNS=20, fit", env={"COLUMNS": "20"}, model=True),
    Probe("TERM=dumb", SHOW, {"TERM": "dumb"}),
    Probe("OMP_NUM_THREADS=x", env={"OMP_NUM_THREADS": "x"}, model=True),
    Probe("standard input closed", f"{SHOW} <&-"),
    Probe("standard output closed", f"{SHOW} >&-", codes=(0, 2)),
    Probe("standard output closed, JSON", f"{SHOW} --json >&-", codes=(0, 2)),
    Probe("all closed", f"{SHOW} <&- >&- 2>&-", codes=(0, 2)),
    Probe("fit, all closed", "PROGRAM FIT -o OUT <&- >&- 2>&-", codes=(0, 2)),
    Probe("output on a full disk", f"{SHOW} > /dev/full", codes=(2,)),
    Probe("output on a full disk, JSON", f"{SHOW} --json > /dev/full", codes=(2,)),
    Probe("errors on a full disk", "PROGRAM FIT -o OUT 2> /dev/full", model=True),
    Probe("output to head", "PROGRAM methods | head -1; exit 0"),
    Probe("20 open files", "ulimit -n 20; PROGRAM FIT -o OUT", codes=(0, 2)),
    Probe("umask 077", "umask 077; PROGRAM FIT -o OUT", model=True),
    Probe("files named as modules", f"cd WORK/odd; {SAFE} FIT -o OUT", model=True),
)  # fmt: skip


class Program:
    """A command line of a shell, with its output, its time and its memory."""

    def __init__(self, line: str, env: dict[str, str], folder: Path) -> None:
        self.files = [tempfile.TemporaryFile("w+b") for _ in range(2)]  # noqa: SIM115  # until `wait`
        self.began = time.monotonic()
        out, err = self.files
        words = ["/bin/bash", "-c", line]
        self.child = subprocess.Popen(words, stdout=out, stderr=err, env=env, cwd=folder)
        self.handle = os.pidfd_open(self.child.pid)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self.began

    def ended(self, seconds: float) -> bool:
        """Waits for the end, so long at most; whether it came."""
        return bool(select.select([self.handle], [], [], seconds)[0])

    def wait(self) -> Result:
        """Waits for the end, or brings it about when its time is over."""
        over = "" if self.ended(SECONDS) else f"{SECONDS:.0f} s"
        if over:
            self.child.kill()
        _, status, usage = os.wait4(self.child.pid, 0)
        os.close(self.handle)
        code = self.child.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for file in self.files:
            file.seek(0)
            texts.append(file.read().decode(errors="replace"))
            file.close()
        return Result(code, texts[0], texts[1], self.seconds, usage.ru_maxrss / 1024, over)


class Place:
    """Where the probes run: small data, and the model that undisturbed surroundings give."""

    def __init__(self, setting: Setting) -> None:
        self.work = setting.work
        self.work.chmod(0o777)
        self.data = events(self.work / "events.csv")
        self.fit = shlex.join(map(str, fit(self.data, epochs=2)))
        (self.work / "odd").mkdir()
        for name in SHADOWED:
            (self.work / "odd" / f"{name}.py").write_text("raise RuntimeError('shadowed')\n")
        self.run(Probe("usual", "PROGRAM FIT -o WORK/whole"), self.work / "whole")
        self.wanted = digests(self.work / "whole")

    def line(self, probe: Probe, out: Path) -> str:
        """The command line for the shell."""
        words = {"FIT": self.fit, "SHOW": f"recommend {self.work}/whole --user u1 -k 3"}
        words |= {"OUT": str(out), "WORK": str(self.work), "PYTHON": sys.executable}
        text = probe.line.replace("PROGRAM", probe.prefix + PROGRAM)
        for name, value in words.items():
            text = text.replace(name, value)
        return text

    def environment(self, env: dict[str, str | None]) -> dict[str, str]:
        """Ours, with these changes."""
        merged = {**os.environ, **env}
        kept = {name: value for name, value in merged.items() if value is not None}
        return {name: value.replace("WORK", str(self.work)) for name, value in kept.items()}

    def run(self, probe: Probe, out: Path) -> Result:
        """Runs a probe to its end."""
        remove(out)
        program = Program(self.line(probe, out), self.environment(probe.env), self.work)
        return program.wait()

    def case(self, probe: Probe, out: Path) -> tuple[str, Result]:
        """What is wrong after a probe, and its result."""
        result = self.run(probe, out)
        return self.trouble(probe, out, result), result

    def trouble(self, probe: Probe, out: Path, result: Result) -> str:
        """What is wrong with the ending of a probe."""
        if result.over:
            return f"over its limit of {result.over}"
        if "Traceback" in result.err or "Fatal Python" in result.err:
            return f"traceback: {result.last}"
        if result.code not in probe.codes:
            return f"code {result.code}: {result.last}"
        if probe.model and digests(out) != self.wanted:
            return "other bits than in the usual surroundings"
        return ""


def signalled(place: Place, name: str, *, start: bool) -> tuple[str, Result]:
    """A signal in a long fit: at its start, or in its training, where it keeps a checkpoint."""
    out = place.work / f"signal-{name}-{start}"
    words = place.fit.replace("--epochs 2", "--epochs 3000")
    words = words.replace("checkpoint_every=1", "checkpoint_every=3000")
    program = Program(f"exec {PROGRAM} {words} -o {out}", place.environment({}), place.work)
    log = out / "log.jsonl"
    while program.seconds < SECONDS and not program.ended(0.05):
        trains = log.exists() and log.stat().st_size > 1000
        if trains or (start and program.seconds > 0.5):
            break
    number = getattr(signal, name)
    os.kill(program.child.pid, number)
    result = program.wait()
    if "Traceback" in result.err and not start:
        return f"traceback: {result.last}", result
    if result.code not in (128 + number, -number):
        return f"code {result.code}: {result.last}", result
    if not start and not ((out / "checkpoint.safetensors").exists() and "--resume" in result.err):
        return f"no checkpoint, or nothing said of --resume: {result.last}", result
    return ("" if state_of(out) == "none" else "a model is there"), result


def terminal(place: Place, width: int) -> tuple[str, Result]:
    """A fit that writes to a terminal of some width."""
    out, began = place.work / f"terminal-{width}", time.monotonic()
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
    env = place.environment({"COLUMNS": None, "TERM": "xterm"})
    line = ["/bin/bash", "-c", f"exec {PROGRAM} {place.fit} -o {out}"]
    child = subprocess.Popen(
        line, stdin=its, stdout=its, stderr=its, env=env, start_new_session=True
    )
    os.close(its)
    text = b""
    with suppress(OSError):  # what a terminal answers once its last program has ended
        while time.monotonic() - began < SECONDS:
            if select.select([ours], [], [], 0.5)[0]:
                text += os.read(ours, 4096)
            elif child.poll() is not None:
                break
    child.wait(timeout=30)
    os.close(ours)
    result = Result(
        child.returncode, "", text.decode(errors="replace"), time.monotonic() - began, 0.0
    )
    if result.code or "Traceback" in result.err:
        return f"code {result.code}: {result.last}", result
    return ("" if digests(out) == place.wanted else "other bits"), result


def run(setting: Setting) -> Tally:
    """Every probe, signal and terminal."""
    tally, place = Tally("surroundings"), Place(setting)
    can_be_nobody = os.geteuid() == 0 and shutil.which("setpriv") is not None
    cases: list[tuple[str, Callable[[], tuple[str, Result]]]] = []
    for number, probe in enumerate(PROBES):
        if probe.prefix and not can_be_nobody:
            tally.counts["left out: needs root"] += 1
            continue
        out = place.work / f"out-{number}"
        cases.append((probe.name, partial(place.case, probe, out)))
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        cases.append((f"{name} in training", partial(signalled, place, name, start=False)))
        cases.append((f"{name} at the start", partial(signalled, place, name, start=True)))
    cases += [(f"terminal of {width}", partial(terminal, place, width)) for width in (20, 1, 80)]
    for name, case in setting.some(cases):
        trouble, result = case()
        tally.add(name, trouble, result)
    return tally
