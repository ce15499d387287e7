"""How training goes, on standard error: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fullrank.cli.output import Output
    from fullrank.training import Reporter

EVERY = 10.0
"""Seconds between two lines where there is no terminal."""


class Lines:
    """Writes a line about an epoch every few seconds.

    Args:
        note: Is called with each line.
        every: Least number of seconds between two lines.
    """

    def __init__(self, note: Callable[[str], None], every: float = EVERY) -> None:
        self.note = note
        self._tried = False
        self.every = every

    def start(self, epochs: int, steps: int, history: Sequence[dict[str, Any]]) -> None:
        """Says where a continued run stands."""
        del steps
        self._epochs = epochs
        self._said = time.monotonic()
        if history:
            what = "training the best trial on" if self._tried else "going on"
            self.note(f"{what} after epoch {len(history)} of at most {epochs}")

    def steps(self, count: int) -> None:
        """Says nothing."""

    def epoch(self, record: dict[str, Any]) -> None:
        """Writes a line, if the last one is long enough ago."""
        if time.monotonic() - self._said < self.every:
            return
        self._said = time.monotonic()
        names = {"loss": "loss", "effective_rank": "effective rank"}
        names["validation_ndcg@20"] = "validation ndcg@20"
        names |= {"pairs_per_second": "pairs/s", "waited": "seconds waiting"}  # several workers
        figures = ", ".join(f"{names[key]} {record[key]:.4g}" for key in names if key in record)
        self.note(f"epoch {record['epoch']} of at most {self._epochs}: {figures}")

    def trial(self, record: dict[str, Any]) -> None:
        """Writes the line of a trial."""
        from fullrank.training.progress import trial_line

        self._tried = True
        self.note(trial_line(record))

    def close(self) -> None:
        """Says nothing."""


def reporter(output: Output) -> Reporter:
    """A bar where standard error is a terminal, lines where it is not."""
    from fullrank.training import Bar

    console = output.notes()
    return Bar(console) if console.is_terminal else Lines(output.note)
