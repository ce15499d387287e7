"""Pictures of results, all in one style; matplotlib is an extra and is loaded when one is drawn."""

from fullrank.pictures.draw import chart, write_chart
from fullrank.pictures.panels import Bar, Bars, Line, Panel, Point
from fullrank.pictures.style import ACCENT, BLUE, INK, MIDDLE, SOFT, TEAL, pyplot, save

__all__ = [
    "ACCENT",
    "BLUE",
    "INK",
    "MIDDLE",
    "SOFT",
    "TEAL",
    "Bar",
    "Bars",
    "Line",
    "Panel",
    "Point",
    "chart",
    "pyplot",
    "save",
    "write_chart",
]
