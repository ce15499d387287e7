"""The face of the library: fit, recommend, similar_items, fold_in, evaluate, save, load."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import polars as pl

from fullrank.auditing import draw_of
from fullrank.data.columns import Columns
from fullrank.data.files import expanded
from fullrank.data.interactions import Interactions
from fullrank.data.parts import parts_of
from fullrank.data.splits import Split
from fullrank.engine.devices import device_named, torch_threads
from fullrank.errors import DataError, SettingError, Stopped
from fullrank.evaluation import Evaluation, evaluate
from fullrank.methods import Method
from fullrank.methods.fitting import Fitted
from fullrank.methods.starting import Start
from fullrank.portfolio import configured, final_fit
from fullrank.portfolio import fit as fit_method
from fullrank.portfolio import stored as stored_method
from fullrank.serving import frames
from fullrank.serving.fitted_model import FittedModel
from fullrank.serving.fold_in import FoldIn
from fullrank.serving.model_files import MANIFEST, read_model, versions, write_model
from fullrank.training import Reporter

KNOWN = ("train", "validation")
"""Parts that a model was learned from and chosen by."""


class Recommender(FittedModel):
    """A method with its settings and, after `fit`, its embeddings.

    Properties, ``similar_items`` and ``spectrum`` are those of every `FittedModel`.

    Args:
        method: A name of the method table (``fullrank methods`` lists them), or a method with its
            settings, as ``fullrank.methods.BPR(lr=0.1)``; or ``auto``, which tries several on the
            validation part, for as long as ``budget`` says (ten minutes), and becomes the best of
            them (docs/auto.md). If absent it is ``auto``, and directspec+ with settings of that.
        preset: Settings to start from, as ``"published:citeulike"``: a preset's name and the data
            set it is for; with a method's name alone.
        device: Where training and ranking run; ``auto`` takes a GPU if there is one.
        threads: Threads of torch while fitting; those it has if absent.
        settings: Values of the method's settings; they win over the preset's.

    Raises:
        SettingError: a name is unknown, a value is out of bounds or two contradict each other.
    """

    def __init__(
        self,
        method: str | Method | None = None,
        *,
        preset: str | None = None,
        device: str = "auto",
        threads: int | None = None,
        **settings: Any,
    ) -> None:
        self.settings = self._asked = configured(method, preset, settings)
        super().__init__(self.settings.name)
        self.device = device_named(device)
        if threads is not None and threads < 1:
            raise SettingError("setting threads", str(threads), "1 or more")
        self.threads = threads

    def fit(
        self,
        train: Interactions | Split | Any,
        validation: Interactions | None = None,
        *,
        checkpoint: str | Path | None = None,
        resume: bool = False,
        reporter: Reporter | None = None,
        columns: Columns | None = None,
        final: bool = False,
        start_from: str | Path | FittedModel | None = None,
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
            final: Fit what was chosen once more, on train and validation together.
            start_from: A model, or its folder, whose rows those of the same ids begin with.

        Raises:
            FitError: the data cannot be trained on, the loss diverges, the checkpoint is of
                another run, or one would be lost without ``resume``.
            SettingError: ``resume`` without a checkpoint to go on from.
            KeyboardInterrupt: Ctrl-C. By ``auto`` this is then the best model that was whole, if
                there was one.
        """
        if resume and checkpoint is None:
            raise SettingError("resume", "no checkpoint", "checkpoint = the file to go on from")
        parts = parts_of(train, validation, columns)
        start = Start.of(start_from)
        kept: dict[str, Any] = {"checkpoint": checkpoint, "resume": resume, "start": start}
        with torch_threads(self.threads):
            made, fitted = fit_method(self._asked, parts, self.device, reporter=reporter, **kept)
            self._take(made, fitted, parts)
            self.data_name = train.name if isinstance(train, Split) else None
            self._how = train.how if isinstance(train, Split) else {}
            if stopped := self.training.get("auto", {}).get("stopped"):
                raise Stopped(signal.Signals[stopped])
            if final and parts.get("validation"):
                self._take(made, *final_fit(made, fitted[1], parts, self.device, reporter, start))
        return self

    def _take(self, made: Method, fitted: Fitted, parts: Mapping[str, Interactions]) -> None:
        scorer, self.training = fitted
        found = self.training.get("chosen")  # it stays to be found, should this be fitted again
        self.settings = made.replace(**found, auto=tuple(found)) if found else made
        self.method = made.name
        weighted = made.uses_weights and parts["train"].weight is not None
        self._use(scorer, parts, FoldIn(weighted=weighted))

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
        excluded = frames.excluded(self._parts, exclude if exclude_seen else ())
        rows, shown = frames.users_to_serve(self.users, users, strict=strict)
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

    def fold_in(
        self, interactions: Interactions | Mapping[Any, Iterable[Any]] | Any, *, strict: bool = True
    ) -> Self:
        """Serves users who were not in training, from their items; items stay as they are.

        The first call fits the linear map of `fullrank.serving.fold_in` to the users of training,
        in a pass over their interactions; it stays with the model, with every model folded from it
        and, once saved, in its folder. Of a model that learned by weights, those of the new
        interactions count as well.

        Args:
            interactions: A mapping of user id to item ids, a frame of ``user_id, item_id`` and
                perhaps ``weight``, or interactions. Items that the model does not know are left
                out.
            strict: Refuse a user without an item that the model knows; else `recommend` gives them
                the popular list.

        Returns:
            A recommender of these users alone, over the same items; `recommend` and `save` work.

        Raises:
            DataError: a user has no item that the model knows and ``strict``, or the model is one
                of folded-in users and lies in a folder from before the map was kept.
        """
        # Users who were folded in without weights say nothing of those of training.
        weighted = self._fold_in.weighted or self.train.weight is not None
        new = frames.restricted_to_items(interactions, self.items, strict=strict, weighted=weighted)
        folded = type(self)(self.settings, device=self.device)
        rows = self._fold_in.fold(self._fitted(), self.train, new)
        folded._use(rows, {"train": new}, self._fold_in, self._trained.popularity)
        folded._similar = self._similar  # of the same items
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
        scorer = self._fitted()
        known, unknown = frames.pairs_to_test(test, self._parts)
        result = evaluate(
            scorer,
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
        """Writes the model: safetensors and a JSON manifest, replaced as a whole.

        The map of `fold_in` is among it, so that a model that was loaded folds users in without a
        pass over the interactions.

        Raises:
            DataError: the disk is full or the folder cannot be written; what was there stays.
        """
        write_model(expanded(folder), self._stored(self.settings.model_dump()))

    @classmethod
    def load(cls, folder: str | Path, *, device: str = "auto") -> Self:
        """Reads a model that `save` wrote.

        One of a method that is not at hand recommends all the same; it cannot be fitted again.

        Raises:
            DataError: a file is missing, truncated or changed.
        """
        folder = expanded(folder)
        stored = read_model(folder)
        try:
            method = stored_method(stored.manifest["method"], stored.manifest["settings"])
        except SettingError as error:
            where = f"{folder / MANIFEST}, {error.where}"
            raise DataError(where, error.found, error.expected) from None
        model = cls(method, device=device)
        model._restore(stored, model.device)
        return model
