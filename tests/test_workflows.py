"""The workflows are YAML, and what they call exists."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text("utf-8")
TARGETS = set(re.findall(r"^([\w-]+):", MAKEFILE, flags=re.MULTILINE))


def load(name: str) -> dict[Any, Any]:
    return yaml.safe_load((ROOT / ".github" / "workflows" / f"{name}.yml").read_text("utf-8"))


def commands(workflow: dict[Any, Any]) -> list[str]:
    """Every line that a step runs."""
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    return [line for step in steps for line in step.get("run", "").splitlines()]


def test_there_are_two():
    assert [path.stem for path in WORKFLOWS] == ["ci", "wheels"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_jobs_have_steps_that_run_or_use(path):
    workflow = load(path.stem)
    assert workflow["permissions"] == {"contents": "read"}
    assert {"name", "jobs", True} <= workflow.keys()  # YAML 1.1 reads the key `on` as true
    for job in workflow["jobs"].values():
        assert job["runs-on"]
        assert all(("run" in step) != ("uses" in step) for step in job["steps"])
        assert set(job.get("needs", ())) <= workflow["jobs"].keys()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_make_has_the_targets_that_are_called(path):
    called = [line.split()[1:] for line in commands(load(path.stem)) if line.startswith("make ")]
    assert not {target for targets in called for target in targets} - TARGETS


def test_without_make_the_same_checks_run():
    """Windows calls the tools as the Makefile does: each line but the installation is there."""
    recipes = [line.strip().removeprefix("$(BIN)/") for line in MAKEFILE.splitlines()]
    direct = [
        line for line in commands(load("ci")) if not line.startswith(("make", "python -m pip"))
    ]
    assert len(direct) == 4
    assert not [line for line in direct if line not in recipes]


def test_every_python_and_system_is_tried():
    matrix = load("ci")["jobs"]["check"]["strategy"]["matrix"]
    assert [each.split("-")[0] for each in matrix["os"]] == ["ubuntu", "macos", "windows"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    said = re.findall(r"Python :: (3\.\d+)", "\n".join(project["classifiers"]))
    assert matrix["python"] == said


def test_publishing_is_for_tags_alone_and_needs_no_secret():
    text = (ROOT / ".github" / "workflows" / "wheels.yml").read_text("utf-8")
    assert "secrets" not in text
    jobs = load("wheels")["jobs"]
    assert jobs["publish"]["if"] == "startsWith(github.ref, 'refs/tags/v')"
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert set(jobs["publish"]["needs"]) == jobs.keys() - {"publish"}
    assert not [name for name, job in jobs.items() if name != "publish" and "permissions" in job]
