"""The face of the library: fit, recommend, similar_items, fold_in, evaluate, save, load."""

# Above 300 lines: the public face stands in one place, and half of it is docstrings.

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import polars as pl
import torch
from torch import Tensor

from fullrank.auditing import draw_of
from fullrank.data.columns import Columns
from fullrank.data.files import expanded
from fullrank.data.ids import Ids
from fullrank.data.interactions import Interactions
from fullrank.data.splits import Split
from fullrank.engine.devices import device_named, torch_threads
from fullrank.errors import DataError, FitError, NotFittedError, SettingError
from fullrank.evaluation import Evaluation, evaluate
from fullrank.methods import Method, build_method, stored_method
from fullrank.methods.fitting import fit as fit_method
from fullrank.presets import preset_named
from fullrank.serving import DotScorer, describe, frames
from fullrank.serving.cold import Trained
from fullrank.serving.fold_in import FoldIn
from fullrank.serving.model_files import (
    MANIFEST,
    PARTS,
    POPULARITY,
    Stored,
    popularity_of,
    read_model,
    scorer_of,
    tensors_of,
    versions,
    write_model,
)
from fullrank.serving.once import Once
from fullrank.serving.record import Record
from fullrank.serving.scorers import HistoryScorer, Scorer
from fullrank.serving.similar import ItemSpace
from fullrank.settings import nearest
from fullrank.spectrum import Spectrum
from fullrank.training import CheckpointFile, Reporter

KNOWN = ("train", "validation")
"""Parts that a model was learned from and chosen by."""

_NOT_IDENTITY = {"epochs", "patience", "checkpoint_every"}
"""Settings that may change between a run and its continuation."""


class Recommender:
    """A method with its settings and, after `fit`, its embeddings.

    Args:
        method: A name of the method table (``fullrank methods`` lists them), or a method with its
            settings, as ``fullrank.methods.BPR(lr=0.1)``.
        preset: Settings to start from, as ``"published:citeulike"``: a preset's name and the data
            set it is for; with a method's name alone.
        device: Where training and ranking run; ``auto`` takes a GPU if there is one.
        threads: Threads of torch while fitting; those it has if absent.
        settings: Values of the method's settings; they win over the preset's.

    Raises:
        SettingError: a name is unknown, a value is out of bounds or two contradict each other.
    """

    training = Record()
    """How training went; a copy."""
    metrics = Record()
    """The evaluation that is kept with the model, if one is; a copy."""

    def __init__(
        self,
        method: str | Method = "directspec+",
        *,
        preset: str | None = None,
        device: str = "auto",
        threads: int | None = None,
        **settings: Any,
    ) -> None:
        self.settings = _with_settings(method, preset, settings)
        self.method = self.settings.name
        self.device = device_named(device)
        if threads is not None and threads < 1:
            raise SettingError("setting threads", str(threads), "1 or more")
        self.threads = threads
        self.training, self.metrics = {}, {}
        self.data_name: str | None = None
        self._how: dict[str, Any] = {}  # the split was made, for the protocol block
        self._scorer: DotScorer | HistoryScorer | None = None
        self._similar: Once[ItemSpace] = Once()
        self._fold_in = FoldIn()
        self._parts: dict[str, Interactions] = {}
        # Of the training of the items, where `_parts` holds folded-in users; see `_trained`.
        self._popularity: np.ndarray[Any, Any] | None = None
        self._trained_of: tuple[Interactions, Trained] | None = None

    def fit(
        self,
        train: Interactions | Split | Any,
        validation: Interactions | None = None,
        *,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        reporter: Reporter | None = None,
        columns: Columns | None = None,
    ) -> Self:
        """Learns embeddings.

        Args:
            train: Interactions, a data frame of them, or a `Split`, whose test part is kept aside
                for `evaluate` and not looked at.
            validation: Part to choose the best epoch by, with the same users and items as train.
            checkpoint: File to keep the state of the run in, for ``resume``.
            resume: Go on from the checkpoint; the result has the bits of an uninterrupted run.
            reporter: Receives the log of training.
            columns: Names of the columns of a frame, where they are not the usual ones.

        Raises:
            FitError: the data cannot be trained on, the loss diverges, the checkpoint is of
                another run, or one would be lost without ``resume``.
            SettingError: ``resume`` without a checkpoint to go on from.
        """
        if resume and checkpoint is None:
            raise SettingError("resume", "no checkpoint", "checkpoint = the file to go on from")
        split = train if isinstance(train, Split) else None
        if split is not None:
            train, validation = split.train, split.validation if validation is None else validation
        if not isinstance(train, Interactions):
            train = Interactions.from_frame(train, columns=columns)
        elif columns is not None:
            raise SettingError("columns", f"a {type(train).__name__}", "a data frame to name them")
        if validation is not None and (
            validation.users != train.users or validation.items != train.items
        ):
            raise FitError("validation", "other users or items than in train", "parts of one split")
        file = self._checkpoint_file(checkpoint, train, validation)
        if file is not None and file.exists() and not resume:
            expected = "resume=True to go on from it, or a path that is free to begin anew"
            raise FitError(str(file.path), "the checkpoint of another run", expected)
        if train.weight is not None and not self.settings.uses_weights:
            warnings.warn(f"weights: {self.settings.without_weights}", stacklevel=2)
        with torch_threads(self.threads):
            self._scorer, self.training = fit_method(
                self.settings,
                train,
                validation,
                self.device,
                checkpoint=file,
                resume=resume,
                reporter=reporter,
            )
        self._similar, self._fold_in, self._popularity = Once(), FoldIn(), None
        parts = {"train": train, "validation": validation, "test": split.test if split else None}
        self._parts = {name: part for name, part in parts.items() if part is not None}
        self.data_name = split.name if split else None
        self._how = split.how if split else {}
        return self

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
    def test(self) -> Interactions | None:
        """The interactions kept aside, if the model was fitted on a split with a test part."""
        return self._parts.get("test")

    @property
    def users(self) -> Ids:
        """Raw ids of the user rows."""
        return self.train.users

    @property
    def items(self) -> Ids:
        """Raw ids of the item rows, with titles where the data have them."""
        return self.train.items

    def spectrum(self) -> Spectrum:
        """The diagnosis of the embeddings, users and items stacked.

        Raises:
            FitError: the method has none, of one column, or more columns than rows.
        """
        try:
            return Spectrum.of(*self._tables())
        except ValueError as error:
            found, _, expected = str(error).partition("found ")[2].partition("; expected ")
            raise FitError(f"embeddings of {self.method}", found, expected) from None

    def recommend(
        self,
        users: Iterable[Any] | None = None,
        k: int = 10,
        *,
        exclude_seen: bool = True,
        exclude: Iterable[str] = KNOWN,
        allow: Iterable[Any] | None = None,
        deny: Iterable[Any] | None = None,
        strict: bool = True,
        include_untrained: bool = False,
        source: bool | None = None,
    ) -> pl.DataFrame:
        """The k best items of each user.

        Left out is what a user has in the parts that ``exclude`` names: by default in train and
        validation, as in `evaluate`, so that hits counted in these lists are those of its figures
        (but for ties, which `evaluate` breaks at random). Name ``test`` too to serve a model that
        was fitted on a split; ``fullrank recommend`` does.

        A user without training interactions gets the popular list, and so does an unknown one if
        not ``strict``.

        Args:
            users: Raw user ids; all users if absent.
            k: Length of the lists; a list is shorter where fewer items are left.
            exclude_seen: False to leave nothing out, whatever ``exclude`` says.
            exclude: Names of parts; those that the model does not have are passed over.
            allow: Raw ids of the only items to recommend.
            deny: Raw ids of items not to recommend.
            strict: Refuse unknown ids of users and items, rather than pass over them.
            include_untrained: Recommend items without training interactions too, by the random
                numbers that they start with.
            source: Whether to add the column ``source``; by default, where there is a popular list.

        Returns:
            A frame ``user_id, item_id[, title], score, rank[, source]``, in the order of ``users``.
            The source of a list is ``model`` or ``popular``, whose scores are the numbers of
            training interactions (or the sums of their weights).

        Raises:
            DataError: a user or item is not known.
            SettingError: k is below 1, or a name in ``exclude`` is of no part.
        """
        frames.check_k(k)
        scorer = self._fitted()
        excluded = self._excluded(exclude) if exclude_seen else []
        rows, shown = self._user_rows(users, strict)
        candidates = frames.candidate_mask(self.items, allow, deny, strict=strict)
        return frames.recommend(
            scorer,
            self._trained,
            shown,
            self.items,
            rows,
            k,
            exclude=excluded,
            candidates=candidates if include_untrained else self._trained.candidates(candidates),
            source=source,
        )

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
        space = self._similar.get(
            lambda: ItemSpace.of(self._fitted(), self.items, self._trained.candidates())
        )
        return space.nearest(rows, k)

    def fold_in(
        self, interactions: Interactions | Mapping[Any, Iterable[Any]] | Any, *, strict: bool = True
    ) -> Self:
        """Serves users who were not in training, from their items; items stay as they are.

        The first call fits the linear map of `fullrank.serving.fold_in` to the users of training,
        in a pass over their interactions; it stays with the model, with every model folded from it
        and, once saved, in its folder.

        Args:
            interactions: A mapping of user id to item ids, a frame of ``user_id, item_id``, or
                interactions. Items that the model does not know are left out.
            strict: Refuse a user without an item that the model knows; else `recommend` gives them
                the popular list.

        Returns:
            A recommender of these users alone, over the same items; `recommend` and `save` work.

        Raises:
            DataError: a user has no item that the model knows and ``strict``, or the model is one
                of folded-in users and lies in a folder from before the map was kept.
        """
        weighted = self.train.weight is not None
        new = frames.restricted_to_items(interactions, self.items, strict=strict, weighted=weighted)
        scorer = self._fitted()
        folded = type(self)(self.settings, device=self.device)
        folded._scorer = self._fold_in.fold(scorer, self.train, new)
        folded._fold_in, folded._similar = self._fold_in, self._similar
        folded._parts, folded._popularity = {"train": new}, self._trained.popularity
        folded.training = {"folded_in": new.n_users}
        return folded

    def evaluate(
        self,
        test: Interactions | Any | None = None,
        *,
        k: Sequence[int] | int = (10, 20),
        protocol: str = "standard",
        metrics: Sequence[str] | None = None,
        include_cold: bool = False,
    ) -> Evaluation:
        """Ranks all items for the users of ``test`` and compares.

        Args:
            test: Interactions or a frame; the part kept aside by `fit` if absent. Pairs of users or
                items that the model does not know are counted in the protocol block and left out.
            k: Lengths of the lists.
            protocol: ``standard`` or ``published``; see `fullrank.evaluation`.
            metrics: Names of metrics; all of the protocol if absent.
            include_cold: Evaluate users without training interactions too, with the popular list
                that `recommend` gives them.

        Raises:
            DataError: there is no test part, or it has no known pair.
        """
        if test is None and self.test is None:
            raise DataError("evaluate", "no held-out part in the model", "interactions to test on")
        known, unknown = self.test, frames.NOTHING_UNKNOWN
        if test is not None:
            known, unknown = frames.known_pairs(test, self.users, self.items)
        assert known is not None  # noqa: S101  # narrows the type: tested above
        result = evaluate(
            self._fitted(),
            known,
            train=self.train,
            validation=self._parts.get("validation"),
            k=k,
            protocol=protocol,
            metrics=metrics,
            include_cold=include_cold,
            popularity=self._popularity,
        )
        result.protocol.update(
            method=self.method,
            seed=self.settings.seed,
            **unknown,
            data=self.data_name,
            split=self._how,
            audit=draw_of(self.train, self._parts.get("validation"), known),
            versions=versions(),
        )
        return result

    def save(self, folder: str | Path) -> None:
        """Writes the model: safetensors, Parquet and a JSON manifest, replaced as a whole.

        The map of `fold_in` is among it, so that a model that was loaded folds users in without a
        pass over the interactions.

        Raises:
            DataError: the disk is full or the folder cannot be written; what was there stays.
        """
        scorer = self._fitted()
        manifest = {
            "method": self.method,
            "settings": self.settings.model_dump(),
            "data": {
                "name": self.data_name,
                "split": self._how,
                "users": len(self.users),
                "items": len(self.items),
                "interactions": {name: len(part) for name, part in self._parts.items()},
                "fingerprints": {name: part.fingerprint for name, part in self._parts.items()},
            },
            "training": self.training,
            "metrics": self.metrics,
            "versions": versions(),
        }
        tables = tensors_of(scorer) | self._fold_in.tensors(scorer, self.train)
        if self._popularity is not None:
            tables[POPULARITY] = torch.from_numpy(np.array(self._popularity, dtype=np.float64))
        write_model(expanded(folder), Stored(tables, self.users, self.items, self._parts, manifest))

    @classmethod
    def load(cls, folder: str | Path, *, device: str = "auto") -> Self:
        """Reads a model that `save` wrote.

        One of a method that is not at hand recommends all the same; it cannot be fitted again.

        Raises:
            DataError: a file is missing, truncated or changed.
        """
        folder = expanded(folder)
        stored = read_model(folder)
        manifest = stored.manifest
        try:
            method = stored_method(manifest["method"], manifest["settings"])
        except SettingError as error:
            where = f"{folder / MANIFEST}, {error.where}"
            raise DataError(where, error.found, error.expected) from None
        model = cls(method, device=device)
        model._scorer = scorer_of(stored.tables, stored.parts["train"], model.device)
        trained = "folded_in" not in manifest["training"]
        model._fold_in = FoldIn.from_tensors(stored.tables, model._scorer, trained=trained)
        model._parts = stored.parts
        model._popularity = popularity_of(stored, trained=trained)
        model.data_name = manifest["data"].get("name")
        model._how = manifest["data"].get("split") or {}
        model.training, model.metrics = manifest["training"], manifest["metrics"]
        return model

    def __repr__(self) -> str:
        return describe.as_line(self._summary())

    def _repr_html_(self) -> str:
        return describe.as_html(self._summary())

    def _summary(self) -> dict[str, str]:
        train = self._parts.get("train")
        sizes = None if train is None else (train.n_users, train.n_items)
        return describe.summary_of(self.method, self.data_name, sizes, self.training, self.metrics)

    def _fitted(self) -> DotScorer | HistoryScorer:
        if self._scorer is None:
            raise NotFittedError
        return self._scorer

    def _tables(self) -> tuple[Tensor, Tensor]:
        scorer = self._fitted()
        if not isinstance(scorer, DotScorer):
            found = "weights from item to item and no embeddings"
            raise FitError(f"method {self.method}", found, "a method that learns embeddings")
        return scorer.user_table, scorer.item_table

    @property
    def _trained(self) -> Trained:
        """Which users and items training has seen."""
        if self._trained_of is None or self._trained_of[0] is not self.train:
            self._trained_of = self.train, Trained.of(self.train, self._popularity)
        return self._trained_of[1]

    def _excluded(self, names: Iterable[str]) -> list[Interactions]:
        """The parts of those names that the model has."""
        names = [names] if isinstance(names, str) else list(names)
        for name in names:
            if name not in PARTS:
                raise SettingError("exclude", repr(name), nearest(name, PARTS))
        return [self._parts[name] for name in names if name in self._parts]

    def _user_rows(
        self, users: Iterable[Any] | None, strict: bool
    ) -> tuple[np.ndarray[Any, Any], pl.Series]:
        """Row of each user, -1 for an unknown one, and the id to show."""
        if users is None:
            return np.arange(len(self.users)), self.users.values
        raw = users if isinstance(users, pl.Series) else frames.many(users)
        hint = "a user of the training data (fold_in embeds new users from their items)"
        if strict:
            rows = frames.rows_of(self.users, raw, "user", hint)
        else:
            rows = frames.known_rows(self.users, raw)
        return rows, frames.shown_ids(self.users, rows, list(raw))

    def _checkpoint_file(
        self, path: str | Path | None, train: Interactions, validation: Interactions | None
    ) -> CheckpointFile | None:
        if path is None:
            return None
        settings = self.settings.model_dump(exclude=_NOT_IDENTITY)
        parts = {"train": train, "validation": validation}
        prints = {name: part.fingerprint for name, part in parts.items() if part is not None}
        made_with = {name: versions()[name] for name in ("fullrank", "torch", "kernels")}
        if made_with["kernels"].startswith("torch"):  # for whatever reason: the bits are the same
            made_with["kernels"] = "torch"
        identity = {"method": self.method, **settings, **prints, **made_with}
        return CheckpointFile(expanded(path), identity)


def _with_settings(method: str | Method, preset: str | None, settings: Mapping[str, Any]) -> Method:
    if isinstance(method, Method):
        if preset is not None:
            raise SettingError("preset", repr(preset), "a method's name, which a preset is for")
        return method.replace(**settings) if settings else method
    values: dict[str, Any] = {}
    if preset is not None:
        name, _, data = preset.partition(":")
        values.update(preset_named(name, method, data))
    return build_method(method, values | dict(settings))
