"""Tables of test figures: ours beside the paper's, and whether one method is better than others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fullrank.evaluation.significance import (
    best_against_others,
    better_for_users,
    better_over_seeds,
    differs_for_users,
)
from fullrank.lab.groups import Groups, Values, deviation, mean
from fullrank.lab.paper import FIGURES
from fullrank.lab.spec import Table


def score_table(groups: Groups, printed: Mapping[str, Sequence[float] | None], title: str) -> Table:
    """A row a method, best first: the published protocol beside the paper, then the standard one.

    Args:
        groups: Tested runs of each method.
        printed: The paper's numbers of each, as `FIGURES`.
        title: Of the table.
    """
    columns = ["method"]
    for name in FIGURES:
        columns += [name, "paper"]
    columns += ["standard ndcg@20", "standard recall@20", "effective rank", "epochs", "seeds"]
    rows = []
    for label in ranked(groups, f"published/{FIGURES[0]}"):
        group, theirs = groups[label], printed[label]
        row: list[Any] = [label]
        for at, name in enumerate(FIGURES):
            row += [_shown(group.metric(f"published/{name}")), theirs[at] if theirs else None]
        row += [mean(group.metric(f"standard/{name}@20")) for name in ("ndcg", "recall")]
        ranks = [each.history[-1]["effective_rank"] for each in group.done if each.history]
        row += [f"{np.mean(ranks):.1f}" if ranks else None]
        row += [len(group.done[0].history) - 1 if group.done[0].history else None]
        rows.append([*row, len(group.done)])
    return Table(columns, rows, f"{title}: test figures, protocol published beside the paper's")


def _shown(values: Sequence[float]) -> str | None:
    if not values:
        return None
    more = f" ± {deviation(values):.4f}" if len(values) > 1 else ""
    return f"{np.mean(values):.4f}{more}"


def ranked(groups: Groups, name: str) -> list[str]:
    """Labels by a figure, best first."""
    return sorted(groups, key=lambda label: -(mean(groups[label].metric(name)) or 0.0))


def significance_table(groups: Groups, name: str, title: str) -> tuple[Table, dict[str, Any]]:
    """The paper's question and the one that its answer leaves open.

    The paper's: is the best DirectSpec+ better than a baseline, one-tailed over seeds. Ours: does
    the best of all differ from each other one, two-sided over users and paired, Holm-corrected over
    all pairs.
    """
    ours = [label for label in groups if label.startswith("DirectSpec+")]
    order = ranked(groups, name)
    plus = next((label for label in order if label in ours), None)
    best = order[0] if order else None
    against: dict[str, dict[str, float | None]] = {}
    for label in [each for each in order if plus is not None and each not in ours]:
        mine, its = groups[plus or ""], groups[label]
        against[label] = {
            "seeds_one_tailed": better_over_seeds(mine.metric(name), its.metric(name)),
            "users_one_tailed": better_for_users(*_paired(mine.users(name), its.users(name))),
        }
    found = best_against_others([groups[label].users(name) for label in order], _differs)
    differs: dict[str, float | None] = dict(zip(order[1:], found, strict=True))
    none: dict[str, float | None] = {"seeds_one_tailed": None, "users_one_tailed": None}
    rows = [
        [label, *(_p(value) for value in against.get(label, none).values()), _p(differs.get(label))]
        for label in order
    ]  # fmt: skip
    columns = (
        "method",
        f"{plus} is better: p over seeds, one-tailed (the paper's test)",
        "p over users, paired, one-tailed",
        f"differs from {best or 'the best'}: p over users, two-sided, Holm over all pairs",
    )
    numbers = {"best": best, "best_directspec+": plus, "against": against,
               "best_differs": differs}  # fmt: skip
    return Table(columns, rows, f"{title}: tests, nDCG@10 in protocol published"), numbers


def _differs(one: Values, other: Values) -> float | None:
    return differs_for_users(*_paired(one, other))


def _paired(one: Values, other: Values) -> tuple[Values, Values]:
    """The users that both have."""
    both = ~(np.isnan(one) | np.isnan(other))
    return one[both], other[both]


def _p(value: float | None) -> str | None:
    if value is None:
        return None
    return "< 0.0001" if value < 1e-4 else f"{value:.4f}"
