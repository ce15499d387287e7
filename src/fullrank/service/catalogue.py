"""What is known of items, users and the model itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from fullrank.errors import FitError
from fullrank.service.messages import (
    HistoryAnswer,
    ItemFacts,
    ModelAnswer,
    ModelName,
    SpectrumAnswer,
    UserFacts,
)
from fullrank.service.problems import Problem
from fullrank.service.ranking import Served
from fullrank.serving.allpass_scorer import AllPassScorer
from fullrank.serving.model_files import REPORT
from fullrank.serving.scorers import DotScorer

LONGEST_HISTORY = 200
"""Items of a user that are shown."""


def items(served: Served, rows: Any) -> list[ItemFacts]:
    """Some items, by their rows."""
    counts = np.asarray(served.items.counts, dtype=np.float64)[rows].tolist()
    found = zip(served.items.raw(rows), counts, served.items.titles(rows), strict=True)
    return [ItemFacts(*each) for each in found]


def users(served: Served, rows: Any) -> list[UserFacts]:
    """Some users, by their rows."""
    counts = np.asarray(served.users.counts)[rows].tolist()
    return [UserFacts(*each) for each in zip(served.users.raw(rows), counts, strict=True)]


def history(served: Served, row: int) -> HistoryAnswer:
    """What a user has in the training part, the newest first where times are known."""
    train = served.model.train
    pairs = slice(train.indptr[row], train.indptr[row + 1])
    own = train.item_idx[pairs].astype(np.int64)
    if train.timestamp is not None:
        own = own[np.argsort(-train.timestamp[pairs].astype(np.float64), kind="stable")]
    (user,) = users(served, np.array([row]))
    return HistoryAnswer(served.name, user, items(served, own[:LONGEST_HISTORY]))


def about(served: Served, names: list[ModelName]) -> ModelAnswer:
    """The model in its own words."""
    model = served.model
    metrics = model.metrics.get("metrics", {})
    return ModelAnswer(
        model=served.name,
        models=names,
        method=model.method,
        data=model.data_name,
        users=len(model.users),
        items=len(model.items),
        interactions=len(model.train),
        titles=model.items.titles is not None,
        summary=model._summary(),
        settings=model.settings.model_dump(mode="json"),
        metrics={name: float(value) for name, value in metrics.items()},
        report=(served.folder / REPORT).is_file(),
        index=None if served.index is None else served.index.facts,
        spectrum=isinstance(served.scorer, DotScorer | AllPassScorer),
    )


def spectrum(served: Served) -> SpectrumAnswer:
    """The singular values of the embeddings, measured at the first call.

    Raises:
        Problem: the method has none.
    """
    return served.measured.get(lambda: _measured(served))


def _measured(served: Served) -> SpectrumAnswer:
    try:
        found = served.model.spectrum()
    except FitError as error:
        raise Problem(404, f"found {error.found}; expected {error.expected}") from None
    values = found.singular_values.tolist()
    return SpectrumAnswer(served.name, found.effective_rank, values)


def report(served: Served) -> bytes:
    """The page about the model that lies in its folder.

    Raises:
        Problem: there is none.
    """
    try:
        return (served.folder / REPORT).read_bytes()
    except OSError:
        raise Problem(404, "found no report; expected `fullrank report` to have run") from None
