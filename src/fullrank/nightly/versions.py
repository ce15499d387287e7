"""Models side by side in one folder, and a pointer to the one that is served.

models/2026-11-25T02-00-04/
models/2026-11-26T02-00-03/
models/current -> 2026-11-26T02-00-03
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fullrank.data.files import output, synced
from fullrank.data.locks import clear_within, exclusive, is_leftover, part_folder
from fullrank.data.write_errors import as_data_errors
from fullrank.errors import DataError
from fullrank.serving.model_files import MANIFEST, read_manifest

CURRENT = "current"
"""Name of the pointer: a symbolic link to the folder of a version."""
FORM = "%Y-%m-%dT%H-%M-%S"
"""Names of versions: when their fit began, UTC."""
_NAMED = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}")
GATE = "gate"
"""Where the training record of a version has what the gate said."""


class Versions:
    """A folder of versions of one model.

    Args:
        folder: The folder; it need not exist.

    Raises:
        DataError: it is a file, or a folder with other things in it.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = output(folder)
        if self.folder.exists() and not self.folder.is_dir():
            raise DataError(str(folder), "a file", "a folder of versions, or a name that is free")
        others = [name for name in self._all() if not _is_ours(name)]
        if others:
            found = f"a folder with {min(others)!r} in it"
            raise DataError(str(folder), found, "a folder of versions, or a name that is free")
        pointer = self.folder / CURRENT
        if pointer.exists() and not pointer.is_symlink():
            raise DataError(str(pointer), "a folder", "the pointer to a version: a symbolic link")

    def _all(self) -> list[str]:
        with as_data_errors(self.folder):
            return [path.name for path in self.folder.iterdir()] if self.folder.is_dir() else []

    def names(self) -> list[str]:
        """The versions that are whole, the oldest first."""
        named = (name for name in self._all() if _NAMED.fullmatch(name))
        return sorted(name for name in named if (self.folder / name / MANIFEST).is_file())

    def unfinished(self) -> list[str]:
        """Versions whose fit did not end, the oldest first."""
        whole = set(self.names())
        return sorted(name for name in self._all() if _NAMED.fullmatch(name) and name not in whole)

    def current(self) -> str | None:
        """The version that the pointer names, whether it is whole or not; None without one."""
        try:
            return (self.folder / CURRENT).readlink().name
        except OSError:
            return None

    def path(self, name: str) -> Path:
        """The folder of a version.

        Raises:
            DataError: there is no whole version of that name.
        """
        if name == CURRENT:
            name = self.current() or CURRENT
        if name not in self.names():
            known = ", ".join(self.names()[-3:]) or "none yet: `fullrank fit --versions` makes one"
            raise DataError(str(self.folder), f"no version {name!r}", f"a version ({known})")
        return self.folder / name

    def manifest(self, name: str) -> dict[str, Any]:
        """The manifest of a version.

        Raises:
            DataError: it cannot be read.
        """
        return read_manifest(self.path(name))

    def new(self) -> Path:
        """A free name for a version that begins now."""
        began, taken = datetime.now(UTC), set(self._all())
        while (name := began.strftime(FORM)) in taken:
            began += timedelta(seconds=1)
        return self.folder / name

    @contextmanager
    def held(self, doing: str) -> Iterator[None]:
        """Holds the folder, so that no other run writes a version or moves the pointer.

        What a run that was killed left inside a whole version is removed.

        Raises:
            DataError: another process has it.
        """
        with exclusive(self.folder, doing, folder=True):
            for name in self.names():
                clear_within(self.folder / name)
            yield

    def point(self, name: str) -> None:
        """Makes a version the current one, in a single step.

        Raises:
            DataError: there is no such version, or the folder cannot be written.
        """
        target = self.path(name)
        pointer = self.folder / CURRENT
        with as_data_errors(pointer), part_folder(pointer) as private:
            link = private / "part"
            link.symlink_to(target.name, target_is_directory=True)
            link.replace(pointer)
        synced(self.folder)

    def rollback(self, to: str | None = None) -> str:
        """Makes an older version the current one: that before the current, if none is named.

        Versions that the gate rejected are passed over.

        Returns:
            Its name.

        Raises:
            DataError: there is none, or it cannot be read.
        """
        if to is None:
            now = self.current()
            older = [name for name in self.names() if now is None or name < now]
            to = next((name for name in reversed(older) if not self.rejected(name)), None)
            if to is None:
                found = f"no version before {now}" if now else "no version"
                raise DataError(str(self.folder), found, "an older version to go back to")
        self.manifest(to)  # a broken one must not be served
        self.point(to)
        return to

    def rejected(self, name: str) -> bool:
        """Whether the gate kept a version from becoming the current one; a broken one counts."""
        try:
            return not self.manifest(name)["training"].get(GATE, {}).get("passed", True)
        except DataError:
            return True

    def prune(self, keep: int) -> list[str]:
        """Removes all but the newest ``keep`` versions; the current one and that before it stay.

        Fits that did not end go as well.

        Returns:
            Names of what was removed.
        """
        names, now = self.names(), self.current()
        at = names.index(now) if now in names else len(names)
        good = [name for name in names[:at] if not self.rejected(name)]
        spared = {*names[max(0, len(names) - keep) :], *good[-1:], now}
        gone = [name for name in [*names, *self.unfinished()] if name not in spared]
        for name in gone:
            with suppress(OSError):
                (self.folder / name / MANIFEST).unlink(missing_ok=True)  # no half of a version
                shutil.rmtree(self.folder / name)
        return gone


def _is_ours(name: str) -> bool:
    return name == CURRENT or _NAMED.fullmatch(name) is not None or is_leftover(name)
