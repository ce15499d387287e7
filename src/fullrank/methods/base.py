"""What a method is: its settings, and from them all that training or solving it needs.

A method is one class in one file: fields are its settings, class variables what is known of it
(name, summary, source, search space), and the ``build_`` functions what it runs on.
"""

from __future__ import annotations

from typing import ClassVar, Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator

from fullrank.data.interactions import Interactions
from fullrank.data.memory import check_memory
from fullrank.data.sampling import PairSampler, Sampler
from fullrank.data.weighting import Way
from fullrank.encoders import MF, Encoder, most_pairs
from fullrank.encoders.lightgcn import Views
from fullrank.engine.step import Balance, Loss, Step
from fullrank.methods import encoding
from fullrank.methods.sizes import check_batch, check_tables
from fullrank.methods.space import Space
from fullrank.serving.scorers import DotScorer, HistoryScorer
from fullrank.settings import Settings
from fullrank.training.loop import Plan
from fullrank.training.progress import Reporter
from fullrank.training.settings import TrainingSettings

Family = Literal["balanced", "sampled negatives", "on the graph", "no negatives", "closed form"]


class Sampled(NamedTuple):
    """The unobserved items of a step."""

    negatives: int = 0
    """Of each pair, N."""
    shared: bool = False
    """Whether the pairs of a batch have the same N."""


class Method(Settings):
    """A method with its settings."""

    name: ClassVar[str]
    """What the registry calls it."""
    summary: ClassVar[str]
    """What it is, in a line."""
    source: ClassVar[str]
    """Where it comes from: paper, equation."""
    family: ClassVar[Family]
    space: ClassVar[Space] = {}
    """What tuning searches; nothing to tune if empty."""

    seed: int = Field(default=0, ge=0, lt=2**64)
    """Seed of everything that is drawn."""
    weighting: Literal[Way, "auto"] = "given"
    """How weights are read, see `fullrank.data.weighting`; ``auto``: as validation says."""

    def largest(self, data: Interactions) -> dict[str, int]:
        """The most that settings of size can be on ``data``, by name; larger ones are reduced."""
        del data
        return {}

    def fitted_to(self, data: Interactions) -> Self:
        """The settings with sizes that ``data`` has no room for reduced to the most that it has."""
        most = self.largest(data)
        reduced = {name: most[name] for name in most if getattr(self, name) > most[name]}
        return self.replace(**reduced) if reduced else self

    @property
    def uses_weights(self) -> bool:
        """Whether the weights of interactions change what is learned."""
        return False

    @property
    def without_weights(self) -> str:
        """What to say where there are weights and they are not used."""
        return f"{self.name} does not use them"


class ClosedFormMethod(Method):
    """A method that is computed at once, without epochs."""

    family: ClassVar[Family] = "closed form"

    def solve(self, data: Interactions, device: str) -> DotScorer | HistoryScorer:
        """Makes what ranks, with ``device`` if that is of use; what ranks lies on the processor."""
        raise NotImplementedError

    def solve_reported(
        self, data: Interactions, device: str, reporter: Reporter | None
    ) -> DotScorer | HistoryScorer:
        """As `solve`; a method that takes long says how far it is."""
        del reporter
        return self.solve(data, device)


class TrainedMethod(TrainingSettings, Method):
    """A method that learns embeddings in epochs; on free rows, if it does not say otherwise."""

    cosine: ClassVar[bool] = False
    """Whether it ranks by the cosine, as it was trained: the rows that the model keeps are of unit
    length."""

    dim: int = Field(default=64, ge=2, lt=2**31)
    """Width of the embeddings, d."""
    init_dim: int | None = Field(default=None, ge=2, lt=2**31)
    """Width in the bound ±√(6 / (n + width)) of the initial rows; ``dim`` if absent."""
    init: Literal["side", "joint"] = "side"
    """The number of rows n in that bound: of each side, or of users and items together, as in the
    published runs on LightGCN."""

    item_power: float = Field(default=1.0, ge=0, le=4)
    """Power of the lengths of item rows, which carry popularity, in the ranking; training is as
    without it."""

    @model_validator(mode="after")
    def _has_lengths(self) -> TrainedMethod:
        if self.cosine and self.item_power != 1:
            raise ValueError("item_power = 1 with a method that ranks by cosines")
        return self

    @property
    def uses_weights(self) -> bool:
        """Whether pairs are drawn in proportion to them."""
        return self.weighted

    @property
    def without_weights(self) -> str:
        """Names the setting that uses them."""
        return f"{self.name} does not use them; weighted = true draws pairs in proportion to them"

    def build_loss(self) -> Loss:
        """The loss of a batch."""
        raise NotImplementedError

    def build_balance(self, data: Interactions, generator: torch.Generator) -> Balance | None:
        """What happens to the rows before the loss, if anything."""
        del data, generator
        return None

    def build_encoder(self, data: Interactions, generator: torch.Generator, device: str) -> Encoder:
        """What is trained."""
        return MF(*encoding.initial_tables(self, data, generator, device))

    @property
    def sampled(self) -> Sampled:
        """The unobserved items of a step."""
        return Sampled()

    @property
    def user_dropout(self) -> float:
        """Share of the numbers of the unit user rows that the loss leaves out."""
        return 0.0

    def build_sampler(self, data: Interactions) -> Sampler:
        """What draws the batches: observed pairs as the settings say."""
        return PairSampler(
            data,
            self.sampler,
            self.sampled.negatives,
            damping=self.damping,
            systematic=self.systematic,
            weighted=self.weighted,
            shared=self.sampled.shared,
            threads=torch.get_num_threads(),
        )

    def build_step(self, balance: Balance | None, device: str) -> Step:
        """The training step."""
        return Step(
            self.build_loss(),
            self.batch_size,
            balance,
            self.sampled.negatives,
            self.sampled.shared,
            self.user_dropout,
            self.weight_decay,
            device,
        )

    def plan(self, data: Interactions, device: str, sampler: Sampler | None = None) -> Plan:
        """Everything the training loop needs, with parameters at their initial values.

        Args:
            data: What is trained on.
            device: Where.
            sampler: One of the same settings and data, to be shared; made if absent.

        Raises:
            SettingError: tables or batches do not fit into memory.
        """
        self._check_sizes(data, device)
        generator = torch.Generator().manual_seed(self.seed)
        balance = self.build_balance(data, generator)
        if balance is not None and balance.learned is not None:
            balance.learned.to(device)
        encoder = self.build_encoder(data, generator, device)
        sampler = self.build_sampler(data) if sampler is None else sampler
        return Plan(encoder, sampler, self.build_step(balance, device))

    def _check_sizes(self, data: Interactions, device: str) -> None:
        """By the least that training takes, so that nothing that fits is refused."""
        if device == "cpu":
            self._check_memory(data)
        check_batch(self.batch_size, len(data))

    def _check_memory(self, data: Interactions) -> None:
        check_tables(data.n_users + data.n_items, self.dim, self.batch_size)
        negatives = self.sampled.negatives * (1 if self.sampled.shared else self.batch_size)
        found = f"batches with {negatives:,} negatives"
        check_memory("setting negatives", negatives * (4 * self.dim + 8), found)
        if self.family == "balanced":
            found = f"matrices of {self.batch_size:,} × {self.batch_size:,}"
            check_memory("setting batch_size", 2 * 4 * self.batch_size**2, found)


class PairMethod(TrainedMethod):
    """A method on observed pairs, on free rows or on rows smoothed over the graph."""

    encoder: Literal["mf", "lightgcn"] = "mf"
    """Free rows (matrix factorisation), or LightGCN's sum over hops on the graph."""
    layers: int = Field(default=3, ge=1, le=8)
    """Hops K of LightGCN."""
    average_layers: bool = True
    """Divide the sum over hops by K + 1; the published DirectSpec runs do not."""
    drop_edges: float = Field(default=0.0, ge=0, lt=1)
    """Share of the edges that the graph of an epoch leaves out (DropEdge); 0 for none."""
    propagation: Literal["exact", "factored"] = "exact"
    """Hops over the graph at each step, or their effect on free rows, exact in the first hop and of
    rank ``rank`` beyond it."""
    rank: int = Field(default=256, ge=1, lt=2**31)
    """Singular pairs of the factored propagation."""

    @model_validator(mode="after")
    def _encoder_fits(self) -> PairMethod:
        if self.encoder == "mf" and self.drop_edges:
            raise ValueError("encoder = lightgcn with drop_edges")
        if self.propagation == "factored":
            if self.encoder == "mf":
                raise ValueError("encoder = lightgcn with propagation = factored")
            if self.drop_edges or self.weight_decay or self.optimizer != "sgd":
                raise ValueError(
                    "optimizer = sgd, drop_edges = 0 and weight_decay = 0 with "
                    "propagation = factored"
                )
        return self

    @property
    def uses_weights(self) -> bool:
        """In drawing pairs, or as the weights of the graph's edges."""
        return self.weighted or self.encoder == "lightgcn"

    def build_encoder(self, data: Interactions, generator: torch.Generator, device: str) -> Encoder:
        """Free rows, or LightGCN."""
        tables = encoding.initial_tables(self, data, generator, device)
        if self.encoder == "mf":
            return MF(*tables)
        if self.propagation == "factored":
            return encoding.factored(self, tables, data, device)
        return encoding.lightgcn(
            self, tables, data, view_drops=self.view_drops, views=self.build_views(data)
        )

    def build_views(self, data: Interactions) -> Views | None:
        """What the loss compares beside the rows of a batch on the graph, if anything."""
        del data
        return None

    def largest(self, data: Interactions) -> dict[str, int]:
        """The rank of a factored propagation."""
        if self.propagation != "factored":
            return {}
        return {"rank": most_pairs((data.n_users, data.n_items))}

    @property
    def view_drops(self) -> tuple[float, ...]:
        """Shares of the edges that further graphs of an epoch leave out, for the views."""
        return ()


class SampledMethod(PairMethod):
    """A method that samples unobserved items."""

    negatives: int = Field(default=1, ge=1, lt=2**31)
    """Unobserved items drawn for each pair, N."""

    @property
    def sampled(self) -> Sampled:
        """N items of each pair."""
        return Sampled(self.negatives)
