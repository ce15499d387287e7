"""The builds of a wheel, each as far as this processor runs it."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from fullrank import Recommender, SettingError, generate, native
from fullrank.native import build, compiled, compiler

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not native.available(), reason=native.state()),
]
BUILDS = compiler.BUILDS.get(platform.machine(), {})
EACH = pytest.mark.parametrize("name", BUILDS)

BY_PATH = """
import importlib.util, pathlib, sys
spec = importlib.util.spec_from_file_location("alone", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
print(*module.compile_packaged(pathlib.Path(sys.argv[2]), sys.argv[3]), sep="\\n")
"""


@pytest.fixture(scope="module")
def packaged(tmp_path_factory) -> Path:
    """What the build hook compiles, as it does: by a file without anything installed around it."""
    folder = tmp_path_factory.mktemp("lib")
    asked = [compiler.__file__, str(folder), platform.machine()]
    out = subprocess.check_output([sys.executable, "-I", "-S", "-c", BY_PATH, *asked], text=True)
    assert [Path(line) for line in out.split()] == [
        folder / compiler.library_name(name) for name in BUILDS
    ]
    return folder


@pytest.fixture
def load(packaged, monkeypatch):
    """Loads as in a wheel with these builds, for this test alone."""
    monkeypatch.setattr(build, "PACKAGED", packaged)
    monkeypatch.setattr(build, "load_compiled", lambda: pytest.fail("compiled all the same"))

    def load(wanted: str = "") -> str:
        monkeypatch.setenv(build.VARIABLE, wanted)
        monkeypatch.setattr(build, "loaded", build._Once())
        return native.state()

    return load


def results() -> tuple[torch.Tensor, list[list[int]]]:
    """Items' rows after two epochs, and the best items of some fixed rows."""
    data = generate(80, 60, 900, seed=1)
    model = Recommender("directspec+", dim=32, epochs=2, batch_size=64, seed=0, device="cpu")
    rng = np.random.default_rng(0)
    tables = [torch.from_numpy(rng.standard_normal((n, 32), dtype=np.float32)) for n in (9, 70)]
    if not native.available():
        best = (tables[0] @ tables[1].T).topk(5).indices.tolist()
    else:
        users, items = (table.numpy() for table in tables)
        packed = native.PackedItems(items, 1)
        best = native.top_k(users, packed, np.arange(9), 5, 1)[0].tolist()
    return model.fit(data).item_embeddings, best


@EACH
def test_every_build_computes_what_torch_does(load, name):
    if BUILDS[name][0] > build.cpu_level(native.library()):
        pytest.skip(f"this processor does not run {name}")
    assert load(name) == f"native (packaged, {name})"
    rows, best = results()
    assert load("0").startswith("torch")
    rows_by_torch, best_by_torch = results()
    torch.testing.assert_close(rows, rows_by_torch, rtol=1e-3, atol=1e-5)
    assert best == best_by_torch


def test_the_fastest_build_that_the_processor_runs_is_taken(load, monkeypatch):
    assert load() == f"native (packaged, {fastest(build.cpu_level(native.library()))})"
    for level in {level for level, _ in BUILDS.values()} - {0}:
        monkeypatch.setattr(build, "cpu_level", lambda kernels, level=level: level)
        if level <= compiled.load_compiled()[0].fr_cpu_level():
            assert load() == f"native (packaged, x86-64-v{level})"


def fastest(level: int) -> str:
    return next(name for name, (needed, _) in BUILDS.items() if needed <= level)


def test_a_build_that_the_processor_does_not_run_is_refused(load, monkeypatch):
    monkeypatch.setattr(build, "cpu_level", lambda kernels: -1)
    with pytest.raises(SettingError, match="expected a build that it can run"):
        load(next(iter(BUILDS)))


def test_a_processor_older_than_all_builds_compiles(load, monkeypatch):
    monkeypatch.setattr(build, "cpu_level", lambda kernels: -1)
    monkeypatch.setattr(build, "load_compiled", compiled.load_compiled)
    assert load() == "native (compiled for this processor)"


def test_one_can_ask_for_kernels_of_this_very_processor(load, monkeypatch):
    monkeypatch.setattr(build, "load_compiled", compiled.load_compiled)
    assert load("compile") == "native (compiled for this processor)"


def test_a_packaged_build_that_cannot_be_loaded_is_passed_over(load, tmp_path, monkeypatch):
    for name in BUILDS:
        (tmp_path / compiler.library_name(name)).write_bytes(b"garbage")
    load()
    monkeypatch.setattr(build, "PACKAGED", tmp_path)
    monkeypatch.setattr(build, "load_compiled", compiled.load_compiled)
    assert load() == "native (compiled for this processor)"
