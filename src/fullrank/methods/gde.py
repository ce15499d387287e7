"""GDE: a few eigenvectors of the graph, weighted by frequency, no layers."""

from __future__ import annotations

import torch
from pydantic import Field

from fullrank import objectives
from fullrank.data.graph import BipartiteGraph
from fullrank.data.interactions import Interactions
from fullrank.encoders import Encoder, FilteredRows, SpectralEncoder, smooth_vectors
from fullrank.encoders.spectral import DENSE
from fullrank.engine.step import Loss
from fullrank.errors import SettingError
from fullrank.methods.base import Sampled, TrainedMethod
from fullrank.methods.encoding import initial_tables
from fullrank.methods.space import Span


class GDE(TrainedMethod):
    """Eigenvectors of the user and item hypergraphs."""

    name = "gde"
    summary = "a few eigenvectors of the graph, weighted by frequency, no layers"
    source = "Peng et al., SIGIR 2022"
    family = "on the graph"
    space = {
        "lr": Span(3e-3, 5e-2, log=True),
        "beta": Span(0.0, 3.0),
        "low": (256, 512, 1024),
    }
    defaults = {"optimizer": "adam", "lr": 0.01}

    low: int = Field(default=512, ge=1, lt=2**31)
    """Eigenvectors of lowest frequency that are kept, on each side."""
    high: int = Field(default=0, ge=0, lt=2**31)
    """Eigenvectors of highest frequency that are kept too."""
    low_share: float | None = Field(default=None, gt=0, le=1)
    """In place of ``low``: that share of each side's eigenvectors, as the authors keep (0.3 of them
    on CiteULike). Thousands of eigenvectors take hours to find."""
    high_share: float | None = Field(default=None, ge=0, le=1)
    """In place of ``high``: a share of each side's."""
    beta: float = Field(default=2.0, ge=0)
    """Exponent β of the filter e^(β λ)."""
    unit_filter: bool = True
    """Divide the filter by its largest value, e^β; the authors do not, so their rows start e^β
    times as long."""
    filter_dropout: float = Field(default=0.0, ge=0, lt=1)
    """Share of the entries of the filter that a step leaves out, as the authors do. A step then
    makes the filter's rows of its batch, which is slow."""
    negatives: int = Field(default=1, ge=1, lt=2**31)
    """Unobserved items drawn for each pair, N."""

    @property
    def uses_weights(self) -> bool:
        """As the weights of the graph's edges."""
        return True

    def build_loss(self) -> Loss:
        """BPR whose gradient weights hard triples."""
        return Loss.of_triples(objectives.adaptive_bpr)

    @property
    def sampled(self) -> Sampled:
        """N items of each pair."""
        return Sampled(self.negatives)

    def largest(self, data: Interactions) -> dict[str, int]:
        """Eigenvectors of the smaller side, low frequencies first; shares always fit."""
        if self.low_share is not None or self.high_share is not None:
            return {}
        most = min(data.n_users, data.n_items)
        most -= most**2 > DENSE  # Lanczos' method cannot give all
        low = min(self.low, most)
        return {"low": low, "high": most - low}

    def build_encoder(self, data: Interactions, generator: torch.Generator, device: str) -> Encoder:
        """The eigenvectors of ``R̃ R̃ᵀ`` and ``R̃ᵀ R̃``.

        Raises:
            SettingError: there are not as many.
        """
        graph = BipartiteGraph.of(data)
        bases, vectors = [], []
        tables = initial_tables(self, data, generator, "cpu")
        for block in (graph.user_item, graph.item_user):
            pairs = smooth_vectors(block, *self._kept(block.shape), self.seed)
            # The largest value is 1. Dividing by its e^β changes the unit of E and nothing else.
            strength = torch.exp(
                self.beta * (pairs.values - 1 if self.unit_filter else pairs.values)
            )
            vectors.append(pairs.vectors)
            bases.append((pairs.vectors * strength).to(device))
        if self.filter_dropout:
            fixed = (vectors[0].to(device), vectors[1].to(device))
            free = (tables[0].to(device), tables[1].to(device))
            return FilteredRows((bases[0], bases[1]), fixed, free, self.filter_dropout)
        weights = [(v.T @ table).to(device) for v, table in zip(vectors, tables, strict=True)]
        return SpectralEncoder((bases[0], bases[1]), (weights[0], weights[1]))

    def _kept(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Eigenvectors of one side, low and high; ``shape`` is that of its block of the graph."""
        n = shape[0]
        low = self.low if self.low_share is None else max(1, int(self.low_share * n))
        high = self.high if self.high_share is None else int(self.high_share * n)
        most = n if self.low_share is not None else min(shape)
        if low + high > most:
            found = f"{low} + {high}"
            raise SettingError("settings low and high", found, f"at most the {most} that there are")
        return low, high
