"""The page of a study: how the search went, what each setting is worth, what was chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fullrank.pages import records
from fullrank.pages.charts import bar_chart, point_chart
from fullrank.pages.drawing import Chart, Series
from fullrank.pages.model import foot
from fullrank.pages.render import write_page
from fullrank.pages.scales import Number, brief, shown
from fullrank.studies.trials import AS_IT_COMES, BY_RULE, of_rule, settings_in
from fullrank.studies.tune import Study

SECTIONS = {
    "course": "The course of the search",
    "settings": "What each setting is worth",
    "trials": "All trials",
    "made": "How it was made",
}
STATES = {"COMPLETE": "complete", "PRUNED": "stopped early", "FAIL": "failed"}


@dataclass(frozen=True)
class Trial:
    """What is known of a trial.

    Attributes:
        number: From 1.
        state: How it ended, in words.
        value: Validation ndcg@20, of a complete one.
        settings: What was tried.
        log: Whether each of them is searched on a logarithmic scale.
        epoch: Its best epoch, if it has epochs.
        seconds: It took.
    """

    number: int
    state: str
    value: float | None
    settings: dict[str, Any]
    log: dict[str, bool]
    epoch: int | None
    seconds: float | None


def trials_of(study: Any) -> list[Trial]:
    """The trials of an Optuna study that came to an end."""
    return [
        Trial(
            number=trial.number + 1,
            state=STATES.get(trial.state.name, trial.state.name.lower()),
            value=records.number(trial.value) if trial.state.name == "COMPLETE" else None,
            settings=settings_in(trial),
            log={
                name.removesuffix(of_rule("")): bool(getattr(each, "log", False))
                for name, each in trial.distributions.items()
            },
            epoch=trial.user_attrs.get("epoch"),
            seconds=None if trial.duration is None else trial.duration.total_seconds(),
        )
        for trial in study.trials
        if trial.state.is_finished()
    ]


def write_study(
    found: Study, trials: Sequence[Trial], path: Path, *, command: str = "", next_command: str = ""
) -> None:
    """Writes the page of a study.

    Args:
        found: Its summary.
        trials: All that came to an end.
        path: The HTML file.
        command: What made it.
        next_command: What fits a model with what was found.

    Raises:
        DataError: the file cannot be written.
    """
    values = values_of(found, trials) | {"command": command, "next_command": next_command}
    write_page(path, "study.html", values)


def values_of(found: Study, trials: Sequence[Trial]) -> dict[str, Any]:
    """What the template of the page is filled with."""
    done = [trial for trial in trials if trial.value is not None]
    chosen = ", ".join(f"{name} {value_shown(each)}" for name, each in found.settings.items())
    chosen = chosen or AS_IT_COMES
    over = f", the mean over {found.repeats} divisions" if found.repeats > 1 else ""
    best = max(done, key=lambda trial: trial.value or 0.0, default=None)
    return {
        "kind": "Search of settings",
        "title": f"{found.method} on {found.data}",
        "sections": list(SECTIONS.items()),
        "verdict": f"The best of {found.trials} trials has validation ndcg@20 {found.value:.4f}"
        f"{over}, with {chosen}.",
        "gain": gain(done),
        "course": course(done),
        "each": [
            chart
            for name in dict.fromkeys(name for trial in done for name in trial.settings)
            if (chart := setting_chart(done, name)) is not None
        ],
        "trials": table(trials),
        "best": None if best is None else [trial.number for trial in trials].index(best.number),
        "made": made(found),
        "foot": foot(None),
    }


def gain(done: Sequence[Trial]) -> str:
    """How much the search found over its first trial; nothing where that failed."""
    if len(done) < 2 or done[0].number != 1 or not done[0].value:
        return ""
    best = max(trial.value or 0.0 for trial in done)
    more = 100 * (best / done[0].value - 1)
    return f"That is {more:.1f} % above the first trial." if more > 0 else (
        "No trial was better than the first."
    )  # fmt: skip


def course(done: Sequence[Trial]) -> Chart | None:
    """Values of the trials in their order, with the best so far."""
    if not done:
        return None
    values = [trial.value or 0.0 for trial in done]
    so_far = [max(values[: at + 1]) for at in range(len(values))]
    return point_chart(
        "Validation accuracy of the trials",
        [float(trial.number) for trial in done],
        values,
        x_label="trial",
        y_label="validation ndcg@20",
        best=values.index(max(values)),
        line=so_far,
        note="The line is the best so far; the large point is what was chosen.",
    )


def setting_chart(done: Sequence[Trial], name: str) -> Chart | None:
    """Values of the trials that have a setting: points of a number, bars of each choice's best."""
    done = [trial for trial in done if name in trial.settings]
    pairs = [(trial.settings[name], trial.value or 0.0) for trial in done]
    best = max(range(len(pairs)), key=lambda at: pairs[at][1])
    numbers = [records.number(each) for each, _ in pairs]
    if all(each is not None for each in numbers):
        # What the method found by itself was drawn from no span.
        log = any(trial.log.get(name, False) for trial in done)
        values: list[Number] = [value for _, value in pairs]
        x = [float(each or 0.0) for each in numbers]
        return point_chart(
            name, x, values, x_label=name, y_label="validation ndcg@20", best=best, log_x=log
        )
    found: dict[str, float] = {}
    for each, value in pairs:
        choice = value_shown(each)
        found[choice] = max(value, found.get(choice, 0.0))
    order = sorted(found, key=lambda each: -found[each])
    series = Series("best ndcg@20", [found[each] for each in order])
    return bar_chart(
        f"{name}: the best trial of each choice",
        order,
        [series],
        unit="validation ndcg@20",
        first=name,
        strong=0,
    )


def table(trials: Sequence[Trial]) -> tuple[list[str], list[list[str]]]:
    """A row for each trial."""
    names = list(dict.fromkeys(name for trial in trials for name in trial.settings))
    head = ["trial", "validation ndcg@20", "state", *names, "epoch", "seconds"]
    return head, [
        [
            str(trial.number),
            shown(trial.value),
            trial.state,
            *(
                value_shown(trial.settings[name])
                if name in trial.settings
                else records.setting(None)
                for name in names
            ),
            records.setting(trial.epoch),
            brief(trial.seconds),
        ]
        for trial in trials
    ]


def span(each: Any) -> str:
    """What was searched of a setting, as a `Study` describes it.

    >>> span([10, 2000, True]), span([0.0, 1.0, False]), span([None, 64])
    ('10 to 2000, by ratios', '0 to 1', 'by rule, 64')
    """
    if isinstance(each, list) and len(each) == 3 and isinstance(each[2], bool):
        return f"{records.setting(each[0])} to {records.setting(each[1])}" + (
            ", by ratios" if each[2] else ""
        )
    return ", ".join(value_shown(one) for one in each)


def value_shown(each: Any) -> str:
    """A value of a setting, None as what it stands for."""
    return BY_RULE if each is None else records.setting(each)


def made(found: Study) -> list[tuple[str, list[tuple[str, str]]]]:
    """What was searched, data and versions."""
    study = [
        ("trials", f"{found.trials:,}"),
        ("seconds", brief(found.seconds)),
        ("seed", str(found.seed)),
        ("divisions", str(found.repeats)),
        ("date", found.date),
    ]
    data = [
        ("data", found.data),
        ("fingerprint of the split", found.fingerprint),
        *records.listed(found.split),
    ]
    return [
        ("Found", [(name, value_shown(each)) for name, each in found.settings.items()]),
        ("Searched", [(name, span(each)) for name, each in found.space.items()]),
        ("Study", study),
        ("Data", data),
        ("Versions", records.listed(found.versions)),
    ]
