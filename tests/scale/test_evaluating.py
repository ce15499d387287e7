"""The test part evaluated by workers is that of one process, protocol block and all."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from stored_tasks import pieces
from tasks import NAMES

from fullrank.data import Interactions, Split
from fullrank.errors import DataError
from fullrank.evaluation import evaluate
from fullrank.scale.evaluating import joined
from fullrank.scale.group import Group
from fullrank.scale.sources import InMemory
from fullrank.serving import DotScorer

K = (5, 20)


@pytest.fixture(scope="module")
def tables(small):
    generator = torch.Generator().manual_seed(4)
    sizes = small.train.n_users, small.train.n_items
    return tuple(torch.randn(n, 6, generator=generator).round() for n in sizes)  # with many ties


def without_first(split: Split, users: int) -> Split:
    """The split whose first users, and first item, have nothing in train."""
    train = split.train
    kept = train.select(np.flatnonzero((train.user_idx >= users) & (train.item_idx > 0)))
    return Split(split.name, kept, split.validation, split.test)


def of_first(part: Interactions, users: int) -> Interactions:
    return part.select(np.flatnonzero(part.user_idx < users))


def same(found, expected):
    ties, shares = expected.protocol["ties"], found.protocol["ties"]["users_tied_at_cutoff"]
    assert shares == pytest.approx(ties.pop("users_tied_at_cutoff"))
    assert min(shares.values()) > 0
    ties["users_tied_at_cutoff"] = shares
    assert found.protocol == expected.protocol
    assert list(found.protocol) == list(expected.protocol)
    assert list(found) == list(expected)
    np.testing.assert_array_equal(found.users, expected.users)
    for name in expected.names_per_user:
        np.testing.assert_array_equal(found.per_user(name), expected.per_user(name))
    assert dict(found) == pytest.approx(dict(expected), rel=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize(
    ("some", "cold"),
    [
        (200, 0),
        (30, 0),  # all of whom the first worker owns
        (200, 80),  # of three workers the first ranks for cold users alone
    ],
)
def test_workers_make_the_evaluation_of_one_process(small, tables, size, cold, some, request):
    split = without_first(small, cold)
    test = of_first(small.test, some)
    split = Split(split.name, split.train, split.validation, test)
    source = InMemory.of(split.parts)
    if size == 1:
        found = [pieces(Group(), Group(), source, tables, K)]
    else:
        found = request.getfixturevalue(NAMES[size]).run(pieces, source, tables, K)
    shares = [len(piece.users) for piece in found]
    assert max(shares) - min(shares) <= 1  # whoever owns them
    expected = evaluate(
        DotScorer(*tables), test, train=split.train, validation=split.validation, k=K
    )
    if cold and size == 3:
        assert found[0].found is None
    same(joined(found, split.parts), expected)


def test_a_part_that_cannot_be_evaluated_is_one_line(small, tables):
    split = without_first(small, 200)
    with pytest.raises(DataError, match="users with test items, none with training interactions"):
        joined([pieces(Group(), Group(), InMemory.of(split.parts), tables, K)], split.parts)
