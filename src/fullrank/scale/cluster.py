"""Ray for the length of a command: a quiet cluster on this machine, or the one of RAY_ADDRESS."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

from fullrank.errors import SettingError
from fullrank.extras import library
from fullrank.native import cores

WHERE = "option --workers"
ADDRESS = "RAY_ADDRESS"
AUTH = "RAY_AUTH_MODE"
QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # else a warning, and GPUs that are hidden
    "RAY_BACKEND_LOG_LEVEL": "fatal",
}
"""Variables of the environment that Ray reads when it is imported or started."""
ANSWER = 10.0
"""Seconds in which a cluster has to answer."""
_LONGEST = 32
"""Characters of a folder in which the names of Ray's sockets fit, which are at most 107."""
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


@contextmanager
def cluster(workers: int, threads: int = 1) -> Iterator[Any]:
    """Yields the module ``ray``, connected; what was started here is stopped at the end.

    A cluster that this process is connected to already is used as it is, and stays. One that
    ``RAY_ADDRESS`` names is left as it was found. Otherwise one is started on this machine, without
    a dashboard or reports on its use; its logs go with it. Results can be printed when it has
    ended: until then standard output is Ray's, and goes nowhere.

    Args:
        workers: Processes that are to run at the same time.
        threads: Cores that each asks for; a local cluster offers as many as they need.

    Raises:
        SettingError: Ray is not installed, or there is no cluster at the address.
    """
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    if _named() and _has_token():
        os.environ.setdefault(AUTH, "token")
    ray = library("ray", WHERE)
    with _reports_unheard():
        if ray.is_initialized():
            yield ray
            return
        with _own_signals():
            home = _connect(ray, max(cores(), workers * threads))
        try:
            yield ray
        finally:
            ray.shutdown()
            if home is not None:
                shutil.rmtree(home, ignore_errors=True)


def _named() -> str | None:
    """The address of a cluster that is to be used as it is."""
    address = os.environ.get(ADDRESS)
    return None if address == "local" else address or None


def _has_token() -> bool:
    """Whether this user has a token for clusters, which Ray shows to one only if it is told to.

    ``ray start`` asks for the token wherever there is one.
    """
    given = any(os.environ.get(f"RAY_AUTH_TOKEN{more}") for more in ("", "_PATH"))
    return given or (Path.home() / ".ray" / "auth_token").is_file()


def _connect(ray: Any, offered: int) -> Path | None:
    """Connects to a cluster; the folder of one that was started for it."""
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    address = _named()
    if address:
        _check_answers(address)
        try:
            with _unheard():
                ray.init(address=address, **quiet)
        except (ConnectionError, RuntimeError, ValueError) as error:
            reason = (str(error).splitlines() or ["an error"])[0]
            raise SettingError(f"{ADDRESS}={address}", reason, "a Ray cluster that runs") from None
        return None
    home = Path(tempfile.mkdtemp(prefix="fr-"))
    own = {"_temp_dir": str(home)} if len(str(home)) <= _LONGEST else {}
    try:
        with _unheard():
            ray.init(address="local", num_cpus=offered, include_dashboard=False, **own, **quiet)
    except BaseException:
        ray.shutdown()
        shutil.rmtree(home, ignore_errors=True)
        raise
    return home


def _check_answers(address: str) -> None:
    """Sees that something listens at ``host:port``: Ray itself waits for minutes before it says so.

    Raises:
        SettingError: nothing does.
    """
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        return  # ray://…, auto: Ray knows what they mean
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER).close()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "no such address"
        raise SettingError(f"{ADDRESS}={address}", reason, "a Ray cluster that runs") from None


@contextmanager
def _unheard() -> Iterator[None]:
    """Sends standard error nowhere: there Ray says that it was told to be quiet."""
    try:
        kept = os.dup(2)
    except OSError:  # there is none
        yield
        return
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(null)


@contextmanager
def _reports_unheard() -> Iterator[None]:
    """Sends nowhere what a thread of Ray prints, on standard output, of workers that died."""
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        yield


@contextmanager
def _own_signals() -> Iterator[None]:
    """Keeps Ctrl-C from the processes of Ray, and what signals do here as it was.

    A terminal sends Ctrl-C to all of them. One of them would end by it and take the others along,
    this process too, before it could clear up; all inherit that it is ignored. Ray takes SIGTERM
    for itself.
    """
    if threading.current_thread() is not threading.main_thread():  # which alone may set them
        yield
        return
    numbers = [getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)
