"""The hashes of a store in plain Python, one id at a time."""

from __future__ import annotations

MASK = 2**64 - 1


def slow_mixed(x: int) -> int:
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
    return x ^ (x >> 31)


def slow_of(value: int | str, salt: int = 0) -> int:
    if isinstance(value, int):
        return slow_mixed((value + 0x9E3779B97F4A7C15) & MASK)
    content = value.encode()
    made = slow_mixed((len(content) + salt * 0x9E3779B97F4A7C15) & MASK)
    for start in range(0, len(content), 8):
        made = slow_mixed(made ^ int.from_bytes(content[start : start + 8], "little"))
    return made
