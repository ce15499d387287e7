"""A shop from its database to a service: python examples/shop.py [--folder shop] [--once]

Makes a generated shop in SQLite (events of three kinds, books with shelves and prices), then does
what an engineer would, each step a command that is printed: fits from a query, checks the model,
serves it, asks it, and tells where its page is. Ctrl-C ends it; --once ends it after the first
answer.
"""

from __future__ import annotations

import argparse
import json
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import numpy as np

import fullrank as fr

SIZES = 3000, 1200, 90_000
"""Users, books, events."""
REJECTED = 3
"""Exit code of a fit whose model is worse than the current one."""
KINDS = ("view", "cart", "purchase")
WEIGHTS = "view=1,cart=2,purchase=3"
"""Kinds are drawn by chance in this shop; in a real one a purchase may be worth more."""
QUERY = "select customer, book, kind, at from events"


def make_shop(path: Path, seed: int = 0) -> None:
    """Writes the database: tables ``events`` and ``books``."""
    rng = np.random.default_rng(seed)
    data = fr.generate(*SIZES, seed=seed, timestamps=True)
    frame = data.to_frame()
    kinds = rng.choice(KINDS, size=len(frame), p=[0.7, 0.2, 0.1])
    titles = data.items.titles
    shelves = [title.rpartition("(")[2].rstrip(")") for title in titles]
    books = zip(
        data.items.values.to_list(), titles.to_list(), shelves,
        np.round(rng.gamma(4.0, 4.0, len(titles)), 2).tolist(),
        (rng.random(len(titles)) < 0.95).astype(int).tolist(), strict=True,
    )  # fmt: skip
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("create table events (customer text, book text, kind text, at integer)")
        rows = zip(*(frame[name].to_list() for name in ("user_id", "item_id")), kinds.tolist(),
                   frame["timestamp"].to_list(), strict=True)  # fmt: skip
        database.executemany("insert into events values (?, ?, ?, ?)", rows)
        database.execute(
            "create table books (id text, title text, shelf text, price real, available integer)"
        )
        database.executemany("insert into books values (?, ?, ?, ?, ?)", books)


def write_books(database: Path, path: Path) -> None:
    """What the shop knows of its books, as a table beside the model."""
    with closing(sqlite3.connect(database)) as opened, path.open("w", encoding="utf-8") as file:
        file.write("id\ttitle\tshelf\tprice\tavailable\n")
        for row in opened.execute("select * from books"):
            *plain, available = row
            file.write("\t".join([*map(str, plain), "true" if available else "false"]) + "\n")


def run(*words: str) -> None:
    """Runs a command of fullrank and prints it first.

    Raises:
        SystemExit: it fails; a gate that keeps the old model is no failure.
    """
    print(f"\n$ fullrank {shlex.join(words)}", flush=True)
    done = subprocess.run([sys.executable, "-m", "fullrank", *words], check=False)
    if done.returncode not in (0, REJECTED):
        raise SystemExit(done.returncode)


def ask(address: str, customer: str) -> None:
    """Asks the service as a front end would, by curl where there is one."""
    rules = {"where": "available = true and price < 25", "at_most": {"shelf": 2}}
    body = json.dumps({"users": [customer], "k": 5, "rules": rules})
    url = f"{address}/v1/recommend"
    print(f"\n$ curl {url} -d {shlex.quote(body)}", flush=True)
    if shutil.which("curl"):
        text = subprocess.run(
            ["curl", "-sS", url, "-d", body], check=True, capture_output=True
        ).stdout
    else:
        with urllib.request.urlopen(urllib.request.Request(url, body.encode())) as answer:
            text = answer.read()
    print(json.dumps(json.loads(text), indent=2, ensure_ascii=False), flush=True)


def serve(models: Path, port: int, customer: str, *, once: bool) -> None:
    """Starts the service, asks it, and keeps it until Ctrl-C."""
    words = ["serve", str(models), "--port", str(port), "--no-access-log", "--json"]
    print(f"\n$ fullrank {shlex.join(words)}", flush=True)
    service = subprocess.Popen(
        [sys.executable, "-m", "fullrank", *words], stdout=subprocess.PIPE, text=True
    )
    try:
        assert service.stdout is not None
        line = service.stdout.readline()
        if not line:
            raise SystemExit(service.wait() or 1)
        address = json.loads(line)["url"].rstrip("/")
        wait_for(f"{address}/readyz")
        ask(address, customer)
        print(f"\nThe page to try it: {address}/", flush=True)
        if not once:
            print("Ctrl-C ends the service.", flush=True)
            service.wait()
    except KeyboardInterrupt:
        pass
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait()


def wait_for(url: str, seconds: float = 60.0) -> None:
    """Asks until the answer is 200.

    Raises:
        SystemExit: it does not come.
    """
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"{url}: no answer in {seconds:.0f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("shop"))
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--budget", default="30s")
    parser.add_argument("--once", action="store_true")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    database, books, models = folder / "shop.db", folder / "books.tsv", folder / "models"
    if not database.exists():
        make_shop(database)
    print(f"{database}: {SIZES[2]:,} events of {SIZES[0]:,} customers and {SIZES[1]:,} books")
    write_books(database, books)
    run(
        "fit", f"sqlite:{database}", "--query", QUERY, "--user-column", "customer",
        "--item-column", "book", "--event-column", "kind", "--event-weights", WEIGHTS,
        "--timestamp-column", "at", "--items", str(books), "--budget", arguments.budget,
        "-o", str(models), "--versions", "--unless-worse-than", "current", "--tolerance", "5%",
    )  # fmt: skip
    run("check", str(models / "current"))
    serve(models, arguments.port, "u17", once=arguments.once)


if __name__ == "__main__":
    main()
