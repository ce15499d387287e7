"""A method is one file and one import line; the front door takes it typed or by name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import fullrank
from fullrank import METHODS, Recommender, SettingError
from fullrank.methods import BPR, CCL, DropEdge, LightGCN, Method, add_method, method_named

FILE = '''
"""Hinge: observed items above sampled ones by a margin."""

from pydantic import Field

from fullrank.engine.step import Loss
from fullrank.methods.base import SampledMethod
from fullrank.methods.space import Span


def hinge(user, item, negative, margin):
    own = (user * item).sum(1, keepdim=True)
    others = (negative @ user.unsqueeze(2)).squeeze(2)
    return (margin + others - own).clamp_min(0).mean()


class Hinge(SampledMethod):
    name = "hinge"
    summary = "observed items above sampled ones by a margin"
    source = "a test"
    family = "sampled negatives"
    space = {"margin": Span(0.1, 2.0)}
    defaults = {"lr": 1.0}

    margin: float = Field(1.0, gt=0)
    """The margin."""

    def build_loss(self) -> Loss:
        return Loss.of_triples(hinge, margin=self.margin)
'''
LINE = "from fullrank.methods.hinge import Hinge as Hinge\n"
USE = """
import fullrank as fr
data = fr.generate(60, 40, 600, seed=1)
model = fr.Recommender(fr.methods.Hinge(dim=8, batch_size=32, epochs=2, margin=0.5)).fit(data)
print(model.method, model.settings.margin, model.settings.lr, model.training["epochs"])
print("hinge" in fr.METHODS, model.training["engine"]["passed_over"]["compiled"])
"""


@pytest.mark.slow
def test_one_file_and_one_import_line_add_a_method(tmp_path):
    package = tmp_path / "fullrank"
    shutil.copytree(Path(fullrank.__file__).parent, package)
    (package / "methods" / "hinge.py").write_text(FILE)
    with (package / "methods" / "registry.py").open("a") as registry:
        registry.write(LINE)
    done = subprocess.run(
        [sys.executable, "-c", USE],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "hinge 0.5 1.0 2"
    assert second.startswith("True ")
    assert second.endswith(("the loss has no compiled form", "no GPU")) or "kernels" in second


def test_the_registry_is_import_lines_alone():
    text = (Path(fullrank.__file__).parent / "methods" / "registry.py").read_text()
    lines = [line for line in text.splitlines()[1:] if line]
    assert all(line.startswith("from fullrank.methods.") for line in lines)
    assert len(lines) == len(METHODS)


def test_a_typed_method_is_the_named_one(tiny):
    values = {"dim": 8, "batch_size": 32, "epochs": 2, "lr": 1.0}
    typed, named = Recommender(BPR(**values)), Recommender("bpr", **values)
    assert typed.settings == named.settings
    assert typed.method == "bpr"
    assert typed.fit(tiny).item_embeddings.equal(named.fit(tiny).item_embeddings)
    assert Recommender(BPR(lr=1.0), lr=2.0).settings.lr == 2.0


def test_a_preset_is_for_a_name():
    with pytest.raises(SettingError, match="preset: found 'tuned:citeulike'; expected a method's"):
        Recommender(BPR(), preset="tuned:citeulike")


def test_defaults_of_a_subclass_are_its_own():
    assert (LightGCN().drop_edges, DropEdge().drop_edges) == (0.0, 0.2)
    assert (BPR().lr, CCL().lr, DropEdge().lr) == (10.0, 0.01, 0.01)
    with pytest.raises(SettingError, match=r"setting drop_edges: found 1\.0; expected less than 1"):
        DropEdge(drop_edges=1.0)


@pytest.mark.parametrize("value", ["3", 2.5, True, 3.0, None, [3]])
def test_a_whole_number_is_one(value):
    with pytest.raises(SettingError, match=r"^setting dim: found .*; expected a valid integer$"):
        BPR(dim=value)


@pytest.mark.parametrize("value", ["3", True, None])
def test_a_number_is_one(value):
    with pytest.raises(SettingError, match=r"^setting lr: found .*; expected a valid number$"):
        Recommender("bpr", lr=value)


def test_numbers_of_numpy_are_numbers():
    np = pytest.importorskip("numpy")
    settings = BPR(dim=np.int64(8), lr=np.float32(0.5), seed=np.uint64(2**63), systematic=np.True_)
    assert settings == BPR(dim=8, lr=0.5, seed=2**63, systematic=True)
    with pytest.raises(SettingError, match="setting dim"):
        BPR(dim=np.float64(8))


def test_a_name_is_taken_once():
    with pytest.raises(SettingError, match="'bpr', which there is already"):

        @add_method
        class Other(BPR):
            name = "bpr"

    assert method_named("bpr") is BPR
    assert all(issubclass(method, Method) for method in METHODS.values())
