"""Model folders with checksums that are right, whatever the files hold."""

from __future__ import annotations

import contextlib
import copy
import functools
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import fullrank as fr
from fullrank.data import Interactions, Split
from fullrank.data.ids import Ids
from fullrank.errors import FullrankError
from fullrank.serving.model_files import MANIFEST
from fuzzing import made
from fuzzing.choices import Choices
from fuzzing.tables import check

SMALL = {"dim": 2, "epochs": 1, "batch_size": 4, "threads": 1}
METHODS: dict[str, dict[str, Any]] = {
    "bpr": SMALL,
    "directspec+": SMALL,
    "itemknn": {},
    "ease": {},
    "spectral": {"rank": 2},
    "popularity": {},
}
FOLDED = "folded"
"""A model of folded-in users, beside those of `METHODS`."""
STEMS = ("tables", "users", "items", "train", "validation", "test")
TENSORS = (
    *("users", "items", "fold_in", "popularity", "weights", "weights.data", "weights.indices"),
    *("weights.indptr", "vectors", "scale", "beta_smoothing", "matrix.data", "matrix.indices"),
    *("matrix.indptr", "x"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 2, 2**31, 2**63, 2**64, 10**400, 1e308, -0.5, float("nan"), "", "x"),
    *("../x", "/etc/passwd", "..", ".", "a/b", "a\x00b", "\ud800", "é" * 200, [], {}, [[]], "\n"),
    *({"a": {}}, [1, 2], MANIFEST, "x" * 300, "bpr", "ease", float("inf"), "k@x", [{}], "-"),
)
KEYS = ("extra", "__class__", "", "self", "method", "device", "threads", "folded_in", "engine", "é")
N_USERS, N_ITEMS = 6, 5


@functools.cache
def bases() -> dict[str, dict[str, bytes]]:
    """Small models of several kinds, the files of each by name."""
    rows = [(u, i) for u in range(N_USERS) for i in range(N_ITEMS) if (u * 3 + i * 2) % 4]
    users, items = (Ids([f"{side}{k}" for k in range(1, n + 1)]) for side, n in _SIDES)
    items = items.with_titles(pl.DataFrame({"id": ["i1", "i2"], "title": ["One", "Two"]}))
    user, item = np.array(rows).T
    part = [Interactions.from_rows(users, items, user[k::3], item[k::3]) for k in range(3)]
    weighted = Interactions.from_rows(
        users, items, user[::3], item[::3], weight=np.arange(1.0, len(user[::3]) + 1)
    )
    made_of = {}
    with tempfile.TemporaryDirectory() as there:
        for name, settings in METHODS.items():
            train = weighted if name == "itemknn" else part[0]
            model = fr.Recommender(name, **settings).fit(Split("tiny", train, part[1], part[2]))
            model.save(Path(there) / name)
            if name == "bpr":
                model.fold_in({"new": ["i1", "i2"]}).save(Path(there) / FOLDED)
        for folder in sorted(Path(there).iterdir()):
            made_of[folder.name] = {file.name: file.read_bytes() for file in folder.iterdir()}
    return made_of


def loading(data: bytes, folder: Path) -> None:
    """A model folder is refused, or what it recommends is right in its form."""
    c = Choices(data)
    files = dict(c.pick(list(bases().values())))
    manifest = json.loads(files[MANIFEST])
    if c.flag():
        _replace(c, files, manifest)
    else:
        for _ in range(1 + c.below(3)):
            _change(c, files, manifest)
    check_model(c, files, manifest, folder)


def check_model(
    c: Choices, files: dict[str, bytes], manifest: dict[str, Any], folder: Path
) -> None:
    """Loads a model of these files, and of the manifest where it is not empty, and uses it."""
    where = folder / "model"
    where.mkdir(exist_ok=True)
    for left in where.iterdir():
        left.unlink()
    for name, content in files.items():
        (where / name).write_bytes(content)
    text = json.dumps(manifest).encode() if manifest else files[MANIFEST]
    (where / MANIFEST).write_bytes(text)
    _use(c, fr.Recommender.load(where), folder / "again")


def seeds() -> Iterator[bytes]:
    """Each file of each model as it is, and the start of changes."""
    for at, files in enumerate(bases().values()):
        manifest = json.loads(files[MANIFEST])
        for stem in STEMS:
            if stem in manifest["files"]:
                content = files[manifest["files"][stem]["file"]]
                yield bytes([at, 1, 0, STEMS.index(stem)]) + content
        yield bytes([at, 1, 1]) + files[MANIFEST]
        for seed in range(12):
            yield bytes([at, 0, *((seed * 41 + k * k * 7) % 256 for k in range(120))])


def _replace(c: Choices, files: dict[str, bytes], manifest: dict[str, Any]) -> None:
    """The bytes that are left, in the place of the tensors or of the manifest."""
    if c.flag():
        files[MANIFEST] = c.rest()
        manifest.clear()
    else:
        sign(c.pick(STEMS), c.rest(), files, manifest)


def _change(c: Choices, files: dict[str, bytes], manifest: dict[str, Any]) -> None:
    """One part made anew, from choices."""
    how = c.pick(("tables", "ids", "part", "manifest", "manifest"))
    if how == "tables":
        sizes = (N_USERS, N_ITEMS, 2, N_USERS + 1, N_ITEMS + 1, 1, 0, 3)
        sign("tables", _tensors(c, files, sizes), files, manifest)
    elif how == "ids":
        table = made.frame(c, ("id", "title"), c.pick((N_USERS, N_ITEMS, 0, 1, 2)))
        sign(c.pick(("users", "items")), made.stored(c, table), files, manifest)
    elif how == "part":
        sign(c.pick(STEMS[3:]), made.stored(c, _rows(c)), files, manifest)
    elif manifest:
        _edit(c, manifest)


def _tensors(c: Choices, files: dict[str, bytes], sizes: tuple[int, ...]) -> bytes:
    """Strange tensors, or those of the model with a few numbers that are."""
    old = next((files[name] for name in files if name.startswith("tables")), b"")
    if c.flag(3) or len(old) < 16:
        names = [c.pick(TENSORS) for _ in range(1 + c.below(4))]
        return made.safetensors(c, names, sizes)
    start = 8 + int.from_bytes(old[:8], "little")
    content = bytearray(old)
    for _ in range(1 + c.below(4)):
        words = max((len(old) - start) // 4, 1)
        at = start + 4 * c.below(min(words, 65536))
        content[at : at + 4] = c.pick(_WORDS)
    return bytes(content)


def _rows(c: Choices) -> pl.DataFrame:
    """Pairs of row numbers, of which most are in range."""
    n = c.below(12)
    kinds = (pl.Int64, pl.Int32, pl.UInt32) if c.flag() else made.DTYPES
    if c.flag():
        numbers = {"user_row": N_USERS, "item_row": N_ITEMS}
        columns = [
            pl.Series(name, [c.below(end + c.flag(8)) for _ in range(n)], dtype=pl.Int32)
            for name, end in numbers.items()
        ]
    else:
        columns = [made.column(c, name, n, kinds) for name in ("user_row", "item_row")]
    if c.flag():
        columns.append(made.column(c, "weight", n, (pl.Float32, pl.Float64, pl.Int64, pl.String)))
    return pl.DataFrame(columns)


def _edit(c: Choices, manifest: dict[str, Any]) -> None:
    """A value, a key or an entry of the manifest changed."""
    holder: Any = manifest
    key: Any = c.pick(list(manifest))
    while isinstance(holder[key], dict | list) and holder[key] and not c.flag(4):
        holder = holder[key]
        key = c.pick(list(holder)) if isinstance(holder, dict) else c.below(len(holder))
    how = c.pick(("set", "set", "delete", "add"))
    if how == "set":
        holder[key] = copy.deepcopy(c.pick(VALUES))
    elif how == "delete":
        del holder[key]
    elif isinstance(holder, dict):
        holder[c.pick(KEYS)] = copy.deepcopy(c.pick(VALUES))


def sign(stem: str, content: bytes, files: dict[str, bytes], manifest: dict[str, Any]) -> None:
    """Puts a file into a model and makes the manifest say so."""
    entries = manifest.get("files")
    if not isinstance(entries, dict):
        return
    name = f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}.x"
    files[name] = content
    digest = hashlib.sha256(content).hexdigest()
    entries[stem] = {"file": name, "sha256": digest, "bytes": len(content)}


def _use(c: Choices, model: fr.Recommender, again: Path) -> None:
    """Asks a model that was loaded for everything that it can be asked for."""
    check(model.train)
    users, items = model.users.values.to_list(), model.items.values.to_list()
    _try(lambda: _check_lists(model, model.recommend(None, 3), 3))
    _try(lambda: _check_lists(model, model.recommend(users[:2], 50, include_untrained=True), 50))
    k = 1 + c.below(6)
    _try(lambda: _check_lists(model, model.recommend(["u1", "no"], k, strict=False), k))
    _try(lambda: model.similar_items(items[:3], k))
    _try(lambda: model.evaluate(k=k))
    _try(lambda: model.spectrum())
    _try(lambda: model.fold_in({"new": items[:2]}).recommend(["new"], k))
    assert repr(model)
    assert model._repr_html_()
    if c.flag(4):
        model.save(again)
        assert fr.Recommender.load(again).users == model.users


def _try(work: Any) -> None:
    with contextlib.suppress(FullrankError):
        work()


def _check_lists(model: fr.Recommender, lists: pl.DataFrame, k: int) -> None:
    """Known items, finite scores, ranks from 1 without a gap, nothing that the user has."""
    assert lists["rank"].is_between(1, k).all()
    assert np.isfinite(lists["score"].to_numpy()).all()
    assert (model.items.find(lists["item_id"]) >= 0).all()
    assert not lists.select("user_id", "item_id").is_duplicated().any()
    train = set(model.train.to_frame().select("user_id", "item_id").iter_rows())
    assert train.isdisjoint(lists.select("user_id", "item_id").iter_rows())


_SIDES = (("u", N_USERS), ("i", N_ITEMS))
_WORDS = (
    *(b"\x00\x00\xc0\x7f", b"\x00\x00\x80\x7f", b"\xff\xff\x7f\x7f", b"\x00\x00\x80\xff"),
    *(b"\xff\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x01\x00\x00\x00", b"\x00\x00\x00\x80"),
    *(b"\x00\x00\x80\x3f", b"\x00\x00\x80\xbf", b"\x05\x00\x00\x00", b"\x00\x00\x00\x00"),
)
