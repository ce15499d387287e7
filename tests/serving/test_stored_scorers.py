from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from fullrank import DataError, Recommender
from fullrank.serving import DotScorer, SpectralScorer, stored_scorers

QUICK = {"dim": 8, "batch_size": 64, "epochs": 1}


def stored_as_before(scorer):
    """What a folder held before scorers said so themselves, written out."""
    if isinstance(scorer, DotScorer):
        return {"users": scorer.user_table, "items": scorer.item_table}
    if isinstance(scorer, SpectralScorer):
        numbers = np.array([scorer.beta, scorer.smoothing])
        dense = {"vectors": scorer.vectors, "scale": scorer.scale, "beta_smoothing": numbers}
        return dense | csr_as_before("matrix", scorer.matrix)
    if isinstance(scorer.weights, np.ndarray):
        return {"weights": scorer.weights}
    return csr_as_before("weights", scorer.weights)


def csr_as_before(name, matrix):
    return {
        f"{name}.indptr": matrix.indptr.astype(np.int64),
        f"{name}.indices": matrix.indices.astype(np.int32),
        f"{name}.data": matrix.data.astype(np.float32),
    }


@pytest.mark.parametrize(
    ("method", "settings"),
    [("directspec+", QUICK), ("itemknn", {}), ("ease", {}), ("spectral", {"rank": 8})],
)
def test_every_kind_of_scorer_is_stored_as_ever_and_read_back(small, tmp_path, method, settings):
    model = Recommender(method, **settings).fit(small)
    model.save(tmp_path / "m")
    files = json.loads((tmp_path / "m" / "manifest.json").read_text())["files"]
    stored = load_file(tmp_path / "m" / files["tables"]["file"])
    expected = stored_as_before(model.scorer)
    assert set(stored) - {"fold_in"} == set(expected)
    assert ("fold_in" in stored) == (method == "directspec+")
    for name, value in expected.items():
        assert stored[name].dtype == torch.as_tensor(value).dtype
        assert torch.equal(stored[name], torch.as_tensor(value))
    loaded = Recommender.load(tmp_path / "m")
    assert type(loaded.scorer) is type(model.scorer)
    assert loaded.recommend(k=5).equals(model.recommend(k=5))


def test_what_no_folder_can_hold_is_named(small, scorer_of):
    with pytest.raises(TypeError, match=r"found TableScorer; expected a scorer of fullrank\.servi"):
        stored_scorers.tensors_of(scorer_of(np.zeros((2, 2))))
    with pytest.raises(DataError, match=r"tables of the model: found tensors \['odd'\]; expected"):
        stored_scorers.scorer_of({"odd": torch.ones(1)}, small.train)
