"""Pictures of results. matplotlib is an extra: without it there is no picture and no error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fullrank.data.files import replacing

INK, SOFT, ACCENT = "#1f2933", "#9aa5b1", "#c2410c"


def pyplot() -> Any | None:
    """Matplotlib's pyplot for files, if it is installed."""
    try:
        import matplotlib as mpl
    except ImportError:
        return None
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    return plt


def study_plot(study: Any, path: Path) -> bool:
    """Values of the trials in order and against each setting, (1 + settings) panels.

    Args:
        study: An Optuna study.
        path: PNG file.

    Returns:
        Whether there was anything to draw with.
    """
    plt = pyplot()
    done = [trial for trial in study.trials if trial.value is not None]
    if plt is None or not done:
        return False
    names = list(done[0].params)
    figure, axes = plt.subplots(1, 1 + len(names), figsize=(3.2 * (1 + len(names)), 3), sharey=True)
    values = [trial.value for trial in done]
    best = [max(values[: at + 1]) for at in range(len(values))]
    numbers = [trial.number + 1 for trial in done]
    axes[0].plot(numbers, best, color=ACCENT, label="best so far")
    axes[0].scatter(numbers, values, color=INK, s=14)
    axes[0].set(xlabel="trial", ylabel="validation ndcg@20")
    axes[0].legend(frameon=False, fontsize=8)
    for axis, name in zip(axes[1:], names, strict=True):
        tried = [trial.params[name] for trial in done]
        axis.scatter(tried, values, color=INK, s=14)
        axis.set(xlabel=name)
        distribution = done[0].distributions[name]
        if getattr(distribution, "log", False):
            axis.set_xscale("log")
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle(study.study_name, fontsize=10)
    save(figure, path)
    plt.close(figure)
    return True


def save(figure: Any, path: Path) -> None:
    """Writes a figure as PNG, as a whole or not at all."""
    with replacing(path) as part:
        figure.savefig(part, dpi=150, bbox_inches="tight", format="png")
