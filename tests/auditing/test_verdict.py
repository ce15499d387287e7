"""Each sentence of a verdict, on findings that are known: where it stands, and where not."""

from __future__ import annotations

import dataclasses

import pytest

from fullrank.auditing.report import Audit, PartAudit
from fullrank.auditing.shares import Bin, Shares
from fullrank.auditing.verdict import in_a_line, sentences, share


def shares(low=0.2, high=0.2, *, p=0.0, few=False):
    """Two bins with these shares where 0.2 is expected; the second holds a third, or little."""
    size = 100 if few else 5_000
    return Shares(
        (
            Bin(1, 9, 1000, 10_000, round(10_000 * low), 0.2, p),
            Bin(10, 5000, 50, size, round(size * high), 0.2, p),
        ),
        p,
    )


PLAIN = shares(p=1.0)
POPULAR, UNPOPULAR = shares(0.15, 0.3), shares(0.25, 0.1)
NOBODY = {"cold_users": 0, "cold_items": 0, "pairs_of_cold_users": 0, "pairs_of_cold_items": 0}


def part(name, popularity=PLAIN, activity=PLAIN, later=None, **more):
    order = None if later is None else {"later": later, "users_after": 0.0}
    reach = {"reached": 0.9, "interval": [0.88, 0.92], "pairs": 1000}
    known = {"fraction": None, "cold": NOBODY, "repeated": 0, "reach": reach, "order": order}
    return PartAudit(name, 100, popularity, activity, **known | more)


def said(*parts, **more):
    """The verdict in one text."""
    found = Audit("data", "print", {each.name: each for each in parts}, 0, 0, {})
    return "\n".join(sentences(dataclasses.replace(found, **more)))


@pytest.mark.parametrize(
    ("test", "rule", "effect"),
    [(POPULAR, "more often", "undervalues"), (UNPOPULAR, "less often", "overvalues")],
)
def test_a_skew_is_told_with_its_direction_and_what_it_does_to_a_choice(test, rule, effect):
    text = said(part("test", test), part("validation"))
    first, last = (share(each.share) for each in test.bins)
    assert (
        f"test is no uniform draw: popular items are in it {rule} ({first} of the interactions of "
        f"items with 1 to 9, {last} of the 50 with 10 or more)."
    ) in text
    assert f"a choice on validation {effect} popular items; `--validation-like test`" in text
    assert "validation is drawn like train by popularity: its share is .200 to .200." in text
    assert "by users" not in text


def test_what_a_choice_weighs_goes_by_both_parts():
    """Of a test part that is drawn like train it is the skew of validation, turned round."""
    for validation, effect in ((POPULAR, "overvalues"), (UNPOPULAR, "undervalues")):
        for lean in (0.199, 0.201):
            text = said(part("test", shares(high=lean, p=1.0)), part("validation", validation))
            assert f"a choice on validation {effect} popular items" in text


def test_a_skew_whose_ends_go_the_other_way_has_no_direction():
    """More often up to the last bin, which is below the first: neither more often nor less."""
    bins = (
        Bin(1, 9, 1000, 10_000, 1_000, 0.1, 0.0),
        Bin(10, 99, 100, 10_000, 2_000, 0.1, 0.0),
        Bin(100, 400, 5, 1_000, 50, 0.1, 0.0),
    )
    bent = Shares(bins, 0.0)
    assert bent.tendency == 1
    told = (
        "are in it unevenly by their interactions (.050 of the interactions of those with 100 to "
        "400, .200 of the interactions of those with 10 to 99)"
    )
    text = said(part("test", bent, bent))
    assert f"test is no uniform draw: items {told}." in text
    assert f"by users, test is uneven: users {told}." in text
    assert "often" not in text


def test_parts_that_are_alike():
    for each in (PLAIN, POPULAR):
        text = said(part("test", each), part("validation", each))
        assert "validation and test are alike by popularity: what is chosen" in text
        assert "not alike" not in text
    assert "alike" not in said(part("test"))


def test_a_clean_part_may_have_an_odd_bin():
    """Of a few interactions: named with its items, without the empty bins among the shares."""
    odd = shares(0.2, 0.3, few=True, p=0.0)
    empty = Shares((*odd.bins, Bin(0, 0, 0, 0, 0, 0.0, 1.0)), 1.0)
    assert (
        "test is drawn like train by popularity, but for 50 items: its share is .200 to .300."
    ) in said(part("test", empty))


def test_users_are_told_with_the_fraction_that_they_give():
    uneven = part("test", activity=POPULAR, fraction=(0.3, "up"))
    text = said(uneven)
    assert "by users, test is uneven: active users are in it more often" in text
    assert "interactions of users with 1 to 9" in text
    assert text.count("it is 30% of each user's interactions, rounded up.") == 1
    assert "each user's" not in said(part("test", activity=POPULAR))


@pytest.mark.parametrize(
    ("later", "words"),
    [
        (0.95, "test lies after train in time (95% of pairs of interactions)."),
        (0.9, "test lies after train in time (90% of pairs"),
        (0.89, "test is only partly later than train (an interaction of it is later in 89%"),
        (0.6, "test is only partly later than train"),
        (0.59, "test is not later than train (an interaction of it is later in 59% of pairs)"),
        (0.5, "test is not later than train"),
    ],
)
def test_the_place_in_time(later, words):
    text = said(part("test", later=later))
    assert words in text
    assert ("trained on what follows" in text) is (later < 0.9)
    line = in_a_line(PLAIN, None, {"later": later})
    assert ("test lies after train in time" in line) is (later >= 0.9)


def test_a_later_test_part_wants_a_later_validation_part():
    parts = part("test", POPULAR, later=0.95), part("validation", later=0.5)
    assert "test is later: `--validation-like time`" in said(*parts)
    parts = part("test", POPULAR, later=0.5), part("validation", later=0.95)
    assert "`--validation-like test`" in said(*parts)


def test_cold_rows_repeats_and_duplicates():
    cold = {"cold_users": 3, "pairs_of_cold_users": 40, "cold_items": 0, "pairs_of_cold_items": 0}
    text = said(part("test", cold=cold, repeated=7), merged={"a": 2, "b": 3}, same_histories=4)
    assert "3 users of test are not in train (40 interactions)." in text
    assert "items of test are not" not in text
    assert "7 pairs of test are in an earlier part too." in text
    assert "5 repeated rows were merged." in text
    assert "4 users have the very items of another user." in text
    cold = {"cold_users": 0, "pairs_of_cold_users": 0, "cold_items": 2, "pairs_of_cold_items": 9}
    assert "2 items of test are not in train (9 interactions)." in said(part("test", cold=cold))
    assert not any(word in said(part("test")) for word in ("not in train", "earlier", "merged"))


@pytest.mark.parametrize(
    ("test", "half", "words"),
    [
        (0.8, 0.01, "fewer items of test than of validation share a neighbour"),
        (0.95, 0.01, "more items of test than of validation share a neighbour"),
        (0.8, 0.1, None),  # the intervals meet
        (0.905, 0.001, None),  # certain, and of no consequence
        (0.915, 0.001, "more items"),
    ],
)
def test_far_items(test, half, words):
    reach = [{"reached": at, "interval": [at - half, at + half]} for at in (test, 0.9)]
    text = said(part("test", reach=reach[0]), part("validation", reach=reach[1]))
    if words is None:
        assert "share a neighbour" not in text
    else:
        assert words in text
        assert f"({share(test)} and .900)" in text


def test_a_line_of_a_report():
    assert in_a_line(PLAIN, True, None) == "test is drawn like train by popularity"
    assert in_a_line(PLAIN, None, {"later": 0.5}) == "test is drawn like train by popularity"
    other = in_a_line(PLAIN, False, None)
    assert other.endswith("popularity; validation is drawn otherwise (`fullrank data audit`)")
    skewed = in_a_line(POPULAR, True, None)
    assert skewed.startswith("test is no uniform draw: popular items are in it more often (.150")
    assert "otherwise" not in skewed
