"""Successive halving stopped: the same bits however often."""

from __future__ import annotations

import signal

import pytest
from races import search, spoiling
from runs import Signals, parameters, same

from fullrank.training import CheckpointFile, Rung, Search, Silent


def stopping(run, stop):
    """Makes a search receive Ctrl-C in its step number ``stop``, whichever trial does it."""
    signals, build = Signals(stop), run.build

    def watched(values):
        made = build(values)
        made.reporter = signals
        return made

    run.build, run.reporter = watched, signals


def without_seconds(rows):
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def test_what_diverged_before_a_stop_has_diverged_after_it(small, tmp_path):
    file = CheckpointFile(tmp_path / "c", {})
    alphas = [{"alpha": alpha} for alpha in (0.5, 0.6, 0.7)]
    plan = (Rung(3, 2), Rung(3, 3), Rung(1, 4))

    class Killed(Silent):
        def trial(self, record):
            if record["epochs"] == 4:
                raise RuntimeError

    def made(**options):
        return Search(spoiling(small.train, {0.6: 1}), alphas, plan, checkpoint=file, **options)

    whole = made().run()
    file.remove()
    with pytest.raises(RuntimeError):
        made(reporter=Killed()).run()
    _, values, trials = made().run(resume=True)
    assert values == whole[1]
    assert values["alpha"] in (0.5, 0.7)
    assert ["error" in row for row in trials] == [False, True, False]
    assert without_seconds(trials) == without_seconds(whole[2])


@pytest.mark.parametrize("stop", [1, 7, 20, 40, 55, 70, 90])
def test_resumed_equals_uninterrupted(small, tmp_path, stop):
    """Stopped in every phase: on the first rung, on a later one, among proposals, at the end."""

    def made(**options):
        def propose(rung, ranked):
            return {0: [{"alpha": 0.7}], 2: [{**ranked[0], "lr": 0.25}]}.get(rung, [])

        return search(small.train, propose=propose, **options)

    whole, values, trials = made().run()
    file = CheckpointFile(tmp_path / "c", {"run": 1})
    run = made(checkpoint=file)
    stopping(run, stop)
    with pytest.raises(KeyboardInterrupt):
        run.run()
    rest, found, table = made(checkpoint=file).run(resume=True)
    assert found == values
    assert same(parameters(whole), parameters(rest))
    assert without_seconds(table) == without_seconds(trials)


def test_a_signal_while_a_rung_is_validated_is_obeyed(small, tmp_path):
    whole, _, _ = search(small.train).run()
    file, left = CheckpointFile(tmp_path / "c", {}), [4]

    def score(alpha, epoch):
        left[0] -= 1
        if not left[0]:
            signal.raise_signal(signal.SIGINT)
        return 0.01 * epoch - abs(alpha - 0.6)

    with pytest.raises(KeyboardInterrupt):
        search(small.train, score=score, checkpoint=file).run()
    assert left == [0]  # at once, and not at a later check
    rest, _, _ = search(small.train, checkpoint=file).run(resume=True)
    assert same(parameters(whole), parameters(rest))


def test_killed_between_rungs_goes_on_from_the_last_one(small, tmp_path):
    whole, _, _ = search(small.train).run()
    file = CheckpointFile(tmp_path / "c", {})

    class Killed(Silent):
        def trial(self, record):
            if record["epochs"] == 2:
                raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        search(small.train, checkpoint=file, reporter=Killed()).run()
    rest, _, _ = search(small.train, checkpoint=file).run(resume=True)
    assert same(parameters(whole), parameters(rest))


@pytest.mark.slow
@pytest.mark.parametrize("at", range(1, 6))
def test_a_signal_between_two_parts_of_a_search_is_obeyed_in_the_next(small, tmp_path, at):
    """While the state is saved, or a trial is made: nothing there looks whether one has come."""
    file, made, trained = CheckpointFile(tmp_path / "c", {}), [0], []
    searching = search(
        small.train,
        checkpoint=file,
        propose=lambda rung, ranked: [{"alpha": 0.61 + rung / 100}],
        score=lambda alpha, epoch: trained.append(epoch) or -abs(alpha - 0.6),
    )
    for name in ("save", "_add"):
        real = getattr(searching, name)

        def and_a_signal(*arguments, real=real):
            made[0] += 1
            if made[0] == at:
                signal.raise_signal(signal.SIGINT)
                trained.clear()
            return real(*arguments)

        setattr(searching, name, and_a_signal)
    with pytest.raises(KeyboardInterrupt):
        searching.run()
    assert trained == []
    assert made[0] >= at
