"""From values to positions on a chart: ranges, round ticks and how numbers are written at them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

Number = float | None
FLOOR = 1e-12
"""Least value on a logarithmic axis, relative to the largest."""


@dataclass(frozen=True)
class Scale:
    """A linear or logarithmic map from values to positions.

    Attributes:
        low: Value at ``start``.
        high: Value at ``end``.
        start: Position of ``low``.
        end: Position of ``high``.
        log: Whether equal ratios are equally far apart.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def over(
        cls,
        values: Iterable[Number],
        start: float,
        end: float,
        *,
        log: bool = False,
        zero: bool = False,
        margin: float = 0.0,
    ) -> Scale:
        """Covers the values that are finite, or 0 to 1 where none is.

        Args:
            values: What is to be shown; None and what is not finite is passed over, and what is not
                positive too on a logarithmic axis.
            start: Position of the lowest.
            end: Position of the highest.
            log: Whether the axis is logarithmic.
            zero: Whether 0 is on it.
            margin: Room beyond the values, as a share of their range.
        """
        known = [float(value) for value in values if value is not None and math.isfinite(value)]
        if log:
            top = max(known, default=1.0)
            known = [value for value in known if value > FLOOR * top]
        low, high = min(known, default=0.1 if log else 0.0), max(known, default=1.0)
        if zero and not log:
            low, high = min(low, 0.0), max(high, 0.0)
        if log:
            if low == high:
                low, high = low / 2, high * 2
            room = (high / low) ** margin
            return cls(low / room, high * room, start, end, log=True)
        if low == high:
            size = abs(low) or 1.0
            low, high = (low - size / 2, high + size / 2) if not zero else (low, low + size)
        room = margin * (high - low)
        return cls(low if zero and low == 0 else low - room, high + room, start, end)

    def __call__(self, value: float) -> float:
        """The position of a value; what lies outside is put on the nearer end."""
        low, high = self.low, self.high
        value = min(max(value, low), high)
        if self.log:
            share = (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
        else:
            share = (value - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 5) -> list[float]:
        """Round values within the range, at most about so many."""
        return (
            log_ticks(self.low, self.high, most) if self.log else ticks(self.low, self.high, most)
        )


def ticks(low: float, high: float, most: int) -> list[float]:
    """Multiples of 1, 2 or 5 times a power of ten, from low to high.

    >>> ticks(0.0, 1.0, 5)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / max(most, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * each for each in (1, 2, 5, 10) if power * each >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    digits = max(0, -math.floor(math.log10(step)))
    return [round(at * step, digits) + 0.0 for at in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int) -> list[float]:
    """Powers of ten from low to high; 1, 2 and 5 times them where there are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for digits in ((1,), (1, 3), (1, 2, 5)):
        found = [each * 10.0**power for power in range(first, last + 1) for each in digits]
        found = [each for each in found if low * (1 - 1e-9) <= each <= high * (1 + 1e-9)]
        if len(found) >= 3:
            break
    if len(found) < 2:  # less than a factor of two: as good as linear
        found = [each for each in ticks(low, high, most) if each > 0]
    return found[:: max(1, math.ceil(len(found) / (most + 1)))]


def tick_labels(values: Sequence[float]) -> list[str]:
    """The values as they stand at an axis, all with the same number of decimals.

    >>> tick_labels([0.0, 0.5, 1.0]), tick_labels([0, 20000.0]), tick_labels([0.001, 1.0, 1000.0])
    (['0', '0.5', '1.0'], ['0', '20,000'], ['0.001', '1', '1,000'])
    """
    steps = [abs(b - a) for a, b in pairwise(values)]
    even = len(steps) > 0 and max(steps) - min(steps) <= 1e-6 * max(steps)
    if not even:
        return [f"{value:,.6g}" if abs(value) >= 1e-4 else f"{value:.0e}" for value in values]
    digits = max(0, -math.floor(math.log10(min(steps)) + 1e-9))
    if digits > 6:
        return [f"{value:.1e}" for value in values]
    return ["0" if value == 0 else f"{value:,.{digits}f}" for value in values]


def shown(value: Number) -> str:
    """A value as it stands in a table or beside a bar.

    >>> shown(0.12345), shown(12.345), shown(1234.0), shown(7), shown(None), shown(3e-7)
    ('0.1235', '12.35', '1,234', '7', '–', '3.0e-07')
    """
    if value is None or not math.isfinite(value):
        return "–"
    if isinstance(value, int) or (float(value).is_integer() and abs(value) >= 1000):
        return f"{value:,.0f}"
    size = abs(value)
    if size >= 1000:
        return f"{value:,.0f}"
    if size >= 10:
        return f"{value:.2f}"
    return f"{value:.4f}" if size >= 1e-3 or size == 0 else f"{value:.1e}"


def brief(value: Number) -> str:
    """Three digits or so, for seconds and counts.

    >>> brief(0.2982), brief(5.7463), brief(56.03), brief(1234.5), brief(0.00055)
    ('0.30', '5.75', '56.0', '1,234', '0.00')
    """
    if value is None or not math.isfinite(value):
        return "–"
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 1000 else 0
    return f"{value:,.{digits}f}"
