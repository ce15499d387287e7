"""Initial rows from the embeddings of a model, matched by ids."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from fullrank.data.files import expanded
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.errors import FitError, SettingError
from fullrank.methods.base import Method, TrainedMethod
from fullrank.serving import AllPassScorer, DotScorer
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
        ids: Raw ids of users and of items.
        tables: A row for each.
    """

    where: str
    ids: tuple[Ids, Ids]
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
            return cls._from(f"model {source.method}", (source.users, source.items), source.scorer)
        folder = expanded(source)
        stored = read_model(folder)
        scorer = scorer_of(stored.tables, stored.parts["train"], "cpu")
        return cls._from(str(folder), (stored.users, stored.items), scorer)

    @classmethod
    def _from(cls, where: str, ids: tuple[Ids, Ids], scorer: object) -> Start:
        if not isinstance(scorer, DotScorer | AllPassScorer):
            raise FitError(f"start_from, {where}", "no embeddings", "a model that has them")
        return cls(where, ids, (scorer.user_table.cpu(), scorer.item_table.cpu()))

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
        """Writes the rows of known ids into the tables of an encoder; others stay as drawn.

        Raises:
            SettingError: the encoder has other parameters than a table for each side, or no user
                and no item of ``data`` is among the ids.
        """
        if not set(NAMES) <= parameters.keys():
            what = "a method that trains no table of users and of items"
            raise SettingError("start_from", what, "one that does")
        found = 0
        for name, ids, table, own in zip(
            NAMES, self.ids, self.tables, (data.users, data.items), strict=True
        ):
            rows = torch.from_numpy(ids.rows(own.values))
            known = rows >= 0
            found += int(known.sum())
            fresh = parameters[name]
            at = known.nonzero().squeeze(1).to(fresh.device)
            fresh[at] = table[rows[known]].to(fresh)
        if not found:
            where = f"start_from, {self.where}"
            raise SettingError(where, "no user and no item of the data", "a model of the same ids")
