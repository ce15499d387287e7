"""``fullrank demo``: the main job on generated data, with a verdict."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli import options
from fullrank.cli.claims import claimed
from fullrank.cli.fit import train
from fullrank.cli.leaderboard import show_leaderboard
from fullrank.cli.nightly import Night
from fullrank.cli.output import Output, say, show_frame, show_table
from fullrank.cli.progress import reporter
from fullrank.cli.report import add_report

if TYPE_CHECKING:
    from fullrank.recommender import Recommender

NAME = "demo"
# Each among the best of a dozen settings tried for it on the validation part. Without weight decay
# BPR would look far worse than it is.
SETTINGS: dict[str, dict[str, Any]] = {
    "bpr": {"lr": 10.0, "weight_decay": 0.04, "epochs": 150},
    "directspec+": {"lr": 30.0, "tau": 2.0, "epochs": 60},
}
BUDGET = 60
"""Seconds for the leaderboard."""
LIKED = 8
"""Interactions of the user whose list is shown: enough for a taste, few enough to read."""
METRICS = ("ndcg@20", "recall@20")


def command(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the model.")] = Path(
        "demo-model"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the training.")] = 0,
    as_json: options.Json = False,
) -> None:
    """Train BPR and DirectSpec+ on generated data, beside what else there is; needs no network."""
    output = Output(as_json)
    from fullrank import Recommender, load

    with claimed(out, restart=True) as out:
        split = load("demo")
        sizes = ", ".join(f"{name} {len(part):,}" for name, part in split.parts.items())
        output.note(
            f"generated data: {split.train.n_users:,} users, {split.train.n_items:,} items; "
            f"{sizes}\n"
            "each method stops at its best validation ndcg@20; the test part is looked at once\n"
        )
        figures: dict[str, dict[str, Any]] = {}
        report = None
        for method, settings in SETTINGS.items():
            output.note(f"training {method} ...")
            model = Recommender(method, seed=seed, **settings)
            if method == "directspec+":
                train(model, split, Night(out), output, remedy="fullrank demo begins anew")
                report = add_report(model, out, output)
            else:
                model.fit(split, reporter=reporter(output))
            figures[method] = _figures(model)
    output.note(f"trying several methods, for {BUDGET} s at most ...")
    several = Recommender("auto", budget=BUDGET, seed=seed).fit(split, reporter=reporter(output))
    board = several.training["auto"]
    verdict = _verdict(figures, len(model.user_embeddings[0]))
    document = {"model": str(out), "methods": figures, "verdict": verdict}
    document["leaderboard"] = board["leaderboard"]

    def show() -> None:
        names = ["method", *METRICS, "effective rank", "epochs", "seconds"]
        show_table(names, [[method, *row.values()] for method, row in figures.items()])
        say(verdict)
        say("\nWhat a fit without a method would try, and be the first of:")
        show_leaderboard({"auto": board})
        row = _somebody(model)
        _show_lists(model, row)
        typer.echo(f"\nThe directspec+ model lies in {out}. Next:")
        if report:
            typer.echo(f"  open {quote(report)} in a browser")
        folder, user = quote(str(out)), quote(str(model.users.values[row]))
        typer.echo(f"  fullrank recommend {folder} --user {user} -k 5")
        typer.echo(f"  fullrank inspect {folder}")
        typer.echo("  fullrank fit YOUR.csv -o my-model")

    output.result(document, show)


def _figures(model: Recommender) -> dict[str, Any]:
    result = model.evaluate(k=20, metrics=("ndcg", "recall"))
    return {name: result[name] for name in METRICS} | {
        "effective_rank": model.training["effective_rank"],
        "epochs": model.training["epochs"],
        "seconds": model.training["seconds"],
    }


def _verdict(figures: dict[str, dict[str, Any]], dim: int) -> str:
    ranked = sorted(figures, key=lambda method: figures[method]["ndcg@20"], reverse=True)
    first, second = (figures[method] for method in ranked[:2])
    gain = 100 * (first["ndcg@20"] / max(second["ndcg@20"], 1e-12) - 1)
    return (
        f"{ranked[0]} ranks better here, by {gain:.1f} % in ndcg@20. Of {dim} "
        f"dimensions it uses {first['effective_rank']:.1f} (effective rank), "
        f"{ranked[1]} {second['effective_rank']:.1f}."
    )


def _somebody(model: Recommender) -> int:
    """The row of a user who liked enough to tell a taste and few enough things to list."""
    return int(abs(model.train.user_degree - LIKED).argmin())


def _show_lists(model: Recommender, row: int) -> None:
    user, titles = model.users.values[row], model.items.titles
    own = model.train.item_idx[model.train.indptr[row] : model.train.indptr[row + 1]]
    if titles is not None:
        typer.echo(f"\n{user} liked:")
        for title in titles.gather(own):
            typer.echo(f"  {title}")
        typer.echo("and would be recommended:")
    show_frame(model.recommend([user], k=5))
