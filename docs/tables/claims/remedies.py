"""Claims on what prevents a collapse: figures 6, 7, 8, 10 and 11."""

from __future__ import annotations

from tables.claims.claim import Claim, Document, One, curve, listed, on_each

WIDTH = 64
YELP = ("yelp-sparse",)
RANK = "effective rank"
Said = tuple[str, bool]


def negatives_fall(document: Document) -> Said:
    """Figure 6a: BCE's unobserved part alone."""
    rises = {label: each["epochs_with_a_rise"] for label, each in _alone(document).items()}
    return f"epochs with a rise: {listed(rises, '{:.0f}')}", not any(rises.values())


def negatives_collapse(document: Document) -> Said:
    """Figure 6a: to a rank of a few at most."""
    ends = {label: each["last"] for label, each in _alone(document).items()}
    return f"ends at {listed(ends)} of {WIDTH}", max(ends.values()) < 4


def more_is_faster(document: Document) -> Said:
    """Figure 6a: by the number of negatives."""
    ends = [each["last"] for each in _alone(document).values()]
    shown = {label: each["last"] for label, each in _alone(document).items()}
    return f"ends at {listed(shown)}", ends == sorted(ends, reverse=True) != ends[::-1]


def stays_balanced(document: Document) -> Said:
    """Figure 6a: DirectSpec without observed pairs."""
    found = document["numbers"]["unobserved"]["DirectSpec"]
    text = f"{found['first']:.1f} → {found['last']:.1f}"
    return text, found["last"] > 0.98 * found["first"]


def recovers(document: Document) -> Said:
    """Figure 6b."""
    found = document["numbers"]["recovery"]
    text = f"{found['first']:.1f} → {found['after_bce']:.1f} → {found['after_directspec']:.1f}"
    lost = found["first"] - found["after_bce"]
    return text, lost > 0 and found["after_directspec"] - found["after_bce"] > 0.5 * lost


def _alone(document: Document) -> dict[str, dict[str, float]]:
    found = document["numbers"]["unobserved"]
    return {label: each for label, each in found.items() if label.startswith("BCE")}


def _ends(low: str, high: str) -> One:
    def one(document: Document) -> Said:
        found = {label: document["numbers"]["last"][label] for label in (low, high)}
        return f"ends at {listed(found)}", found[low] < found[high]

    return one


def lightgcl_rises(document: Document) -> Said:
    """Figure 7a: lower at the beginning, then higher."""
    _, values = curve(document, RANK, "LightGCL")
    lowest = min(values)
    text = f"{values[0]:.1f} before training, lowest {lowest:.1f}, last {values[-1]:.1f}"
    return text, lowest < values[0] - 1 and values[-1] > lowest + 1


def between(document: Document) -> Said:
    """Figure 7c."""
    share = document["numbers"]["dropedge_between"]
    ends = {label: document["numbers"]["last"][label] for label in ("LightGCN", "DropEdge", "BPR")}
    return f"after {share:.0%} of the epochs; ends at {listed(ends)}", share > 0.9


def above_62(document: Document) -> Said:
    """Figure 8a."""
    rank = document["numbers"]["at_best"]["DirectSpec+"]
    return f"{rank:.2f} of {WIDTH}", 62 < rank < WIDTH


def small_values(document: Document) -> Said:
    """Figure 8b: BPR."""
    share = document["numbers"]["bpr_share_below_0.2"]
    return f"{share:.0%} of them", share > 0.5


def large_values(document: Document) -> Said:
    """Figure 8b: DirectSpec+."""
    share = document["numbers"]["directspec_plus_share_above_0.5"]
    return f"{share:.0%} of them", share > 0.5


def balanced_and_worse(document: Document) -> Said:
    """Figure 8c."""
    pair = ("DirectSpec", "DirectSpec+")
    ranks, accuracy = ({label: document["numbers"][name][label] for label in pair}
                       for name in ("at_best", "best_ndcg@10"))  # fmt: skip
    text = f"effective rank {listed(ranks, '{:.2f}')}; nDCG@10 {listed(accuracy, '{:.4f}')}"
    return text, ranks[pair[0]] > ranks[pair[1]] and accuracy[pair[0]] < accuracy[pair[1]]


def same_peak(document: Document) -> Said:
    """Figure 10."""
    found = document["numbers"]
    best, highest = found["best_alpha"], found["alpha_of_highest_effective_rank"]
    return f"accuracy at α = {best:g}, effective rank at {highest:g}", best == highest


def rise_and_drop(document: Document) -> Said:
    """Figure 10: whether both have their highest value inside the range."""
    inside = {}
    for name in ("ndcg@10", "effective_rank"):
        values = list(document["numbers"][name].values())
        inside[name] = 0 < values.index(max(values)) < len(values) - 1
    text = ", ".join(f"{name} is highest {'inside' if each else 'at an end of'} the range"
                     for name, each in inside.items())  # fmt: skip
    return text, all(inside.values())


def high_for_good(document: Document) -> Said:
    """Figure 11: LightGCN on positives alone."""
    found = document["numbers"]["LightGCN, positives"]
    text = ", ".join(f"{side} {each['first']:.3f} → {each['last']:.3f}"
                     for side, each in found.items())  # fmt: skip
    return text, all(each["last"] > 0.5 and each["last"] >= 0.95 * each["highest"]
                     for each in found.values())  # fmt: skip


def up_and_down(document: Document) -> Said:
    """Figure 11: LightGCN with BPR."""
    found = document["numbers"]["LightGCN-BPR"]
    text = ", ".join(f"{side} {each['first']:.3f} → {each['highest']:.3f} → {each['last']:.3f}"
                     for side, each in found.items())  # fmt: skip
    return text, all(2 * each["first"] < each["highest"] > 1.05 * each["last"]
                     for each in found.values())  # fmt: skip


def low_throughout(document: Document) -> Said:
    """Figure 11: DirectSpec+ against LightGCN with BPR."""
    found, other = (document["numbers"][label] for label in ("DirectSpec+", "LightGCN-BPR"))
    text = ", ".join(f"{side} at most {each['highest']:.3f}" for side, each in found.items())
    return text, all(each["highest"] < 0.2 and each["last"] < other[side]["last"]
                     for side, each in found.items())  # fmt: skip


def never_zero(document: Document) -> Said:
    """Figure 11: the bound 1 / d."""
    found = document["numbers"]["DirectSpec+"]
    least = min(min(each["first"], each["last"]) for each in found.values())
    return f"never below {least:.4f}; 1 / d is {1 / WIDTH:.4f}", least >= 0.99 / WIDTH


def _of(figure: str, data: tuple[str, ...], *claims: tuple[str, str, One]) -> tuple[Claim, ...]:
    return tuple(Claim(text, where, figure, on_each(one), data) for text, where, one in claims)


CLAIMS = (
    *_of(
        "figure-6",
        YELP,
        ("negatives alone lower the effective rank consistently", "Figure 6a", negatives_fall),
        ("negatives alone collapse the embeddings completely", "Figure 6a", negatives_collapse),
        ("negatives alone collapse them faster if they are more", "Figure 6a", more_is_faster),
        (
            "DirectSpec without observed pairs leaves the effective rank as it is",
            "Figure 6a",
            stays_balanced,
        ),
        ("DirectSpec recovers a table that BCE's negatives have collapsed", "Figure 6b", recovers),
    ),
    *_of(
        "figure-7",
        ("citeulike",),
        ("LightGCL's effective rank is lower at first and rises", "Figure 7a", lightgcl_rises),
        ("LightGCL ends below DirectSpec+", "Figure 7a", _ends("LightGCL", "DirectSpec+")),
        ("LogDet is closer to d than LightGCL", "Figure 7b", _ends("LightGCL", "LogDet")),
        ("LogDet ends below DirectSpec+", "Figure 7b", _ends("LogDet", "DirectSpec+")),
        ("DropEdge lies between LightGCN and BPR", "Figure 7c", between),
        ("DropEdge ends below DirectSpec+", "Figure 7c", _ends("DropEdge", "DirectSpec+")),
    ),
    *_of(
        "figure-8",
        YELP,
        (
            "DirectSpec+'s effective rank is above 62 of 64 where accuracy is best",
            "Figure 8a, section V-C1",
            above_62,
        ),
        (
            "most singular values of BPR are then below 0.2 of the largest",
            "Figure 8b",
            small_values,
        ),
        ("most singular values of DirectSpec+ are then above 0.5 of it", "Figure 8b", large_values),
        (
            "DirectSpec has the higher effective rank and the lower accuracy",
            "Figure 8c",
            balanced_and_worse,
        ),
    ),
    *_of(
        "figure-10",
        ("citeulike", *YELP),
        ("accuracy and effective rank first rise with α and then drop", "Figure 10", rise_and_drop),
        ("accuracy and effective rank peak at the same α", "Figure 10", same_peak),
    ),
    *_of(
        "figure-11",
        YELP,
        (
            "LightGCN on positives alone becomes highly correlated for good",
            "Figure 11",
            high_for_good,
        ),
        ("on LightGCN with BPR correlation first rises and then drops", "Figure 11", up_and_down),
        ("DirectSpec+ keeps the correlation low throughout", "Figure 11", low_throughout),
        (
            "the correlation never becomes 0, since d is small",
            "Figure 11, Proposition 4",
            never_zero,
        ),
    ),
)
