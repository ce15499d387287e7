"""Initial rows from the embeddings of a model, matched by ids."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from fullrank.data.files import expanded
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.errors import FitError, SettingError
from fullrank.methods.base import Method, TrainedMethod
from fullrank.serving import AllPassScorer, DotScorer
from fullrank.serving.fold_in import fold_in_items, fold_in_users
from fullrank.serving.model_files import read_model
from fullrank.serving.stored_scorers import scorer_of

if TYPE_CHECKING:
    from fullrank.serving.fitted_model import FittedModel

NAMES = ("user_table", "item_table")


@dataclass(frozen=True, eq=False)
class Start:
    """Embeddings of users and items that training begins with.

    Args:
        where: What to call them in an error.
        trained: What they were learned from.
        tables: A row for each user and each item.
    """

    where: str
    trained: Interactions
    tables: tuple[Tensor, Tensor]

    @classmethod
    def of(cls, source: str | Path | FittedModel | None) -> Start | None:
        """The embeddings of a model folder, or of a model: the rows that it ranks with.

        None without a source, so that rows begin as drawn.

        Raises:
            DataError: the folder cannot be read.
            FitError: the model has no embeddings, or is not fitted.
        """
        if source is None:
            return None
        if not isinstance(source, str | Path):
            return cls._from(f"model {source.method}", source.train, source.scorer)
        folder = expanded(source)
        stored = read_model(folder)
        trained = stored.parts["train"]
        return cls._from(str(folder), trained, scorer_of(stored.tables, trained))

    @classmethod
    def _from(cls, where: str, trained: Interactions, scorer: object) -> Start:
        if not isinstance(scorer, DotScorer | AllPassScorer):
            raise FitError(f"start_from, {where}", "no embeddings", "a model that has them")
        return cls(where, trained, (scorer.user_table.cpu(), scorer.item_table.cpu()))

    @property
    def ids(self) -> tuple[Ids, Ids]:
        """Raw ids of users and of items."""
        return self.trained.users, self.trained.items

    @property
    def fingerprint(self) -> str:
        """Of ids and tables: a run that begins with others is another run."""
        digest = hashlib.sha256()
        for ids, table in zip(self.ids, self.tables, strict=True):
            digest.update("\n".join(map(str, ids.values)).encode())
            digest.update(table.contiguous().numpy().tobytes())
        return digest.hexdigest()

    def check(self, method: Method) -> None:
        """Sees that a method can begin with them.

        Raises:
            SettingError: it is trained in no epochs, or is of another width.
        """
        if not isinstance(method, TrainedMethod):
            raise SettingError("start_from", f"method {method.name}", "a method with epochs")
        width = self.tables[0].shape[1]
        if width != method.dim:
            expected = f"setting dim, {method.dim}, or dim = {width}"
            raise SettingError(f"start_from, {self.where}", f"rows of width {width}", expected)

    def put(self, parameters: Mapping[str, Tensor], data: Interactions) -> None:
        """Writes rows into the tables of an encoder: those of known ids, and of new ones a guess.

        A new user's row is folded in from the known items that the user has, a new item's from its
        known users; one without any stays as drawn.

        Raises:
            SettingError: the encoder has other parameters than a table for each side, or no user
                and no item of ``data`` is among the ids.
        """
        if not set(NAMES) <= parameters.keys():
            what = "a method that trains no table of users and of items"
            raise SettingError("start_from", what, "one that does")
        rows = [torch.from_numpy(ids.rows(own.values)) for ids, own in
                zip(self.ids, (data.users, data.items), strict=True)]  # fmt: skip
        if not any(bool((side >= 0).any()) for side in rows):
            where = f"start_from, {self.where}"
            raise SettingError(where, "no user and no item of the data", "a model of the same ids")
        sides = zip(NAMES, rows, self.tables, (self._new_users, self._new_items), strict=True)
        for name, side, table, folded in sides:
            fresh = parameters[name]
            known, at = side >= 0, (side < 0).nonzero().squeeze(1)
            fresh[known.to(fresh.device)] = table[side[known]].to(fresh)
            new, has = folded(data, at) if len(at) else (table[:0], at)
            fresh[has.to(fresh.device)] = new.to(fresh)

    def _new_users(self, data: Interactions, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of new users who have an item that is known, and which users these are."""
        of = data.select(np.isin(data.user_idx, rows.numpy()))
        at = self.trained.items.rows(data.items.values)[of.item_idx]
        pairs = of.user_idx[at >= 0], at[at >= 0]
        known = Interactions.from_rows(data.users, self.trained.items, *pairs)
        has = torch.from_numpy(np.flatnonzero(known.user_degree))
        return fold_in_users(*self.tables, self.trained, known)[has], has

    def _new_items(self, data: Interactions, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Rows of new items that a known user has, and which items these are."""
        of = data.select(np.isin(data.item_idx, rows.numpy()))
        at = self.trained.users.rows(data.users.values)[of.user_idx]
        pairs = at[at >= 0], of.item_idx[at >= 0]
        known = Interactions.from_rows(self.trained.users, data.items, *pairs)
        has = torch.from_numpy(np.flatnonzero(known.item_degree))
        return fold_in_items(*self.tables, self.trained, known)[has], has
