"""The settings of the methods."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from fullrank.settings import Settings
from fullrank.training.settings import TrainingSettings


class MethodSettings(Settings):
    """What every method has."""

    seed: int = Field(0, ge=0, lt=2**64)
    """Seed of everything that is drawn."""


class SolvedSettings(MethodSettings):
    """A method that is computed at once, without epochs."""


class TrainedSettings(TrainingSettings, MethodSettings):
    """A method that learns embeddings in epochs."""

    dim: int = Field(64, ge=2)
    """Width of the embeddings, d."""
    init_dim: int | None = Field(None, ge=2)
    """Width in the bound ±√(6 / (n + width)) of the initial rows; ``dim`` if absent."""


class EncoderSettings(TrainedSettings):
    """A method that runs on free rows or on rows smoothed over the graph."""

    encoder: Literal["mf", "lightgcn"] = "mf"
    """Free rows (matrix factorisation), or LightGCN's sum over hops on the graph."""
    layers: int = Field(3, ge=1, le=8)
    """Hops K of LightGCN."""
    average_layers: bool = True
    """Divide the sum over hops by K + 1; the published DirectSpec runs do not."""
    drop_edges: float = Field(0.0, ge=0, lt=1)
    """Share of the edges that the graph of an epoch leaves out (DropEdge); 0 for none."""
    propagation: Literal["exact", "factored"] = "exact"
    """Hops over the graph at each step, or their effect on free rows, exact in the first hop and of
    rank ``rank`` beyond it."""
    rank: int = Field(256, ge=1)
    """Singular pairs of the factored propagation."""

    @model_validator(mode="after")
    def _encoder_fits(self) -> EncoderSettings:
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


class NegativeSettings(EncoderSettings):
    """A method that samples unobserved items."""

    negatives: int = Field(1, ge=1)
    """Unobserved items drawn for each pair, N."""


class DirectSpecSettings(EncoderSettings):
    """DirectSpec (algorithm 2)."""

    average_layers: bool = False
    """Divide the sum over hops by K + 1; the published runs do not."""
    alpha: float = Field(0.05, ge=0)
    """Step α of the filter; safe up to 1 / σ₁² of the unit rows of a batch."""
    shrink: float = Field(0.0, ge=0)
    """Factor of the rescaling shrink · ‖z‖ · z after balancing; 0 for none."""


class DirectSpecPlusSettings(EncoderSettings):
    """DirectSpec+ (equation 22)."""

    average_layers: bool = False
    """Divide the sum over hops by K + 1; the published runs do not."""
    alpha: float = Field(0.8, ge=0)
    """Step α of the filter."""
    tau: float = Field(3.0, gt=0)
    """Inverse temperature τ of the softmax; with graph distance that of far pairs, τ₁; with
    attention the top of its range."""
    tau_design: Literal["constant", "graph", "attention"] = "constant"
    """One τ for all pairs, two by distance on the graph, or learned by attention."""
    tau_near: float | None = Field(None, gt=0)
    """τ₀ ≤ τ₁ of pairs within ``graph_distance``, for ``tau_design = graph``."""
    graph_distance: int = Field(2, ge=1)
    """Distance K up to which a pair counts as near."""
    shrink: float = Field(0.0, ge=0)
    """Factor of the rescaling shrink · ‖z‖ · z after balancing; 0 for none."""
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the five B × B × d products of a step; bfloat16 is for GPUs that are built for it."""

    @model_validator(mode="after")
    def _tau_fits(self) -> DirectSpecPlusSettings:
        if (self.tau_design == "graph") != (self.tau_near is not None):
            raise ValueError("tau_near together with tau_design = graph, or neither")
        if self.tau_near is not None and self.tau_near > self.tau:
            raise ValueError(f"tau_near of at most tau, {self.tau:g}")
        return self


class EuclideanSettings(NegativeSettings):
    """Squared distances of pairs and negatives."""

    margin: float = Field(1.0, gt=0)
    """Squared distance m beyond which a negative is left alone."""


class CLRecSettings(NegativeSettings):
    """BPR with InfoNCE."""

    contrast: float = Field(0.1, ge=0)
    """Weight of InfoNCE."""
    temperature: float = Field(0.2, gt=0)
    """Temperature that divides the cosines."""


class CCLSettings(NegativeSettings):
    """The cosine contrastive loss."""

    negatives: int = Field(1000, ge=1)
    """Unobserved items drawn for each pair, N."""
    margin: float = Field(0.1, ge=-1, le=1)
    """Cosine m up to which a negative is left alone."""
    weight: float = Field(300.0, ge=0)
    """Weight w of the negatives."""
    dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the numbers of a unit user row that a step leaves out."""
    shared_negatives: bool = False
    """Draw N items for all pairs of a batch together, whoever has interacted with them: a step is
    then quick with thousands."""


class SpreadSettings(EncoderSettings):
    """Alignment of pairs and a spread of all rows."""

    gamma: float = Field(1.0, ge=0)
    """Weight γ of the spread."""

    @model_validator(mode="after")
    def _enough_rows(self) -> SpreadSettings:
        if self.batch_size < 2:
            raise ValueError("batch_size of at least 2, for rows to spread")
        return self


class ENMFSettings(TrainedSettings):
    """The whole-data loss. Users are dealt out: ``sampler`` and its like have no say."""

    negative_weight: float = Field(0.1, gt=0, le=1)
    """Weight c of the unobserved pairs."""
    keep: float = Field(1.0, gt=0, le=1)
    """Share of the user entries that a step keeps (dropout)."""


class GraphContrastSettings(NegativeSettings):
    """LightGCN with a contrast between two views of the graph."""

    contrast: float = Field(0.1, ge=0)
    """Weight λ₁ of InfoNCE between the views."""
    temperature: float = Field(0.2, gt=0)
    """Temperature τ that divides the cosines."""
    contrast_with: Literal["batch", "all"] = "batch"
    """Rows in the denominator of InfoNCE: the batch's, or every row, as the papers sum."""

    @model_validator(mode="after")
    def _on_a_graph(self) -> GraphContrastSettings:
        if self.encoder != "lightgcn" or self.propagation != "exact":
            raise ValueError("encoder = lightgcn and propagation = exact: views are of the graph")
        return self


class SGLSettings(GraphContrastSettings):
    """SGL with edge dropout."""

    view_drop: float = Field(0.1, ge=0, lt=1)
    """Share ρ of the edges that each view leaves out."""


class LightGCLSettings(GraphContrastSettings):
    """LightGCL."""

    view_rank: int = Field(5, ge=1)
    """Singular pairs q of the low-rank view."""
    similarity: Literal["cosine", "dot"] = "cosine"
    """Of two rows, in InfoNCE: the paper's cosine, or the inner product of its authors' program."""


class GDESettings(TrainedSettings):
    """Eigenvectors of the user and item hypergraphs."""

    low: int = Field(512, ge=1)
    """Eigenvectors of lowest frequency that are kept, on each side."""
    high: int = Field(0, ge=0)
    """Eigenvectors of highest frequency that are kept too."""
    beta: float = Field(2.0, ge=0)
    """Exponent β of the filter e^(β λ)."""
    negatives: int = Field(1, ge=1)
    """Unobserved items drawn for each pair, N."""


class ItemKNNSettings(SolvedSettings):
    """Cosine neighbours."""

    neighbours: int = Field(100, ge=1)
    """Most similar items that each item keeps."""
    shrinkage: float = Field(10.0, ge=0)
    """Added to the product of norms: takes weight from similarities that rest on few users."""


class EASESettings(SolvedSettings):
    """A dense item × item regression."""

    ridge: float = Field(250.0, gt=0)
    """λ of the penalty."""


class IALSSettings(SolvedSettings):
    """Alternating least squares."""

    dim: int = Field(128, ge=2)
    """Width of the embeddings."""
    regularization: float = Field(0.05, ge=0)
    """λ of the penalty."""
    confidence: float = Field(10.0, gt=0)
    """Weight of an observed pair."""
    iterations: int = Field(15, ge=1)
    """Sweeps over both sides."""


class SpectralSettings(SolvedSettings):
    """Leading singular vectors of the normalised interactions."""

    rank: int = Field(512, ge=1)
    """Singular pairs that are kept."""
    beta: float = Field(0.3, ge=0, le=1)
    """Exponent β of the degrees that interactions are divided by, on each side."""
    smoothing: float = Field(1.0, ge=0)
    """Weight γ of one exact hop, added to the truncated reconstruction."""
