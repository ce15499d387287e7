"""Several divisions into train and validation, where the noise of one is too large."""

from __future__ import annotations

from typing import Any

import numpy as np

from fullrank.data.interactions import Interactions
from fullrank.data.joining import joined
from fullrank.data.splits import Split
from fullrank.data.validation import Like, draw_validation
from fullrank.errors import DataError, SettingError


def divisions(split: Split, repeats: int) -> list[Split]:
    """The split itself, then others with the same test part and another validation part.

    Each is drawn from train and validation together, with the same fraction and in the same way
    as the split says it was; the r-th with a seed that goes by the split's own and r. Validation
    parts that lie last in time go back in time: each is the last of the train part before it.

    Raises:
        SettingError: ``repeats`` is below 1, or the split goes by each user's last interactions.
        DataError: there is no validation part.
    """
    if repeats < 1:
        raise SettingError("repeats", str(repeats), "1 or more")
    if repeats == 1:
        return [split]
    if split.validation is None or not len(split.validation):
        raise DataError(split.name, "no validation part", "one, to draw others like it")
    kind, like = split.how.get("kind"), split.how.get("validation_like", "uniform")
    if kind == "last":
        expected = "1 with a split by users' last interactions, of which there is one"
        raise SettingError("repeats", str(repeats), expected)
    fraction = len(split.validation) / (len(split.train) + len(split.validation))
    if kind == "time" or like == "time":
        return _earlier(split, repeats, fraction)
    whole = joined(split.train, split.validation)
    stated = split.how.get("validation")
    fraction = stated if isinstance(stated, float) and 0 < stated < 1 else fraction
    made = [split]
    for number in range(1, repeats):
        seed = _seed(split.how.get("seed", 0), number)
        made.append(_drawn(split, whole, fraction, seed, like))
    return made


def _drawn(split: Split, whole: Interactions, fraction: float, seed: int, like: Like) -> Split:
    train, chosen, how = draw_validation(whole, split.test, fraction, seed, like)
    return Split(split.name, train, chosen, split.test, split.how | {"seed": seed} | how)


def _earlier(split: Split, repeats: int, fraction: float) -> list[Split]:
    """The split, then the last of its train as validation, and so on."""
    made = [split]
    for _ in range(1, repeats):
        left = made[-1].train
        train, chosen, how = draw_validation(left, None, fraction, 0, "time")
        made.append(Split(split.name, train, chosen, split.test, split.how | how))
    return made


def _seed(seed: Any, number: int) -> int:
    """Of a division: another for each split seed and number."""
    base = seed if isinstance(seed, int) and seed >= 0 else 0
    return int(np.random.SeedSequence([base, number]).generate_state(1)[0])
