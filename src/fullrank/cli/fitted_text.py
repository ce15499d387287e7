"""What is said of a finished fit, in a sentence each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fullrank.errors import FitError

if TYPE_CHECKING:
    from fullrank.recommender import Recommender


def found_line(training: dict[str, Any]) -> str:
    """Which settings were left to `fit`, and what they rest on."""
    values = ", ".join(f"{name} {value:.4g}" for name, value in training["chosen"].items())
    if "search" not in training:
        return f"{values}: not searched, for there is no validation part to choose them by"
    trials = training["search"]
    spent = sum(trial["epochs"] for trial in trials)
    return (
        f"{values}: the best of {len(trials)} trials on the validation part ({spent} epochs in all)"
    )


def verdict(model: Recommender) -> str:
    """What the spectrum of the embeddings says; a note where the table is too small to say."""
    try:
        spectrum = model.spectrum()
        return f"{spectrum.verdict} {spectrum.beside}".rstrip()
    except (ValueError, FitError) as error:
        return f"spectrum not judged: {error}"
