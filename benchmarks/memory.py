"""Peak memory of every method on gowalla: setting up, some steps, ranking for all users.

    FULLRANK_DATA=../shared/data python benchmarks/memory.py --out results/memory.json

Each method runs in a process of its own, with its default settings.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
from pathlib import Path

STEPS = 8
VARIANTS = {
    "directspec+ lightgcn": ("directspec+", {"encoder": "lightgcn"}),
    "directspec+ factored": (
        "directspec+",
        {"encoder": "lightgcn", "propagation": "factored", "rank": 512},
    ),
    "directau lightgcn": ("directau", {"encoder": "lightgcn"}),
    "sgl-ed all": ("sgl-ed", {"contrast_with": "all"}),
    "lightgcl all": ("lightgcl", {"contrast_with": "all"}),
}


def measure(label: str, data: str) -> dict[str, object]:
    import warnings

    import torch

    import fullrank as fr
    from fullrank.evaluation import evaluate
    from fullrank.methods import ClosedFormMethod, build_method
    from fullrank.serving import DotScorer
    from fullrank.training import Trainer

    warnings.simplefilter("ignore")
    torch.set_num_threads(2)
    split = fr.load(data, validation=0)
    name, values = VARIANTS.get(label, (label, {}))
    method = build_method(name, values)
    try:
        if isinstance(method, ClosedFormMethod):
            scorer = method.solve(split.train, "cpu")
        else:
            method = method.replace(epochs=1)
            plan = method.plan(split.train, "cpu")
            trainer = Trainer(plan, method)
            trainer.steps = STEPS
            trainer.run()
            scorer = DotScorer(*plan.encoder.tables())
        evaluate(scorer, split.test, train=split.train, k=20)
        said = ""
    except fr.FullrankError as error:
        said = str(error)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"method": label, "peak_gib": round(peak, 3), "said": said}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", default="gowalla")
    parser.add_argument("--method")
    parser.add_argument("--out", type=Path, default=Path("results/memory.json"))
    arguments = parser.parse_args()
    if arguments.method:
        print(json.dumps(measure(arguments.method, arguments.data)))
        return
    from fullrank.methods import METHODS

    rows = []
    for label in [*METHODS, *VARIANTS]:
        call = [sys.executable, __file__, "--method", label, "--data", arguments.data]
        done = subprocess.run(call, capture_output=True, text=True, check=False)
        if done.returncode:
            print(label, "failed:", done.stderr.strip().split("\n")[-1], flush=True)
            continue
        rows.append(json.loads(done.stdout))
        print(f"{label:<24} {rows[-1]['peak_gib']:.2f} GiB {rows[-1]['said']}", flush=True)
    arguments.out.write_text(json.dumps({"data": arguments.data, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
