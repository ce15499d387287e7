"""The parts of data that a model is fitted on, from all the forms in which they are given."""

from __future__ import annotations

from typing import Any

from fullrank.data.columns import Columns
from fullrank.data.interactions import Interactions
from fullrank.data.splits import Split
from fullrank.errors import FitError, SettingError


def parts_of(
    train: Interactions | Split | Any,
    validation: Interactions | None = None,
    columns: Columns | None = None,
) -> dict[str, Interactions]:
    """The parts that there are, by name: train, validation, test.

    Args:
        train: Interactions, a data frame of them, or a split.
        validation: Part to choose by, where it is not that of the split.
        columns: Names of the columns of a frame, where they are not the usual ones.

    Raises:
        FitError: the validation part is no interactions, or has other users or items than train.
        SettingError: there are names of columns and no frame.
        DataError: the frame cannot be used.
    """
    test = None
    if isinstance(train, Split):
        test = train.test
        validation = train.validation if validation is None else validation
        train = train.train
    if not isinstance(train, Interactions):
        train = Interactions.from_frame(train, columns=columns)
    elif columns is not None:
        raise SettingError("columns", f"a {type(train).__name__}", "a data frame to name them")
    if validation is not None and not isinstance(validation, Interactions):
        expected = "Interactions with the users and items of train (from_frame takes them)"
        raise FitError("validation", f"a {type(validation).__name__}", expected)
    if validation is not None and (
        validation.users != train.users or validation.items != train.items
    ):
        raise FitError("validation", "other users or items than in train", "parts of one split")
    parts = {"train": train, "validation": validation, "test": test}
    return {name: part for name, part in parts.items() if part is not None}
