"""The part of a page that tells how a model behaves."""

from __future__ import annotations

from typing import Any

from fullrank.behaviour import check
from fullrank.recommender import Recommender

USERS = 500
"""Users in the sample: a page is made after each fit."""
WORDS = {True: "passed", False: "failed", None: "–"}


def behaviour(model: Recommender) -> dict[str, Any]:
    """A table of the checks, and a sentence for each that failed."""
    found = check(model, users=USERS)
    rows = [
        [each.name, "–" if each.value is None else f"{each.value:.3g}", each.bound,
         WORDS[each.passed], each.what]
        for each in found
    ]  # fmt: skip
    return {
        "table": (["check", "value", "limit", "", "what is measured"], rows),
        "failed": [(each.name, each.reason) for each in found.failed],
        "users": min(USERS, int((model.train.user_degree > 0).sum())),
    }
