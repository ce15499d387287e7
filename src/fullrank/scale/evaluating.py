"""The test part evaluated by all workers: what each finds, and the evaluation that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data import Interactions
from fullrank.errors import DataError
from fullrank.evaluation import Evaluation
from fullrank.evaluation.left_out import counts_of, warn_of_zeros
from fullrank.evaluation.metrics import Exposure, Values
from fullrank.evaluation.protocols import STANDARD, ListMetric
from fullrank.scale.measuring import Measuring
from fullrank.serving.cold import Trained

PART = "test"
_SUMS = (
    "users_evaluated",
    "untrained_users",
    "test_pairs",
    "test_rows",
    "test_pairs_of_untrained_items",
    "test_pairs_masked",
)
"""Counts of the protocol block that those of workers add up to."""


@dataclass(frozen=True, eq=False)
class Piece:
    """What a worker finds of the users that it ranks for."""

    users: NDArray[np.int64]
    """Rows of them in the whole table, those who cannot be evaluated too."""
    found: Evaluation | None
    """Of its share of the users, numbered from 0; None if none of them can be evaluated."""
    counts: Mapping[str, int]
    """What the protocol block counts of them."""


def piece_of(measuring: Measuring, tables: tuple[Tensor, Tensor], k: Sequence[int]) -> Piece:
    """Ranks for this worker's share of the users with test items, by all metrics."""
    found = measuring.evaluated(tables, PART, k, None)
    held = measuring.held(PART)
    if found is not None:
        return Piece(held.users, found, {name: found.protocol[name] for name in _SUMS})
    train, test = held.tables["train"], held.tables[PART]
    masked = [each for each in (train, held.tables.get("validation"), train.never) if each]
    counts = counts_of(test, Trained.of(train, measuring.item_degree), masked)
    cold = {"users_evaluated": 0, "untrained_users": len(held.users)}
    return Piece(held.users, None, {**cold, **counts})


def joined(pieces: Sequence[Piece], parts: Mapping[str, Interactions]) -> Evaluation:
    """The evaluation of all users, as one process makes it.

    Args:
        pieces: Of all workers, in the order of their users.
        parts: Those of the split. Of train the numbers of interactions of the items are read.

    Raises:
        DataError: no user can be evaluated.
    """
    counts = {name: sum(piece.counts[name] for piece in pieces) for name in _SUMS}
    found = [(piece, piece.found) for piece in pieces if piece.found is not None]
    if not found:
        what = f"{counts['untrained_users']} users with test items, none with training interactions"
        raise DataError("test interactions", what, "one")
    one = found[0][1]
    figures: dict[str, Values | float] = {
        name: np.concatenate([each.per_user(name) for _, each in found])
        for name in one.names_per_user
    }
    shown = {k: np.sum([each.shown[k] for _, each in found], axis=0) for k in one.shown}
    popularity = parts["train"].item_degree
    for name in (name for name in one.figures if name not in figures):
        figures[name] = _of_lists(name, shown, popularity)
    some = sum(len(piece.users) for piece in pieces)
    block = one.protocol | counts | {"users_left_out": parts[PART].n_users - some}
    block["ties"] = one.protocol["ties"] | {"users_tied_at_cutoff": _ties(found)}
    block["fingerprints"] = {name: part.fingerprint for name, part in parts.items()}
    warn_of_zeros(block, block["masked"])  # what workers warn of is not heard
    users = np.concatenate([piece.users[each.users] for piece, each in found])
    ordered = {name: figures[name] for name in one.figures}
    return Evaluation(users, block, ordered, shown)


def _of_lists(name: str, shown: Mapping[int, NDArray[Any]], popularity: NDArray[np.int64]) -> float:
    metric, _, k = name.partition("@")
    each = STANDARD.metrics[metric]
    if not isinstance(each, ListMetric):
        raise TypeError(f"found {name}; expected a metric of lists")
    return each.formula(Exposure(shown[int(k)], popularity))


def _ties(found: Sequence[tuple[Piece, Evaluation]]) -> dict[str, float]:
    """Share of all users with a tie at each cutoff."""
    sizes = [len(each.users) for _, each in found]
    shares = [each.protocol["ties"]["users_tied_at_cutoff"] for _, each in found]
    return {
        at: float(np.average([share[at] for share in shares], weights=sizes)) for at in shares[0]
    }
