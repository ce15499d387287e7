"""``fullrank serve``: models behind HTTP, with a page."""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from fullrank.cli import options
from fullrank.cli.output import Output
from fullrank.extras import library

NAME = "serve"
NEEDED = ("uvicorn", "httptools", "msgspec", "prometheus_client")


def command(
    model_dirs: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Model folders, or folders with a link `current`."),
    ],
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 for a free one.")] = 8000,
    workers: Annotated[int, typer.Option(help="Processes that answer.")] = 1,
    threads: Annotated[int | None, typer.Option(help="Threads of each process.")] = None,
    ann: Annotated[
        bool | None,
        typer.Option(
            "--ann/--no-ann", help="Lists from an index, or all exact; by size if absent."
        ),
    ] = None,
    unknown: Annotated[
        str, typer.Option(help="What unknown users get: popular (the popular list) or 404.")
    ] = "popular",
    api_key_file: Annotated[
        Path | None, typer.Option(help="Keys, one a line, of which a request must have one.")
    ] = None,
    max_k: Annotated[int, typer.Option(help="Longest list.")] = 1000,
    max_ids: Annotated[int, typer.Option(help="Most ids of a request.")] = 1000,
    max_body: Annotated[int, typer.Option(help="Bytes of the largest body.")] = 2**20,
    concurrency: Annotated[int, typer.Option(help="Requests at a time, of each process.")] = 256,
    access_log: Annotated[
        bool, typer.Option(help="A line of JSON for each request, on standard output.")
    ] = True,
    log_ids: Annotated[bool, typer.Option("--log-ids", help="Log the ids asked for too.")] = False,
    as_json: options.Json = False,
) -> None:
    """Serve models over HTTP, with a page to try them; with --json, its address comes first."""
    output = Output(as_json)
    for name in NEEDED:
        library(name, "serve")
    from fullrank.service.server import serve
    from fullrank.service.settings import ServiceSettings

    values: dict[str, Any] = {
        "folders": tuple(map(str, model_dirs)),
        "host": host,
        "port": port,
        "workers": workers,
        "threads": threads,
        "ann": ann,
        "unknown": unknown,
        "key_file": None if api_key_file is None else str(api_key_file),
        "max_k": max_k,
        "max_ids": max_ids,
        "max_body": max_body,
        "concurrency": concurrency,
        "access_log": access_log,
        "log_ids": log_ids,
    }
    settings = ServiceSettings.build(values)
    if api_key_file is None and not _loopback(host):
        output.note(f"warning: {host} can be reached by others and no --api-key-file is given")

    def ready(url: str) -> None:
        output.note(f"serving on {url}")
        if as_json:
            output.result({"url": url, "pid": os.getpid()}, lambda: None)

    serve(settings, ready)


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
