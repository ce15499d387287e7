from __future__ import annotations

import pytest
from model_folders import MODELS, QUICK, Folder

from fullrank import Recommender


@pytest.fixture(scope="session")
def model(small):
    return Recommender(**QUICK).fit(small)


@pytest.fixture(scope="session")
def other(small):
    return Recommender(seed=5, **QUICK).fit(small.train)


@pytest.fixture
def folder(model, tmp_path):
    model.save(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture(scope="session")
def saved(small, tmp_path_factory):
    """A folder of each kind of scorer."""
    home = tmp_path_factory.mktemp("models")
    for method, settings in MODELS.items():
        Recommender(method, **settings).fit(small).save(home / method)
    return home


@pytest.fixture
def copied(saved, tmp_path):
    return lambda method: Folder(saved / method, tmp_path / "copy")
