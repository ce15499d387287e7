"""Commands to be killed: what may be left of each, and what it must make of that if said again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from children import Result, cli
from common import Setting, digests, events, fit, litter, remove, resume, state_of

TRAINED = (
    ("bpr",),
    ("bpr", "--set", "optimizer=adam", "--set", "lr=0.01"),
    ("directspec+",),
    ("directspec+", "--set", "tau_design=graph", "--set", "tau_near=1"),
    ("lightgcn",),
    ("ccl", "--set", "negatives=5"),
    ("sgl-ed",),
    ("enmf",),
)
SOLVED = (("itemknn",), ("popularity",), ("ease",), ("spectral", "--set", "rank=5"))
QUICK = ("--threads", "1", "--set", "epochs=3", "--set", "dim=8", "--set", "batch_size=64")


@dataclass
class Job:
    """A command, and how its output is judged.

    Args:
        name: What a case is called by.
        home: The folder that holds the output and nothing else; operations in it count.
        words: The command.
        fill: Puts into an empty home what is there before.
        left: What is wrong with the output after a kill, or empty.
        done: What is wrong with it after the command has ended well, or empty.
        resumes: The model folder, where the command goes on from a checkpoint.
    """

    name: str
    home: Path
    words: list[object]
    fill: Callable[[], object]
    left: Callable[[], str]
    done: Callable[[], str]
    resumes: Path | None = None

    def prepare(self) -> None:
        """Brings the home to what it is before the command."""
        remove(self.home)
        self.home.mkdir(parents=True)
        self.fill()

    def again(self) -> Result:
        """Says the same command once more, with ``--resume`` where there is a checkpoint."""
        return cli(*self.words, *(resume(self.resumes) if self.resumes else []))

    def judged(self) -> tuple[str, tuple[Result, ...]]:
        """What is wrong after a kill, and after the same command again; and that run."""
        trouble = self.left()
        if trouble:
            return f"after the kill: {trouble}", ()
        result = self.again()
        trouble = f"said again: {result.last}" if result.code else self.done()
        return result.trouble() or trouble, (result,)


def well(result: Result) -> Result:
    """The result of a command that must succeed for the campaign to go on."""
    assert result.code == 0, result.err
    return result


def fit_job(
    setting: Setting, data: Path, words: tuple[str, ...], *, over: bool, epochs: int
) -> Job:
    """A fit, into an empty folder or over an older model."""
    name = f"fit {' '.join(words)}{' over a model' if over else ''}"
    base = setting.work / "-".join(x for x in words if x != "--set")
    home = base.with_name(f"{base.name}-home-{over}")
    model, new, old = home / "model", base / "new", base / "old"
    command = fit(data, *words, epochs=epochs)
    if not new.exists():
        well(cli(*command, "-o", new))
        well(cli(*command, "-o", old, "--seed", 1))
    fresh, before = digests(new), digests(old)

    def left() -> str:
        state = state_of(model)
        if state == "whole":
            wanted = [fresh, before] if over else [fresh]
            return "" if digests(model) in wanted else "a model neither old nor new"
        return "" if state == "none" and not over else f"a model that is {state}"

    def done() -> str:
        if state_of(model) != "whole" or digests(model) != fresh:
            return "other bits than those of an undisturbed run"
        rest = litter(model) + [path.name for path in home.iterdir() if path != model]
        rest += ["checkpoint"] if resume(model) else []
        return f"leaves {rest}" if rest else ""

    fill = (lambda: shutil.copytree(old, model)) if over else (lambda: None)
    return Job(name, home, [*command, "-o", model], fill, left, done, model)


def recommend_job(setting: Setting, model: Path, suffix: str, *, over: bool) -> Job:
    """Lists for all users into a file, which is there before or not."""
    home = setting.work / f"lists{suffix}-{over}"
    out, whole = home / f"lists{suffix}", setting.work / f"whole{suffix}"
    if not whole.exists():
        well(cli("recommend", model, "--all", "-o", whole))
    wanted = whole.read_bytes()

    def left() -> str:
        now = out.read_bytes() if out.exists() else None
        return "" if now in (b"before" if over else None, wanted) else "a file neither old nor new"

    def done() -> str:
        rest = sorted(path.name for path in home.iterdir() if path != out)
        return f"leaves {rest}" if rest else "" if out.read_bytes() == wanted else "other lists"

    fill = (lambda: out.write_bytes(b"before")) if over else (lambda: None)
    words = ["recommend", model, "--all", "-o", out]
    return Job(
        f"recommend -o {suffix}{' over a file' if over else ''}", home, words, fill, left, done
    )


def tree(home: Path) -> dict[str, bytes]:
    """Every file in a folder, by its path in it."""
    paths = (path for path in home.rglob("*") if path.is_file())
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in sorted(paths)}


def folder_job(
    setting: Setting, name: str, words: list[object], figures: Callable[[Path], object]
) -> Job:
    """A command that writes a folder: the same files and figures as undisturbed."""
    home = setting.work / f"{name.replace(' ', '-')}-home"
    out, whole = home / "out", setting.work / f"{name.replace(' ', '-')}-whole"
    well(cli(*words, "-o", whole))
    wanted, names = figures(whole), sorted(tree(whole))

    def done() -> str:
        found = sorted(tree(home))
        if found != [f"out/{each}" for each in names]:
            return f"leaves {sorted(set(found) ^ {f'out/{each}' for each in names})}"
        return "" if figures(out) == wanted else "other figures than those of an undisturbed run"

    return Job(name, home, [*words, "-o", out], lambda: None, lambda: "", done)


def compared(folder: Path) -> object:
    """The metrics of each method of a comparison."""
    document = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
    kept = {
        label: {name: value for name, value in each.items() if "@" in name}
        for label, each in document["methods"].items()
    }
    return kept, document["errors"]


def tuned(folder: Path) -> object:
    """How many trials a study has, and the best of them."""
    document = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    return {name: value for name, value in document.items() if name in ("trials", "best", "value")}


def other_jobs(setting: Setting, data: Path) -> list[Job]:
    """Every command beside ``fit`` that writes."""
    model = setting.work / "model"
    well(cli(*fit(data), "-o", model))
    jobs = [
        recommend_job(setting, model, suffix, over=over)
        for suffix in (".csv", ".parquet", ".jsonl")
        for over in (False, True)
    ]
    jobs.append(folder_job(setting, "data split", ["data", "split", data], tree))
    words = ["compare", data, "--methods", "popularity,bpr,directspec+", "--seeds", "2", *QUICK]
    words += ["--set", "checkpoint_every=1"]
    jobs.append(folder_job(setting, "compare", words, compared))
    words = ["tune", data, "--method", "bpr", "--trials", "3", *QUICK]
    jobs.append(folder_job(setting, "tune", words, tuned))
    return jobs


def all_jobs(setting: Setting, *, trained: int, epochs: int) -> list[Job]:
    """Fits of so many methods with epochs and one without, and every other command that writes."""
    data, rng = events(setting.work / "events.csv"), setting.rng("methods")
    chosen = [*rng.sample(TRAINED, trained), rng.choice(SOLVED)]
    fits = [
        fit_job(setting, data, words, over=over, epochs=epochs)
        for words in chosen
        for over in ((False, True) if words in (chosen[0], chosen[-1]) else (False,))
    ]
    return [*fits, *other_jobs(setting, data)]
