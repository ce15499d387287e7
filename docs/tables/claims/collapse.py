"""Claims on how embeddings collapse while they are trained: figures 1 to 3, 5 to 8 and 11."""

from __future__ import annotations

from math import exp

from tables.claims.claim import (
    Answer,
    Claim,
    Document,
    Found,
    correlated,
    curve,
    listed,
    on_each,
    verdict,
)

WIDTH = 64
POSITIVE = ("LightGCN", "MF log loss", "MF Euclidean")
NEGATIVE = ("LightGCN-BPR", "MF-BPR", "MF-BCE")
YELP = ("yelp-sparse",)
RANK, ACCURACY = "effective rank", "validation nDCG@10"
Said = tuple[str, bool]


def few_dimensions(document: Document) -> Said:
    """Figure 1."""
    found = document["numbers"]
    text = (f"{found['reach_a_tenth']} of {found['count']} reach a tenth of the first, the median "
            f"is {found['median']:.2f}")  # fmt: skip
    return text, found["median"] < 0.1


def at_start(document: Document) -> Said:
    """Figure 2: the effective rank before training."""
    before = {label: document["numbers"][label]["before"] for label in (*POSITIVE, *NEGATIVE)}
    return f"{min(before.values()):.1f} to {max(before.values()):.1f} of {WIDTH}", (
        min(before.values()) > 0.95 * WIDTH
    )


def monotone(document: Document) -> Said:
    """Epochs with a rise."""
    rises = {label: document["numbers"][label]["epochs_with_a_rise"] for label in POSITIVE}
    return f"epochs with a rise: {listed(rises, '{:.0f}')}", not any(rises.values())


def accuracy_stays(document: Document) -> Said:
    """By how much accuracy moves, as a share of what BPR reaches."""
    reached = document["numbers"]["MF-BPR"]["best_ndcg@10"]
    moved = {}
    for label in POSITIVE:
        _, values = curve(document, ACCURACY, label)
        moved[label] = (max(values) - values[0]) / reached
    return f"gain as a share of BPR's best: {listed(moved, '{:.0%}')}", max(moved.values()) < 0.1


def last(document: Document, low: str, high: str) -> Said:
    """Whether one ends below the other."""
    found = {label: document["numbers"][label]["last"] for label in (low, high)}
    return f"ends at {listed(found)}", found[low] < found[high]


def above_one(document: Document) -> Said:
    """Where positives alone end."""
    found = {label: document["numbers"][label]["last"] for label in POSITIVE}
    return f"ends at {listed(found)}", min(found.values()) > 1.2


def euclidean_worse(document: Document) -> Said:
    """Best accuracy of the two losses of observed pairs on MF."""
    found = {label: document["numbers"][label]["best_ndcg@10"] for label in POSITIVE[1:]}
    return f"best nDCG@10 {listed(found, '{:.4f}')}", found["MF Euclidean"] < found["MF log loss"]


def plunges(document: Document) -> Said:
    """Down first, up again, and not to the top."""
    rows = {label: document["numbers"][label] for label in NEGATIVE}
    text = ", ".join(f"{label} {each['before']:.1f} → {each['lowest']:.1f} → {each['last']:.1f}"
                     for label, each in rows.items())  # fmt: skip
    good = [each["lowest"] < each["before"] - 2 and each["last"] > each["lowest"] + 1
            and each["last"] < 0.99 * WIDTH for each in rows.values()]  # fmt: skip
    return text, all(good)


def lower_on_graph(document: Document) -> Said:
    """The lowest and the last of BPR on LightGCN and on MF."""
    graph, free = (document["numbers"][label] for label in NEGATIVE[:2])
    text = (f"lowest {graph['lowest']:.1f} on LightGCN and {free['lowest']:.1f} on MF, last "
            f"{graph['last']:.1f} and {free['last']:.1f}")  # fmt: skip
    return text, graph["lowest"] < free["lowest"] and graph["last"] < free["last"]


def together(document: Document) -> Said:
    """Correlation of accuracy with effective rank over the epochs of training."""
    found = {}
    for label in NEGATIVE:
        ranks = dict(zip(*curve(document, RANK, label), strict=True))
        accuracy = dict(zip(*curve(document, ACCURACY, label), strict=True))
        both = sorted(set(ranks) & set(accuracy))
        found[label] = correlated([ranks[at] for at in both], [accuracy[at] for at in both])
    return f"correlation over epochs: {listed(found, '{:.2f}')}", min(found.values()) > 0.5


def balanced_spectrum(document: Document) -> Said:
    """Figure 3a, by the effective rank of the top eigenvalues."""
    alone, both = (document["numbers"]["eigenvalues"][each] for each in ("A", "A − Ā"))
    ranks = [each["effective_rank"] for each in (alone, both)]
    steps = [each["effective_rank_after_steps"] for each in (alone, both)]
    text = (f"effective rank of the top eigenvalues {ranks[0]:.1f} and {ranks[1]:.1f}, after many "
            f"steps {steps[0]:.2f} and {steps[1]:.2f}")  # fmt: skip
    return text, ranks[1] > 1.002 * ranks[0] and steps[1] > steps[0]


def still_falls(document: Document) -> Said:
    """Figure 3b."""
    found = document["numbers"]["euclidean"]
    shown = {label: each["last"] for label, each in found.items()}
    rises = {label: each["epochs_with_a_rise"] for label, each in found.items()}
    text = f"ends at {listed(shown)}; epochs with a rise: {listed(rises, '{:.0f}')}"
    return text, not rises["with negatives"]


def slower(document: Document) -> Said:
    """Figure 3b, against positives alone."""
    found = document["numbers"]["euclidean"]
    ends = {label: found[label]["last"] for label in ("positives alone", "with negatives")}
    return f"ends at {listed(ends)}", ends["with negatives"] > ends["positives alone"]


def vanishes(document: Document) -> Said:
    """Figure 3c: the factors of the gradient at the mean scores."""
    scores = document["numbers"]["scores"]
    pull = 1 / (1 + exp(scores["positive_score"]["last"]))
    push = 1 / (1 + exp(-scores["negative_score"]["last"]))
    means = [scores[f"{each}_score"]["last"] for each in ("positive", "negative")]
    text = f"mean scores {means[0]:.2f} and {means[1]:.2f}: factors {pull:.3f} and {push:.3f}"
    return text, pull < 0.5 and pull < push


def more_recall(document: Document) -> Said:
    """Figure 3d."""
    found = {f"N = {n}": each["recall"] for n, each in document["numbers"]["bce"].items()}
    values = list(found.values())
    return f"best Recall@10 {listed(found, '{:.4f}')}", values == sorted(values) != values[::-1]


def same_rank(document: Document) -> Said:
    """Figure 3d."""
    found = {f"N = {n}": each["last"] for n, each in document["numbers"]["bce"].items()}
    spread = max(found.values()) - min(found.values())
    return f"ends at {listed(found)}", spread < 0.03 * WIDTH


def worst_data(found: Found) -> Answer | None:
    """Figure 5, of a run on several data sets."""
    for document in found.values():
        ends = document["numbers"]["last"]
        text = "; ".join(f"{encoder}: {listed(each)}" for encoder, each in ends.items())
        worst = [min(each, key=each.__getitem__).startswith("yelp") for each in ends.values()]
        best = [max(each, key=each.__getitem__) == "citeulike" for each in ends.values()]
        where = [name for name, a, b in zip(ends, worst, best, strict=True) if a and b]
        if where and any(len(each) < 3 for each in ends.values()):
            continue  # two data sets can be against it, and not for it
        return Answer(text, verdict(len(where) == len(ends), f"on {where[0]}" if where else ""))
    return None


def _of(figure: str, data: tuple[str, ...], *claims: tuple[str, str, object]) -> tuple[Claim, ...]:
    return tuple(
        Claim(text, where, figure, on_each(one), data)  # type: ignore[arg-type]
        for text, where, one in claims
    )


CLAIMS = (
    *_of(
        "figure-1",
        ("citeulike",),
        (
            "most dimensions of the interactions have singular values near 0",
            "Figure 1, section I",
            few_dimensions,
        ),
    ),
    *_of(
        "figure-2",
        YELP,
        ("before training the effective rank is about d", "Figure 2a", at_start),
        (
            "with positives alone the effective rank falls monotonically on every model",
            "Figure 2a",
            monotone,
        ),
        ("with positives alone accuracy barely changes", "Figure 2c", accuracy_stays),
        (
            "with positives alone it falls faster on LightGCN than on MF",
            "Figure 2a",
            lambda found: last(found, "LightGCN", "MF log loss"),
        ),
        (
            "and faster for the Euclidean loss than for the log loss, on MF",
            "Figure 2a",
            lambda found: last(found, "MF Euclidean", "MF log loss"),
        ),
        ("the Euclidean loss is less accurate than the log loss", "Figure 2c", euclidean_worse),
        ("with positives alone it converges to a value above 1", "Figure 2a", above_one),
        ("with negatives it plunges, rises again and stays below d", "Figure 2b", plunges),
        (
            "with negatives it falls lower and ends lower on LightGCN than on MF",
            "Figure 2b",
            lower_on_graph,
        ),
        (
            "with negatives accuracy has a trend similar to the effective rank",
            "Figure 2d",
            together,
        ),
    ),
    *_of(
        "figure-3",
        ("citeulike",),
        ("A − Ā has a more balanced spectrum than A", "Figure 3a", balanced_spectrum),
        ("with negatives the Euclidean loss still falls monotonically", "Figure 3b", still_falls),
        ("but slower than with positives alone", "Figure 3b", slower),
        ("with BCE the gradients of observed pairs vanish first", "Figure 3c", vanishes),
        ("more negatives raise BCE's accuracy", "Figure 3d", more_recall),
        ("more negatives leave BCE's effective rank as it is", "Figure 3d", same_rank),
    ),
    Claim(
        "Yelp suffers most from the collapse, CiteULike least",
        "Figure 5, section V-B1",
        "figure-5",
        worst_data,
        ("citeulike", "yelp-sparse", "gowalla"),
    ),
)
