"""The fuzzers' targets on seeds and on random bytes, without a fuzzer."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path

import pytest
from fuzzing.targets import TARGETS, case

from fullrank.native import compiler

CASES = {
    "readers": 120,
    "titles": 80,
    "splits": 20,
    "inspect": 100,
    "models": 25,
    "rules": 80,
    "filters": 60,
    "packed": 100,
    "lines": 40,
    "queries": 30,
    "requests": 80,
}
"""Random inputs; `columnar` is left to the fuzzer, for polars may end the process."""
FUZZ = Path(__file__).with_name("kernels") / "fuzz.cpp"


def test_every_target_has_cases():
    assert set(CASES) == set(TARGETS) - {"columnar"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", CASES)
def test_random_bytes_are_refused_or_read(tmp_path, target):
    rng = random.Random(target)
    seeds = list(TARGETS[target].seeds())
    inputs = rng.sample(seeds, min(len(seeds), CASES[target]))
    for _ in range(CASES[target]):
        changed = bytearray(rng.choice(seeds))
        for _ in range(rng.randrange(1, 6)):
            changed[rng.randrange(len(changed))] = rng.randrange(256)
        inputs += [bytes(changed), rng.randbytes(rng.choice([8, 100, 300]))]
    accepted = [case(target, data, tmp_path) for data in inputs]
    assert any(accepted)
    assert not all(accepted)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("target", TARGETS)
def test_seeds_that_were_written_are_read(tmp_path, target):
    accepted = [case(target, seed, tmp_path) for seed in list(TARGETS[target].seeds())[:60]]
    assert any(accepted)


@pytest.mark.slow
def test_kernels(tmp_path):
    try:
        command = compiler.compiler()
    except compiler.CompilerError as error:
        pytest.skip(str(error))
    program = tmp_path / "fuzz"
    flags = ("-std=c++17", "-O0", "-march=native", "-fno-math-errno", "-pthread")
    kernels = compiler.KERNELS
    subprocess.run(
        [*command, *flags, "-DWITHOUT_FUZZER", f"-I{kernels}", str(FUZZ), "-o", str(program)],
        check=True,
    )
    done = subprocess.run([str(program), "140"], capture_output=True, text=True, check=True)
    assert done.stdout == "140 cases\n"
