"""The trials of a search: where each setting comes from, how it is valued and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from fullrank.data.splits import Split
from fullrank.errors import SettingError
from fullrank.evaluation import evaluate
from fullrank.methods import (
    ByRule,
    ClosedFormMethod,
    Method,
    Space,
    Span,
    build_method,
    method_named,
)
from fullrank.methods.searched import AUTO, Counted, SearchedMethod
from fullrank.recommender import Recommender
from fullrank.training import Silent
from fullrank.training.checkpoint import Record

STARTUP = 4
"""Trials before the search learns from them, and before any is stopped early."""
CHECKS = 2
"""The validation check from which on a trial may be stopped: the first says little of the last."""
AS_IT_COMES = "the settings that the method comes with"
"""What to call them where no value of theirs is among those that are searched."""
BY_RULE = "by rule"
"""What to call a value that is left to a rule of the method."""
POWER = "item_power"
"""What the validation checks of a run find."""
FOUND = "found"
"""Where a trial keeps what its method found by a search or a rule."""


class Best:
    """Marks a value that is the best so far, of this call and of those before it.

    Args:
        earlier: Values of trials from before.
    """

    def __init__(self, earlier: Iterable[float] = ()) -> None:
        self.value: float | None = max(earlier, default=None)

    def seen(self, value: float | None) -> str:
        """``best`` or nothing."""
        if value is None or (self.value is not None and value <= self.value):
            return ""
        self.value = value
        return "(best so far)  "


class Watch(Silent):
    """Reports every validation check to Optuna, and stops where it says so."""

    def __init__(self, trial: Any, stop: type[Exception]) -> None:
        self.of_optuna = trial
        self.stop = stop
        self.checks = 0

    def epoch(self, record: Record) -> None:
        """One validation check."""
        value = record.get("validation_ndcg@20")
        if value is None:
            return
        self.of_optuna.report(value, int(record["epoch"]))
        self.checks += 1  # and not by the epoch: most methods are checked every few epochs
        if self.checks >= CHECKS and self.of_optuna.should_prune():
            raise self.stop


def sampler_of(optuna: Any, seed: int, number: int) -> Any:
    """The sampler of one trial: its chances go by seed and number, its model by earlier trials.

    One sampler for all trials would begin anew when a study goes on, and repeat the first of them.
    """
    own = int(np.random.SeedSequence([seed, number]).generate_state(1)[0])
    return optuna.samplers.TPESampler(seed=own, n_startup_trials=STARTUP)


def comes_with(method: str, fixed: Mapping[str, Any], space: Space, *, own: bool) -> dict[str, Any]:
    """What a method comes with, of the settings that are searched, where it lies in the space.

    Args:
        method: A name of the method table.
        fixed: Settings that every trial has.
        space: What is searched.
        own: Whether that is the method's own space: then what it finds by itself is left to it.
    """
    made = build_method(method, fixed)
    left = made.auto if own and isinstance(made, SearchedMethod) else ()
    values = {name: getattr(made, name) for name in space if name not in left}
    return {name: each for name, each in values.items() if each in space[name]}


def searches(method: Method) -> bool:
    """Whether a fit of it finds settings by itself."""
    return isinstance(method, SearchedMethod) and bool(method.candidates())


def settled_values(method: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a trial, with nothing left that a fit would search by trials of its own.

    The power of lengths, which costs a run nothing but its checks, is found as in a fit.
    """
    try:
        made = build_method(method, values)
    except SettingError:
        return dict(values)  # which the fit refuses, so that the trial fails
    if not isinstance(made, SearchedMethod):
        return dict(values)
    made = made.settled()
    given = {name: getattr(made, name) for name, each in values.items() if each == AUTO}
    free = [POWER, *made.auto] if "auto" not in values else made.auto
    left = sorted({name for name in free if values.get(name, AUTO) == AUTO})
    return {**values, **given, "auto": tuple(left)}


def found_by(training: Mapping[str, Any], alone: bool) -> dict[str, Any]:
    """What a fit found: all of it where it searched ``alone``, else what its checks chose."""
    chosen = dict(training.get("chosen") or {})
    return chosen if alone else {name: chosen[name] for name in chosen if name == POWER}


def found_in(trial: Any) -> dict[str, Any]:
    """What the method of a trial found by a search or a rule; nothing of most trials."""
    return dict(trial.user_attrs.get(FOUND, {}))


def settings_in(trial: Any) -> dict[str, Any]:
    """The settings of a trial, as far as they were searched or found."""
    found = found_in(trial)
    factors = {of_rule(name) for name in found}
    return {name: each for name, each in trial.params.items() if name not in factors} | found


def space_of(method: str, space: Space | None, fixed: Mapping[str, Any]) -> Space:
    """What is searched of a method, without what is fixed, and by rule where that can be.

    Raises:
        SettingError: that is nothing.
    """
    own = method_named(method).space
    if space is None and not own:
        raise SettingError("tune", f"method {method}", "one with settings to search, or a space")
    made = build_method(method, fixed)
    ruled = isinstance(made, SearchedMethod) and made.has_rate
    searched = {
        name: each.otherwise if isinstance(each, ByRule) and not ruled else each
        for name, each in (own if space is None else space).items()
        if name not in fixed
    }
    if not searched:
        raise SettingError("tune", "no setting that is not fixed", "one to search")
    return searched


def of_rule(name: str) -> str:
    """What a study calls the factor of the rule's value, in the place of a setting."""
    return f"{name} / rule"


def named(
    values: Mapping[str, Any], method: str, space: Space, fixed: Mapping[str, Any], data: Counted
) -> dict[str, Any]:
    """Settings by the names of a study: those that it searches by rule as factors.

    A rate that is named without ``shrink`` is for that which the method comes with.
    """
    ruled = [name for name in values if isinstance(space.get(name), ByRule)]
    made = build_method(method, fixed)
    rate = _rate(made, values, data) if ruled else 1.0
    if ruled and "shrink" in space:
        values = {"shrink": made.model_dump()["shrink"], **values}
    return {
        of_rule(name) if name in ruled else name: each / rate if name in ruled else each
        for name, each in values.items()
    }


def suggested(
    trial: Any, method: str, space: Space, fixed: Mapping[str, Any], data: Counted
) -> dict[str, Any]:
    """The settings of a trial. What a factor of a rule comes to is kept with what was found."""
    values: dict[str, Any] = {}
    factors = {}
    for name, each in space.items():
        if isinstance(each, ByRule):
            factors[name] = suggest(trial, of_rule(name), each.factor)
        else:
            values[name] = suggest(trial, name, each)
    rate = _rate(build_method(method, fixed), values, data) if factors else 1.0
    ruled = {name: float(f"{factor * rate:.4g}") for name, factor in factors.items()}
    if ruled:
        trial.set_user_attr(FOUND, ruled)
    return {**fixed, **values, **ruled}


def _rate(method: Method, values: Mapping[str, Any], data: Counted) -> float:
    """The learning rate by rule with these values, which need not hold together."""
    made = method.model_copy(update=dict(values))
    if not isinstance(made, SearchedMethod):
        raise TypeError(f"found {method.name}; expected a method with a learning rate by rule")
    return made.rate(data)


def suggest(trial: Any, name: str, each: Span | tuple[Any, ...]) -> Any:
    """The value of a setting in a trial."""
    if isinstance(each, tuple):
        return trial.suggest_categorical(name, list(each))
    if isinstance(each.low, int) and isinstance(each.high, int):
        return trial.suggest_int(name, each.low, each.high, log=each.log)
    return trial.suggest_float(name, each.low, each.high, log=each.log)


def described(each: Span | ByRule | tuple[Any, ...]) -> Any:
    """What is searched of a setting, for JSON."""
    if isinstance(each, ByRule):
        return {"times the value by rule": described(each.factor)}
    return list(each) if isinstance(each, tuple) else [each.low, each.high, each.log]


def line_of(values: Mapping[str, Any]) -> str:
    """Settings in a line."""
    shown = (f"{v:.4g}" if isinstance(v, float) else worded(v) for v in values.values())
    return ", ".join(f"{name} {value}" for name, value in zip(values, shown, strict=True))


def worded(value: Any) -> str:
    """A value in words, None as what it stands for."""
    return BY_RULE if value is None else str(value)


def plain(value: Any) -> Any:
    """What JSON has for a value that it does not know."""
    return value.item() if hasattr(value, "item") else str(value)


def fitted(model: Recommender, split: Split, watch: Watch | None) -> tuple[float, int | None]:
    """Validation ndcg@20 of a method on a division, and its best epoch, where it has epochs."""
    if isinstance(model.settings, ClosedFormMethod):
        model.fit(split.train)
        return _validated(model, split), None
    model.fit(split.train, split.validation, reporter=watch)
    return model.training["validation_ndcg@20"], model.training["best_epoch"]


def _validated(model: Recommender, split: Split) -> float:
    assert split.validation is not None  # noqa: S101  # narrows the type: tested by tune
    k = min(20, split.train.n_items)
    scored = evaluate(model.scorer, split.validation, train=split.train, k=k, metrics=("ndcg",))
    return scored[f"ndcg@{k}"]
