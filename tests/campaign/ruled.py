"""Files of rules, whole or damaged: the lists of the naive loops, or one clear line."""

from __future__ import annotations

import json
import sys
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "rules"))

from batches import Case, Wrong
from batches import run as run_batches
from children import call
from common import Setting, Tally
from filters import Tree, tree_of, truth
from rule_files import make, write_bases
from ruled_loops import World, one_list
from sources import refused, said

CASES = 1200
CLOSE = 1e-4
"""Scores that are nearer to one another may stand in any order: some are of single precision."""


def attempt(bases: Path, folder: Path) -> str:
    """``fullrank recommend --rules`` for some users."""
    case = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    known = json.loads((bases / f"{case['model']}.json").read_text(encoding="utf-8"))
    users = [known["users"][row] for row in case["users"]]
    words: list[object] = ["recommend", bases / case["model"], "--json", "-k", case["k"]]
    words += [word for user in users for word in ("--user", user)]
    rules = folder / "rules.json"
    code, printed, err = said([*words, "--rules", rules, *case["words"]])
    lines = err.splitlines()
    if code == 2 and err.startswith("Usage: ") and case["words"]:
        return "refused"
    notes = [each for each in lines if not each.startswith("error: ")]
    if any("passed over" not in each and "lists" not in each for each in notes):
        raise Wrong(f"prints {notes[0][:200]}")
    no = refused(code, "\n".join(each for each in lines if each not in notes))
    if no and not case["whole"]:
        return "refused"
    from fullrank.rules import Rules

    tree = case["tree"] if case["whole"] else None
    asked = dict(zip(case["words"][::2], case["words"][1::2], strict=False))
    try:
        read = Rules.read(rules)
    except Exception as error:
        raise Wrong(f"refused: {error}"[:300]) from None
    where = asked.get("--where", read.where)
    if not case["whole"] and where is not None:
        from fullrank.rules.expression import parsed

        tree = tree_of(parsed(where))
    if "--at-most" in asked:
        name, _, most = asked["--at-most"].rpartition("=")
        read = read.replace(at_most={name: int(most)})
    k = int(asked.get("-k", case["k"]))
    wanted = lists(known, read, tree, case["users"], min(k, len(known["items"])))
    if no:
        if wanted is None:
            return "refused"
        raise Wrong(f"refused: {err[-300:]}")
    if wanted is None:
        raise Wrong("lists, where the rules leave no item")
    judge(json.loads(printed)["recommendations"], users, wanted, known, read)
    return "read"


def lists(
    known: dict[str, Any], rules: Any, tree: Tree | None, rows: list[int], k: int
) -> dict[str, list[str]] | None:
    """What each user gets by the naive loops; None where nobody may get anything."""
    import numpy as np
    import polars as pl

    from fullrank.rules.draws import keys_of

    fields = ("scores", "popularity", "history", "attributes", "alike")
    items, n = known["items"], len(known["items"])
    every = np.tile(np.arange(n, dtype=np.int32), (len(known["users"]), 1))
    keys = keys_of(rules.seed, pl.Series(known["users"]), every).tolist()
    users = pl.Series(known["users"])
    parts = keys_of(rules.seed, users, np.full((len(users), 1), -1))[:, 0].tolist()
    world = World(*(known[name] for name in fields), keys, parts)
    left = []
    for row, item in enumerate(items):
        own = {name: values[row] for name, values in world.attributes.items()}
        fits = rules.allow is None or item in rules.allow
        fits &= rules.deny is None or item not in rules.deny
        if fits and (tree is None or truth(tree, own) is True):
            left.append(row)
    if not left:
        return None
    made = {}
    for row in rows:
        user = known["users"][row]
        mine = [item for item in left if item not in world.history[row] and world.popularity[item]]
        for own, wanted in ((rules.allow_per_user, True), (rules.deny_per_user, False)):
            named = None if own is None else own.to_dict().get(user)
            if named is not None:
                mine = [item for item in mine if (items[item] in named) is wanted]
        made[user] = [items[item] for item in one_list(world, rules, row, mine, k)]
    return made


def judge(
    rows: list[dict[str, Any]],
    users: list[str],
    wanted: dict[str, list[str]],
    known: dict[str, Any],
    rules: Any,
) -> None:
    """Whether the lists are those of the loops, but for scores that are all but equal."""
    for user in users:
        mine = [row for row in rows if row["user_id"] == user]
        if [row["rank"] for row in mine] != list(range(1, len(mine) + 1)):
            raise Wrong(f"ranks {[row['rank'] for row in mine]} of {user}")
        got = [row["item_id"] for row in mine]
        if got == wanted[user]:
            continue
        damped = rules.popularity_damping and not rules.by_slot
        if damped and len(got) == len(wanted[user]):
            own = {row["item_id"]: row["score"] for row in mine}
            scores = [
                own.get(item, own[mine_]) for item, mine_ in zip(wanted[user], got, strict=True)
            ]
            if all(abs(a - own[b]) < CLOSE for a, b in zip(scores, got, strict=True)):
                continue
        raise Wrong(f"{user} gets {got}; expected {wanted[user]}")


def run(setting: Setting) -> Tally:
    """Files of rules."""
    bases = setting.work / "bases"
    bases.mkdir()
    done = call(lambda: write_bases(bases))  # in a child, for it starts threads
    assert done.code == 0, done.err
    cases = [
        Case("rules", partial(make, setting, number)) for number in range(setting.count(CASES))
    ]
    return run_batches(setting, Tally("rules"), cases, partial(attempt, bases))
