"""What this process could still take of the machine's memory, and whether a thing fits."""

from __future__ import annotations

from pathlib import Path

from fullrank.errors import SettingError

SMALL = 2**26
"""Bytes for which nobody is asked."""
_CGROUP = Path("/sys/fs/cgroup")


def available_memory() -> int | None:
    """Bytes that this process could still take: of the machine, its container, its own limit.

    None where the system says nothing.
    """
    known = [each for each in (_machine(), _container(), _limit()) if each is not None]
    return max(0, min(known)) if known else None


def check_memory(where: str, needed: int, what: str) -> None:
    """Sees that something fits before it is made.

    Args:
        where: The setting or argument that asks for it.
        needed: Bytes.
        what: What takes them, as ``1,000 × 64 embeddings``.

    Raises:
        SettingError: it does not fit; the message says what it would need and what there is.
    """
    if needed <= SMALL:
        return
    there = available_memory()
    if there is not None and needed > there:
        raise SettingError(
            where,
            f"{what}, which need {shown(needed)}",
            f"what fits into the {shown(there)} of free memory",
        )


def exhausted(error: BaseException) -> SettingError | None:
    """The error to tell where memory ran out in the middle, whichever library says it; else None.

    Estimates made before are of the least that something takes, so this comes too.
    """
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    words = ("can't allocate memory", "out of memory", "bad_alloc", "not enough memory")
    told = isinstance(error, RuntimeError) and any(word in reason for word in words)
    if not (told or isinstance(error, MemoryError)):
        return None
    reason = reason.partition("] ")[2] or reason  # torch begins with a place in its source
    expected = "sizes that fit into it: a smaller dim, batch_size or rank, say"
    return SettingError("memory", f"none left ({reason})", expected)


def shown(size: int) -> str:
    """A number of bytes in the unit that suits it."""
    return f"{size / 2**30:,.1f} GiB" if size >= 2**29 else f"{size / 2**20:,.1f} MiB"


def _machine() -> int | None:
    return _field("/proc/meminfo", "MemAvailable")


def _field(path: str, name: str) -> int | None:
    try:
        lines = Path(path).read_text(encoding="ascii").splitlines()
        fields = dict(line.split(":", 1) for line in lines if ":" in line)
        return int(fields[name].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return None


def _container() -> int | None:
    """Of the control group; files that it keeps in memory can be given up."""
    try:
        most, used = (int((_CGROUP / f"memory.{name}").read_text()) for name in ("max", "current"))
        stat = dict(line.split() for line in (_CGROUP / "memory.stat").read_text().splitlines())
        return most - used + int(stat["inactive_file"])
    except (OSError, ValueError, KeyError):  # no control group, or "max": no limit
        return None


def _limit() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    most, _ = resource.getrlimit(resource.RLIMIT_AS)
    used = _field("/proc/self/status", "VmSize")
    return None if most == resource.RLIM_INFINITY or used is None else most - used
