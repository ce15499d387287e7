"""What `fullrank doctor` says of machines that are well, and of those that are not."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from command import fullrank

from fullrank import native
from fullrank.cli import doctor, machine

CALL = "import sys; sys.argv[0] = 'fullrank'; from fullrank.cli import main; main()"


def elsewhere(**environment: str) -> dict:
    """The report in a process with no environment but this: no HOME, no PATH."""
    done = subprocess.run(
        [sys.executable, "-c", CALL, "doctor", "--json"],
        env={"PATH": "", "PYTHONPATH": ":".join(filter(None, sys.path)), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def report(**changes: dict) -> list[str]:
    """Advice where all is well but for these values."""
    good: dict[str, dict] = {name: {} for name in machine.SECTIONS}
    good["compiler"] = {"command": "c++"}
    return list(
        doctor._advice({name: facts | changes.get(name, {}) for name, facts in good.items()})
    )


def test_doctor_says_what_there_is():
    run = fullrank("doctor", "--json")
    assert run.code == 0
    found = run.json
    assert set(found) == {*machine.SECTIONS, "advice"}
    assert not [name for name in machine.SECTIONS if "error" in found[name]]
    assert None not in found["versions"].values()
    assert found["kernels"]["state"] == native.state()
    assert found["threads"]["usable"] >= 1
    assert found["memory"]["total"] > 2**28
    shown = fullrank("doctor")
    assert shown.code == 0
    for word in (native.state(), found["versions"]["torch"], found["cache"]["path"], "extras"):
        assert word in shown.out


@pytest.mark.slow
def test_doctor_on_a_machine_with_nothing(tmp_path):
    found = elsewhere(
        FULLRANK_NATIVE="", FULLRANK_KERNELS=str(tmp_path), FULLRANK_CACHE="/dev/null/x"
    )
    state = found["kernels"]["state"]
    assert state.startswith("torch (no compiler")
    assert found["compiler"] == {"command": None, "trouble": state.split("(", 1)[1][:-1]}
    kernels, cache = found["advice"]
    assert "install a C++ compiler" in kernels
    assert cache.startswith("/dev/null/x cannot be written")


@pytest.mark.slow
def test_doctor_sees_who_else_can_write_the_kernels(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)
    found = elsewhere(FULLRANK_NATIVE="0", FULLRANK_KERNELS=str(tmp_path / "open"))
    first, second = found["advice"]
    assert first.startswith("FULLRANK_NATIVE is 0")
    assert "can be written by others (mode 777)" in second
    assert "FULLRANK_KERNELS" in second


def test_doctor_goes_on_where_a_look_fails(monkeypatch):
    def broken():
        raise PermissionError("no such luck")

    monkeypatch.setattr(doctor, "SECTIONS", dict.fromkeys(machine.SECTIONS, broken))
    run = fullrank("doctor")
    assert run.code == 0
    assert run.out.count("PermissionError: no such luck") == 2 * len(machine.SECTIONS)


def test_a_package_that_cannot_be_imported_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "polars", None)
    found = fullrank("doctor", "--json").json
    assert found["versions"]["polars"] is None
    assert found["advice"][0].startswith("polars cannot be imported (ModuleNotFoundError")


@pytest.mark.parametrize(
    ("changes", "advice"),
    [
        ({}, []),
        ({"kernels": {"state": "torch (c++ failed)"}}, ["no compiled kernels, torch (c++ failed)"]),
        ({"threads": {"torch": 8, "usable": 2}}, ["torch takes 8 threads for 2 cores"]),
        ({"threads": {"torch": 1, "usable": 2}}, []),  # somebody's program said so
        (
            {"threads": {"torch": 1, "usable": 2, "OMP_NUM_THREADS": "1"}},
            ["torch takes 1 of 2 cores: unset OMP_NUM_THREADS"],
        ),
        ({"memory": {"available": 2**29, "limit": 2**40}}, ["512.0 MiB of memory"]),
        ({"memory": {"available": 2**34, "limit": 2**28}}, ["256.0 MiB of memory"]),
        ({"memory": {"available": 2**34, "limit": None}}, []),
        ({"gpu": {"devices": [], "driver": True}}, ["there is an NVIDIA driver"]),
        ({"gpu": {"devices": ["H100"], "driver": True}}, []),
    ],
)
def test_advice(changes, advice):
    found = report(**changes)
    assert len(found) == len(advice)
    assert all(map(str.startswith, found, advice))


def test_missing_extras_say_how_to_have_them(monkeypatch):
    monkeypatch.setattr(machine.importlib.util, "find_spec", lambda name: None)
    assert machine._extras() == {"plot": False, "tune": False}
    lines = list(doctor._lines("extras", machine._extras()))
    assert lines[1] == "tune: pip install 'fullrank[tune]'"
