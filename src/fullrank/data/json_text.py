"""JSON of strangers: whatever is wrong with it is a ValueError; and values that JSON can have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np


def json_of(text: str) -> Any:
    """What a text in JSON says.

    Raises:
        ValueError: it is none, has a number of more than 4,300 digits, or values so deep inside one
            another that Python's parser gives up, with a RecursionError of its own.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("values that are too deep inside one another") from None


def plain(value: Any) -> Any:
    """A copy with Python's numbers in the place of NumPy's, in dictionaries and lists too.

    >>> plain({"seed": np.int64(3), "shares": (np.float32(0.5),)})
    {'seed': 3, 'shares': [0.5]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value
