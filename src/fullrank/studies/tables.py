"""Comparisons as tables: for the terminal, in Markdown and in LaTeX."""

from __future__ import annotations

from collections.abc import Sequence

from fullrank.studies.comparison import Comparison

NOTE = (
    "* best; † best, and different from every other one at p < 0.01, two-sided, over the seeds and "
    "paired over the users, each Holm-corrected over all pairs of methods"
)
ONE_TAILED = (
    "* best; † best and better than every other one at p < 0.01, one-tailed over the seeds and "
    "paired over the users, each Holm-corrected over the others: blind to the choice of the best"
)
LEVEL = 0.01


def note(done: Comparison) -> str:
    """What the marks of a table mean."""
    return ONE_TAILED if done.one_tailed else NOTE


def searched(done: Comparison) -> str | None:
    """Which methods searched settings of their own, beside what the others have; None of none."""
    found = done.searched()
    if not found:
        return None
    listed = "; ".join(
        f"{label} ({', '.join(each['settings'])}: {each['trials']:.3g} trials by {each['by']})"
        for label, each in found.items()
    )
    if len(found) == len(done.runs):
        return f"searched by each fit: {listed}"
    return (
        f"searched by each fit: {listed}; nothing is searched of the others, which have defaults "
        "or what was given, so a difference to them may be that search's (`fullrank tune`)"
    )


def certain(done: Comparison, name: str) -> bool:
    """Whether the best is better than every other method in both tests."""
    tests = done.marking(name).values()
    found = [p for each in tests for p in each.values()]
    return bool(found) and all(p is not None and p < LEVEL for p in found)


def plain_rows(done: Comparison, metrics: Sequence[str]) -> list[list[str]]:
    """One row a method, for a narrow terminal: label, metrics, effective rank, seconds an epoch."""
    return [
        [label, *_cells(done, label, metrics, "", "", deviations=False)[:-1]] for label in done.runs
    ]


def as_markdown(done: Comparison, metrics: Sequence[str]) -> str:
    """A table with a line on what it is and one on its marks."""
    heads = ["method", *metrics, "effective rank", "s/epoch", "parameters"]
    seeds = ", ".join(map(str, done.seeds))
    lines = [
        f"{done.data}, protocol {done.protocol}, seeds {seeds}, split {done.fingerprint}",
        "",
        f"| {' | '.join(heads)} |",
        f"|{' --- |' * len(heads)}",
    ]
    rows = ([label, *_cells(done, label, metrics, "**", "_")] for label in done.runs)
    lines += [f"| {' | '.join(row)} |" for row in rows]
    lines += ["", "**best**, _second best_; † " + note(done).partition("† ")[2] + "."]
    lines += ["", f"{said[:1].upper()}{said[1:]}."] if (said := searched(done)) else []
    return "\n".join(lines) + "\n"


def as_latex(done: Comparison, metrics: Sequence[str]) -> str:
    """A tabular for booktabs."""
    heads = ["Method", *metrics, "erank", "s/epoch", "Parameters"]
    lines = [
        f"% {done.data}, protocol {done.protocol}, seeds {done.seeds}, split {done.fingerprint}",
        rf"\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
        r"\toprule",
        " & ".join(heads) + r" \\",
        r"\midrule",
    ]
    for label in done.runs:
        cells = _cells(done, label, metrics, r"\textbf", r"\underline")
        row = " & ".join([label, *cells]).replace("±", r"$\pm$").replace("†", r"$^\dagger$")
        lines.append(row.replace("_", r"\_") + r" \\")
    lines[:0] = [f"% {said}"] if (said := searched(done)) else []
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"]) + "\n"


def _cells(
    comparison: Comparison,
    label: str,
    metrics: Sequence[str],
    best_mark: str,
    second_mark: str,
    *,
    deviations: bool = True,
) -> list[str]:
    """One method's row of the table: its metrics, effective rank, seconds an epoch, parameters."""
    cells = []
    for name in metrics:
        mean = comparison.mean(label, name)
        if mean is None:
            cells.append("–")
            continue
        text = f"{mean:.4f}"
        if deviations and len(comparison.seeds) > 1:
            text += f" ± {comparison.deviation(label, name):.4f}"
        order = comparison.ranked(name)
        if mean == comparison.mean(order[0], name):  # each of those that are alike at the top
            text = _marked(text, best_mark) + ("†" if certain(comparison, name) else "")
        elif len(order) > 1 and label == order[1] and second_mark:
            text = _marked(text, second_mark)
        cells.append(text)
    rank, seconds, size = (
        comparison.mean(label, name) for name in ("effective_rank", "epoch_seconds", "parameters")
    )
    cells.append("–" if rank is None else f"{rank:.1f}")
    cells.append("–" if seconds is None else f"{seconds:.3f}")
    cells.append("–" if size is None else f"{size:,.0f}")
    return cells


def _marked(text: str, mark: str) -> str:
    if not mark:
        return text + "*"
    return f"{mark}{{{text}}}" if mark.startswith("\\") else f"{mark}{text}{mark}"
