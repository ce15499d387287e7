"""GDE: a few eigenvectors of the graph, weighted by frequency, no layers."""

from __future__ import annotations

import torch
from pydantic import Field

from fullrank import objectives
from fullrank.data.graph import BipartiteGraph
from fullrank.data.interactions import Interactions
from fullrank.encoders import Encoder, SpectralEncoder, smooth_vectors
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

    low: int = Field(512, ge=1)
    """Eigenvectors of lowest frequency that are kept, on each side."""
    high: int = Field(0, ge=0)
    """Eigenvectors of highest frequency that are kept too."""
    beta: float = Field(2.0, ge=0)
    """Exponent β of the filter e^(β λ)."""
    negatives: int = Field(1, ge=1)
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

    def build_encoder(self, data: Interactions, generator: torch.Generator, device: str) -> Encoder:
        """The eigenvectors of ``R̃ R̃ᵀ`` and ``R̃ᵀ R̃``.

        Raises:
            SettingError: there are not as many.
        """
        graph = BipartiteGraph.of(data)
        most = min(graph.user_item.shape)
        if self.low + self.high > most:
            found = f"{self.low} + {self.high}"
            raise SettingError("settings low and high", found, f"at most the {most} that there are")
        bases, weights = [], []
        tables = initial_tables(self, data, generator, "cpu")
        for block, table in zip((graph.user_item, graph.item_user), tables, strict=True):
            pairs = smooth_vectors(block, self.low, self.high, self.seed)
            # The largest value is 1. Dividing by its e^β changes the unit of E and nothing else.
            strength = torch.exp(self.beta * (pairs.values - 1))
            weights.append((pairs.vectors.T @ table).to(device))
            bases.append((pairs.vectors * strength).to(device))
        return SpectralEncoder((bases[0], bases[1]), (weights[0], weights[1]))
