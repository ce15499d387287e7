"""Which trial runs when: closed forms once, then the good ones on, what is trained between."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from fullrank.data.interactions import Interactions
from fullrank.data.memory import available_memory, shown
from fullrank.errors import FullrankError, SettingError, Stopped
from fullrank.methods import Method, TrainedMethod
from fullrank.portfolio.auto import Auto
from fullrank.portfolio.board import METRIC, Line, Part, gain
from fullrank.portfolio.costs import Costs
from fullrank.portfolio.entries import ENTRIES, Entry, Move
from fullrank.portfolio.training import OutOfTime
from fullrank.portfolio.trials import Trials
from fullrank.training import Reporter, Silent
from fullrank.training.interrupt import Interrupt, noted_interrupt

KEEP = {0: 0.85, 3: 0.92, 6: 0.96}
"""Share of the best first value that a method needs to be searched on, from so many further trials
on."""
HALVES = 0.1
"""Share by which a method is behind the best where it gets half of the time."""
TRIALS = 12
"""The most of a method."""
FOR_TRAINED, FOR_BLEND = 0.5, 0.1
"""Shares of the budget that are kept for what is trained, and for the blend."""
SLOWER = 10.0
"""How far estimates of seconds are trusted to be too low, at most."""


class Contest:
    """Runs the portfolio.

    The settings tried of a method depend on its own values alone, and which methods are searched
    on depends on the first round. So the outcome has the same bits again, unless time cuts it.

    Args:
        auto: Time and seed.
        parts: ``train`` and ``validation``.
        device: Where methods run.
        reporter: Receives every trial, and the log of what is trained.
        entries: The portfolio.
        clock: Seconds.
        free: Bytes of memory that could still be taken; None where the system does not say.
    """

    def __init__(
        self,
        auto: Auto,
        parts: Mapping[str, Interactions],
        device: str,
        reporter: Reporter | None = None,
        *,
        entries: Sequence[Entry] = ENTRIES,
        clock: Callable[[], float] = time.perf_counter,
        free: Callable[[], int | None] = available_memory,
    ) -> None:
        self.auto, self.device = auto, device
        self.parts = {name: parts[name] for name in ("train", "validation")}
        self.reporter = reporter or Silent()
        self.entries = {entry.method: entry for entry in entries}
        self.clock, self.free = clock, free
        self.began = clock()
        self.costs = Costs(self.parts["train"])
        self.lines = {name: Line(name) for name in self.entries}
        self.stopped: int | None = None
        self._interrupt = Interrupt()
        self._bar = 0.0
        self._trials = Trials(self.parts, device, auto.seed, lambda: self.left_to_fit)
        self._toward: tuple[str, bool] | None = None
        self._firsts = {
            name: [first.fitted_to(self.parts["train"]) for first in entry.first(auto.seed)]
            for name, entry in self.entries.items()
        }

    @property
    def left(self) -> float:
        """Seconds of the budget."""
        return self.auto.budget - (self.clock() - self.began)

    @property
    def left_to_fit(self) -> float:
        """Seconds that methods may take, for some are kept for the blend."""
        return self.left - FOR_BLEND * self.auto.budget

    def run(self) -> list[Line]:
        """What is known of each method at the end, or when a signal came.

        Raises:
            KeyboardInterrupt: a signal came before anything was fitted.
        """
        try:
            with noted_interrupt() as self._interrupt:
                self._rounds()
        except KeyboardInterrupt as stop:
            if all(line.best is None for line in self.lines.values()):
                raise
            self.stopped = stop.number if isinstance(stop, Stopped) else signal.SIGINT
            for line in self.lines.values():
                if line.best is None:
                    line.note = line.note or "left out: stopped before it was whole"
        return list(self.lines.values())

    def _rounds(self) -> None:
        """Closed forms once, the good ones on for half of the time, what is trained, the rest."""
        trained = [
            name for name, each in self._firsts.items() if isinstance(each[0], TrainedMethod)
        ]
        self._begin(name for name in self._firsts if name not in trained)
        self._bar = self._leader
        self._search_on(FOR_TRAINED * self.auto.budget if trained else 0.0)
        self._begin(trained)
        self._search_on(None)

    def _begin(self, names: Iterable[str]) -> None:
        """The first trials of methods."""
        for name in names:
            for first in self._firsts[name]:
                if self.lines[name].note is None:
                    self._try(name, first)

    def _search_on(self, keep: float | None) -> None:
        """Gives the next trial to the method whose turn it is.

        Args:
            keep: Seconds that are to be left; if None, what does not fit is noted as left out.
        """
        while True:
            self._stop_weak()
            open_ = [line for line in self.lines.values() if self._open(line.method)]
            if keep is not None:
                room = self.left_to_fit - keep
                open_ = [line for line in open_ if self._takes(line) <= room]
            if not open_:
                return
            line = min(open_, key=self._turn)
            self._try(line.method, self._next(line.method))

    def _turn(self, line: Line) -> float:
        """The lower, the sooner: the time that a method has taken, and more where it is behind."""
        assert line.best is not None  # noqa: S101  # narrows the type: it is searched on
        behind = 1.0 - line.best.value / self._leader if self._leader else 0.0
        return line.seconds * 2 ** (behind / HALVES)

    def _stop_weak(self) -> None:
        """Notes which methods are too far from the best of the first round for what they had."""
        for line in self.lines.values():
            further = len(line.trials) - len(self._firsts[line.method])
            share = max((KEEP[since] for since in KEEP if since <= further), default=0.0)
            weak = line.best is not None and line.best.value < share * self._bar
            if weak and self._open(line.method):
                line.note = f"not searched on: below {share:.0%} of the best"

    @property
    def _leader(self) -> float:
        """The best value so far."""
        return max((line.best.value for line in self.lines.values() if line.best), default=0.0)

    def _takes(self, line: Line, method: Method | None = None) -> float:
        """Seconds of a trial: those of the largest so far, and more where it is larger."""
        method = self._next(line.method) if method is None else method
        if method is None:
            return 0.0
        estimate, (before, seconds) = self.costs.seconds(method), line.largest
        if not line.trials:
            return estimate
        slower = (
            min(seconds / before, SLOWER) if before > 0 else 1.0
        )  # small ones are mostly overhead
        return seconds + slower * max(0.0, estimate - before)

    def _open(self, name: str) -> bool:
        return self.lines[name].note is None and self._next(name) is not None

    def _next(self, name: str) -> Method | None:
        """The first settings near the best that were not tried; where it got better last before."""
        line, entry = self.lines[name], self.entries[name]
        if line.best is None or len(line.trials) >= TRIALS:
            return None
        best, found = line.best.method, self._found(line.best)
        tried = line.asked + [entry.moving(trial["settings"]) for trial in line.trials]
        moves = entry.near(best, found)
        for move in sorted(moves, key=lambda each: (each.name, each.up) != line.toward):
            moved = self._moved(best, move)
            if moved is None:
                continue
            # A value that a rule finds differs by trial: as asked for it is absent in both.
            known = [entry.moving(entry.values(moved, rule)) for rule in (found, {})]
            if not any(each in tried for each in known):
                self._toward = move.name, move.up
                return moved
        return None

    def _found(self, part: Part) -> dict[str, Any]:
        """What the method's own rules gave, for settings that are absent."""
        rank = self.costs.filter_rank(part.method)
        by_rule = {} if rank is None else {"rank": rank}
        return {**by_rule, **part.fitted[1].get(part.method.name, {})}

    def _moved(self, best: Method, move: Move) -> Method | None:
        try:
            return best.replace(**{move.name: move.value}).fitted_to(self.parts["train"])
        except SettingError:  # out of bounds, where a factor has led there
            return None

    def _try(self, name: str, method: Method | None) -> None:
        """A trial, if memory and time are there for it; what went wrong is noted in its line."""
        if self._interrupt.requested:
            raise Stopped(self._interrupt.number)
        if method is None:
            return
        line = self.lines[name]
        why = self._refused(line, method)
        if why is not None:
            line.note = why
            return
        found = {} if line.best is None else self._found(line.best)
        trial: dict[str, Any] = {"settings": self.entries[name].values(method, found)}
        began = self.clock()
        try:
            part = self._trials.part(line, method, self._leader, self.reporter)
        except OutOfTime as end:
            line.note = trial["error"] = str(end)
        except FullrankError as error:
            line.note = trial["error"] = f"failed: {error}"
        except (Exception, MemoryError) as error:  # one method's fault is not the others'
            reason = " ".join(str(error).split()) or "no reason given"
            line.note = trial["error"] = f"failed: {type(error).__name__}: {reason}"
        else:
            trial[METRIC] = part.value
            trial["settings"] = self.entries[name].values(part.method, self._found(part))
            if part.estimate is not None:
                trial["estimated"] = True
            elif line.best is None or gain(part.ndcg, line.best.ndcg) > 0:
                line.toward = self._toward if len(line.trials) >= len(self._firsts[name]) else None
                line.best = part
                line.settings = trial["settings"] | part.fitted[1].get("chosen", {})
        trial["seconds"] = self.clock() - began
        line.largest = max(line.largest, (self.costs.seconds(method), trial["seconds"]))
        line.seconds += trial["seconds"]
        line.trials.append(trial)
        line.asked.append(self.entries[name].moving(self.entries[name].values(method, {})))
        figures = {key: trial[key] for key in (METRIC, "error", "seconds") if key in trial}
        self.reporter.trial({"method": name, **trial["settings"], **figures})

    def _refused(self, line: Line, method: Method) -> str | None:
        """Why a trial may not run."""
        if method.name == "popularity":
            return None
        stands = "left out" if line.best is None else "not searched on"
        needed, free = self.costs.memory(method), self.free()
        if free is not None and needed > free:
            return f"{stands}: needs some {shown(needed)}, and {shown(free)} are free"
        line.memory = max(line.memory, needed)
        left = self.left_to_fit
        if left <= 0:
            return f"{stands}: no time left"
        if isinstance(method, TrainedMethod):
            return None
        takes = self._takes(line, method)
        if takes > left:
            return f"{stands}: takes some {takes:.0f} s, and {left:.0f} s are left"
        return None
