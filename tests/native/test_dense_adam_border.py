"""What the kernels refuse of the state of dense Adam."""

from __future__ import annotations

import numpy as np
import pytest

from fullrank import DataError, native
from fullrank.native import OptimizerStep, PairSteps, ParameterTable

pytestmark = pytest.mark.skipif(not native.available(), reason=native.state())

USERS, ITEMS, DIM, BATCH = 7, 5, 6, 4


def table(n):
    return np.linspace(-1, 1, n * DIM, dtype=np.float32).reshape(n, DIM)


def pair_run(step, tables):
    steps = PairSteps((USERS, ITEMS, DIM), BATCH, 2, objective="log-positive")
    drawn = np.arange(3 * BATCH).reshape(3, BATCH)
    return steps.run(tables, step, drawn % USERS, drawn % ITEMS)


def dense_adam(last=0):
    """Tables in step 5, all rows up to step 0 but the last item; a batch has it in step 6."""
    made = []
    for n in (USERS, ITEMS):
        state = {"square": table(n) ** 2, "mean": table(n)}
        state["last"] = np.zeros((n, 1), dtype=np.int64)
        state["clock"] = np.full((1, 1), 5, dtype=np.int64)
        made.append(ParameterTable(table(n), state))
    made[1].state["last"][-1] = last
    return tuple(made)


STEP_OF_DENSE_ADAM = OptimizerStep("dense-adam", 0.1, eps=1e-8, beta1=0.9, beta2=0.999)


@pytest.mark.parametrize("last", [-1, 9, 2**40])
def test_a_row_that_is_up_to_no_step_is_named(last):
    with pytest.raises(DataError, match=rf"last\[4\]: found {last}; expected 0 to 6"):
        pair_run(STEP_OF_DENSE_ADAM, dense_adam(last))
    tables = dense_adam(5)
    assert np.isfinite(pair_run(STEP_OF_DENSE_ADAM, tables)).all()
    assert tables[0].state["clock"].item() == 8
    assert tables[1].state["last"].max() == 8


def test_dense_adam_has_its_arrays_and_its_betas():
    tables = dense_adam()
    tables[0].state["clock"] = np.zeros((2, 1), np.int64)
    with pytest.raises(ValueError, match=r"clock of the user table: found shape \(2, 1\)"):
        pair_run(STEP_OF_DENSE_ADAM, tables)
    tables[0].state["clock"] = np.zeros((1, 1), np.float32)
    with pytest.raises(TypeError, match="clock of the user table: found float32"):
        pair_run(STEP_OF_DENSE_ADAM, tables)
    wide = OptimizerStep("dense-adam", 0.1, eps=1e-8, beta1=0.9, beta2=0.9)
    with pytest.raises(RuntimeError, match=r"betas that are not 0 < beta1 < beta2\^2 < 1"):
        pair_run(wide, dense_adam())
