"""``fullrank methods``: the table of methods, and the settings of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin

import typer

from fullrank.cli import options
from fullrank.cli.output import Output, say, show_table

if TYPE_CHECKING:
    from fullrank.methods import Method

NAME = "methods"
BOUNDS = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}


def command(
    name: Annotated[str | None, typer.Argument(help="A method, to see its settings.")] = None,
    as_json: options.Json = False,
) -> None:
    """List the methods, or the settings of one."""
    output = Output(as_json)
    from fullrank.methods import METHODS, add_plugins, method_named

    add_plugins()
    if name is None:
        rows = [[each, row.summary, row.source] for each, row in METHODS.items()]
        keys = ["method", "summary", "source"]
        listed: dict[str, Any] = {"methods": [dict(zip(keys, row, strict=True)) for row in rows]}
        output.result(listed, lambda: show_table(keys, rows))
        return
    method = method_named(name)
    settings, presets = _settings(method), _presets(name)
    document = {"method": name, "summary": method.summary, "source": method.source}

    def show() -> None:
        typer.echo(f"{name}: {method.summary}\nsource: {method.source}\n")
        for each in settings:
            typer.echo(f"{each['name']} = {each['default']}    ({each['type']})")
            say(each["description"], indent=4)
        for each in presets:
            typer.echo(
                f"\nfullrank fit {each['data']} --method {name} --preset {each['preset']} -o model"
            )
            say(", ".join(f"{key}={value}" for key, value in each["settings"].items()), indent=4)

    output.result({**document, "settings": settings, "presets": presets}, show)


def _settings(method: type[Method]) -> list[dict[str, Any]]:
    rows = []
    for name, field in method.model_fields.items():
        bounds = "".join(
            f", {sign} {getattr(bound, end)}"
            for bound in field.metadata
            for end, sign in BOUNDS.items()
            if getattr(bound, end, None) is not None
        )
        rows.append(
            {
                "name": name,
                "default": field.default,
                "type": _kind(field.annotation) + bounds,
                "description": " ".join((field.description or "").split()),
            }
        )
    return rows


def _kind(annotation: Any) -> str:
    if get_origin(annotation) is Literal:
        return " or ".join(get_args(annotation))
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


def _presets(name: str) -> list[dict[str, Any]]:
    from fullrank.presets import presets

    return [
        {"preset": preset, "data": data, "settings": dict(values)}
        for (preset, method, data), values in presets().items()
        if method == name
    ]
