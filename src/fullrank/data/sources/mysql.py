"""What PyMySQL is told of a URL."""

from __future__ import annotations

import os
import re
from typing import Any

from fullrank.data.sources.address import ServerURL
from fullrank.errors import SettingError

PORT = 3306
PARAMETERS = ("charset", "unix_socket", "ssl_ca", "ssl_cert", "ssl_key")
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:]*)(?::(\d{1,5}))?")


def login(url: ServerURL) -> dict[str, Any]:
    """The arguments of a connection; without a password in the URL, that of ``MYSQL_PWD``.

    Raises:
        SettingError: the URL has no port where one should be, or another parameter.
    """
    place = _PLACE.fullmatch(url.place)
    if place is None:
        raise SettingError(url.shown, "no host with a port", "mysql://user@host:port/database")
    for name in url.query:
        if name not in PARAMETERS:
            expected = "one of " + ", ".join(PARAMETERS)
            raise SettingError(url.shown, f"the parameter {name!r}", expected)
    return {
        "host": place[1].strip("[]") or "localhost",
        "port": int(place[2] or PORT),
        "user": url.user or None,
        "password": os.environ.get("MYSQL_PWD", "") if url.password is None else url.password,
        "database": url.database or None,
        "charset": "utf8mb4",
        **url.query,
    }
