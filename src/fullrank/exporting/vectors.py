"""Vectors of which the inner products rank as the model does, and what they leave out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.errors import DataError, FitError
from fullrank.exporting.geometry import Metric, extended
from fullrank.serving.allpass_scorer import AllPassScorer
from fullrank.serving.blend_scorer import BlendScorer
from fullrank.serving.fitted_model import FittedModel
from fullrank.serving.scorers import DotScorer, Scorer

Floats = NDArray[np.float32]
Side = Literal["users", "items"]
LISTS = "`fullrank recommend DIR --all -o lists.parquet` for the lists themselves"
"""What to do about a model that has no vectors to export."""


@dataclass(frozen=True, eq=False)
class Vectors:
    """Rows of the users and items that training has seen."""

    method: str
    user_ids: pl.Series
    """(n_users,) raw ids, of the model's type."""
    items: pl.DataFrame
    """``item_id`` and what else is known of each, ``title`` among it."""
    users: Floats
    """(n_users, d)"""
    vectors: Floats
    """(n_items, d) of the items."""
    popularity: Floats
    """(n_items,) of the items, which ranks for a user without vector."""
    fold_in: Floats | None = None
    """(d, d) W of `fullrank.serving.fold_in`, from the mean of a history's unit rows to a user's
    row; None where the model has none."""
    metric: Metric = "ip"
    notes: tuple[str, ...] = ()
    """What is not in the vectors, a line each."""

    @property
    def item_ids(self) -> pl.Series:
        """(n_items,) raw ids, of the model's type."""
        return self.items["item_id"]

    def under(self, metric: Metric) -> Vectors:
        """The same ranking by another metric; see `extended`."""
        users, vectors = extended(self.users, self.vectors, metric)
        return replace(self, users=users, vectors=vectors, metric=metric)


def vectors_of(
    model: FittedModel, *, part: int | None = None, partial: bool = False, fold_in: bool = False
) -> Vectors:
    """The vectors of a model whose score is an inner product, and no others.

    Args:
        model: A fitted model.
        part: Which part of a blend, from 1.
        partial: Whether to export embeddings that are not the whole score, as those beside an
            exact hop.
        fold_in: Whether to take the map of `fold_in` along, which may have to be made.

    Raises:
        FitError: the model does not rank by such a product; the message names what to do instead.
    """
    scorer, name = model.scorer, model.method
    notes: list[str] = []
    if part is not None or isinstance(scorer, BlendScorer):
        scorer, name = _part(scorer, name, part)
        notes.append(f"{name} alone: its lists are not those of the blend")
    if isinstance(scorer, AllPassScorer):
        if scorer.filter.hop and not partial:
            raise FitError(
                name,
                "an exact hop in its scores beside the embeddings",
                f"--partial for the embeddings alone, a fit with --set hop=0, or {LISTS}",
            )
        if scorer.filter.hop:
            notes.append("the embeddings alone, without the exact hop: not the model's own lists")
    elif not isinstance(scorer, DotScorer):
        found = "scores that are no inner product of embeddings"
        raise FitError(name, found, f"a method that learns them, or {LISTS}")
    vectors = _of_tables(model, scorer, name, notes)
    return replace(vectors, fold_in=_fold_in(model, scorer)) if fold_in else vectors


def _part(scorer: Scorer, name: str, part: int | None) -> tuple[Scorer, str]:
    """A part of a blend, and what it is called."""
    if not isinstance(scorer, BlendScorer):
        raise FitError(f"part {part}", f"{name}, which is no blend", "no --part")
    parts = [each.scorer for each in scorer.parts]
    fit = [at for at, each in enumerate(parts, 1) if isinstance(each, DotScorer | AllPassScorer)]
    if part is None or not 1 <= part <= len(parts):
        found = "a blend, whose score is no inner product" if part is None else f"part {part}"
        known = ", ".join(f"--part {at}" for at in fit)
        one = f"a part with embeddings ({known}), or {LISTS}" if fit else LISTS
        raise FitError(name, found, one)
    return parts[part - 1], f"{name}, part {part}"


def _of_tables(
    model: FittedModel, scorer: DotScorer | AllPassScorer, name: str, notes: list[str]
) -> Vectors:
    trained = model._trained
    users, vectors = (
        np.ascontiguousarray(table.detach().cpu().numpy()[rows])
        for table, rows in (
            (scorer.user_table, trained.users),
            (scorer.item_table, trained.items),
        )
    )
    if isinstance(scorer, AllPassScorer):
        users = users * np.float32(scorer.filter.weight)
        if scorer.factors is not None:  # which no embedding holds, and every score does
            vectors = vectors * scorer.factors[trained.items, None]
    for what, rows in (("users", trained.users), ("items", trained.items)):
        if left := int((~rows).sum()):
            notes.append(f"{left:,} {what} without training interactions are left out")
    notes.append("an index knows no histories: what a user has is for the caller to leave out")
    return Vectors(
        name,
        model.users.values.filter(pl.Series(trained.users)).rename("user_id"),
        model.items_table.filter(pl.Series(trained.items)),
        users,
        vectors,
        np.asarray(trained.popularity, dtype=np.float32)[trained.items],
        notes=tuple(notes),
    )


def _fold_in(model: FittedModel, scorer: Scorer) -> Floats | None:
    """The map of the model's own scorer; a part of a blend has one that the folder keeps apart."""
    if not isinstance(scorer, DotScorer) or scorer is not model.scorer:
        return None
    try:
        matrix = model._fold_in.matrix(scorer, model.train)
    except DataError:  # of folded-in users, from before it was kept
        return None
    return np.asarray(matrix.cpu().numpy(), dtype=np.float32)
