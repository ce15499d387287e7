"""Dictionaries that describe a model and cannot be changed behind its back."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any


class Record:
    """An attribute of an object: a dictionary that is copied when it is set and when it is read."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = f"_{name}"

    def __get__(self, owner: object, kind: type | None = None) -> dict[str, Any]:
        record: dict[str, Any] = deepcopy(getattr(owner, self._name))
        return record

    def __set__(self, owner: object, record: Mapping[str, Any]) -> None:
        setattr(owner, self._name, deepcopy(dict(record)))
