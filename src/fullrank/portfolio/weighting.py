"""How weights are to be read, where the validation part is to say so."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from fullrank.data.interactions import Interactions
from fullrank.data.memory import available_memory
from fullrank.data.weighting import WAYS, Way, Weighting
from fullrank.errors import FullrankError
from fullrank.evaluation import evaluate
from fullrank.methods import Method, build_method
from fullrank.methods.fitting import fit
from fullrank.portfolio.auto import Auto
from fullrank.portfolio.board import METRIC
from fullrank.portfolio.costs import Costs
from fullrank.portfolio.trials import compared
from fullrank.training import Reporter, Silent

UNTRIED: Way = "log"
"""Where nothing says which is best: it loses little where weights mean much, and is far ahead of
``given`` where they mean nothing."""
JUDGES = ("itemknn", "allpass")
"""By whose better value ``auto`` chooses: quick ones, and of two kinds."""
SHARE = 0.15
"""Of the budget of ``auto`` that the choice may take, by estimate."""


def read_weights(
    method: Method,
    parts: Mapping[str, Interactions],
    device: str,
    reporter: Reporter | None = None,
) -> tuple[dict[str, Interactions], dict[str, Any]]:
    """The parts with their weights as the method wants them read, and metadata of how.

    Args:
        method: Its ``weighting`` says how; ``auto`` is whichever is best on the validation part.
        parts: ``train``, and whatever else there is.
        device: Where methods run.
        reporter: Receives the trials.
    """
    train, way = parts["train"], method.weighting
    if train.weight is None or way == "given":
        return dict(parts), {}
    tried: dict[str, float] = {}
    if way == "auto":
        way, tried = _best(method, parts, device, reporter or Silent())
    weighting = Weighting.of(way, train)
    said = asdict(weighting) | ({"tried": tried} if tried else {})
    return {name: weighting.read(part) for name, part in parts.items()}, {"weighting": said}


def _best(
    method: Method, parts: Mapping[str, Interactions], device: str, reporter: Reporter
) -> tuple[Way, dict[str, float]]:
    """The best way, and the value of each on the validation part."""
    train, validation = parts["train"], parts.get("validation")
    if not validation or not (train.user_degree * validation.user_degree).any():
        return UNTRIED, {}
    judges = _affordable(method, train)
    if not judges:
        return UNTRIED, {}
    users = compared({"train": train, "validation": validation}, method.seed)
    k, values = min(20, train.n_items), dict.fromkeys(WAYS, 0.0)
    for way in WAYS:
        read = Weighting.of(way, train).read(train)
        for judge in judges:
            began = time.perf_counter()
            trial: dict[str, Any] = {"method": judge.name, "weighting": way}
            try:
                with warnings.catch_warnings():  # the fit itself will say it
                    warnings.simplefilter("ignore")
                    scorer, _ = fit(judge.fitted_to(read), {"train": read}, device)
                figures = evaluate(
                    scorer, validation, train=train, k=(k,), metrics=("ndcg",), users=users
                )
            except (FullrankError, MemoryError) as error:
                if judge is method:
                    raise
                trial["error"] = f"failed: {error}"  # as in the contest: not the others' fault
            else:
                trial[METRIC] = next(iter(figures.values()))
                values[way] = max(values[way], trial[METRIC])
            reporter.trial(trial | {"seconds": time.perf_counter() - began})
    if not any(values.values()):
        return UNTRIED, {}
    return max(values, key=values.__getitem__), {str(way): value for way, value in values.items()}


def _affordable(method: Method, train: Interactions) -> list[Method]:
    """What the choice is made by: the method itself, or those of ``auto`` that time allows."""
    if not isinstance(method, Auto):
        return [method]
    costs, free, kept = Costs(train), available_memory(), []
    room = SHARE * method.budget / len(WAYS)
    for name in JUDGES:
        judge = build_method(name, {"seed": method.seed}).fitted_to(train)
        seconds = costs.seconds(judge)
        if seconds <= room and (free is None or costs.memory(judge) <= free):
            kept.append(judge)
            room -= seconds
    return kept
