"""The one door to the engines: the quickest that can make a step, and why not the others."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from fullrank.encoders import Encoder
from fullrank.engine.autograd import AutogradEngine
from fullrank.engine.compiled import CompiledEngine
from fullrank.engine.cuda import CapturedEngine
from fullrank.engine.devices import AUTO, gpu_or_cpu
from fullrank.engine.graph import GraphEngine
from fullrank.engine.step import Engine, Optimizer, Step

ENGINES: tuple[type[Engine], ...] = (CompiledEngine, GraphEngine, CapturedEngine, AutogradEngine)
"""Quickest first; the last one makes every step."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """An engine, and the reasons of those that were passed over for it."""

    engine: Engine
    passed_over: dict[str, str]

    @property
    def metadata(self) -> dict[str, object]:
        """For logs and manifests."""
        return {"name": self.engine.name, "passed_over": self.passed_over}


def device_for(step: Step, encoder: Encoder, optimizer: Optimizer) -> str:
    """Where steps are quicker that could be made on a GPU and here: ``cuda`` or ``cpu``.

    A GPU wins where it replays captured steps, and where there is no kernel for the processor. A
    small step whose operations are launched one by one takes longer than by a kernel here
    (docs/benchmarks.md).

    Args:
        step: Of a plan for the processor, as all three.
        encoder: See `choose`.
        optimizer: See `choose`.
    """
    if gpu_or_cpu(AUTO) == "cpu":
        return "cpu"
    captured = CapturedEngine.supports(replace(step, device="cuda"), encoder, optimizer) is None
    here = CompiledEngine.supports(step, encoder, optimizer) is None
    return "cuda" if captured or not here else "cpu"


def choose(step: Step, encoder: Encoder, optimizer: Optimizer) -> Choice:
    """The quickest engine that supports the step."""
    passed_over: dict[str, str] = {}
    for engine in ENGINES:
        reason = engine.supports(step, encoder, optimizer)
        if reason is None:
            _log.info("engine %s; passed over: %s", engine.name, passed_over or "none")
            return Choice(engine(step, encoder, optimizer), passed_over)
        passed_over[engine.name] = reason
    raise RuntimeError(f"no engine makes these steps: {passed_over}")
