"""What rules cost: figures under each rule alone and all together, against lists under none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fullrank.evaluation import Evaluation
from fullrank.evaluation.intervals import Interval, intervals
from fullrank.rules.description import Rules

NONE, ALL = "none", "all together"


@dataclass(frozen=True)
class Cost:
    """The figures under some rules."""

    name: str
    """Of the rule; or `NONE`, or `ALL`."""
    figures: Evaluation
    changes: dict[str, float]
    """Difference to the lists under no rules, by metric: of means over users, or of all lists."""
    intervals: dict[str, Interval]
    """95 % bootstrap intervals of the changes, over the users, of metrics of users."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        between = {name: list(ends) for name, ends in self.intervals.items()}
        means = dict(self.figures)
        return {"rule": self.name, "metrics": means, "changes": self.changes, "intervals": between}


def costs(evaluate: Callable[[Rules], Evaluation], rules: Rules) -> list[Cost]:
    """None, each rule alone in the order in which they act, and all together.

    The lists under no rules are made as the others are, ties by item row among them, so that a
    change is the rule's.

    Args:
        evaluate: As `Recommender.evaluate`, of rules.
        rules: What is wanted of lists.
    """
    plain = evaluate(Rules())
    alone = rules.named
    each = {name: evaluate(rule) for name, rule in alone.items()}
    if len(alone) > 1:
        each[ALL] = evaluate(rules)
    return [Cost(NONE, plain, {}, {}), *(_cost(name, own, plain) for name, own in each.items())]


def _cost(name: str, figures: Evaluation, plain: Evaluation) -> Cost:
    changed = {
        metric: figures.per_user(metric) - plain.per_user(metric) for metric in plain.names_per_user
    }
    of_lists = {each: figures[each] - plain[each] for each in plain if each not in changed}
    means = {metric: float(values.mean()) for metric, values in changed.items()}
    return Cost(name, figures, means | of_lists, intervals(changed))
