"""The one style: colours, fonts, and how a figure becomes a file.

What a figure is about is in one strong colour, the rest in greys and two colours that colour-blind
readers tell from it and from each other; the three also differ in lightness, for print in grey.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from fullrank.data.files import replacing

INK, SOFT, ACCENT, BLUE, TEAL = "#1f2933", "#9aa5b1", "#c2410c", "#1d5f9e", "#0f9488"
SLATE, MIDDLE = "#3e4c59", "#7b8794"
DARK = {
    INK: "#e4e7eb",
    SLATE: "#cbd2d9",
    ACCENT: "#fb923c",
    BLUE: "#60a5fa",
    TEAL: "#2dd4bf",
}
"""What stands for a colour where the reader's screen is dark; the greys between serve on both."""
RC: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": SOFT,
    "grid.alpha": 0.25,
    "grid.linewidth": 0.6,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "text.color": INK,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "svg.hashsalt": "fullrank",
}


def pyplot() -> Any | None:
    """Matplotlib's pyplot for files with the style set, if it is installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        return None
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update(RC)
    return plt


def save(figure: Any, path: Path) -> None:
    """Writes a figure as PNG on white, or as SVG on nothing with a dark mode; as a whole or not.

    Args:
        figure: Matplotlib's.
        path: ``.svg`` for SVG; anything else is PNG.
    """
    if path.suffix == ".svg":
        with replacing(path) as part:
            options: dict[str, Any] = {"format": "svg", "metadata": {"Date": None}}
            figure.savefig(part, bbox_inches="tight", transparent=True, **options)
            part.write_text(with_dark_mode(part.read_text("utf-8")), encoding="utf-8")
        return
    with replacing(path) as part:
        figure.savefig(part, dpi=150, bbox_inches="tight", format="png", facecolor="white")


def with_dark_mode(svg: str) -> str:
    """The picture with a style sheet that lightens its dark colours on a dark screen."""
    rules = "".join(
        f'[style*="{kind}: {light}"]{{{kind}:{dark} !important}}'
        for light, dark in DARK.items()
        for kind in ("fill", "stroke")
    )
    sheet = f"<style>@media (prefers-color-scheme: dark){{{rules}}}</style>"
    return re.sub(r"(<svg\b[^>]*>)", lambda tag: tag[1] + sheet, svg, count=1)
