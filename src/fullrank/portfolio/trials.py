"""One trial of a portfolio: a method with its settings, fitted and evaluated."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from fullrank.data.interactions import Interactions
from fullrank.evaluation import Evaluation, evaluate
from fullrank.methods import Method, TrainedMethod
from fullrank.methods.closed_form.popular import ByPopularity
from fullrank.methods.fitting import Fitted, vary
from fullrank.methods.fitting import fit as fit_method
from fullrank.portfolio.board import Line, Part, gain, ndcg
from fullrank.portfolio.popularity import best_power
from fullrank.portfolio.training import epochs_within, watched
from fullrank.training import Reporter

EVALUATED = 10_000
"""Users of the validation part by whom methods are compared, at most."""
GIVEN_UP = 2.0
"""Standard errors by which a trial is behind the best of its method, as fewer users say, before the
others are asked."""


class Trials:
    """Runs trials.

    Args:
        parts: ``train`` and ``validation``.
        device: Where methods run.
        seed: Of the users by whom methods are compared.
        left: Seconds that methods may take.
    """

    def __init__(
        self,
        parts: Mapping[str, Interactions],
        device: str,
        seed: int,
        left: Callable[[], float],
    ) -> None:
        self.parts, self.device = parts, device
        self.left = left
        self.users = compared(parts, seed)

    def part(self, line: Line, method: Method, leader: float, reporter: Reporter) -> Part:
        """The method fitted, with its figures; made of the best of its line where that is short.

        Where scores are multiplied by a power of popularity it is the best for the other settings:
        how much popularity a ranking wants differs by them as much as by data.

        Args:
            line: What is known of the method.
            method: With the settings that are tried.
            leader: The best value so far, by which a search may be given up.
            reporter: Receives the log of what is trained.

        Raises:
            OutOfTime: there is too little of it, or the search of the method is given up.
        """
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            method, fitted = self._fitted(line, method, leader, reporter)
            method, fitted, sample = self._with_popularity(method, fitted)
        if sample is not None and line.best is not None:
            behind = _behind(sample, line.best)
            if behind is not None:
                return Part(method, fitted, sample, estimate=behind)
        train, validation = self.parts["train"], self.parts["validation"]
        k = min(20, train.n_items)
        figures = evaluate(
            fitted[0], validation, train=train, k=(k,), metrics=("ndcg",), users=self.users
        )
        return Part(method, fitted, figures, tuple(str(each.message) for each in said))

    def _fitted(
        self, line: Line, method: Method, leader: float, reporter: Reporter
    ) -> tuple[Method, Fitted]:
        train, best = self.parts["train"], line.best
        if isinstance(method, TrainedMethod):
            method = epochs_within(method, self.parts, self.device, self.left)
            return method, fit_method(
                method,
                self.parts,
                self.device,
                reporter=watched(reporter, method, leader),
                enough=lambda: self.left() <= 0,
            )
        varied = None if best is None else vary(method, best.method, best.fitted, train)
        if best is None or varied is None:
            return method, fit_method(method, self.parts, self.device)
        for said in best.warned:  # of what both have in common
            warnings.warn(said, stacklevel=2)
        return method, varied

    def _with_popularity(
        self, method: Method, fitted: Fitted
    ) -> tuple[Method, Fitted, Evaluation | None]:
        """With the best power for the other settings, and what some users say of it."""
        if not isinstance(method, ByPopularity):
            return method, fitted, None
        found, sample = best_power(method, fitted[0], self.parts, self.users)
        if found == method.popularity:
            return method, fitted, sample
        other = method.replace(popularity=found)
        varied = vary(other, method, fitted, self.parts["train"])
        return (method, fitted, None) if varied is None else (other, varied, sample)


def _behind(sample: Evaluation, best: Part) -> float | None:
    """The value that a trial has about, where some of the users say that it is no better."""
    users = best.evaluation.users
    if len(sample.users) == len(users):
        return None
    same = best.ndcg[np.searchsorted(users, sample.users)]
    if gain(ndcg(sample), same, -GIVEN_UP) >= 0:
        return None
    return best.value + gain(ndcg(sample), same, 0.0)


def compared(parts: Mapping[str, Interactions], seed: int) -> NDArray[np.int64] | None:
    """The users of validation by whom methods are compared, ascending; None for all."""
    users = np.flatnonzero(parts["train"].user_degree * parts["validation"].user_degree)
    if len(users) <= EVALUATED:
        return None
    return np.sort(np.random.default_rng(seed).choice(users, EVALUATED, replace=False))
