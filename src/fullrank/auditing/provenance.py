"""What a figure was made from, in its protocol block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fullrank.auditing.report import draw_of
from fullrank.data.interactions import Interactions
from fullrank.evaluation import Evaluation
from fullrank.serving.model_files import versions


def with_provenance(
    result: Evaluation, parts: Mapping[str, Interactions], known: Interactions, **said: Any
) -> Evaluation:
    """The evaluation, with what is ``said``, how the parts were drawn and the versions in it."""
    audit = draw_of(parts["train"], parts.get("validation"), known)
    result.protocol.update(**said, audit=audit, versions=versions())
    return result
