"""Fetching files over HTTP: resumable, checked, cached, with complaints on one line."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fullrank.errors import DataError

if TYPE_CHECKING:
    import requests

CHUNK = 1 << 16
ATTEMPTS = 4
PAUSE = 0.5
"""Seconds before the second attempt; each further pause is twice the one before."""


def download(url: str, target: Path, sha256: str | None = None) -> Path:
    """Fetches ``url`` into ``target``, unless it is there already.

    What has arrived before an interruption stays in a ``.part`` file beside ``target``, and the
    next attempt, in this call or a later one, goes on from there.

    Raises:
        DataError: the server cannot be reached or has no such file, or the content is not the one
            that ``sha256`` names; a file with the wrong content is deleted.
    """
    import pooch  # type: ignore[import-untyped]

    quiet = pooch.get_logger()
    level = quiet.level
    quiet.setLevel("WARNING")
    try:
        pooch.retrieve(
            url,
            known_hash=None if sha256 is None else f"sha256:{sha256}",
            fname=target.name,
            path=target.parent,
            downloader=Resuming(target.with_name(target.name + ".part")),
        )
    except ValueError:  # how pooch says that the hash differs; its temporary file is gone by then
        target.unlink(missing_ok=True)
        expected = f"the file with sha256 {sha256}; it may have changed at its home"
        raise DataError(url, "other content", expected) from None
    except OSError as error:
        raise DataError(str(target.parent), str(error), "a folder to write to") from None
    finally:
        quiet.setLevel(level)
    return target


@dataclass(frozen=True)
class Resuming:
    """A downloader for pooch that goes on where an earlier one stopped.

    Args:
        part: Where to collect the file until it is whole.
    """

    part: Path

    def __call__(self, url: str, output_file: Any, pooch: Any, check_only: bool = False) -> None:
        """Fetches ``url``, with several attempts, and moves it to ``output_file``."""
        del pooch, check_only
        self._attempts(url)
        Path(self.part).replace(output_file)

    def _attempts(self, url: str) -> None:
        import requests

        reason = ""
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE * 2 ** (attempt - 1))
            try:
                return self._go_on(url)
            except requests.HTTPError as error:
                status, reason = _status(error)
                if status < 500 and status != 429:
                    raise DataError(url, reason, "a file at this address") from None
            except requests.ConnectionError as error:
                reason = _reason(error)
            except requests.RequestException as error:
                reason = type(error).__name__
        raise DataError(
            url, f"no answer in {ATTEMPTS} attempts ({reason})", "a connection to the network"
        )

    def _go_on(self, url: str) -> None:
        """One attempt: asks for what is missing, or for all where the server gives no ranges."""
        import requests

        have = self.part.stat().st_size if self.part.exists() else 0
        headers = {"Accept-Encoding": "identity"}  # a range of packed bytes would be of no use
        if have:
            headers["Range"] = f"bytes={have}-"
        with requests.get(url, headers=headers, stream=True, timeout=(10, 60)) as answer:
            if answer.status_code == 416:  # the part is longer than the file: not a part of it
                self.part.unlink()
                raise requests.ConnectionError("a part that does not fit the file")
            answer.raise_for_status()
            resumed = answer.status_code == 206
            if resumed and not answer.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
                self.part.unlink()
                raise requests.ConnectionError("a range that was not asked for")
            # read1 hands over what has come so far; reading whole chunks would lose the last,
            # incomplete one when the connection breaks.
            take = getattr(answer.raw, "read1", answer.raw.read)
            left = int(answer.headers.get("Content-Length", 0))
            with self.part.open("ab" if resumed else "wb") as file:
                while piece := _received(take):
                    left -= file.write(piece)
            if left > 0:
                raise requests.ConnectionError(f"it broke off {left} bytes before the end")


def _received(take: Callable[[int], bytes]) -> bytes:
    """The next bytes; none at the end."""
    import requests
    from urllib3.exceptions import HTTPError

    try:
        return take(CHUNK)
    except (HTTPError, OSError) as error:
        raise requests.ConnectionError(error) from None


def _status(error: requests.HTTPError) -> tuple[int, str]:
    assert error.response is not None  # noqa: S101 - raise_for_status sets it
    return error.response.status_code, f"{error.response.status_code} {error.response.reason}"


def _reason(error: Exception) -> str:
    """The innermost cause: requests and urllib3 wrap the plain one several times."""
    cause: BaseException = error
    while True:
        inner = next((each for each in cause.args if isinstance(each, BaseException)), None)
        inner = getattr(cause, "reason", None) or inner
        if not isinstance(inner, BaseException):
            return str(cause).rpartition(": ")[2] or type(cause).__name__
        cause = inner
