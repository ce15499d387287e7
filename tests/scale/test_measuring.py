"""Figures that workers gather are those of the plain evaluation."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tasks import NAMES, measured

from fullrank.evaluation import evaluate
from fullrank.scale.group import Group
from fullrank.serving import DotScorer
from fullrank.spectrum import effective_rank

K, METRICS = (10, 20), ("recall", "ndcg", "mrr")


@pytest.fixture(scope="module")
def tables(small):
    generator = torch.Generator().manual_seed(4)
    sizes = small.train.n_users, small.train.n_items
    users, items = (torch.randn(n, 6, generator=generator).round(decimals=1) for n in sizes)
    return users, items  # rounded, so that some scores are equal


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("part", ["validation", "test"])
def test_values_of_users_are_those_of_the_plain_evaluation(small, tables, size, part, request):
    arguments = small, tables, part, K, METRICS
    if size == 1:
        answers = [measured(Group(), Group(), *arguments)]
    else:
        answers = request.getfixturevalue(NAMES[size]).run(measured, *arguments)
    validation = small.validation if part == "test" else None
    wanted = evaluate(
        DotScorer(*tables), small.parts[part], train=small.train, validation=validation,
        k=K, metrics=METRICS,
    )  # fmt: skip
    for users, values, *_ in answers:
        np.testing.assert_array_equal(users, wanted.users)
        for name in wanted.names_per_user:
            np.testing.assert_allclose(values[name], wanted.per_user(name), rtol=0, atol=1e-12)
    for *_, every, trained in answers:
        rows = [torch.tensor(d > 0) for d in (small.train.user_degree, small.train.item_degree)]
        assert every == pytest.approx(effective_rank(*tables), abs=1e-9)
        assert trained == pytest.approx(effective_rank(*tables, where=rows), abs=1e-9)
