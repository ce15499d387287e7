"""The errors a caller may want to catch: each is one line: where, found, expected.

FullrankError
├── DataError            a table, an id, a model folder, an embedding file
├── SettingError         a setting that does not exist, is out of bounds or contradicts another
└── FitError             training that cannot go on
    └── NotFittedError   a recommender that is asked for what only a fitted one has

`Stopped` is no error but a KeyboardInterrupt that knows its signal.
"""

from __future__ import annotations

import signal


class FullrankError(Exception):
    """Base of every error that fullrank raises on purpose.

    Args:
        where: The source location: a file with its line or row, a setting, a model folder.
        found: What was there.
        expected: What should have been there, or what to do about it.
    """

    def __init__(self, where: str, found: str, expected: str) -> None:
        super().__init__(where, found, expected)
        self.where = where
        self.found = found
        self.expected = expected

    def __str__(self) -> str:
        line = f"{self.where}: found {self.found}; expected {self.expected}"
        return " ".join(line.split())


class DataError(FullrankError):
    """Input that cannot be used: a table, an id, a model folder, an embedding file."""


class SettingError(FullrankError):
    """A setting that does not exist, lies out of bounds or contradicts another."""


class FitError(FullrankError):
    """Training that cannot go on: a loss that is not finite, a checkpoint of another run."""


class NotFittedError(FitError):
    """A recommender that is asked for what only a fitted one has."""

    def __init__(self) -> None:
        super().__init__("Recommender", "no fitted model", "a call of fit() or load() first")

    def __str__(self) -> str:
        return "Recommender is not fitted: call fit() or load() first"

    def __reduce__(self) -> tuple[type[FitError], tuple[()]]:
        return type(self), ()


class Stopped(KeyboardInterrupt):
    """A signal has asked for the end: Ctrl-C, SIGTERM, or SIGHUP of a terminal that was closed.

    Args:
        number: The signal.
    """

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        """What a shell expects of a command that a signal ended."""
        return 128 + self.number
