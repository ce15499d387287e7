"""Seconds of an epoch and of ranking of implicit, and of iALS to rank well.

``peers_implicit.py FOLDER THREADS``, or with ``ials`` after them for the last alone.
"""

import json
import statistics
import sys
import time

import numpy as np
import scipy.sparse as sp
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from reaching import CONFIDENCE, DIMS, PENALTY, seconds_to_reach
from threadpoolctl import threadpool_limits

folder, threads = sys.argv[1], int(sys.argv[2])
figures = {}


def epoch(kind, **options):
    """Slope of time over iterations, so that what a fit does once is left out."""
    took = []
    for iterations in (2, 12):
        model = kind(iterations=iterations, num_threads=threads, random_state=0, **options)
        began = time.perf_counter()
        model.fit(matrix, show_progress=False)
        took.append(time.perf_counter() - began)
    return model, (took[1] - took[0]) / 10


def ranking(model, matrix):
    users, seconds = np.arange(matrix.shape[0]), []
    for _ in range(5):
        began = time.perf_counter()
        model.recommend(users, matrix, N=20, filter_already_liked_items=True)
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def reach(dim):
    """Its ``alpha`` is the whole confidence of an observed pair."""

    def begin(matrix):
        return AlternatingLeastSquares(
            factors=dim,
            regularization=PENALTY,
            alpha=1 + CONFIDENCE,
            iterations=1,
            num_threads=threads,
            random_state=0,
        ), matrix

    def step(made):
        made[0].fit(made[1], show_progress=False)  # goes on from where it is

    def tables(made):
        return made[0].user_factors, made[0].item_factors

    with threadpool_limits(1, "blas"):  # as it advises: its threads and those of BLAS collide
        return seconds_to_reach(folder, begin, step, tables)


for dim in DIMS:
    figures[f"implicit ALS dim={dim} to .99"] = reach(dim)
if sys.argv[3:] != ["ials"]:
    matrix = sp.load_npz(f"{folder}/train.npz").tocsr()
    model, figures["implicit BPR (hogwild C++)"] = epoch(BayesianPersonalizedRanking, factors=63)
    model, figures["implicit ALS"] = epoch(AlternatingLeastSquares, factors=64)
    figures["implicit recommend top-20"] = ranking(model, matrix)
    matrix = sp.load_npz(f"{folder}/gowalla.npz").tocsr()
    model = AlternatingLeastSquares(factors=64, iterations=1, num_threads=threads, random_state=0)
    model.fit(matrix, show_progress=False)
    figures["implicit recommend top-20, gowalla"] = ranking(model, matrix)
print("figures " + json.dumps(figures))
