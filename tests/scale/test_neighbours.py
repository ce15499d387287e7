"""Edges in blocks over workers against the whole matrix, written out."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from smoothed import on_graph
from tasks import NAMES

from fullrank.data.graph import BipartiteGraph
from fullrank.scale.group import Group
from fullrank.scale.neighbours import normalised
from fullrank.scale.sources import InMemory


def test_weights_of_edges_are_those_of_the_graph_to_the_bit(small):
    data = small.train
    degree = np.bincount(data.item_idx, minlength=data.n_items)
    found = normalised(InMemory.of({"train": data}).block("train", 50, 130), degree)
    wanted = BipartiteGraph.of(data).user_item[50:130]
    assert found.dtype == wanted.dtype == np.float32
    np.testing.assert_array_equal(found.toarray(), wanted.toarray())


@pytest.mark.parametrize("size", [1, 2])
@pytest.mark.parametrize("part", ["train", "tiny"])
def test_hops_over_workers_are_products_with_the_whole_matrix(small, tiny, part, size, request):
    data = small.train if part == "train" else tiny  # in which many rows have no edge
    rng = np.random.default_rng(4)
    shape = data.n_users, data.n_items
    tables = [torch.from_numpy(rng.standard_normal((n, 3))) for n in shape]
    ids = [rng.integers(0, n, 30) for n in shape]  # some of them twice
    grads = [torch.from_numpy(rng.standard_normal((30, 3))) for _ in shape]
    if size == 1:
        answers = [on_graph(Group(), Group(), data, tables, ids, grads, 3)]
    else:
        workers = request.getfixturevalue(NAMES[size])
        answers = workers.run(on_graph, data, tables, ids, grads, 3)
    matrix = BipartiteGraph.of(data).user_item.toarray().astype(np.float64)
    whole = np.zeros((sum(shape), sum(shape)))
    whole[: shape[0], shape[0] :], whole[shape[0] :, : shape[0]] = matrix, matrix.T
    sparse = np.zeros((sum(shape), 3))
    for side in (0, 1):
        for row, grad in zip(ids[side] + side * shape[0], grads[side].numpy(), strict=True):
            sparse[row] += grad
    table = np.concatenate(tables)
    wanted = whole @ sparse, table + whole @ (table + whole @ (table + whole @ table))
    for at, rows in enumerate(wanted):
        found = np.concatenate([answer[at][side] for side in (0, 1) for answer in answers])
        np.testing.assert_allclose(found, rows, rtol=0, atol=1e-12)
