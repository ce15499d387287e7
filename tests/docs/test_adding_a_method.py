"""The code of docs/adding-a-method.md runs, and does what the page says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fullrank import METHODS, Recommender

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-method.md"


def blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), flags=re.DOTALL)


@pytest.fixture
def taken_back():
    before = set(METHODS)
    yield
    for name in set(METHODS) - before:
        del METHODS[name]


@pytest.mark.slow
def test_adding_a_method(taken_back, tmp_path, capsys):
    first, *others = blocks(PAGE)
    lines = [line for line in first.splitlines() if line.strip()]
    added = [line for line in lines if not line.startswith(("import ", "from "))]
    assert len(added) < 20
    names = {}
    for block in (first, *others):
        exec(compile(block, str(PAGE), "exec"), names)
    assert names["study"].trials == 3
    model = names["model"]
    value = float(capsys.readouterr().out.split()[0])
    assert value == model.evaluate(k=10)["ndcg@10"]
    untrained = Recommender("soft-margin", epochs=0, dim=16).fit(names["data"])
    assert value > 2 * untrained.evaluate(k=10)["ndcg@10"]
    model.save(tmp_path / "m")
    assert Recommender.load(tmp_path / "m").recommend(k=3).equals(model.recommend(k=3))


def test_the_methods_page(capsys):
    names = {}
    for block in blocks(PAGE.with_name("methods.md")):
        exec(compile(block, "methods.md", "exec"), names)
    assert names["model"].settings == names["same"].settings
    assert names["model"].item_embeddings.equal(names["same"].item_embeddings)
    assert "'name': " in capsys.readouterr().out
