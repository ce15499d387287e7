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
import json, sys
import fullrank as fr
from fullrank import native
model = fr.Recommender("directspec+", epochs=2, dim=32, lr=30.0, seed=int(sys.argv[1]), threads=1)
rows = model.fit(fr.load("demo")).item_embeddings[:20]
print(json.dumps({"state": native.state(), "rows": rows.flatten().tolist()}))
"""
TOLERANCE = 1e-3
"""Of the largest number in the rows."""


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


def fitted(programs: Path, home: Path, seed: int = 0, **environment: str) -> dict[str, Any]:
    """State of the kernels, and some rows after two epochs."""
    command = [str(programs / "python"), "-c", FIT, str(seed)]
    result: dict[str, Any] = json.loads(run(command, home, **environment))
    return result


def difference(one: dict[str, Any], other: dict[str, Any]) -> float:
    """The largest, in parts of the largest number."""
    off = max(abs(a - b) for a, b in zip(one["rows"], other["rows"], strict=True))
    return off / max(map(abs, other["rows"]))


def every_build(programs: Path, home: Path) -> dict[str, dict[str, Any]]:
    """What the chosen build gives, then each that this processor runs, then compiled and torch."""
    results = {"chosen": fitted(programs, home)}
    chosen = results["chosen"]["state"]
    report = json.loads(run([str(programs / "fullrank"), "doctor", "--json"], home))
    assert report["kernels"]["state"] == chosen, report
    libraries = Path(report["kernels"]["file"]).parent.glob("kernels-*.so")
    for build in sorted(path.stem.removeprefix("kernels-") for path in libraries):
        if f"native (packaged, {build})" <= chosen:  # otherwise this processor is older
            results[build] = fitted(programs, home, FULLRANK_NATIVE=build)
            assert results[build]["state"] == f"native (packaged, {build})"
    with_compiler = {"FULLRANK_NATIVE": "compile", "PATH": os.environ["PATH"]}
    results["compiled here"] = fitted(programs, home, **with_compiler)
    results["by torch"] = fitted(programs, home, FULLRANK_NATIVE="0")
    return results


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pure = built(folder / "pure", FULLRANK_PURE="1")
        assert pure.name.endswith("py3-none-any.whl"), pure
        wheel = built(folder / "dist", FULLRANK_PURE="0")
        programs = installed(folder / "venv", wheel)
        results = every_build(programs, folder)
        other = fitted(programs, folder, seed=1)
    chosen = results["chosen"]
    assert chosen["state"].startswith("native (packaged"), chosen["state"]
    for label, result in results.items():
        off = difference(result, chosen)
        sys.stdout.write(f"{label}: {result['state']}, differs by {off:.1e}\n")
        assert off < TOLERANCE, label
    assert difference(other, chosen) > 100 * TOLERANCE  # the tolerance tells numbers apart
    sys.stdout.write(f"{wheel.name}: {len(results)} runs agree, with an empty PATH\n")


if __name__ == "__main__":
    main()
