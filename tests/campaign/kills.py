"""Kills: at every file operation of every command that writes, and at random moments of each."""

from __future__ import annotations

import time

from children import SIGNALS, Child, Result, command, operations, strike
from common import Setting, Tally, resume
from jobs import TRAINED, Job, all_jobs

SIGNALLED, RANDOM = 60, 260
"""Cases with a signal that can be caught, and kills at random moments."""
CODES = {name: 128 + number for name, number in SIGNALS.items()} | {"kill": -9}


def struck(job: Job, at: int, kind: str) -> tuple[str, list[Result]]:
    """What is wrong after a strike at an operation."""
    job.prepare()
    result = Child(command(*job.words), before=strike(job.home, at, kind)).wait()
    if result.code not in (CODES[kind], 0) or "Traceback" in result.err:
        return f"struck, it ended with code {result.code}: {result.last}", [result]
    trouble, more = job.judged()
    return trouble, [result, *more]


def every_operation(setting: Setting) -> Tally:
    """SIGKILL at each operation on files, and other signals at some of them."""
    tally = Tally("kills at every file operation")
    jobs = all_jobs(setting, trained=5, epochs=3)
    log = setting.work / "operations"
    points = []
    for job in jobs:
        job.prepare()
        found = operations(job.home, log, *job.words)
        points += [(job, at, each) for at, each in enumerate(found, start=1)]
    plan = [(*point, "kill") for point in setting.some(points)]
    rng = setting.rng("signals")
    for kind in ("term", "int", "hup"):
        chosen = setting.count(SIGNALLED)
        plan += [(*point, kind) for point in rng.sample(points, min(chosen, len(points)))]
    for job, at, operation, kind in plan:
        trouble, results = struck(job, at, kind)
        tally.counts[kind] += 1
        tally.add(f"{job.name}, {kind} at {at} ({operation})", trouble, *results)
    return tally


def random_moments(setting: Setting) -> Tally:
    """SIGKILL at random moments, up to six times in a row, then the bits of an undisturbed run."""
    tally = Tally("kills at random moments")
    jobs = all_jobs(setting, trained=len(TRAINED), epochs=12)
    wanted, turn = setting.count(RANDOM), 0
    rng = setting.rng("moments")
    took: dict[str, float] = {}
    while tally.cases < wanted:
        job = jobs[turn % len(jobs)] if setting.share == 1 else rng.choice(jobs)
        turn += 1
        job.prepare()
        if job.name not in took:
            took[job.name] = job.again().seconds
            job.prepare()
        for _ in range(rng.randrange(1, 7)):
            words = [*job.words, *(resume(job.resumes) if job.resumes else [])]
            child = Child(command(*words))
            moment = rng.uniform(0, 1.05 * took[job.name])
            time.sleep(moment)
            child.stop()
            result = child.wait()
            if result.code != -9:
                tally.counts["ended before the kill"] += 1
                break
            tally.counts["killed"] += 1
            trouble = job.left()
            tally.add(f"{job.name}, killed after {moment:.3f} s", trouble, result)
        trouble, results = job.judged()
        tally.counts["gone on"] += 1
        tally.add(f"{job.name}, the same again after kills", trouble, *results)
    return tally
