"""Tensors of a stranger's model folder, with right checksums: refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch


@pytest.mark.parametrize(
    ("method", "name"),
    [
        ("directspec+", "users"),
        ("directspec+", "items"),
        ("ease", "weights"),
        ("spectral", "vectors"),
        ("spectral", "scale"),
        ("spectral", "matrix.data"),
        ("allpass", "factors"),
        ("allpass", "singular_values"),
        ("allpass", "scale"),
        ("allpass", "filter"),
        ("allpass", "matrix.data"),
        ("itemknn", "weights.indices"),
        ("itemknn", "weights.indptr"),
    ],
)
@pytest.mark.parametrize("how", ["short", "flat", "double", "gone"])
def test_tables_of_another_shape_or_dtype(copied, method, name, how):
    def change(tensors):
        table = tensors.pop(name)
        if how != "gone":
            made = {"short": table[:-1], "flat": table[None], "double": table.to(torch.int16)}[how]
            tensors[name] = made.contiguous()

    folder = copied(method)
    folder.tensors(change)
    folder.refused("tables of the model")


def test_weights_that_are_not_square(copied):
    folder = copied("ease")
    folder.tensors(lambda tensors: tensors.update(weights=tensors["weights"][:, :-1].contiguous()))
    folder.refused(r"tensor weights: found float32 of shape \(120, 119\)")


def test_tables_without_a_column(copied):
    folder = copied("directspec+")
    folder.tensors(
        lambda tensors: tensors.update(
            {name: tensors[name][:, :0].contiguous() for name in ("users", "items")}
        )
    )
    folder.refused(r"tables of the model, tensor users: found float32 of shape \(200, 0\)")


@pytest.mark.parametrize(
    ("method", "part", "value"),
    [
        ("itemknn", "weights.indices", 120),
        ("itemknn", "weights.indices", -1),
        ("itemknn", "weights.indptr", 2**40),
        ("itemknn", "weights.indptr", -1),
        ("spectral", "matrix.indices", 10**6),
        ("spectral", "matrix.indptr", 10**6),
        ("allpass", "matrix.indices", 10**6),
    ],
)
def test_sparse_parts_out_of_range(copied, method, part, value):
    folder = copied(method)
    folder.tensors(lambda tensors: tensors[part].__setitem__(5, value))
    folder.refused("tables of the model")


@pytest.mark.parametrize(("method", "part"), [("itemknn", "weights"), ("spectral", "matrix")])
def test_row_pointers_that_rise_and_end_at_zero(copied, method, part):
    def change(tensors):
        tensors[f"{part}.indptr"][1:-1] = 10**6
        tensors[f"{part}.indptr"][-1] = 0  # for SciPy there is nothing to check in such a matrix

    folder = copied(method)
    folder.tensors(change)
    folder.refused(f"tables of the model, {part}.indptr")


def test_weights_of_fewer_items(copied):
    """Each part fits the others, and not the items."""

    def change(tensors):
        nnz = int(tensors["weights.indptr"][-2])
        tensors["weights.indptr"] = tensors["weights.indptr"][:-1].clone()
        for part in ("indices", "data"):
            tensors[f"weights.{part}"] = tensors[f"weights.{part}"][:nnz].clone()

    folder = copied("itemknn")
    folder.tensors(change)
    folder.refused(r"tensor weights\.indptr: found int64 of shape \(120,\)")


@pytest.mark.parametrize("name", ["weights.indptr", "weights.indices", "weights.data"])
def test_sparse_parts_that_are_a_number(copied, name):
    folder = copied("itemknn")
    folder.tensors(lambda tensors: tensors.update({name: tensors[name].sum()}))
    folder.refused(f"tensor {name}")


@pytest.mark.parametrize("numbers", [[-1, 1], [0.5, -1], [np.nan, 1], [0.5, np.inf]])
def test_spectral_settings_out_of_bounds(copied, numbers):
    folder = copied("spectral")
    wrong = {"beta_smoothing": torch.tensor(numbers, dtype=torch.float64)}
    folder.tensors(lambda tensors: tensors.update(wrong))
    folder.refused("found beta")


@pytest.mark.parametrize(
    "numbers",
    [[-1, 1, 1, 1], [2, 1, 1, 1], [0.5, np.nan, 1, 1], [0.5, 1, np.inf, 1], [0, 1, 1, -1]],
)
def test_allpass_filters_out_of_bounds(copied, numbers):
    folder = copied("allpass")
    wrong = {"filter": torch.tensor(numbers, dtype=torch.float64)}
    folder.tensors(lambda tensors: tensors.update(wrong))
    folder.refused("found exponent")


@pytest.mark.parametrize("value", [-1, np.nan, np.inf])
def test_singular_values_are_lengths(copied, value):
    folder = copied("allpass")
    folder.tensors(lambda tensors: tensors["singular_values"].__setitem__(2, value))
    folder.refused("singular_values: found")
