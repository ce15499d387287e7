"""Why a few directions hold most of a table: what explains the leading one, and rows amiss."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from fullrank.spectrum.moments import Moments
from fullrank.spectrum.survey import Survey


@dataclass(frozen=True)
class Causes:
    """What a pass over a table says of the causes of a collapse.

    The shares are of σ₁², the squared length of the table along its leading direction v: how much
    of ``Σ (x · v)²`` a least-squares fit of ``x · v`` by a constant explains, and by a constant and
    one number of each row. The constant is the mean vector.

    Attributes:
        mean: Share explained by the mean vector.
        popularity: By it and the log of the row's interactions; None where these are not known.
        norm: By it and the length of the row.
        dead_columns: Columns in which every row has the same number.
        zero_rows: Rows of zeros.
        duplicate_rows: Rows that are the same as an earlier one, zero rows apart.
    """

    mean: float
    popularity: float | None
    norm: float
    dead_columns: list[int]
    zero_rows: int
    duplicate_rows: int

    @classmethod
    def of(cls, survey: Survey, direction: Tensor) -> Causes:
        """Those along a leading direction (d,)."""
        raw = Moments.sum(survey.raw)
        square = (direction @ raw.gram @ direction).item()
        along = (raw.mean @ direction).item() * raw.count**0.5
        mean = along / square**0.5 if square > 0 else 0.0
        dead = (survey.lowest == survey.highest).nonzero().flatten().tolist()
        known = survey.popularity
        return cls(
            mean=min(mean * mean, 1.0),
            popularity=None if known is None else known.explained(direction, square),
            norm=survey.norms.explained(direction, square),
            dead_columns=dead,
            zero_rows=survey.zero_rows,
            duplicate_rows=survey.duplicate_rows - max(survey.zero_rows - 1, 0),
        )

    def to_dict(self) -> dict[str, Any]:
        """By name, for JSON."""
        named = asdict(self)
        shares = {name: named.pop(name) for name in ("mean", "popularity", "norm")}
        return {"share_of_leading_direction": shares, **named}


def angle(one: Tensor, other: Tensor) -> float:
    """Degrees between two directions (d,), from 0 to 90: a singular vector has no sign."""
    return math.degrees(math.acos(min(abs((one @ other).item()), 1.0)))
