"""The page of a fitted model."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from fullrank.diagnosis.embedded import tables_of
from fullrank.pages import accuracy, course, records
from fullrank.pages.accuracy import Accuracy, accuracy_of
from fullrank.pages.behaviour import behaviour
from fullrank.pages.lists import Lists, users_of
from fullrank.pages.people import people
from fullrank.pages.render import percent, write_page
from fullrank.pages.served import Served, served
from fullrank.pages.space import Space, spaces_of
from fullrank.portfolio import Blend
from fullrank.recommender import Recommender
from fullrank.serving.model_files import MANIFEST, versions

LENGTH = 20
"""Of the lists that are looked at."""
PEOPLE = 10
"""Users who are shown with their lists."""
SECTIONS = {
    "accuracy": "Accuracy",
    "served": "Who is served",
    "behaviour": "Behaviour",
    "training": "Training",
    "space": "Embeddings",
    "people": "Sample users",
    "made": "How it was made",
}

WITHOUT = "This method has no embeddings, so there is no spectrum."
TOO_FEW = (
    "There are fewer rows with interactions than columns, or a single column, so that a spectrum "
    "would say nothing."
)


def write_report(
    model: Recommender,
    path: Path,
    *,
    folder: Path | None = None,
    users: int = PEOPLE,
) -> None:
    """Writes the page of a model.

    Args:
        model: What it is about.
        path: The HTML file.
        folder: Where the model lies, so that the page names the manifest that it is of.
        users: How many are shown with their histories and lists.

    Raises:
        DataError: the file cannot be written.
        FitError: a score of the model is NaN.
    """
    write_page(path, "model.html", values_of(model, folder=folder, users=users))


def values_of(
    model: Recommender, *, folder: Path | None = None, users: int = PEOPLE
) -> dict[str, Any]:
    """What the template of the page is filled with."""
    scorer, trained, parts = model.scorer, model._trained, model._parts
    rows = users_of(parts, trained)
    length = min(LENGTH, model.train.n_items)
    k = accuracy.cutoffs(model.metrics, model.train.n_items)
    lists, popular = (
        Lists.of(each, trained, parts, rows, max(length, k[-1]))
        for each in (scorer, trained.scorer(len(trained.users)))
    )
    gain = lists.first(k[-1]).recall - popular.first(k[-1]).recall
    lists, popular = lists.first(length), popular.first(length)
    figures = accuracy_of(scorer, trained, parts, rows, model.metrics, k, gain)
    shares = served(lists, popular, model.method, trained.items) if len(rows) else None
    counts = model.train.user_degree, np.asarray(trained.popularity)
    tables = tables_of(model)
    spaces = spaces_of(tables, counts)
    training = model.training
    return {
        "kind": "Recommendation model",
        "title": f"{model.method} on {model.data_name or 'interactions'}",
        "sections": list(SECTIONS.items()),
        "verdict": verdict(model.method, figures, shares, accuracy.measured(model.metrics)),
        "caution": caution(figures),
        "tiles": tiles(model, figures, shares, spaces),
        "accuracy": None if figures is None else _accuracy(figures, model.method),
        "accuracy_before": None if figures else accuracy.kept_table(model.metrics),
        "served": shares,
        "behaviour": behaviour(model),
        "curves": course.curves(training),
        "no_curves": course.without_curves(training),
        "no_space": TOO_FEW if tables else WITHOUT,
        "search": course.search_table(training),
        "auto": course.leaderboard(training),
        "training_facts": training_facts(training),
        "spaces": spaces,
        "people": people(lists, users),
        "people_wanted": users,
        "made": made(model),
        "command": records.text(training.get("command")),
        "again": in_python(model),
        "foot": foot(folder),
    }


def verdict(
    method: str,
    figures: Accuracy | None,
    shares: Served | None,
    before: Mapping[str, float] | None = None,
) -> str:
    """The model in a sentence or two, for who knows nothing of metrics.

    Args:
        method: Its name.
        figures: Of its held-out part, if it has one.
        shares: Of its lists.
        before: Means that were measured before a last fit on what was held out.
    """
    parts = []
    recalls = {int(name.partition("@")[2]): each for name, each in (before or {}).items()
               if name.startswith("recall@")}  # fmt: skip
    recall = None if figures is None else figures.value("recall")
    if figures is not None and recall is not None:
        popular = figures.popular[f"recall@{figures.k}"]
        parts.append(
            f"The first {figures.k} suggestions of {method} hold {percent(recall)} of what a user "
            f"went on to choose, on average; the most popular items alone would hold "
            f"{percent(popular)}."
        )
        times = recall / popular if popular else 0.0
        parts.append(
            {
                True: f"That is {times:.1f} times as much." if times >= 1.05 else "That is more.",
                False: "That is less: it is better to show everybody the popular items.",
                None: "Both find as much for each user."
                if figures.alike
                else "The difference is not certain.",
            }[figures.better]
        )
    elif recalls:
        parts.append(
            f"Before its last fit, on all interactions, the first {max(recalls)} suggestions of "
            f"{method} held {percent(recalls[max(recalls)])} of what a user went on to choose, on "
            "average."
        )
    else:
        parts.append(f"{method} was not evaluated: no held-out part lies with the model.")
    if shares is not None:
        parts.append(f"{percent(shares.coverage)} of the catalogue is suggested to somebody.")
    return " ".join(parts)


def caution(figures: Accuracy | None) -> str:
    """What the audit of the split says, in its line."""
    if figures is None:
        return ""
    return records.text(records.mapping(figures.protocol.get("audit")).get("line"))


def tiles(
    model: Recommender, figures: Accuracy | None, shares: Served | None, spaces: list[Space]
) -> list[dict[str, str]]:
    """The figures at the top of the page."""
    found = []
    named = (("recall", "of held-out items found"), ("hit_rate", "of users get one or more"))
    for name, what in (*named, ("ndcg", "hits, weighted by rank")):
        value = None if figures is None else figures.value(name)
        if figures is None or value is None:
            continue
        large = f"{value:.3f}" if name == "ndcg" else percent(value, 1)
        ends = figures.intervals.get(f"{name}@{figures.k}")
        known = "" if ends is None else f", 95 % {ends[0]:.3f} to {ends[1]:.3f}"
        found.append({"value": large, "name": what, "note": f"{name}@{figures.k}{known}"})
    if shares is not None:
        note = f"{shares.shown:,} of {shares.trained:,} items, in lists of {shares.length}"
        found.append(
            {"value": percent(shares.coverage), "name": "of the catalogue shown", "note": note}
        )
    if len(spaces) == 1:
        spectrum = spaces[0].spectrum
        note = f"effective rank; a random table has {spectrum.random_effective_rank:.1f}"
        of_part = f", of {spaces[0].name}" if spaces[0].name else ""
        what = f"of {spectrum.shape[1]} directions in use{of_part}"
        found.append({"value": f"{spectrum.effective_rank:.1f}", "name": what, "note": note})
    size = f"{len(model.users):,} users, {len(model.items):,} items"
    found.append(
        {"value": f"{len(model.train):,}", "name": "interactions to learn from", "note": size}
    )
    return found


def _accuracy(figures: Accuracy, method: str) -> dict[str, Any]:
    protocol = figures.protocol
    masked = records.texts(protocol.get("masked"))
    evaluated = records.number(protocol.get("users_evaluated"))
    return {
        "table": accuracy.table(figures),
        "published": accuracy.published_table(figures),
        "chart": accuracy.chart(figures, method),
        "protocol": records.text(protocol.get("name"), 40) or "unknown",
        "masked": " and ".join(masked) or "nothing",
        "users": None if evaluated is None else f"{evaluated:,.0f}",
        "sample": figures.sample,
        "better": figures.better,
        "alike": figures.alike,
    }


def training_facts(training: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Epochs, seconds and the like, as far as they are known."""
    engine = records.mapping(training.get("engine")).get("name")
    known = [
        ("epochs", records.number(training.get("epochs"))),
        ("best epoch", records.number(training.get("best_epoch"))),
        ("seconds of training", _rounded(training.get("seconds"))),
        ("seconds with validation", _rounded(training.get("seconds_with_validation"))),
        ("parameters", records.number(training.get("parameters"))),
        ("users folded in", records.number(training.get("folded_in"))),
    ]
    facts = [(name, f"{value:,}") for name, value in known if value is not None]
    return facts + ([("engine", records.text(engine, 60))] if engine else [])


def _rounded(value: Any) -> float | None:
    known = records.number(value)
    return None if known is None else round(known, 1)


def made(model: Recommender) -> list[tuple[str, list[tuple[str, str]]]]:
    """Settings, data and versions, as tables of names and values."""
    parts = [(f"{name} interactions", f"{len(part):,}") for name, part in model._parts.items()]
    prints = [(f"fingerprint of {name}", part.fingerprint) for name, part in model._parts.items()]
    data = [("data", model.data_name or "–"), *parts, *records.listed(model._how), *prints]
    settings = records.listed(model.settings.model_dump())
    chosen = records.mapping(model.training.get("chosen"))
    groups = [("Settings", settings)]
    if chosen:
        groups.append(("Chosen by the search", records.listed(chosen)))
    return [*groups, ("Data", data), ("Versions", records.listed(versions()))]


def in_python(model: Recommender) -> str:
    """A line that makes a recommender of these settings."""
    if isinstance(model.settings, Blend):
        return f"fullrank.Recommender(fullrank.portfolio.Blend(parts={model.settings.parts!r}))"
    asked = model.settings.model_dump(exclude_defaults=True)
    asked |= records.mapping(model.training.get("chosen"))
    asked.pop("auto", None)
    values = "".join(f", {name}={value!r}" for name, value in asked.items())
    return f"fullrank.Recommender({model.method!r}{records.text(values)})"


def foot(folder: Path | None) -> str:
    """What the page is of, and when it was made."""
    today = datetime.datetime.now(tz=datetime.UTC).date().isoformat()
    if folder is None or not (folder / MANIFEST).is_file():
        return f"Made on {today}."
    digest = hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()[:16]
    return f"Made on {today} of the model whose {MANIFEST} has sha256 {digest}…."
