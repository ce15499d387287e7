"""Named methods: encoder × balancer × objective × sampler × settings, one row each."""

from fullrank.methods.build import plan_of
from fullrank.methods.row import Balancing, Method, SolvedMethod, of_pairs, of_triples, of_views
from fullrank.methods.settings import (
    MethodSettings,
    NegativeSettings,
    SolvedSettings,
    TrainedSettings,
)
from fullrank.methods.spaces import SPACES, Space, Span
from fullrank.methods.table import METHODS, add_method, method_named, settings_of

__all__ = [
    "METHODS",
    "SPACES",
    "Balancing",
    "Method",
    "MethodSettings",
    "NegativeSettings",
    "SolvedMethod",
    "SolvedSettings",
    "Space",
    "Span",
    "TrainedSettings",
    "add_method",
    "method_named",
    "of_pairs",
    "of_triples",
    "of_views",
    "plan_of",
    "settings_of",
]
