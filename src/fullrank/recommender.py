"""The face of the library: fit, recommend, similar_items, fold_in, evaluate, save, load."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import polars as pl

from fullrank.auditing import with_provenance
from fullrank.data.files import expanded
from fullrank.data.interactions import Interactions
from fullrank.data.weighting import Weighting
from fullrank.evaluation import Evaluation, evaluate
from fullrank.learner import Learner
from fullrank.portfolio import stored_in
from fullrank.rules import Rules
from fullrank.rules import frames as under_rules
from fullrank.serving import frames
from fullrank.serving.model_files import MANIFEST, read_model, write_model
from fullrank.serving.new_items import with_new_items

KNOWN = ("train", "validation")
"""Parts that a model was learned from and chosen by."""


class Recommender(Learner):
    """A method with its settings and, after `fit`, its embeddings.

    Properties, ``similar_items`` and ``spectrum`` are those of every `FittedModel`.

    Args:
        method: A name of the method table (``fullrank methods`` lists them), or a method with its
            settings, as ``fullrank.methods.BPR(lr=0.1)``; or ``auto``, which tries several on the
            validation part, for as long as ``budget`` says (ten minutes), and becomes the best of
            them (docs/auto.md). If absent it is ``auto``, and directspec+ with settings of that.
        preset: Settings to start from, as ``"published:citeulike"``: a preset's name and the data
            set it is for; with a method's name alone.
        device: Where training runs. ``auto`` takes a GPU, if there is one and it is quicker there;
            ``cuda`` and ``cpu`` leave no choice. Lists are made on the processor.
        threads: Threads of torch while fitting; those it has if absent.
        settings: Values of the method's settings; they win over the preset's.

    Raises:
        SettingError: a name is unknown, a value is out of bounds or two contradict each other.
    """

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
        rules: Rules | None = None,
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
            rules: What is to hold of the lists beside all this; see `fullrank.Rules`.

        Returns:
            A frame ``user_id, item_id[, title], score, rank[, source]``, in the order of ``users``.
            The source of an item is ``model`` or ``popular``, whose scores are the numbers of
            training interactions (or the sums of their weights), or ``exploration`` by a rule.

        Raises:
            DataError: a user or item is not known.
            SettingError: k is below 1, a name in ``exclude`` is of no part, or a rule cannot be.
        """
        frames.check_k(k)
        scorer = self._fitted()
        excluded = frames.excluded(self._parts, exclude if exclude_seen else ())
        rows, shown = frames.users_to_serve(self.users, users, strict=strict)
        candidates = frames.candidate_mask(self.items, allow, deny, strict=strict)
        if not include_untrained:
            candidates = self._trained.candidates(candidates)
        how: dict[str, Any] = {"exclude": excluded, "candidates": candidates, "source": source}
        if rules is not None:
            served = self._served()
            return under_rules.recommend(
                served, rules, shown, self.items, rows, k, strict=strict, **how
            )
        return frames.recommend(scorer, self._trained, shown, self.items, rows, k, **how)

    @property
    def _weighting(self) -> Weighting:
        """How the weights of its interactions were read, and those of others are to be."""
        return Weighting.stored_in(self.training)

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
        new = self._weighting.read(new)
        folded = type(self)(self.settings, device=self.device)
        rows = self._fold_in.fold(self._fitted(), self.train, new)
        folded._use(rows, {"train": new}, self._fold_in, self._trained.popularity)
        folded._similar = self._similar  # of the same items
        folded.training = {"folded_in": new.n_users} | self._weighting.metadata
        return folded

    def fold_in_items(self, interactions: Interactions | Mapping[Any, Iterable[Any]] | Any) -> Self:
        """Adds items that were not in training, from the users who have them; all else stays.

        An item's row is what the linear map of `fold_in`, with the sides exchanged, makes of the
        mean of its users. They have it from then on, so it is not recommended to them.

        Args:
            interactions: A mapping of item id to user ids, a frame or interactions. Items that the
                model knows are left out, and users whom it does not.

        Returns:
            A recommender of the same users over more items; `recommend` and `save` work.

        Raises:
            DataError: no new item has a known user.
            FitError: the method has no embeddings; it can be fitted again.
        """
        given = self._weighting.read(frames.by_item(interactions))
        scorer, parts = with_new_items(self._fitted(), self._parts, given)
        more = type(self)(self.settings, device=self.device)
        more._use(scorer, parts, self._fold_in)
        count = more.train.n_items - self.train.n_items
        more.training = self.training | {"items_folded_in": count}
        more.data_name, more._how = self.data_name, self._how
        return more

    def evaluate(
        self,
        test: Interactions | Any | None = None,
        *,
        k: Sequence[int] | int = (10, 20),
        protocol: str = "standard",
        metrics: Sequence[str] | None = None,
        include_cold: bool = False,
        rules: Rules | None = None,
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
            rules: What the lists are made under, each as long as the largest ``k``.

        Raises:
            DataError: there is no test part, or it has no known pair.
        """
        scorer = self._fitted()
        known, counts = frames.pairs_to_test(test, self._parts)
        lists, said = None, dict[str, Any](counts)
        if rules is not None:
            ids = self.users, self.items
            lists, ruled = under_rules.evaluated(self._served(), rules, *ids, protocol)
            said |= ruled
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
            lists=lists,
        )
        said |= {"method": self.method, "seed": self.settings.seed, "data": self.data_name}
        return with_provenance(result, self._parts, known, split=self._how, **said)

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

        Args:
            folder: Where it is.
            device: Where it trains if it is fitted again: see the class.

        Raises:
            DataError: a file is missing, truncated or changed.
        """
        folder = expanded(folder)
        stored = read_model(folder)
        model = cls(stored_in(stored.manifest, folder / MANIFEST), device=device)
        model._restore(stored)
        return model
