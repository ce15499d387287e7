"""Embedding files for ``inspect``: one clear line or a diagnosis, and never a pickle that runs."""

from __future__ import annotations

import io
import json
import os
import pickle
import random
import struct
import zipfile
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path

from batches import Case, Wrong
from batches import run as run_batches
from children import call, command
from common import Setting, Tally
from mutations import odd_tensors, often_damaged

CASES = 2100
ROWS, DIM = 60, 8
_FLOATS = (0.0, float("nan"), float("inf"), 3e38, -3e38, 1e-45, 1e-38, 1.0)

_SHAPES = (
    "(60, 8)", "(-60, 8)", "(-60, -8)", "(10**18, 8)", "(1000000000000, 1000000000000)",
    "(4294967296, 4294967296)", "()", "(0, 8)", "(60, 0)", "(480,)", "(4, 15, 8)", "(1,) * 70",
    str((1,) * 70), "(True, 8)", "(60, 8.0)", "(9223372036854775807, 2)",
    "(9223372036854775808, 0)", "(60L, 8L)", "(99999999999999999999999999, 8)", "'60'", "None",
    "(30, 8)", "(120, 8)",
)  # fmt: skip
_TYPES = (
    "'<f4'", "'|O'", "'<c8'", "'<M8[s]'", "'<U2'", "'|V4'", "'|b1'", "'<f16'", "'<f2'", "'<u8'",
    "'x'", "[('a', '<f4'), ('b', '<f4')]", "[('a', '|O')]", "('<f4', (8,))", "'<f999999999999'",
    "'|S0'", "'|V0'", "None",
)  # fmt: skip
_HEADERS = (
    "{'descr': '<f4'}", "[]", "None", "(", "(" * 3000, "[" * 9000, "-" * 9000 + "1", "\x00" * 100,
    "é", "{'descr': '<f4', 'fortran_order': 1, 'shape': (60, 8), }",
    "{'descr': '<f4', 'fortran_order': False, 'shape': (60, 8), 'x': 1}",
)  # fmt: skip
_HEADER = "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}"


class Runs:
    """A pickle that makes a file when it is read as one."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.proof}",)


def write_bases(folder: Path) -> None:
    """Whole files of each format and number type."""
    import numpy as np
    import polars as pl
    import torch
    from safetensors.torch import save_file

    table = np.random.default_rng(0).normal(size=(ROWS, DIM)).astype(np.float32)
    np.save(folder / "a.npy", table)
    np.save(folder / "b.npy", np.asfortranarray(table.astype(np.float64)))
    np.save(folder / "c.npy", (table * 10).astype(np.int16))
    np.save(folder / "d.npy", table.astype(">f4"))
    np.save(folder / "e.npy", table.astype(np.float16))
    whole = torch.from_numpy(table)
    save_file({"users": whole, "items": whole[:40].clone()}, folder / "a.safetensors")
    save_file({"x": whole.bfloat16()}, folder / "b.safetensors")
    pl.DataFrame({f"d{k}": table[:, k] for k in range(DIM)}).write_parquet(folder / "a.parquet")
    lists = pl.Series("v", table.tolist())
    pl.DataFrame({"id": range(ROWS), "v": lists}).write_parquet(folder / "b.parquet")
    pl.DataFrame([lists.cast(pl.Array(pl.Float32, DIM))]).write_parquet(folder / "c.parquet")
    np.savez_compressed(folder / "a.npz", users=table, items=table[:40])
    torch.save({"users": whole, "items": whole[:40].clone(), "epoch": 3}, folder / "a.pt")
    rows = list(enumerate(table))
    text = b"".join(b"w%d %s\n" % (at, b" ".join(b"%f" % x for x in row)) for at, row in rows)
    (folder / "a.vec").write_bytes(b"%d %d\n" % table.shape + text)
    packed = b"".join(b"w%d %s\n" % (at, row.tobytes()) for at, row in rows)
    (folder / "a.bin").write_bytes(b"%d %d\n" % table.shape + packed)
    width = struct.pack("<i", DIM)
    (folder / "a.fvecs").write_bytes(b"".join(width + row.tobytes() for row in table))


def npy(
    header: str, body: bytes, version: tuple[int, int] = (1, 0), size: int | None = None
) -> bytes:
    """A .npy file of any header, right or wrong."""
    text = header.encode("utf-8" if version[0] == 3 else "latin-1", "replace") + b"\n"
    length = len(text) if size is None else size
    head = struct.pack("<H", length & 0xFFFF) if version[0] == 1 else struct.pack("<I", length)
    return b"\x93NUMPY" + bytes(version) + head + text + body


def odd_npy(rng: random.Random, runs: bytes, proof: Path) -> bytes:
    """A .npy file with a header that lies, or does what a header should not."""
    code = f"__import__('os').system('touch {proof}')"
    kinds = _TYPES if rng.random() < 0.5 else ("'<f4'", code)
    free = _HEADER.format(rng.choice(kinds), rng.choice(("False", "True")), rng.choice(_SHAPES))
    header = rng.choice(_HEADERS) if rng.random() < 0.2 else free
    version = rng.choice(((1, 0), (1, 0), (2, 0), (3, 0), (9, 9), (0, 0), (1, 1)))
    size = rng.choice((None, None, None, None, 0, 1, 65535, 2**32 - 1))
    return npy(header, rng.choice((b"\x00" * 1920, rng.randbytes(1920), b"", runs)), version, size)


def odd_values(data: bytes, rng: random.Random) -> bytes:
    """The first base with numbers that are not finite, extreme, or all the same."""
    new, start = bytearray(data), len(data) - 4 * ROWS * DIM
    for _ in range(rng.choice((1, 5, 480))):
        at = start + 4 * rng.randrange(ROWS * DIM)
        new[at : at + 4] = struct.pack("<f", rng.choice(_FLOATS))
    if rng.random() < 0.2:
        new[start:] = struct.pack("<f", rng.choice((0.0, 1.0, 1e-45, 3.4e38))) * ROWS * DIM
    return bytes(new)


def pickled(rng: random.Random, runs: bytes) -> tuple[str, bytes]:
    """A pickle under the name of another format, or inside one."""
    names = ("x.npy", "x.npy", "x.npz", "x.pt", "x.pt", "x.safetensors", "x.parquet", "x.bin")
    name = rng.choice(names)
    objects = npy(_HEADER.format("'|O'", "False", "(1,)"), runs)
    fields = npy(_HEADER.format("[('a', '|O')]", "False", "(1, 2)"), runs)
    content = (runs, objects, b"PK\x03\x04" + runs, fields, archived(runs), archived(objects))
    return name, rng.choice(content)


def archived(data: bytes) -> bytes:
    """A ZIP file whose members are the data, under the names that readers look for."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in (("data.pkl", data), ("version", b"3\n"), ("byteorder", b"little")):
            archive.writestr(f"archive/{name}", content)
        archive.writestr("x.npy", data)
    return file.getvalue()


def make(setting: Setting, bases: dict[str, bytes], number: int, folder: Path) -> Path:
    """Writes the file of a case."""
    rng, names, proof = setting.rng("embeddings", number), list(bases), setting.work / "proof"
    kind = rng.choice(["damaged", "damaged", "npy", "npy", "tensors", "pickle", "values"])
    runs = pickle.dumps([Runs(proof)] * 3)
    if kind == "npy":
        name, data = "x.npy", odd_npy(rng, runs, proof)
    elif kind == "pickle":
        name, data = pickled(rng, runs)
    elif kind == "tensors":
        name = rng.choice(("a.safetensors", "b.safetensors"))
        data, _ = odd_tensors(bases[name], rng)
    elif kind == "values":
        name, data = "a.npy", odd_values(bases["a.npy"], rng)
    else:
        name = names[number % len(names)]
        data, _ = often_damaged(bases[name], rng, list(bases.values()))
    path = folder / name
    path.write_bytes(data)
    return path


def attempt(path: Path) -> str:
    """``fullrank inspect`` on a file."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with redirect_stdout(out), redirect_stderr(err):
        try:
            command("inspect", path, "--json")()
        except SystemExit as left:
            code = int(left.code or 0)
    if (path.parents[1] / "proof").exists():
        raise Wrong("a pickle was run")
    lines = err.getvalue().strip().splitlines()
    if code != 0:
        if code == 2 and lines and lines[-1].startswith("error: "):
            return "refused"
        raise Wrong(f"unclear: code {code}: {err.getvalue()[-200:]}")
    for table in json.loads(out.getvalue())["tables"]:
        rank = table["effective_rank"]
        if not 0 <= rank <= min(table["rows"], table["dimensions"]) + 1e-6:
            raise Wrong(f"effective rank {rank} of {table['rows']} x {table['dim']}")
    return "read"


def run(setting: Setting) -> Tally:
    """Embedding files, damaged or made to deceive."""
    folder = setting.work / "bases"
    folder.mkdir()
    done = call(lambda: write_bases(folder))  # in a child, for it starts threads
    assert done.code == 0, done.err
    bases = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    cases = [
        Case("embeddings", partial(make, setting, bases, number))
        for number in range(setting.count(CASES))
    ]
    return run_batches(setting, Tally("mutated embedding files"), cases, attempt)
