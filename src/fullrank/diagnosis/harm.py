"""What the leading directions do to lists: with the top m alone, and with the top m removed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fullrank.diagnosis.matching import Known
from fullrank.evaluation import Evaluation, evaluate
from fullrank.serving.scorers import DotScorer
from fullrank.spectrum.measure import gram

USERS = 2000
"""Users that lists are made for: drawn at random where there are more."""
Values = np.ndarray[Any, np.dtype[np.float64]]
CLEARLY = 3.0
"""Standard errors of a mean difference over users from which it is told."""
SPARE = 0.05
"""Share of the figure that what is called spare may be worth at most, by the same errors."""
CUTOFF = 20


@dataclass(frozen=True)
class Cut:
    """Lists of the table with some directions alone.

    Attributes:
        directions: m.
        kept: Figures with the top m directions alone.
        removed: Figures with the top m removed.
        kept_difference: ndcg less that of the whole table, in standard errors over users.
        removed_difference: The same with the top m removed.
        kept_loss: Share of the whole table's figure that the others may be worth at most, three
            standard errors allowed for; None of a single user, or where the figure is zero.
    """

    directions: int
    kept: dict[str, float]
    removed: dict[str, float]
    kept_difference: float
    removed_difference: float
    kept_loss: float | None


@dataclass(frozen=True)
class Harm:
    """Lists of whole rows, and of rows with some directions alone.

    Attributes:
        part: What the lists were to find.
        users: For how many users.
        whole: Figures of all directions.
        cuts: By m.
    """

    part: str
    users: int
    whole: dict[str, float]
    cuts: list[Cut]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    @property
    def metric(self) -> str:
        """The figure that `sentence` compares."""
        return next(iter(self.whole))

    @property
    def _users(self) -> str:
        return "1 user does" if self.users == 1 else f"{self.users:,} users do"

    def sentence(self) -> str:
        """What removing and keeping directions says of them."""
        name, whole = self.metric, self.whole[self.metric]
        better = [cut for cut in self.cuts if cut.removed_difference > CLEARLY]
        enough = [
            cut
            for cut in self.cuts
            if cut.kept_difference > -CLEARLY
            and cut.kept_loss is not None
            and cut.kept_loss < SPARE
        ]
        if better:
            best = max(better, key=lambda cut: cut.removed[name])
            return (
                f"Without the top {_directions(best.directions)} {name} on {self.part} rises from "
                f"{whole:.4f} to {best.removed[name]:.4f}: they cost lists more than they give."
            )
        if enough:
            least = enough[0]
            return (
                f"The top {_directions(least.directions)} alone rank no worse than all, "
                f"give or take {SPARE:.0%} ({name} on {self.part} {least.kept[name]:.4f} of "
                f"{whole:.4f}): the rest is spare."
            )
        first, last = self.cuts[0], self.cuts[-1]
        if last.kept_difference > -CLEARLY:
            return (
                f"{self._users} not tell whether lists need all directions: {name} on "
                f"{self.part} is {whole:.4f}, {last.kept[name]:.4f} with the top "
                f"{_directions(last.directions)} alone."
            )
        return (
            f"Lists need their directions: {name} on {self.part} is {whole:.4f}, "
            f"{first.removed[name]:.4f} without the leading one."
        )


def harm(users: Tensor, items: Tensor, known: Known, seed: int = 0) -> Harm | None:
    """Ranks by inner products of rows with the top m directions alone, and without them.

    The directions are those of users and items stacked, over rows with interactions: the right
    singular vectors, largest first. Rows in them are turned, not changed, so lists with all of them
    are those of the table.

    Shapes: ``users`` (n_users, d), ``items`` (n_items, d), rows as ``known`` numbers them.

    Returns:
        None where nothing is held out for a user who was trained.
    """
    if known.held_out is None:
        return None
    degrees = known.train.user_degree, known.train.item_degree
    rows = np.flatnonzero((known.held_out.user_degree > 0) & (degrees[0] > 0))
    if not len(rows):
        return None
    if len(rows) > USERS:
        rows = np.sort(np.random.default_rng(seed).choice(rows, USERS, replace=False))
    trained = [
        table[torch.from_numpy(degree > 0)]
        for table, degree in zip((users, items), degrees, strict=True)
    ]
    vectors = torch.linalg.eigh(gram(*trained)).eigenvectors.flip(1)
    turned = [(table.double() @ vectors).float() for table in (users, items)]

    def ranked(directions: slice) -> Evaluation:
        scorer = DotScorer(*(table[:, directions].contiguous() for table in turned))
        k = min(CUTOFF, known.train.n_items)
        return evaluate(
            scorer,
            known.held_out,  # type: ignore[arg-type]  # the early return has seen to it
            train=known.train,
            validation=known.beside,
            k=k,
            metrics=("ndcg", "recall"),
            users=rows,
        )

    width = users.shape[1]
    whole = ranked(slice(0, width))
    halvings = (2**power for power in range(width.bit_length()))
    cuts = [
        _cut(m, whole, ranked(slice(0, m)), ranked(slice(m, width))) for m in halvings if m < width
    ]
    return Harm(known.part, len(whole.users), dict(whole), cuts)


def _cut(m: int, whole: Evaluation, kept: Evaluation, removed: Evaluation) -> Cut:
    name = next(iter(whole))
    before = whole.per_user(name)
    kept_difference, removed_difference = (
        _standard_errors(each.per_user(name) - before) for each in (kept, removed)
    )
    loss = None
    if len(before) > 1 and whole[name] > 0:
        loss = (CLEARLY * _error(kept.per_user(name) - before) - kept[name]) / whole[name] + 1
    return Cut(m, dict(kept), dict(removed), kept_difference, removed_difference, loss)


def _standard_errors(differences: Values) -> float:
    error = _error(differences) if len(differences) > 1 else 0.0
    return float(differences.mean() / error) if error > 0 else 0.0


def _error(differences: Values) -> float:
    return float(differences.std(ddof=1) / len(differences) ** 0.5)


def _directions(m: int) -> str:
    return "direction" if m == 1 else f"{m} directions"
