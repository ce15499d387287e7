"""Kinds of feedback: their weights against a loop, their age, and what cannot be used."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from event_log import DAY, START, WEIGHTS, drawn_events

from fullrank.data import Columns, Interactions
from fullrank.data.events import days_of, weights_of
from fullrank.errors import DataError, SettingError


@pytest.fixture(scope="module")
def events() -> pl.DataFrame:
    return drawn_events()


def reference(frame: pl.DataFrame, half_life: float | None = None) -> dict:
    """The weight of each pair that is learned from, row by row."""
    newest = frame["timestamp"].max()
    denied = {row[:2] for row in frame.rows() if WEIGHTS[row[2]] < 0}
    weight: dict = {}
    for user, item, kind, time in frame.rows():
        if (user, item) not in denied:
            age = 1.0 if half_life is None else 0.5 ** ((newest - time) / DAY / half_life)
            weight[user, item] = weight.get((user, item), 0.0) + WEIGHTS[kind] * age
    return weight


def pairs(data: Interactions) -> dict:
    frame = data.to_frame()
    return dict(zip(frame.select("user_id", "item_id").rows(), frame["weight"], strict=True))


@pytest.mark.parametrize("half_life", [None, "30d"])
def test_weights_against_a_loop(events, half_life):
    columns = Columns(event="kind", event_weights=WEIGHTS, half_life=half_life)
    got = pairs(Interactions.from_frame(events, columns=columns))
    expected = reference(events, None if half_life is None else 30)
    assert got.keys() == expected.keys()
    np.testing.assert_allclose([got[pair] for pair in expected], list(expected.values()), rtol=1e-6)


def test_negative_pairs_are_kept_aside_and_only_they(events):
    columns = Columns(event="kind", event_weights=WEIGHTS)
    data = Interactions.from_frame(events, columns=columns)
    negative = events.filter(pl.col("kind") == "dislike").select("user_id", "item_id").unique()
    assert set(data.never.to_frame().rows()) == set(negative.rows())
    assert not set(data.to_frame().select("user_id", "item_id").rows()) & set(negative.rows())
    assert len(data.users) == events["user_id"].n_unique()
    part = data.select(np.arange(9)).compact()
    users, items = set(part.users.values), set(part.items.values)
    kept = {row for row in negative.rows() if row[0] in users and row[1] in items}
    assert set(part.never.to_frame().rows()) == kept


@pytest.mark.parametrize("unit", [1, 10**3, 10**6, 10**9, "date"])
def test_the_unit_of_times_does_not_matter(events, unit):
    rows = events.with_columns(timestamp=(pl.col("timestamp") - START) // DAY)
    seconds = rows.with_columns(timestamp=START // DAY * DAY + pl.col("timestamp") * DAY)
    if unit == "date":
        first = date(1970, 1, 1) + timedelta(days=START // DAY)
        days = [first + timedelta(days=each) for each in rows["timestamp"]]
        other = rows.with_columns(timestamp=pl.Series(days))
    else:
        other = seconds.with_columns(pl.col("timestamp") * unit)
    columns = Columns(event="kind", event_weights=WEIGHTS, half_life="2w")
    one, two = (pairs(Interactions.from_frame(each, columns=columns)) for each in (seconds, other))
    assert one == two


def test_an_old_interaction_stays_one():
    frame = pl.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"], "timestamp": [0, START]})
    data = Interactions.from_frame(frame, columns=Columns(half_life="12h"))
    assert len(data) == 2
    assert 0 < data.weight[0] < 1e-37
    assert data.weight[1] == 1


def test_own_weights_multiply_and_thresholds_come_first():
    frame = pl.DataFrame(
        {"user_id": ["a", "b"], "item_id": ["x", "y"], "kind": ["view", "cart"], "n": [2.0, 5.0]}
    )
    columns = Columns(event="kind", event_weights=WEIGHTS, weight="n")
    assert Interactions.from_frame(frame, columns=columns).weight.tolist() == [2, 15]
    frame = frame.with_columns(timestamp=pl.Series([START, START - DAY]))
    columns = Columns(weight="n", threshold=2, half_life="1d")
    assert Interactions.from_frame(frame, columns=columns).weight.tolist() == [1, 0.5]


def test_a_kind_without_a_weight(events):
    columns = Columns(event="kind", event_weights={"view": 1.0, "cart": 3.0})
    counts = dict(events["kind"].value_counts().rows())
    with pytest.raises(DataError) as caught:
        Interactions.from_frame(events, columns=columns)
    line = str(caught.value)
    assert line.startswith(f"frame, column kind: found the kinds view {counts['view']:,}, cart ")
    assert "expected a weight for 'dislike', 'purchase', or other=… for all others" in line
    columns = Columns(event="kind", event_weights={"view": 1.0, "other": 2.0})
    data = Interactions.from_frame(events, columns=columns)
    assert data.never is None
    assert data.weight.sum() == counts["view"] + 2 * (len(events) - counts["view"])


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"event": "kind"}, "event_weights (--event-weights) together"),
        ({"event": "kind", "event_weights": {"view": -1.0}}, "one above zero"),
        ({"event": "kind", "event_weights": {"view": 1.0}, "threshold": 2.0}, "not both"),
        ({"half_life": "90"}, "a time such as 12h, 90d or 2w"),
        ({"half_life": "0d"}, "a time such as 12h, 90d or 2w"),
        ({"event": "user_id", "event_weights": {"view": 1.0}}, "a column of its own"),
    ],
)
def test_settings_that_do_not_fit(values, found):
    with pytest.raises(SettingError) as caught:
        Columns(**values)
    assert found in str(caught.value)


@pytest.mark.parametrize(
    ("change", "columns", "found"),
    [
        ({"kind": [None, "view"]}, {}, "row 1, column kind: found no kind of event"),
        ({"timestamp": [1, 2]}, {"half_life": "1d"}, "found times up to 2 with a half-life"),
        ({"timestamp": None}, {"half_life": "1d"}, "found a half-life but no times"),
        ({"kind": ["dislike"] * 2}, {}, "found events with a weight below zero alone"),
        ({"kind": None}, {}, "expected a column 'kind'"),
    ],
)
def test_events_that_cannot_be_used(change, columns, found):
    values = {"user_id": ["a", "b"], "item_id": ["x", "y"], "kind": ["view", "cart"]}
    values |= {"timestamp": [START, START]} | change
    frame = pl.DataFrame({name: each for name, each in values.items() if each is not None})
    with pytest.raises(DataError) as caught:
        Interactions.from_frame(
            frame, columns=Columns(event="kind", event_weights=WEIGHTS, **columns)
        )
    assert found in str(caught.value)


def test_options_as_they_are_typed():
    assert weights_of("view=1, add=to=cart=2.5,x=-1") == {"view": 1, "add=to=cart": 2.5, "x": -1}
    assert weights_of('{"a,b": 2}') == {"a,b": 2}
    assert (days_of("12h"), days_of("90d"), days_of(" 1.5w ")) == (0.5, 90, 10.5)
    for text in ("view", "view=", "=1", "view=a", "{1}", '{"a": "b"}', ""):
        with pytest.raises(SettingError, match="option --event-weights"):
            weights_of(text)


@pytest.mark.filterwarnings("error")
def test_weights_that_are_too_large_together_are_refused_and_nothing_else_is_said():
    table = pl.DataFrame({"user_id": ["b", "a", "a"], "item_id": ["x"] * 3, "kind": ["view"] * 3})
    columns = Columns(event="kind", event_weights={"view": 1e308})
    with pytest.raises(DataError, match="weights: found inf"):
        Interactions.from_frame(table, columns=columns)


def test_what_weighs_nothing_weighs_nothing_at_any_age():
    table = pl.DataFrame(
        {
            "user_id": ["a", "a", "b"],
            "item_id": ["x", "y", "x"],
            "kind": ["view", "look", "view"],
            "timestamp": [START, START, START + 9 * DAY],
        }
    )
    columns = Columns(event="kind", event_weights={"view": 1, "look": 0}, half_life="9d")
    found = Interactions.from_frame(table, columns=columns)
    assert found.to_frame()["item_id"].to_list() == ["x", "x"]
    assert found.weight.tolist() == [0.5, 1.0]


def test_what_weighs_nothing_hides_nothing():
    rows = [("a", "x", "view"), ("a", "x", "look"), ("b", "y", "no"), ("b", "x", "view")]
    table = pl.DataFrame(rows, schema=["user_id", "item_id", "kind"], orient="row")
    columns = Columns(event="kind", event_weights={"view": 1, "look": 0, "no": -1})
    found = Interactions.from_frame(table, columns=columns)
    assert found.to_frame().select("user_id", "item_id").rows() == [("a", "x"), ("b", "x")]
    assert found.never.to_frame().rows() == [("b", "y")]
