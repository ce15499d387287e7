"""The experiments by id, in the order of the paper."""

from __future__ import annotations

from collections.abc import Mapping

from fullrank.lab.experiments import (
    figure_1,
    figure_2,
    figure_3,
    figure_5,
    figure_6,
    figure_7,
    figure_8,
    figure_9,
    figure_10,
    figure_11,
    propositions,
    table_1,
    table_3,
    table_4,
    table_5,
    table_6,
)
from fullrank.lab.spec import Experiment

EXPERIMENTS: Mapping[str, Experiment] = {
    each.id: each
    for each in (
        figure_1.EXPERIMENT,
        figure_2.EXPERIMENT,
        figure_3.EXPERIMENT,
        table_1.EXPERIMENT,
        table_3.EXPERIMENT,
        table_4.EXPERIMENT,
        figure_5.EXPERIMENT,
        table_5.EXPERIMENT,
        figure_6.EXPERIMENT,
        figure_7.EXPERIMENT,
        figure_8.EXPERIMENT,
        table_6.EXPERIMENT,
        figure_9.EXPERIMENT,
        figure_10.EXPERIMENT,
        figure_11.EXPERIMENT,
        propositions.EXPERIMENT,
    )
}
