"""``fullrank fit``: from a table of interactions to a saved model with hold-out figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fullrank.cli import options
from fullrank.cli.output import Output, show_metrics
from fullrank.errors import DataError, FitError, SettingError

if TYPE_CHECKING:
    from fullrank.data import Split
    from fullrank.recommender import Recommender

NAME = "fit"
CHECKPOINT, LOG = "checkpoint.safetensors", "log.jsonl"
CUTS = (10, 20)
VALIDATION, HOLDOUT = 0.1, 0.2


def command(
    data: Annotated[str, typer.Argument(metavar="DATA", help="A catalogue name or a path.")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for the model.")],
    method: Annotated[str, typer.Option(help="A method; see `fullrank methods`.")] = "directspec+",
    preset: Annotated[str | None, typer.Option(help="Named settings, such as published.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Most epochs.")] = None,
    dim: Annotated[int | None, typer.Option(help="Width of the embeddings.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of everything that is drawn.")] = 0,
    threads: Annotated[int | None, typer.Option(help="Threads to train with.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Any setting of the method: key=value.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint.")] = False,
    how: options.How = "random",
    holdout: Annotated[float, typer.Option(help="Fraction to hold out and report on.")] = HOLDOUT,
    validation: Annotated[
        float | None,
        typer.Option(help="Fraction of the rest to choose the epoch by (0.1, or the preset's)."),
    ] = None,
    user_column: options.UserColumn = options.DEFAULT_USER,
    item_column: options.ItemColumn = options.DEFAULT_ITEM,
    weight_column: options.WeightColumn = None,
    timestamp_column: options.TimestampColumn = None,
    threshold: options.Threshold = None,
    min_interactions: Annotated[
        int, typer.Option(help="Keep the k-core: users and items with at least this many.")
    ] = 1,
    as_json: options.Json = False,
) -> None:
    """Learn embeddings from interactions and save a model."""
    output = Output(as_json)
    columns = options.columns_of(
        user_column, item_column, weight_column, timestamp_column, threshold
    )
    given = {"epochs": epochs, "dim": dim, "seed": seed}
    values = {name: value for name, value in given.items() if value is not None}
    values |= options.settings_of_pairs(setting or [])
    model, fraction = _model(method, preset, data, device, threads, values)
    must_be_free(out, resume)
    chosen = fraction if validation is None else validation
    from fullrank.data import load

    split = load(
        data,
        validation=chosen,
        seed=model.settings.seed,
        test=holdout,
        how=how,  # type: ignore[arg-type]  # checked by load, with the nearest name
        columns=columns,
        min_interactions=min_interactions,
    )
    if not as_json:
        _announce(output, split, method)
    train(model, split, out, output, resume=resume)
    document: dict[str, Any] = {"model": str(out), "method": method, "data": split.name}
    document |= {"settings": model.settings.model_dump(), **summary_of(model)}
    output.result(document, lambda: _show(model, out))


def train(model: Recommender, split: Split, out: Path, output: Output, *, resume: bool) -> None:
    """Fits with checkpoint, log and progress, evaluates on the held-out part and saves.

    Raises:
        typer.Exit: Ctrl-C, after the checkpoint was written; exit code 130.
    """
    from fullrank.training import JsonLines, Several

    checkpoint = out / CHECKPOINT
    reporter = Several([JsonLines(out / LOG), _progress(output)])
    try:
        model.fit(split, checkpoint=checkpoint, resume=resume, reporter=reporter)
    except KeyboardInterrupt:
        kept = f"its state is in {checkpoint}; the same command with --resume goes on"
        output.note(f"interrupted: {kept}")
        raise typer.Exit(130) from None
    if split.test is not None and len(split.test):
        cuts = tuple(k for k in CUTS if k <= model.train.n_items) or (model.train.n_items,)
        model.metrics = model.evaluate(k=cuts).to_dict()
    model.save(out)
    checkpoint.unlink(missing_ok=True)


def summary_of(model: Recommender) -> dict[str, Any]:
    """What training and the held-out part said."""
    training = {name: value for name, value in model.training.items() if name != "history"}
    return {"training": training, "test": model.metrics}


def must_be_free(out: Path, resume: bool) -> None:
    """Sees that nothing of somebody else's is in the way, and that there is something to resume.

    Raises:
        DataError: ``out`` is a file, or a folder with other things than a model or a run in it.
        FitError: there is nothing to go on from.
    """
    from fullrank.store import MANIFEST

    if out.exists() and not out.is_dir():
        raise DataError(str(out), "a file", "a folder, or a name that is free")
    held = {path.name for path in out.iterdir()} if out.is_dir() else set()
    ours = {MANIFEST, CHECKPOINT, LOG}
    if held and not held & ours:
        found = f"a folder with {sorted(held)[0]!r} in it and no model"
        raise DataError(str(out), found, "an empty folder, a model folder or a name that is free")
    if resume and CHECKPOINT not in held:
        found = "a finished model" if MANIFEST in held else "no checkpoint"
        raise FitError(str(out), found, f"{CHECKPOINT} of an interrupted run, or no --resume")


def _model(
    method: str,
    preset: str | None,
    data: str,
    device: str,
    threads: int | None,
    values: dict[str, Any],
) -> tuple[Recommender, float]:
    from fullrank.presets import preset_named
    from fullrank.recommender import Recommender

    if preset is None:
        return Recommender(method, device=device, threads=threads, **values), VALIDATION
    named = preset_named(preset, method, data)
    clash = {"method", "device", "threads", "preset"} & values.keys()
    if clash:
        raise SettingError("option --set", sorted(clash)[0], "the option of that name")
    merged = {**named.settings, **values}
    return Recommender(method, device=device, threads=threads, **merged), named.validation


def _progress(output: Output) -> Any:
    from fullrank.training import Bar, Silent

    console = output.notes()
    return Bar(console) if console.is_terminal else Silent()


def _announce(output: Output, split: Split, method: str) -> None:
    train = split.train
    sizes = ", ".join(f"{name} {len(part):,}" for name, part in split.parts.items())
    merged = f"; {train.merged:,} repeated pairs merged" if train.merged else ""
    output.note(
        f"{split.name}: {train.n_users:,} users, {train.n_items:,} items; {sizes}{merged}\n"
        f"fitting {method}"
    )


def _show(model: Recommender, out: Path) -> None:
    training = model.training
    best = f", best {training['best_epoch']}" if training["best_epoch"] else ""
    typer.echo(f"{training['epochs']} epochs{best}, {training['seconds']:.1f} s of training")
    if model.metrics:
        typer.echo("\nheld-out part, ", nl=False)
        show_metrics(model.metrics["metrics"], model.metrics["protocol"])
    typer.echo(verdict(model))
    user = model.users.values[0]
    typer.echo(f"\nmodel in {out}; next:")
    typer.echo(f"  fullrank recommend {out} --user {user} -k 10")
    typer.echo(f"  fullrank inspect {out}")


def verdict(model: Recommender) -> str:
    """What the spectrum of the embeddings says; a note where the table is too small to say."""
    try:
        return model.spectrum().verdict
    except ValueError as error:
        return f"spectrum not judged: {error}"
