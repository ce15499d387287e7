"""The closed form of the all-pass filter: what its exponent, power, weights and rank are worth.

    FULLRANK_DATA=../shared/data python experiments/allpass.py gowalla sweep
    FULLRANK_DATA=../shared/data python experiments/allpass.py gowalla rank --e 0.27
    FULLRANK_DATA=../shared/data python experiments/allpass.py gowalla validation
    FULLRANK_DATA=../shared/data python experiments/allpass.py gowalla test

``sweep`` measures a grid of powers p and weights w for each exponent e, with and without the hop,
``rank`` the same for smaller ranks k, both on some users of the validation part; singular triplets
are shared by all settings of one exponent. Weights there are those of ``R RᵀR + raw · U Sᵖ Vᵀ``,
with the method's setting beside them. ``validation`` fits the preset ``tuned`` (or ``--settings``)
on the train part less a tenth, ``test`` on the whole of it, evaluated once. With ``--drawn test``
the validation part has the test part's share of interactions by the popularity of items, the one
thing that is taken from the test part to choose by; its figures stand apart. All add to
``results/allpass.json``.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import fullrank as fr
from fullrank.data import Interactions
from fullrank.data.validation import Like
from fullrank.encoders.block_svd import Triplets, block_svd
from fullrank.evaluation import evaluate
from fullrank.methods.closed_form.filtering import scaled

EXPONENTS = (0.2, 0.27, 0.34, 0.42, 0.5)
POWERS = (0.0, 0.5, 1.0)
WEIGHTS = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
RANKS = {
    "ml-100k": (16, 32, 64, 128, 256, 512),
    "citeulike": (128, 256, 384, 512, 768),
    "gowalla": (125, 250, 500, 1000),
    "yelp2018": (125, 250, 500, 1000),
}
USERS = 1000
"""Users of the validation part that a sweep looks at."""
METRICS: dict[str, Any] = {"k": 20, "metrics": ("ndcg", "recall")}


class Swept:
    """Scores ``hop · R RᵀR + w · U Sᵖ Vᵀ`` of some users, from parts that are made once."""

    def __init__(self, split: fr.Split, exponent: float, triplets: Triplets) -> None:
        self.train, self.validation, self.triplets = split.train, split.validation, triplets
        rng = np.random.default_rng(0)
        known = (self.validation.user_degree > 0) & (self.train.user_degree > 0)
        users = np.flatnonzero(known)
        self.users = np.sort(rng.choice(users, min(USERS, len(users)), replace=False))
        matrix = scaled(split.train, exponent, exponent).astype(np.float32)
        rows = matrix[self.users]
        self.hop = torch.from_numpy(((rows @ matrix.T) @ matrix).toarray())
        self.projected = torch.from_numpy(rows @ triplets.items.numpy())  # U S
        self.slot = np.full(matrix.shape[0], -1)
        self.slot[self.users] = np.arange(len(self.users))
        self.n_users, self.n_items = matrix.shape
        self.weights = (1.0, 0.0)

    def filtered(self, rank: int, power: float) -> Tensor:
        """(u, n_items) U Sᵖ Vᵀ of rank k."""
        scale = self.triplets.values[:rank].pow(power - 1).float()
        return (self.projected[:, :rank] * scale) @ self.triplets.items[:, :rank].T

    def in_units(self, rank: int, power: float, raw: float) -> float:
        """The setting ``weight`` of a weight of ``U Sᵖ Vᵀ`` beside ``R RᵀR``."""
        first, last = (float(self.triplets.values[at]) for at in (0, rank - 1))
        return float(f"{raw * last**power / first**3:.3g}")

    def use(self, filtered: Tensor, hop: float, weight: float) -> dict[str, float]:
        """The metrics on the validation part."""
        self.part, self.weights = filtered, (hop, weight)
        result = evaluate(self, self.validation, train=self.train, users=self.users, **METRICS)
        figures = {name: round(value, 5) for name, value in result.items()}
        return figures | {"users": len(self.users)}

    def scores(self, users: Tensor) -> Tensor:
        """(b, n_items)"""
        slot = torch.from_numpy(self.slot[users.numpy()])
        hop, weight = self.weights
        return hop * self.hop[slot] + weight * self.part[slot]


def sweep(
    swept: Swept, exponent: float, ranks: Sequence[int], powers: Sequence[float]
) -> list[dict[str, Any]]:
    """The grid of p and w with the hop and, at w = 1, without it; and the hop alone."""
    measured = []
    for rank in ranks:
        for power in powers:
            filtered = swept.filtered(rank, power)
            for hop, weight in [(0.0, 1.0)] + [(1.0, weight) for weight in WEIGHTS]:
                setting = {"e": exponent, "k": rank, "p": power, "hop": hop, "raw": weight}
                setting["weight"] = swept.in_units(rank, power, weight)
                measured.append(setting | swept.use(filtered, hop, weight))
            best = max(measured, key=lambda each: each["ndcg@20"])
            print(f"e {exponent} k {rank} p {power}: best so far {best}", flush=True)
    alone = {"e": exponent, "k": 0, "p": 0.0, "hop": 1.0, "raw": 0.0, "weight": 0.0}
    return [*measured, alone | swept.use(filtered, 1.0, 0.0)]


def split_of(name: str, validation: float, drawn: Like) -> fr.Split:
    """A data set by name, divided with seed 0."""
    return fr.load(name, validation=validation, seed=0, validation_like=drawn)


def triplets_of(data: Interactions, exponent: float, rank: int, cache: Path | None) -> Triplets:
    """Kept in a file of ``cache``, if there is one."""
    file = cache and cache / f"{data.fingerprint[:12]}-{exponent}-{rank}.pt"
    if file and file.is_file():
        return Triplets(*torch.load(file))
    began = time.perf_counter()
    made = block_svd(scaled(data, exponent, exponent), rank)
    seconds = time.perf_counter() - began
    print(f"e {exponent}: rank {rank} in {seconds:.1f} s, residual {made.residual:.1e}", flush=True)
    if file:
        torch.save(tuple(made), file)
    return made


def fitted(
    name: str, part: str, drawn: Like, settings: dict[str, Any] | None, threads: int
) -> dict[str, Any]:
    """The preset ``tuned``, or other settings, fitted and evaluated once."""
    validation = part == "validation"
    split = split_of(name, 0.1 if validation else 0, drawn if validation else "uniform")
    preset = f"tuned:{name}" if settings is None else None
    model = fr.Recommender("allpass", preset=preset, threads=threads, **(settings or {}))
    model.fit(split.train)
    held_out = split.validation if validation else split.test
    plain = type(model.settings)().model_dump()
    values = {k: v for k, v in model.settings.model_dump().items() if v != plain[k]}
    shown = ", ".join(f"{name} {value:g}" for name, value in values.items())
    made = {key: model.training[key] for key in ("seconds", "allpass", "effective_rank")}
    figures = model.evaluate(held_out, **METRICS)
    return {"settings": shown, "threads": threads, **made, **figures}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", choices=RANKS)
    parser.add_argument("part", choices=("sweep", "rank", "validation", "test"))
    parser.add_argument("--e", type=float, nargs="*", default=EXPONENTS)
    parser.add_argument("--settings", type=json.loads, help="in place of the preset")
    parser.add_argument("--drawn", choices=("uniform", "test"), default="uniform")
    parser.add_argument("--powers", type=float, nargs="*", default=POWERS)
    parser.add_argument("--rank", type=int, help="of a sweep, in place of the largest")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cache", type=Path, help="folder that keeps singular triplets")
    parser.add_argument("--out", type=Path, default=Path("results/allpass.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(arguments.threads)
    data, part, drawn = arguments.data, arguments.part, arguments.drawn
    name = data if drawn == "uniform" else f"{data}, drawn like test"
    if part in ("validation", "test"):
        made: Any = fitted(data, part, drawn, arguments.settings, arguments.threads)
        print(name, part, made, flush=True)
        keep(arguments.out, name, part, [made])
        return
    split = split_of(data, 0.1, drawn)
    ranks = (*RANKS[data][:-1], arguments.rank or RANKS[data][-1])
    for exponent in arguments.e:
        triplets = triplets_of(split.train, exponent, ranks[-1], arguments.cache)
        swept = Swept(split, exponent, triplets)
        chosen = ranks[-1:] if part == "sweep" else ranks[:-1]
        rows = sweep(swept, exponent, chosen, arguments.powers)
        keep(arguments.out, name, "curves", rows, str(exponent))


def keep(path: Path, data: str, part: str, rows: list[Any], key: str | None = None) -> None:
    """Adds what was measured to what is there."""
    document = json.loads(path.read_text()) if path.is_file() else {}
    place = document.setdefault(data, {})
    if key is not None:
        place, part = place.setdefault(part, {}), key
    place.setdefault(part, []).extend(rows)
    path.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
