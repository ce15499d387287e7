"""Fitting a method, or whichever of the portfolio is best."""

from __future__ import annotations

import signal
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fullrank.data.interactions import Interactions
from fullrank.errors import DataError, FitError, SettingError, Stopped
from fullrank.methods import AllPass, Method, stored_method
from fullrank.methods.fitting import Fitted
from fullrank.methods.fitting import fit as fit_method
from fullrank.methods.starting import Start
from fullrank.portfolio.auto import Auto
from fullrank.portfolio.blend import Blend, blend
from fullrank.portfolio.board import METRIC, NEAR, Line, ranked
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
    start: Start | None = None,
) -> tuple[Method, Fitted]:
    """As `fullrank.methods.fitting.fit`, with the method that was fitted: `Auto` becomes another.

    Without anything to choose by `Auto` becomes `AllPass` with its defaults, and warns of it.
    `Auto` and `Blend` write no checkpoint.

    Raises:
        SettingError: ``resume`` or ``start`` with one of them.
        FitError: nothing could be fitted.
    """
    if not isinstance(method, Auto | Blend):
        fitted = fit_method(
            method,
            parts,
            device,
            checkpoint=checkpoint,
            resume=resume,
            reporter=reporter,
            start=start,
        )
        return method, fitted
    if start is not None:
        start.check(method)
    if resume:
        found = f"method {method.name}"
        raise SettingError("resume", found, "to begin anew: it keeps no checkpoint")
    if isinstance(method, Blend):
        return method, method.fit(parts, device)
    why = _nothing_to_choose_by(parts)
    if why is not None:
        fallback = AllPass(seed=method.seed)
        warnings.warn(
            f"{why}, so no method can be chosen: {fallback.name} with its defaults", stacklevel=3
        )
        return fallback, fit_method(fallback, parts, device, reporter=reporter)
    contest = Contest(method, parts, device, reporter)
    lines = ranked(contest.run())
    if lines[0].best is None:
        raise FitError("method auto", f"no method that fits ({lines[0].note})", "other data")
    if contest.stopped is None:
        lines = ranked([*lines, _blended(contest, lines)])
    best = lines[0].best
    assert best is not None  # noqa: S101  # narrows the type: the line had one before
    if not best.value:
        warnings.warn(
            "no method has a pair of the validation part in its lists, so none is known to be "
            f"better than another: the first, {best.method.name}, is kept",
            stacklevel=3,
        )
    for text in best.warned:
        warnings.warn(text, stacklevel=3)
    scorer, metadata = best.fitted
    found_ = {METRIC: best.value, "auto": record(contest, lines)}
    return best.method, (scorer, metadata | found_)


def _blended(contest: Contest, lines: Sequence[Line]) -> Line:
    """The line of the blend; a signal leaves it out, and is in ``contest.stopped`` then."""
    line, began = Line("blend"), contest.clock()
    try:
        _blend(line, contest, lines)
    except KeyboardInterrupt as stop:
        contest.stopped = stop.number if isinstance(stop, Stopped) else signal.SIGINT
        line.note = "left out: stopped before it was whole"
    line.seconds = contest.clock() - began  # beside those of its parts
    return line


def _blend(line: Line, contest: Contest, lines: Sequence[Line]) -> None:
    """Gives the line a value if it is better than its best part by more than noise."""
    parts = [each.best for each in lines if each.best is not None]
    near = [part for part in parts if part.value >= NEAR * parts[0].value]
    found = blend(
        near, contest.parts, contest.auto.seed, left=lambda: contest.left, free=contest.free
    )
    if isinstance(found, str):
        line.note = f"left out: {found}"
        return
    certain = f"{found.at_least:+.4f} with 95 % certainty"
    gain = f"{found.gain:+.4f} (at least {certain}) on users that did not choose its weights"
    assert isinstance(found.part.method, Blend)  # noqa: S101  # narrows the type
    listed = {part["method"]: part["weight"] for part in found.part.method.parts}
    if found.wins and found.part.value > parts[0].value:
        line.best, line.settings, line.note = found.part, listed, f"kept: {gain}"
    else:
        shown = ", ".join(f"{name} {weight:.2g}" for name, weight in listed.items())
        line.note = f"left out: {gain} ({shown})"


def stored(name: str, values: Mapping[str, Any]) -> Method:
    """As `fullrank.methods.stored_method`, which does not know blends.

    Raises:
        SettingError: the method does not take the settings.
    """
    return Blend.build(values) if name == Blend.name else stored_method(name, values)


def stored_in(manifest: Mapping[str, Any], path: Path) -> Method:
    """The method of a model folder, with its settings.

    Raises:
        DataError: the method does not take the settings.
    """
    try:
        return stored(manifest["method"], manifest["settings"])
    except SettingError as error:
        raise DataError(f"{path}, {error.where}", error.found, error.expected) from None


def record(contest: Contest, lines: list[Line]) -> dict[str, Any]:
    """What the metadata of training say of the contest."""
    assert lines[0].best is not None  # noqa: S101  # narrows the type: it has won
    users, stopped = lines[0].best.evaluation.users, contest.stopped
    compared = contest.parts["validation"].user_degree[users].sum()
    return {
        "budget": contest.auto.budget,
        "seconds": round(contest.clock() - contest.began, 3),
        "won": lines[0].method,
        "validation": {"users": len(users), "interactions": int(compared)},
        "stopped": None if stopped is None else signal.Signals(stopped).name,
        "leaderboard": [line.record() for line in lines],
        "trials": {line.method: line.trials for line in lines},
    }


def _nothing_to_choose_by(parts: Mapping[str, Interactions]) -> str | None:
    validation, train = parts.get("validation"), parts["train"]
    if validation is None or not len(validation):
        return "no validation part"
    if not (train.user_degree * validation.user_degree).any():
        return "no user of train in the validation part"
    return None
