"""The folder that ``fullrank data split`` writes, read back as the split that it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.joining import joined, renumbered
from fullrank.data.json_text import json_of
from fullrank.data.readers import read
from fullrank.data.splits import Split
from fullrank.data.validation import Like, draw_validation
from fullrank.errors import DataError, SettingError

PARTS = ("train", "validation", "test")
NEVER = "never"
"""What the pairs are called that are never to be shown."""
SUMMARY = "split.json"


def read_split(folder: Path, *, validation: float, seed: int, like: Like = "uniform") -> Split:
    """Reads ``train.parquet`` and, where they are, ``validation.parquet`` and ``test.parquet``.

    Args:
        folder: Where they are.
        validation: 0 to learn from the validation part too; where there is none, the fraction of
            train to draw it from.
        seed: Draws it.
        like: How it is drawn; see `draw_validation`.

    Raises:
        DataError: there is no train part, or a file cannot be read.
        SettingError: ``like`` is asked for, and there is a validation part.
    """
    paths = {name: folder / f"{name}.parquet" for name in (*PARTS, NEVER)}
    if not paths["train"].is_file():
        expected = "a file, or a folder with train.parquet as `fullrank data split` writes it"
        raise DataError(str(folder), "a folder without train.parquet", expected)
    parts = _with_common_ids({name: read(path) for name, path in paths.items() if path.is_file()})
    never = parts.pop(NEVER, None)
    for part in parts.values():
        part.never = never
    train, chosen = parts["train"], parts.get("validation")
    name, how = _summary(folder)
    if chosen is not None and like != "uniform":
        found, expected = (
            f"{like!r} with a validation part in {folder}",
            "none: it is drawn already",
        )
        raise SettingError("setting validation_like", found, expected)
    if chosen is not None and not validation:
        train, chosen = joined(train, chosen), None
        how["validation_joined"] = True
    elif chosen is None and validation:
        train, chosen, more = draw_validation(train, parts.get("test"), validation, seed, like)
        how |= {"validation": validation, "seed": seed} | more
    return Split(name, train, chosen, parts.get("test"), how)


def _with_common_ids(parts: dict[str, Interactions]) -> dict[str, Interactions]:
    users = Ids.union([part.users for part in parts.values()])
    items = Ids.union([part.items for part in parts.values()])
    return {
        name: renumbered(
            part, users, items, users.find(part.users.values), items.find(part.items.values)
        )
        for name, part in parts.items()
    }


def _summary(folder: Path) -> tuple[str, dict[str, Any]]:
    """Name and way of splitting, as the folder says; its own name where it does not."""
    path = folder / SUMMARY
    try:
        stored = json_of(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return str(stored.get("name", folder.name)), dict(stored.get("how", {"kind": "folder"}))
    except (OSError, ValueError, AttributeError, TypeError):
        raise DataError(str(path), "no JSON of a split", "what `data split` wrote") from None
