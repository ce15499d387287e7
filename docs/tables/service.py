"""The service beside a plain handler under load: results/service.json."""

from __future__ import annotations

from tables.markdown import load, table

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
