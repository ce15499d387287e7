"""The small language of filters on items' attributes: text to a tree, and nothing is evaluated.

    either     = both { "or" both }
    both       = one { "and" one }
    one        = "not" one | "(" either ")" | test
    test       = name [ compare value | ["not"] "in" "(" value { "," value } ")"
                      | "is" ["not"] "null" ]
    compare    = "=" | "!=" | "<>" | "<" | "<=" | ">" | ">="
    value      = 'text' | number | "true" | "false"
    name       = letters, digits, "_", "." and no digit first | "any name in double quotes"

Keywords in any case. A quotation mark inside quotes is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from fullrank.errors import SettingError

LONGEST = 10_000
"""Characters of an expression."""
DEEPEST = 50
"""Parentheses and ``not`` inside one another."""

Value = str | float | bool
KEYWORDS = frozenset({"and", "or", "not", "in", "is", "null", "true", "false"})
_TOKEN = re.compile(
    r"""(?P<text>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")+")|(?P<number>[-+]?(?:\d+\.?\d*|\.\d+)
    (?:[eE][-+]?\d+)?)|(?P<word>[^\W\d][\w.]*)|(?P<sign><=|>=|!=|<>|[=<>(),])""",
    re.VERBOSE,
)

_HALF = re.compile(r"[\ud800-\udfff]")
"""Half a character, as JSON's ``\\ud800`` gives it."""


@dataclass(frozen=True)
class Token:
    """A word of an expression and where it stands, from 1."""

    kind: str
    text: str
    at: int


@dataclass(frozen=True)
class Test:
    """An attribute and how it is compared: ``=``, ``!=``, ``<``.., ``in``, ``null``, ``true``.

    A bare name is the comparison ``true``.
    """

    __test__ = False  # of items, and not of pytest
    name: Token
    how: str
    values: tuple[tuple[Value, int], ...] = ()
    """With where each stands."""


@dataclass(frozen=True)
class Not:
    """The opposite."""

    part: Node


@dataclass(frozen=True)
class Several:
    """All of the parts, or any of them."""

    how: str
    """``and`` or ``or``."""
    parts: tuple[Node, ...]


Node = Test | Not | Several


def fault(at: int, found: str, expected: str) -> SettingError:
    """The error for a place in the text."""
    return SettingError(f"rules, where, character {at}", found, expected)


def parsed(text: str) -> Node:
    """The tree of an expression.

    Raises:
        SettingError: it does not follow the grammar; the message names the character.
    """
    if len(text) > LONGEST:
        raise SettingError("rules, where", f"{len(text):,} characters", f"up to {LONGEST:,}")
    return _Parser(list(_tokens(text)), len(text) + 1).whole()


def _tokens(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is not None and (half := _HALF.search(match.group())):
            raise fault(at + half.start() + 1, repr(half.group()), "whole characters")
        if match is None:
            if text[at] in "'\"":
                raise fault(at + 1, f"a quotation mark {text[at]} that is not closed", "its end")
            raise fault(at + 1, repr(text[at]), "a name, a value or a comparison")
        kind, word = str(match.lastgroup), match.group()
        if kind in ("text", "name"):
            word = word[1:-1].replace(word[0] * 2, word[0])
        elif kind == "word" and word.lower() in KEYWORDS:
            kind, word = "keyword", word.lower()
        yield Token("name" if kind == "word" else kind, word, at + 1)
        at = match.end()


class _Parser:
    def __init__(self, tokens: list[Token], end: int) -> None:
        self.tokens, self.next, self.depth = tokens, 0, 0
        self.end = Token("end", "the end", end)

    @property
    def here(self) -> Token:
        return self.tokens[self.next] if self.next < len(self.tokens) else self.end

    def take(self, *wanted: str) -> Token | None:
        """The token here, if it is a sign or a keyword of those."""
        token = self.here
        if token.kind not in ("sign", "keyword") or token.text not in wanted:
            return None
        self.next += 1
        return token

    def need(self, wanted: str) -> None:
        if self.take(wanted) is None:
            raise self.unexpected(repr(wanted))

    def unexpected(self, expected: str) -> SettingError:
        token = self.here
        found = token.text if token.kind == "end" else repr(token.text)
        return fault(token.at, found, expected)

    def whole(self) -> Node:
        node = self.either()
        if self.here is not self.end:
            raise self.unexpected("'and', 'or' or the end")
        return node

    def either(self) -> Node:
        return self.several("or", self.both)

    def both(self) -> Node:
        return self.several("and", self.one)

    def several(self, how: str, part: Callable[[], Node]) -> Node:
        parts = [part()]
        while self.take(how):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Several(how, tuple(parts))

    def one(self) -> Node:
        start = self.take("not", "(")
        if start is None:
            return self.test()
        self.depth += 1
        if self.depth > DEEPEST:
            raise fault(start.at, f"more than {DEEPEST} inside one another", "fewer")
        if start.text == "not":
            node: Node = Not(self.one())
        else:
            node = self.either()
            self.need(")")
        self.depth -= 1
        return node

    def test(self) -> Node:
        name = self.here
        if name.kind != "name":
            raise self.unexpected("the name of an attribute")
        self.next += 1
        if sign := self.take("=", "!=", "<>", "<", "<=", ">", ">="):
            return Test(name, sign.text.replace("<>", "!="), (self.value(),))
        if self.take("is"):
            negated = self.take("not")
            self.need("null")
            test = Test(name, "null")
            return Not(test) if negated else test
        negated = self.take("not")
        if self.take("in"):
            self.need("(")
            values = [self.value()]
            while self.take(","):
                values.append(self.value())
            self.need(")")
            test = Test(name, "in", tuple(values))
            return Not(test) if negated else test
        if negated:
            raise self.unexpected("'in'")
        return Test(name, "true")

    def value(self) -> tuple[Value, int]:
        token = self.here
        self.next += 1
        if token.kind == "text":
            return token.text, token.at
        if token.kind == "number":
            return float(token.text), token.at
        if token.text in ("true", "false") and token.kind == "keyword":
            return token.text == "true", token.at
        self.next -= 1
        raise self.unexpected("a value: 'text', a number, true or false")
