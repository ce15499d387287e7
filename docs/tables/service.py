"""The service under load: results/service.json by a plain handler, results/ann.json by index."""

from __future__ import annotations

from tables.markdown import NONE, load, table

NAMES = {
    "ml-100k": "MovieLens 100K",
    "gowalla": "Gowalla",
    "generated": "generated, a million items",
}
HEADS = ["tables of", "service", "requests a second", "over the other", "p50, ms", "p99, ms"]


def service() -> str:
    """Two lines a table: ours, and FastAPI around implicit."""
    body = []
    for name, found in load("service")["results"].items():
        for each, figures in found.items():
            if not isinstance(figures, dict):
                continue
            times = f"{found['times']:.1f}" if each == "fullrank" else ""
            line = [NAMES[name], f"`{each}`", f"{figures['requests_a_second']:,.0f}", times]
            body.append([*line, f"{figures['p50_ms']:.1f}", f"{figures['p99_ms']:.1f}"])
    return table(HEADS, body, text=(0, 1))


OF_INDEX = {
    "gowalla": "Gowalla, trained",
    "grown": "grown from trained rows",
    "normal": "random normal numbers",
}
INDEX_HEADS = [
    "tables of",
    "items",
    "core seconds to build",
    "MiB",
    "searched",
    "recall@20",
    "used",
]
LOAD_HEADS = [
    "tables of", "lists", "ms of a core, 32 users", "1 user",
    "requests a second, 32 connections", "p99, ms", "1 connection", "p99, ms",
]  # fmt: skip


def index() -> str:
    """What an index costs, and what it finds."""
    body = []
    for name, found in load("ann")["results"].items():
        line = [OF_INDEX[name], f"{found['items']:,}", f"{found['seconds']:,.0f}"]
        line += [f"{found['mib']:,.0f}", f"{found['searched']:,} of {found['lists']:,}"]
        body.append([*line, f"{found['recall']:.4f}", "yes" if found["used"] else "no"])
    return table(INDEX_HEADS, body)


def index_load() -> str:
    """Two lines a table: lists from the index, and exact ones."""
    body = []
    for name, found in load("ann")["results"].items():
        for way, option in (("index", "--ann"), ("exact", "--no-ann")):
            line = [OF_INDEX[name], f"`{option}`"]
            cost = found.get("cpu_ms", {})
            ways = [f"{way}, {size}" for size in (32, 1)]
            line += [f"{cost[each]:.2f}" if each in cost else NONE for each in ways]
            for each in ways:
                figures = found.get("load", {}).get(each)
                if figures is None:
                    line += [NONE, NONE]
                    continue
                line += [f"{figures['requests_a_second']:,.0f}", f"{figures['p99_ms']:.0f}"]
            body.append(line)
    return table(LOAD_HEADS, body, text=(0, 1))
