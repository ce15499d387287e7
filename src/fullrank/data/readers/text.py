"""Text files as bytes: unpacked, with one kind of line end, and each complaint with its line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from fullrank.data.plain_names import plain_name
from fullrank.data.readers.packed import BLOCK, unpacked
from fullrank.errors import DataError

MARK = b"\xef\xbb\xbf"
"""The byte order mark that some programs put before a text in UTF-8."""


@dataclass(frozen=True)
class Text:
    """A text file whose lines end in LF or CR LF.

    Args:
        path: Where it is, for messages.
        source: What to read: the path itself, or the bytes where the file was packed or had other
            line ends.
        quotes: Whether there is a double quote in it.
        returns: Whether there is a carriage return that ends no line: part of a field in quotes, if
            it is one.
    """

    path: Path
    source: Path | bytes
    quotes: bool
    returns: bool = False

    @classmethod
    def of(cls, path: Path) -> Text:
        """Looks through a file once.

        Raises:
            DataError: the file cannot be read, is a damaged packed file, or has a carriage return
                in the middle of a line.
        """
        source = unpacked(path)
        quotes = lone = feed = False
        with _reading(source, path) as file:
            while block := file.read(BLOCK):
                if block.endswith(b"\r"):
                    block += file.read(1)
                quotes = quotes or b'"' in block
                if b"\r" in block:
                    lone = lone or block.count(b"\r") != block.count(b"\r\n")
                feed = feed or b"\n" in block
        if lone and not feed:
            data = source if isinstance(source, bytes) else path.read_bytes()
            return cls(path, data.replace(b"\r", b"\n"), quotes)
        text = cls(path, source, quotes, lone)
        if lone and not quotes:
            text.refuse_returns()
        return text

    def lines(self) -> Iterator[bytes]:
        """The lines, with their ends, without a byte order mark."""
        with _reading(self.source, self.path) as file:
            for number, line in enumerate(file):
                yield line if number else line.removeprefix(MARK)

    def blocks(self, size: int = 1 << 20) -> Iterator[bytes]:
        """Whole lines, about ``size`` bytes at a time, without a byte order mark."""
        with _reading(self.source, self.path) as file:
            start = file.read(len(MARK)).removeprefix(MARK)
            while block := file.read(size):
                yield start + block + file.readline()
                start = b""
            if start:
                yield start

    def decoded(self) -> Iterator[str]:
        """The lines as strings.

        Raises:
            DataError: a line is no text in UTF-8.
        """
        for number, line in enumerate(self.lines(), start=1):
            try:
                yield line.decode()
            except UnicodeDecodeError as error:
                found = f"the byte 0x{line[error.start]:02x} at position {error.start + 1}"
                where = f"{self.path}, line {number}"
                raise DataError(where, f"{found} of the line", "text in UTF-8") from None

    def refuse_returns(self) -> None:
        """Raises `DataError` at the first carriage return that ends no line."""
        for number, line in enumerate(self.lines(), start=1):
            if b"\r" in line.removesuffix(b"\n").removesuffix(b"\r"):
                where = f"{self.path}, line {number}"
                raise DataError(where, "a carriage return inside the line", "line ends of one kind")

    def first_written(self) -> tuple[int, str] | None:
        """The first line that is not blank, and its number from 1."""
        for number, line in enumerate(self.decoded(), start=1):
            if line.strip(" \r\n"):  # as `delimited` passes over lines, and polars
                return number, line.rstrip("\r\n")
        return None


@contextmanager
def plain_source(source: Path | bytes) -> Iterator[Path | bytes]:
    """A source as a parser in Rust takes it: bytes, or a name that is UTF-8."""
    if isinstance(source, bytes):
        yield source
        return
    with plain_name(source) as name:
        yield name


def _reading(source: Path | bytes, path: Path) -> BinaryIO:
    if isinstance(source, bytes):
        return BytesIO(source)
    try:
        return source.open("rb")
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(str(path), reason, "a file that can be read") from None
