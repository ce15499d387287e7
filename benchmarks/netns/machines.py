"""Small machines out of network namespaces, on a network of a rate and a delay."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
MTU = 9000


def name(number: int) -> str:
    """The namespace of a machine."""
    return f"fullrank{os.getpid()}m{number}"


def address(number: int) -> str:
    """Its address."""
    return f"10.77.0.{number + 1}"


@contextmanager
def machines(count: int, bits: float, delay: float) -> Iterator[None]:
    """Makes them for a while; needs root.

    Args:
        count: How many.
        bits: What each can send in a second.
        delay: Seconds that a frame takes.
    """
    with tempfile.TemporaryDirectory() as folder:
        relay = Path(folder) / "relay"
        run("cc", "-O2", "-o", relay, HERE / "relay.c")
        names = [name(number) for number in range(count)]
        for each in names:
            run("ip", "netns", "add", each)
        switch = subprocess.Popen(
            [relay, str(bits), str(int(delay * 1e9)), *names], stdout=subprocess.PIPE, text=True
        )
        try:
            assert switch.stdout is not None
            assert switch.stdout.readline() == "ready\n"
            for number, each in enumerate(names):
                inside = ("ip", "-n", each)
                run(*inside, "link", "set", "lo", "up")
                run(*inside, "link", "set", "eth0", "mtu", str(MTU), "up")
                run(*inside, "addr", "add", f"{address(number)}/24", "dev", "eth0")
            yield
        finally:
            switch.terminate()
            switch.wait()
            for each in names:
                run("ip", "netns", "del", each)


def run(*command: object) -> None:
    """Runs a command that has to succeed."""
    subprocess.run([str(part) for part in command], check=True)


def start(number: int, *arguments: str) -> subprocess.Popen[str]:
    """Starts a Python program on a machine, with one thread."""
    own = {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "eth0"}
    command = ["ip", "netns", "exec", name(number), sys.executable, *arguments]
    return subprocess.Popen(command, env={**os.environ, **own}, stdout=subprocess.PIPE, text=True)
