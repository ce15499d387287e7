"""Filters on the attributes of items: the types of an expression are checked, then it is computed.

A comparison with an attribute that an item does not have is neither true nor false, nor is its
opposite; an item passes where the whole is true. A list compares as true where one of its parts
does, so ``categories != 'a'`` means that no part is ``'a'``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.data.attributes import KINDS
from fullrank.errors import SettingError
from fullrank.rules.expression import Node, Not, Test, Token, Value, fault, parsed
from fullrank.settings import nearest

_KINDS = {str(dtype): kind for kind, dtype in KINDS.items()}
_SAID = {"text": "text", "number": "numbers", "flag": "true or false", "list": "lists of text"}
_VALUES: dict[str, type] = {"text": str, "list": str, "number": float, "flag": bool}
_COMPARE: dict[str, Callable[[pl.Expr, Any], pl.Expr]] = {
    "=": lambda column, value: column == value,
    "!=": lambda column, value: column != value,
    "<": lambda column, value: column < value,
    "<=": lambda column, value: column <= value,
    ">": lambda column, value: column > value,
    ">=": lambda column, value: column >= value,
}


def passing(where: str, attributes: pl.DataFrame | None) -> NDArray[np.bool_]:
    """(n_items,) which items an expression is true of.

    Raises:
        SettingError: it does not follow the grammar, names an attribute that there is not, or
            compares one with a value of another type; the message names the character.
    """
    tree = parsed(where)
    table = pl.DataFrame() if attributes is None else attributes
    expression = _expression(tree, {name: _KINDS[str(t)] for name, t in table.schema.items()})
    found = table.select(expression.fill_null(False).alias("passes"))["passes"]
    return np.array(found.to_numpy(), dtype=np.bool_)


def unknown_attribute(where: str, name: str, known: list[str]) -> SettingError:
    """The error for the name of an attribute that the items of a model do not have."""
    if not known:
        expected = "a model whose items have attributes (fit --items, or with_items)"
        return SettingError(where, f"the attribute {name!r}, and none known of the items", expected)
    return SettingError(where, f"no attribute {name!r}", nearest(name, known))


def _expression(node: Node, kinds: dict[str, str]) -> pl.Expr:
    if isinstance(node, Test):
        return _test(node, kinds)
    if isinstance(node, Not):
        return ~_expression(node.part, kinds)
    parts = [_expression(part, kinds) for part in node.parts]
    return pl.all_horizontal(parts) if node.how == "and" else pl.any_horizontal(parts)


def _test(test: Test, kinds: dict[str, str]) -> pl.Expr:
    name = test.name.text
    if name not in kinds:
        raise unknown_attribute(f"rules, where, character {test.name.at}", name, list(kinds))
    kind, column = kinds[name], pl.col(name)
    if test.how == "null":
        return column.is_null()
    if test.how == "true":
        if kind != "flag":
            expected = f"a comparison: {name} is {_SAID[kind]}"
            raise fault(test.name.at, f"{name!r} alone", expected)
        return column
    values = [_checked(value, at, test.name, kind) for value, at in test.values]
    if test.how in ("<", "<=", ">", ">=") and kind in ("list", "flag"):
        expected = f"=, != or in: {name} is {_SAID[kind]}"
        raise fault(test.name.at, f"{name} {test.how}", expected)
    if kind == "list":
        among = pl.any_horizontal([column.list.contains(pl.lit(value)) for value in values])
        return ~among if test.how == "!=" else among
    if test.how == "in":
        return column.is_in(values)
    return _COMPARE[test.how](column, pl.lit(values[0]))


def _checked(value: Value, at: int, name: Token, kind: str) -> Value:
    if type(value) is not _VALUES[kind]:
        shown = str(value).lower() if isinstance(value, bool) else repr(value)
        raise fault(at, f"{name.text} compared with {shown}", f"{_SAID[kind]}, as {name.text} is")
    return value
