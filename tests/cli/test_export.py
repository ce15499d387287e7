"""``fullrank export``: one line for what was written, what is not in it, and what cannot be."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from fullrank import Recommender
from fullrank.cli import app
from fullrank.cli.export import TARGETS
from fullrank.exporting import TARGETS as KNOWN


@pytest.fixture(scope="module")
def folder(small, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "m"
    Recommender("bpr", epochs=1, dim=8).fit(small).save(path)
    return str(path)


def test_what_is_written_is_said(folder, tmp_path):
    command = ["export", folder, "--to", "npz", "-o", str(tmp_path / "o"), "--verify", "50"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0
    assert "120 items and 198 users of bpr, 8 dimensions, nearest by ip, as npz" in result.stdout
    assert "recall@20 1.0000 against the model's lists of 50 users" in result.stdout
    assert "2 users without training interactions are left out" in result.stderr


def test_the_same_as_json(folder, tmp_path):
    command = ["export", folder, "--to", "hnswlib", "-o", str(tmp_path / "o"), "--json"]
    command += ["--set", "metric=l2", "--set", "search_width=300", "--verify", "20", "-k", "5"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0
    said = json.loads(result.stdout)
    assert (said["metric"], said["dimensions"], said["settings"]["search_width"]) == ("l2", 9, 300)
    assert (said["verified"]["k"], said["verified"]["recall"]) == (5, 1.0)


def test_lists_of_onnx_are_as_long_as_k(folder, tmp_path):
    command = ["export", folder, "--to", "onnx", "-o", str(tmp_path / "o"), "--json", "-k", "7"]
    result = CliRunner().invoke(app, [*command, "--verify", "9"])
    assert json.loads(result.stdout)["settings"]["k"] == 7
    assert json.loads(result.stdout)["verified"]["recall"] == 1


def test_the_help_names_every_target():
    assert all(target in TARGETS for target in KNOWN)
