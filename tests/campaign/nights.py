"""Folders of versions under kills, full disks, two at once and damage: ``current`` always loads."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from children import SIGNALS, Child, Result, cli, command, operations, strike, together
from common import Setting, Tally, events, remove, state_of
from full_disk import KIB, empty, fill, small_disk
from jobs import well
from odd_versions import BESIDE, NAMED, POINTERS

STRUCK, MOMENTS, TOGETHER, FULL, LINKS, STRANGERS = 70, 20, 25, 30, 40, 30
"""Cases of each kind."""
GATE = ("--unless-worse-than", "current", "--tolerance", "99%")
CODES = {name: 128 + number for name, number in SIGNALS.items()} | {"kill": -9}


class Nights:
    """A folder of two versions, and the commands that change it."""

    def __init__(self, setting: Setting) -> None:
        self.data = events(setting.work / "events.csv")
        self.template, self.home = setting.work / "template", setting.work / "home"
        self.models = self.home / "models"
        self._counts: dict[tuple[str, str], int] = {}
        quick = ("--dim", "8", "--epochs", "2", "--set", "batch_size=64", "--threads", "1")
        well(cli(*self.fit(self.template)))
        well(cli(*self.fit(self.template, *quick, method="bpr")))
        before = ("--start-from", self.template / "current")
        self.commands: dict[str, list[object]] = {
            "fit": self.fit(self.models),
            "fit, gate": self.fit(self.models, *GATE),
            "fit, keep 1": self.fit(self.models, "--keep", 1, "--final"),
            "fit bpr": self.fit(self.models, *quick, *GATE, *before, method="bpr"),
            "rollback": ["rollback", self.models],
            "refit": ["refit", self.models / "current", "--no-report"],
        }

    def fit(self, models: Path, *more: object, method: str = "popularity") -> list[object]:
        """The words of a nightly fit."""
        own: list[object] = ["fit", self.data, "-o", models, "--versions", "--method", method]
        return [*own, "--no-report", *more]

    def count(self, name: str, kind: str) -> int:
        """The operations on files of a command that a strike can hit."""
        if (name, kind) not in self._counts:
            self.prepare()
            log = self.home.with_name("log")
            found = operations(self.home, log, *self.commands[name], kind=kind)
            self._counts[name, kind] = len(found)
        return self._counts[name, kind]

    def prepare(self, *, empty_folder: bool = False) -> None:
        """Two versions, the newer one current; or none."""
        remove(self.home)
        self.home.mkdir()
        if not empty_folder:
            shutil.copytree(self.template, self.models, symlinks=True)

    def now(self) -> str:
        """``none``, ``whole`` or how the current version is torn."""
        return current_of(self.models)

    def again(self, words: list[object]) -> tuple[str, Result]:
        """What is wrong with a command after all is over, and with the folder after it."""
        result = cli(*words)
        said = result.trouble()
        back = words[0] == "rollback" and result.code == 2 and "no version before" in result.err
        if not said and result.code and not back:
            said = f"said again: {result.last}"
        return said or self.at_rest(), result

    def at_rest(self) -> str:
        """What is wrong with a folder that no command has at work."""
        if self.now() != "whole":
            return f"a current version that is {self.now()}"
        known = {"manifest.json", "log.jsonl", "checkpoint.safetensors"}
        for path in self.models.iterdir():
            if path.name.startswith("."):
                return f"leaves {path.name}"
            held = json.loads((path / "manifest.json").read_text(encoding="utf-8"))["files"]
            named = known | {each["file"] for each in held.values()}
            if rest := sorted(each.name for each in path.iterdir() if each.name not in named):
                return f"leaves {rest} in {path.name}"
        return ""


def current_of(models: Path) -> str:
    """``none``, ``whole`` or how the current version of a folder is torn."""
    pointer = models / "current"
    if not pointer.is_symlink():
        return "none"
    return "dangling" if not pointer.exists() else state_of(pointer)


def loads(models: Path) -> Result:
    """A list of the current model, as a service asks for it."""
    return cli("recommend", models / "current", "--user", "u1", "--json")


def struck(setting: Setting, tally: Tally, nights: Nights) -> None:
    """A signal at one operation on files of a command."""
    names = list(nights.commands)
    for number in range(setting.count(STRUCK)):
        rng = setting.rng("struck", number)
        name, kind = rng.choice(names), rng.choice(("kill", "kill", "term", "int", "hup"))
        first = name == "fit" and rng.random() < 0.3
        count = nights.count(name, "kill")
        at = rng.randrange(1, count + 1)
        nights.prepare(empty_folder=first)
        words = nights.commands[name]
        result = Child(command(*words), before=strike(nights.home, at, kind)).wait()
        trouble, results = "", [result]
        if result.code not in (CODES[kind], 0, 3) or "Traceback" in result.err:
            trouble = f"struck, it ended with code {result.code}: {result.last}"
        elif nights.now() != "whole" and not (first and nights.now() == "none"):
            trouble = f"after it a current version that is {nights.now()}"
        if not trouble:
            trouble, last = nights.again(words)
            results.append(last)
        tally.counts[kind] += 1
        tally.add(f"{name}, {kind} at {at} of {count}", trouble, *results)


def moments(setting: Setting, tally: Tally, nights: Nights) -> None:
    """Kills at random moments, several nights in a row."""
    names = list(nights.commands)  # the first four are fits, which remove what was left
    for number in range(setting.count(MOMENTS)):
        rng = setting.rng("moments", number)
        nights.prepare()
        trouble, results = "", []
        for _ in range(rng.randrange(1, 6)):
            child = Child(command(*nights.commands[rng.choice(names)]))
            time.sleep(rng.uniform(0, 0.5))
            child.stop()
            results.append(child.wait())
            if nights.now() != "whole":
                trouble = f"a current version that is {nights.now()}"
                break
        if not trouble:
            trouble, last = nights.again(nights.commands[rng.choice(names[:4])])
            results.append(last)
        if not trouble and (asked := loads(nights.models)).code:
            trouble = f"current does not load: {asked.last}"
        tally.add(f"nights {number}", trouble, *results)


def both(setting: Setting, tally: Tally, nights: Nights) -> None:
    """Two commands at once, and a reader meanwhile."""
    for number in range(setting.count(TOGETHER)):
        rng = setting.rng("both", number)
        nights.prepare()
        names = [rng.choice(list(nights.commands)) for _ in range(2)]
        bodies = [command(*nights.commands[name]) for name in names]
        results = together(
            [*bodies, command("recommend", nights.models / "current", "--user", "u1")]
        )
        trouble = ""
        for name, result in zip((*names, "recommend"), results, strict=True):
            told = any(each in result.err for each in ("in use by", "no version before"))
            if result.trouble() or (result.code not in (0, 3) and not told):
                trouble = f"{name}: {result.trouble() or result.last}"
        tally.counts["refused"] += sum(result.code == 2 for result in results)
        tally.add(f"both {number}, {names}", trouble or nights.at_rest(), *results)


def full(setting: Setting, tally: Tally, nights: Nights) -> None:
    """One operation that finds the disk full."""
    names = list(nights.commands)
    for number in range(setting.count(FULL)):
        rng = setting.rng("full", number)
        name = rng.choice(names)
        count = nights.count(name, "full")
        at = rng.randrange(1, count + 1)
        nights.prepare()
        result = cli(*nights.commands[name], before=strike(nights.home, at, "full"))
        trouble, results = result.trouble(), [result]
        if not trouble and nights.now() != "whole":
            trouble = f"a current version that is {nights.now()}"
        if not trouble:
            trouble, last = nights.again(nights.commands[name])
            results.append(last)
        tally.add(f"{name}, full at operation {at} of {count}", trouble, *results)


def little_room(setting: Setting, tally: Tally, nights: Nights) -> None:
    """A small disk with every amount of room."""
    with small_disk(setting.work / "disk") as there:
        if not there:
            tally.counts["no small disk: it needs root"] += 1
            return
        models = setting.work / "disk" / "models"
        for room in setting.some(list(range(0, 60 * KIB, 4 * KIB))):
            empty(setting.work / "disk")
            shutil.copytree(nights.template, models, symlinks=True)
            fill(setting.work / "disk", room)
            result = cli(*nights.fit(models, *GATE))
            trouble = result.trouble()
            if not trouble and current_of(models) != "whole":
                trouble = f"a current version that is {current_of(models)}"
            tally.add(f"fit with {room // KIB} KiB", trouble, result)


def odd(
    setting: Setting,
    tally: Tally,
    nights: Nights,
    changes: dict[str, Callable[[Path], object]],
    count: int,
) -> None:
    """Every command on a folder with something odd in it: it is mended, or told in one line."""
    asked: dict[str, list[object]] = nights.commands | {
        "versions": ["versions", nights.models],
        "versions --json": ["versions", nights.models, "--json"],
        "rollback --to": ["rollback", nights.models, "--to", NAMED],
        "recommend": ["recommend", nights.models / "current", "--user", "u1"],
    }
    cases = [(change, name) for change in changes for name in asked]
    for change, name in setting.some(cases, count):
        nights.prepare()
        changes[change](nights.models)
        before = nights.now()
        result = cli(*asked[name])
        trouble, now = result.trouble(), nights.now()
        if not trouble and before == "whole" and now != "whole":
            trouble = f"a current version that is {now}; it was whole"
        fitted = result.code == 0 and name.startswith(("fit", "rollback"))
        if not trouble and fitted and now != "whole":
            trouble = f"code 0, and a current version that is {now}"
        if not trouble and fitted and (last := loads(nights.models)).code:
            trouble = f"code 0, and current does not load: {last.last}"
        tally.counts["refused" if result.code == 2 else "done"] += 1
        tally.add(f"{change}: {name}", trouble, result)


def run(setting: Setting) -> Tally:
    """Folders of versions in every trouble."""
    tally = Tally("versions of a model")
    nights = Nights(setting)
    struck(setting, tally, nights)
    moments(setting, tally, nights)
    both(setting, tally, nights)
    full(setting, tally, nights)
    little_room(setting, tally, nights)
    odd(setting, tally, nights, POINTERS, LINKS)
    odd(setting, tally, nights, BESIDE, STRANGERS)
    return tally
