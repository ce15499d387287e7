"""Choices made from bytes, so that what mutates the bytes mutates the choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """Takes bytes from the front; past the end every choice is the first.

    Args:
        data: The bytes.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def below(self, n: int) -> int:
        """A whole number from 0 to n - 1, of one byte, or of two where n needs them."""
        width = 1 if n <= 256 else 2
        taken = self._data[self._at : self._at + width]
        self._at += width
        return int.from_bytes(taken, "little") % n

    def flag(self, one_in: int = 2) -> bool:
        """True once in so many times."""
        return self.below(one_in) == one_in - 1

    def pick(self, options: Sequence[T]) -> T:
        """One of the options."""
        return options[self.below(len(options))]

    def part(self, n: int) -> Choices:
        """Choices made from the next n bytes."""
        taken = self._data[self._at : self._at + n]
        self._at += n
        return Choices(taken)

    def rest(self) -> bytes:
        """Everything that is left."""
        taken = self._data[self._at :]
        self._at = len(self._data)
        return taken
