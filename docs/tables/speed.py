"""Time and memory: speed, peers, growth, large, memory and inspect of results/*.json."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tables.markdown import NONE, code, digits, duration, load, metric, table

DATA = ("citeulike", "gowalla")
PEERS = (
    ("bpr batch_size=2048", "recbole BPR batch 2048"),
    ("bpr batch_size=2048", "recbole BPR batch 8192"),
    ("bpr batch_size=2048", "implicit BPR (hogwild C++)"),
    ("enmf batch_size=2048", "recbole ENMF batch 2048"),
    ("ccl batch_size=2048 negatives=1", "recbole SimpleX batch 2048"),
    ("lightgcn batch_size=2048 layers=2", "recbole LightGCN batch 2048"),
    ("sgl-ed batch_size=2048 contrast_with=all", "recbole SGL batch 2048"),
    *(
        (f"ials dim={dim} to .99", f"{peer} dim={dim} to .99")
        for dim in (128, 256)
        for peer in ("implicit ALS", "irspack iALS CG", "irspack iALS IALSPP")
    ),
    ("top-20", "implicit recommend top-20"),
    ("top-20, gowalla", "implicit recommend top-20, gowalla"),
)
"""Our run and the peer's that does the same work, by their names in results/peers.json, where they
have been measured."""


def machine() -> str:
    """What the figures of results/speed.json were measured on."""
    found = load("speed")["machine"]
    kernels = "compiled kernels" if found["kernels"] == "native" else found["kernels"]
    return (
        f"{found['processor']}, {found['threads']} threads on {found['cores']} cores, "
        f"torch {found['torch'].split('+')[0]} on the CPU, {kernels}."
    )


def _steps() -> dict[str, dict[str, Any]]:
    """The measured lines by what they measure, then by data set."""
    lines: dict[str, dict[str, Any]] = {}
    for line in load("speed")["steps"]:
        lines.setdefault(line["what"], {})[line["data"]] = line
    return lines


def steps() -> str:
    """An epoch of every method, and its step as a multiple of the floor."""
    columns = ["method"]
    for data in DATA:
        columns += [f"{data}, epoch", "a step", "of the floor"]
    body = []
    for what, lines in _steps().items():
        if "step_ms" not in lines[DATA[0]]:
            continue
        cells = [code(what)]
        for data in DATA:
            line = lines[data]
            cells += [
                duration(line["epoch_seconds"]),
                f"{digits(line['step_ms'])} ms",
                f"{digits(line['to_floor'])} ×",
            ]
        body.append(cells)
    return table(columns, body)


def gpu_machine() -> str:
    """What the figures of results/gpu.json were measured on."""
    found = load("gpu")["machine"]
    return (
        f"{found['gpu']}, torch {found['torch']}, beside {found['processor']}, "
        f"{found['threads']} threads on {found['cores']} cores."
    )


def gpu_steps() -> str:
    """An epoch on a GPU and on the processor it sits in."""
    columns = {
        "gpu": "GPU, steps captured",
        "gpu, launched": "GPU, steps launched",
        "processor": "its processor",
    }
    body = [
        [code(line["what"]), line["data"], *(duration(line[column]) for column in columns)]
        for line in load("gpu")["steps"]
    ]
    return table(["method", "an epoch on", *columns.values()], body)


def gpu_fits() -> str:
    """Whole runs of the command on a GPU."""
    return _fits(load("gpu")["fits"])


def ranking() -> str:
    """Ranking and evaluation of all users."""
    body = [
        [what, *(duration(lines[data]["epoch_seconds"]) for data in DATA)]
        for what, lines in _steps().items()
        if "step_ms" not in lines[DATA[0]]
    ]
    return table(["all users", *DATA], body)


def fits() -> str:
    """Whole runs of the command, with their figures on the test part."""
    return _fits(load("speed")["fits"])


def _fits(runs: list[dict[str, Any]]) -> str:
    body = [
        [
            code(f"fullrank {run['what']}"),
            duration(run["seconds"]),
            metric(run["ndcg@20"]),
            metric(run["recall@20"]),
        ]
        for run in runs
    ]
    return table(["command", "time", "published nDCG@20", "published Recall@20"], body)


def starts() -> str:
    """How long an import and a help page take."""
    body = [
        [code(start["what"]), f"{digits(start['seconds'])} s"] for start in load("speed")["starts"]
    ]
    return table(["start", "time"], body)


def peers() -> str:
    """Our runs beside the peers' that do the same work, then the runs without a counterpart."""
    found = load("peers")
    paired = {name for ours, theirs in PEERS for name in (f"fullrank {ours}", theirs)}
    body = list(_pairs(found))
    for name in found["seconds"]:
        if name not in paired:
            ours = name.startswith("fullrank ")
            shown = [code(name.removeprefix("fullrank ")) if ours else name, _span(found, name)]
            body.append([*shown, NONE, NONE, NONE] if ours else [NONE, NONE, *shown, NONE])
    columns = ["fullrank", "seconds", "peer", "seconds", "peer / fullrank"]
    return table(columns, body, text=(0, 2))


def _pairs(found: dict[str, Any]) -> Iterator[list[str]]:
    seconds = found["seconds"]
    for ours, theirs in PEERS:
        name = f"fullrank {ours}"
        if not {name, theirs} <= set(seconds):
            continue
        ratio = digits(seconds[theirs] / seconds[name])
        yield [code(ours), _span(found, name), theirs, _span(found, theirs), ratio]


def _span(found: dict[str, Any], name: str) -> str:
    """The median, and the runs that it comes from where there are several."""
    runs = found["runs"][name]
    spread = f" ({digits(min(runs))} to {digits(max(runs))})" if len(runs) > 1 else ""
    return digits(found["seconds"][name]) + spread


def growth() -> str:
    """Times by the number of users."""
    body = []
    for row in load("growth")["rows"]:
        cells = [f"{row['users']:,}", f"{row['interactions']:,}"]
        cells += [duration(row.get(phase)) for phase in ("read", "split", "sampling")]
        step = f"{row['step'] * 1000:.2f} ms"
        memory = f"{row['peak_gib']:.1f} GiB"
        body.append([*cells, step, duration(row["evaluation"]), memory])
    columns = ["users", "interactions", "read", "split", "draw an epoch", "a step"]
    return table([*columns, "evaluate 10,000 users", "peak memory"], body)


def growth_exponents() -> str:
    """The slopes of log time over log size."""
    names = {"sampling": "draw an epoch", "step": "a step", "evaluation": "evaluate"}
    exponents = load("growth")["exponents"].items()
    return table(
        ["phase", "exponent"],
        ([names.get(name, name), f"{value:.2f}"] for name, value in exponents),
    )


def large() -> str:
    """Twenty million interactions beside CiteULike's, each phase by interaction."""
    found = load("large")
    body = [
        [
            phase,
            *(f"{digits(found[data][f'{phase}_s'])} s" for data in ("citeulike", "generated")),
            f"{found[f'{phase}_ratio']:.2f}",
        ]
        for phase in ("read", "split", "sampling", "epoch")
    ]
    sizes = (f"{found[data]['interactions']:,}" for data in ("citeulike", "generated"))
    small, big = (f"{size} interactions" for size in sizes)
    return table(["phase", small, big, "time an interaction, large / small"], body)


def memory() -> str:
    """Peak memory of a fit on Gowalla."""
    body = [
        [code(row["method"]), f"{row['peak_gib']:.2f} GiB", row["said"]]
        for row in load("memory")["rows"]
    ]
    return table(["method", "peak memory", "refused"], body, text=(0, 2))


def inspect() -> str:
    """`inspect` on long tables."""
    body = [
        [
            f"{run['rows']:,} × {run['dimensions']:,}",
            f"{run['file_gib']:.2f} GiB",
            str(run["one_block_in"]),
            f"{run['peak_mib'] / 2**10:.2f} GiB",
            duration(run["seconds"]),
        ]
        for run in load("inspect")["runs"]
    ]
    return table(["rows × dimensions", "file", "`--sparse`", "peak memory", "time, 1 thread"], body)


def partitions() -> str:
    """Reading a folder of hive partitions."""
    found = load("partitions")
    names = ["rows", "files", "on disk", "users", "items", "time", "peak memory"]
    cells = [
        f"{found['rows']:,}",
        f"{found['files']:,}",
        f"{found['gib_on_disk']:.1f} GiB",
        f"{found['users']:,}",
        f"{found['items']:,}",
        duration(found["seconds"]),
        f"{found['peak_gib']:.1f} GiB",
    ]
    return table(names, [cells], text=())
