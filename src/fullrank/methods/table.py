"""The table of methods, one row each, and how to look one up or add one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fullrank import objectives
from fullrank.data.sampling import UserSampler
from fullrank.errors import SettingError
from fullrank.methods import balancing, encoding, solved
from fullrank.methods.row import Method, SolvedMethod, of_pairs, of_triples, of_views
from fullrank.methods.settings import (
    CCLSettings,
    CLRecSettings,
    DirectSpecPlusSettings,
    DirectSpecSettings,
    EASESettings,
    ENMFSettings,
    EuclideanSettings,
    GDESettings,
    IALSSettings,
    ItemKNNSettings,
    LightGCLSettings,
    MethodSettings,
    NegativeSettings,
    SGLSettings,
    SpectralSettings,
    SpreadSettings,
)
from fullrank.settings import nearest

_ON_GRAPH = {"encoder": "lightgcn"}
_PAPER = "Peng et al., DirectSpec"

METHODS: dict[str, Method | SolvedMethod] = {
    "directspec+": Method(
        summary="positives only, spectrum balanced with self-paced weights",
        source=f"{_PAPER}, equation 22",
        objective=of_pairs(objectives.log_positive),
        kernel="log-positive",
        settings=DirectSpecPlusSettings,
        balancer=balancing.direct_spec_plus,
    ),
    "directspec": Method(
        summary="positives only, spectrum balanced by the all-pass filter",
        source=f"{_PAPER}, algorithm 2",
        objective=of_pairs(objectives.log_positive),
        kernel="log-positive",
        settings=DirectSpecSettings,
        balancer=balancing.direct_spec,
    ),
    "bpr": Method(
        summary="observed items above sampled ones, pair by pair",
        source="Rendle et al., UAI 2009",
        objective=of_triples(objectives.bpr),
        kernel="bpr",
        settings=NegativeSettings,
    ),
    "bce": Method(
        summary="observed pairs against N sampled ones, binary cross-entropy",
        source=f"{_PAPER}, equation 2",
        objective=of_triples(objectives.bce),
        kernel="bce",
        settings=NegativeSettings,
    ),
    "log-positive": Method(
        summary="observed pairs alone, log loss: shows the complete collapse",
        source=f"{_PAPER}, section III-A",
        objective=of_pairs(objectives.log_positive),
        kernel="log-positive",
    ),
    "euclidean-positive": Method(
        summary="observed pairs alone, squared distance: collapses fastest",
        source=f"{_PAPER}, section III-A, figure 2",
        objective=of_pairs(objectives.euclidean_positive),
        kernel="euclidean-positive",
        defaults={"lr": 1.0},
    ),
    "euclidean": Method(
        summary="observed pairs close, sampled ones beyond a margin, squared distance",
        source=f"{_PAPER}, figure 3b; Hadsell et al., CVPR 2006",
        objective=of_triples(objectives.euclidean, "margin"),
        settings=EuclideanSettings,
        defaults={"lr": 1.0},
    ),
    "cl-rec": Method(
        summary="BPR, and InfoNCE that spreads the rows of a batch",
        source="Yao et al., CIKM 2021, as compared in " + _PAPER,
        objective=of_triples(objectives.cl_rec, "contrast", "temperature"),
        settings=CLRecSettings,
    ),
    "ccl": Method(
        summary="cosine of pairs high, of many sampled ones below a margin",
        source="SimpleX, Mao et al., CIKM 2021, equation 1",
        objective=of_triples(objectives.ccl, "margin", "weight"),
        kernel="ccl",
        kernel_values=("margin", "weight", "dropout"),
        settings=CCLSettings,
        defaults={"batch_size": 512, "lr": 0.01, "optimizer": "adam"},
        cosine=True,
    ),
    "enmf": Method(
        summary="squared loss over all pairs, without sampling",
        source="Chen et al., TOIS 2020, equations 8 to 10 (user-based)",
        objective=lambda settings: (
            lambda rows: objectives.enmf(rows.pair[0], rows.others, settings.negative_weight)
        ),
        settings=ENMFSettings,
        encoder=encoding.whole_items,
        sampler=lambda settings, data: UserSampler(data),  # noqa: ARG005
        defaults={"optimizer": "adagrad", "lr": 0.05},
    ),
    "directau": Method(
        summary="observed pairs close, all rows spread on the sphere",
        source="Wang et al., KDD 2022, equation 6",
        objective=of_pairs(objectives.direct_au, "gamma"),
        settings=SpreadSettings,
        defaults={"optimizer": "adam", "lr": 0.001, "batch_size": 1024},
    ),
    "logdet": Method(
        summary="observed pairs close on the graph, covariance near the identity",
        source="Zhang et al., NeurIPS 2023",
        objective=of_pairs(objectives.log_det, "gamma"),
        settings=SpreadSettings,
        defaults=_ON_GRAPH | {"optimizer": "adam", "lr": 0.001, "batch_size": 1024},
    ),
    "lightgcn": Method(
        summary="BPR on rows that are smoothed over the graph",
        source="He et al., SIGIR 2020",
        objective=of_triples(objectives.bpr),
        kernel="bpr",
        settings=NegativeSettings,
        defaults=_ON_GRAPH | {"optimizer": "adam", "lr": 0.01, "batch_size": 2048},
    ),
    "dropedge": Method(
        summary="LightGCN on a graph that drops edges anew each epoch",
        source="Rong et al., ICLR 2020, on He et al., SIGIR 2020",
        objective=of_triples(objectives.bpr),
        kernel="bpr",
        settings=NegativeSettings,
        defaults=_ON_GRAPH
        | {"drop_edges": 0.2, "optimizer": "adam", "lr": 0.01, "batch_size": 2048},
    ),
    "sgl-ed": Method(
        summary="LightGCN, and InfoNCE between two graphs with dropped edges",
        source="Wu et al., SIGIR 2021, equations 10 to 12",
        objective=of_views(objectives.sgl, "contrast", "temperature"),
        settings=SGLSettings,
        views=encoding.two_views,
        defaults=_ON_GRAPH | {"optimizer": "adam", "lr": 0.01, "batch_size": 2048},
    ),
    "lightgcl": Method(
        summary="LightGCN, and InfoNCE between the graph and its low-rank form",
        source="Cai et al., ICLR 2023, equations 8 to 10",
        objective=of_views(objectives.lightgcl, "contrast", "temperature", "similarity"),
        settings=LightGCLSettings,
        views=encoding.low_rank_view,
        defaults=_ON_GRAPH | {"optimizer": "adam", "lr": 0.01, "batch_size": 2048, "layers": 2},
    ),
    "gde": Method(
        summary="a few eigenvectors of the graph, weighted by frequency, no layers",
        source="Peng et al., SIGIR 2022",
        objective=of_triples(objectives.adaptive_bpr),
        settings=GDESettings,
        encoder=encoding.spectral,
        defaults={"optimizer": "adam", "lr": 0.01},
    ),
    "popularity": SolvedMethod(
        summary="the items with the most interactions",
        source="what every list must beat",
        solve=solved.popularity,
    ),
    "itemknn": SolvedMethod(
        summary="items like those of the user, by the users they share",
        source="Sarwar et al., WWW 2001",
        solve=solved.item_knn,
        settings=ItemKNNSettings,
    ),
    "ease": SolvedMethod(
        summary="items regressed on items, a dense matrix in closed form",
        source="Steck, WWW 2019, equation 8",
        solve=solved.ease,
        settings=EASESettings,
    ),
    "ials": SolvedMethod(
        summary="weighted squared loss over all pairs, least squares in turn",
        source="Hu et al., ICDM 2008, by the package implicit",
        solve=solved.ials,
        settings=IALSSettings,
    ),
    "spectral": SolvedMethod(
        summary="leading singular vectors of the normalised interactions",
        source="Shen et al., CIKM 2021",
        solve=solved.spectral,
        settings=SpectralSettings,
    ),
}


def method_named(name: str) -> Method | SolvedMethod:
    """The row of that name.

    Raises:
        SettingError: there is none; the message names the nearest.
    """
    if name not in METHODS:
        raise SettingError("method", repr(name), nearest(name, METHODS))
    return METHODS[name]


def add_method(name: str, row: Method | SolvedMethod) -> None:
    """Adds a method to the table of this process, for `Recommender`, `load` and `compare`.

    Raises:
        SettingError: the name is taken by another row.
    """
    if METHODS.setdefault(name, row) is not row:
        raise SettingError("method", f"{name!r}, which there is already", "a name that is free")


def settings_of(name: str, values: Mapping[str, Any]) -> MethodSettings:
    """Checked settings of a method: its defaults with ``values`` on top.

    Raises:
        SettingError: see `fullrank.settings.Settings.build`.
    """
    method = method_named(name)
    return method.settings.build({**method.defaults, **values})
