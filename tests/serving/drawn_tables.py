"""User and item tables of random numbers."""

from __future__ import annotations

import torch


def tables(n_users=30, n_items=20, dim=4, dtype=torch.float64):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(n, dim, generator=generator, dtype=dtype) for n in (n_users, n_items)]
