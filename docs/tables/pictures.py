"""The pictures of docs/images, drawn from results/ as SVG: the same bytes on every machine.

What a picture is about has the strong colour, the rest is grey; lines and points are labelled where
they are. Colours follow the reader's light or dark scheme, on a ground of the picture's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from tables.markdown import load

STYLE = """
text { font: 12px system-ui, sans-serif; fill: #333 }
.title { font-weight: 600; font-size: 14px } .unit, .tick { fill: #666; font-size: 11px }
.ground { fill: #fff } .grid { stroke: #ddd } .dot { fill: #888 }
.line { fill: none; stroke: #888; stroke-width: 1.6 } .line.own { stroke: #b3541e; stroke-width: 3 }
.dot.own, text.own { fill: #b3541e } text.own { font-weight: 600 }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd } .unit, .tick { fill: #aaa } .ground { fill: #1e2129 } .grid { stroke: #444 }
  .dot { fill: #999 } .line { stroke: #999 } .line.own { stroke: #f0a06a }
  .dot.own, text.own { fill: #f0a06a }
}"""
OWN = "directspec+"


class Axes(NamedTuple):
    """A part of a picture with its scales."""

    left: float
    """Of the plot in the picture; 46 units more on its left are for the ticks."""
    x: tuple[float, float]
    y: tuple[float, float]
    width: float = 290
    top: float = 62
    height: float = 200

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Where a point is drawn."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + across * self.width, self.top + (1 - up) * self.height

    def frame(
        self, title: str, unit: str, ticks: tuple[Sequence[float], Sequence[float]], form: str
    ) -> Iterable[str]:
        """Title, what the axes are, and their ticks; ``form`` prints those of y."""
        yield _text(self.left - 34, 26, title, "title")
        yield _text(self.left - 34, 44, unit, "unit")
        for value in ticks[1]:
            x, y = self.at(self.x[0], value)
            yield f'<path class="grid" d="M{x:.1f} {y:.1f}h{self.width}"/>'
            yield _text(x - 6, y + 4, format(value, form).removeprefix("0"), "tick", "end")
        for value in ticks[0]:
            x, _ = self.at(value, self.y[0])
            yield _text(x, self.top + self.height + 18, f"{value:g}", "tick", "middle")


def _text(x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _kind(name: str, kind: str) -> str:
    return f"{kind} own".strip() if name == OWN else kind


def collapse() -> str:
    """Effective rank by epoch, and accuracy against effective rank."""
    body = [*_by_epoch(), *_against_accuracy()]
    said = (
        "Left: effective rank by epoch; observed pairs alone lose it, BPR and BCE lose and regain "
        "some, DirectSpec+ keeps it. Right: nDCG@20 of methods against their effective rank."
    )
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 880 300" role="img" '
        f'aria-label="{escape(said)}"><style>{STYLE}</style>'
        '<rect class="ground" width="880" height="300" rx="6"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _by_epoch() -> Iterable[str]:
    axes = Axes(52, (0, 100), (40, 64))
    yield from axes.frame(
        "Observed pairs alone collapse a table",
        "effective rank of 64 dimensions, by epoch (yelp-sparse)",
        ((0, 25, 50, 75, 100), (40, 48, 56, 64)),
        "g",
    )
    labels = {"log-positive": "log loss, observed pairs alone"}
    below = {"bpr": 6, "log-positive": 4, "bce": -1, OWN: 4}
    for name, run in load("collapse")["runs"].items():
        if name not in below:
            continue
        points = [axes.at(epoch, each) for epoch, each in enumerate(run["effective_rank"], 1)]
        drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        yield f'<polyline class="{_kind(name, "line")}" points="{drawn}"/>'
        x, y = points[-1]
        yield _text(x + 6, y + below[name], labels.get(name, name), _kind(name, ""))


def _against_accuracy() -> Iterable[str]:
    axes = Axes(500, (55, 64), (0.14, 0.24))
    yield from axes.frame(
        "A higher effective rank alone ranks no better",
        "nDCG@20 on CiteULike against effective rank, 64 dimensions",
        ((55, 58, 61, 64), (0.14, 0.16, 0.18, 0.2, 0.22, 0.24)),
        ".2f",
    )
    sides = {"gde": -1, "ccl": 1, "bpr": -1, "logdet": 1, "directspec": 1, "directau": 1, OWN: 1}
    lifted = {"bpr": 8}  # over the dot of lightgcn
    rows = {
        name: row
        for name, row in load("table4").items()
        if axes.x[0] < (row["effective_rank"] or 0) <= axes.x[1]
        and row["settings"].get("dim", 64) == 64
        if "@" not in name and "," not in name
    }
    for name, row in sorted(rows.items(), key=lambda each: each[0] == OWN):
        x, y = axes.at(row["effective_rank"], row["standard"]["ndcg@20"])
        yield f'<circle class="{_kind(name, "dot")}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>'
        if side := sides.get(name):
            anchor = "start" if side > 0 else "end"
            yield _text(x + 8 * side, y + 4 - lifted.get(name, 0), name, _kind(name, ""), anchor)


PICTURES = {"collapse.svg": collapse}
"""The pictures by their files in docs/images."""
