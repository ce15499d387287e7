"""The last fit: what was chosen, on the interactions that it was chosen and judged by, too."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fullrank.data.interactions import Interactions
from fullrank.data.joining import joined
from fullrank.methods import Method, TrainedMethod
from fullrank.methods.fitting import Fitted
from fullrank.methods.fitting import fit as fit_method
from fullrank.methods.searched import SearchedMethod
from fullrank.methods.starting import Start
from fullrank.portfolio.blend import Blend
from fullrank.portfolio.board import METRIC
from fullrank.training import Reporter

CHOICE = ("auto", "chosen", "search", METRIC, "best_epoch", "gate", "weighting")
"""What the metadata of the first fit say of the choice, which those of the last fit keep."""


def final_fit(
    method: Method,
    training: Mapping[str, Any],
    parts: Mapping[str, Interactions],
    device: str,
    reporter: Reporter | None = None,
    start: Start | None = None,
    *,
    with_parts: Sequence[str] = ("validation",),
    fit: Callable[..., Fitted] | None = None,
) -> tuple[Fitted, dict[str, Interactions]]:
    """Fits a method, with what its first fit found, on more than that fit had.

    Args:
        method: The method that was fitted.
        training: The metadata of that fit: best epoch, and settings that it found.
        parts: Those of that fit, ``validation`` among them.
        device: Where training runs.
        reporter: Receives the log of training.
        start: What rows begin with, where not as drawn.
        with_parts: Names of the parts that it learns from besides train, as far as there are.
        fit: Fits a single method in the place of `fullrank.methods.fitting.fit`, called as that is.

    Returns:
        What was fitted, and the parts as they are for it: ``train`` holds those it learned from.
    """
    taken = [name for name in parts if name == "train" or name in with_parts]
    whole = {name: part for name, part in parts.items() if name not in taken}
    whole["train"] = joined(*(parts[name] for name in taken))
    method = settled(method, training)
    with warnings.catch_warnings():  # the first fit has said it
        warnings.simplefilter("ignore")
        if isinstance(method, Blend):
            scorer, metadata = method.fit(whole, device)
        else:
            only = {"train": whole["train"]}
            scorer, metadata = (fit or fit_method)(
                method, only, device, reporter=reporter, start=start
            )
    kept = {name: training[name] for name in CHOICE if name in training}
    said = {"parts": taken, "interactions": len(whole["train"])}
    return (scorer, metadata | kept | {"final": said}), whole


def settled(method: Method, training: Mapping[str, Any]) -> Method:
    """The method with nothing left to choose: epochs up to the best, settings as found."""
    if isinstance(method, Blend):
        parts = zip(method.parts, method.methods, training["parts"], strict=True)
        fixed = tuple(
            part | {"settings": settled(each, found).model_dump(mode="json")}
            for part, each, found in parts
        )
        return method.replace(parts=fixed)
    if not isinstance(method, TrainedMethod):
        return method
    values = {"epochs": training.get("best_epoch") or training["epochs"]}
    if isinstance(method, SearchedMethod):
        values |= {"auto": (), **(training.get("chosen") or {})}
    return method.replace(**values)
