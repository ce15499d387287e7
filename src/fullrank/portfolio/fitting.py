"""Fitting a method, or whichever of the portfolio is best."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fullrank.data.interactions import Interactions
from fullrank.errors import FitError, SettingError
from fullrank.methods import Method
from fullrank.methods.fitting import Fitted
from fullrank.methods.fitting import fit as fit_method
from fullrank.portfolio.auto import Auto
from fullrank.portfolio.board import METRIC, Line, ranked
from fullrank.portfolio.contest import Contest
from fullrank.training import Reporter


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

    `Auto` writes no checkpoint.

    Raises:
        SettingError: ``resume`` with `Auto`.
        FitError: there is nothing to choose by, or nothing could be fitted.
    """
    if not isinstance(method, Auto):
        fitted = fit_method(
            method, parts, device, checkpoint=checkpoint, resume=resume, reporter=reporter
        )
        return method, fitted
    if resume:
        raise SettingError("resume", "method auto", "to begin anew: it keeps no checkpoint")
    _check_validation(parts)
    contest = Contest(method, parts, device, reporter)
    lines = ranked(contest.run())
    best = lines[0].best
    if best is None:
        raise FitError("method auto", f"no method that fits ({lines[0].note})", "other data")
    for text in best.warned:
        warnings.warn(text, stacklevel=3)
    scorer, metadata = best.fitted
    seconds = contest.clock() - contest.began
    found = {METRIC: best.value, "auto": record(method, lines, seconds)}
    return best.method, (scorer, metadata | found)


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
