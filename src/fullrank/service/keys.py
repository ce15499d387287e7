"""API keys from a file, compared in a time that says nothing of them."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from fullrank.errors import DataError

SHORTEST = 16
"""Characters of a key; a shorter one can be guessed."""
Headers = list[tuple[bytes, bytes]]


class Keys:
    """The keys that open a service; without any, everything is open.

    Args:
        keys: The keys themselves; their hashes are kept.
    """

    def __init__(self, keys: list[str]) -> None:
        self._hashes = [_hash(each.encode()) for each in keys]

    @classmethod
    def of(cls, path: str | None) -> Keys:
        """The keys in a file, one a line; lines that begin with ``#`` are comments.

        Raises:
            DataError: the file cannot be read, holds no key or one that is too short.
        """
        if path is None:
            return cls([])
        try:
            lines = Path(path).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise DataError(path, reason, "a file with one key a line") from None
        except UnicodeDecodeError:
            raise DataError(
                path, "bytes that are not UTF-8", "a file with one key a line"
            ) from None
        keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        short = next((at for at, key in enumerate(keys, 1) if len(key) < SHORTEST), None)
        if not keys or short is not None:
            found = "no key" if not keys else f"key {short} of fewer than {SHORTEST} characters"
            raise DataError(path, found, f"keys of {SHORTEST} characters or more, one a line")
        return cls(keys)

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def open_to(self, headers: Headers) -> bool:
        """Whether ``Authorization: Bearer KEY`` or ``X-API-Key: KEY`` has one of the keys."""
        if not self._hashes:
            return True
        given = b""
        for name, value in headers:
            if name == b"x-api-key":
                given = value
            elif name == b"authorization" and value[:7].lower() == b"bearer ":
                given = value[7:]
        own = _hash(given.strip())
        # Each is compared, whichever it is.
        return sum([hmac.compare_digest(own, each) for each in self._hashes]) > 0


def _hash(key: bytes) -> bytes:
    return hashlib.sha256(key).digest()
