"""The experiments by id, in the order of the paper."""

from __future__ import annotations

from collections.abc import Mapping

from fullrank.lab.experiments import figure_1, figure_2, figure_3, figure_11, table_3
from fullrank.lab.spec import Experiment

EXPERIMENTS: Mapping[str, Experiment] = {
    each.id: each
    for each in (
        figure_1.EXPERIMENT,
        figure_2.EXPERIMENT,
        figure_3.EXPERIMENT,
        table_3.EXPERIMENT,
        figure_11.EXPERIMENT,
    )
}
