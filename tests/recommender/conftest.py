from __future__ import annotations

import pytest
from recommending import QUICK

from fullrank import Recommender


@pytest.fixture(scope="session")
def model(small) -> Recommender:
    return Recommender(**QUICK).fit(small)
