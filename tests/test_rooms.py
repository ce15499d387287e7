"""The order of the house: what each room may import, and what occurs in one place only."""

from __future__ import annotations

import ast
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

import fullrank

SRC = Path(fullrank.__file__).resolve().parent
FILES = sorted(SRC.rglob("*.py"))
EACH_FILE = pytest.mark.parametrize(
    "file", FILES, ids=lambda file: file.relative_to(SRC).as_posix()
)
HOME = Path(__file__).resolve().parents[1]
LINES = 300

ORDER = (
    ("errors",),
    ("extras",),
    ("ends",),
    ("settings",),
    ("native",),
    ("data",),
    ("spectrum",),
    ("objectives",),
    ("encoders",),
    ("serving",),
    ("evaluation",),
    ("rules",),
    ("pictures",),
    ("engine",),
    ("training",),
    ("methods",),
    ("presets",),
    ("auditing",),
    ("portfolio",),
    ("learner",),
    ("recommender", ""),
    ("exporting",),
    ("scale",),
    ("studies",),
    ("nightly",),
    ("lab",),
    ("diagnosis",),
    ("behaviour",),
    ("pages",),
    ("service",),
    ("cli",),
    ("__main__",),
)
"""A room imports only from itself and from rooms above it."""

ONLY = {
    "spectrum": {"torch", "fullrank.spectrum"},
    "objectives": {"torch", "fullrank.objectives", "fullrank.spectrum"},
}
"""What a room may import beside the standard library, where that is less than the order allows."""

NEVER = {
    "data": {"torch"},
    "training": {"fullrank.evaluation"},
}
"""What a room may not import although the order (or nothing) forbids it."""


def module_of(file: Path) -> str:
    parts = file.relative_to(SRC.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in FILES}
PACKAGES = {name for name, file in MODULES.items() if file.name == "__init__.py"}


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imported(node: ast.AST, module: str) -> list[str]:
    """Full names that an import statement asks for, relative ones resolved."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    base = node.module or ""
    if node.level:
        home = module.split(".") if module in PACKAGES else module.split(".")[:-1]
        home = home[: len(home) - node.level + 1]
        base = ".".join([*home, base] if base else home)
    return [f"{base}.{alias.name}" for alias in node.names]


def imports(module: str) -> set[str]:
    """All imports of a module, those inside functions and for type checkers included."""
    nodes = ast.walk(tree(MODULES[module]))
    return {name for node in nodes for name in imported(node, module)}


def room(name: str) -> str:
    """``fullrank.data.graph`` and ``fullrank.data`` are of the room ``data``.

    A name that `fullrank` itself exports is of the face, and ``__version__`` of no room at all.
    """
    parts = name.split(".")
    if len(parts) < 2 or f"fullrank.{parts[1]}" not in MODULES:
        return ""
    return parts[1]


def level(room: str) -> int:
    return next(at for at, rooms in enumerate(ORDER) if room in rooms)


def inside(name: str, allowed: set[str]) -> bool:
    return any(name == each or name.startswith(f"{each}.") for each in allowed)


def test_every_room_of_the_order_exists():
    found = {room(module) for module in MODULES}
    assert {name for rooms in ORDER for name in rooms} <= found


@pytest.mark.parametrize("module", MODULES)
def test_a_room_imports_only_from_rooms_above_it(module):
    own = room(module)
    for name in imports(module):
        if name.split(".")[0] == "fullrank" and name != "fullrank.__version__":
            assert level(room(name)) <= level(own), f"{module} imports {name}"


@pytest.mark.parametrize("module", MODULES)
def test_a_room_keeps_to_what_it_needs(module):
    own, names = room(module), imports(module)
    for name in names:
        assert not inside(name, NEVER.get(own, set())), f"{module} imports {name}"
        if own in ONLY and name.split(".")[0] not in sys.stdlib_module_names:
            assert inside(name, ONLY[own]), f"{module} imports {name}"


def test_the_order_is_held_where_it_is_broken(tmp_path):
    """The checks above are worth what they find."""
    code = "import torch.nn as nn\nfrom ..evaluation import top_k\nfrom . import sampling\n"
    names = [name for node in ast.parse(code).body for name in imported(node, "fullrank.data.x")]
    assert names == ["torch.nn", "fullrank.evaluation.top_k", "fullrank.data.sampling"]
    assert inside(names[0], NEVER["data"])
    assert level(room(names[1])) > level("data")
    assert level(room(names[2])) == level("data")
    assert level(room("fullrank.Recommender")) == level("recommender") < level("cli")


def n_lines(file: Path) -> int:
    return len(file.read_text("utf-8").splitlines())


def calls(file: Path) -> set[str]:
    """Names of functions that are called by their bare name."""
    found = (node.func for node in ast.walk(tree(file)) if isinstance(node, ast.Call))
    return {function.id for function in found if isinstance(function, ast.Name)}


def calls_of_torch(name: str, file: Path) -> list[ast.Call]:
    """Calls of ``torch.NAME``."""
    found = [node for node in ast.walk(tree(file)) if isinstance(node, ast.Call)]
    return [call for call in found if ast.unparse(call.func) == f"torch.{name}"]


def test_one_loop():
    for call in (".backward(", ".zero_grad("):
        homes = [
            file.relative_to(SRC).as_posix() for file in FILES if call in file.read_text("utf-8")
        ]
        assert homes == ["engine/autograd.py"], call


def test_one_door_to_the_engines():
    """Nobody asks an encoder what it is, and a step's numbers are not looked up by name."""
    for file in FILES:
        text = file.read_text("utf-8")
        if file.relative_to(SRC).parts[0] not in ("engine", "encoders"):
            assert "isinstance(encoder" not in text, file
        assert "getattr(settings," not in text, file
        assert "library() is" not in text or file.name == "build.py", file


@EACH_FILE
def test_files_are_small(file):
    assert n_lines(file) <= LINES


@pytest.mark.parametrize("folder", ["tests", "benchmarks", "experiments", "docs", "examples"])
def test_files_beside_the_package_are_small(folder):
    lines = {file: n_lines(file) for file in (HOME / folder).rglob("*.py")}
    assert lines
    assert {str(file.relative_to(HOME)): n for file, n in lines.items() if n > LINES} == {}


@EACH_FILE
def test_habits(file):
    module, text = module_of(file), file.read_text("utf-8")
    loaded = {name.split(".")[0] for name in imports(module)}
    assert not loaded & {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve", "marshal"}
    assert not calls(file) & {"eval", "exec"}
    assert "allow_pickle=True" not in text
    assert "from torch import load" not in text
    for call in calls_of_torch("load", file):  # it unpickles: tensors alone, where it must
        given = {each.arg: ast.unparse(each.value) for each in call.keywords}
        assert module == "fullrank.diagnosis.formats.tensors", module
        assert given["weights_only"] == "True"
    assert "torch.manual_seed(" not in text
    assert "np.random.seed(" not in text
    if room(module) != "cli":
        assert "sys.argv" not in text
        assert "sys.argv" not in imports(module)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import fullrank", {"torch", "scipy", "polars"}),
        ("import fullrank.cli", {"torch", "scipy", "polars"}),
        ("import fullrank.data", {"torch"}),
        ("import fullrank.spectrum", {"scipy", "polars", "pydantic"}),
    ],
)
def test_importing_is_cheap(statement, heavy, tmp_path):
    # What an environment loads at start-up (coverage, say) is not ours to answer for.
    code = (
        "import sys\nbefore = set(sys.modules)\n"
        f"{statement}\n"
        f"print(*sorted({heavy!r} & (set(sys.modules) - before)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


def test_every_public_name_has_a_home():
    for name in fullrank.__all__:
        assert getattr(fullrank, name) is not None
    assert set(fullrank.__all__) <= set(dir(fullrank))
    with pytest.raises(AttributeError, match="nonesuch"):
        fullrank.nonesuch  # noqa: B018


@pytest.mark.slow
def test_a_name_that_is_not_there_does_not_pass_the_type_checker(tmp_path, monkeypatch):
    """With the settings of `make types`, so that what that has found of the library is used."""
    monkeypatch.chdir(SRC.parent.parent)
    api = pytest.importorskip("mypy.api")
    (tmp_path / "use.py").write_text("import fullrank as fr\nfr.nonsense\nfr.Recommender\n")
    said, _, code = api.run([str(tmp_path / "use.py")])
    assert code == 1
    assert 'use.py:2: error: Module has no attribute "nonsense"' in said
    assert "use.py:3" not in said
