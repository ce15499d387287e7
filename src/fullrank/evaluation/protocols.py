"""The rules under which a number is made: what is masked, how deep a list is, what a name means."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from fullrank.errors import SettingError
from fullrank.evaluation import metrics
from fullrank.evaluation.metrics import Counts, Exposure, Hits, Values
from fullrank.settings import nearest


class UserMetric(NamedTuple):
    """A metric with a value for each user."""

    formula: Callable[[Hits, Counts, int], Values]
    definition: str
    """One line for reports; ``{k}`` is the cutoff, ``{depth}`` the number of ranks that count."""


class ListMetric(NamedTuple):
    """A metric of all recommended lists together."""

    formula: Callable[[Exposure], float]
    definition: str
    """As for `UserMetric`."""


@dataclass(frozen=True)
class Protocol:
    """Rules of evaluation under one name."""

    name: str
    masks_validation: bool
    """Whether the items of the validation part are masked, as those of the training part are."""
    trained_only: bool
    """Whether items without training interactions stay out of the lists, and users without any out
    of the means: what a model gives such rows are the random numbers it started with."""
    counts_repeats: bool
    """Whether a test pair that the data repeat is as many test items as it has rows."""
    metrics: Mapping[str, UserMetric | ListMetric]
    """The metrics that the protocol defines, by the name before the ``@``."""
    depths: Mapping[int, int] = field(default_factory=dict)
    """Ranks that count at a cutoff, where they are not as many as it says."""

    def depth(self, k: int) -> int:
        """How many ranks count at cutoff ``k``."""
        return self.depths.get(k, k)

    def select(self, names: Iterable[str] | None) -> dict[str, UserMetric | ListMetric]:
        """The metrics called ``names``, all of them without any.

        Raises:
            SettingError: the protocol has no metric of a name.
        """
        names = list(self.metrics if names is None else names)
        for name in names:
            if name not in self.metrics:
                raise SettingError(
                    f"metrics of protocol {self.name}", repr(name), nearest(name, self.metrics)
                )
        return {name: self.metrics[name] for name in names}


STANDARD = Protocol(
    name="standard",
    masks_validation=True,
    trained_only=True,
    counts_repeats=False,
    metrics={
        "recall": UserMetric(metrics.recall, "hits in the first {depth} ranks / |test items|"),
        "recall_capped": UserMetric(
            metrics.recall_capped, "hits in the first {depth} ranks / min({k}, |test items|)"
        ),
        "ndcg": UserMetric(
            metrics.ndcg,
            "sum of 1/log2(rank + 1) over hits in the first {depth} ranks / the same sum over "
            "ranks 1 to min({k}, |test items|)",
        ),
        "precision": UserMetric(metrics.precision, "hits in the first {depth} ranks / {k}"),
        "hit_rate": UserMetric(metrics.hit_rate, "1 if the first {depth} ranks hold a hit, else 0"),
        "mrr": UserMetric(
            metrics.mrr, "1 / rank of the first hit in the first {depth} ranks, 0 without a hit"
        ),
        "map": UserMetric(
            metrics.average_precision,
            "sum of precision at each hit in the first {depth} ranks / min({k}, |test items|)",
        ),
        "item_coverage": ListMetric(
            metrics.item_coverage, "share of all items that stand in at least one list of {depth}"
        ),
        "gini": ListMetric(
            metrics.gini,
            "Gini index of how often each of all items stands in a list of {depth}; "
            "0 = all equally often",
        ),
        "mean_popularity": ListMetric(
            metrics.mean_popularity,
            "mean number of training users of the items in all lists of {depth}",
        ),
    },
)

PUBLISHED = Protocol(
    name="published",
    masks_validation=False,
    trained_only=False,
    counts_repeats=True,
    metrics={
        "recall": UserMetric(
            metrics.recall_capped, "hits in the first {depth} ranks / min({k}, |test items|)"
        ),
        "ndcg": STANDARD.metrics["ndcg"],
    },
    # The published runs sliced one rank too many for "@10", and only there.
    depths={10: 11},
)

PROTOCOLS: Mapping[str, Protocol] = {each.name: each for each in (STANDARD, PUBLISHED)}


def protocol_named(name: str) -> Protocol:
    """The protocol of that name.

    Raises:
        SettingError: there is none.
    """
    if name not in PROTOCOLS:
        raise SettingError("setting protocol", repr(name), nearest(name, PROTOCOLS))
    return PROTOCOLS[name]
