"""Embedding tables for ``fullrank inspect``."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from fullrank.cli import inspect
from fuzzing import made
from fuzzing.choices import Choices

SUFFIXES = (".npy", ".safetensors", ".parquet")
BARE = (".npz", ".pt", ".vec", ".bin", ".fvecs")
"""Formats of which any bytes are tried, and damaged whole files."""
DESCRIPTIONS = (
    *("<f4", "<f8", "<f2", ">f4", "<i2", "<u8", "|O", "<c8", "<M8[s]", "<U2", "|V4", "|b1", "<f16"),
    *("|S0", "|V0", "x", "", "<f999999999999", "|i1"),
)
SIZES = (3, 2, 8, 0, 1, -1, 4, 2**31, 2**63, 10**18, 2**62)
WHOLE = "{'descr': '<f4', 'fortran_order': False, 'shape': (4, 2), }"


def inspecting(data: bytes, folder: Path) -> None:
    """A file of embeddings: its spectrum is finite, or the file is refused."""
    c = Choices(data)
    kind, as_json = c.below(2 * len(SUFFIXES) + len(BARE)), c.flag()
    if kind >= 2 * len(SUFFIXES):
        path = folder / f"table{BARE[kind - 2 * len(SUFFIXES)]}"
        path.write_bytes(_damaged(c, path.suffix))
        check_inspection(path, as_json)
        return
    suffix = SUFFIXES[kind // 2]
    path = folder / f"table{suffix}"
    is_made = kind % 2 or suffix == ".parquet"  # `columnar` has those of any bytes
    path.write_bytes(_made(c, suffix) if is_made else c.rest())
    check_inspection(path, as_json)


def check_inspection(path: Path, as_json: bool) -> None:
    """What is printed of a file that is not refused: finite numbers within their bounds."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        inspect.run(path, as_json=as_json)
    if not as_json:
        assert "rows x" in printed.getvalue()
        return
    for table in json.loads(printed.getvalue(), parse_constant=_refused)["tables"]:
        assert 0 <= table["effective_rank"] <= 1.001 * table["dimensions"]


def seeds() -> Iterator[bytes]:
    """Whole files of each format, and the start of made ones."""
    body = np.arange(8, dtype="<f4").tobytes()
    for at, suffix in enumerate(SUFFIXES[:3]):
        for seed in range(6):
            choices = bytes((seed * 37 + k * k) % 256 for k in range(160))
            yield bytes([2 * at + 1, seed % 2]) + choices
            yield bytes([2 * at, seed % 2]) + _made(Choices(choices), suffix)
    for at in range(len(BARE)):
        for seed in range(6):
            yield bytes(
                [2 * len(SUFFIXES) + at, seed % 2, *((seed * 37 + k * k) % 256 for k in range(64))]
            )
    for version in (1, 2, 3):
        yield bytes([0, 1]) + _npy(WHOLE, body, version)


def _refused(constant: str) -> None:
    raise AssertionError(f"{constant} in the JSON")


def _made(c: Choices, suffix: str) -> bytes:
    if suffix == ".safetensors":
        return made.safetensors(c, ("users", "items", "x")[: 1 + c.below(3)], (3, 2, 4, 1, 0, 9))
    if suffix == ".parquet":
        return made.parquet(c, made.frame(c, ("a", "b", "c")[: 1 + c.below(3)]))
    header = WHOLE
    if c.flag():
        shape = tuple(c.pick(SIZES) for _ in range(c.below(4)))
        header = str({"descr": c.pick(DESCRIPTIONS), "fortran_order": c.flag(), "shape": shape})
    numbers = np.array([c.pick(made.NUMBERS) for _ in range(8)], dtype=object)
    with np.errstate(over="ignore"):
        body = numbers.astype(np.float64).astype(c.pick(("<f4", "<f8", "<f2"))).tobytes()
    return _npy(header, body, c.pick((1, 1, 2, 3, 9)))


def _damaged(c: Choices, suffix: str) -> bytes:
    """A whole file with some bytes changed, its end cut off, or any bytes at all."""
    if c.below(4) == 0:
        return c.rest()
    content = bytearray(_whole(suffix))
    for _ in range(c.below(6)):
        content[c.below(len(content))] = c.below(256)
    return bytes(content[: len(content) - c.below(9)] if c.flag() else content)


def _whole(suffix: str) -> bytes:
    table = np.arange(12, dtype="<f4").reshape(6, 2) + 0.5
    file = io.BytesIO()
    if suffix == ".npz":
        np.savez_compressed(file, users=table, items=table)
    elif suffix == ".pt":
        torch.save({"users": torch.from_numpy(table), "n": 3}, file)
    elif suffix == ".vec":
        file.write(b"6 2\n" + b"".join(b"w %f %f\n" % tuple(row) for row in table.tolist()))
    elif suffix == ".bin":
        file.write(b"6 2\n" + b"".join(b"w " + row.tobytes() + b"\n" for row in table))
    else:
        file.write(b"".join(b"\x02\0\0\0" + row.tobytes() for row in table))
    return file.getvalue()


def _npy(header: str, body: bytes, version: int) -> bytes:
    text = header.encode("latin-1") + b"\n"
    length = len(text).to_bytes(2 if version == 1 else 4, "little")
    return b"\x93NUMPY" + bytes([version, 0]) + length + text + body
