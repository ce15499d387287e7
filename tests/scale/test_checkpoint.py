"""A run goes on from its shards with the bits of one that was never stopped."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file
from tasks import NAMES, checkpointed

from fullrank.errors import DataError, FitError
from fullrank.scale.checkpoint import MANIFEST, read_manifest
from fullrank.scale.group import Group
from fullrank.training.checkpoint import CheckpointFile

METHOD = ("bpr", {"epochs": 4, "batch_size": 128, "dim": 8, "lr": 0.02, "optimizer": "adam"})
OTHER = ("bpr", {**METHOD[1], "lr": 0.03})
DENSE = ("bce", {**METHOD[1], "optimizer": "dense-adam"})
FACTORED = ("bpr", {"epochs": 4, "batch_size": 128, "dim": 8, "lr": 100.0, "encoder": "lightgcn",
                    "propagation": "factored", "rank": 20})  # fmt: skip
SEARCHED = ("directspec+", {"epochs": 3, "batch_size": 256, "dim": 8, "lr": 1.0, "tau": 3.0})


def run(size, request, split, folder, method, until=None, resume=False):
    if size == 1:
        answers = [checkpointed(Group(), Group(), split, str(folder), method, until, resume)]
    else:
        workers = request.getfixturevalue(NAMES[size])
        answers = workers.run(checkpointed, split, str(folder), method, until, resume)
    return [np.concatenate([answer[side] for answer in answers]) for side in ("users", "items")], (
        answers[0]["history"]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "method", [METHOD, DENSE, FACTORED], ids=["adam", "dense-adam", "factored"]
)
def test_a_resumed_run_has_the_bits_of_one_that_was_never_stopped(small, method, tmp_path, request):
    whole, history = run(2, request, small, tmp_path / "whole", method)
    run(2, request, small, tmp_path / "cut", method, until=2)
    manifest = read_manifest(tmp_path / "cut")
    assert manifest["stamp"].startswith("000002")
    assert len(list((tmp_path / "cut").glob("*.safetensors"))) == 2  # no older ones
    again, longer = run(2, request, small, tmp_path / "cut", method, resume=True)
    for wanted, found in zip(whole, again, strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert [record["loss"] for record in longer] == [record["loss"] for record in history]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("before", "after", "method"),
    [
        (2, 3, DENSE),
        (3, 2, DENSE),
        (2, 1, DENSE),
        (1, 2, DENSE),
        (3, 2, FACTORED),
        (2, 1, FACTORED),
    ],
)
def test_another_number_of_workers_goes_on(small, before, after, method, tmp_path, request):
    whole, _ = run(2, request, small, tmp_path / "whole", method)
    run(before, request, small, tmp_path / "cut", method, until=2)
    again, history = run(after, request, small, tmp_path / "cut", method, resume=True)
    for wanted, found in zip(whole, again, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-5)
    assert len(history) == 4


@pytest.mark.slow
def test_factored_rows_are_kept_with_the_vectors_that_they_refer_to(small, tmp_path, request):
    whole, _ = run(2, request, small, tmp_path / "whole", FACTORED)
    run(2, request, small, tmp_path, FACTORED, until=2)
    kept = [load_file(file) for file in sorted(tmp_path.glob("*.safetensors"))]
    for name in ("now/user_low", "now/item_low"):  # no worker has another sum than the others
        assert kept[0][name].any()
        np.testing.assert_array_equal(kept[0][name], kept[1][name])
    # Other vectors of the same spaces, as another number of threads may find.
    (file,) = (tmp_path / "vectors").glob("*.safetensors")
    with safe_open(file, "pt") as found:
        identity = json.loads(found.metadata()["identity"])
    vectors = CheckpointFile(file, identity)
    tensors, progress = vectors.load()
    turned = {side: -tensors[side] for side in ("users", "items")}
    vectors.save(tensors | turned, progress)
    again, _ = run(2, request, small, tmp_path, FACTORED, resume=True)
    assert np.abs(again[0] - whole[0]).max() > 1e-2  # what is in the file is what is used


@pytest.mark.slow
def test_a_search_goes_on_too(small, tmp_path, request):
    whole, _ = run(2, request, small, tmp_path / "whole", SEARCHED)
    run(2, request, small, tmp_path / "cut", SEARCHED, until=1)
    again, _ = run(2, request, small, tmp_path / "cut", SEARCHED, resume=True)
    for wanted, found in zip(whole, again, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_a_checkpoint_of_another_run_is_refused(small, tmp_path, request):
    run(1, request, small, tmp_path, METHOD, until=2)
    with pytest.raises(FitError, match=r"a run with lr = 0\.02; expected lr = 0\.03"):
        run(1, request, small, tmp_path, OTHER, resume=True)
    with pytest.raises(DataError, match="no checkpoint"):
        run(1, request, small, tmp_path / "none", METHOD, resume=True)


@pytest.mark.parametrize("damage", ["{", "{}", '{"workers": 2, "stamp": "x", "edges": {}}'])
def test_a_damaged_manifest_is_told(small, damage, tmp_path, request):
    run(1, request, small, tmp_path, METHOD, until=2)
    (tmp_path / MANIFEST).write_text(damage)
    with pytest.raises(DataError, match="a damaged file"):
        run(1, request, small, tmp_path, METHOD, resume=True)


def test_a_file_that_is_missing_or_damaged_is_told(small, tmp_path, request):
    run(1, request, small, tmp_path, METHOD, until=2)
    (file,) = tmp_path.glob("*.safetensors")
    data = bytearray(file.read_bytes())
    data[-5] ^= 1
    file.write_bytes(data)
    with pytest.raises(DataError, match="a damaged file"):
        run(1, request, small, tmp_path, METHOD, resume=True)
    file.unlink()
    with pytest.raises(DataError, match="no checkpoint"):
        run(1, request, small, tmp_path, METHOD, resume=True)
    assert json.loads((tmp_path / MANIFEST).read_text())["workers"] == 1
