"""The rows of Table IV: what the paper fixes, what tuning found, or what is tried.

A row runs with its preset for the data. Without one its candidates are trained on the validation
part, and the best of them is trained again, on the whole of train and for as many epochs as were
best there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from fullrank.errors import SettingError
from fullrank.settings import nearest

Values = Mapping[str, Any]
GCN = {"encoder": "lightgcn", "layers": 3}
GRAPH_ADAM: Values = {"batch_size": 2048, "layers": 3}
SUMMED: Values = {"encoder": "lightgcn", "average_layers": False}
AS_PUBLISHED: Values = {"distinct": False, "systematic": False}
MARGINS = {"citeulike": 0.1, "yelp": 0.3, "yelp-sparse": 0.3, "yelp2018": 0.3, "gowalla": 0.3}
GAMMAS = {"citeulike": 5.0, "yelp": 0.5, "yelp-sparse": 0.5, "yelp2018": 0.5, "gowalla": 1.5}
"""What section V-A fixes for CCL and for DirectAU."""


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Args:
        label: What it is called.
        method: A name of the method table.
        presets: Names of presets, the first that the data has.
        candidates: Settings to choose among where there is no preset; none for a row that is there
            with its preset or not at all.
        epochs: Most epochs of a candidate, of a whole run and of a quick one.
        paper: The paper's row, as in `fullrank.lab.paper`.
        by_data: Settings for a data set, which win over those of a candidate.
        most_items: Items above which it does not fit into memory.
    """

    label: str
    method: str
    presets: tuple[str, ...] = ("tuned",)
    candidates: tuple[Values, ...] = ({},)
    epochs: tuple[int, int] = (60, 10)
    paper: str | None = None
    by_data: Mapping[str, Values] = field(default_factory=dict)
    most_items: int | None = None


def _each(name: str, values: Mapping[str, float]) -> dict[str, Values]:
    return {data: {name: value} for data, value in values.items()}


# LightGCN and CCL on Gowalla are tuned by hand on its validation part: many negatives a pair make
# up for few epochs.
_LIGHTGCN_GOWALLA: Values = {
    "batch_size": 4096, "negatives": 32, "systematic": True, "lr": 0.04, "lr_decay": 0.965,
    "weight_decay": 5e-3,
}  # fmt: skip
_CCL_GOWALLA: Values = {
    "batch_size": 512, "negatives": 2000, "shared_negatives": True, "systematic": True,
    "dropout": 0.1, "margin": 0.8, "weight": 150.0, "lr": 2e-3, "lr_decay": 0.975,
}  # fmt: skip
_SGD: Values = {"lr": 13.0, "batch_size": 256}

ROWS: tuple[Row, ...] = (
    Row("Popularity", "popularity"),
    Row("ItemKNN", "itemknn"),
    Row("EASE", "ease", most_items=20_000),
    Row("iALS", "ials"),
    Row("Spectral", "spectral"),
    Row("AllPass", "allpass"),
    Row("RP3beta", "rp3beta"),
    Row("SLIM", "slim"),
    Row("Turbo-CF", "turbo-cf"),
    Row("BSPM", "bspm"),
    Row("ChebyCF", "chebycf"),
    Row("SGFCF", "sgfcf"),
    Row("BPR", "bpr", candidates=(_SGD, {**_SGD, "lr": 40.0}), epochs=(200, 20), paper="BPR"),
    Row("CL-Rec", "cl-rec", candidates=({**_SGD, "contrast": 0.01}, {**_SGD, "contrast": 0.1}),
        epochs=(150, 20), paper="CL-Rec"),
    Row("CCL(MF)", "ccl", epochs=(60, 10), paper="CCL(MF)", by_data={"gowalla": _CCL_GOWALLA},
        candidates=tuple({"batch_size": 1024, "negatives": 200, "weight": 300.0, "lr": 0.003,
                          "margin": margin} for margin in (0.6, 0.8))),
    Row("CCL(MF), as printed", "ccl", (), paper="CCL(MF)", by_data=_each("margin", MARGINS),
        candidates=tuple({"batch_size": 1024, "negatives": 1000, "weight": 300.0, "margin": 0.3,
                          "shared_negatives": True, "lr": lr} for lr in (0.003, 0.001))),
    Row("ENMF", "enmf", candidates=({"batch_size": 512, "lr": 0.1}, {"batch_size": 512,
        "lr": 0.05, "negative_weight": 0.05}), epochs=(100, 20), paper="ENMF"),
    Row("DirectAU(MF)", "directau", by_data=_each("gamma", GAMMAS), epochs=(80, 10),
        candidates=({"batch_size": 1024, "lr": 0.001}, {"batch_size": 2048, "lr": 0.002}),
        paper="DirectAU(MF)"),
    Row("DirectAU(GCN)", "directau", ("tuned-lightgcn",), by_data=_each("gamma", GAMMAS),
        candidates=({"batch_size": 1024, "lr": 0.001, **GCN, "layers": 2},), epochs=(40, 10),
        paper="DirectAU(GCN)"),
    Row("LightGCN", "lightgcn", candidates=(GRAPH_ADAM,), epochs=(80, 15), paper="LightGCN",
        by_data={"gowalla": _LIGHTGCN_GOWALLA}),
    Row("DropEdge", "dropedge", candidates=(GRAPH_ADAM,), epochs=(80, 10)),
    Row("SGL-ED", "sgl-ed", candidates=tuple({**GRAPH_ADAM, "contrast": c} for c in (0.02, 0.1)),
        epochs=(40, 10), paper="SGL-ED"),
    Row("SGL-ED, as printed", "sgl-ed", (), paper="SGL-ED", epochs=(40, 10),
        candidates=({**GRAPH_ADAM, "contrast": 0.1, "temperature": 0.2, "view_drop": 0.1,
                     "contrast_with": "all"},)),
    Row("LightGCL", "lightgcl", epochs=(40, 10), paper="LightGCL",
        candidates=tuple({**GRAPH_ADAM, "contrast": c} for c in (0.02, 0.2))),
    Row("LightGCL, all rows", "lightgcl", (), epochs=(40, 10), paper="LightGCL",
        candidates=({"batch_size": 2048, "layers": 2, "contrast": 0.2, "average_layers": False,
                     "contrast_with": "all"},)),
    Row("GDE", "gde", candidates=({"batch_size": 1024},), epochs=(40, 10), paper="GDE"),
    Row("LogDet", "logdet", epochs=(20, 10), paper="LogDet",
        candidates=tuple({"batch_size": 2048, "lr": 0.001, "layers": k} for k in (1, 3))),
    Row("DirectSpec(MF)", "directspec", epochs=(100, 20), paper="DirectSpec(MF)",
        candidates=tuple({**AS_PUBLISHED, "alpha": a} for a in (0.02, 0.05))),
    Row("DirectSpec(GCN)", "directspec", ("tuned-lightgcn",), epochs=(20, 10),
        candidates=({**AS_PUBLISHED, **GCN, "layers": 1, "batch_size": 2048, "lr": 26.0,
                     "alpha": 0.011},), paper="DirectSpec(GCN)"),
    Row("DirectSpec+(MF)", "directspec+", epochs=(150, 20), paper="DirectSpec+(MF)",
        candidates=tuple({**AS_PUBLISHED, "alpha": a, "tau": t}
                         for a, t in ((0.6, 3.0), (0.8, 3.0), (0.8, 4.0), (1.0, 3.0)))),
    Row("DirectSpec+(MF), published τ constant", "directspec+", ("published",), (),
        paper="DirectSpec+(MF)"),
    Row("DirectSpec+(MF), published τ by distance", "directspec+", ("published-graph",), (),
        paper="DirectSpec+(MF)"),
    Row("DirectSpec+(GCN)", "directspec+", ("tuned-lightgcn",), epochs=(40, 10),
        candidates=tuple({**AS_PUBLISHED, **SUMMED, "layers": 3, "batch_size": 1024, "lr": 400.0,
                          "alpha": a, "tau": 3.5} for a in (0.6, 0.8)), paper="DirectSpec+(GCN)"),
    Row("DirectSpec+(GCN), published τ constant", "directspec+", ("published-lightgcn",), (),
        paper="DirectSpec+(GCN)"),
    Row("DirectSpec+(GCN), published τ by distance", "directspec+", ("published-graph-lightgcn",),
        (), paper="DirectSpec+(GCN)"),
)  # fmt: skip


def rows_named(text: str) -> tuple[str, ...]:
    """The labels in a text with commas between them; a label may have commas of its own.

    Raises:
        SettingError: a part is no label.

    >>> rows_named("BPR, SGL-ED, as printed, SGL-ED")
    ('BPR', 'SGL-ED, as printed', 'SGL-ED')
    """
    known = {row.label for row in ROWS}
    parts = [each.strip() for each in text.split(",") if each.strip()]
    found = []
    while parts:
        longest = next((n for n in (2, 1) if ", ".join(parts[:n]) in known), 0)
        if not longest:
            raise SettingError("option --only", repr(parts[0]), nearest(parts[0], known))
        found.append(", ".join(parts[:longest]))
        del parts[:longest]
    return tuple(found)
