"""What may have become of a folder of versions: of its pointer, of a version, and beside them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

NAMED = "2020-01-01T00-00-00"
"""A version before all others."""


def link(target: str) -> Callable[[Path], object]:
    """What makes the pointer name something else."""

    def make(models: Path) -> None:
        (models / "current").unlink()
        (models / "current").symlink_to(target)

    return make


def _newest(models: Path) -> Path:
    return sorted(path for path in models.iterdir() if path.name[0] == "2")[-1]


def _folder(models: Path) -> None:
    (models / "current").unlink()
    (models / "current").mkdir()


def _file(models: Path) -> None:
    (models / "current").unlink()
    (models / "current").write_text("x", encoding="utf-8")


def _cut(name: str, content: bytes | None) -> Callable[[Path], object]:
    def make(models: Path) -> None:
        held = _newest(models)
        path = held / "manifest.json"
        if name == "table":
            path = next(each for each in held.iterdir() if each.suffix == ".safetensors")
        path.unlink()
        if content is not None:
            path.write_bytes(content)

    return make


POINTERS: dict[str, Callable[[Path], object]] = {
    "nothing": link(NAMED),
    "itself": link("current"),
    "above": link(".."),
    "here": link("."),
    "a file": link("/etc/passwd"),
    "a device": link("/dev/null"),
    "with a line end": link("a\nb"),
    "long": link("x" * 250),
    "deep": link("/".join("x" * 100 for _ in range(30))),
    "absolute": lambda models: link(str(_newest(models)))(models),
    "by way of": lambda models: link(f"../models/{_newest(models).name}")(models),
    "none": lambda models: (models / "current").unlink(),
    "a folder": _folder,
    "a plain file": _file,
    "no manifest": _cut("manifest", None),
    "a damaged manifest": _cut("manifest", b"{"),
    "a strange manifest": _cut("manifest", b'{"training": 1, "format": 2}'),
    "an endless manifest": _cut("manifest", b"[" * 100_000),
    "an empty manifest": _cut("manifest", b"{}"),
    "no tables": _cut("table", None),
    "damaged tables": _cut("table", b"x"),
}
"""What becomes of the pointer, or of the version that it names."""


def stranger(name: str, content: bytes | None = None) -> Callable[[Path], object]:
    """What puts a file or a folder beside the versions."""

    def make(models: Path) -> None:
        path = models / name
        if content is None:
            path.mkdir(parents=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    return make


BESIDE: dict[str, Callable[[Path], object]] = {
    "notes": stranger("notes.txt", b"x"),
    "a hidden file": stranger(".DS_Store", b"x"),
    "an empty version": stranger(NAMED),
    "a file like a version": stranger(NAMED, b"x"),
    "a version in the future": lambda models: shutil.copytree(
        _newest(models), models / "9999-12-31T23-59-59"
    ),
    "a version of no date": lambda models: shutil.copytree(
        _newest(models), models / "2026-99-99T99-99-99"
    ),
    "a manifest that is a folder": stranger(f"{NAMED}/manifest.json"),
    "a manifest of nothing": stranger(f"{NAMED}/manifest.json", b""),
    "a manifest that is odd": stranger(f"{NAMED}/manifest.json", b'{"training": {"gate": 1}}'),
    "a manifest that is a list": stranger(f"{NAMED}/manifest.json", b"[]"),
    "a manifest without an end": stranger(f"{NAMED}/manifest.json", b"[" * 100_000),
    "files in a version": stranger(f"{NAMED}/x/y", b"x"),
    "a link like a version": lambda models: (models / NAMED).symlink_to(_newest(models).name),
    "a link to nothing": lambda models: (models / NAMED).symlink_to("nowhere"),
    "a link in a circle": lambda models: (models / NAMED).symlink_to(NAMED),
    "a name that is no text": lambda models: (models / "\udcff").mkdir(),
    "a line end in a name": stranger("a\nb", b"x"),
}
"""What lies beside the versions."""
