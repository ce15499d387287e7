"""Filters: the grammar, three-valued truth against plain Python, and faults with their place."""

from __future__ import annotations

import itertools
import random
from contextlib import suppress

import polars as pl
import pytest

from fullrank import SettingError
from fullrank.rules.expression import DEEPEST, LONGEST
from fullrank.rules.filtering import passing

ROWS = [
    {"price": price, "brand": brand, "available": available, "categories": categories}
    for price, brand, available, categories in itertools.product(
        (None, 5.0, 20.0), (None, "x", "it's"), (None, True, False), (None, [], ["a"], ["a", "b"])
    )
]
TABLE = pl.DataFrame(
    ROWS,
    schema={
        "price": pl.Float64,
        "brand": pl.String,
        "available": pl.Boolean,
        "categories": pl.List(pl.String),
    },
)


def nothing(test):
    """SQL's: of a missing value nothing is known."""
    return lambda row, name: None if row[name] is None else test(row[name])


TESTS = {
    "price < 20": ("price", nothing(lambda v: v < 20)),
    "price > 5": ("price", nothing(lambda v: v > 5)),
    "price <= 5": ("price", nothing(lambda v: v <= 5)),
    "price >= 20": ("price", nothing(lambda v: v >= 20)),
    "price >= -5": ("price", nothing(lambda v: v >= -5)),
    "price != 5e0": ("price", nothing(lambda v: v != 5)),
    "price in (1, 20)": ("price", nothing(lambda v: v in (1, 20))),
    "price is null": ("price", lambda row, name: row[name] is None),
    "price IS NOT NULL": ("price", lambda row, name: row[name] is not None),
    "brand = 'it''s'": ("brand", nothing(lambda v: v == "it's")),
    "\"brand\" not in ('x', 'y')": ("brand", nothing(lambda v: v not in ("x", "y"))),
    "brand > 'j'": ("brand", nothing(lambda v: v > "j")),
    "available": ("available", nothing(lambda v: v)),
    "available = false": ("available", nothing(lambda v: not v)),
    "categories = 'b'": ("categories", nothing(lambda v: "b" in v)),
    "categories <> 'a'": ("categories", nothing(lambda v: "a" not in v)),
    "categories in ('b', 'c')": ("categories", nothing(lambda v: bool({"b", "c"} & set(v)))),
}


def test_each_comparison():
    for text, (name, test) in TESTS.items():
        wanted = [test(row, name) is True for row in ROWS]
        assert passing(text, TABLE).tolist() == wanted, text
        assert 0 < sum(wanted) < len(ROWS)


def truth(tree, row):
    """Kleene's: unknown unless the other parts decide."""
    if isinstance(tree, str):
        name, test = TESTS[tree]
        return test(row, name)
    how, *parts = tree
    values = [truth(part, row) for part in parts]
    if how == "not":
        return None if values[0] is None else not values[0]
    decides = how == "or"
    if decides in values:
        return decides
    return None if None in values else not decides


def written(tree) -> str:
    if isinstance(tree, str):
        return tree
    how, *parts = tree
    if how == "not":
        return f"not ({written(parts[0])})"
    return "(" + f" {how} ".join(written(part) for part in parts) + ")"


def grown(rng: random.Random, depth: int):
    if not depth or rng.random() < 0.2:
        return rng.choice(list(TESTS))
    how = rng.choice(["not", "and", "or"])
    count = 1 if how == "not" else rng.randint(2, 3)
    return (how, *(grown(rng, depth - 1) for _ in range(count)))


@pytest.mark.parametrize("seed", range(60))
def test_expressions_are_true_where_python_says_so(seed):
    tree = grown(random.Random(seed), 3)
    wanted = [truth(tree, row) is True for row in ROWS]
    assert passing(written(tree), TABLE).tolist() == wanted


def test_and_binds_more_than_or_and_not_most():
    a, b, c = "price < 20", "available", "categories = 'b'"
    for text, tree in (
        (f"{a} or {b} and {c}", ("or", a, ("and", b, c))),
        (f"not {a} and {b}", ("and", ("not", a), b)),
        (f"not {a} or {b}", ("or", ("not", a), b)),
    ):
        assert passing(text, TABLE).tolist() == [truth(tree, row) is True for row in ROWS]


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        ("", 1, ["the end", "attribute"]),
        ("price <", 8, ["the end", "value"]),
        ("price < 3 4", 11, ["'4'", "the end"]),
        ("(price < 3", 11, ["the end", "')'"]),
        ("price in 3", 10, ["'3'", "'('"]),
        ("price in ()", 11, ["')'", "value"]),
        ("price not 3", 11, ["'3'", "'in'"]),
        ("price is 3", 10, ["'3'", "'null'"]),
        ("brand = 'x", 9, ["not closed"]),
        ('"brand = 1', 1, ["not closed"]),
        ("brand = x", 9, ["'x'", "value"]),
        ("price ; 3", 7, ["';'"]),
        ("3 < price", 1, ["'3'", "attribute"]),
        ("brnd = 'x'", 1, ["no attribute 'brnd'", "'brand'"]),
        ("price = '3'", 9, ["'3'", "numbers"]),
        ("available = 1", 13, ["1.0", "true or false"]),
        ("price = true", 9, ["true", "numbers"]),
        ("brand in ('x', 2)", 16, ["2.0", "text"]),
        ("categories < 'x'", 1, ["lists of text"]),
        ("available > true", 1, ["true or false"]),
        ("brand and available", 1, ["alone", "text"]),
        ("price < __import__('os')", 9, ["'__import__'"]),
        ("not " * (DEEPEST + 1) + "available", DEEPEST * 4 + 1, ["inside one another"]),
        ("(" * 5000, DEEPEST + 1, ["inside one another"]),
    ],
)
def test_a_fault_is_one_line_with_its_place(text, at, words):
    with pytest.raises(SettingError) as caught:
        passing(text, TABLE)
    assert caught.value.where == f"rules, where, character {at}"
    for word in words:
        assert word in str(caught.value)


def test_long_texts():
    beside = " and ".join(["(not (not available))"] * 60)
    assert passing(beside, TABLE).tolist() == passing("available", TABLE).tolist()
    many = " or ".join(["available"] * 700)
    assert passing(many, TABLE).tolist() == passing("available", TABLE).tolist()
    whole = "available" + " " * (LONGEST - len("available"))
    assert passing(whole, TABLE).tolist() == passing("available", TABLE).tolist()
    with pytest.raises(SettingError, match="characters"):
        passing(whole + " ", TABLE)


@pytest.mark.parametrize("seed", range(200))
def test_any_text_is_an_expression_or_one_line(seed):
    rng = random.Random(seed)
    words = ["price", "brand", "and", "or", "not", "in", "(", ")", ",", "'x'", "3", "<", "=", "is"]
    words += ["null", '"', "'", "\0", "é", "-", "true", "available", "."]
    with suppress(SettingError):
        assert len(passing(" ".join(rng.choices(words, k=rng.randint(1, 9))), TABLE)) == len(ROWS)
