"""What is to hold of lists when they are made: one description for Python, JSON and a service."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from fullrank.data.files import expanded
from fullrank.errors import SettingError
from fullrank.rules.expression import parsed
from fullrank.rules.files import document_of
from fullrank.rules.per_user import RawId, UserItems, item_ids, shortened
from fullrank.settings import Settings, nearest


def _ids(name: str) -> BeforeValidator:
    return BeforeValidator(
        lambda value: None if value is None else item_ids(value, f"rules, {name}")
    )


def _pairs(name: str) -> BeforeValidator:
    def read(value: Any) -> UserItems | None:
        return None if value is None else UserItems.of(value, f"rules, {name}")

    return BeforeValidator(read)


def _where(text: Any) -> Any:
    if isinstance(text, str):
        parsed(text)
    return text


_AS_DICT = PlainSerializer(lambda value: None if value is None else value.to_dict())
Limit = Annotated[int, Field(ge=1)]
Share = Annotated[float, Field(ge=0, le=1)]


class Rules(Settings):
    """Rules for lists, in the order in which they act (docs/rules.md has the whole of it).

    First what an item has to be: `allow`, `deny`, `where`, and for each user `allow_per_user` and
    `deny_per_user`, beside what `recommend` leaves out anyway. Then `popularity_damping` changes
    the scores. Then lists are filled slot by slot, by `diversity` and `calibration`, under the
    limits of `at_most`; the last slots are drawn by `exploration`.

    Raises:
        SettingError: a name is unknown, a value is out of bounds or no id, or the expression cannot
            be read; the message names the field.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    allow: Annotated[tuple[RawId, ...] | None, _ids("allow")] = None
    """The only items to recommend."""
    deny: Annotated[tuple[RawId, ...] | None, _ids("deny")] = None
    """Items that are not recommended."""
    where: Annotated[str | None, BeforeValidator(_where)] = None
    """What has to be true of an item's attributes: ``available and price < 20``."""
    allow_per_user: Annotated[UserItems | None, _pairs("allow_per_user"), _AS_DICT] = None
    """The only items of the users that it names: a mapping, or a frame of user and item ids."""
    deny_per_user: Annotated[UserItems | None, _pairs("deny_per_user"), _AS_DICT] = None
    """Items that the users whom it names do not get."""
    popularity_damping: Annotated[float, Field(ge=0, le=1000)] = 0.0
    """Times the z-score of log(1 + popularity) that is taken from the user's z-scores."""
    at_most: dict[str, Limit] = Field(default_factory=dict)
    """Most items of a list that share a value of an attribute, by the attribute's name."""
    diversity: Share = 0.0
    """Weight of the likeness to items above in the list, against the score (MMR)."""
    calibration: Share = 0.0
    """Weight of how far categories are from their shares in the user's history."""
    calibrate_by: str | None = None
    """The attribute with the categories; ``categories`` or ``category`` if absent."""
    exploration: Share = 0.0
    """Share of the slots, the last ones, that are drawn from candidates beyond the k best."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    """Of what exploration draws."""
    pool: Annotated[int, Field(ge=1, le=10_000)] = 100
    """Best candidates of a user that slots are filled from; 2 k if that is more."""

    @cached_property
    def bound(self) -> list[Any]:
        """The last model's items that these rules were bound to, and what came of it."""
        return []

    @property
    def by_slot(self) -> bool:
        """Whether lists are filled slot by slot, rather than being the best in order."""
        return bool(self.at_most or self.diversity or self.calibration or self.exploration)

    @property
    def named(self) -> dict[str, Rules]:
        """Each rule alone, by its name, with the settings that it has beside it."""
        rules = [name for name in type(self).model_fields if name not in BESIDE]
        own = {name: getattr(self, name) for name in BESIDE}
        return {
            name: type(self)(**{name: getattr(self, name)}, **own)
            for name in rules
            if getattr(self, name)
        }

    @classmethod
    def from_json(cls, document: Any) -> Self:
        """The rules of a JSON object, as a request or a file has it: no more than the fields.

        Raises:
            SettingError: see the class; or it is no object.
        """
        if not isinstance(document, Mapping):
            raise SettingError("rules", shortened(document), 'an object, as {"deny": ["i3"]}')
        return cls(**document)

    def to_json(self) -> dict[str, Any]:
        """The object that `from_json` reads, without what is as usual."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """The rules of a JSON file, and of the files that it names in the place of lists of ids.

        Raises:
            DataError: a file cannot be read or is not of its format.
            SettingError: see the class.
        """
        return cls.from_json(document_of(expanded(path)))

    @classmethod
    def _one_line(cls, error: ValidationError) -> SettingError:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            return SettingError("rules", f"the name {name!r}", nearest(name, cls.model_fields))
        message = first["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
        where = f"rules, {name}" if name else "rules"
        return SettingError(where, shortened(first["input"]), message)


BESIDE = ("calibrate_by", "seed", "pool")
"""Settings of rules that are no rules."""
