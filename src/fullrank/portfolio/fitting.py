"""Fitting a method, or whichever of the portfolio is best."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fullrank.data.interactions import Interactions
from fullrank.errors import FitError, SettingError
from fullrank.methods import Method, stored_method
from fullrank.methods.fitting import Fitted
from fullrank.methods.fitting import fit as fit_method
from fullrank.portfolio.auto import Auto
from fullrank.portfolio.blend import Blend, blend
from fullrank.portfolio.board import METRIC, Line, ranked
from fullrank.portfolio.contest import Contest
from fullrank.training import Reporter

NEAR = 0.8
"""Share of the best value from which on a method can be a part of a blend."""


def fit(
    method: Method,
    parts: Mapping[str, Interactions],
    device: str,
    *,
    checkpoint: str | Path | None = None,
    resume: bool = False,
    reporter: Reporter | None = None,
) -> tuple[Method, Fitted]:
    """As `fullrank.methods.fitting.fit`, with the method that was fitted: `Auto` becomes another.

    `Auto` and `Blend` write no checkpoint.

    Raises:
        SettingError: ``resume`` with one of them.
        FitError: there is nothing to choose by, or nothing could be fitted.
    """
    if not isinstance(method, Auto | Blend):
        fitted = fit_method(
            method, parts, device, checkpoint=checkpoint, resume=resume, reporter=reporter
        )
        return method, fitted
    if resume:
        found = f"method {method.name}"
        raise SettingError("resume", found, "to begin anew: it keeps no checkpoint")
    if isinstance(method, Blend):
        return method, method.fit(parts, device)
    _check_validation(parts)
    contest = Contest(method, parts, device, reporter)
    lines = ranked(contest.run())
    if lines[0].best is None:
        raise FitError("method auto", f"no method that fits ({lines[0].note})", "other data")
    lines = ranked([*lines, _blended(contest, lines)])
    best = lines[0].best
    assert best is not None  # noqa: S101  # narrows the type: the line had one before
    for text in best.warned:
        warnings.warn(text, stacklevel=3)
    scorer, metadata = best.fitted
    found_ = {METRIC: best.value, "auto": record(method, lines, contest.clock() - contest.began)}
    return best.method, (scorer, metadata | found_)


def _blended(contest: Contest, lines: Sequence[Line]) -> Line:
    """The line of the blend, with a value if it is better than its best part by more than noise."""
    line, began = Line("blend"), contest.clock()
    parts = [each.best for each in lines if each.best is not None]
    near = [part for part in parts if part.value >= NEAR * parts[0].value]
    found = blend(
        near, contest.parts, contest.auto.seed, left=lambda: contest.left, free=contest.free
    )
    line.seconds = contest.clock() - began  # beside those of its parts
    if isinstance(found, str):
        line.note = f"left out: {found}"
        return line
    low, high = found.interval
    gain = f"{found.gain:+.4f} [{low:+.4f}, {high:+.4f}] on users that did not choose its weights"
    assert isinstance(found.part.method, Blend)  # noqa: S101  # narrows the type
    listed = {part["method"]: part["weight"] for part in found.part.method.parts}
    if found.wins and found.part.value > parts[0].value:
        line.best, line.settings, line.note = found.part, listed, f"kept: {gain}"
    else:
        shown = ", ".join(f"{name} {weight:.2g}" for name, weight in listed.items())
        line.note = f"left out: {gain} ({shown})"
    return line


def stored(name: str, values: Mapping[str, Any]) -> Method:
    """As `fullrank.methods.stored_method`, which does not know blends.

    Raises:
        SettingError: the method does not take the settings.
    """
    return Blend.build(values) if name == Blend.name else stored_method(name, values)


def record(auto: Auto, lines: list[Line], seconds: float) -> dict[str, Any]:
    """What the metadata of training say of the contest."""
    return {
        "budget": auto.budget,
        "seconds": round(seconds, 3),
        "won": lines[0].method,
        "leaderboard": [line.record() for line in lines],
        "trials": {line.method: line.trials for line in lines},
    }


def _check_validation(parts: Mapping[str, Interactions]) -> None:
    validation, train = parts.get("validation"), parts["train"]
    if validation is None or not (train.user_degree * validation.user_degree).any():
        found = "no validation part" if validation is None else "no user of train in validation"
        raise FitError("method auto", found, "one to choose by: a validation fraction above 0")
