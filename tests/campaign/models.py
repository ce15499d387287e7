"""Mutated model folders: refused in one line, or a model whose every answer is right.

Half of them damage files as they are, which the checksums must notice. The others change a file or
the manifest and make name, size and checksum right again, as a stranger's program would.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from batches import Case, Wrong
from batches import run as run_batches
from children import call
from common import Setting, Tally, events, remove
from mutations import odd_json, odd_tensors, often_damaged

CASES = 5200
SIGNED = 0.6
"""Part of the cases with checksums made right."""
MODELS: dict[str, dict[str, Any]] = {
    "bpr": {"dim": 8, "epochs": 2, "batch_size": 32},
    "directspec+": {"dim": 8, "epochs": 2, "batch_size": 32},
    "itemknn": {},
    "ease": {},
    "spectral": {"rank": 6},
    "popularity": {},
}
"""Methods whose folders hold every kind of scorer, with small settings."""
FORMAT = b'"format": 2'
WHOLE_MANIFESTS: tuple[Callable[[bytes], bytes], ...] = (
    lambda text: b"[" * 100_000 + b"]" * 100_000,
    lambda text: b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    *(
        lambda text, new=new: new
        for new in (b"", b"null", b"[]", b"{}", b"1", b'"x"', b"\x00" * 5000)
    ),
    lambda text: b"\xef\xbb\xbf" + text,
    lambda text: text.decode().encode("utf-16"),
    lambda text: text + text,
    lambda text: text[:-3],
    lambda text: b" " * 5_000_000 + text,
    lambda text: text.replace(b"{", b'{"files": {}, ', 1),
    *(
        lambda text, new=new: text.replace(FORMAT, b'"format": ' + new)
        for new in (b"1", b"3", b"2.0", b"true", b"[[1]]", b"1" + b"0" * 5000, b"NaN")
    ),
)
"""Manifests that are another text as a whole."""
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where a table is written for a moment."""
LINKS = ("/dev/zero", "/dev/null", "/etc/passwd", "/nowhere", ".", "itself", "a folder", "a pipe")
"""What stands in the place of a file of the model."""
SIGNED_KINDS = [*["json"] * 3, *["tensors"] * 3, *["table"] * 3, "bytes"]
UNSIGNED_KINDS = [*["bytes"] * 3, "missing", "swap", "other", "link", "link", "whole", "empty"]
Files = dict[str, bytes]


def write_bases(folder: Path) -> None:
    """A small model of each kind."""
    import fullrank as fr

    split = fr.load(events(folder / "events.csv", rows=420))
    for method, settings in MODELS.items():
        fr.Recommender(method, **settings).fit(split).save(folder / method)


def odd_table(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """Another table in the place of a model's: rows out of range, ids twice, other types."""
    import polars as pl

    from fullrank.data.stored_tables import read_table, write_table

    with tempfile.NamedTemporaryFile(dir=MEMORY) as file:
        Path(file.name).write_bytes(data)
        frame = read_table(Path(file.name))
    column = rng.choice(frame.columns)
    values, n = frame[column], len(frame)
    at, whole = rng.randrange(n), values.dtype.is_integer()
    one: dict[str, Any] = {
        "high": 10**6 if whole else "zz",
        "negative": -1 if whole else "",
        "huge": 2**31 - 1 if whole else "z" * 10**6,
        "null": None,
        "twice": values[0],
    }
    columns: dict[str, list[Any]] = {
        "text": [str(each) for each in values],
        "float": [float(each) for each in range(n)],
        "nan": [float("nan")] * n,
        "int64": [2**40 + each for each in range(n)],
    }
    frames: dict[str, Callable[[], pl.DataFrame]] = {
        "empty": frame.clear,
        "short": lambda: frame.head(at),
        "long": lambda: pl.concat([frame, frame]),
        "drop": lambda: frame.drop(column),
        "extra": lambda: frame.with_columns(extra=pl.lit(1)),
        "shuffled": lambda: frame.sample(fraction=1, shuffle=True, seed=rng.randrange(1000)),
        "reversed": frame.reverse,
    }
    how = rng.choice([*one, *columns, *frames])
    if how in one:
        changed = [*values[:at], one[how], *values[at + 1 :]]
        frame = frame.with_columns(pl.Series(column, changed, dtype=values.dtype))
    elif how in columns:
        frame = frame.with_columns(pl.Series(column, columns[how]))
    else:
        frame = frames[how]()
    with tempfile.NamedTemporaryFile(dir=MEMORY) as file:
        write_table(Path(file.name), frame)
        return Path(file.name).read_bytes(), f"{how} in column {column}"


def signed(files: Files, rng: random.Random) -> str:
    """Changes a file or the manifest, with checksums made right."""
    manifest = json.loads(files["manifest.json"])
    how = rng.choice(SIGNED_KINDS)
    if how == "json":
        manifest, did = odd_json(manifest, rng)
    else:
        names = [name for name in manifest["files"] if how != "table" or name != "tables"]
        name = rng.choice(["tables", *names] if how == "tensors" else names)
        entry = manifest["files"][name]
        data = files[entry["file"]]
        if how == "tensors":
            data, did = odd_tensors(data, rng)
        elif how == "table":
            data, did = odd_table(data, rng)
        else:
            data, did = often_damaged(data, rng, list(files.values()))
        files[entry["file"]] = data
        entry["sha256"], entry["bytes"] = hashlib.sha256(data).hexdigest(), len(data)
        did = f"{name}: {did}"
    files["manifest.json"] = json.dumps(manifest).encode("utf-8", "surrogatepass")
    return did


def unsigned(files: Files, bases: dict[str, Files], rng: random.Random) -> tuple[str, str, str]:
    """Damages a file as it is: its name, what stands in its place if no file, what was done."""
    how = rng.choice(UNSIGNED_KINDS)
    name = rng.choice([each for each in files if each != "log.jsonl"])
    place, did = "", ""
    if how == "bytes":
        files[name], did = often_damaged(files[name], rng, list(files.values()))
    elif how == "missing":
        del files[name]
    elif how == "swap":
        did = rng.choice(list(files))
        files[name], files[did] = files[did], files[name]
    elif how == "other":
        of_model = bases[rng.choice(list(bases))]
        alike = [each for each in of_model if each.split("-")[0] == name.split("-")[0]]
        files.update({name: of_model[alike[0]]} if alike else {})
    elif how == "link":
        did = place = rng.choice(LINKS)
    elif how == "whole":
        name = "manifest.json"
        files[name] = rng.choice(WHOLE_MANIFESTS)(files[name])
    else:
        files[name] = b""
    return name, place, f"{how} {did}"


def stand_in(path: Path, place: str) -> None:
    """Puts a link, a folder or a pipe in the place of a file."""
    path.unlink()
    if place == "a folder":
        path.mkdir()
    elif place == "a pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path if place == "itself" else place)


def make(setting: Setting, bases: dict[str, Files], number: int, folder: Path) -> Path:
    """Writes the model folder of a case; beside it, what was done and what must be as before."""
    rng = setting.rng("models", number)
    method = rng.choice(list(MODELS))
    files, name, place = dict(bases[method]), "", ""
    whole = rng.random() < SIGNED
    if whole:
        did = signed(files, rng)
    else:
        name, place, did = unsigned(files, bases, rng)
    path = folder / "model"
    path.mkdir()
    for each, data in files.items():
        (path / each).write_bytes(data)
    if place:
        stand_in(path / name, place)
    known = {"method": method, "did": did, "signed": whole, "same": name != "manifest.json"}
    (folder / "what.json").write_text(json.dumps(known), encoding="utf-8")
    return path


def answers(model: Any) -> str:
    """Asks a model for everything that it can do; its lists, as text.

    Raises:
        Wrong: a score that is not finite, an item that its user has, an item twice, one unknown.
    """
    import numpy as np

    from fullrank.errors import FullrankError

    users, items = model.users.values.to_list(), set(model.items.values.to_list())
    seen = {(row["user_id"], row["item_id"]) for row in model.train.to_frame().to_dicts()}
    text = ""
    with suppress(FullrankError):
        frame = model.recommend(None, 5)
        text = frame.write_csv()
        if not np.isfinite(frame["score"].to_numpy()).all():
            raise Wrong("scores that are not finite")
        pairs = list(zip(frame["user_id"], frame["item_id"], strict=True))
        if len(set(pairs)) != len(pairs) or seen.intersection(pairs):
            raise Wrong("an item twice in a list, or one that its user has")
        if not {item for _, item in pairs} <= items:
            raise Wrong("an item that the model does not have")
    few = model.items.values.to_list()[:3]
    for ask in (
        lambda: model.recommend(users[:3], 5),
        lambda: model.similar_items(few, 3),
        lambda: model.evaluate(k=5),
        model.spectrum,
        lambda: model.fold_in({"new": few}).recommend(["new"], 3),
    ):
        with suppress(FullrankError):
            ask()
    return text


def attempt(bases: Path, path: Path) -> str:
    """Loads a folder and asks it for everything; what was only damaged must answer as before."""
    import fullrank as fr
    from fullrank.errors import FullrankError

    try:
        model = fr.Recommender.load(path)
    except FullrankError as error:
        if "\n" in str(error).strip():
            raise Wrong(f"more than one line: {error}") from None
        return "refused"
    text = answers(model)
    with suppress(FullrankError):
        model.save(path.with_name("saved"))
    remove(path.with_name("saved"))
    known = json.loads(path.with_name("what.json").read_text(encoding="utf-8"))
    if known["same"] and not known["signed"]:
        wanted = (bases / f"{known['method']}.csv").read_text(encoding="utf-8")
        if text != wanted:
            raise Wrong(f"damaged ({known['did']}), and answers otherwise than before")
    return "read"


def run(setting: Setting) -> Tally:
    """Model folders, damaged or made by a stranger."""
    folder = setting.work / "bases"
    folder.mkdir()

    def make_bases() -> None:
        import fullrank as fr

        write_bases(folder)
        for method in MODELS:
            text = answers(fr.Recommender.load(folder / method))
            (folder / f"{method}.csv").write_text(text, encoding="utf-8")

    done = call(make_bases)
    assert done.code == 0, done.err
    bases = {
        method: {path.name: path.read_bytes() for path in sorted((folder / method).iterdir())}
        for method in MODELS
    }
    cases = [
        Case("model", partial(make, setting, bases, number))
        for number in range(setting.count(CASES))
    ]
    tally = Tally("mutated model folders")
    return run_batches(setting, tally, cases, partial(attempt, folder))
