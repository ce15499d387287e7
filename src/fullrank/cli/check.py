"""``fullrank check``: how a model behaves, each figure beside its limit."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli import options
from fullrank.cli.output import Output, say, show_table

if TYPE_CHECKING:
    from fullrank.behaviour import Findings

NAME = "check"
FAILED = 4
"""Exit code where a check failed."""


def command(
    model_dir: options.ModelDir,
    against: Annotated[
        Path | None, typer.Option(metavar="DIR", help="A model to compare lists and ids with.")
    ] = None,
    seeds: Annotated[
        bool, typer.Option("--seeds", help="Fit it once more with another seed and compare.")
    ] = False,
    limits: Annotated[
        Path | None, typer.Option(help="TOML file of limits: same_ten = 0.1, ties = false, ...")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the users that are drawn.")] = 0,
    as_json: options.Json = False,
) -> None:
    """Test how a model behaves; exit code 4 where a figure is beyond its limit."""
    output = Output(as_json)
    from fullrank.behaviour import LIMITS, check, read_limits
    from fullrank.recommender import Recommender

    held = LIMITS if limits is None else read_limits(limits)
    model = Recommender.load(model_dir)
    other = None if against is None else Recommender.load(against)
    found = check(model, other=other, seeds=seeds, limits=held, seed=seed)
    document: dict[str, Any] = {"model": str(model_dir), "method": model.method, **found.to_dict()}
    output.result(document, lambda: _show(found))
    if not found.passed:
        raise typer.Exit(FAILED)


def _show(found: Findings) -> None:
    words = {True: "passed", False: "FAILED", None: "not judged"}
    rows = [
        [each.name, "–" if each.value is None else f"{each.value:.3g}", each.bound,
         "not measured" if each.value is None and each.passed is None else words[each.passed],
         each.what]
        for each in found
    ]  # fmt: skip
    show_table(["check", "value", "limit", "", "what"], rows)
    for each in found:
        if each.reason and each.passed is False:
            say(f"{each.name}: {each.reason}")
        elif each.reason:
            say(f"{each.name} was not measured: {each.reason}")
    count = len(found.failed)
    say(
        "all that was judged passed" if not count else f"{count} of {len(found.each)} checks failed"
    )
