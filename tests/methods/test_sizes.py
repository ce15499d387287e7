"""Sizes beyond a table or the memory: reduced and said, or refused with both figures."""

from __future__ import annotations

import re

import numpy as np
import pytest

from fullrank import FullrankError, Recommender, SettingError
from fullrank.data import generate, memory, random_split
from fullrank.methods import METHODS, build_method, sizes
from fullrank.studies.tune import tune

FACTORED = {"encoder": "lightgcn", "propagation": "factored"}
QUICK = {"dim": 4, "epochs": 1, "batch_size": 16}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "values", "reduced"),
    [
        ("spectral", {}, {"rank": [512, 119]}),
        ("spectral", {"rank": 120}, {"rank": [120, 119]}),
        ("allpass", {"rank": 121}, {"rank": [121, 120]}),
        ("gde", QUICK, {"low": [512, 120]}),
        ("gde", QUICK | {"low": 100, "high": 21}, {"high": [21, 20]}),
        ("itemknn", {"neighbours": 120}, {"neighbours": [120, 119]}),
        ("directspec+", QUICK | FACTORED, {"rank": [256, 120]}),
        ("lightgcl", QUICK | {"view_rank": 121}, {"view_rank": [121, 120]}),
    ],
)
def test_sizes_beyond_the_table_are_reduced(small, tmp_path, method, values, reduced):
    """To the same model as with the size that there is; said in a warning and in the metadata."""
    said = ", ".join(f"{name} {new} in place of {old}" for name, (old, new) in reduced.items())
    with pytest.warns(UserWarning, match=re.escape(f"{method} on a small table: {said}")):
        model = Recommender(method, device="cpu", **values).fit(small.train)
    assert model.training["reduced"] == reduced
    assert getattr(model.settings, next(iter(reduced))) == next(iter(reduced.values()))[0]
    smaller = values | {name: new for name, (_, new) in reduced.items()}
    exact = Recommender(method, device="cpu", **smaller).fit(small.train)
    assert "reduced" not in exact.training
    assert exact.recommend(k=5).equals(model.recommend(k=5))
    model.save(tmp_path / "m")
    assert Recommender.load(tmp_path / "m").training["reduced"] == reduced


@pytest.mark.filterwarnings("ignore:.* on a small table")
@pytest.mark.parametrize("method", ["spectral", "allpass", "gde", "itemknn"])
def test_tuning_on_a_small_table(method):
    split = random_split(generate(40, 30, 400, seed=2), test=0, validation=0.2)
    fixed = QUICK if method == "gde" else {}
    assert 0 < tune(split, method, 3, fixed=fixed).value <= 1


@pytest.mark.parametrize(
    ("method", "values", "words"),
    [
        (
            "bpr",
            {"dim": 2**31 - 1},
            "setting dim: found 320 × 2,147,483,647 embeddings",
        ),
        ("bpr", {"negatives": 2**31 - 1}, "setting negatives: found batches with"),
        ("bpr", {"batch_size": 2**31 - 1}, "setting batch_size: found batches of 2,147,483,647"),
        ("directspec", {"batch_size": 10**6}, "setting batch_size: found matrices of 1,000,000 ×"),
        ("directspec+", {"batch_size": 10**6}, "setting batch_size: found matrices"),
        ("directau", {"batch_size": 60_000}, "setting batch_size: found distances of 60,000 ×"),
        ("ials", {"dim": 10**8}, "setting dim: found"),
    ],
)
def test_sizes_beyond_the_memory_are_refused(small, monkeypatch, method, values, words):
    monkeypatch.setattr(memory, "available_memory", lambda: 2**32)
    with pytest.raises(SettingError, match=words) as caught:
        Recommender(method, **values).fit(small.train)
    assert "fits into the 4.0 GiB of free memory" in str(caught.value)


@pytest.mark.parametrize("method", ["bpr", "cl-rec", "directspec+", "ccl"])
def test_a_batch_that_repeats_every_interaction_is_refused(small, monkeypatch, method):
    monkeypatch.setattr(memory, "available_memory", lambda: None)
    found = (
        f"batches of 100,000 pairs, of {len(small.train):,} interactions; expected at most 65,536"
    )
    with pytest.raises(SettingError, match=f"setting batch_size: found {found}"):
        Recommender(method, batch_size=100_000).fit(small.train)
    monkeypatch.setattr(sizes, "LARGEST_BATCH", len(small.train) - 1)
    whole = {"batch_size": len(small.train), "dim": 4, "epochs": 1}
    Recommender(method, **whole).fit(small.train)  # all of them at once


@pytest.mark.parametrize("method", METHODS)
def test_sizes_have_a_bound(method):
    """No whole number of a method is so large that a library below overflows in its own words."""
    for name, field in METHODS[method].model_fields.items():
        if "int" in str(field.annotation) and name != "seed":
            with pytest.raises(SettingError):
                build_method(method, {name: 10**400})


def test_free_memory(monkeypatch):
    assert memory.available_memory() > 2**20
    for name, value in (("_machine", 5), ("_container", 3), ("_limit", None)):
        monkeypatch.setattr(memory, name, lambda value=value: value)
    assert memory.available_memory() == 3
    memory.check_memory("x", memory.SMALL, "nothing to ask for")
    with pytest.raises(SettingError, match=r"x: found things, which need 65\.0 MiB; expected what"):
        memory.check_memory("x", 65 * 2**20, "things")
    monkeypatch.setattr(memory, "_container", lambda: None)
    monkeypatch.setattr(memory, "_machine", lambda: None)
    memory.check_memory("x", 2**60, "where nobody knows")


def test_lists_beyond_the_memory(small, monkeypatch):
    from fullrank.serving import top_k

    scorer = Recommender("popularity").fit(small.train).scorer
    monkeypatch.setattr(memory, "available_memory", lambda: 2**30)
    with pytest.raises(SettingError, match=r"setting k: found lists of 1,000,000,000 items"):
        top_k(scorer, np.arange(200), 10**9)


@pytest.mark.parametrize(
    ("method", "values", "words"),
    [
        ("euclidean", {"weight_decay": 1e308}, "weight_decay of at most 3.4e"),
        ("enmf", {"lr": 1e20}, "lower lr|lr below"),
        ("logdet", {"optimizer": "adagrad", "lr": 1e38}, "lr below|lower lr"),
        ("ials", {"regularization": 1e30}, "embeddings of zero; expected a smaller regularization"),
        (
            "ials",
            {"regularization": 3e38},
            "embeddings of zero; expected a smaller regularization",
        ),
    ],
)
def test_absurd_numbers_end_in_one_line(small, method, values, words):
    quick = {} if method == "ials" else {"epochs": 2, "dim": 8, "batch_size": 64}
    with pytest.raises(FullrankError, match=words):
        Recommender(method, **quick, **values).fit(small)
