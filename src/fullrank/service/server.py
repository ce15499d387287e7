"""`fullrank serve`: one process that answers, or several behind a front that a supervisor keeps."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fullrank.errors import SettingError
from fullrank.service.keys import Keys
from fullrank.service.settings import ServiceSettings

SWITCH = 0.001
"""Seconds that a thread may keep the interpreter from the others."""
LONGEST = 85
"""Characters of the folder of sockets; the system takes 103 with the name of a socket."""


def serve(settings: ServiceSettings, ready: Callable[[str], None]) -> None:
    """Answers requests until SIGTERM or Ctrl-C, and drains.

    Args:
        settings: Of the service.
        ready: Called with the address, once requests are answered.

    Raises:
        FullrankError: the address cannot be listened on, or a model or key file cannot be used.
    """
    Keys.of(settings.key_file)
    with listening(settings.host, settings.port) as socket_:
        host, port = socket_.getsockname()[:2]
        url = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
        if settings.workers == 1:
            run(settings, socket_, None, lambda: ready(url))
            return
        if sys.platform == "win32":
            raise SettingError("option --workers", str(settings.workers), "1 on Windows")
        from fullrank.service.supervisor import Supervisor

        with TemporaryDirectory(prefix="fullrank-serve-") as folder:
            if len(folder) > LONGEST:
                found = f"a path of {len(folder)} characters"
                raise SettingError("variable TMPDIR", found, f"one of {LONGEST} or fewer")
            supervisor = Supervisor(settings, socket_, Path(folder))
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                runner.run(supervisor.run(lambda: ready(url)))


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        SettingError: the address is in use, or not of this machine.
    """
    try:
        kind, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        made = socket.socket(kind, socket.SOCK_STREAM)
        try:
            if sys.platform != "win32":
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            made.bind(address)
            made.listen(2048)
            made.setblocking(False)
        except OSError:
            made.close()
            raise
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        expected = "a free port of this machine, as --port 8001"
        raise SettingError(f"address {host}:{port}", reason, expected) from None
    return made


def run(
    settings: ServiceSettings,
    socket_: socket.socket,
    folder: Path | None,
    ready: Callable[[], None],
    end_with: Any = None,
) -> None:
    """Loads the models and answers, in this process.

    Args:
        settings: Of the service.
        socket_: What it listens on.
        folder: What it shares with others; None where it is alone.
        ready: Called when the models are loaded.
        end_with: As `http.answer` takes it.

    Raises:
        FullrankError: a model cannot be loaded.
    """
    import torch

    from fullrank.service import models
    from fullrank.service.app import App
    from fullrank.service.http import answer
    from fullrank.service.panels import Panels
    from fullrank.service.service import Service, Slot

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(settings.threads or max(1, (cores or 1) // settings.workers))
    sys.setswitchinterval(SWITCH)
    names, panels = models.names_of(settings.folders), Panels(folder)
    slots = {
        name: Slot(name, Path(path), settings.max_k, panels)
        for name, path in zip(names, settings.folders, strict=True)
    }
    app = App(Service(settings, slots, Keys.of(settings.key_file)))
    ready()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(answer(app, socket_, end_with))


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the loop: uvloop's, where there is one."""
    try:
        import uvloop
    except ImportError:  # not on Windows
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
