"""Table IV on CiteULike: every method with its preset `tuned`, beside the paper's figures.

    python experiments/table4.py [LABEL ...] --out results/table4.json [--work FOLDER]

Trained on the whole train part with what tuning on the validation part chose
(experiments/tuning.py), seed 0, and evaluated once on the test part, in both protocols. A label
that the file has already is passed over; with FOLDER, a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from urllib.parse import quote

import fullrank as fr
from fullrank.presets import presets
from fullrank.serving.model_files import versions

# Method, preset, the paper's nDCG@10 and @20, Recall@10 and @20.
ROWS = {
    "popularity": ("popularity", None, None),
    "itemknn": ("itemknn", "tuned", None),
    "ease": ("ease", "tuned", None),
    "ials": ("ials", "tuned", None),
    "spectral": ("spectral", "tuned", None),
    "bpr": ("bpr", "tuned", (0.1620, 0.1773, 0.1778, 0.2190)),
    "cl-rec": ("cl-rec", "tuned", (0.1523, 0.1662, 0.1671, 0.2069)),
    "ccl": ("ccl", "tuned", (0.1545, 0.1642, 0.1716, 0.1996)),
    "enmf": ("enmf", "tuned", (0.1335, 0.1601, 0.1556, 0.2193)),
    "directau": ("directau", "tuned", (0.2102, 0.2252, 0.2260, 0.2693)),
    "directau@lightgcn": ("directau", "tuned-lightgcn", (0.1926, 0.2109, 0.2116, 0.2604)),
    "lightgcn": ("lightgcn", "tuned", (0.1610, 0.1781, 0.1771, 0.2190)),
    "dropedge": ("dropedge", "tuned", None),
    "sgl-ed": ("sgl-ed", "tuned", (0.1890, 0.2065, 0.2117, 0.2588)),
    "lightgcl": ("lightgcl", "tuned", (0.2096, 0.2238, 0.2214, 0.2638)),
    "gde": ("gde", "tuned", (0.1890, 0.2061, 0.2055, 0.2528)),
    "logdet": ("logdet", "tuned", (0.1403, 0.1579, 0.1548, 0.2034)),
    "directspec": ("directspec", "tuned", (0.1688, 0.1849, 0.1827, 0.2270)),
    "directspec@lightgcn": ("directspec", "tuned-lightgcn", (0.1693, 0.1863, 0.1875, 0.2334)),
    "directspec+": ("directspec+", "tuned", (0.2197, 0.2354, 0.2352, 0.2818)),
    "directspec+, published": ("directspec+", "published", (0.2197, 0.2354, 0.2352, 0.2818)),
    "directspec+@lightgcn": ("directspec+", "tuned-lightgcn", (0.2038, 0.2213, 0.2213, 0.2704)),
    "directspec+@lightgcn, published": (
        "directspec+",
        "published-lightgcn",
        (0.2038, 0.2213, 0.2213, 0.2704),
    ),
}
FIGURES = ("ndcg@10", "ndcg@20", "recall@10", "recall@20")


def run(
    split: fr.Split, method: str, preset: str | None, threads: int, file: Path | None
) -> dict[str, object]:
    name = None if preset is None else f"{preset}:citeulike"
    began = time.perf_counter()
    model = fr.Recommender(method, preset=name, threads=threads)
    resume = file is not None and file.is_file()
    model.fit(split, checkpoint=file, resume=resume)
    passed = time.perf_counter() - began
    made: dict[str, object] = {
        "settings": model.settings.model_dump(),
        "seconds": model.training.get("seconds", passed) if resume else passed,
        "epochs": model.training.get("epochs"),
        "effective_rank": model.training.get("effective_rank"),
        "versions": versions(),
    }
    for protocol in ("published", "standard"):
        result = model.evaluate(protocol=protocol, metrics=("ndcg", "recall"))
        made[protocol] = {figure: result[figure] for figure in FIGURES}
    return made


def shown(label: str, row: dict) -> str:
    got = " ".join(f"{row['published'][figure]:.4f}" for figure in FIGURES)
    paper = " ".join(f"{value:.4f}" for value in row["paper"]) if row["paper"] else ""
    rank = f"{row['effective_rank']:.1f}" if row["effective_rank"] else "-"
    standard = f"{row['standard']['ndcg@20']:.4f}"
    return f"{label:<24} {got}   {paper:<28} {standard}  {rank:>6}  {row['seconds']:.0f} s"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("labels", nargs="*")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--work", type=Path, help="Folder for checkpoints.")
    parser.add_argument("--out", type=Path, default=Path("results/table4.json"))
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    split = fr.load("citeulike", validation=0)
    rows = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    print("published ndcg@10 @20 recall@10 @20, the paper's; standard ndcg@20, effective rank")

    for label in arguments.labels or ROWS:
        method, preset, paper = ROWS[label]
        if label not in rows or label in arguments.labels:
            if preset is not None and (preset, method, "citeulike") not in presets():
                print(f"{label:<24} not tuned yet", flush=True)
                continue
            file = arguments.work and arguments.work / f"{quote(label, safe='')}.safetensors"
            rows[label] = run(split, method, preset, arguments.threads, file) | {"paper": paper}
            arguments.out.write_text(json.dumps(rows, indent=1) + "\n")
        print(shown(label, rows[label]), flush=True)


if __name__ == "__main__":
    main()
