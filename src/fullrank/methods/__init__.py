"""The methods: ``BPR(lr=0.1)`` is a method with its settings, ready for `fullrank.Recommender`."""

from fullrank.methods.base import ClosedFormMethod as ClosedFormMethod
from fullrank.methods.base import Method as Method
from fullrank.methods.base import PairMethod as PairMethod
from fullrank.methods.base import Sampled as Sampled
from fullrank.methods.base import SampledMethod as SampledMethod
from fullrank.methods.base import TrainedMethod as TrainedMethod
from fullrank.methods.own import import_own as import_own
from fullrank.methods.registry import *  # noqa: F403
from fullrank.methods.space import ByRule as ByRule
from fullrank.methods.space import Space as Space
from fullrank.methods.space import Span as Span
from fullrank.methods.spread import SpreadMethod as SpreadMethod
from fullrank.methods.table import METHODS as METHODS
from fullrank.methods.table import add_method as add_method
from fullrank.methods.table import add_plugins as add_plugins
from fullrank.methods.table import build_method as build_method
from fullrank.methods.table import method_named as method_named
from fullrank.methods.table import stored_method as stored_method
