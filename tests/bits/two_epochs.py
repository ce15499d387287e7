"""Two epochs of every method, and a hash of the tables they end with.

``python tests/bits/two_epochs.py`` prints the hashes of this machine's build as JSON; ``--store``
adds them to ``hashes.json``. A hash belongs to one build: the compiler, the width of its vectors
and the version of torch decide how sums are rounded. OpenBLAS, which numpy and scipy come with, is
held to one kernel: it takes another one on another chip of the same maker.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

BLAS = {"OPENBLAS_CORETYPE": "Haswell"}
"""Read when numpy is imported; every x86 chip that this runs on has it."""
if "numpy" not in sys.modules:
    os.environ.update(BLAS)

import numpy as np  # noqa: E402
import torch  # noqa: E402

import fullrank as fr  # noqa: E402

STORED = Path(__file__).with_name("hashes.json")
DATA = ("demo", "ml-100k")
QUICK = {"epochs": 2, "dim": 16}
ON_GRAPH = {"encoder": "lightgcn", "layers": 2}

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "directspec+ by graph distance": (
        "directspec+",
        {"tau_design": "graph", "tau_near": 2.0, "shrink": 0.03, "sampler": "users"},
    ),
    "directspec+ with attention": ("directspec+", {"tau_design": "attention"}),
    "directspec+ on lightgcn": ("directspec+", ON_GRAPH),
    "directspec+ on lightgcn, factored": (
        "directspec+",
        {**ON_GRAPH, "propagation": "factored", "rank": 16},
    ),
    "directspec, systematic, damped": (
        "directspec",
        {"systematic": True, "damping": 0.3, "weight_decay": 0.1},
    ),
    "directspec on lightgcn": ("directspec", ON_GRAPH),
    "directspec+, distinct": ("directspec+", {"distinct": True}),
    "directspec+ by graph distance, distinct": (
        "directspec+",
        {"tau_design": "graph", "tau_near": 2.0, "distinct": True},
    ),
    "directspec, distinct": ("directspec", {"distinct": True}),
    "bpr, adam, 3 negatives": (
        "bpr",
        {"negatives": 3, "optimizer": "adam", "lr": 0.01, "weight_decay": 0.1},
    ),
    "bpr, dense-adam": ("bpr", {"negatives": 2, "optimizer": "dense-adam", "lr": 0.01}),
    "directau, dense-adam": ("directau", {"optimizer": "dense-adam"}),
    "bce, adagrad": ("bce", {"negatives": 2, "optimizer": "adagrad", "lr": 0.1}),
    "ccl, shared negatives, dropout": (
        "ccl",
        {"negatives": 300, "shared_negatives": True, "dropout": 0.1},
    ),
    "ccl on lightgcn, dropout": ("ccl", {**ON_GRAPH, "negatives": 20, "dropout": 0.2}),
}
"""What the defaults of the methods do not reach."""

SMALL: dict[str, dict[str, Any]] = {
    "ccl": {"negatives": 50},
    "gde": {"low": 64},
    "ials": {"dim": 16, "iterations": 2},
    "softmax": {"negatives": 50},
    **{name: {"rank": 64} for name in ("spectral", "allpass", "gf-cf", "sgfcf", "chebycf", "bspm")},
}


def cases() -> dict[str, tuple[str, dict[str, Any]]]:
    """Method and settings of each run, by name."""
    plain = {name: (name, SMALL.get(name, {})) for name in fr.METHODS}
    return plain | VARIANTS


def tables_hash(method: str, values: dict[str, Any], data: fr.Split) -> str:
    """The first 16 digits of a hash of the tables, or of the lists of a method without tables."""
    fields = getattr(fr.METHODS[method], "settings", fr.METHODS[method]).model_fields
    quick = {name: value for name, value in QUICK.items() if name in fields}
    model = fr.Recommender(method, seed=0, threads=1, device="cpu", **(quick | values))
    model.fit(data.train)
    digest = hashlib.sha256()
    try:
        parts = [model.user_embeddings.numpy(), model.item_embeddings.numpy()]
    except fr.FitError:
        lists = model.recommend(k=10)
        parts = [lists["item_id"].to_numpy().astype("S"), lists["score"].to_numpy()]
    for part in parts:
        digest.update(np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:16]


def run(name: str, data: str) -> str:
    """The hash of one case on one data set."""
    method, values = cases()[name]
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # torch's own sums depend on the number
    try:
        return tables_hash(method, values, fr.load(data))
    finally:
        torch.set_num_threads(before)


def build() -> str:
    """What the bits depend on, apart from the code."""
    torch_build = (
        f"torch {torch.__version__.split('+')[0]} {torch.backends.cpu.get_cpu_capability()}"
    )
    chip = next(
        (line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("vendor_id")),
        platform.machine(),
    )
    return f"{kernels()}, {torch_build}, numpy {np.__version__}, {chip}"


def kernels() -> str:
    """The compiler and the instructions of the kernels, or ``torch`` where there are none."""
    if os.environ.get("FULLRANK_NATIVE") == "0":
        return "torch"
    compiler = next(filter(None, map(shutil.which, ("c++", "g++", "clang++"))), None)
    if compiler is None:
        return "torch"
    asked = [compiler, "-march=native", "-dM", "-E", "-x", "c++", os.devnull]
    macros = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    words = (line.split(maxsplit=2) for line in macros.splitlines())
    found = {each[1]: each[-1] for each in words if len(each) > 1}
    version = found["__VERSION__"].strip('"')
    wide = next((w for w in ("__AVX512F__", "__FMA__", "__AVX__") if w in found), "")
    return f"c++ {version} {wide.strip('_').lower() or platform.machine()}"


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="ascii").splitlines() if path.is_file() else []


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--store", action="store_true", help="add the hashes to hashes.json")
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    options = parser.parse_args()
    found = {
        data: {name: run(name, data) for name in cases() if options.only in name} for data in DATA
    }
    document = {build(): found}
    if options.store:
        stored = json.loads(STORED.read_text()) if STORED.is_file() else {}
        known = stored.get(build(), {}) if options.only else {}
        whole = {data: known.get(data, {}) | found[data] for data in DATA}
        document = dict(sorted((stored | {build(): whole}).items()))
        STORED.write_text(json.dumps(document, indent=1) + "\n")
    json.dump(document, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
