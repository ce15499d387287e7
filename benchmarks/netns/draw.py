"""Where the wall is: pairs a second for 8 to 256 workers, drawn from the fitted model.

    python benchmarks/netns/draw.py results/scale_network.json

Each worker is a machine of its own there. Adds what is drawn to the document.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from model import compute, network, sent

from fullrank.pictures import Line, Panel, write_chart

WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
BATCH, OWN = 1024, 256
USERS, ITEMS, STATE = 10**9, 10**7, 1
"""What memory is drawn for; numbers that an optimiser keeps for each of a row."""


def rate(found: dict[str, Any], workers: int, batch: int, balanced: bool) -> float:
    """Pairs a second of all workers, by the model."""
    costs = sent(batch, workers, found["dim"])
    if not balanced:
        costs = {"all_to_all": costs["all_to_all"]}
    own = batch / workers
    seconds = compute(found["compute"], own, batch if balanced else own)
    if workers > 1:
        seconds += sum(network(found["network"], costs, workers).values())
    return batch / seconds


def curves(found: dict[str, Any]) -> dict[str, list[float]]:
    """What is drawn, by name, at each of `WORKERS`."""
    rows = 4 * found["dim"] * (1 + STATE) * (USERS + ITEMS)
    return {
        "workers": [float(each) for each in WORKERS],
        "fixed": [rate(found, each, BATCH, True) for each in WORKERS],
        "growing": [rate(found, each, OWN * each, True) for each in WORKERS],
        "local": [rate(found, each, OWN * each, False) for each in WORKERS],
        "gibibytes": [rows / each / 2**30 for each in WORKERS],
    }


def main() -> None:
    """Draws the picture beside the document."""
    path = Path(sys.argv[1])
    found = json.loads(path.read_text())
    found["drawn"] = drawn = curves(found)
    path.write_text(json.dumps(found, indent=2) + "\n")
    x = drawn["workers"]
    speed = Panel(
        "pairs a second",
        "workers",
        "pairs/s",
        [
            Line(f"B = {BATCH}", x, drawn["fixed"], marks=True),
            Line(f"B = {OWN} W", x, drawn["growing"], role="subject", marks=True),
            Line(f"B = {OWN} W, local", x, drawn["local"], role="rival", marks=True),
        ],
        x_log=True,
        y_log=True,
    )
    memory = Panel(
        "tables and state of a billion users",
        "workers",
        "GiB a worker",
        [Line("d = 64", x, drawn["gibibytes"], role="subject", marks=True)],
        x_log=True,
        y_log=True,
    )
    most = WORKERS[max(range(len(WORKERS)), key=drawn["fixed"].__getitem__)]
    title = f"Batches of {BATCH} pairs gain up to {most} workers; larger ones stop at the gathers"
    bits, delay = found["bits"] / 1e9, found["delay"] * 1e3
    below = f"DirectSpec+, by the model fitted on {bits:g} Gbit/s and {delay:g} ms, d = 64"
    write_chart([speed, memory], title, below, [path.with_suffix(".png")])


if __name__ == "__main__":
    main()
