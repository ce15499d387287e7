"""Figure 1: the largest 500 singular values of the interaction matrix, and of embeddings.

Costs a truncated SVD (half a minute on Gowalla) and the runs of DirectSpec+ and BPR of figure 8.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse.linalg as sparse

from fullrank.lab.common import balanced, pairwise
from fullrank.lab.groups import Groups
from fullrank.lab.scope import Scope
from fullrank.lab.spec import Experiment, Finding, Grid, Table
from fullrank.pictures import Line, Panel
from fullrank.pictures.panels import Role
from fullrank.spectrum.report import random_singular_values

TOP = 500


def grid(scope: Scope) -> Grid:
    """The runs that figure 8 shows too."""
    return {"BPR": pairwise(scope, "bpr"), "DirectSpec+": balanced(scope, "directspec+")}


def compute(scope: Scope, groups: Groups) -> Finding:
    """Singular values over the largest, in the original space and in the embedding space."""
    train = scope.split().train
    matrix = train.csr().astype(np.float64)
    count = min(TOP, min(matrix.shape) - 1)
    start = np.random.default_rng(0).standard_normal(min(matrix.shape))
    values = np.sort(sparse.svds(matrix, k=count, return_singular_vectors=False, v0=start))[::-1]
    original = values / values[0]
    tenth = int(np.count_nonzero(original >= 0.1))
    shown, shares = [], {}
    for label, group in groups.items():
        each = [np.array(row) for row in group.record_at_best("singular_values")]
        curve = np.mean([row / row[0] for row in each], axis=0)
        shares[label] = float(np.mean(curve >= 0.5))
        role: Role = "subject" if label == "DirectSpec+" else "rival"
        shown.append(Line(label, list(range(1, len(curve) + 1)), curve.tolist(), role=role))
    width = len(curve)
    even = random_singular_values(train.n_users + train.n_items, width)
    shown.append(Line("random", list(range(1, width + 1)), (even / even[0]).tolist(),
                      role="reference"))  # fmt: skip
    headline = (
        f"Of the interaction matrix {tenth} of the {count} largest singular values reach a tenth "
        f"of the first; of DirectSpec+'s embeddings {shares['DirectSpec+']:.0%} reach half of it, "
        f"of BPR's {shares['BPR']:.0%}"
    )
    ranks = [at for at in (1, 2, 10, 50, 100, 200, 500) if at <= count]
    return Finding(
        headline,
        [Table(("singular value", *map(str, ranks)),
               [["over the first", *(float(original[at - 1]) for at in ranks)]],
               form="{:.3f}")],
        [
            Panel("interactions (original space)", "singular value, by size", "over the largest",
                  [Line("interactions", list(range(1, count + 1)), original.tolist(),
                        role="subject")], y_limits=(0, 1.02)),
            Panel("embeddings, at their best epoch", "singular value, by size",
                  "over the largest", shown, y_limits=(0, 1.02)),
        ],
        {"reach_a_tenth": tenth, "count": count, "reach_half": shares,
         "median": float(np.median(original))},
        remarks=("The paper's left half is of CiteULike; it prints no number.",
                 "Train part without the validation part, entries of one."),
    )  # fmt: skip


EXPERIMENT = Experiment(
    id="figure-1",
    title="the spectrum of the original space and of the embedding space",
    claim="most of 500 dimensions of the original space have singular values close to 0; an "
    "embedding space should use each dimension equally",
    source="Figure 1, section I",
    cost="minutes on citeulike, with the runs of figure-8",
    compute=compute,
    grid=grid,
)
