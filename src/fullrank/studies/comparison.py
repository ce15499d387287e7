"""The runs of a comparison, and what is certain about them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fullrank.evaluation.intervals import intervals
from fullrank.evaluation.significance import (
    best_against_others,
    better_for_users,
    better_over_seeds,
    differs_for_users,
    differs_over_seeds,
    holm,
)
from fullrank.serving.model_files import versions
from fullrank.studies.runs import Run

Values = NDArray[np.float64]


class Comparison:
    """The runs of a comparison, and the table they make.

    Args:
        data: The data set.
        fingerprint: Of its split.
        protocol: What the metrics mean.
        seeds: Of the runs.
        runs: By label, one for each seed.
        errors: Of the methods that could not be run.
        drawn: How the split was made, and what an audit says of it in a line.
        one_tailed: Whether the best is marked by `tests_one_tailed`.
    """

    METADATA = ("effective_rank", "epoch_seconds", "seconds", "parameters")

    def __init__(
        self,
        data: str,
        fingerprint: str,
        protocol: str,
        seeds: list[int],
        runs: dict[str, list[Run]],
        errors: dict[str, str],
        *,
        drawn: Mapping[str, Any] | None = None,
        one_tailed: bool = False,
    ) -> None:
        self.data = data
        self.fingerprint = fingerprint
        self.protocol = protocol
        self.seeds = seeds
        self.runs = runs
        self.errors = errors
        self.drawn = dict(drawn or {})
        self.one_tailed = one_tailed
        self._intervals: dict[str, dict[str, tuple[float, float]]] = {}
        self.metrics = list(next(iter(runs.values()))[0].metrics)

    def values(self, label: str, name: str) -> list[float]:
        """One value for each seed, of a metric or of the metadata of a run; if any."""
        each = [{**run.metadata, **run.metrics}.get(name) for run in self.runs[label]]
        return [float(value) for value in each if value is not None]

    def mean(self, label: str, name: str) -> float | None:
        """Mean over the seeds."""
        values = self.values(label, name)
        return float(np.mean(values)) if values else None

    def deviation(self, label: str, name: str) -> float:
        """Standard deviation over the seeds, of the sample; 0 of a single run."""
        values = self.values(label, name)
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0

    def interval(self, label: str, name: str) -> tuple[float, float] | None:
        """95 % bootstrap interval over users of the mean over seeds; None without users."""
        if label not in self._intervals:  # of all metrics at once: they share their resamples
            users = {each: self._of_users(label, each) for each in self.metrics}
            known = {each: values for each, values in users.items() if values is not None}
            self._intervals[label] = intervals(known)
        return self._intervals[label].get(name)

    def difference(
        self, one: str, other: str, name: str
    ) -> tuple[float, tuple[float, float] | None]:
        """How far one is above another in a metric, with a 95 % interval over users if it has one.

        Of paired users, so that it is narrower than the intervals of the two say.
        """
        gain = (self.mean(one, name) or 0.0) - (self.mean(other, name) or 0.0)
        mine, its = self._of_users(one, name), self._of_users(other, name)
        if mine is None or its is None:
            return gain, None
        return gain, intervals({name: mine - its}).get(name)

    def ranked(self, name: str) -> list[str]:
        """Labels by a metric, best first."""
        means = {label: self.mean(label, name) for label in self.runs}
        known = [label for label, value in means.items() if value is not None]
        return sorted(known, key=lambda label: -(means[label] or 0.0))

    def tests(self, name: str) -> dict[str, dict[str, float | None]]:
        """Whether the best differs from each other one, two-sided.

        Holm-corrected over all pairs, for which of them is best was found by looking.

        Returns:
            By label: ``users``, the paired test over users of the means over seeds, and ``seeds``,
            the test over runs.
        """
        order = self.ranked(name)
        by_users = best_against_others([self._of_users(each, name) for each in order], _by_users)
        values = [self.values(each, name) for each in order]
        by_seeds = best_against_others(values, differs_over_seeds)
        return _by_label(order[1:], by_users, by_seeds)

    def tests_one_tailed(self, name: str) -> dict[str, dict[str, float | None]]:
        """As `tests`, but one-tailed and Holm-corrected over the others alone, as in the paper.

        Of ten equal methods the best is then different from another at p < 0.05 in about one
        comparison of five.
        """
        best, *others = self.ranked(name)
        mine = self._of_users(best, name)
        by_users: list[float | None] = []
        by_seeds: list[float | None] = []
        for label in others:
            by_users.append(_by_users(mine, self._of_users(label, name), better_for_users))
            by_seeds.append(better_over_seeds(self.values(best, name), self.values(label, name)))
        return _by_label(others, holm(by_users), holm(by_seeds))

    def searched(self) -> dict[str, dict[str, Any]]:
        """What methods looked for by themselves in a fit, by label, of those that did.

        Each has ``settings``, their names, ``trials``, the mean over the runs, and ``by``, what
        decided. The others have what was given, or defaults, so that a difference to them can be
        the search's.
        """
        found: dict[str, dict[str, Any]] = {}
        for label, runs in self.runs.items():
            each = [_search_of(run.metadata) for run in runs]
            if any(each):
                trials = float(np.mean([one.get("trials", 0) for one in each]))
                found[label] = {**next(one for one in each if one), "trials": trials}
        return found

    def marking(self, name: str) -> dict[str, dict[str, float | None]]:
        """The tests by which the best is marked."""
        return self.tests_one_tailed(name) if self.one_tailed else self.tests(name)

    def _of_users(self, label: str, name: str) -> NDArray[np.float64] | None:
        each = [run.users[name] for run in self.runs[label] if name in run.users]
        return np.mean(each, axis=0) if each else None

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON."""
        tested = [name for name in self.metrics if name in self._tested()]
        return {
            "data": self.data,
            "fingerprint": self.fingerprint,
            "protocol": self.protocol,
            "seeds": self.seeds,
            "versions": versions(),
            **self.drawn,
            "methods": {
                label: {
                    name: {
                        "mean": self.mean(label, name),
                        "sd": self.deviation(label, name),
                        "interval": self.interval(label, name),
                    }
                    for name in (*self.metrics, *self.METADATA)
                    if self.values(label, name)
                }
                for label in self.runs
            },
            "searched": self.searched(),
            "tests": {name: self.tests(name) for name in tested},
            "tests_one_tailed": {name: self.tests_one_tailed(name) for name in tested},
            "errors": self.errors,
        }

    def _tested(self) -> set[str]:
        return set(next(iter(self.runs.values()))[0].users) if len(self.runs) > 1 else set()


def _by_users(
    one: Values | None,
    other: Values | None,
    test: Callable[[Values, Values], float] = differs_for_users,
) -> float | None:
    """P of a test over users; None where they have no values, or there is one user alone."""
    return None if one is None or other is None or len(one) < 2 else test(one, other)


def _search_of(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Of a run, what its fit searched; empty where it searched nothing."""
    if metadata.get("search"):
        names, trials = sorted(metadata["chosen"]), len(metadata["search"])
        return {"settings": names, "trials": trials, "by": "the validation part"}
    if trials := metadata.get("ials", {}).get("tried"):
        return {"settings": ["regularization"], "trials": trials, "by": "pairs withheld from train"}
    return {}


def _by_label(
    labels: Sequence[str], by_users: Sequence[float | None], by_seeds: Sequence[float | None]
) -> dict[str, dict[str, float | None]]:
    pairs = zip(labels, by_users, by_seeds, strict=True)
    return {label: {"users": users, "seeds": seeds} for label, users, seeds in pairs}
