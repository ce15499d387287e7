"""Claims on accuracy, its settings and the time: tables III to VI and figures 9 and 10."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tables.claims.claim import Answer, Document, Found, Judge, One, correlated, on_each, verdict
from tables.markdown import metric

BASELINES = ("BPR", "CL-Rec", "CCL(MF)", "ENMF", "DirectAU(MF)", "DirectAU(GCN)", "LightGCN",
             "SGL-ED", "LightGCL", "GDE", "LogDet")  # fmt: skip
"""The rows that the paper compares with, as the lab calls them."""
MOST = len(BASELINES) // 2 + 1
"""Baselines that speak for a claim about all of them; fewer can speak against it."""
ALL = ("citeulike", "yelp-sparse", "gowalla")
PRINTED = {"citeulike": 0.2197, "yelp": 0.0743, "gowalla": 0.1389}
"""nDCG@10 of DirectSpec+(MF)."""
Said = tuple[str, bool]
WIDTH = 64


def score(document: Document, label: str) -> float:
    """nDCG@10 in protocol published, what Table IV has.

    Raises:
        KeyError: the row was left out.
    """
    return float(document["numbers"][label]["published"]["ndcg@10"])


def known(document: Document, labels: tuple[str, ...]) -> dict[str, float]:
    """Scores of those that were run."""
    return {label: score(document, label) for label in labels if label in document["numbers"]}


def plus(document: Document) -> dict[str, float]:
    """The rows of DirectSpec+."""
    rows = document["numbers"]
    return known(document, tuple(label for label in rows if label.startswith("DirectSpec+")))


def best(scores: Mapping[str, float]) -> str:
    """The label with the highest score."""
    return max(scores, key=scores.__getitem__)


def shown(scores: Mapping[str, float]) -> str:
    """``BPR .1655, LightGCN .1624``."""
    return ", ".join(f"{label} {metric(value)}" for label, value in scores.items())


def beats_all(document: Document) -> Said | None:
    """DirectSpec+ against the paper's baselines."""
    ours, others = plus(document), known(document, BASELINES)
    if not ours or len(others) < 3:
        return None
    top = {best(ours): max(ours.values()), best(others): max(others.values())}
    high, low = top.values()
    if high > low and len(others) < MOST:
        return None
    text = f"{shown(top)} ({100 * (high / low - 1):+.2f} %; of {len(others)} baselines)"
    return text, high > low


def significant(document: Document) -> Said | None:
    """By the paper's one-tailed test over seeds where there are several, else over users."""
    tests = document["numbers"].get("tests", {}).get("against", {})
    ps = {label: next((p for p in (each["seeds_one_tailed"], each["users_one_tailed"])
                       if p is not None), 1.0)
          for label, each in tests.items() if label in BASELINES}  # fmt: skip
    if len(ps) < 3:
        return None
    worst = max(ps, key=ps.__getitem__)
    if ps[worst] < 0.01 and len(ps) < MOST:
        return None
    return f"largest p {ps[worst]:.3g} (against {worst}, of {len(ps)})", ps[worst] < 0.01


def best_baseline(document: Document, data: str) -> Said | None:
    """Which of the paper's baselines ranks best."""
    others = known(document, BASELINES)
    if len(others) < MOST or not named(data, "citeulike", "gowalla", "yelp"):
        return None
    first = best(others)
    expected = "LightGCL" if data == "gowalla" else "DirectAU"
    runner_up = best({label: value for label, value in others.items() if label != first})
    return shown({label: others[label] for label in (first, runner_up)}), first.startswith(expected)


def best_baselines(found: Found) -> Answer | None:
    """On each data set."""
    return by_data(found, best_baseline)


def named(data: str, *names: str) -> bool:
    """Whether a data set is one of these, or stands in for it as yelp-sparse does for yelp."""
    return data in names or ("yelp" in names and data.startswith("yelp"))


def only(one: One, *names: str) -> Judge:
    """`on_each`, of a claim on certain data sets."""

    def judge(found: Found) -> Answer | None:
        return on_each(one)({data: each for data, each in found.items() if named(data, *names)})

    return judge


def by_data(found: Found, one: Any) -> Answer | None:
    """`on_each` of a judge that has to know the data set."""
    merged = {data: {**each, "numbers": {**each["numbers"], "_data": data}}
              for data, each in found.items()}  # fmt: skip
    return on_each(lambda document: one(document, document["numbers"]["_data"]))(merged)


def above(high: str, low: str) -> One:
    """One row above another."""

    def one(document: Document) -> Said:
        pair = {label: score(document, label) for label in (high, low)}
        return shown(pair), pair[high] > pair[low]

    return one


def gain(high: str, low: str, printed: Mapping[str, float]) -> Any:
    """By how many per cent, beside what the paper prints."""

    def one(document: Document, data: str) -> Said | None:
        name = "yelp" if data.startswith("yelp") else data
        if name not in printed:
            return None
        ours = 100 * (score(document, high) / score(document, low) - 1)
        return f"{ours:+.1f} % (paper {printed[name]:+.1f} %)", ours > 0.8 * printed[name]

    return lambda found: by_data(found, one)


def as_printed(found: Found) -> Answer | None:
    """DirectSpec+(MF) within a per cent of the printed figure."""

    def one(document: Document, data: str) -> Said | None:
        if data not in PRINTED:
            return None
        ours = {k: v for k, v in plus(document).items() if k.startswith("DirectSpec+(MF)")}
        if not ours:
            return None
        text = f"{shown(ours)} (paper {metric(PRINTED[data])})"
        return text, any(abs(value / PRINTED[data] - 1) < 0.01 for value in ours.values())

    return by_data(found, one)


def order_of_gains(found: Found) -> Answer | None:
    """Gain of DirectSpec over its plain model, mean of MF and LightGCN, by data set."""
    gains = {}
    for data, document in found.items():
        pairs = (("DirectSpec(MF)", "BPR"), ("DirectSpec(GCN)", "LightGCN"))
        try:
            both = [score(document, high) / score(document, low) - 1 for high, low in pairs]
        except KeyError:
            continue
        gains["yelp" if data.startswith("yelp") else data] = 100 * sum(both) / 2
    if len(gains) < 3:
        return None
    text = ", ".join(f"{data} {value:+.1f} %" for data, value in gains.items())
    return Answer(text, verdict(gains["yelp"] > gains["gowalla"] > gains["citeulike"]))


def rank_is_not_accuracy(document: Document) -> Said | None:
    """Correlation of effective rank with accuracy over methods with d = 64."""
    rows = {
        label: (each["effective_rank"], each["published"]["ndcg@10"])
        for label, each in document["numbers"].items()
        if isinstance(each, Mapping) and 2 < (each.get("effective_rank") or 0) <= WIDTH
    }
    if len(rows) < 4:
        return None
    names = list(rows)
    ranks, scores = zip(*rows.values(), strict=True)
    against = [(a, b) for a in names for b in names
               if rows[a][0] < rows[b][0] - 2 and rows[a][1] > rows[b][1]]  # fmt: skip
    text = f"correlation over {len(rows)} methods {correlated(ranks, scores):.2f}"
    if against:
        low, high = against[0]
        text += f"; {low} with {rows[low][0]:.1f} above {high} with {rows[high][0]:.1f}"
    return text, bool(against)


def sizes(document: Document, data: str) -> Said | None:
    """Table III."""
    printed = {"citeulike": (5551, 16981, 210537), "yelp": (25677, 25815, 731672),
               "gowalla": (29858, 40981, 1027370)}  # fmt: skip
    if data not in printed:
        return None
    ours = tuple(document["numbers"][what] for what in ("users", "items", "interactions"))
    return f"{ours[0]:,} × {ours[1]:,}, {ours[2]:,}", ours == printed[data]


def ratio(label: str, base: str, most: float) -> One:
    """Time of an epoch over the plain model's."""

    def one(document: Document) -> Said:
        found = document["numbers"][label] / document["numbers"][base]
        return f"{found:.2f} times", found < most

    return one


def smaller_on_larger(found: Found) -> Answer | None:
    """The additional share of time, by size of the data."""
    ratios = {data: each["numbers"]["DirectSpec+(MF)"] / each["numbers"]["BPR"]
              for data, each in found.items() if "BPR" in each["numbers"]}  # fmt: skip
    if not {"citeulike", "gowalla"} <= set(ratios):
        return None
    text = ", ".join(f"{data} {value:.2f}" for data, value in ratios.items())
    return Answer(text, verdict(ratios["gowalla"] < ratios["citeulike"]))


def static_wins(document: Document) -> Said:
    """Table VI, by a large margin: a tenth, where the paper has a quarter and more."""
    gap = document["numbers"]["dynamic_below_static"]
    side = "below" if gap > 0 else "above"
    return f"the dynamic design is {abs(gap):.1%} {side} the better static one", gap > 0.1


def best_at(name: str, low: float, high: float) -> One:
    """Where a sweep is best, within a range."""

    def one(document: Document) -> Said:
        value = document["numbers"]["best"][name]
        return f"best at {value:g}", low <= value <= high

    return one


def best_distance(document: Document) -> Said:
    """Figure 9b: rows of one side are an even number of edges apart, so that 3 is 2 again."""
    value = document["numbers"]["best"]["K"]
    same = {0: ", one τ for all pairs", 1: ", where no two rows are near, only each and itself"}
    return f"best at {value:g}{same.get(value, '')}", 2 <= value < 4


def near_lower(document: Document) -> Said:
    """Figure 9c: slightly below τ₁, as 3.5 is below 4."""
    found = document["numbers"]["best"]
    return f"best at {found['τ₀']:g} for τ₁ = {found['τ₁']:g}", 0 < found["τ₁"] - found["τ₀"] <= 0.5


def printed_alpha(document: Document, data: str) -> Said | None:
    """Figure 10, within a step of the grid."""
    printed = {"citeulike": 1.1, "yelp": 0.6}.get("yelp" if data.startswith("yelp") else data)
    if printed is None:
        return None
    value = document["numbers"]["best_alpha"]
    return f"best at α = {value:g} (paper {printed:g})", abs(value - printed) < 0.15
