"""Values that are costly to make and are made at their first use."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """A value made at its first use, once, by the first of the threads that ask for it.

    A copy, also one by pickle, starts without the value: it can be made again from what is copied
    beside it.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: list[T] = []

    @classmethod
    def of(cls, value: T) -> Once[T]:
        """With a value that is there already."""
        once = cls()
        once._made.append(value)
        return once

    def get(self, make: Callable[[], T]) -> T:
        """The value; that of ``make`` at the first call."""
        if not self._made:
            with self._lock:
                if not self._made:
                    self._made.append(make())
        return self._made[0]

    def __reduce__(self) -> tuple[type[Once[T]], tuple[()]]:
        return type(self), ()
