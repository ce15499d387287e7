"""The base of every settings model: frozen, closed to unknown names, errors in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from fullrank.errors import SettingError


def nearest(name: str, known: Iterable[str]) -> str:
    """Says which known name was probably meant, or lists them all.

    >>> nearest("directspec-plus", ["bpr", "directspec+"])
    "'directspec+'"
    >>> nearest("zzz", ["bpr", "bce"])
    "one of 'bce', 'bpr'"
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.6)
    if close:
        return repr(close[0])
    return "one of " + ", ".join(repr(each) for each in known)


class Settings(BaseModel):
    """Settings of one component; subclasses add fields, each with its bound in its type."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    @classmethod
    def build(cls, values: dict[str, Any]) -> Self:
        """Checks ``values`` and makes the settings of them.

        Raises:
            SettingError: a name is unknown, a value is out of bounds or two contradict each other.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise cls._one_line(error) from None

    def replace(self, **values: Any) -> Self:
        """The same settings with some values changed, checked anew."""
        return type(self).build(self.model_dump() | values)

    @classmethod
    def _one_line(cls, error: ValidationError) -> SettingError:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            return SettingError(f"setting {name}", "no such name", nearest(name, cls.model_fields))
        message = first["msg"].removeprefix("Value error, ")
        message = message.removeprefix("Input should be ")
        return SettingError(
            f"setting {name}" if name else "settings", repr(first["input"]), message
        )
