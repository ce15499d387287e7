"""Tensors: ``.safetensors``, and what ``torch.save`` wrote, of which no object is ever made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from fullrank.data.plain_names import plain_name
from fullrank.diagnosis.tables import Table
from fullrank.errors import DataError

DEEPEST = 8
"""Dicts and lists inside each other that are searched for tensors."""
OPTIMIZER = {"state", "param_groups"}
"""Keys of what an optimiser's ``state_dict`` returns."""
EXPECTED = "a tensor or a dict of tensors, as torch.save(model.state_dict(), path) writes"


def safetensors(path: Path) -> list[Table]:
    """The tensors of two dimensions, by their names; rows are read from the file as they come."""
    from safetensors import SafetensorError, safe_open

    try:
        with plain_name(path) as plain, safe_open(plain, framework="pt") as file:
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, RuntimeError, ValueError, TypeError) as error:
        raise _damaged(path, error) from None
    flat = {name: shape for name, shape in shapes.items() if len(shape) == 2}
    if not flat:
        found = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise DataError(str(path), found or "no tensors", "a tensor with two dimensions")
    return [
        Table.sliced(name, (shape[0], shape[1]), partial(_slice, path, name))
        for name, shape in flat.items()
    ]


def _slice(path: Path, name: str, first: int, end: int) -> Tensor:
    from safetensors import SafetensorError, safe_open

    try:
        with plain_name(path) as plain, safe_open(plain, framework="pt") as file:
            rows = file.get_slice(name)[first:end]
            return rows.clone() if rows.is_floating_point() else _real(path, name, rows)
    except (SafetensorError, OSError, RuntimeError, ValueError, TypeError) as error:
        raise _damaged(path, error) from None


def _damaged(path: Path, error: BaseException) -> DataError:
    return DataError(str(path), f"a damaged file ({error})", "a safetensors file")


def _real(path: Path, name: str, rows: Tensor) -> Tensor:
    if rows.is_complex():
        raise DataError(str(path), f"complex numbers in {name}", "real numbers")
    return rows.double()


def pt(path: Path) -> list[Table]:
    """The tensors of two dimensions, their names joined by dots; those of an optimiser apart.

    The unpickler of ``weights_only`` makes tensors and plain containers and refuses all else; files
    are mapped, so that no tensor takes memory before it is read.
    """
    with path.open("rb") as file:
        begin = file.read(4)
    if begin != b"PK\x03\x04":
        raise DataError(str(path), "no archive of torch.save", EXPECTED)
    try:
        with plain_name(path) as plain:
            content = torch.load(plain, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # a damaged archive may raise anything
        refused = type(error).__name__ == "UnpicklingError"
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        found = "objects beside tensors, which are not read" if refused else "a damaged file"
        raise DataError(str(path), f"{found} ({reason})"[:300], EXPECTED) from None
    tensors = dict(_tensors("", content))
    size = path.stat().st_size
    flat = {name: each for name, each in tensors.items() if each.ndim == 2}
    if not flat:
        shapes = ", ".join(f"{name} {tuple(each.shape)}" for name, each in tensors.items())
        raise DataError(str(path), shapes or "no tensors", "a tensor with two dimensions")
    for name, tensor in flat.items():
        whole = tensor.layout == torch.strided and tensor.device.type == "cpu"
        if not whole or tensor.is_quantized or tensor.numel() * tensor.element_size() > size:
            what = f"tensor {name} that the file does not hold as plain numbers"
            raise DataError(str(path), what, EXPECTED)
    return [
        Table.of(tensor if tensor.is_floating_point() else _real(path, name, tensor), name)
        for name, tensor in flat.items()
    ]


def _tensors(name: str, value: Any, depth: int = 0) -> Iterator[tuple[str, Tensor]]:
    if isinstance(value, Tensor):
        yield name, value.detach()
    elif isinstance(value, Mapping) and value.keys() >= OPTIMIZER:
        return  # moments have the shape of a table and are none: rows without a gradient are zero
    elif depth < DEEPEST and isinstance(value, Mapping | list | tuple):
        named = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, each in named:
            yield from _tensors(f"{name}.{key}" if name else str(key), each, depth + 1)
