"""Seconds that irspack's iALS takes to rank well: ``peers_irspack.py FOLDER THREADS SOLVER``."""

import json
import sys

from irspack import IALSRecommender
from reaching import CONFIDENCE, DIMS, PENALTY, seconds_to_reach

folder, threads, solver = sys.argv[1], int(sys.argv[2]), sys.argv[3]


def begin(dim, matrix):
    """Its loss is ours divided by α: unobserved pairs have the weight 1 / α."""
    model = IALSRecommender(
        matrix.astype(float),
        n_components=dim,
        alpha0=1 / CONFIDENCE,
        reg=PENALTY / CONFIDENCE,
        nu=0.0,
        loss_type="ORIGINAL",
        solver_type=solver,
        n_threads=threads,
    )
    model.start_learning()
    return model


figures = {}
for dim in DIMS:
    figures[f"irspack iALS {solver} dim={dim} to .99"] = seconds_to_reach(
        folder,
        lambda matrix, dim=dim: begin(dim, matrix),
        lambda model: model.run_epoch(),
        lambda model: (model.get_user_embedding(), model.get_item_embedding()),
    )
print("figures " + json.dumps(figures))
