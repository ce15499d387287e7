"""What `fit` takes, its checkpoints, and a recommender before it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from recommending import QUICK

import fullrank as fr
from fullrank import DataError, FitError, Recommender, SettingError
from fullrank.methods import fitting
from fullrank.training import Trainer


def test_before_fit_there_is_one_line():
    empty = Recommender()
    for ask in (
        lambda: empty.recommend(["u1"]),
        lambda: empty.similar_items(["i1"]),
        lambda: empty.train,
        lambda: empty.user_embeddings,
        lambda: empty.spectrum(),
        lambda: empty.save("nowhere"),
    ):
        with pytest.raises(
            FitError, match=r"^Recommender is not fitted: call fit\(\) or load\(\) first$"
        ):
            ask()


def test_fit_takes_interactions_splits_and_frames(small):
    frame = small.train.to_frame()
    fits = [Recommender(**QUICK).fit(data) for data in (frame, frame.to_pandas(), frame.to_arrow())]
    assert all(torch.equal(f.user_embeddings, fits[0].user_embeddings) for f in fits)
    with pytest.raises(FitError, match="no interactions"):
        Recommender(**QUICK).fit(small.train.select(np.arange(0)))
    with pytest.raises(DataError, match="found a int; expected a polars, pandas or pyarrow"):
        Recommender(**QUICK).fit(7)


def test_fit_takes_frames_with_other_names(small):
    frame = small.train.to_frame().rename({"user_id": "who", "item_id": "what"})
    columns = fr.Columns(user="who", item="what")
    model = Recommender(**QUICK).fit(frame, columns=columns)
    plain = Recommender(**QUICK).fit(small.train.to_frame())
    assert torch.equal(model.item_embeddings, plain.item_embeddings)
    with pytest.raises(SettingError, match="columns: found a Interactions; expected a data frame"):
        Recommender(**QUICK).fit(small.train, columns=columns)


@pytest.mark.slow
def test_a_checkpoint_is_bound_to_settings_and_data(small, tmp_path):
    path = tmp_path / "c"
    Recommender(**QUICK).fit(small, checkpoint=path)
    for other, data, words in [
        (QUICK | {"lr": 3.0}, small, r"a run with lr = 10\.0; expected lr = 3\.0"),
        (QUICK | {"seed": 1}, small, "a run with seed = 0; expected seed = 1"),
        (QUICK, small.test, f"a run with train = {small.train.fingerprint}"),
        (QUICK, small.train, f"a run with validation = {small.validation.fingerprint}"),
    ]:
        with pytest.raises(FitError, match=words):
            Recommender(**other).fit(data, checkpoint=path, resume=True)
    with pytest.raises(FitError, match=r"a run with .* = "):
        Recommender("bpr", **QUICK).fit(small, checkpoint=path, resume=True)
    longer = QUICK | {"epochs": 10, "patience": 99, "checkpoint_every": 1}
    assert Recommender(**longer).fit(small, checkpoint=path, resume=True).training["epochs"] == 10


def test_resume_needs_a_checkpoint(small, tmp_path):
    with pytest.raises(SettingError, match="resume: found no checkpoint"):
        Recommender(**QUICK).fit(small, resume=True)
    with pytest.raises(DataError, match="no checkpoint"):
        Recommender(**QUICK).fit(small, checkpoint=tmp_path / "c", resume=True)


def test_threads_are_those_asked_for_while_fitting_and_given_back(tiny, monkeypatch):
    monkeypatch.setenv(fr.native.CORES, "2")
    seen = []

    class Look(fr.training.Silent):
        def steps(self, count):
            seen.append(torch.get_num_threads())

    before = torch.get_num_threads()
    for threads in (2, 9999):  # no more than there are cores
        Recommender("bpr", threads=threads, **QUICK).fit(tiny, reporter=Look())
    assert set(seen) == {2}
    assert torch.get_num_threads() == before


def test_devices():
    assert Recommender().device == "auto"
    assert Recommender(device="cpu").device == "cpu"


@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_gpu_without_enough_memory(small, monkeypatch, device):
    """By default the processor trains, which has another memory; or it is one line."""
    options = {"dim": 8, "batch_size": 64, "epochs": 2}
    here = Recommender("bpr", device="cpu", **options).fit(small)
    advance = Trainer.advance

    def full(trainer, until):
        if place[0] != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 9 GiB.\nSee docs")
        advance(trainer, until)

    def plan(method, data, sampler):
        place[0] = data.device
        return method.plan(data.train, "cpu", sampler)

    place = [""]
    monkeypatch.setattr(Trainer, "advance", full)
    monkeypatch.setattr(fitting, "_plan", plan)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    model = Recommender("bpr", device=device, **options)
    if device == "auto":
        with pytest.warns(UserWarning, match=r"9 GiB.\); training on the processor$"):
            model.fit(small)
        assert torch.equal(model.item_embeddings, here.item_embeddings)
    else:
        with pytest.raises(SettingError, match=r"device: found 'cuda' without .* expected 'cpu'"):
            model.fit(small)


@pytest.mark.slow
def test_a_checkpoint_is_not_lost_without_a_word(small, tmp_path):
    path = tmp_path / "c.safetensors"
    options = {"dim": 8, "batch_size": 64, "epochs": 1}
    Recommender(**options).fit(small, checkpoint=path)
    kept = path.read_bytes()
    with pytest.raises(FitError, match="expected resume=True to go on from it, or a path"):
        Recommender(**options).fit(small, checkpoint=path)
    assert path.read_bytes() == kept
    Recommender(**options).fit(small, checkpoint=path, resume=True)
