"""Absurd settings of every method: one clear line, or a model whose numbers are finite."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

from children import Result, call, command
from common import Setting, Tally, events, remove, state_of

CASES = 1100
SECONDS, MIB = 60.0, 2000.0
FREE = 1600.0
"""MiB that a fit may take beside what the warm process has, and knows of."""
LONG = "1" + "0" * 400
WHOLE = (
    "-1 0 1 2 3 1000000 1000000000000 9223372036854775807 9223372036854775808 18446744073709551616 "
    f'{LONG} 1.5 NaN true null "x" [] {{}} 1e3 -0'
).split()
REAL = (
    "-1 0 -0.0 1e-320 1e-30 0.999999999 1 1000000 1e30 1e38 1e39 1e308 1e400 NaN Infinity "
    f"-Infinity true null x [] {LONG}"
).split()
WORDS = ("x", "", "null", "0", "[]", "true")
ENDLESS = {"epochs", "iterations"}
"""Fields of which a large value is a wish and no mistake."""
USUAL = {"epochs": 2, "dim": 8, "batch_size": 64, "rank": 5, "low": 5, "negatives": 2}
TOGETHER = (
    "--set lr=1000000", "--set lr=1e30", "--set alpha=50", "--set tau=500", "--set alpha=1e20",
    "--dim 1", "--dim 1024", "--set batch_size=1", "--set batch_size=20000", "--set negatives=0",
    "--epochs 0", "--threads 0", "--threads -1", "--seed -1", "--epochs -1",
    "--set weight_decay=1e6", "--set damping=1000", "--set damping=1e308",
    "--set optimizer=adam --set lr=1", "--set optimizer=adagrad --set lr=1e38",
    "--set encoder=lightgcn --set lr=1e6", "--set layers=0", "--set lr_decay=1e-320", "--holdout 1",
    "--holdout nan", "--validation 0.999999", "--validation -0.1", "--holdout 0.9999",
    "--min-interactions 1000", "--set =1", "--set lr", "--set self=1", "--set lr=1 --set lr=2",
    "--device cuda", "--device x", "--set weighted=true --set lr=1e20",
    "--encoder lightgcn --propagation factored --rank 1000000",
)  # fmt: skip
"""Words that stand for a mistake of their own, or only together."""

Plan = tuple[str, list[str]]


def named(words: list[str]) -> set[str]:
    """The settings that words name."""
    sets = {each.partition("=")[0] for each in words if "=" in each and each[0] not in "=-"}
    return sets | {each[2:] for each in words if each[2:] in {"encoder", "propagation", *USUAL}}


def plans() -> tuple[list[Plan], list[Plan]]:
    """Every method with every odd value of each of its fields; and the words that go together."""
    from fullrank.methods import METHODS

    single, together = [], []
    for method, kind in METHODS.items():
        fields = kind.model_fields
        for text in TOGETHER:
            words = text.split()
            if named(words) <= {*fields, "self"}:
                together.append((method, words))
        for name, field in fields.items():
            single += [(method, ["--set", f"{name}={value}"]) for value in values_of(name, field)]
    return single, together


def values_of(name: str, field: object) -> tuple[str, ...]:
    """The odd values of a field, by its type."""
    kind = str(getattr(field, "annotation", ""))
    if "Literal" in kind or not ("int" in kind or "float" in kind):
        return WORDS
    values = (*(WHOLE if "int" in kind else REAL), "")
    endless = {each for each in values if each == "1e3" or len(each) > 5}
    return tuple(each for each in values if name not in ENDLESS or each not in endless)


def body(words: list[object], out: Path) -> Callable[[], None]:
    """A fit and, if it ends with a model, a look at all its numbers."""

    def run() -> None:
        try:
            with redirect_stdout(io.StringIO()):
                command(*words)()
        except SystemExit as left:
            if left.code:
                raise
        look(out)

    return run


def limited() -> None:
    """Bounds the memory by a limit that the program can see; addresses are more than memory."""
    import resource

    import fullrank.data.memory as memory

    used = memory._field("/proc/self/status", "VmSize")
    most = (used or 2**32) + int(FREE * 2**20)
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def look(out: Path) -> None:
    """Whether everything that a model says and holds is finite."""
    import numpy as np

    import fullrank as fr
    from fullrank.serving.model_files import read_model

    scores = fr.Recommender.load(out).recommend(None, 5)["score"].to_numpy()
    assert np.isfinite(scores).all(), "scores that are not finite"
    for name, table in read_model(out).tables.items():
        assert bool(table.isfinite().all()), f"table {name} is not finite"
    text = (out / "manifest.json").read_text(encoding="utf-8")
    for word in ("NaN", "Infinity"):
        assert word not in text, "a manifest that is no strict JSON"


def trouble_of(result: Result, out: Path) -> str:
    """What is wrong with an ending; words that the command does not know may show its usage."""
    if result.code == 2 and "Usage:" in result.err and "Traceback" not in result.err:
        return ""
    if result.code == 2 and state_of(out) != "none":
        return "refused, but a model is there"
    return result.trouble()


def run(setting: Setting) -> Tally:
    """Fits with one absurd setting, or a few."""
    data, out = events(setting.work / "events.csv"), setting.work / "model"
    single, together = plans()
    n, rng = setting.count(CASES), setting.rng("absurd")
    chosen = rng.sample(together, min(n // 3, len(together)))
    chosen += rng.sample(single, min(n - len(chosen), len(single)))
    tally = Tally("absurd settings")
    from fullrank.methods import METHODS

    for method, words in chosen:
        remove(out)
        free = METHODS[method].model_fields.keys() & USUAL.keys() - named(words)
        usual = [each for name in sorted(free) for each in ("--set", f"{name}={USUAL[name]}")]
        threads = [] if "--threads" in words else ["--threads", "1"]
        line = ["fit", data, "--method", method, "-o", out, *usual, *threads, *words]
        result = call(body(line, out), before=limited, seconds=SECONDS, mib=MIB)
        tally.counts["refused" if result.code == 2 else "fitted"] += 1
        tally.add(f"{method} {' '.join(words)[:90]}", trouble_of(result, out), result)
    return tally
