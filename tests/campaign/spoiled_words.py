"""Options and addresses that say something odd of where data lie and how they are read."""

from __future__ import annotations

import random

from shops import Shop

SECRET = "S3cr3t-w0rd"
HALVES = ("0d", "-1d", "1", "d", "1y", "1e3d", "nan", "", "9" * 400 + "d", "1d\n", "٣d", "1.d")
EVENTS = (
    "", "view", "view=", "=1", "view=x", "view=nan", "view=inf", "view=1e400", "view=0", "view=-1",
    "{", "[]", "{}", "null", '{"view": null}', '{"view": [1]}', '{"view": true}', "view=1,view=2",
    "view=1", "other=0", '{"view": 1' + "0" * 5000 + "}", "view=1_0", "other=1e308", '{"a":' * 900,
)  # fmt: skip


def spoil_options(made: Shop, rng: random.Random) -> None:
    """Options that say something odd of how a table is to be read."""
    kinds = "kind" in made.columns
    options: list[dict[str, str]] = [
        {"--event-column": "kind", "--event-weights": rng.choice(EVENTS)},
        {"--event-column": "kind", "--event-weights": rng.choice(EVENTS)},
        {"--half-life": rng.choice(HALVES)},
        {"--half-life": "1d"},
        {"--event-column": "kind"},
        {"--event-column": "user_id", "--event-weights": "other=1"},
        {"--event-column": "item_id", "--event-weights": "other=1"},
        {"--event-weights": "view=1"},
        {"--query": "select 1"},
        {"--table": "x"},
        {"--threshold": rng.choice(("nan", "inf", "-1", "x", "1e400"))},
        {"--weight-column": rng.choice(("kind", "nowhere", "\ud800", ""))},
        {"--timestamp-column": rng.choice(("kind", "item_id", "weight"))},
        {"--separator": rng.choice(("", "\n", "é", '"', "ab", "\ud800"))},
        {"--timestamp-format": rng.choice(("%", "%Q", "\ud800", "%s", "%Y" * 500))},
    ]
    made.options = dict(rng.choice(options))
    made.did, made.expected = str(made.options), "any"
    if made.options == {"--event-column": "kind"} or (not kinds and "--event-column" in made.did):
        made.expected = "refused" if made.options.get("--event-column") == "kind" else "any"


def urls(made: Shop, rng: random.Random) -> None:
    """Addresses with a password, of places that are not there or cannot be."""
    secret = SECRET + rng.choice(("", "%40", "é", "#", ":x", "@y", "/z", "?w", "\n", " ", "$"))
    made.secret = SECRET
    scheme = rng.choice((
        "postgresql", "postgres", "mysql", "mariadb", "mysql+pymysql", "POSTGRESQL", "oracle",
        "mssql", "ftp", "redis", "jdbc:postgresql", "sqlite", "duckdb", "postgresql+psycopg2",
    ))  # fmt: skip
    host = rng.choice(
        ("127.0.0.1:1", "127.0.0.1:1", "[::1]:1", "127.0.0.1:x", ":1", "127.0.0.1:99999")
    )
    end = rng.choice(
        ("/shop", "/", "", "/shop?sslmode=disable", "/a/b", f"/shop?password={SECRET}")
    )
    forms = (
        f"{scheme}://shop:{secret}@{host}{end}",
        f"{scheme}:shop:{secret}@{host}{end}",
        f"{scheme}:/shop:{secret}@{host}{end}",
        f"{scheme}://shop@{host}/shop?password={secret}",
        f"{scheme}://shop@{host}/shop?token={secret}&user=x",
        f"{scheme}://:{secret}@{host}{end}",
    )
    made.data = rng.choice(forms)
    made.options = rng.choice(({"--query": "select 1"}, {"--table": "orders"}, {}))
    made.did, made.expected = made.data.replace(SECRET, "…"), "refused"
