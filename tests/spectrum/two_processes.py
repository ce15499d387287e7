"""A model that two processes train, in a module that both can import."""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn

from fullrank.objectives import log_positive
from fullrank.spectrum import AdaptiveDirectSpecPlus, AttentionTau, DirectSpec, DirectSpecPlus


class Model(nn.Module):
    """Two tables, balanced and compared."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(5)
        first = torch.randn(2, 40, 8, generator=generator)
        self.users, self.items = (nn.Embedding.from_pretrained(t, freeze=False) for t in first)
        tau = AttentionTau(8, 3.0, sides=2, generator=generator)
        self.adaptive = AdaptiveDirectSpecPlus(8, alpha=0.5, target=0.95, rate=0.1)
        fixed = DirectSpec(0.02), DirectSpecPlus(0.9, tau, shrink=0.3)
        self.balancers = nn.ModuleList([*fixed, self.adaptive])

    def forward(self, user: Tensor, item: Tensor) -> Tensor:
        pair = torch.stack((self.users(user), self.items(item)))
        return sum((log_positive(*balance(pair)) for balance in self.balancers), torch.zeros(()))


def batches(count: int) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(9)
    drawn = [torch.randint(40, (2, 16), generator=generator) for _ in range(count)]
    return [(user, item) for user, item in drawn]


def train_one(rank: int, port: int, path: str) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    torch.set_num_threads(1)
    torch.distributed.init_process_group("gloo", rank=rank, world_size=2)
    try:
        model = nn.parallel.DistributedDataParallel(Model())
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        for batch in batches(6)[rank::2]:
            optimizer.zero_grad()
            model(*batch).backward()
            optimizer.step()
            model.module.adaptive.adapt()
        model(*batch)  # hands out the α of the first process once more
        torch.save(model.module.state_dict(), f"{path}{rank}")
    finally:
        torch.distributed.destroy_process_group()
