"""Reporters of training: silent, a progress bar in a terminal, a log of JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from fullrank.data.files import as_data_errors, replacing
from fullrank.training.checkpoint import Record


class Reporter(Protocol):
    """Receives the log of a run; keeps no state that training depends on."""

    def start(self, epochs: int, steps: int, history: Sequence[Record]) -> None:
        """Training begins, or goes on after the epochs in ``history``."""
        ...

    def steps(self, count: int) -> None:
        """So many more steps are done."""
        ...

    def epoch(self, record: Record) -> None:
        """An epoch is done."""
        ...

    def trial(self, record: Record) -> None:
        """A trial of a search over settings is trained up to a rung: its values and figures."""
        ...

    def close(self) -> None:
        """Training has ended, well or not."""
        ...


class Silent:
    """Says nothing."""

    def start(self, epochs: int, steps: int, history: Sequence[Record]) -> None:
        """Says nothing."""

    def steps(self, count: int) -> None:
        """Says nothing."""

    def epoch(self, record: Record) -> None:
        """Says nothing."""

    def trial(self, record: Record) -> None:
        """Says nothing."""

    def close(self) -> None:
        """Says nothing."""


@contextmanager
def share_of(reporter: Reporter | None) -> Iterator[Callable[[float], None]]:
    """Reports how much of a work without epochs is done, as one epoch of a hundred steps."""
    reporter = reporter or Silent()
    done = 0

    def report(share: float) -> None:
        nonlocal done
        more = int(100 * share) - done
        if more > 0:
            reporter.steps(more)
            done += more

    reporter.start(1, 100, [])
    try:
        yield report
    finally:
        reporter.close()


class JsonLines(Silent):
    """Appends one JSON line for each epoch to a file, after one for each trial of a search.

    A run that goes on first brings the file back to the epochs it knows of, so no epoch is in it
    twice.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def start(self, epochs: int, steps: int, history: Sequence[Record]) -> None:  # noqa: ARG002
        """Writes the epochs so far, after the trials that are in the file."""
        with as_data_errors(self.path):
            lines = self.path.read_text("utf-8").splitlines() if self.path.is_file() else []
        with replacing(self.path) as part:
            lines = [line for line in lines if line.startswith('{"trial": ')]
            lines += [json.dumps(record) for record in history]
            part.write_text("".join(line + "\n" for line in lines), encoding="utf-8")

    def epoch(self, record: Record) -> None:
        """Adds a line.

        Raises:
            DataError: the disk is full, or the file cannot be written.
        """
        self._add(record)

    def trial(self, record: Record) -> None:
        """Adds a line; see `epoch`."""
        self._add({"trial": record})

    def _add(self, record: Record) -> None:
        with as_data_errors(self.path), self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")


class Bar(Silent):
    """A progress bar with loss, effective rank, validation metric and time left.

    Args:
        console: The rich console to draw on.
    """

    def __init__(self, console: Any) -> None:
        self.console = console
        self.validation = ""

    def trial(self, record: Record) -> None:
        """Writes the row of the trial."""
        self.console.print(trial_line(record), highlight=False)

    def start(self, epochs: int, steps: int, history: Sequence[Record]) -> None:
        """Draws the bar."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        self._every = max(steps // 20, 1)
        self._steps = 0
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=self.console,
            refresh_per_second=4,
        )
        self._task = self._bar.add_task(
            "training",
            total=epochs * steps,
            completed=len(history) * steps,
            epoch=len(history),
            epochs=epochs,
            figures="",
        )
        self._bar.start()

    def steps(self, count: int) -> None:
        """Moves the bar on, now and then."""
        self._steps += count
        if self._steps >= self._every:
            self._bar.advance(self._task, self._steps)
            self._steps = 0

    def epoch(self, record: Record) -> None:
        """Shows the figures of the epoch."""
        if "validation_ndcg@20" in record:
            self.validation = f" · validation ndcg@20 {record['validation_ndcg@20']:.4f}"
        figures = f" · loss {record['loss']:.4f}"
        if "effective_rank" in record:
            figures += f" · effective rank {record['effective_rank']:.1f}"
        if "waited" in record:  # of several workers
            figures += f" · {record['pairs_per_second']:,.0f} pairs/s"
            figures += f", {record['waited']:.1f} s waiting"
        self._bar.update(self._task, epoch=record["epoch"], figures=figures + self.validation)

    def close(self) -> None:
        """Leaves the bar as it stands."""
        self._bar.stop()


class Several:
    """Passes everything on to several reporters."""

    def __init__(self, reporters: Sequence[Reporter]) -> None:
        self.reporters = reporters

    def start(self, epochs: int, steps: int, history: Sequence[Record]) -> None:
        """Passes it on."""
        for reporter in self.reporters:
            reporter.start(epochs, steps, history)

    def steps(self, count: int) -> None:
        """Passes it on."""
        for reporter in self.reporters:
            reporter.steps(count)

    def epoch(self, record: Record) -> None:
        """Passes it on."""
        for reporter in self.reporters:
            reporter.epoch(record)

    def trial(self, record: Record) -> None:
        """Passes it on."""
        for reporter in self.reporters:
            reporter.trial(record)

    def close(self) -> None:
        """Passes it on."""
        for reporter in self.reporters:
            reporter.close()


def trial_line(record: Record) -> str:
    """What a trial of a search came to, in a line.

    >>> trial_line({"alpha": 0.6, "tau": 3.0, "epochs": 3, "validation_ndcg@20": 0.21})
    'trying alpha 0.6, tau 3: validation ndcg@20 0.2100 after 3 epochs'
    >>> trial_line({"method": "ease", "ridge": 250.0, "validation_ndcg@20": 0.2, "seconds": 1.0})
    'trying ease ridge 250: validation ndcg@20 0.2000 in 1.0 s'
    """
    figures = {"method", "epochs", "seconds", "validation_ndcg@20", "effective_rank", "error"}
    values = ", ".join(
        f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in record.items()
        if name not in figures
    )
    tried = " ".join(filter(None, (record.get("method"), values)))
    if "error" in record:
        return f"trying {tried}: {record['error']}"
    line = f"trying {tried}: validation ndcg@20 {record['validation_ndcg@20']:.4f}"
    if record.get("effective_rank") is not None:
        line += f", effective rank {record['effective_rank']:.1f}"
    if "seconds" in record:
        return f"{line} in {record['seconds']:.1f} s"
    return f"{line} after {record['epochs']} epochs"
