"""``fullrank demo``: the main job on generated data, with a verdict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli import options
from fullrank.cli.fit import must_be_free, train
from fullrank.cli.output import Output, show_frame, show_table

if TYPE_CHECKING:
    from fullrank.recommender import Recommender

NAME = "demo"
SETTINGS: dict[str, dict[str, Any]] = {
    "bpr": {"lr": 3.0, "epochs": 150},
    "directspec+": {"lr": 30.0, "tau": 2.0, "epochs": 100},
}
METRICS = ("ndcg@20", "recall@20")


def command(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the model.")] = Path(
        "demo-model"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the training.")] = 0,
    as_json: options.Json = False,
) -> None:
    """Train BPR and DirectSpec+ on generated data and compare them; needs no network."""
    output = Output(as_json)
    must_be_free(out, resume=False)
    from fullrank import Recommender, load

    split = load("demo")
    sizes = ", ".join(f"{name} {len(part):,}" for name, part in split.parts.items())
    output.note(
        f"generated data: {split.train.n_users:,} users, {split.train.n_items:,} items; {sizes}\n"
        "each method stops at its best validation ndcg@20; the test part is looked at once\n"
    )
    figures: dict[str, dict[str, Any]] = {}
    for method, settings in SETTINGS.items():
        output.note(f"training {method} ...")
        model = Recommender(method, seed=seed, **settings)
        if method == "directspec+":
            train(model, split, out, output, resume=False)
        else:
            model.fit(split)
        figures[method] = _figures(model)
    document = {"model": str(out), "methods": figures, "verdict": _verdict(figures)}

    def show() -> None:
        names = ["method", *METRICS, "effective rank", "epochs", "seconds"]
        show_table(names, [[method, *row.values()] for method, row in figures.items()])
        typer.echo(_verdict(figures))
        _show_lists(model)
        typer.echo(f"\nThe directspec+ model lies in {out}. Next:")
        typer.echo(f"  fullrank recommend {out} --user {_busy_user(model)} -k 5")
        typer.echo(f"  fullrank inspect {out}")
        typer.echo("  fullrank fit YOUR.csv -o my-model")

    output.result(document, show)


def _figures(model: Recommender) -> dict[str, Any]:
    result = model.evaluate(k=20, metrics=("ndcg", "recall"))
    return {name: result[name] for name in METRICS} | {
        "effective_rank": model.training["effective_rank"],
        "epochs": model.training["epochs"],
        "seconds": model.training["seconds"],
    }


def _verdict(figures: dict[str, dict[str, Any]]) -> str:
    ranked = sorted(figures, key=lambda method: figures[method]["ndcg@20"], reverse=True)
    first, second = (figures[method] for method in ranked[:2])
    gain = 100 * (first["ndcg@20"] / second["ndcg@20"] - 1)
    return (
        f"{ranked[0]} ranks better here, by {gain:.1f} % in ndcg@20, with an effective rank of "
        f"{first['effective_rank']:.1f} to {second['effective_rank']:.1f} for {ranked[1]}, "
        "of 64 dimensions."
    )


def _busy_user(model: Recommender) -> str:
    return str(model.users.values[int(model.train.user_degree.argmax())])


def _show_lists(model: Recommender) -> None:
    user = _busy_user(model)
    row = int(model.train.user_degree.argmax())
    own = model.train.item_idx[model.train.indptr[row] : model.train.indptr[row + 1]][:8]
    titles = model.items.titles
    if titles is not None:
        typer.echo(f"\n{user} liked: " + "; ".join(titles.gather(own).to_list()) + "; ...")
    show_frame(model.recommend([user], k=5))
