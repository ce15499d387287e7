"""The base of every settings model: frozen, closed to unknown names, errors in one line."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from fullrank.errors import SettingError

LARGEST = 3.4e38
"""What float32, in which the numbers of a model are, can hold."""


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
    """Settings of one component; subclasses add fields, each with its bound in its type.

    Types are strict: a whole number is neither ``2.5`` nor ``"3"`` nor ``True``. NumPy's numbers
    count as Python's.

    Raises:
        SettingError: a name is unknown, a value is out of bounds or two contradict each other.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        use_attribute_docstrings=True,
        allow_inf_nan=False,
    )

    defaults: ClassVar[Mapping[str, Any]] = {}
    """Defaults of a subclass that differ from those of its bases."""

    def __init__(self, /, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise self._one_line(error) from None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        own = vars(cls).get("defaults", {})
        for name, value in own.items():
            cls.model_fields[name].default = value
        if own:
            cls.model_rebuild(force=True)

    @model_validator(mode="before")
    @classmethod
    def _python_numbers(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        own = {k: v for k, v in values.items() if type(v).__module__ == "numpy" and v.ndim == 0}
        return values | {name: value.item() for name, value in own.items()}

    @model_validator(mode="after")
    def _fit_into_float32(self) -> Self:
        for name, value in self:
            if isinstance(value, float) and abs(value) > LARGEST:
                raise ValueError(f"{name} of at most {LARGEST:g}")
        return self

    @classmethod
    def build(cls, values: Mapping[str, Any]) -> Self:
        """The settings with ``values`` in the place of defaults.

        Raises:
            SettingError: see the class.
        """
        return cls(**values)

    def replace(self, **values: Any) -> Self:
        """The same settings with some values changed, checked anew."""
        return self.build(self.model_dump() | values)

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


def whole_text(text: str) -> str:
    """The text, once it is sure that it can be written.

    An escaped surrogate of JSON, and a byte of a command line that is no UTF-8, are half a
    character.

    Raises:
        ValueError: it has such a half.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(f"text without the half character {text[error.start]!a}") from None
    return text
