"""Rules on the command line: a file of them, and options for the common ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli.output import Output, say, show_protocol, show_table
from fullrank.errors import SettingError

if TYPE_CHECKING:
    from fullrank.data import Interactions
    from fullrank.recommender import Recommender
    from fullrank.rules import Rules
    from fullrank.rules.costs import Cost


@dataclass(frozen=True)
class RuleOptions:
    """Rules; each field is an option."""

    rules: Annotated[Path | None, typer.Option(help="A JSON file of rules (docs/rules.md).")] = None
    where: Annotated[
        str | None, typer.Option(help='What is true of items: "available and price < 20".')
    ] = None
    at_most: Annotated[
        list[str] | None,
        typer.Option(help="Most items of a list with a value, as categories=2; repeatable."),
    ] = None
    diversity: Annotated[
        float | None, typer.Option(help="0 to 1: weight of differing from items above.")
    ] = None

    def described(self) -> Rules | None:
        """The rules of the file and the options together; None where there are none.

        Raises:
            DataError: the file cannot be read.
            SettingError: one of the rules cannot be, or is in the file and an option.
        """
        limits = [_limit(each) for each in self.at_most or []]
        own = {"where": self.where, "at_most": dict(limits) or None, "diversity": self.diversity}
        given: dict[str, Any] = {name: value for name, value in own.items() if value is not None}
        if self.rules is None and not given:
            return None
        from fullrank.rules import Rules

        if self.rules is None:
            return Rules(**given)
        of_file = Rules.read(self.rules)
        for name in given.keys() & of_file.to_json():
            option = f"option --{name.replace('_', '-')}"
            raise SettingError(option, f"{self.rules}, which has {name} too", "one of them")
        return of_file.replace(**given)


def say_unknown(
    output: Output, rules: Rules, model: Recommender, *, strict: bool
) -> dict[str, int]:
    """Binds rules to a model, so that a fault ends the command at once; says what is unknown.

    Raises:
        DataError, SettingError: they do not fit the model.
    """
    from fullrank.rules.bound import Bound

    unknown = Bound.of(rules, model.items, strict=strict).unknown
    for name, count in unknown.items():
        output.note(f"rules, {name}: {count:,} ids of items unknown and passed over")
    return {f"rules {name}": count for name, count in unknown.items()}


def evaluate_rules(
    output: Output,
    model: Recommender,
    rules: Rules,
    test: Interactions | None,
    document: dict[str, Any],
    **how: Any,
) -> None:
    """Prints what each rule costs in ndcg, each alone and all together, against none."""
    from fullrank.rules.costs import costs

    say_unknown(output, rules, model, strict=False)
    how["metrics"] = how.get("metrics") or ["ndcg"]
    made = costs(lambda each: model.evaluate(test, rules=each, **how), rules)
    protocol = made[0].figures.protocol
    document |= {"rules": rules.to_json(), "costs": [cost.to_dict() for cost in made]}
    document["protocol"] = {key: protocol[key] for key in protocol if key != "rules"}

    output.result(document, lambda: _show(made))


def _show(made: list[Cost]) -> None:
    from fullrank.evaluation.intervals import shown

    plain = made[0].figures
    show_protocol(plain.protocol)
    say(
        f"lists of {max(plain.protocol['k'])} under each rule alone and under all, against lists "
        "under none; the change of a metric of users is the mean over them, with its 95 % interval"
    )
    rows: list[list[Any]] = []
    for name in plain:
        for cost in made:
            change = cost.changes.get(name)
            between = "" if change is None else shown(change, cost.intervals.get(name))
            rows.append([name, cost.name, cost.figures[name], between])
    show_table(["metric", "rule", "mean", "change"], rows)


def _limit(text: str) -> tuple[str, Any]:
    name, separator, most = text.rpartition("=")
    if not separator or not name.strip():
        raise SettingError("option --at-most", repr(text), "an attribute and a number: brand=2")
    from fullrank.data.json_text import json_of

    try:
        return name.strip(), json_of(most)
    except ValueError:
        raise SettingError("option --at-most", repr(text), "a whole number after =") from None
