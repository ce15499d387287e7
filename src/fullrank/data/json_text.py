"""JSON of strangers: whatever is wrong with it is a ValueError."""

from __future__ import annotations

import json
from typing import Any


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
