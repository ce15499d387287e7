"""One function a table: each reads files of results/ and returns Markdown."""

from __future__ import annotations

import functools
from collections.abc import Callable

from tables import (
    accuracy,
    allpass,
    checks,
    choices,
    claims,
    critique,
    exports,
    nights,
    spectra,
    speed,
    towers,
)

TABLES: dict[str, Callable[[], str]] = {
    "summary": accuracy.summary,
    "citeulike": accuracy.citeulike,
    "published": accuracy.published,
    "citeulike-shares": accuracy.citeulike_shares,
    "tuning": accuracy.tuning,
    "gowalla": accuracy.gowalla,
    "references": accuracy.references,
    "gowalla-validation": accuracy.gowalla_validation,
    "allpass": allpass.runs,
    "allpass-parts": allpass.ablation,
    "allpass-ranks": allpass.by_rank,
    "distinct": choices.distinct,
    "distinct-cost": choices.distinct_cost,
    "adam": choices.adam,
    "defaults": choices.defaults,
    "regret": choices.regret,
    "deviations": choices.deviations,
    "algorithm-1": spectra.algorithm_1,
    "collapse": spectra.collapse,
    "collapse-graph": spectra.collapse_graph,
    "factored-citeulike": spectra.factored_citeulike,
    "factored-gowalla": spectra.factored_gowalla,
    "claims-count": claims.count,
    **{name: functools.partial(claims.of, name) for name in claims.SUBJECTS},
    "claims-reordered": critique.reordered,
    "claims-protocols": critique.protocols,
    "claims-under-tuned": critique.under_tuned,
    "claims-not-compared": critique.not_compared,
    "two-tower": towers.two_tower,
    "nights": nights.nights,
    "exports": exports.exports,
    "mutants": checks.mutants,
    "campaign": checks.campaign,
    "machine": speed.machine,
    "steps": speed.steps,
    "ranking": speed.ranking,
    "fits": speed.fits,
    "starts": speed.starts,
    "peers": speed.peers,
    "growth": speed.growth,
    "growth-exponents": speed.growth_exponents,
    "large": speed.large,
    "memory": speed.memory,
    "partitions": speed.partitions,
    "inspect": speed.inspect,
}
"""The tables by the names that the pages give them."""
