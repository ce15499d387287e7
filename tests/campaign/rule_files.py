"""Random files of rules, damage to them, and the models that they are for."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common import Setting, events
from filters import KINDS, VALUES, Tree, grown, value, written
from mutations import odd_json, often_damaged

WHOLE = 0.45
"""Part of the cases without damage."""
USERS, ITEMS = 30, 24
SHARES = ("diversity", "calibration", "exploration")
MODELS: dict[str, dict[str, Any]] = {
    "bpr": {"dim": 8, "epochs": 2, "batch_size": 32},
    "itemknn": {},
}
WORDS = (
    *(
        "price",
        "brand",
        "and",
        "or",
        "not",
        "in",
        "(",
        ")",
        ",",
        "'x'",
        "3",
        "<",
        "=",
        "is",
        "null",
    ),
    *(
        '"',
        "'",
        "é",
        "-",
        "true",
        "available",
        ".",
        "categories",
        "1e309",
        "'a'",
        "--",
        ";",
        "*",
        "%",
    ),
    *(
        "union",
        "select",
        "/*",
        "\u2028",
        "\x00",
        "+5",
        ".5",
        "1.",
        "0x10",
        "<>",
        "!",
        "\ud800",
        "ü",
    ),
)
TEXTS = (
    "available; drop table items", "1 = 1", "price = price", "price < (select 1)", "price like '%'",
    "brand = 'x' or '1' = '1", "price between 1 and 2", "__import__('os').system('true')",
    "pl.col('price')", "brand = 'x' -- ", "price is", "not", "not not not available", "()", "(((",
    "(" * 51 + "available" + ")" * 51, "not " * 60 + "available", "(" * 9_000, "price < nan",
    "price < 1e400", "price < -1e400", "price = 9" + "9" * 400, "brand = '" + "x" * 9_000 + "'",
    " or ".join(["available"] * 900), "price in (" + "1," * 3_000 + "1)", "a" * 10_001,
    "a" * 1_000_000,
    "categories < 'a'", "available = 1", "brand", "price = '3'", "nothing = 1",
    '"" = 1', "price=1 2",
)  # fmt: skip
DOCUMENTS = (
    b"", b"null", b"[]", b"1", b'"x"', b"{}", b"{", b"[" * 100_000 + b"]" * 100_000, b"NaN",
    b'{"a":' * 50_000 + b"1" + b"}" * 50_000, b'{"deny": ["i1"], "deny": ["i2"]}', b"\xff\xfe{}",
    b"\xef\xbb\xbf{}", b'{"diversity": NaN}', b'{"diversity": Infinity}', b'{"pool": 1e5}',
    b'{"seed": 1' + b"0" * 5000 + b"}", b'{"seed": 9223372036854775808}', b'{"pool": true}',
    b'{"exploration": "0.5"}', b'{"at_most": {"categories": 1.5}}', b'{"at_most": {"": 1}}',
    b'{"at_most": {"brand": 0}}', b'{"at_most": ["brand"]}', b'{"deny": ["\\ud800"]}',
    b'{"deny": [null]}', b'{"deny": [true]}', b'{"deny": [1e3]}', b'{"deny": [[]]}',
    b'{"deny": {}}',
    b'{"deny": "nowhere.txt"}', b'{"deny": "/dev/zero"}', b'{"deny": "."}',
    b'{"deny": "rules.json"}',
    b'{"deny_per_user": "rules.json"}', b'{"deny_per_user": "../nowhere.csv"}', b'{"allow": []}',
    b'{"deny_per_user": {"u1": []}}', b'{"deny_per_user": {"": ["i1"]}}', b'{"deny_per_user": []}',
    b'{"deny_per_user": {"u1": "i1"}}',
    b'{"calibrate_by": "nowhere", "calibration": 0.5}',
    b'{"where": ["a"]}', b'{"__class__": 1}', b'{"bound": []}',
    b'{"deny": ["' + b"x" * 10**6 + b'"]}',
    b'{"deny": [' + b"1," * 200_000 + b"1]}", b'{"' + b"k" * 10**6 + b'": 1}', b'{"deny": ["i1",]}',
    b'{"deny": [123456789012345678901234567890]}', b'{"popularity_damping": 1e308}',
)  # fmt: skip


def write_bases(folder: Path) -> None:
    """A model of each kind with attributes, and what is known of it in JSON."""
    import numpy as np
    import polars as pl
    import torch

    import fullrank as fr
    from fullrank.rules.alike import likeness_of
    from fullrank.serving.steady import SteadyScorer

    rng = random.Random(5)
    data = fr.load(
        events(folder / "e.csv", users=USERS, items=ITEMS, rows=220), test=0, validation=0
    )
    n = len(data.train.items)
    rows = [
        {
            "id": item,
            "price": rng.choice((None, 0.0, 5.0, 12.5, 30.0, -1.0)),
            "brand": rng.choice((None, *VALUES["text"])),
            "available": rng.choice((None, True, True, False)),
            "categories": rng.choice((None, [], ["a"], ["a", "b"], ["c"], ["b", "é|"])),
            "ü x": rng.choice((None, "b", "c")),
        }
        for item in data.train.items.values
    ]
    schema = {"id": pl.String, "price": pl.Float64, "brand": pl.String, "available": pl.Boolean,
              "categories": pl.List(pl.String), "ü x": pl.String}  # fmt: skip
    for method, settings in MODELS.items():
        model = fr.Recommender(method, **settings).fit(data).with_items(pl.DataFrame(rows, schema))
        model.save(folder / method)
        users = np.arange(len(model.users))
        every = np.tile(np.arange(n, dtype=np.int32), (n, 1))
        own = np.split(model.train.item_idx, model.train.indptr[1:-1])
        world = {
            "scores": SteadyScorer(model.scorer, users).scores(torch.arange(len(users))).tolist(),
            "popularity": model._trained.popularity.tolist(),
            "history": [each.tolist() for each in own],
            "attributes": {name: [row[name] for row in rows] for name in KINDS},
            "alike": likeness_of(model._served())(np.arange(n), every).tolist(),
            "users": model.users.values.to_list(),
            "items": model.items.values.to_list(),
        }
        (folder / f"{method}.json").write_text(json.dumps(world), encoding="utf-8")


def document(rng: random.Random, folder: Path) -> tuple[dict[str, Any], Tree | None]:
    """Rules that can be, and the tree of their filter."""
    items = [f"i{row}" for row in range(ITEMS)]
    users = [f"u{row}" for row in range(USERS)]

    def some(most: int) -> list[str]:
        unknown = ["nothing", "", "i999"][: rng.choice((0, 0, 0, 1))]
        return rng.sample(items, rng.randint(1, most)) + unknown

    def by_user() -> dict[str, list[str]]:
        return {user: some(8) for user in rng.sample([*users, "nobody"], rng.randint(1, 9))}

    makers: dict[str, tuple[float, Callable[[], Any]]] = {
        "allow": (0.25, lambda: some(ITEMS)),
        "deny": (0.25, lambda: some(10)),
        "allow_per_user": (0.25, by_user),
        "deny_per_user": (0.25, by_user),
        "popularity_damping": (0.2, lambda: rng.choice((0.0, 0.3, 1, 50.0))),
        "at_most": (
            0.3,
            lambda: {name: rng.choice((1, 2, 30)) for name in rng.sample([*KINDS], 2)},
        ),
        **{name: (0.2, lambda: rng.choice((0, 0.2, 0.5, 1.0))) for name in SHARES},
        "seed": (0.2, lambda: rng.choice((0, 7, 2**63 - 1))),
        "pool": (0.3, lambda: rng.choice((1, 5, 100, 10_000))),
    }
    made = {name: one() for name, (chance, one) in makers.items() if rng.random() < chance}
    if "calibration" in made and rng.random() < 0.3:
        made["calibrate_by"] = rng.choice(list(KINDS))
    tree = grown(rng, rng.randint(0, 4)) if rng.random() < 0.5 else None
    if tree is not None:
        made["where"] = written(tree, rng)
    if rng.random() < 0.1:
        to_files(made, folder)
    return made, tree


def to_files(made: dict[str, Any], folder: Path) -> None:
    """Lists of ids in files that the rules name."""
    for name in ("allow", "deny"):
        if name in made:
            (folder / f"{name}.txt").write_text("\n".join(made[name]), encoding="utf-8")
            made[name] = f"{name}.txt"
    for name in ("allow_per_user", "deny_per_user"):
        if name in made and all(item for own in made[name].values() for item in own):
            with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                rows = [(user, item) for user, own in made[name].items() for item in own]
                csv.writer(file).writerows([("user_id", "item_id"), *rows])
            made[name] = f"{name}.csv"


def make(setting: Setting, number: int, folder: Path) -> Path:
    """Writes the rules of a case, and what is known of them."""
    rng = setting.rng("rules", number)
    made, tree = document(rng, folder)
    known: dict[str, Any] = {
        "tree": tree,
        "model": rng.choice(list(MODELS)),
        "k": rng.choice((1, 5, 10, 40)),
    }
    known |= {"users": rng.sample(range(USERS), 5), "whole": rng.random() < WHOLE, "words": []}
    text = json.dumps(made).encode()
    if not known["whole"]:
        how = rng.choice(("json", "json", "where", "where", "text", "bytes", "document", "words"))
        if how == "json":
            text = json.dumps(odd_json(made or {"deny": ["i1"]}, rng)[0]).encode()
        elif how == "bytes":
            text = often_damaged(text, rng, [text])[0]
        elif how == "document":
            text = rng.choice(DOCUMENTS)
        elif how == "words":
            known["words"] = rng.choice((
                ["--at-most", rng.choice(("brand", "brand=x", "=1", "brand=1e3", "brand=0"))],
                ["--diversity", rng.choice(("nan", "2", "-1", "inf", "x"))],
                ["--where", rng.choice(TEXTS)], ["--strict"], ["-k", "0"], ["-k", "99999999999"],
            ))  # fmt: skip
        else:
            odd = rng.choice(TEXTS) if how == "text" else spoilt(written(grown(rng, 2), rng), rng)
            text = json.dumps(made | {"where": odd}).encode()
    (folder / "rules.json").write_bytes(text)
    (folder / "case.json").write_text(json.dumps(known), encoding="utf-8")
    return folder


def spoilt(text: str, rng: random.Random) -> str:
    """A filter with words put in, taken out or in another order."""
    words = text.split(" ")
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(words))
        words[at : at + rng.randrange(2)] = [
            rng.choice((*WORDS, value(rng.choice(VALUES["text"]))))
        ]
    return rng.choice((" ", "", " ")).join(words)
