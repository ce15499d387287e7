"""Workers find the power of the items' lengths that one process finds."""

from __future__ import annotations

import pytest
import torch
from tasks import NAMES, climbed

from fullrank.encoders import MF
from fullrank.methods import build_method, validating
from fullrank.methods.validating import Validator
from fullrank.scale.group import Group


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("sample", [2_000, 40, 15])
def test_the_power_and_the_metric_are_those_of_one_process(
    small, size, sample, request, monkeypatch
):
    generator = torch.Generator().manual_seed(4)
    sizes = small.train.n_users, small.train.n_items
    users, items = (torch.randn(n, 6, generator=generator).double() for n in sizes)
    popular = torch.from_numpy(small.train.item_degree + 1.0)[:, None]
    items *= popular**0.1
    users += 2.0  # so that popular items come first, and the more so the higher the power
    items += 2.0 * popular**0.1
    method = build_method("directspec+", {})
    monkeypatch.setattr(validating, "SAMPLE", sample)
    alone = Validator(method, MF(users, items), small.train, small.validation)
    wanted = [(alone.climb(), alone()) for _ in range(3)]
    assert wanted[0][0] != 1
    arguments = small, (users, items), method, sample
    if size == 1:
        answers = [climbed(Group(), Group(), *arguments)]
    else:
        answers = request.getfixturevalue(NAMES[size]).run(climbed, *arguments)
    for found in answers:
        assert [power for power, _ in found] == [power for power, _ in wanted]
        assert [x for _, x in found] == pytest.approx([x for _, x in wanted], abs=1e-12)
