"""Two at once: the same output written by two commands, or read while it is written."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

from children import Body, Child, Result, call, cli, command, strike, together
from common import Setting, Tally, digests, events, fit, litter, remove, state_of
from jobs import QUICK, compared, well

FITS, LISTS, SPLITS, STUDIES, SAVES = 220, 160, 60, 30, 60
"""Cases of each kind."""
SECONDS = 90.0
TINY: dict[str, Any] = {"dim": 8, "epochs": 1, "batch_size": 64}


def at_moment(body: Body, seconds: float) -> Body:
    """A body that begins a little later."""

    def run() -> None:
        time.sleep(seconds)
        body()

    return run


def refused(result: Result) -> bool:
    """Whether a command was told that another one has the output, or has filled it otherwise."""
    told = "in use by" in result.last or "found another split" in result.last
    return result.code == 2 and told


def trouble_of(results: list[Result], *, both: bool = False) -> str:
    """What is wrong with two endings: each is well, or one line that names the holder.

    Args:
        results: Of the commands.
        both: Whether both must succeed.
    """
    for result in results:
        if result.trouble():
            return result.trouble()
        if result.code and (both or not refused(result)):
            return f"refused: {result.last}"
    return "" if any(result.code == 0 for result in results) else "both were refused"


def fits(setting: Setting, tally: Tally, data: Path) -> None:
    """Two fits into one folder, the same or different; one of them may be killed meanwhile."""
    words, out = fit(data), setting.work / "shared"
    whole = {}
    for seed in (0, 1):
        folder = setting.work / f"whole-{seed}"
        well(cli(*words, "-o", folder, "--seed", seed))
        whole[seed] = digests(folder)
    for number in range(setting.count(FITS)):
        remove(out)
        rng = setting.rng("fits", number)
        seeds, killed = (0, rng.choice((0, 1))), rng.random() < 0.3
        bodies = [
            at_moment(command(*words, "-o", out, "--seed", seed), rng.random() * 0.05)
            for seed in seeds
        ]
        blow = strike(out, rng.randrange(1, 140), "kill") if killed else None
        children = [Child(bodies[0], before=blow), Child(bodies[1])]
        results = [child.wait() for child in children]
        if killed:  # what is left of it must not stand in the way
            trouble = results[1].trouble()
            last = cli(*words, "-o", out, "--seed", 1, *_resume(out, 1))
            trouble = trouble or last.trouble() or (last.last if last.code else "")
            results.append(last)
        else:
            trouble = trouble_of(results)
        state = state_of(out)
        if not trouble and (state != "whole" or digests(out) not in whole.values()):
            trouble = f"a model that is {state}, and of neither command"
        if not trouble and litter(out):
            trouble = f"leaves {litter(out)}"
        tally.counts["refused"] += sum(refused(result) for result in results)
        tally.add(f"two fits {number}{' and a kill' if killed else ''}", trouble, *results)


def _resume(out: Path, seed: int) -> list[str]:
    """How to go on in a folder where a run of any seed may have been killed."""
    path = out / "checkpoint.safetensors"
    if not path.exists():
        return []
    if f'\\"seed\\": {seed}'.encode() in path.read_bytes():
        return ["--resume"]
    path.unlink()
    return []


def outputs(
    setting: Setting,
    tally: Tally,
    name: str,
    count: int,
    commands: list[list[object]],
    look: Callable[[Path], object],
) -> None:
    """Two commands with one output: what is there in the end is of one of them, whole."""
    wanted = []
    for number, words in enumerate(commands):
        alone = setting.work / f"alone-{number}-{name}"
        well(cli(*words, "-o", alone))
        wanted.append(look(alone))
    home = setting.work / f"both-{name.partition('.')[0]}"
    for number in range(setting.count(count)):
        remove(home)
        home.mkdir()
        out, rng = home / name, setting.rng(name, number)
        bodies = [at_moment(command(*words, "-o", out), rng.random() * 0.05) for words in commands]
        results = together(bodies, seconds=SECONDS)
        trouble = trouble_of(results)
        if not trouble and look(out) not in wanted:
            trouble = "an output of neither command"
        rest = sorted(path.name for path in home.rglob(".*"))
        if not trouble and rest:
            trouble = f"leaves {rest}"
        tally.counts["refused"] += sum(refused(result) for result in results)
        tally.add(f"two into {name} {number}", trouble, *results)


def parts(folder: Path) -> object:
    """The files of a split."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def saves(setting: Setting, tally: Tally, data: Path) -> None:
    """A reader while a writer saves other models into the folder: each load is a whole model."""
    out, stop = setting.work / "served", setting.work / "stop"
    well(cli(*fit(data), "-o", out))

    def writer() -> None:
        import fullrank as fr

        first = fr.Recommender.load(out)
        models = [fr.Recommender("bpr", seed=n, **TINY).fit(first.train) for n in range(3)]
        while not stop.exists():
            for model in models:
                model.save(out)

    def reader() -> None:
        import fullrank as fr

        seen: Counter[str] = Counter()
        for _ in range(setting.count(SAVES)):
            try:
                with redirect_stdout(StringIO()):
                    fr.Recommender.load(out)
                seen["loaded"] += 1
            except Exception as error:  # each kind is told
                seen[f"{type(error).__name__}: {str(error)[-120:]}"] += 1
        sys.stdout.write(json.dumps(seen))

    both = [Child(writer, seconds=SECONDS), Child(reader, seconds=SECONDS)]
    result = both[1].wait()
    stop.touch()
    written = both[0].wait()
    seen = json.loads(result.out or "{}")
    for text, count in seen.items():
        for _ in range(count):
            tally.note("load while saving", "" if text == "loaded" else text, 0, result.mib)
    trouble = "" if seen and written.code == 0 else f"{written.last} {result.last}"
    tally.add("save while loading", trouble, result, written)


def failed_save(setting: Setting, tally: Tally, data: Path) -> None:
    """A save that fails as another one waits or has ended: the other's model stays whole."""
    words, out = fit(data), setting.work / "clash"
    for number in range(setting.count(20)):
        remove(out)
        rng = setting.rng("clash", number)
        kind = rng.choice(("full", "int", "term"))
        first = Child(command(*words, "-o", out), before=strike(out, rng.randrange(100, 146), kind))

        def save() -> None:
            import fullrank as fr

            fr.Recommender("bpr", **TINY).fit(fr.load(data)).save(out)

        second = call(at_moment(save, rng.random() * 0.1))
        result = first.wait()
        trouble = ("Traceback" in result.err and f"traceback: {result.last}") or ""
        if second.code == 0 and state_of(out) != "whole":
            trouble = f"the model of the other save is {state_of(out)}"
        if second.code and "in use by" not in second.err:
            trouble = f"the other save: {second.last}"
        tally.add(f"failed save {number}, {kind}", trouble, result, second)


def run(setting: Setting) -> Tally:
    """Every kind of two at once."""
    tally = Tally("two at once")
    data = events(setting.work / "events.csv")
    fits(setting, tally, data)
    model = setting.work / "whole-0"
    lists: list[list[object]] = [["recommend", model, "--all", "-k", k] for k in (3, 12)]
    for name in ("lists.csv", "lists.parquet"):
        outputs(setting, tally, name, LISTS // 2, lists, Path.read_bytes)
    split: list[list[object]] = [["data", "split", data, "--seed", seed] for seed in (0, 1)]
    outputs(setting, tally, "parts", SPLITS, split, parts)
    study: list[object] = ["compare", data, "--methods", "popularity,bpr", "--seeds", "2", *QUICK]
    outputs(setting, tally, "study", STUDIES, [study, study], compared)
    saves(setting, tally, data)
    failed_save(setting, tally, data)
    return tally
