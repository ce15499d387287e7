"""Lists under rules as their definition says: one user, one slot and one item at a time."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

METHODS = {
    "bpr": {"epochs": 2, "dim": 8, "batch_size": 64},
    "itemknn": {},
    "allpass": {"rank": 8},
    "spectral": {"rank": 8},
    "sgfcf": {},
    "popularity": {},
    "blend": {},
}
"""A method for each kind of scorer, quick ones."""


@dataclass
class World:
    """What a model knows, as plain Python."""

    scores: list[list[float]]
    popularity: list[float]
    history: list[list[int]]
    attributes: dict[str, list[Any]]
    alike: list[list[float]] = field(default_factory=list)
    keys: list[list[float]] = field(default_factory=list)
    parts: list[float] = field(default_factory=list)
    """By which a part of a drawn slot is one; a half if absent."""


def values(world: World, name: str, item: int) -> list[Any]:
    value = world.attributes[name][item]
    return [] if value is None else sorted(set(value)) if isinstance(value, list) else [value]


def z(row: list[float]) -> list[float]:
    mean = sum(row) / len(row)
    deviation = math.sqrt(sum((each - mean) ** 2 for each in row) / len(row))
    return [(each - mean) / deviation if deviation > 1e-9 else 0.0 for each in row]


def divergence(world: World, user: int, items: list[int], name: str) -> float:
    def shares(of: list[int]) -> dict[Any, float]:
        labelled = [values(world, name, item) for item in of if values(world, name, item)]
        total: Counter[Any] = Counter()
        for own in labelled:
            for label in own:
                total[label] += 1 / len(own) / len(labelled)
        return total

    p, q = shares(world.history[user]), shares(items)
    return sum(p[g] * math.log(p[g] / (0.99 * q.get(g, 0.0) + 0.01 * p[g])) for g in p)


def one_list(world: World, rules: Any, user: int, allowed: list[int], k: int) -> list[int]:
    """The items of a user's list, best candidate first."""
    scores = world.scores[user]
    if rules.popularity_damping:
        log = z([math.log(1 + each) for each in world.popularity])
        both = zip(z(scores), log, strict=True)
        scores = [mine - rules.popularity_damping * its for mine, its in both]
    ranked = sorted(allowed, key=lambda item: (-scores[item], item))
    if not rules.by_slot:
        return ranked[:k]
    size = max(rules.pool, 2 * k)
    while True:
        found = filled(world, rules, user, ranked[:size], scores, k)
        if len(found) == k or size >= len(ranked):
            return found
        size *= 4


def filled(
    world: World, rules: Any, user: int, pool: list[int], scores: list[float], k: int
) -> list[int]:
    best, least = (end(scores[item] for item in pool) for end in (max, min)) if pool else (0, 0)
    name = rules.calibrate_by or "categories"
    taken: list[int] = []
    for slot in range(k):
        free = [item for item in pool if item not in taken and fits(world, rules, taken, item)]
        if not free:
            break
        beyond = [item for item in free if pool.index(item) >= k]
        part = world.parts[user] if world.parts else 0.5
        if slot >= k - int(rules.exploration * k + part) and beyond:
            taken.append(max(beyond, key=lambda item: world.keys[user][item]))
            continue

        def gain(item: int) -> float:
            worth = (scores[item] - least) / (best - least) if best > least else 1.0
            near = max((world.alike[own][item] for own in taken), default=0.0)
            whole = (1 - rules.diversity) * worth - rules.diversity * near
            if rules.calibration:
                apart = divergence(world, user, [*taken, item], name)
                whole = (1 - rules.calibration) * whole - rules.calibration * apart
            return whole

        taken.append(max(free, key=lambda item: (round(gain(item), 9), -pool.index(item))))
    return taken


def fits(world: World, rules: Any, taken: list[int], item: int) -> bool:
    for name, most in rules.at_most.items():
        for label in values(world, name, item):
            if sum(label in values(world, name, own) for own in taken) >= most:
                return False
    return True
