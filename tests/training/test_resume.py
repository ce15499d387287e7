"""A run that is stopped and goes on has the bits of one that never was."""

from __future__ import annotations

import errno
import json
import signal
import threading

import pytest
import torch
from runs import Signals, parameters, same, trainer
from safetensors.torch import save_file

from fullrank.data import sampling
from fullrank.errors import DataError, FitError
from fullrank.training import CheckpointFile, Progress, Silent, checkpoint

OPTIMIZERS = [
    {"optimizer": "sgd"},
    {"optimizer": "adagrad", "lr": 0.1},
    {"optimizer": "adam", "lr": 0.01},
]
VARIANTS = [
    *[("directspec+", options) for options in OPTIMIZERS],
    *[("directspec+", {"tau_design": "attention", **options}) for options in OPTIMIZERS],
    *[("bpr", {"negatives": 2, **options}) for options in OPTIMIZERS],
    ("bpr", {"negatives": 2, "optimizer": "dense-adam", "lr": 0.01, "lr_decay": 0.9}),
    ("directau", {"optimizer": "dense-adam", "lr": 0.01}),
    ("directspec+", {"tau_design": "graph", "tau_near": 2.0}),
    ("bce", {"sampler": "users", "weight_decay": 0.1, "lr_decay": 0.9}),
    ("ccl", {"negatives": 2, "dropout": 0.3, "optimizer": "adam", "lr": 0.01}),
    ("ccl", {"negatives": 9, "dropout": 0.3, "shared_negatives": True}),
    ("softmax", {"negatives": 9, "cutoff": 3, "cutoff_every": 2, "weight_temperature": 0.2}),
    ("bpr", {"systematic": True}),
    ("bpr", {"systematic": True, "sampler": "users", "damping": 0.5}),
]
OTHERS = {"batch_size": 200, "epochs": 5, "validate_every": 2, "patience": 1}


def watched(data, method, **options):
    """A run with a validation that falls at the fourth epoch, so that the second is the best."""
    run = trainer(data, method, validate=lambda: 1.0 / run.progress.epoch, **OTHERS | options)
    return run


def stopped(data, method, path, reporter, **options):
    run = watched(
        data, method, checkpoint=CheckpointFile(path, {"run": 1}), reporter=reporter, **options
    )
    with pytest.raises(KeyboardInterrupt):
        run.run()
    return run


@pytest.mark.parametrize(("method", "options"), VARIANTS)
def test_resumed_equals_uninterrupted(small, tmp_path, method, options):
    whole = watched(small.train, method, **options)
    whole.run()
    steps = whole.steps
    for stop in (steps - 1, 2 * steps, 2 * steps + 3):
        path = tmp_path / f"{stop}.safetensors"
        cut = stopped(small.train, method, path, Signals(stop), **options)
        assert cut.progress.epoch * steps + cut.progress.step == stop
        rest = watched(small.train, method, checkpoint=CheckpointFile(path, {"run": 1}), **options)
        rest.run(resume=True)
        assert same(parameters(whole), parameters(rest))
        assert same(whole.optimizer.state, rest.optimizer.state)
        assert same(whole.best, rest.best)
        ours, theirs = (dict(vars(run.progress)) for run in (rest, whole))
        for progress in (ours, theirs):
            del progress["seconds"]
            progress["history"] = [r | {"seconds": 0} for r in progress["history"]]
        assert ours == theirs


def test_stopped_at_every_step(tiny, tmp_path):
    """Each process does one step and is stopped; together they do what one does."""
    options = {"batch_size": 48, "epochs": 2, "optimizer": "adam", "lr": 0.01}
    whole = watched(tiny, "bpr", **options)
    whole.run()
    file = CheckpointFile(tmp_path / "c", {})
    for done in range(6):
        run = watched(tiny, "bpr", checkpoint=file, reporter=Signals(1), **options)
        with pytest.raises(KeyboardInterrupt):
            run.run(resume=done > 0)
    last = watched(tiny, "bpr", checkpoint=file, **options)
    assert last.run(resume=True).epoch == 2
    assert same(parameters(whole), parameters(last))


def test_in_the_middle_of_an_epoch_that_is_drawn_in_chunkes(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr(sampling, "CHUNK", 32)
    options = {"batch_size": 16, "epochs": 1, "negatives": 2}
    whole = watched(tiny, "bpr", **options)
    whole.run()
    stopped(tiny, "bpr", tmp_path / "c", Signals(5), **options)
    rest = watched(tiny, "bpr", checkpoint=CheckpointFile(tmp_path / "c", {"run": 1}), **options)
    rest.run(resume=True)
    assert same(parameters(whole), parameters(rest))


def test_killed_between_checkpoints(small, tmp_path):
    """The checkpoint of the last whole epoch is enough, whatever has happened since."""

    class Killed(Silent):
        def epoch(self, record):
            if record["epoch"] == 3:
                raise RuntimeError("killed")

    whole = watched(small.train, "bpr", patience=9)
    whole.run()
    file = CheckpointFile(tmp_path / "c", {})
    options = {"checkpoint": file, "checkpoint_every": 2, "patience": 9}
    with pytest.raises(RuntimeError):
        watched(small.train, "bpr", reporter=Killed(), **options).run()
    assert file.load()[1].epoch == 2
    rest = watched(small.train, "bpr", **options)
    rest.run(resume=True)
    assert same(parameters(whole), parameters(rest))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_step_under_way_and_handlers_are_given_back(tiny, tmp_path, number):
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    run = stopped(tiny, "bpr", tmp_path / "c", Signals(2, number=number), batch_size=48)
    assert (run.progress.epoch, run.progress.step) == (0, 2)
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before
    trainer(tiny, epochs=1).run()
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


def test_a_second_interrupt_does_not_wait(tiny):
    class Twice(Signals):
        def steps(self, count):
            super().steps(1)
            super().steps(1)
            pytest.fail("the second signal was put off")

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        trainer(tiny, reporter=Twice(1, 2)).run()
    assert signal.getsignal(signal.SIGINT) is before


def test_a_signal_while_looking_is_obeyed_after_the_next_step(tiny, tmp_path):
    class AtEpoch(Signals):
        def steps(self, count):
            pass

        def epoch(self, record):
            super().steps(1)

    run = stopped(tiny, "bpr", tmp_path / "c", AtEpoch(1), batch_size=48)
    assert (run.progress.epoch, run.progress.step) == (1, 1)


def test_outside_the_main_thread_it_trains_without_handlers(tiny):
    run = trainer(tiny, epochs=2)
    thread = threading.Thread(target=run.run)
    thread.start()
    thread.join()
    assert run.progress.epoch == 2


def test_a_finished_run_goes_on_with_more_epochs(small, tmp_path):
    whole = trainer(small.train, epochs=6)
    whole.run()
    file = CheckpointFile(tmp_path / "c", {})
    trainer(small.train, epochs=4, checkpoint=file).run()
    rest = trainer(small.train, epochs=6, checkpoint=file)
    rest.run(resume=True)
    assert same(parameters(whole), parameters(rest))


def test_a_checkpoint_of_another_run_is_refused(small, tmp_path):
    path = tmp_path / "c.safetensors"
    trainer(small.train, checkpoint=CheckpointFile(path, {"lr": 1, "tau": 3})).run()
    for identity, words in [
        ({"lr": 1, "tau": 4}, "a run with tau = 3; expected tau = 4"),
        ({"lr": 1, "tau": 3, "train": "ab"}, "a run with train = None; expected train = ab"),
        ({"lr": 1}, "a run with tau = 3; expected tau = None"),
    ]:
        run = trainer(small.train, checkpoint=CheckpointFile(path, identity))
        before = parameters(run)
        with pytest.raises(FitError, match=words):
            run.run(resume=True)
        assert same(parameters(run), before)
    with pytest.raises(DataError, match="no checkpoint"):
        trainer(small.train, checkpoint=CheckpointFile(tmp_path / "d", {})).run(resume=True)


@pytest.mark.parametrize("part", ["tensor", "progress", "identity"])
def test_a_checkpoint_with_other_bits_is_refused(tmp_path, part):
    """A bit that a disk has turned, although the file can be read."""
    file = CheckpointFile(tmp_path / "c.safetensors", {"seed": 123456})
    file.save({"now/x": torch.full((4,), 7.0)}, Progress(epoch=1, loss_sum=0.15625))
    content = file.path.read_bytes()
    old, new = {
        "tensor": (torch.tensor(7.0).numpy().tobytes(), torch.tensor(7.5).numpy().tobytes()),
        "progress": (b"0.15625", b"0.15626"),
        "identity": (b"123456", b"123457"),
    }[part]
    assert old in content
    file.path.write_bytes(content.replace(old, new, 1))
    with pytest.raises(DataError, match=r"c\.safetensors: found a damaged file"):
        file.load()
    file.path.write_bytes(content)
    file.load()


@pytest.mark.parametrize(
    ("kernels", "way"),
    [
        ("torch", "FULLRANK_NATIVE=0"),
        ("native (compiled for this processor)", "FULLRANK_NATIVE=compile"),
        ("native (packaged, x86-64-v3)", "FULLRANK_NATIVE=x86-64-v3"),
    ],
)
def test_a_checkpoint_of_other_kernels_says_how_to_go_on(tmp_path, kernels, way):
    CheckpointFile(tmp_path / "c", {"kernels": kernels}).save({}, Progress())
    with pytest.raises(FitError, match=f"kernels = other: set {way} to go on, or a run begun anew"):
        CheckpointFile(tmp_path / "c", {"kernels": "other"}).load()


def metadata(**progress):
    return {"identity": "{}", "progress": json.dumps(progress)}


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-40]),
        lambda path: path.write_bytes(path.read_bytes()[:40]),
        lambda path: path.write_bytes(b"\xff" * 8 + path.read_bytes()[8:]),
        lambda path: path.write_text("not a checkpoint"),
        lambda path: save_file({"x": torch.zeros(1)}, path),
        lambda path: save_file({"x": torch.zeros(1)}, path, {"identity": "{", "progress": "{}"}),
        lambda path: save_file({"x": torch.zeros(1)}, path, metadata(unheard_of=1)),
    ],
    ids=["empty", "end cut off", "head only", "length", "text", "no state", "no JSON", "unknown"],
)
def test_a_damaged_checkpoint_is_refused(tiny, tmp_path, damage):
    file = CheckpointFile(tmp_path / "c.safetensors", {})
    trainer(tiny, checkpoint=file).run()
    damage(file.path)
    with pytest.raises(DataError, match=r"c\.safetensors: found a damaged file") as caught:
        trainer(tiny, checkpoint=file).run(resume=True)
    assert "\n" not in str(caught.value)


def test_a_full_disk_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    file = CheckpointFile(tmp_path / "c", {})
    file.save({"now/x": torch.ones(2)}, Progress(epoch=1))

    def full(tensors, path, metadata):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(DataError, match="found a full disk"):
        file.save({"now/x": torch.zeros(2)}, Progress(epoch=2))
    tensors, progress = file.load()
    assert progress == Progress(epoch=1)
    assert torch.equal(tensors["now/x"], torch.ones(2))
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


def test_progress_comes_back_bit_for_bit(tmp_path):
    file = CheckpointFile(tmp_path / "c", {"tau": 0.1})
    record = {"epoch": 3, "loss": 0.1 + 0.2, "seconds": 1e-17}
    progress = Progress(3, 7, 1 / 3, 2.5, 2, 1e-300, 4, [record])
    file.save({"now/x": torch.eye(3)[:, :2].T}, progress)
    tensors, loaded = file.load()
    assert loaded == progress
    assert torch.equal(tensors["now/x"], torch.eye(3)[:2])
    file.remove()
    file.remove()
    assert not file.exists()
