"""Models on disk: safetensors and JSON, replaced as a whole, checked when read."""

from __future__ import annotations

import hashlib
import json
import platform
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import scipy
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor

from fullrank import __version__, native
from fullrank.data.files import WAIT, as_data_errors, replacing, write_error
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.locks import exclusive, is_leftover, part_folder
from fullrank.data.plain_names import plain_name
from fullrank.data.stored_pairs import write_pairs
from fullrank.data.stored_tables import coded, write_table
from fullrank.errors import DataError
from fullrank.serving import stored_checks

FORMAT = 2
MANIFEST = "manifest.json"
REPORT = "report.html"
"""A page about the model, which a save of another model removes; no part of the model."""
INDEX = ".index"
"""A folder that `fullrank serve` may keep there; no part of the model."""
PARTS = ("train", "validation", "test")
NEVER = "never"
"""Pairs that are never to be shown, where the data had some."""
_NAMED = re.compile(
    r"(tables|users|items|train|validation|test|never)-[0-9a-f]{12}\.(safetensors|parquet)"
)
"""Files of a model; format 1 had Parquet, which a save over such a model removes."""
_READS = 20
"""Times to read a folder that is being written meanwhile."""
POPULARITY = "popularity"
"""Name of the training popularity in the folder of a model of folded-in users."""
_FIELDS = {"method": str, "settings": dict, "data": dict, "training": dict, "metrics": dict}


@dataclass(frozen=True)
class Stored:
    """Everything a model folder holds."""

    tables: dict[str, Tensor]
    users: Ids
    items: Ids
    parts: dict[str, Interactions]
    manifest: dict[str, Any]


def versions() -> dict[str, str]:
    """What a figure or a model was made with."""
    return {
        "fullrank": __version__,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "polars": pl.__version__,
        "kernels": native.state(),
    }


def popularity_of(stored: Stored, *, trained: bool) -> NDArray[Any] | None:
    """(n_items,) the popularity of the items in training, if the folder's users were not in it.

    A folder from before it was kept does not say which items were trained: all of them then count
    once more than the new users have them.

    Raises:
        DataError: it is not a finite number of zero or more for each item.
    """
    if trained:
        return None
    kept = stored.tables.get(POPULARITY)
    if kept is None:
        return stored.parts["train"].item_degree + 1
    if kept.shape != (len(stored.items),) or not (kept.isfinite() & (kept >= 0)).all():
        found = f"shape {tuple(kept.shape)}, or numbers that are not finite and positive"
        raise DataError("popularity of the model", found, f"{len(stored.items)} counts")
    counts: NDArray[Any] = kept.double().numpy()
    return counts


def write_model(folder: Path, stored: Stored) -> None:
    """Writes a model so that ``folder`` holds the old model or the new one, whatever happens.

    Every file is written under a name made of its content, then the manifest that names them takes
    the place of the old one in a single step, then the files of the old model are removed.

    Raises:
        DataError: the disk is full, the folder cannot be written, or another process has it in use;
            the old model is untouched.
    """
    with exclusive(folder, "saving a model", folder=True, wait=WAIT):
        with as_data_errors(folder):  # removed while the model was trained, perhaps
            folder.mkdir(parents=True, exist_ok=True)
        _write(folder, stored)


def is_of_a_model(name: str) -> bool:
    """Whether a model folder has files of that name, finished or not."""
    return (
        name in (MANIFEST, REPORT, INDEX) or _NAMED.fullmatch(name) is not None or is_leftover(name)
    )


def _write(folder: Path, stored: Stored) -> None:
    before = _model_files(folder)
    written: dict[str, dict[str, Any]] = {}
    text: str | None = None

    def tables(path: Path) -> None:
        with plain_name(path) as name:
            save_file(stored.tables, name)

    try:
        written["tables"] = _add(folder, "tables.safetensors", tables)
        for name, ids in (("users", stored.users), ("items", stored.items)):
            written[name] = _add_table(folder, name, _id_table(ids))
        for name, part in stored.parts.items():
            pairs = partial(write_pairs, part=part, counted=name != "train")
            written[name] = _add(folder, f"{name}.safetensors", pairs)
        manifest = {"format": FORMAT, **stored.manifest, "files": written}
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        with replacing(folder / MANIFEST) as part_file:
            part_file.write_text(text, encoding="utf-8")
            (folder / REPORT).unlink(missing_ok=True)  # it is about the old model
    except BaseException as error:
        # A signal may strike when the manifest is in its place: then the new model is the model.
        ours = {entry["file"] for entry in written.values()}
        replaced = text is not None and _holds(folder / MANIFEST, text)
        for name in _model_files(folder) - (ours if replaced else before):
            (folder / name).unlink(missing_ok=True)
        failed = write_error(error, folder)
        if failed is None:
            raise
        raise failed from None
    # Of the old model, and of saves that were killed.
    for name in _model_files(folder) - {entry["file"] for entry in written.values()}:
        (folder / name).unlink(missing_ok=True)


def _holds(path: Path, text: str) -> bool:
    try:
        return path.read_text(encoding="utf-8") == text
    except (OSError, ValueError):
        return False


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a model folder.

    Raises:
        DataError: there is none, it cannot be read, or it is of another format.
    """
    path = folder / MANIFEST
    if not path.is_file():
        found = f"no {MANIFEST}" if folder.is_dir() else "no such folder"
        raise DataError(str(folder), found, "a model folder, as `fullrank fit -o` or `save` writes")
    try:
        manifest = stored_checks.manifest_of(path)
        version = manifest["format"]
        if version != FORMAT:
            older = isinstance(version, int) and version < FORMAT
            way = "the model fitted again" if older else f"an update of fullrank {__version__}"
            expected = f"format {FORMAT} or {way}"
            raise DataError(str(path), f"format {version}", expected)
        if not all(isinstance(manifest[name], kind) for name, kind in _FIELDS.items()):
            raise TypeError
        stored_checks.check_files(path, manifest["files"], MANIFEST)
        stored_checks.check_metadata(manifest)
    except OSError as error:
        raise DataError(str(path), error.strerror or "an error", "a file to read") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(str(path), "a damaged manifest", "the JSON that `save` wrote") from None
    return manifest


def read_model(folder: Path) -> Stored:
    """Reads a model folder and checks every file against the manifest.

    A model that another one replaces meanwhile is read again.

    Raises:
        DataError: a file is missing, truncated or was changed.
    """
    for _ in range(_READS - 1):
        before = _version(folder)
        try:
            return _read(folder)
        except DataError:
            if before is None or _version(folder) == before:
                raise
    return _read(folder)


def _version(folder: Path) -> tuple[int, int] | None:
    """Changes whenever another manifest takes the place of the one before."""
    try:
        status = (folder / MANIFEST).stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _read(folder: Path) -> Stored:
    manifest = read_manifest(folder)
    try:
        paths = {name: _checked(folder, entry) for name, entry in manifest["files"].items()}
        for name in ("tables", "users", "items", "train"):
            if name not in paths:
                raise DataError(str(folder / MANIFEST), f"no file for {name}", "one in every model")
        tables = stored_checks.read_tables(paths["tables"])
        users, items = (stored_checks.read_ids(paths[side]) for side in ("users", "items"))
        parts = {
            name: stored_checks.read_part(paths[name], users, items)
            for name in (*PARTS, NEVER)
            if name in paths
        }
    except OSError as error:  # another save may have taken the file away
        reason = error.strerror or str(error)
        raise DataError(str(folder), reason.lower(), "the files that `save` wrote") from None
    return Stored(tables, users, items, parts, manifest)


def _add_table(folder: Path, name: str, table: pl.DataFrame) -> dict[str, Any]:
    return _add(folder, f"{name}.safetensors", lambda path: write_table(path, table))


def _add(folder: Path, name: str, write: Callable[[Path], None]) -> dict[str, Any]:
    with part_folder(folder / name) as private:
        part = private / "part"
        write(part)
        digest = _sha256(part)
        path = Path(name)
        target = folder / f"{path.stem}-{digest[:12]}{path.suffix}"
        with replacing(target) as final:
            part.replace(final)
    return {"file": target.name, "sha256": digest, "bytes": target.stat().st_size}


def _checked(folder: Path, entry: dict[str, Any]) -> Path:
    path: Path = folder / entry["file"]
    try:
        if not path.is_file():
            raise DataError(str(path), "no such file", "the file that the manifest names")
        size = path.stat().st_size
        if size != entry["bytes"]:
            raise DataError(str(path), f"{size} bytes", f"{entry['bytes']} bytes")
        digest = _sha256(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataError(str(path), reason, "a file that can be read") from None
    if digest != entry["sha256"]:
        raise DataError(str(path), f"sha256 {digest[:12]}…", f"{entry['sha256'][:12]}…: it changed")
    return path


def _model_files(folder: Path) -> set[str]:
    """The files in a folder that are named as those of a model, whatever its manifest says."""
    return {path.name for path in folder.iterdir() if _NAMED.fullmatch(path.name)}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _id_table(ids: Ids) -> pl.DataFrame:
    """Ids, titles and what else is known of them, a column each; see `stored_tables.coded`."""
    table = ids.values.to_frame()
    if ids.attributes is None:
        return table
    others = coded(ids.attributes.drop("title", strict=False))
    named = table if ids.titles is None else table.with_columns(title=ids.titles)
    return named.with_columns(others)
