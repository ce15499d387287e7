"""What can be asked of a fitted model, whatever method made it: tables, ids, similar items."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Self

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from fullrank.data.attributes import described, described_parts
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.readers import read_items
from fullrank.errors import FitError, NotFittedError
from fullrank.serving import describe, explaining, frames
from fullrank.serving.allpass_scorer import AllPassScorer
from fullrank.serving.cold import Trained
from fullrank.serving.fold_in import FoldIn
from fullrank.serving.model_files import (
    NEVER,
    POPULARITY,
    Stored,
    popularity_of,
    versions,
)
from fullrank.serving.once import Once
from fullrank.serving.record import Record
from fullrank.serving.scorers import DotScorer, HistoryScorer, Scorer
from fullrank.serving.served import Served
from fullrank.serving.similar import ItemSpace
from fullrank.serving.stored_scorers import scorer_of, tensors_of
from fullrank.spectrum import Spectrum


class FittedModel:
    """A scorer with the data that it was made from.

    Args:
        method: Name of the method.
    """

    training = Record()
    """How training went; a copy."""
    metrics = Record()
    """The evaluation that is kept with the model, if one is; a copy."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.training, self.metrics = {}, {}
        self.data_name: str | None = None
        self._how: dict[str, Any] = {}  # the split was made, for the protocol block
        self._scorer: DotScorer | HistoryScorer | None = None
        self._similar: Once[ItemSpace] = Once()
        self._fold_in = FoldIn()
        self._parts: dict[str, Interactions] = {}
        # Of the training of the items, where `_parts` holds folded-in users; see `_trained`.
        self._popularity: NDArray[Any] | None = None
        self._trained_of: tuple[Interactions, Trained] | None = None

    @property
    def scorer(self) -> Scorer:
        """What the method ranks with, for `fullrank.evaluation`.

        Where it has tables (``scorer.user_table``, ``scorer.item_table``) these are the model's own
        and not copies: not to be written to.
        """
        return self._fitted()

    @property
    def user_embeddings(self) -> Tensor:
        """(n_users, d) float32: a copy of the rows that the method ranks with."""
        return self._tables()[0].clone()

    @property
    def item_embeddings(self) -> Tensor:
        """(n_items, d) float32: a copy of the rows that the method ranks with."""
        return self._tables()[1].clone()

    @property
    def train(self) -> Interactions:
        """The interactions that were learned from."""
        self._fitted()
        return self._parts["train"]

    @property
    def validation(self) -> Interactions | None:
        """The interactions that epochs or settings were chosen by, if they are not in train."""
        return self._parts.get("validation")

    @property
    def test(self) -> Interactions | None:
        """The interactions kept aside, if the model was fitted on a split with a test part."""
        return self._parts.get("test")

    @property
    def users(self) -> Ids:
        """Raw ids of the user rows."""
        return self.train.users

    @property
    def items(self) -> Ids:
        """Raw ids of the item rows, with titles and other attributes where there are some."""
        return self.train.items

    @property
    def items_table(self) -> pl.DataFrame:
        """What is known of the items, a row each: ``item_id``, ``title`` and further columns."""
        ids = self.items.values.rename("item_id").to_frame()
        known = self.items.attributes
        return ids if known is None else ids.with_columns(known)

    def with_items(self, table: Any) -> Self:
        """Takes what is known of the items from now on: a frame, or a file that `read_items` reads.

        It stays with the model, with every model folded from it and, once saved, in its folder.
        Columns of the same names are replaced, for all items. Ids match as everywhere; rows of
        other items are passed over (`fullrank.data.attributes.described` counts them).

        Returns:
            The model itself.

        Raises:
            DataError: the table cannot be read, or a column is of no kind that attributes have.
        """
        self._parts = described_parts(self._parts, described(self.items, read_items(table)).ids)
        return self

    def spectrum(self) -> Spectrum:
        """The diagnosis of the embeddings, users and items stacked, of those with interactions.

        Raises:
            FitError: the method has none, of one column, or more columns than rows.
        """
        try:
            return Spectrum.of(*self._tables(), where=self._trained.rows)
        except ValueError as error:
            found, _, expected = str(error).partition("found ")[2].partition("; expected ")
            raise FitError(f"embeddings of {self.method}", found, expected) from None

    def similar_items(self, items: Iterable[Any], k: int = 10) -> pl.DataFrame:
        """The k nearest items of each item, itself left out.

        Nearest by the cosine of their embeddings, or by the method's own weights where it has those
        in the place of embeddings. The first call makes what all calls use, and keeps it: of
        embeddings, twice the memory of the item table (see `ItemSpace`). Items without training
        interactions have no neighbours and are none.

        Returns:
            A frame ``item_id, similar_item_id[, title], score, rank``.

        Raises:
            DataError: an item is not known.
            SettingError: k is below 1.
        """
        frames.check_k(k)
        rows = frames.rows_of(self.items, items, "item", "an item of the training data")
        return self._space().nearest(rows, k)

    def explain(self, user: Any, items: Iterable[Any], *, most: int | None = None) -> pl.DataFrame:
        """What carried the scores of some items for a user: items of the history, and how much.

        The contributions to an item add up to its score. They are exact for methods whose scores
        are linear in the history. Embeddings were trained and are no function of it: what the map
        of `fold_in` makes of the history is told apart, and what the user's row has beyond that is
        of the kind ``own row``. Of a user who was folded in there is no such rest. The popular list
        is the same for all, and has the one kind ``popular``. A rule that changes scores is not
        part of them.

        Args:
            user: A raw id.
            items: Raw ids, as those of a list of the user; or one.
            most: Items of the history to name for each; what the others add is one row, of the kind
                ``others``. All if absent.

        Returns:
            A frame ``item_id[, title], score, part, kind, because_item_id[, because_title],
            contribution, share``, the largest first. The share is of the sum of the sizes of all
            contributions to the item. Of a blend each part has contributions.

        Raises:
            DataError: the user or an item is not known.
            FitError: a score is not a number.
            SettingError: ``most`` is below 1.
        """
        if most is not None:
            frames.check_k(most)
        hint = "a user of the training data (fold_in embeds new users from their items)"
        row = int(frames.rows_of(self.users, [user], "user", hint)[0])
        rows = frames.rows_of(self.items, items, "item", "an item of the training data")
        scorer, trained = self._fitted(), self._trained
        if not trained.users[row] or self.method == "popularity":
            scores = np.asarray(trained.popularity, dtype=np.float32)[rows]
            nothing, none = np.empty(0, np.int64), np.empty((0, len(rows)))
            parts = [explaining.Explained(self.method, nothing, none, scores.astype(np.float64))]
            return explaining.as_frame(self.items, rows, scores, parts, explaining.POPULAR, most)
        # Items that were folded in later are in the history, and not in the row of their users.
        how = self.training
        folded = "folded_in" in how and "items_folded_in" not in how
        given = self.method, scorer, self._fold_in, self.train, row, rows
        parts = explaining.explained(*given, folded=folded)
        scores = explaining.scores_of(scorer, row, rows)
        return explaining.as_frame(self.items, rows, scores, parts, explaining.OWN, most)

    def __repr__(self) -> str:
        return describe.as_line(self._summary())

    def _repr_html_(self) -> str:
        return describe.as_html(self._summary())

    def _summary(self) -> dict[str, str]:
        train = self._parts.get("train")
        sizes = None if train is None else (train.n_users, train.n_items)
        return describe.summary_of(self.method, self.data_name, sizes, self.training, self.metrics)

    def _use(
        self,
        scorer: DotScorer | HistoryScorer,
        parts: Mapping[str, Interactions],
        fold_in: FoldIn,
        popularity: NDArray[Any] | None = None,
    ) -> None:
        """Takes what was fitted, loaded or folded in; what was made of another scorer is gone."""
        self._scorer, self._parts = scorer, dict(parts)
        self._similar, self._fold_in, self._popularity = Once(), fold_in, popularity

    def _fitted(self) -> DotScorer | HistoryScorer:
        if self._scorer is None:
            raise NotFittedError
        return self._scorer

    def _space(self) -> ItemSpace:
        return self._similar.get(
            lambda: ItemSpace.of(self._fitted(), self.items, self._trained.candidates())
        )

    def _served(self) -> Served:
        return Served(self._fitted(), self._trained, self.train, self._space)

    def _tables(self) -> tuple[Tensor, Tensor]:
        scorer = self._fitted()
        if not isinstance(scorer, DotScorer | AllPassScorer):
            found = "no embeddings"
            raise FitError(f"method {self.method}", found, "a method that learns embeddings")
        return scorer.user_table, scorer.item_table

    @property
    def _trained(self) -> Trained:
        """Which users and items training has seen."""
        if self._trained_of is None or self._trained_of[0] is not self.train:
            self._trained_of = self.train, Trained.of(self.train, self._popularity)
        return self._trained_of[1]

    def _stored(self, settings: Mapping[str, Any]) -> Stored:
        """What a folder keeps of the model, the settings of its method among it."""
        scorer, parts = self._fitted(), dict(self._parts)
        if self.train.never is not None:
            parts[NEVER] = self.train.never
        manifest = {
            "method": self.method,
            "settings": settings,
            "data": {
                "name": self.data_name,
                "split": self._how,
                "users": len(self.users),
                "items": len(self.items),
                "interactions": {name: len(part) for name, part in parts.items()},
                "fingerprints": {name: part.fingerprint for name, part in parts.items()},
            },
            "training": self.training,
            "metrics": self.metrics,
            "versions": versions(),
        }
        tables = tensors_of(scorer) | self._fold_in.tensors(scorer, self.train)
        if self._popularity is not None:
            tables[POPULARITY] = torch.from_numpy(np.array(self._popularity, dtype=np.float64))
        return Stored(tables, self.users, self.items, parts, manifest)

    def _restore(self, stored: Stored) -> None:
        """Takes what a folder kept.

        Raises:
            DataError: its parts do not fit together.
        """
        manifest = stored.manifest
        parts = dict(stored.parts)
        parts["train"].never = parts.pop(NEVER, None)
        scorer = scorer_of(stored.tables, parts["train"])
        trained = "folded_in" not in manifest["training"]
        fold_in = FoldIn.from_tensors(stored.tables, scorer, trained=trained)
        self._use(scorer, parts, fold_in, popularity_of(stored, trained=trained))
        self.data_name = manifest["data"].get("name")
        self._how = manifest["data"].get("split") or {}
        self.training, self.metrics = manifest["training"], manifest["metrics"]
