from __future__ import annotations

import io
import json

import pytest
from rich.console import Console
from runs import Signals, trainer

from fullrank.errors import DataError
from fullrank.training import Bar, CheckpointFile, JsonLines, Several


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_log_has_a_line_for_each_epoch(tiny, tmp_path):
    log = tmp_path / "new" / "log.jsonl"
    history = (
        trainer(tiny, reporter=JsonLines(log), probe=lambda: {"effective_rank": 2.0}).run().history
    )
    assert len(history) == 6
    assert lines(log) == history


@pytest.mark.parametrize("stop", [9, 7, 3])
def test_after_resuming_the_log_has_each_epoch_once(tiny, tmp_path, stop):
    log, checkpoint = tmp_path / "log.jsonl", CheckpointFile(tmp_path / "c", {})
    options = {"batch_size": 48, "epochs": 5, "checkpoint": checkpoint}  # three steps an epoch
    reporter = Several([JsonLines(log), Signals(stop)])
    with pytest.raises(KeyboardInterrupt):
        trainer(tiny, reporter=reporter, **options).run()
    with log.open("a") as file:
        file.write(json.dumps({"epoch": stop // 3 + 1}) + "\n")  # of a run that was killed
    run = trainer(tiny, reporter=JsonLines(log), **options)
    history = run.run(resume=True).history
    assert [record["epoch"] for record in lines(log)] == [1, 2, 3, 4, 5]
    assert lines(log) == history


def test_a_new_run_starts_a_new_log(tiny, tmp_path):
    for _ in range(2):
        trainer(tiny, epochs=2, reporter=JsonLines(tmp_path / "log")).run()
    assert [record["epoch"] for record in lines(tmp_path / "log")] == [1, 2]


def test_the_bar_shows_where_training_stands(tiny):
    out = io.StringIO()
    bar = Bar(Console(file=out, force_terminal=True, width=160))
    run = trainer(
        tiny,
        reporter=bar,
        probe=lambda: {"effective_rank": 7.25},
        validate=lambda: 0.125,
        validate_every=2,
        epochs=4,
    )
    loss = run.run().history[-1]["loss"]
    end = out.getvalue().splitlines()[-2]  # the last line gives the cursor back
    for words in ("epoch 4/4", f"loss {loss:.4f}", "effective rank 7.2", "ndcg@20 0.1250"):
        assert words in end


def test_bits_do_not_depend_on_reporters(tiny, tmp_path):
    reported = trainer(
        tiny, reporter=Several([JsonLines(tmp_path / "log"), Bar(Console(quiet=True))])
    )
    reported.run()
    alone = trainer(tiny)
    alone.run()
    for ours, theirs in zip(
        reported.plan.encoder.tables(), alone.plan.encoder.tables(), strict=True
    ):
        assert ours.equal(theirs)


def test_a_log_that_cannot_be_written_is_one_line(tmp_path):
    log = JsonLines(tmp_path / "log")
    log.start(1, 1, [])
    log.path.unlink()
    log.path.mkdir()
    with pytest.raises(DataError, match=r"log: found .*; expected a location that can be written"):
        log.epoch({"epoch": 1})
