"""What is searched when a method is tuned: the settings that matter, and where they lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Span:
    """Numbers from ``low`` to ``high``; whole ones if both are."""

    low: float
    high: float
    log: bool = False


Space = Mapping[str, Span | tuple[Any, ...]]
"""Setting to a span of numbers or a choice of values."""

_DECAY = Span(1e-6, 1e-1, log=True)
_SGD = {"lr": Span(3.0, 300.0, log=True), "weight_decay": _DECAY}
_ADAM = {"lr": Span(3e-4, 1e-2, log=True), "weight_decay": _DECAY}
_ADAM_ON_GRAPH = {**_ADAM, "lr": Span(2e-3, 4e-2, log=True)}
_LAYERS = {"layers": (1, 2, 3)}

SPACES: Mapping[str, Space] = {
    "directspec+": {
        "lr": Span(30.0, 400.0, log=True),
        "alpha": Span(0.5, 1.0),
        "tau": Span(2.0, 5.0),
        "shrink": (0.0, 0.01, 0.02, 0.03),
    },
    "directspec": {
        "lr": Span(10.0, 400.0, log=True),
        "alpha": Span(0.005, 0.08, log=True),
        "shrink": (0.0, 0.01, 0.03),
        "weight_decay": _DECAY,
    },
    "bpr": _SGD,
    "bce": {**_SGD, "negatives": Span(1, 8)},
    "log-positive": _SGD,
    "euclidean-positive": {**_SGD, "lr": Span(0.1, 10.0, log=True)},
    "euclidean": {
        **_SGD,
        "lr": Span(0.3, 100.0, log=True),
        "margin": Span(0.1, 3.0, log=True),
        "negatives": Span(1, 8),
    },
    "cl-rec": {
        **_SGD,
        "contrast": Span(1e-3, 1.0, log=True),
        "temperature": Span(0.05, 1.0, log=True),
    },
    "ccl": {**_ADAM, "margin": Span(0.0, 0.95), "weight": Span(30.0, 1000.0, log=True)},
    "enmf": {
        "lr": Span(0.01, 0.2, log=True),
        "negative_weight": Span(0.01, 0.5, log=True),
        "keep": Span(0.3, 1.0),
    },
    "directau": {**_ADAM, "gamma": Span(0.5, 10.0, log=True)},
    "logdet": {**_ADAM, **_LAYERS, "gamma": Span(0.05, 10.0, log=True)},
    "lightgcn": _ADAM_ON_GRAPH,
    "dropedge": {**_ADAM_ON_GRAPH, "drop_edges": Span(0.05, 0.5)},
    "sgl-ed": {
        **_ADAM_ON_GRAPH,
        "contrast": Span(0.02, 1.0, log=True),
        "temperature": Span(0.1, 0.5, log=True),
    },
    "lightgcl": {
        **_ADAM_ON_GRAPH,
        "contrast": Span(0.02, 2.0, log=True),
        "temperature": Span(0.1, 1.0, log=True),
        "view_rank": Span(5, 256, log=True),
    },
    "gde": {
        "lr": Span(3e-3, 5e-2, log=True),
        "beta": Span(0.0, 3.0),
        "low": (256, 512, 1024),
    },
    "itemknn": {"neighbours": Span(10, 500, log=True), "shrinkage": Span(0.0, 50.0)},
    "ease": {"ridge": Span(10.0, 2000.0, log=True)},
    "ials": {
        "dim": (64, 128, 256),
        "regularization": Span(1e-3, 10.0, log=True),
        "confidence": Span(1.0, 100.0, log=True),
    },
    "spectral": {
        "rank": (256, 512, 1024),
        "beta": Span(0.1, 0.6),
        "smoothing": Span(0.05, 5.0, log=True),
    },
}
"""A method without a row here has nothing to tune, or its author's space."""
