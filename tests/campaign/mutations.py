"""Damage: to any bytes, to safetensors, to values in JSON."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

NASTY = (
    b"\x00", b"\xff\xfe", b'"', b'""', b"'", b"\r", b"\r\n", b"\n\n\n", b",", b"\t", b";", b"\\",
    b"#", b"=", b"\xef\xbb\xbf", b"nan", b"inf", b"-1", b"1e309", b"9" * 40,
    b"-9223372036854775809", b"NULL", b"\x1a", b"18446744073709551616", b"2024-13-45", b"1_000",
    b"0x10", b"\xc0\x80", b"\xed\xa0\x80", b" " * 1000, b"\xe9", "é".encode(), "\u2028".encode(),
    "\u202e".encode(), b"A" * 200_000, b"user_id", b"user_id,item_id\n", b"PAR1", b"ARROW1",
    b"\x1f\x8b", b"PK\x03\x04", b"\x93NUMPY",
)  # fmt: skip
"""Bytes that mean something to a reader."""

VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**31, 2**63, 2**64, 10**400, 1e308, -0.5, float("nan"), float("inf"), "",
    "x", "a" * 100_000, "../../etc/passwd", "/etc/passwd", "..", ".", "a/b", "a\x00b", "\ud800",
    "é" * 200, [], {}, [[]], {"a": {}}, [1, 2], "manifest.json", "x" * 300, "~", "-", "con", "\n",
    "tables.safetensors",
)  # fmt: skip
"""Values that a JSON file may hold where another is meant."""

_WORDS = (b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\x00\x00\x00\x00")
_NUMBERS = (2**63 - 1, 2**40, 2**31, 2**64 - 1)
_FLOATS = (b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", b"\xff\xff\x7f\x7f", b"\x00\x00\x80\xff")
_KINDS = [
    *["flip"] * 2, "flips", "cut", "insert", "replace", "delete", "repeat", "swap", "splice",
    "zero", "number", *["nasty"] * 2, "tail", "head",
]  # fmt: skip


_ODD = [
    "shape", "dtype", "offsets", "rename", "drop", "add", "value", "length", "transpose", "huge",
    "zero", "integers",
]  # fmt: skip


def damaged(data: bytes, rng: random.Random, others: list[bytes]) -> tuple[bytes, str]:
    """A damaged copy, and what was done to it.

    Args:
        data: What to damage.
        rng: Chooses the damage.
        others: Files whose ends may take the place of this one's.
    """
    if not data:
        return data, "empty"
    kind, new = rng.choice(_KINDS), bytearray(data)
    at = _position(len(new), rng)
    if kind == "flip":
        new[at] ^= 1 << rng.randrange(8)
    elif kind == "flips":
        for _ in range(rng.randrange(2, 30)):
            new[rng.randrange(len(new))] = rng.randrange(256)
    elif kind in ("swap", "nasty"):
        new = _moved(new, at, rng) if kind == "swap" else _nasty(new, rng)
    else:
        new = _cut(kind, new, at, rng, others)
    return bytes(new), f"{kind} at {at}"


def _position(n: int, rng: random.Random) -> int:
    """Anywhere, or near an end, where formats keep what they need most."""
    where = rng.choice(("any", "any", "any", "end", "start"))
    low, high = {"any": (0, n), "end": (max(n - 600, 0), n), "start": (0, min(n, 200))}[where]
    return rng.randrange(low, high)


def _moved(new: bytearray, at: int, rng: random.Random) -> bytearray:
    to, size = rng.randrange(len(new)), rng.choice((1, 5, 50))
    new[at : at + size], new[to : to + size] = new[to : to + size], new[at : at + size]
    return new


def _nasty(new: bytearray, rng: random.Random) -> bytearray:
    for _ in range(rng.choice((1, 1, 3))):
        at = rng.randrange(len(new))
        new[at:at] = rng.choice(NASTY)
    return new


def _cut(kind: str, new: bytearray, at: int, rng: random.Random, others: list[bytes]) -> bytearray:
    """The kinds of damage that keep a start and an end of the file."""
    start, end = new[:at], new[at:]
    if kind == "splice":
        other = rng.choice(others)
        return start + other[rng.randrange(len(other)) :]
    if kind == "repeat":
        return start + end[: rng.choice((1, 10, 200))] * rng.choice((2, 4, 50)) + end
    if kind == "zero":
        return start + b"\x00" * rng.choice((4, 64, 1000)) + end[rng.choice((4, 64, 1000)) :]
    return {
        "cut": lambda: start,
        "head": lambda: end,
        "insert": lambda: start + rng.randbytes(rng.choice((1, 2, 8, 300))) + end,
        "replace": lambda: start + rng.choice(_WORDS) + end[4:],
        "delete": lambda: start + end[rng.choice((1, 2, 7, 100)) :],
        "number": lambda: start + rng.choice(_NUMBERS).to_bytes(8, "little") + end[8:],
        "tail": lambda: new + rng.choice((*NASTY, rng.randbytes(50))),
    }[kind]()


def often_damaged(data: bytes, rng: random.Random, others: list[bytes]) -> tuple[bytes, str]:
    """One to four damages."""
    did = []
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        data, what = damaged(data, rng, others)
        did.append(what)
    return data, ", ".join(did)


def packed(header: dict[str, Any], body: bytes) -> bytes:
    """A safetensors file."""
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    return len(text).to_bytes(8, "little") + text + body


def unpacked(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and body of a safetensors file."""
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def odd_tensors(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """A safetensors file that is whole, and holds something else than was meant."""
    header, body = unpacked(data)
    name = rng.choice([each for each in header if each != "__metadata__"])
    how = rng.choice(_ODD)
    if how == "length":
        whole, size = packed(header, body), len(data) - len(body) - 8
        wrong = rng.choice((2**63, 2**40, 0, 1, size + 1, size - 1, 2**64 - 1))
        return wrong.to_bytes(8, "little") + whole[8:], how
    if how == "zero":
        return packed({}, b""), how
    if how in ("value", "integers"):
        return packed(header, _other_value(header[name], body, how, rng)), f"{how} of {name}"
    _other_entry(header, name, how, len(body), rng)
    return packed(header, body), f"{how} of {name}"


def _other_entry(
    header: dict[str, Any], name: str, how: str, size: int, rng: random.Random
) -> None:
    entry = header[name]
    shapes = [[-1, 8], [2**62, 4], [], [0, 8], [0], [1], [8, -8], [2**31, 2**33], [1] * 100]
    shapes += [[size // 4], [1, size // 4], [size // 4, 1]]
    types = ["F64", "I64", "BF16", "F16", "U8", "BOOL", "F8_E4M3", "X", "", 1, "I32", "C64"]
    names = ["x", "", "weights", "users", "vectors", "weights.data", "a" * 10_000]
    if how == "rename":
        header[rng.choice(names)] = header.pop(name)
    elif how == "drop":
        del header[name]
    elif how == "add":
        header[rng.choice(["users", "weights", "vectors", "extra"])] = copy.deepcopy(entry)
    elif how == "transpose":
        entry["shape"] = entry["shape"][::-1]
    else:
        offsets = [[0, 0], [0, 2**63], [-1, 4], [4, 0], [1, 33], [0, 2 * size]]
        field = {"dtype": "dtype", "offsets": "data_offsets"}.get(how, "shape")
        values: dict[str, list[Any]] = {"shape": shapes, "dtype": types, "offsets": offsets}
        entry[field] = rng.choice(values.get(how, [[10**9, 10**9]]))


def _other_value(entry: dict[str, Any], body: bytes, how: str, rng: random.Random) -> bytes:
    """One number of a tensor that is not finite, or far out of range as a row number."""
    low, high = entry["data_offsets"]
    width = 8 if entry["dtype"] in ("I64", "F64") else 4
    if high - low < width:
        return body
    at = low + rng.randrange((high - low) // width) * width
    integers = [(2**31 - 1).to_bytes(width, "little"), (10**6).to_bytes(width, "little")]
    integers += [(2**30).to_bytes(width, "little"), b"\xff" * width]
    new = rng.choice(_FLOATS) if how == "value" else rng.choice(integers)
    return body[:at] + new + body[at + len(new) :]


def paths_in(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to every value in a JSON document; of long lists, to the first five."""
    yield path
    inner: Any = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        inner = enumerate(value[:5])
    for key, each in inner:
        yield from paths_in(each, (*path, key))


def odd_json(document: dict[str, Any], rng: random.Random) -> tuple[dict[str, Any], str]:
    """A copy with one to three values, or names, changed."""
    new, did = copy.deepcopy(document), []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        did.append(_edited(new, rng) if new else "nothing")  # noqa: PERF401  # each has effects
    return new, "; ".join(did)


def _edited(document: dict[str, Any], rng: random.Random) -> str:
    # Most of the leaves are history: choose the top-level part first.
    top = rng.choice(list(document))
    path = rng.choice([each for each in paths_in(document) if each and each[0] == top])
    holder: Any = document
    for key in path[:-1]:
        holder = holder[key]
    how, value = rng.choice(("set", "set", "set", "delete", "add", "rename", "swap")), None
    if how == "set":
        holder[path[-1]] = value = rng.choice(VALUES)
    elif how == "delete":
        del holder[path[-1]]
    elif not isinstance(holder, dict):
        return "nothing"
    elif how == "add":
        extra = ("extra", "__class__", "", "self", "method", "device", "threads", "preset", "é")
        holder[rng.choice(extra)] = value = rng.choice(VALUES)
    elif how == "rename":
        holder[f"x{path[-1]}"] = holder.pop(path[-1])
    elif len(holder) > 1:
        one, other = rng.sample(list(holder), 2)
        holder[one], holder[other] = holder[other], holder[one]
    return f"{how} {path}" + (f" = {value!r:.40}" if how in ("set", "add") else "")
