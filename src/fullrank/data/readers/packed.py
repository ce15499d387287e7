"""Packed text: what a gzip, bzip2, xz, zstd or zip file holds, as far as memory is free."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

from fullrank.data.memory import available_memory, shown
from fullrank.errors import DataError

PACKED = (".gz", ".bz2", ".xz", ".zst", ".zip")
"""Suffixes that packed text has after its own."""
BLOCK = 1 << 24
_CHUNK = 1 << 10
"""Bytes that are given to a decoder at a time. Zstd gives back all that they hold, and that may be
thirty thousand times as much."""
_MOST_XZ = 1 << 29
"""Bytes that an xz decoder may take: a header can ask for 4 GiB."""
_KINDS = {
    "gzip": re.compile(rb"\x1f\x8b"),
    "bzip2": re.compile(rb"BZh[1-9]1AY&SY"),
    "xz": re.compile(rb"\xfd7zXZ\x00"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd"),
    "zip": re.compile(rb"PK\x03\x04"),
}


def without_suffix(name: str) -> str:
    """A file's name in lower case, without the suffix of a packed file."""
    lower = name.lower()
    return next((lower.removesuffix(each) for each in PACKED if lower.endswith(each)), lower)


def packing(path: Path) -> str | None:
    """How a file is packed, by the bytes that it begins with; None if it is not."""
    with path.open("rb") as file:
        first = file.read(16)
    return next((kind for kind, magic in _KINDS.items() if magic.match(first)), None)


def unpacked(path: Path) -> Path | bytes:
    """The path, or what a packed file holds.

    Raises:
        DataError: it is damaged, holds more than fits into memory, or cannot be read.
    """
    kind = None
    try:
        kind = packing(path)
        if kind is None:
            return path
        with path.open("rb") as file:
            return _within_memory(path, _OPEN[kind](path, file))
    except (EOFError, zlib.error, gzip.BadGzipFile, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise _damaged(path, kind, error) from None
    except (NotImplementedError, RuntimeError, LookupError, ValueError) as error:
        # Of zip: a password, another method, a directory that does not fit together.
        raise _damaged(path, kind, error) from None
    except OSError as error:
        if kind == "bzip2" and error.errno is None:
            raise _damaged(path, kind, error) from None
        reason = (error.strerror or str(error)).lower()
        raise DataError(str(path), reason, "a file that can be read") from None


def inner_name(path: Path) -> str:
    """The name of the one file in a zip file; that of the path if there is none."""
    try:
        if packing(path) == "zip":
            with zipfile.ZipFile(path) as archive:
                return _only(path, archive).filename.rpartition("/")[2]
    except (OSError, zipfile.BadZipFile):
        pass
    return path.name


def _damaged(path: Path, kind: str | None, error: Exception) -> DataError:
    return DataError(str(path), f"a damaged {kind} file ({error})", "a whole one")


def _within_memory(path: Path, blocks: Iterator[bytes]) -> bytes:
    """What is packed, and it may be a thousand times its file; half the memory is for its table."""
    free, content = available_memory(), BytesIO()
    for block in blocks:
        content.write(block)
        if free is not None and content.tell() > free // 2:
            packed = shown(path.stat().st_size)
            found = f"more than {shown(content.tell())} in a packed file of {packed}"
            raise DataError(str(path), found, "what fits into the free memory")
    return content.getvalue()


def _read_of(file: Any) -> Iterator[bytes]:
    with file:
        while block := file.read(BLOCK):
            yield block


def _zipped(path: Path, _: BinaryIO) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as archive:
        yield from _read_of(archive.open(_only(path, archive)))


def _only(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """The file in an archive; what macOS adds beside it is none."""
    held = [each for each in archive.infolist() if not each.is_dir()]
    held = [each for each in held if not each.filename.startswith("__MACOSX/")]
    if len(held) != 1:
        raise DataError(str(path), f"a zip file of {len(held)} files", "one of a single file")
    return held[0]


def _decoded(file: BinaryIO, make: Callable[[], Any]) -> Iterator[bytes]:
    """Unpacks streams that follow one another, as `cat` joins them.

    Raises:
        EOFError: the last stream has no end.
    """
    decoder, data = make(), b""
    while True:
        if decoder.eof:
            data = decoder.unused_data or file.read(_CHUNK)
            if not data.strip(b"\0"):  # the end, or padding
                return
            decoder = make()
        elif decoder.needs_input:
            data = file.read(_CHUNK)
            if not data:
                raise EOFError("it ends too early")
        else:
            data = b""
        yield decoder.decompress(data, BLOCK)


class _Zstd:
    """A zstd decoder with the face of those of the standard library."""

    needs_input = True

    def __init__(self, package: Any) -> None:
        self._error = package.ZstdError
        self._decoder = package.ZstdDecompressor().decompressobj()

    @property
    def eof(self) -> bool:
        return bool(self._decoder.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._decoder.unused_data)

    def decompress(self, data: bytes, _: int) -> bytes:
        try:
            return bytes(self._decoder.decompress(data))
        except self._error as error:
            raise EOFError(str(error)) from None


def _zstd(path: Path, file: BinaryIO) -> Iterator[bytes]:
    try:
        import zstandard
    except ImportError:
        found = "a zstd file, and no package zstandard"
        raise DataError(str(path), found, "pip install 'fullrank[zst]'") from None
    return _decoded(file, lambda: _Zstd(zstandard))


_OPEN: dict[str, Callable[[Path, BinaryIO], Iterator[bytes]]] = {
    "gzip": lambda _, file: _read_of(gzip.GzipFile(fileobj=file)),
    "bzip2": lambda _, file: _decoded(file, bz2.BZ2Decompressor),
    "xz": lambda _, file: _decoded(file, lambda: lzma.LZMADecompressor(memlimit=_MOST_XZ)),
    "zstd": _zstd,
    "zip": _zipped,
}
