"""Methods without epochs at their authors' settings, beside the figures that were published.

    FULLRANK_DATA=../shared/data python experiments/references.py gf-cf:gowalla bspm:gowalla
    FULLRANK_DATA=../shared/data python experiments/references.py --all

On the splits of LightGCN, as the papers evaluate: all items ranked, Recall@20 divided by the number
of test items. Entries of one data set share its singular vectors, whose seconds are written apart
from those of a fit; seconds are of the processor. Nothing is chosen here: settings are the
published ones, or, where none were published, those that the entry's ``chosen`` names. Writes to
``results/references.json``.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
import warnings
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import fullrank as fr
from fullrank.data import Split, load
from fullrank.encoders import truncated_svd
from fullrank.methods.closed_form import filtering


class Published(NamedTuple):
    """A published figure and the settings it was made with, in our names."""

    method: str
    data: str
    settings: dict[str, Any]
    recall: float | None
    ndcg: float | None
    source: str
    chosen: str = "published settings"


REPRODUCTION = "Anelli et al., RecSys 2023, table 3"
LATER = "settings of a later reproduction (Shehzad et al., 2025)"
ENTRIES = {
    f"{each.method}:{each.data}": each
    for each in (
        Published(
            "rp3beta",
            "yelp2018",
            {"neighbours": 350, "alpha": 0.768, "beta": 0.418, "unit_rows": True},
            0.0671,
            0.0559,
            REPRODUCTION,
            LATER + "; those of the figure are not published",
        ),
        Published(
            "p3alpha",
            "yelp2018",
            {"neighbours": 496, "alpha": 0.768},
            None,
            None,
            "no figure known for this split",
            LATER,
        ),
        Published(
            "gf-cf",
            "gowalla",
            {"rank": 256, "alpha": 0.3},
            0.1849,
            0.1518,
            "Shen et al., CIKM 2021, table 2",
        ),
        Published(
            "gf-cf",
            "yelp2018",
            {"rank": 256, "alpha": 0.3},
            0.0697,
            0.0571,
            "Shen et al., CIKM 2021, table 2",
        ),
        Published(
            "turbo-cf",
            "gowalla",
            {"alpha": 0.6, "power": 0.7},
            0.1835,
            0.1531,
            "Park et al., SIGIR 2024, table 2",
        ),
        Published(
            "chebycf",
            "gowalla",
            {"order": 8, "flatness": 1.5, "rank": 512, "alpha": 0.2, "beta": 0.4},
            0.1941,
            0.1616,
            "Kim et al., SIGIR 2025, table 2",
        ),
        Published(
            "bspm",
            "gowalla",
            {"rank": 448, "alpha": 0.2, "sharpening": 2.5, "solver": "rk4", "merge": "early"},
            0.1920,
            0.1597,
            "Choi et al., SIGIR 2023, table 3 (BSPM-EM)",
        ),
        Published(
            "bspm",
            "yelp2018",
            {
                "rank": 384,
                "alpha": 0.3,
                "sharpening": 1.2,
                "solver": "euler",
                "merge": "early",
                "average": True,
            },
            0.0720,
            0.0593,
            "Choi et al., SIGIR 2023, table 3 (BSPM-EM)",
        ),
    )
}
"""Every check by ``METHOD:DATA``."""


class SharedVectors:
    """The leading singular vectors of one matrix, computed once for the largest rank asked for."""

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self.seconds = 0.0
        self._vectors: np.ndarray | None = None

    def __call__(self, matrix: Any, rank: int, seed: int) -> np.ndarray:
        if self._vectors is None:
            began = time.process_time()
            self._vectors = truncated_svd(matrix, self.rank, seed).items.numpy()
            self.seconds = time.process_time() - began
        return self._vectors[:, :rank].copy()


def checked(entry: Published, split: Split, threads: int) -> dict[str, Any]:
    """Fits, evaluates on the test part, and sets the published figure beside it."""
    began = time.process_time()
    model = fr.Recommender(entry.method, threads=threads, **entry.settings).fit(split)
    seconds = time.process_time() - began
    got = model.evaluate(k=20, metrics=("recall", "ndcg"))
    total = time.process_time() - began
    made = {
        "settings": entry.settings,
        "chosen": entry.chosen,
        "threads": threads,
        "fit_cpu_seconds": round(seconds, 1),
        "evaluation_cpu_seconds": round(total - seconds, 1),
        "peak_gib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "source": entry.source,
    }
    for name, published in (("recall@20", entry.recall), ("ndcg@20", entry.ndcg)):
        made[name] = round(got[name], 5)
        made[f"published_{name}"] = published
        made[f"ratio_{name}"] = round(got[name] / published, 4) if published else None
    return made


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("entries", nargs="*", choices=[*ENTRIES, []], metavar="METHOD:DATA")
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("results/references.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    names = list(ENTRIES) if arguments.all else arguments.entries
    for data in sorted({ENTRIES[name].data for name in names}):
        split = load(data, validation=0)
        entries = [ENTRIES[name] for name in names if ENTRIES[name].data == data]
        # All of them are on the same normalised matrix.
        vectors = SharedVectors(max(each.settings.get("rank", 1) for each in entries))
        filtering.item_vectors = vectors
        for entry in entries:
            before = vectors.seconds
            made = checked(entry, split, arguments.threads)
            made["fit_cpu_seconds"] = round(made["fit_cpu_seconds"] - (vectors.seconds - before), 1)
            if "rank" in entry.settings:
                made["vectors_cpu_seconds"] = round(vectors.seconds, 1)
            print(f"{entry.method}:{data}", json.dumps(made), flush=True)
            rows = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
            rows[f"{entry.method}:{data}"] = made
            arguments.out.write_text(json.dumps(dict(sorted(rows.items())), indent=1) + "\n")


if __name__ == "__main__":
    main()
