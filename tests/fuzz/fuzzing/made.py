"""Tables and tensors made of choices: whole files whose contents are strange."""

from __future__ import annotations

import gzip
import io
import json
import math
import struct
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray
from safetensors.numpy import save

from fuzzing.choices import Choices

TEXTS = (
    *("u1", "u2", "u3", "i1", "i2", "i3", "", " ", "\n", "\r", "\x00", '"', '""', ",", "\t", "::"),
    *("nan", "inf", "-1", "0", "007", "1e309", "9" * 40, "-9223372036854775809", "NULL", "é", "'"),
    *("\u2028", "\u202e", "\ufeff", "\x1f", "\x1a", "x" * 300, "2024-13-45", "2024-02-29", "[1]"),
    *("2024-02-29T12:00:00Z", "01/12/2024", "1_000", "0x10", "user_id", "item_id", "😀", "*"),
)
NUMBERS = (
    *(0, 1, 2, 3, 4, 5, 7, -1, 2**31 - 1, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63), 10**9),
    *(0.0, -0.0, 0.5, 1e-45, 1e-300, 3.5e38, 1e300, math.nan, math.inf, -math.inf),
)
DATES = (
    *(None, date(2024, 2, 29), date(1, 1, 1), date(9999, 12, 31)),
    *(datetime(1970, 1, 1), datetime(2024, 2, 29, 23, 59, 59, 999_999)),
)
DTYPES: tuple[Any, ...] = (
    *(pl.String, pl.Int64, pl.Float64, pl.Int32, pl.UInt64, pl.Float32, pl.Int8, pl.Boolean),
    *(pl.Categorical, pl.Binary, pl.Date, pl.Datetime("ns"), pl.Datetime("ms", "UTC"), pl.Null),
    *(pl.List(pl.Int64), pl.List(pl.Float64), pl.List(pl.String), pl.Array(pl.Float32, 2)),
    *(pl.Struct({"a": pl.Int64}), pl.Decimal(20, 2), pl.Duration("us"), pl.Time, pl.UInt32),
    pl.Enum(["u1", "u2", "i1", ""]),
)
NASTY = (
    *(b"\x00", b"\xff\xfe", b'"', b'""', b"\r", b"\r\n", b"\n\n\n", b",", b"\t", b";", b"::"),
    *(b"\xef\xbb\xbf", b"nan", b"inf", b"-1", b"1e309", b"NULL", b"PAR1", b"ARROW1", b"\x1f\x8b"),
    *(b"user_id", b"item_id", b"weight", b"timestamp", b"18446744073709551616", b"2024-13-45"),
    *(b"user_id,item_id\n", b"user_id:token", b"\xc0\x80", b"\xed\xa0\x80", b"title", b"\x93NUMPY"),
    *(b"'descr': '<f4'", b"'fortran_order': False", b"'shape': (3, 2)", b"(1000000000, 8)", b"|O"),
    *(b'"dtype":"F32"', b'"shape":[2,2]', b'"data_offsets":[0,16]', b'"format": 1', b'"sha256": "'),
)
"""Words for a fuzzer's dictionary."""
COMPRESSIONS: tuple[Literal["uncompressed", "zstd", "snappy", "gzip", "lz4"], ...] = (
    *("uncompressed", "zstd", "snappy", "gzip", "lz4"),
)
STYLES: tuple[Literal["necessary", "always", "never", "non_numeric"], ...] = (
    *("necessary", "always", "never", "non_numeric"),
)


def column(
    c: Choices,
    name: str,
    n: int,
    dtypes: Sequence[Any] = DTYPES,
    value: Callable[[Choices, Any], Any] | None = None,
) -> pl.Series:
    """(n,) values of a type that is chosen; null where the type does not have the value."""
    dtype, value = c.pick(dtypes), value or (_plain if c.flag() else _value)
    values = [value(c, dtype) for _ in range(n)]
    try:
        return pl.Series(name, values, dtype=dtype, strict=False)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        return pl.Series(name, [None] * n, dtype=dtype)


def frame(c: Choices, names: Sequence[str], n: int | None = None) -> pl.DataFrame:
    """A table with most of the columns, in types that are mostly those that they should have."""
    n = c.below(12) if n is None else n
    if c.flag():
        return pl.DataFrame([column(c, name, n or 3, _usual(name)[:2], _plain) for name in names])
    kept = [name for name in names if not c.flag(16)]
    columns = [column(c, name, n, DTYPES if c.flag(3) else _usual(name)) for name in kept]
    return pl.DataFrame(columns)


def parquet(c: Choices, table: pl.DataFrame) -> bytes:
    """The table as a Parquet file, in one of the ways to write one."""
    out = io.BytesIO()
    size = c.pick((None, 1, 3))
    try:
        table.write_parquet(
            out, compression=c.pick(COMPRESSIONS), statistics=c.flag(), row_group_size=size
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):  # types it cannot write
        return b""
    return out.getvalue()


def stored(c: Choices, table: pl.DataFrame) -> bytes:
    """The table as a part of a model, with one of its tensors made strange at times."""
    kept = {}
    for column in table:
        if column.dtype == pl.String:
            values = [each or "" for each in column]
            joined = "".join(values).encode("utf-8", "surrogatepass")
            kept[f"{column.name}.text"] = np.frombuffer(joined, np.uint8)
            lengths = [len(each.encode("utf-8", "surrogatepass")) for each in values]
            kept[f"{column.name}.ends"] = np.cumsum(lengths, dtype=np.int64)
            if column.null_count() or c.flag():
                kept[f"{column.name}.known"] = column.is_not_null().to_numpy().astype(np.uint8)
        elif column.dtype.is_numeric() and not column.dtype.is_decimal():
            kept[column.name] = np.ascontiguousarray(column.to_numpy())
    if kept and c.flag(3):
        name = c.pick(list(kept))
        kept[name] = _strange(c, kept[name])
    return save(kept)


def _strange(c: Choices, values: NDArray[Any]) -> NDArray[Any]:
    """Another length, dtype or shape, or one number that does not belong."""
    how = c.pick(("short", "long", "dtype", "flat", "value", "value"))
    if how == "short":
        return values[: len(values) // 2].copy()
    if how == "long":
        return np.concatenate([values, values])
    if how == "dtype":
        return values.astype(c.pick((np.float32, np.int32, np.uint8, np.int64, np.bool_)))
    if how == "flat":
        return values[None].copy()
    changed = values.copy()
    if len(changed):
        with np.errstate(all="ignore"):
            changed[c.below(len(changed))] = np.array(c.pick(NUMBERS)).astype(changed.dtype)
    return changed


def arrow(c: Choices, table: pl.DataFrame) -> bytes:
    """The table as an Arrow file."""
    out = io.BytesIO()
    table.write_ipc(out, compression=c.pick(("uncompressed", "lz4", "zstd")))
    return out.getvalue()


def text(c: Choices, table: pl.DataFrame, separator: str) -> bytes:
    """The table as delimited text, quoted as is chosen; nested columns are left out."""
    flat = table.select(
        name
        for name, kind in table.schema.items()
        if not kind.is_nested() and kind not in (pl.Binary, pl.Null, pl.Duration)
    )
    return flat.write_csv(separator=separator, quote_style=c.pick(STYLES)).encode()


def packed(data: bytes) -> bytes:
    """The bytes in a whole gzip file."""
    return gzip.compress(data, compresslevel=1, mtime=0)


def safetensors(c: Choices, names: Sequence[str], sizes: Sequence[int]) -> bytes:
    """A file of tensors with these names, of which most have sizes that fit together."""
    header: dict[str, Any] = {}
    body = b""
    for name in names:
        if c.flag(12):
            continue
        dtype, width = c.pick((("F32", 4), ("F64", 8), ("I32", 4), ("I64", 8), ("F16", 2)))
        shape = [c.pick(sizes) for _ in range(c.pick((2, 1, 2, 3, 0)))]
        count = math.prod(shape)
        if count > 4096:
            continue
        numbers = b"".join(_number(c, dtype) for _ in range(min(count, 64)))
        part = (numbers * (count * width // max(len(numbers), 1) + 1))[: count * width]
        header[name] = {
            "dtype": dtype,
            "shape": shape,
            "data_offsets": [len(body), len(body) + len(part)],
        }
        body += part
    written = json.dumps(header).encode()
    return len(written).to_bytes(8, "little") + written + body


def _number(c: Choices, dtype: str) -> bytes:
    codes = {"F32": "<f", "F64": "<d", "I32": "<i", "I64": "<q", "F16": "<e"}
    value = c.pick(NUMBERS)
    if dtype.startswith("F"):
        try:
            return struct.pack(codes[dtype], float(value))
        except OverflowError:
            return struct.pack(codes[dtype], math.inf)
    bits = 8 * struct.calcsize(codes[dtype])
    whole = int(value) if math.isfinite(value) else 0
    return struct.pack(codes[dtype], (whole + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1))


def _usual(name: str) -> Sequence[Any]:
    ids = (pl.String, pl.Int64, pl.Int32)
    return ids if name.endswith("id") else (pl.Float64, pl.Int64, pl.String)


def _plain(c: Choices, dtype: Any) -> Any:
    """A value that gets through every check, of the usual types."""
    if dtype.is_numeric():
        return c.pick(NUMBERS[1:7])
    return c.pick(TEXTS[:6]) if dtype == pl.String else _value(c, dtype)


def _value(c: Choices, dtype: Any) -> Any:
    if c.flag(20):
        return None
    if isinstance(dtype, pl.List | pl.Array):
        length = dtype.size if isinstance(dtype, pl.Array) else c.pick((2, 2, 2, 0, 3))
        return [_value(c, dtype.inner) for _ in range(length)]
    if isinstance(dtype, pl.Struct):
        return {"a": _value(c, pl.Int64)}
    if dtype == pl.Binary:
        return c.pick(NASTY)
    if dtype.is_temporal():
        return c.pick(DATES)
    if dtype.is_numeric() or dtype == pl.Boolean:
        value = c.pick(NUMBERS)
        whole = dtype.is_integer() and math.isfinite(value)
        return int(value) if whole else value
    return c.pick(TEXTS)
