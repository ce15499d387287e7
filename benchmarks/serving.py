"""Top-20 lists and similar items beside torch: seconds a call, on generated tables.

    python benchmarks/serving.py

Each figure is a median of calls made in turn with ``(u @ V.T).topk(20)``, in the same process and
with the same threads; of many users torch takes blocks, whose scores it must hold. Beside it stand
the two ways that there were before the item table stayed packed: packing it at each call, and torch
by blocks with the masks and ties of `fullrank.serving.top_k`.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from unittest import mock

import numpy as np
import torch

import fullrank as fr
from fullrank import native
from fullrank.serving import DotScorer, top_k

K, D = 20, 64
SIZES = {"a million items": (4_000, 1_000_000), "gowalla's size": (29_858, 40_981)}
"""Users and items of each generated model."""
BLOCK = 64
"""Users whose scores torch holds at a time: 256 MB of a million items."""
SECONDS, MOST = 5.0, 25
"""About what a line may take, and the most calls of each kind in it."""
REST = 0.01
"""Seconds before each call, in which the threads of the one before cease to wait for more work."""
ONE_USER, SIMILAR = 1.3, 2.0
"""Bars: one user beside torch, similar items of one item beside a product with the table."""

Row = dict[str, object]


def in_turn(*calls: Callable[[], object]) -> list[float]:
    """Median seconds of each call, made in turn; the first round counts only if it is the last."""
    took: list[list[float]] = [[] for _ in calls]
    began = time.perf_counter()
    while len(took[0]) < MOST and (len(took[0]) < 4 or time.perf_counter() - began < SECONDS):
        for call, seconds in zip(calls, took, strict=True):
            time.sleep(REST)
            start = time.perf_counter()
            call()
            seconds.append(time.perf_counter() - start)
        if time.perf_counter() - began > 2 * SECONDS:
            break
    return [statistics.median(seconds[1:] or seconds) for seconds in took]


def model(users: int, items: int) -> fr.Recommender:
    """A model of random tables, with ten interactions of each user."""
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    ids = fr.Ids.numbered(users, "u"), fr.Ids.numbered(items, "i")
    pairs = np.repeat(np.arange(users), 10), rng.integers(items, size=10 * users)
    made = fr.Recommender(dim=D)
    made._scorer = DotScorer(*(torch.randn(n, D, generator=generator) for n in (users, items)))
    made._parts = {"train": fr.Interactions.from_rows(*ids, *pairs)}
    return made


def lists(scorer: DotScorer, count: int, *, before: bool) -> Row:
    """Top-20 of the first ``count`` users, beside torch and, if wanted, beside what was before."""
    users, table = np.arange(count), scorer.user_table[:count]

    def by_torch() -> None:
        for start in range(0, count, BLOCK):
            (table[start : start + BLOCK] @ scorer.item_table.T).topk(K)

    def packing() -> None:
        tables = scorer.user_table.numpy(), scorer.item_table.numpy()
        threads = torch.get_num_threads()
        native.top_k(tables[0], native.PackedItems(tables[1], threads), users, K, threads)

    def by_blocks() -> None:
        with mock.patch.object(native, "library", return_value=None):
            top_k(scorer, users, K)

    def now() -> None:
        top_k(scorer, users, K)

    seconds, peer = in_turn(now, by_torch)
    row: Row = {"seconds": seconds, "torch_seconds": peer, "to_torch": seconds / peer}
    if before:
        again, *old = in_turn(now, packing, by_blocks)
        row |= {"packing_seconds": old[0], "blocks_seconds": old[1], "to_before": again / min(old)}
    return row


def whole_calls(made: fr.Recommender, scorer: DotScorer) -> dict[str, Row]:
    """`Recommender` from raw ids to a frame, beside the products that it cannot do without."""
    users, items = scorer.user_table[:1], scorer.item_table
    calls = {
        "recommend, 1 user": (lambda: made.recommend("u0", K), lambda: (users @ items.T).topk(K)),
        "similar_items, 1 item": (lambda: made.similar_items("i0", K), lambda: items[:1] @ items.T),
    }
    rows = {}
    for what, pair in calls.items():
        seconds, peer = in_turn(*pair)
        rows[what] = {"seconds": seconds, "torch_seconds": peer, "to_torch": seconds / peer}
    return rows


def measure(sizes: Sequence[str] = tuple(SIZES)) -> list[Row]:
    """A row for each number of users, for `Recommender.recommend` and for `similar_items`."""
    rows: list[Row] = []
    for name in sizes:
        made = model(*SIZES[name])
        scorer = made.scorer
        assert isinstance(scorer, DotScorer)
        table, threads = scorer.item_table.numpy(), torch.get_num_threads()
        packing = in_turn(partial(native.PackedItems, table, threads))[0]
        rows.append({"data": name, "what": "packing", "seconds": packing})
        for count in (1, 8, 64, 1000, SIZES[name][0]):
            row = lists(scorer, count, before=count <= BLOCK)
            whole = ", all" if count == SIZES[name][0] else ""
            rows.append({"data": name, "what": f"top-{K}, {count:,} users{whole}", **row})
        rows += [{"data": name, "what": w, **row} for w, row in whole_calls(made, scorer).items()]
    return rows


def verdicts(rows: Sequence[Row]) -> list[str]:
    """Each bar, for a million items, and whether it holds."""
    of = {str(row["what"]): row for row in rows if row["data"] == next(iter(SIZES))}
    bars = [
        (f"top-{K}, 1 users", "to_torch", ONE_USER),
        (f"top-{K}, 8 users", "to_before", 1.0),
        (f"top-{K}, 64 users", "to_before", 1.0),
        ("similar_items, 1 item", "to_torch", SIMILAR),
    ]
    return [
        f"{'holds' if of[what][ratio] <= bar else 'FAILS'}: {what}: {ratio} {of[what][ratio]:.2f}, "  # type: ignore[operator]
        f"at most {bar}"
        for what, ratio, bar in bars
        if what in of
    ]


def shown(row: Row) -> str:
    """A row as a line."""
    return "  ".join(f"{k} {v:.4g}" if isinstance(v, float) else str(v) for k, v in row.items())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sizes", nargs="*", default=list(SIZES), choices=list(SIZES))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = measure(options.sizes)
    print(*(shown(row) for row in rows), *verdicts(rows), sep="\n")


if __name__ == "__main__":
    main()
