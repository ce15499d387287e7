"""Contests of the closed-form methods, for the tests of ``method="auto"``."""

from __future__ import annotations

from fullrank.portfolio.auto import Auto
from fullrank.portfolio.board import ranked
from fullrank.portfolio.contest import Contest
from fullrank.portfolio.entries import ENTRIES

CLOSED = tuple(entry for entry in ENTRIES if entry.method != "directspec+")


def contest(split, budget=300.0, entries=CLOSED, **options) -> Contest:
    return Contest(Auto(budget=budget), split.parts, "cpu", entries=entries, **options)


def board(run: Contest) -> dict[str, dict]:
    return {line.method: line.record() for line in ranked(run.run())}
