"""Killed, interrupted, continued: the same bits."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
from command import COLUMNS, assert_refused, fullrank

from fullrank import Recommender

SETTINGS = ["--dim", "16", "--epochs", "40", "--threads", "1"]
for pair in ("batch_size=16", "checkpoint_every=3", "optimizer=adagrad", "lr=0.1"):
    SETTINGS += ["--set", pair]


def until(condition, what, seconds=60):
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, f"no {what} after {seconds} s"
        time.sleep(0.005)


@pytest.mark.slow
@pytest.mark.posix
@pytest.mark.parametrize("name", ["SIGKILL", "SIGINT"])
def test_a_stopped_run_goes_on_to_the_same_bits(events, tmp_path, name):
    number = getattr(signal, name)
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert fullrank("fit", events, "-o", whole, *COLUMNS, *SETTINGS).code == 0
    command = [sys.executable, "-c", "from fullrank.cli import main; main()"]
    command += ["fit", str(events), "-o", str(cut), *COLUMNS, *SETTINGS]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    until(lambda: (cut / "checkpoint.safetensors").exists(), "checkpoint")
    os.kill(run.pid, number)
    _, said = run.communicate(timeout=60)
    assert not (cut / "manifest.json").exists()
    if number == signal.SIGINT:
        assert run.returncode == 130
        assert "--resume goes on" in said.splitlines()[-1]
    other = fullrank("fit", events, "-o", cut, *COLUMNS, *SETTINGS, "--seed", "1", "--resume")
    assert_refused_last(other, "seed = 0", "seed = 1")
    rest = fullrank("fit", events, "-o", cut, *COLUMNS, *SETTINGS, "--resume")
    assert rest.code == 0, rest.err
    left, right = Recommender.load(whole), Recommender.load(cut)
    assert torch.equal(left.user_embeddings, right.user_embeddings)
    assert torch.equal(left.item_embeddings, right.item_embeddings)
    lines = [json.loads(line) for line in (cut / "log.jsonl").read_text().splitlines()]
    epochs = [line["epoch"] for line in lines if "trial" not in line]
    assert epochs == list(range(1, left.training["epochs"] + 1))
    again = fullrank("fit", events, "-o", cut, *COLUMNS, *SETTINGS, "--resume")
    assert_refused(again, "a finished model")


def assert_refused_last(run, *words):
    assert run.code == 2
    last = run.err.splitlines()[-1]
    assert last.startswith("error: ")
    assert all(word in last for word in words), last
