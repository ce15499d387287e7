"""``fullrank fit``: from a table of interactions to a saved model with hold-out figures."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli import options
from fullrank.cli.choosing import beginning, method_named, rests_on
from fullrank.cli.claims import LOG
from fullrank.cli.fitted_text import found_line, verdict
from fullrank.cli.items import Items, split_with_items
from fullrank.cli.leaderboard import show_leaderboard
from fullrank.cli.nightly import REJECTED, Night, NightlyOptions
from fullrank.cli.output import Output, say, show_metrics
from fullrank.cli.progress import reporter
from fullrank.cli.report import NoReport, add_report, command_line, prepare
from fullrank.cli.tables import SplitOptions, expanded
from fullrank.cli.workers import ALONE, Workers, WorkersOptions, remove
from fullrank.errors import DataError, SettingError

if TYPE_CHECKING:
    from fullrank.data import Split
    from fullrank.recommender import Recommender

NAME = "fit"
VALIDATION, HOLDOUT = 0.1, 0.2


@expanded
def command(
    *,
    data: Annotated[str, typer.Argument(metavar="DATA", help=options.DATA)],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the model.")],
    method: Annotated[
        str | None, typer.Option(help="Of `fullrank methods`; the best of several if absent.")
    ] = None,
    budget: Annotated[str | None, typer.Option(help="Of auto: time, as 90s or 10m.")] = None,
    preset: Annotated[str | None, typer.Option(help="Named settings, such as published.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Most epochs.")] = None,
    dim: Annotated[int | None, typer.Option(help="Width of the embeddings.")] = None,
    encoder: Annotated[str | None, typer.Option(help="mf or lightgcn.")] = None,
    propagation: Annotated[str | None, typer.Option(help="Of lightgcn: exact or factored.")] = None,
    rank: Annotated[int | None, typer.Option(help="Of factored propagation or spectral.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads to train with.")] = None,
    device: Annotated[
        str, typer.Option(help="Trains on: auto (a GPU where quicker), cpu or cuda.")
    ] = "auto",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Any setting of the method: key=value.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="Begin anew and lose the checkpoint.")
    ] = False,
    final: Annotated[
        bool, typer.Option("--final", help="In the end, fit on all interactions, held out or not.")
    ] = False,
    holdout: Annotated[float, typer.Option(help="Fraction to hold out and report on.")] = HOLDOUT,
    validation: Annotated[
        float | None,
        typer.Option(help="Fraction of the rest to choose the epoch by (0.1, or the preset's)."),
    ] = None,
    items: Items = None,
    no_report: NoReport = False,
    table: SplitOptions,
    nightly: NightlyOptions,
    several: WorkersOptions,
    as_json: options.Json = False,
) -> None:
    """Learn embeddings from interactions and save a model."""
    output = Output(as_json)
    given = {
        "epochs": epochs,
        "dim": dim,
        "seed": seed,
        "encoder": encoder,
        "propagation": propagation,
        "rank": rank,
        "budget": budget,
    }
    values = {name: value for name, value in given.items() if value is not None}
    values |= options.settings_of_pairs(setting or [])
    several.check()
    what = method_named(several.method(method), preset, values, resume=resume)
    model, fraction = _model(what, preset, data, device, threads, values)
    table.check(holdout)
    nightly.check(holdout)
    chosen = fraction if validation is None else validation
    if not no_report:
        prepare()
    with nightly.claimed(out, output, resume=resume, restart=restart) as night:
        drawn = {"test": holdout, "validation": chosen, "seed": model.settings.seed}
        split, source = several.load(data, table, output, final=final, **drawn)
        split = split_with_items(split, items, output)
        if not as_json:
            said = beginning(model, split, named=method is not None, workers=several.workers)
            _announce(output, split, said)
        remedy = "the same command with --resume goes on"
        how: Any = {"resume": resume, "final": final, "workers": several.workers_of(output, source)}
        train(model, split, night, output, remedy=remedy, **how)
        wanted = night.kept and not no_report and several.may_report(source, night.folder, output)
        report = add_report(model, night.folder, output) if wanted else None
    saved = str(night.folder) if night.kept else None
    document: dict[str, Any] = {"model": saved, "method": model.method, "data": split.name}
    document |= {"settings": model.settings.model_dump(), **summary_of(model), "report": report}
    output.result(document, lambda: _show(model, night, report))
    if not night.passed:
        raise typer.Exit(REJECTED)


def train(
    model: Recommender,
    split: Split,
    night: Night,
    output: Output,
    *,
    remedy: str,
    resume: bool = False,
    final: bool = False,
    workers: Workers = ALONE,
) -> None:
    """Fits with checkpoint, log and progress, evaluates on the held-out part and saves.

    Args:
        model: What is fitted.
        split: What on; its test part, if there is one, is evaluated on.
        night: Folder of the model, the checkpoint and the log, and the models before it.
        output: Where progress is shown.
        remedy: What to do with the checkpoint of an interrupted run.
        resume: Whether to go on from the checkpoint.
        final: Whether to fit on all parts together in the end, unless the gate rejects the model.
        workers: How many fit it.

    Raises:
        KeyboardInterrupt: Ctrl-C or a request to end, after the checkpoint was written.
    """
    from fullrank.training import JsonLines, Several

    out = night.folder
    checkpoint = workers.checkpoint(out)
    reporters = Several([JsonLines(out / LOG), reporter(output)])
    if not resume:
        remove(checkpoint)  # as `claimed` was told with --restart
        (out / LOG).unlink(missing_ok=True)
    whole = False
    try:
        how: dict[str, Any] = {"reporter": reporters, "start_from": night.start}
        workers.fit(model, split, resume=resume, checkpoint=checkpoint, **how)
        whole = True
        if workers.count == 1 and split.test is not None and len(split.test):
            model.metrics = _figures(model, output)
        night.ask(model, output)
        if final and night.passed and len(split.parts) > 1:
            workers.refit(model, **how)
        _keep(model, night)
    except KeyboardInterrupt:
        said = []
        if whole or "auto" in model.training:  # of auto the best of those that were whole
            _keep(model, night)
            what = (
                rests_on(model.training["auto"]) if "auto" in model.training else "the fit is whole"
            )
            alone = ", fitted on train alone" if final and "final" not in model.training else ""
            said += [f"{what}, and is kept in {out}{alone}"] if night.kept else []
        if checkpoint.exists():
            said.append(f"its state is in {checkpoint}; {remedy}")
        kept = "; ".join(said) or "nothing kept"
        output.note(f"interrupted: {kept}")
        raise
    remove(checkpoint)


def _keep(model: Recommender, night: Night) -> None:
    """Saves a model with the command that made it; of versions, one that was rejected as well."""
    if not night.wanted:
        return
    model.training |= {"command": command_line()}
    model.save(night.folder)
    night.kept = True


def _figures(model: Recommender, output: Output) -> dict[str, Any]:
    """The figures on the held-out part; none, said in a line, where no user can be evaluated.

    A model is saved whatever its held-out part is like.
    """
    try:
        return model.evaluate(k=options.usual_cutoffs(model.train.n_items)).to_dict()
    except DataError as error:
        output.note(f"not evaluated: {error}")
        return {}


def summary_of(model: Recommender) -> dict[str, Any]:
    """What training and the held-out part said."""
    training = {name: value for name, value in model.training.items() if name != "history"}
    return {"training": training, "test": model.metrics}


def _model(
    method: str,
    preset: str | None,
    data: str,
    device: str,
    threads: int | None,
    values: dict[str, Any],
) -> tuple[Recommender, float]:
    """The recommender, and the fraction of train to validate by: presets use all of train."""
    from fullrank.portfolio import configured
    from fullrank.presets import preset_named
    from fullrank.recommender import Recommender

    clash = {"method", "preset", "device", "threads"} & values.keys()
    if clash:
        name = min(clash)
        raise SettingError("option --set", f"{name}=", f"the option --{name}")
    named = {} if preset is None else preset_named(preset, method, data)
    asked = configured(method, None, {**named, **values})
    validation = VALIDATION if preset is None else 0.0
    return Recommender(asked, device=device, threads=threads), validation


def _announce(output: Output, split: Split, what: str) -> None:
    train = split.train
    sizes = ", ".join(f"{name} {len(part):,}" for name, part in split.parts.items())
    repeats = sum(part.merged for part in split.parts.values())
    merged = f"; {repeats:,} repeated pairs merged" if repeats else ""
    output.note(
        f"{split.name}: {train.n_users:,} users, {train.n_items:,} items; {sizes}{merged}\n{what}"
    )


def _show(model: Recommender, night: Night, report: str | None) -> None:
    from fullrank.diagnosis.embedded import is_tall, tables_of

    training = model.training
    best = f", best {training['best_epoch']}" if training.get("best_epoch") else ""
    epochs = f"{training['epochs']} epochs{best}, " if "epochs" in training else ""
    typer.echo(f"{epochs}{training['seconds']:.1f} s of training")
    if training.get("chosen"):
        say(found_line(training))
    if "final" in training:
        found, parts = training["final"]["interactions"], " and ".join(training["final"]["parts"])
        say(f"the model is the last fit, on {parts} together: {found:,} interactions")
    if "auto" in training:
        show_leaderboard(training)
    if model.metrics:
        typer.echo("\nheld-out part, ", nl=False)
        figures = model.metrics
        show_metrics(figures["metrics"], figures["protocol"], figures["intervals"])
    say(verdict(model))
    if not night.kept:
        typer.echo("\nno model was saved: the old one is better")
        return
    out = night.folder
    folder, user = quote(str(out)), quote(str(model.users.values[0]))
    typer.echo(f"\nmodel in {out}{f', a page about it in {report}' if report else ''}; next:")
    typer.echo(f"  fullrank recommend {folder} --user {user} -k 10")
    pairs = tables_of(model).values()
    if any(is_tall(len(rows) + len(items), rows.shape[1]) for rows, items in pairs):
        typer.echo(f"  fullrank inspect {folder}")
