"""A wheel as its users have it: built, installed anew, run without a compiler or any other program.

``python tests/native/wheel_check.py`` needs the package ``build`` and a package index, and takes
minutes; it prints what each build of the kernels gave and fails where one is missing or differs.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FIT = """
import json
import fullrank as fr
from fullrank import native
model = fr.Recommender("directspec+", epochs=2, dim=32, seed=0, threads=1).fit(fr.load("demo"))
figures = model.evaluate(k=20)
length = [float(table.norm()) for table in (model.user_embeddings, model.item_embeddings)]
print(json.dumps({"state": native.state(), "values": [*length, figures["ndcg@20"]]}))
"""
TOLERANCE = 1e-3


def built(folder: Path, **environment: str) -> Path:
    """The wheel that ``python -m build`` makes of the sources by way of an sdist."""
    command = [sys.executable, "-m", "build", "--outdir", str(folder), str(ROOT)]
    subprocess.run(
        command, env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL
    )
    (wheel,) = folder.glob("*.whl")
    return wheel


def installed(folder: Path, wheel: Path) -> Path:
    """The folder of the programs of a new environment with the wheel in it."""
    venv.create(folder, with_pip=True)
    programs = folder / "bin"
    pip = [str(programs / "python"), "-m", "pip", "install", "--quiet"]
    options = ["--disable-pip-version-check", "-c", str(ROOT / "constraints.txt")]
    subprocess.run([*pip, *options, str(wheel)], check=True)
    return programs


def run(command: list[str], home: Path, **environment: str) -> str:
    """What a command prints that has no environment but a home folder and these variables."""
    bare = {"HOME": str(home), "PATH": "", **environment}
    done = subprocess.run(command, env=bare, cwd=home, check=True, capture_output=True, text=True)
    assert done.stderr == "" or "warning" not in done.stderr.lower(), done.stderr
    return done.stdout


def fitted(programs: Path, home: Path, **environment: str) -> dict[str, Any]:
    """State of the kernels and some figures after two epochs."""
    out = run([str(programs / "python"), "-c", FIT], home, **environment)
    result: dict[str, Any] = json.loads(out)
    return result


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pure = built(folder / "pure", FULLRANK_PURE="1")
        assert pure.name.endswith("py3-none-any.whl"), pure
        wheel = built(folder / "dist", FULLRANK_PURE="0")
        programs = installed(folder / "venv", wheel)
        chosen = fitted(programs, folder)
        assert chosen["state"].startswith("native (packaged"), chosen
        report = json.loads(run([str(programs / "fullrank"), "doctor", "--json"], folder))
        assert report["kernels"]["state"] == chosen["state"], report
        results = {"chosen": chosen}
        libraries = Path(report["kernels"]["file"]).parent.glob("kernels-*.so")
        for build in sorted(path.stem.removeprefix("kernels-") for path in libraries):
            if build > chosen["state"].split()[-1].rstrip(")"):
                continue  # this processor is older
            results[build] = fitted(programs, folder, FULLRANK_NATIVE=build)
            assert results[build]["state"] == f"native (packaged, {build})"
        results["compiled here"] = fitted(
            programs, folder, FULLRANK_NATIVE="compile", PATH=os.environ["PATH"]
        )
        results["torch"] = fitted(programs, folder, FULLRANK_NATIVE="0")
    for label, result in results.items():
        pairs = zip(result["values"], chosen["values"], strict=True)
        off = max(abs(value / other - 1) for value, other in pairs)
        sys.stdout.write(f"{label}: {result['state']}, differs by {off:.1e}\n")
        assert off < TOLERANCE, results
    sys.stdout.write(f"{wheel.name}: {len(results)} runs agree, with an empty PATH\n")


if __name__ == "__main__":
    main()
