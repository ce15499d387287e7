"""From a scorer and held-out interactions to metrics, per user and as means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.data.interactions import Interactions
from fullrank.data.order import read_only
from fullrank.errors import DataError, SettingError
from fullrank.evaluation import intervals as bootstrap
from fullrank.evaluation.left_out import (
    apart_from_validation,
    counts_of,
    rows_of_users,
    warn_of_zeros,
    with_test_items,
)
from fullrank.evaluation.metrics import Counts, Exposure, Hits, Values
from fullrank.evaluation.protocols import ListMetric, Protocol, UserMetric, protocol_named
from fullrank.evaluation.ties import SEED, fair_top_k, tied_at
from fullrank.serving.cold import Trained, rank_served
from fullrank.serving.scorers import Scorer
from fullrank.serving.top_k import BLOCK_BYTES, Ranking
from fullrank.settings import nearest

Lists = Callable[[NDArray[np.int64], int, Sequence[Interactions]], Ranking]
"""Makes a ranking of user rows, of a length, without the items that the users have in parts."""


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation(Mapping[str, float]):
    """Metrics by name, ``evaluation["ndcg@20"]``, with what stands behind each number."""

    users: NDArray[np.int64]
    """(U,) rows of the users evaluated."""
    protocol: dict[str, Any]
    """What the numbers mean and were made from, fit for JSON."""
    figures: Mapping[str, Values | float]
    """(U,) float64 for a metric of users, a number for a metric of lists."""
    shown: Mapping[int, Counts] = field(default_factory=dict)
    """(n_items,) by cutoff, what metrics of lists are made of: in how many lists an item stands."""

    def per_user(self, name: str) -> Values:
        """(U,) float64, unrounded, in the order of `users`; not to be written to.

        Raises:
            SettingError: no metric of this name was computed, or it has no value per user.
        """
        known = {each: row for each, row in self.figures.items() if not isinstance(row, float)}
        if name not in known:
            expected = nearest(name, known) if known else "one of users: only lists were measured"
            raise SettingError("metric per user", repr(name), expected)
        return read_only(known[name])

    @property
    def names_per_user(self) -> list[str]:
        """Metrics that have a value for each user."""
        return [name for name, value in self.figures.items() if not isinstance(value, float)]

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95 % bootstrap intervals over users of the means that have a value per user.

        What `fullrank.evaluation.intervals` says of them is in the protocol block.
        """
        return bootstrap.intervals({name: self.per_user(name) for name in self.names_per_user})

    def to_dict(self) -> dict[str, Any]:
        """Means, their intervals and the protocol block, fit for JSON."""
        between = {name: list(ends) for name, ends in self.intervals.items()}
        return {"metrics": dict(self), "intervals": between, "protocol": self.protocol}

    @cached_property
    def _means(self) -> dict[str, float]:
        return {name: float(np.mean(value)) for name, value in self.figures.items()}

    def __getitem__(self, name: str) -> float:
        return self._means[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.figures)

    def __len__(self) -> int:
        return len(self.figures)

    def __repr__(self) -> str:
        cutoffs = self.protocol["k"]
        names = list(dict.fromkeys(name.split("@")[0] for name in self.figures))
        lines = [
            f"Evaluation: {len(self.users):,} users, protocol {self.protocol['name']}",
            " " * 16 + "".join(f"{f'@{k}':<26}" for k in cutoffs),
        ]
        for name in names:
            row = "".join(f"{self._shown(f'{name}@{k}'):<26}" for k in cutoffs)
            lines.append(f"{name:<16}{row}")
        lines += [self.protocol["audit"]["line"]] if "audit" in self.protocol else []
        return "\n".join(line.rstrip() for line in lines)

    def _shown(self, name: str) -> str:
        return bootstrap.shown(self[name], self.intervals.get(name))


def evaluate(
    scorer: Scorer,
    test: Interactions,
    *,
    train: Interactions,
    validation: Interactions | None = None,
    k: Sequence[int] | int = (10, 20),
    protocol: str = "standard",
    metrics: Sequence[str] | None = None,
    users: NDArray[np.integer[Any]] | None = None,
    include_cold: bool = False,
    popularity: NDArray[Any] | None = None,
    block_bytes: int = BLOCK_BYTES,
    lists: Lists | None = None,
) -> Evaluation:
    """Ranks all items for each user and compares the best with the user's test items.

    Users without test items have no value; they are left out of the means and counted in the
    protocol block. A test item that is masked can never be a hit, but counts as one to be found.

    In protocol ``standard`` items without training interactions are in no list, and users without
    any are left out, or get the popular list with ``include_cold``; the block counts both. Equal
    scores are in a fixed random order, so that a scorer gains nothing from the order of the rows;
    the block has its seed, and the share of users with a tie at each cutoff.

    Args:
        scorer: Gives the scores to rank by.
        test: The held-out interactions; the validation part, while training.
        train: The training interactions; their items are masked, their degrees are popularity.
            The pairs of ``train.never`` are masked too.
        validation: A validation part beside ``test``; masked by protocol ``standard``, unless
            every pair of ``test`` is in it, which is warned of.
        k: Cut-offs.
        protocol: ``standard``, or ``published`` for comparison with the paper's tables.
        metrics: Names before the ``@``, such as ``("ndcg", "recall")``; all those of the protocol
            when not given. Only what is named is computed.
        users: User rows to evaluate; all when not given.
        include_cold: Evaluate users without training interactions too, with the popular list.
        popularity: (n_items,) interactions of each item in training, where ``train`` holds other
            users than those that were trained on.
        block_bytes: Upper bound on a block of scores, as in `top_k`.
        lists: Makes the lists, as rules do, of user rows, the largest cutoff and the parts that are
            masked. They are in the order that it gives, equal scores among them.

    Raises:
        SettingError: ``k``, ``protocol`` or a name in ``metrics`` is not known or out of bounds.
        DataError: the parts do not share their rows, ``users`` are no row numbers, or no user has
            test items.
        FitError: a score is NaN.
    """
    rules = protocol_named(protocol)
    chosen = rules.select([metrics] if isinstance(metrics, str) else metrics)
    cutoffs = cutoffs_of(k, test.n_items)
    parts = {"train": train, "validation": validation, "test": test}
    given = {name: part for name, part in parts.items() if part is not None}
    _check_rows(scorer, given)
    masks = rules.masks_validation and apart_from_validation(test, validation)
    masked = ["train"] + ["validation"] * masks
    exclude = [given[name] for name in masked]
    if train.never is not None:
        masked.append("never")
        exclude.append(train.never)
    rows, left_out = with_test_items(test, users)
    trained = Trained.of(train, popularity)
    cold = trained.cold(rows) & rules.trained_only
    rows = rows if include_cold else rows[~cold]
    if not len(rows):
        found = f"{len(cold)} users with test items, none with training interactions"
        raise DataError("test interactions", found, "one, or include_cold")
    deepest = max(rules.depth(each) for each in cutoffs)
    if lists is None:
        ranking = _ranked(scorer, trained, rules, rows, deepest + 1, exclude, block_bytes)
    else:
        ranking = lists(rows, deepest, exclude)
    block = {
        "name": rules.name,
        "metrics": _definitions(rules, chosen, cutoffs),
        "masked": masked,
        "users_evaluated": len(rows),
        "users_left_out": left_out,
        "untrained_users": int(cold.sum()),
        "untrained_users_evaluated": int(cold.sum()) if include_cold else 0,
        **counts_of(test, trained, exclude),
        "items": test.n_items,
        "k": cutoffs,
        "ties": _ties(rules, cutoffs, ranking) if lists is None else {"order": "of the lists"},
        "intervals": bootstrap.DEFINITION,
        "fingerprints": {name: part.fingerprint for name, part in given.items()},
    }
    warn_of_zeros(block, masked)
    return Evaluation(rows, block, *_values(rules, chosen, cutoffs, ranking, test, train))


def _ties(rules: Protocol, cutoffs: Sequence[int], ranking: Ranking) -> dict[str, Any]:
    shares = {f"@{k}": float(tied_at(ranking, rules.depth(k)).mean()) for k in cutoffs}
    return {"order": "random", "seed": SEED, "users_tied_at_cutoff": shares}


def _ranked(
    scorer: Scorer,
    trained: Trained,
    rules: Protocol,
    rows: NDArray[np.int64],
    k: int,
    exclude: Sequence[Interactions],
    block_bytes: int,
) -> Ranking:
    rank = partial(fair_top_k, block_bytes=block_bytes)
    if not rules.trained_only:
        return rank(scorer, rows, k, exclude=exclude)
    return rank_served(
        rank, scorer, trained, rows, k, exclude=exclude, candidates=trained.candidates()
    )


def hits_of(ranking: Ranking, test: Interactions) -> Hits:
    """(U, k) bool: whether each ranked item is one of the user's ``test`` items."""
    n_items = test.n_items
    wanted = np.append(test.user_idx * np.int64(n_items) + test.item_idx, -1)  # a test may be empty
    ranked = ranking.users[:, None] * n_items + ranking.items
    slot = np.searchsorted(wanted[:-1], ranked.ravel()).reshape(ranked.shape)
    found: Hits = wanted[slot] == ranked
    # An empty slot, item -1, has the key of the previous user's last item.
    return found & (ranking.items >= 0)


def _values(
    rules: Protocol,
    chosen: Mapping[str, UserMetric | ListMetric],
    cutoffs: Sequence[int],
    ranking: Ranking,
    test: Interactions,
    train: Interactions,
) -> tuple[dict[str, Values | float], dict[int, Counts]]:
    of_users = {name: each for name, each in chosen.items() if isinstance(each, UserMetric)}
    of_lists = {name: each for name, each in chosen.items() if isinstance(each, ListMetric)}
    values, shown = dict[str, Values | float](), dict[int, Counts]()
    hits = hits_of(ranking, test) if of_users else None
    n_test = (rows_of_users(test) if rules.counts_repeats else test.user_degree)[ranking.users]
    for k in cutoffs:
        depth = rules.depth(k)
        if hits is not None:
            cut = hits[:, :depth]
            values |= {
                f"{name}@{k}": each.formula(cut, n_test, k) for name, each in of_users.items()
            }
        if of_lists:
            exposure = Exposure.of(ranking.items[:, :depth], train.item_degree)
            values |= {f"{name}@{k}": each.formula(exposure) for name, each in of_lists.items()}
            shown[k] = exposure.counts
    return values, shown


def _definitions(
    rules: Protocol, chosen: Mapping[str, UserMetric | ListMetric], cutoffs: Sequence[int]
) -> dict[str, str]:
    return {
        f"{name}@{k}": each.definition.format(k=k, depth=rules.depth(k))
        for k in cutoffs
        for name, each in chosen.items()
    }


def cutoffs_of(k: Sequence[int] | int, n_items: int) -> list[int]:
    """Each once, ascending; a SettingError where one is no whole number from 1 to ``n_items``."""
    given = k.tolist() if isinstance(k, np.ndarray) else k
    cutoffs = list(given) if isinstance(given, Iterable) else [given]
    for each in cutoffs:
        if isinstance(each, bool) or not isinstance(each, int | np.integer) or each < 1:
            raise SettingError("setting k", repr(each), "whole numbers of at least 1")
        if each > n_items:
            raise SettingError("setting k", repr(each), f"no more than the {n_items} items")
    if not cutoffs:
        raise SettingError("setting k", "no cutoff", "at least one, such as (10, 20)")
    return sorted({int(each) for each in cutoffs})


def _check_rows(scorer: Scorer, parts: Mapping[str, Interactions]) -> None:
    test = parts["test"]
    if scorer.n_items != test.n_items:
        found = f"scores of {scorer.n_items} items"
        raise DataError("scorer", found, f"the {test.n_items} of the test part")
    for name, part in parts.items():
        for side in ("users", "items"):
            mine, its = getattr(part, side), getattr(test, side)
            if mine is not its and mine != its:
                raise DataError(
                    f"{name} and test parts",
                    f"different {side}",
                    f"one numbering of {side}, as the parts of a split have",
                )
