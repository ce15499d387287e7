"""The picture of a study. matplotlib is an extra: without it there is no picture and no error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fullrank.pictures import ACCENT, MIDDLE, pyplot, save
from fullrank.studies.trials import worded


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
    # The first trial lacks a setting that a rule of the method finds.
    names = list(dict.fromkeys(name for trial in done for name in trial.params))
    figure, axes = plt.subplots(
        1,
        1 + len(names),
        figsize=(3.2 * (1 + len(names)), 3),
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    values = [trial.value for trial in done]
    best = [max(values[: at + 1]) for at in range(len(values))]
    numbers = [trial.number + 1 for trial in done]
    first, *others = axes[0]
    first.plot(numbers, best, color=ACCENT, linewidth=2)
    first.annotate("best so far", (numbers[-1], best[-1]), color=ACCENT, fontsize=8.5,
                   xytext=(0, 4), textcoords="offset points", ha="right")  # fmt: skip
    first.scatter(numbers, values, color=MIDDLE, s=14)
    first.set(xlabel="trial", ylabel="validation ndcg@20")
    winner = max(done, key=lambda trial: trial.value)
    for axis, name in zip(others, names, strict=True):
        having = [trial for trial in done if name in trial.params]
        for trials, color, size in ((having, MIDDLE, 14), ([winner], ACCENT, 30)):
            shown = [trial for trial in trials if name in trial.params]
            tried, found = [trial.params[name] for trial in shown], [each.value for each in shown]
            if None in getattr(having[0].distributions[name], "choices", ()):
                tried = [worded(each) for each in tried]  # an axis of choices, not of numbers
            axis.scatter(tried, found, color=color, s=size)
        axis.set(xlabel=name)
        distribution = having[0].distributions[name]
        if getattr(distribution, "log", False):
            axis.set_xscale("log")
            few = distribution.high < 10 * distribution.low  # powers of ten alone say nothing
            axis.xaxis.set_major_formatter("{x:g}")
            axis.xaxis.set_minor_formatter("{x:g}" if few else "")
            if few:
                axis.xaxis.set_minor_locator(plt.LogLocator(subs=(2.0, 3.0, 5.0)))
    figure.suptitle(
        f"{study.study_name}: {winner.value:.4f} by trial {winner.number + 1} of {len(done)}",
        fontsize=10.5,
        weight="bold",
        x=0.01,
        ha="left",
    )
    save(figure, path)
    plt.close(figure)
    return True
