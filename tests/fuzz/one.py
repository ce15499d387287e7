"""Fuzzes one target with atheris.

    python tests/fuzz/one.py readers WORK --seconds 600

WORK/corpus keeps what reached new code, WORK/crashes each input that ended with something other
than nothing or a `FullrankError`, one for each kind, with its traceback. The exit code is 1 if
there is one.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

for variable in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "FULLRANK_CORES"):
    os.environ[variable] = "1"

import atheris  # noqa: E402  # after what it and the others read from the environment

sys.path.insert(0, str(Path(__file__).parent))
with atheris.instrument_imports(include=["fullrank", "fuzzing"]):
    from fuzzing import made
    from fuzzing.targets import TARGETS, case

    import fullrank.recommender
    import fullrank.spectrum  # noqa: F401  # else it is imported where it is used, and not seen

MEMORY = 2048
"""MiB that a case may take, with the process that runs it."""
SECONDS = 10
"""Of the processor that a case may take; by the clock ten times as many."""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("work", type=Path)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    corpus, crashes = asked.work / "corpus", asked.work / "crashes"
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    for seed in TARGETS[asked.target].seeds():
        (corpus / hashlib.sha1(seed).hexdigest()).write_bytes(seed)
    words = asked.work / "words.dict"
    words.write_text("".join(f'"{_escaped(word)}"\n' for word in made.NASTY))
    memory = Path("/dev/shm")
    scratch = Path(tempfile.mkdtemp(prefix="fuzz-", dir=memory if memory.is_dir() else None))
    counts = {"cases": 0, "accepted": 0}

    def one(data: bytes) -> None:
        counts["cases"] += 1
        began = time.process_time()
        try:
            counts["accepted"] += case(asked.target, data, scratch)
            if time.process_time() - began > SECONDS:
                raise TimeoutError
        except Exception as error:
            _keep(crashes, data, error)
        if counts["cases"] % 100 == 0:  # atheris ends the process where nothing can be done after
            (asked.work / "counts.json").write_text(json.dumps(counts))

    options = [
        f"-max_total_time={asked.seconds}",
        f"-timeout={10 * SECONDS}",
        f"-rss_limit_mb={MEMORY}",
        f"-artifact_prefix={crashes}/",
        f"-dict={words}",
        f"-seed={asked.seed}",
        "-max_len=16384",
        "-len_control=0",
        "-reduce_inputs=0",  # a file cut to nothing reaches the same lines
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], one, enable_python_coverage=True)
    atheris.Fuzz()


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def _keep(crashes: Path, data: bytes, error: BaseException) -> None:
    """Keeps the smallest input of each kind: the error's type and where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [
        frame for frame in frames if "fullrank" in frame.filename or "fuzzing" in frame.filename
    ]
    at = f"{Path(ours[-1].filename).name}-{ours[-1].lineno}" if ours else "nowhere"
    file = crashes / f"{type(error).__name__}-{at}"
    if not file.exists() or len(data) < file.stat().st_size:
        file.write_bytes(data)
        text = "".join(traceback.format_exception(error))
        file.with_suffix(".traceback").write_text(text)


if __name__ == "__main__":
    main()
