"""Where torch computes, and with how many threads."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from fullrank.errors import SettingError
from fullrank.native import cores

AUTO = "auto"
"""The device that is chosen: see `fullrank.engine.choose.device_for`."""


def device_named(name: str) -> str:
    """The name of a device that is there; ``auto`` stays as it is.

    Raises:
        SettingError: torch knows no such device.
    """
    if name == AUTO:
        return name
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise SettingError("setting device", repr(name), "'auto', 'cpu' or 'cuda'")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        found = f"{name!r} among {torch.cuda.device_count()} GPUs that torch can use"
        raise SettingError("setting device", found, "'auto' or 'cpu'")
    return str(device)


def gpu_or_cpu(name: str) -> str:
    """The device of this name, where ``auto`` is a GPU if there is one."""
    if name != AUTO:
        return name
    return "cuda" if torch.cuda.is_available() else "cpu"


def without_gpu(name: str, error: torch.OutOfMemoryError) -> str:
    """Where to train when the GPU's memory was not enough: on the processor, by ``auto``.

    Raises:
        SettingError: a GPU was asked for.
    """
    found = f"{name!r} without the memory to train ({str(error).splitlines()[0]})"
    if name != AUTO:
        expected = "'cpu', or a smaller dim, batch_size or number of negatives"
        raise SettingError("setting device", found, expected)
    warnings.warn(f"setting device: found {found}; training on the processor", stacklevel=4)
    return "cpu"


@contextmanager
def torch_threads(count: int | None) -> Iterator[None]:
    """Sets torch's threads for a while; leaves them alone if no count is given.

    More threads than there are cores gain nothing, and thousands end the process: a larger count
    is the number of cores.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else min(count, cores()))
    try:
        yield
    finally:
        torch.set_num_threads(before)
