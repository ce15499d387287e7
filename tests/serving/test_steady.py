"""Scores with the same bits whoever else is asked for, whatever a product does with its rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fullrank.serving import DotScorer
from fullrank.serving.steady import ROWS, SteadyScorer, at_rows, rows_at_once


class Uneven:
    """Scores that are another bit for another number of rows, and in another row of a block."""

    def __init__(self, table, by_row: bool) -> None:
        self.table, self.by_row, self.sizes = table, by_row, []

    @property
    def n_items(self) -> int:
        return self.table.shape[1]

    def scores(self, users):
        self.sizes.append(len(users))
        off = torch.arange(len(users))[:, None] // 2 if self.by_row else torch.zeros(1, 1)
        return self.table[users] + len(users) * 1e-3 + off * 1e-2


@pytest.mark.parametrize("by_row", [False, True])
def test_a_users_scores_do_not_depend_on_the_others(by_row):
    scorer = Uneven(torch.rand(50, 9, generator=torch.Generator().manual_seed(0)), by_row)
    rows = np.array([7, 3, 3, 49, 0, 21, 22, 23, 24, 25, 26])
    steady = SteadyScorer(scorer, rows)
    assert rows_at_once(scorer, torch.tensor([7])) == (1 if by_row else ROWS)
    everyone = steady.scores(torch.arange(len(rows)))
    for at in range(len(rows)):
        assert torch.equal(steady.scores(torch.tensor([at]))[0], everyone[at])
        assert torch.equal(
            SteadyScorer(scorer, rows[at:]).scores(torch.tensor([0]))[0], everyone[at]
        )
    backwards = steady.scores(torch.arange(len(rows)).flip(0))
    assert torch.equal(backwards.flip(0), everyone)
    assert set(scorer.sizes) <= ({1, ROWS} if by_row else {ROWS})
    assert torch.equal(everyone[1], everyone[2])


def test_a_table_gives_the_rows_that_are_asked_for():
    generator = torch.Generator().manual_seed(1)
    scorer = DotScorer(
        torch.randn(20, 4, generator=generator), torch.randn(30, 4, generator=generator)
    )
    rows = np.array([5, 5, 0, 19])
    chosen = at_rows(scorer, rows)
    torch.testing.assert_close(
        chosen.scores(torch.arange(4)), scorer.scores(torch.from_numpy(rows))
    )
    assert len(scorer.user_table) == 20
