"""Which method ``fullrank fit`` fits, and what it says of that before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fullrank.errors import SettingError

if TYPE_CHECKING:
    from fullrank.data import Split
    from fullrank.recommender import Recommender


def method_named(
    method: str | None, preset: str | None, settings: Mapping[str, Any], *, resume: bool
) -> str:
    """The method to fit, whether it is named or not.

    Raises:
        SettingError: a setting is of another method than the one it would be, or there is no
            checkpoint to go on from.
    """
    from fullrank.portfolio import Auto, unnamed

    named = unnamed(preset, settings) if method is None else method
    if resume and named == Auto.name:
        named_so = "no --method, so auto" if method is None else "--method auto"
        found = f"{named_so}, which keeps no checkpoint"
        raise SettingError("option --resume", found, "the --method of the interrupted run")
    return named


def beginning(model: Recommender, split: Split, *, named: bool, workers: int = 1) -> str:
    """What is fitted, and why where nobody ``named`` it; of ``auto``, how long that may take."""
    from fullrank.portfolio import Auto

    asked = model.settings
    if not isinstance(asked, Auto):
        why = ", whose settings are given; without any: the best of several methods"
        if workers > 1:
            why = f": {workers} workers share one fit; one process would try several methods"
        return f"fitting {asked.name}{'' if named else why}"
    if not split.validation:
        return f"fitting {asked.name}"
    longest = f"at most {asked.budget:.0f} s (--budget), less on small data"
    return f"trying several methods to keep the best on validation: {longest}"


def weights_read(training: Mapping[str, Any]) -> str | None:
    """How weights were read, where that was to be found; None otherwise."""
    said = training.get("weighting", {})
    if "tried" not in said:
        return None
    words = {"given": "as given", "log": "by their logarithm", "none": "not at all"}
    values = ", ".join(f"{words[way]} {value:.4f}" for way, value in said["tried"].items())
    return f"weights are read {words[said['way']]}: validation ndcg@20 {values}"


def rests_on(auto: Mapping[str, Any]) -> str:
    """What the choice of a method rests on."""
    trials = sum(len(each) for each in auto["trials"].values())
    tried = sum(bool(each) for each in auto["trials"].values())
    part = auto["validation"]
    return (
        f"{auto['won']} is the best of {trials} trials of {tried} methods on the validation part "
        f"({part['interactions']:,} interactions of {part['users']:,} users), "
        f"in {auto['seconds']:.0f} s of {auto['budget']:.0f}"
    )
