"""What is said of a finished fit, in a sentence each."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from fullrank.errors import FitError

if TYPE_CHECKING:
    from fullrank.recommender import Recommender
    from fullrank.spectrum import Spectrum


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
    """What the spectrum of the embeddings says; a note where the table is too small to say.

    Of a blend it is a line for each part that has some.
    """
    from fullrank.diagnosis.embedded import tables_of
    from fullrank.spectrum import Spectrum

    pairs = tables_of(model) if model.method == "blend" else {}
    judges = {
        name: partial(Spectrum.of, *pair, where=model._trained.rows) for name, pair in pairs.items()
    }
    lines = [f"{name}: {_judged(each)}" for name, each in judges.items()]
    return "\n".join(lines) or _judged(model.spectrum)


def _judged(spectrum: Callable[[], Spectrum]) -> str:
    try:
        found = spectrum()
        return f"{found.verdict} {found.beside}".rstrip()
    except (ValueError, FitError) as error:
        return f"spectrum not judged: {error}"
