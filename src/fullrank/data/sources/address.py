"""What a DATA string names: a file, several, a database, an object store, or standard input.

A URL may hold a password. `shown` is the only form in which one is printed, stored or raised.
"""

from __future__ import annotations

import os
import re
from typing import Literal
from urllib.parse import quote, unquote

from fullrank.errors import SettingError

Kind = Literal["postgresql", "mysql", "duckdb", "sqlite", "remote", "stdin", "path", "unknown"]
_KINDS: dict[str, Kind] = {
    **dict.fromkeys(("postgresql", "postgres"), "postgresql"),
    **dict.fromkeys(("mysql", "mariadb"), "mysql"),
    **dict.fromkeys(("s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss"), "remote"),
    **dict.fromkeys(("http", "https"), "remote"),
}
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):(//)?")
_SERVER = re.compile(
    r"(?P<scheme>[\w+]+)://(?:(?P<user>[^:@/?#]*)(?::(?P<password>[^:@/?#]*))?@)?"
    r"(?P<rest>[^@/?#]*(?:/[^@/?#]*)?)(?:\?(?P<query>[^#?@]*))?"
)
"""A database's URL: what would end another part of it stands as %40 and the like."""
_OWNER = re.compile(r"/?[^/@]*:[^@]*@", re.DOTALL)
"""What follows the scheme of a URL with a slash too few, and a user with a password in it."""
_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)\})")
PUBLIC = frozenset(
    {
        *("application_name", "charset", "connect_timeout", "dbname", "endpoint", "host"),
        *("hostaddr", "options", "port", "region", "sslmode", "target_session_attrs"),
        *("unix_socket", "user"),
    }
)
"""Parameters of a URL that hold no secret; the values of all others are not shown."""
HIDDEN = "***"
_LONG = 4
"""Characters of a value that is hidden wherever it stands; a shorter one, after its name alone."""


def kind_of(data: str) -> Kind:
    """What a DATA string names, by its form alone; a path may still be that of a database."""
    if data == "-":
        return "stdin"
    scheme = _SCHEME.match(data)
    if scheme is None:
        return "path"
    name = _scheme(scheme)
    if name in ("duckdb", "sqlite"):
        return "duckdb" if name == "duckdb" else "sqlite"
    if not scheme[2]:  # a path, unless it is a URL with a slash too few
        return "unknown" if name in _KINDS or _has_owner(data, scheme) else "path"
    return _KINDS.get(name, "unknown")


def _has_owner(data: str, scheme: re.Match[str]) -> bool:
    """Whether a user with a password follows the scheme, whichever that is."""
    return _OWNER.match(data, scheme.end()) is not None


def _scheme(found: re.Match[str]) -> str:
    """The scheme of a URL, without the driver that SQLAlchemy has in it (``mysql+pymysql``)."""
    return found[1].lower().partition("+")[0]


def refuse_unknown(data: str) -> None:
    """Raises `SettingError` for a URL of no kind that is known."""
    scheme = _SCHEME.match(data)
    found = f"the scheme {scheme[1]!r}" if scheme and scheme[2] else "a URL without //"
    raise SettingError(shown(data), found, "one of " + ", ".join(f"{each}://" for each in _KINDS))


def shown(data: str) -> str:
    """The string as it may be printed: a URL without its password and the secrets in its query.

    A password with characters that should have been escaped is hidden too: up to the last ``@``.

    >>> shown("postgresql://shop:s3cret@db:5432/shop?sslmode=require&token=x")
    'postgresql://shop@db:5432/shop?sslmode=require&token=***'
    """
    scheme = _SCHEME.match(data)
    if scheme is None:
        return data
    if not (scheme[2] or _scheme(scheme) in _KINDS or _has_owner(data, scheme)):
        return data
    start, rest = data[: scheme.end()], data[scheme.end() :]
    owner, at, place = rest.rpartition("@")
    if at and ":" in owner:
        user, _, password = owner.partition(":")
        named = f":{password}" if _VARIABLE.fullmatch(password) else ""
        rest = f"{user}{named}@{place}"
    place, mark, query = rest.partition("?")
    if not mark:
        return start + rest
    query = query.partition("#")[0]
    return f"{start}{place}?" + "&".join(_parameter(each) for each in query.split("&"))


def _parameter(text: str) -> str:
    name, equals, _ = text.partition("=")
    return text if name.lower() in PUBLIC or not equals else f"{name}={HIDDEN}"


def secrets_of(url: str) -> list[str]:
    """What a message must not repeat of a URL: its password, and values of its query with names."""
    place, _, query = url.partition("?")
    owner, at, _ = place.rpartition("@")
    password = owner.partition("://")[2].partition(":")[2] if at else ""
    pairs = [each for each in query.split("&") if _parameter(each) != each]
    values = [each.partition("=")[2] for each in pairs]
    found = [password, *pairs, *(each for each in values if len(each) >= _LONG)]
    return [form for each in found if each for form in dict.fromkeys((each, unquote(each)))]


def redacted(word: str) -> str:
    """A word of a command line as it may be stored: also ``--option=URL``."""
    at = re.search(r"[A-Za-z][A-Za-z0-9+.-]+://", word)
    return shown(word) if at is None else word[: at.start()] + shown(word[at.start() :])


class ServerURL:
    """A database server's URL in its parts, and what must not be shown of it.

    Args:
        url: As it was given; a password ``$NAME`` is that variable of the environment.

    Raises:
        SettingError: it is no such URL, or there is no such variable.
    """

    def __init__(self, url: str) -> None:
        self.shown = shown(url)
        parts = _SERVER.fullmatch(url)
        if parts is None:
            expected = (
                "scheme://user@host:port/database, with % codes for : / ? # @ in a password, "
                "or the password as $NAME of the environment"
            )
            raise SettingError(self.shown, "a URL that cannot be read", expected)
        self.user = unquote(parts["user"] or "")
        self.password = self._expanded(parts["password"])
        rest, query = str(parts["rest"]), parts["query"] or ""
        self.place, _, database = rest.partition("/")
        self.database = unquote(database)
        pairs = [each.partition("=") for each in query.split("&") if each]
        self.query = {name: unquote(value) for name, _, value in pairs}
        held = [value for name, value in self.query.items() if name.lower() not in PUBLIC]
        self._secrets = [each for each in (self.password, *held) if each]

    def _expanded(self, password: str | None) -> str | None:
        if password is None:
            return None
        named = _VARIABLE.fullmatch(password)
        if named is None:
            return unquote(password)
        name = named[1] or named[2]
        if name not in os.environ:
            raise SettingError(self.shown, f"no variable {name}", "one of the environment")
        return os.environ[name]

    def url(self, scheme: str) -> str:
        """The URL with its password, for a driver and nobody else."""
        owner = quote(self.user, safe="")
        if self.password is not None:
            owner += ":" + quote(self.password, safe="")
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in self.query.items())
        at, mark = "@" if owner else "", "?" if query else ""
        return f"{scheme}://{owner}{at}{self.place}/{quote(self.database)}{mark}{query}"

    def scrubbed(self, text: str) -> str:
        """A driver's message without the secrets that it may repeat, whichever way written."""
        for secret in self._secrets:
            for form in (secret, quote(secret, safe=""), quote(secret)):
                text = text.replace(form, HIDDEN)
        return text
