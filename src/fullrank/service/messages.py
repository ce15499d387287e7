"""What requests and answers hold; the OpenAPI document is made of these types."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

Id = int | str
"""As it is in the model's data: a number there is a number here. Strings find numbers."""
K = Annotated[int, Meta(ge=1, description="Length of a list.")]
Ids = Annotated[list[Id], Meta(min_length=1)]
Model = Annotated[str | None, Meta(description="Name of a model; the first if absent.")]
PARTS = ("train", "validation", "test")


class Request(Struct, forbid_unknown_fields=True):
    """What is refused: unknown fields, other types."""


class Choice(Request, kw_only=True):
    """Fields of every request for lists."""

    k: K = 10
    allow: Annotated[list[Id] | None, Meta(description="The only items to recommend.")] = None
    deny: Annotated[list[Id] | None, Meta(description="Items not to recommend.")] = None
    rules: Annotated[dict[str, Any] | None, Meta(description="Rules at ranking time.")] = None
    model: Model = None


class RecommendRequest(Choice, kw_only=True):
    """Lists for users of the training data."""

    users: Annotated[Ids, Meta(description="Ids of users.")]
    exclude_seen: Annotated[bool, Meta(description="False leaves nothing out.")] = True
    exclude: Annotated[
        list[str], Meta(description="Parts of the data whose items a user does not get again.")
    ] = msgspec.field(default_factory=lambda: list(PARTS))


class SessionRequest(Choice, kw_only=True):
    """A list for an anonymous visitor."""

    items: Annotated[
        list[Id], Meta(description="Ids of the items that the visitor has; none, perhaps.")
    ]


class SimilarRequest(Request, kw_only=True):
    """Items near items."""

    items: Annotated[Ids, Meta(description="Ids of items.")]
    k: K = 10
    model: Model = None


class ExplainRequest(Request, kw_only=True):
    """Which items of a history carry a recommendation, and how much."""

    item: Annotated[Id, Meta(description="The recommended item.")]
    user: Annotated[Id | None, Meta(description="A user of the training data.")] = None
    items: Annotated[Ids | None, Meta(description="Or the items of a visitor.")] = None
    most: Annotated[int, Meta(ge=1, le=100, description="Items of the history to name.")] = 10
    model: Model = None


class ModelName(Struct):
    """Which model gave an answer."""

    name: str
    version: str
    """Start of the sha256 of its manifest: another after every fit."""


class Item(Struct, omit_defaults=True):
    """An item in a list."""

    item_id: Id
    score: float
    rank: int
    title: str | None = None


class UserList(Struct):
    """The list of a user."""

    user_id: Id
    known: bool
    """Whether the model knows the user."""
    source: str
    """``model``, or ``popular`` for a user without training interactions."""
    items: list[Item]


class RecommendAnswer(Struct):
    """Lists in the order of the users."""

    model: ModelName
    lists: list[UserList]


class SessionAnswer(Struct):
    """The list of a visitor."""

    model: ModelName
    source: str
    unknown: list[Id]
    """Items of the history that the model does not know."""
    items: list[Item]


class Neighbours(Struct):
    """The items near an item."""

    item_id: Id
    items: list[Item]


class SimilarAnswer(Struct):
    """Neighbours in the order of the items."""

    model: ModelName
    lists: list[Neighbours]


class ItemFacts(Struct, omit_defaults=True):
    """An item of the catalogue."""

    item_id: Id
    interactions: float
    """In training; the sum of their weights where they have some."""
    title: str | None = None


class ItemAnswer(Struct):
    """An item of the catalogue, or those that a query finds."""

    model: ModelName
    item: ItemFacts


class ItemsAnswer(Struct):
    """The items that a query finds."""

    model: ModelName
    items: list[ItemFacts]


class UserFacts(Struct):
    """A user of the training data."""

    user_id: Id
    interactions: int


class UsersAnswer(Struct):
    """The users that a query finds."""

    model: ModelName
    users: list[UserFacts]


class HistoryAnswer(Struct):
    """What a user has."""

    model: ModelName
    user: UserFacts
    items: list[ItemFacts]


class Reason(Struct, omit_defaults=True):
    """What adds to the score of a recommendation; see `Recommender.explain`."""

    kind: str
    """``history`` for an item that the user has; or what else it is."""
    contribution: float
    share: float
    """Of the sum of the sizes of all contributions."""
    part: str | None = None
    """Of a blend, the part."""
    item_id: Id | None = None
    title: str | None = None


class ExplainAnswer(Struct):
    """The reasons for a recommendation, the strongest first."""

    model: ModelName
    item_id: Id
    score: float
    reasons: list[Reason]


class IndexFacts(Struct):
    """The index that lists come from, with exact scores in the exact order."""

    recall: float
    """Mean share of an exact list of 20 that is in the one found, when the model was loaded."""
    users: int
    """Users whose lists were compared."""
    searched: int
    """Lists of items that are searched for a user, more for one with a long history."""
    lists: int
    """Lists of items that there are."""


class ModelAnswer(Struct):
    """A model, and the names of all that are served."""

    model: ModelName
    models: list[ModelName]
    method: str
    data: str | None
    users: int
    items: int
    interactions: int
    titles: bool
    summary: dict[str, str]
    settings: dict[str, Any]
    metrics: dict[str, float]
    report: bool
    """Whether a page about it lies with it."""
    spectrum: bool
    """Whether it has embeddings, whose spectrum can be asked for."""
    index: IndexFacts | None = None
    """What finds the items of lists; absent where they are exact."""


class SpectrumAnswer(Struct):
    """The singular values of the embeddings, and their effective rank."""

    model: ModelName
    effective_rank: float
    singular_values: list[float]


class Health(Struct):
    """Whether the service lives, and has a model."""

    status: str
