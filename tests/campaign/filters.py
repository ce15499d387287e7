"""Random filters as trees: written as the language has them, and true or not by plain Python."""

from __future__ import annotations

import random
from typing import Any

Tree = tuple[Any, ...]
"""``("and", *trees)``, ``("or", *trees)``, ``("not", tree)``, ``("test", name, how, values)``."""
KINDS = {
    "price": "number",
    "brand": "text",
    "available": "flag",
    "categories": "list",
    "ü x": "text",
}
VALUES: dict[str, tuple[Any, ...]] = {
    "number": (0.0, 5.0, -1.0, 12.5, 1e300, 30.0),
    "text": ("acme", "it's", 'say "x"', "é", "", "; drop table", "b"),
    "flag": (True, False),
    "list": ("a", "b", "c", "é|", "", "zz"),
}
HOWS = {
    "number": ("=", "!=", "<", "<=", ">", ">=", "in", "null"),
    "text": ("=", "!=", "<", "<=", ">", ">=", "in", "null"),
    "flag": ("=", "!=", "in", "null", "true"),
    "list": ("=", "!=", "in", "null"),
}


def grown(rng: random.Random, depth: int) -> Tree:
    """A random tree."""
    if not depth or rng.random() < 0.3:
        name = rng.choice(list(KINDS))
        how, own = rng.choice(HOWS[KINDS[name]]), VALUES[KINDS[name]]
        count = 0 if how in ("null", "true") else rng.randint(1, 3) if how == "in" else 1
        return ("test", name, how, tuple(rng.choice(own) for _ in range(count)))
    how = rng.choice(("not", "and", "or"))
    parts = 1 if how == "not" else rng.randint(2, 3)
    return (how, *(grown(rng, depth - 1) for _ in range(parts)))


def written(tree: Tree, rng: random.Random) -> str:
    """The text of a tree; blanks, case and quotes as they may be."""
    gap = rng.choice((" ", " ", "\n", "\t ", " "))
    if tree[0] == "test":
        return _test(tree, rng, gap)
    case = rng.choice((str.lower, str.upper, str.title))
    if tree[0] == "not":
        return f"{case('not')}{gap}({written(tree[1], rng)})"
    return "(" + f"{gap}{case(tree[0])}{gap}".join(written(part, rng) for part in tree[1:]) + ")"


def _test(tree: Tree, rng: random.Random, gap: str) -> str:
    _, name, how, values = tree
    if not name.isidentifier() or rng.random() < 0.2:
        name = f'"{name}"'
    if how == "true":
        return str(name)
    if how == "null":
        return f"{name} is{gap}null"
    if how == "in":
        return f"{name}{gap}in{gap}({', '.join(map(value, values))})"
    sign = "<>" if how == "!=" and rng.random() < 0.5 else how
    between = rng.choice(("", " "))
    return f"{name}{between}{sign}{between}{value(values[0])}"


def value(each: Any) -> str:
    """A value as the language has it."""
    if isinstance(each, bool):
        return str(each).lower()
    return repr(each) if isinstance(each, float) else "'" + each.replace("'", "''") + "'"


def truth(tree: Tree, row: dict[str, Any]) -> bool | None:
    """Kleene's: unknown where an attribute is missing, unless the other parts decide."""
    if tree[0] == "test":
        return _true(row[tree[1]], tree[2], tree[3])
    parts = [truth(part, row) for part in tree[1:]]
    if tree[0] == "not":
        return None if parts[0] is None else not parts[0]
    decides = tree[0] == "or"
    if decides in parts:
        return decides
    return None if None in parts else not decides


def _true(own: Any, how: str, values: tuple[Any, ...]) -> bool | None:
    if how == "null":
        return own is None
    if own is None:
        return None
    if isinstance(own, list):
        found = any(each in own for each in values)
        return not found if how == "!=" else found
    if how == "in":
        return own in values
    first = values[0] if values else True
    return bool({
        "=": own == first, "!=": own != first, "true": own is True,
        "<": own < first, "<=": own <= first, ">": own > first, ">=": own >= first,
    }[how])  # fmt: skip


def tree_of(node: Any) -> Tree:
    """The tree that the package's parser made, as one of these."""
    if hasattr(node, "name"):
        return ("test", node.name.text, node.how, tuple(each for each, _ in node.values))
    if hasattr(node, "parts"):
        return (node.how, *(tree_of(part) for part in node.parts))
    return ("not", tree_of(node.part))
