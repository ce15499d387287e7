"""Statements of ``studies/``: what compare and tune say is best, how sure, and by which runs."""

from __future__ import annotations

from mutant import Mutant, of

STATEMENTS = "tests/studies/test_statements.py"
RUNS = "tests/studies/test_which_runs.py tests/studies/test_runs.py"
TUNING = "tests/studies/test_tune.py"
KNOWN = f"{TUNING}::test_the_study_has_the_settings_of_the_highest_value"
STOPS = f"{TUNING}::test_a_study_that_went_on_is_the_study_without_a_stop"
WINS = f"{TUNING}::test_the_best_trial_wins"
AGAIN = f"{TUNING}::test_a_study_goes_on"
WATCH = "tests/studies/test_trials.py"
FIRST = "tests/studies/test_first_trial.py"
BY_RULE = "tests/studies/test_by_rule.py"
REPEATS = (
    f"{TUNING}::test_a_value_is_the_mean_over_divisions "
    f"{TUNING}::test_a_study_over_divisions_goes_on"
)

MUTANTS: tuple[Mutant, ...] = (
    *of(
        "studies/comparison.py",
        STATEMENTS,
        ("holm(by_users)", "by_users"),
        ("holm(by_seeds)", "by_seeds"),
        ("-(means[label] or 0.0)", "(means[label] or 0.0)"),
        ("label, name), better_for_users)", "label, name), differs_for_users)"),
        ("else test(one, other)", "else test(other, one)"),
        (
            "better_over_seeds(self.values(best, name), self.values(label, name))",
            "better_over_seeds(self.values(label, name), self.values(best, name))",
        ),
        ("np.std(values, ddof=1)", "np.std(values, ddof=0)"),
        ("if len(values) > 1 else 0.0", "if len(values) > 2 else 0.0"),
        ("float(np.mean(values)) if values", "float(np.median(values)) if values"),
        ("np.mean(each, axis=0) if each", "each[0] if each"),
        ("if len(self.runs) > 1 else set()", "if len(self.runs) > 2 else set()"),
        ("best, *others = self.ranked(name)", "best, *others = reversed(self.ranked(name))"),
        ("if name in run.users]", "if name not in run.users]"),
        ('"sd": self.deviation(label, name)', '"sd": 0.0'),
        ("(name) if self.one_tailed else self.tests(name)", "(name)"),
        (
            "self.tests_one_tailed(name) if self.one_tailed else self.tests(name)",
            "self.tests(name)",
        ),
        ("if self.one_tailed else", "if not self.one_tailed else"),
        ('"tests": {name: self.tests(name)', '"tests": {name: self.tests_one_tailed(name)'),
        (
            '"tests_one_tailed": {name: self.tests_one_tailed(name)',
            '"tests_one_tailed": {name: self.tests(name)',
        ),
        ("Values], float] = differs_for_users", "Values], float] = better_for_users"),
        ("len(one) < 2 else", "len(one) < 3 else"),
        ("(values, differs_over_seeds)", "(values, better_over_seeds)"),
        ("name) for each in order], _by_users", "name) for each in order[::-1]], _by_users"),
        (
            "self.values(each, name) for each in order]",
            "self.values(each, name) for each in order[::-1]]",
        ),
        ("(order[1:], by_users, by_seeds)", "(order[1:], by_seeds, by_users)"),
        ("_by_label(order[1:]", "_by_label(order[:0:-1]"),
        ("_by_label(others", "_by_label(others[::-1]"),
        ('{"users": users, "seeds": seeds}', '{"users": seeds, "seeds": users}'),
        ('"interval": self.interval(label, name)', '"interval": None'),
        ("self._of_users(label, each) for each", "self._of_users(label, self.metrics[0]) for each"),
    ),
    *of(
        "studies/compare.py",
        RUNS,
        ("chosen |= {key: value for key", "chosen = {key: value for key"),
        ("= dict(kept or {})", "= {}"),
        ('known = f"{preset}-{encoder}" if encoder else preset', "known = preset"),
        ("reversed(list(metrics))", "list(metrics)"),
        ('np.median([record["seconds"]', 'np.max([record["seconds"]'),
        ("if label not in errors}", "}"),
        ("            break\n", "            continue\n"),
        ("        split.fingerprint,\n        entry.method", "        entry.method"),
        ("        list(k),\n", ""),
        ("        protocol,\n        versions", "        versions"),
        ("        settings,\n        list", "        list"),
        ("threads=threads, seed=seed", "threads=threads, seed=0"),
        ("model.evaluate(k=k, protocol=protocol)", "model.evaluate(k=k)"),
        ("model.evaluate(k=k, protocol=protocol)", "model.evaluate(protocol=protocol)"),
    ),
    *of(
        "studies/tables.py",
        STATEMENTS,
        ("p < LEVEL", "p > LEVEL"),
        ("p < LEVEL", "p <= LEVEL"),
        ("LEVEL = 0.01", "LEVEL = 0.05"),
        ("bool(found) and all(", "bool(found) and any("),
        ("bool(found) and all(", "all("),
        ("for p in each.values()]", "for p in list(each.values())[:1]]"),
        ("for p in each.values()]", "for p in list(each.values())[1:]]"),
        ("label == order[1]", "label == order[-1]"),
        ("mean == comparison.mean(order[0], name)", "mean == comparison.mean(order[-1], name)"),
        ("len(comparison.seeds) > 1", "len(comparison.seeds) > 4"),
        ("len(comparison.seeds) > 1", "len(comparison.seeds) > 0"),
        ('f"{mean:.4f}"', 'f"{mean:.3f}"'),
        ("{comparison.deviation(label, name):.4f}", "{comparison.deviation(label, name) / 2:.4f}"),
        (
            '("effective_rank", "epoch_seconds", "parameters")',
            '("epoch_seconds", "effective_rank", "parameters")',
        ),
        ('f"{rank:.1f}"', 'f"{rank:.0f}"'),
        ('f"{seconds:.3f}"', 'f"{seconds:.1f}"'),
        ('f"{size:,.0f}"', 'f"{size / 1000:,.0f}"'),
        ("deviations=False)[:-1]", "deviations=False)[:-2]"),
        ('"**best**, _second best_; † "', '"_best_, **second best**; † "'),
    ),
    *of(
        "studies/trials.py",
        f"{TUNING}::test_the_best_so_far_is_the_highest",
        ("value <= self.value", "value >= self.value"),
        ("value <= self.value", "value < self.value"),
        ("max(earlier, default=None)", "min(earlier, default=None)"),
        ("        self.value = value\n        return", "        return"),
    ),
    *of(
        "studies/trials.py",
        STOPS,
        ("SeedSequence([seed, number])", "SeedSequence([seed])"),
    ),
    *of(
        "studies/trials.py",
        f"{TUNING}::test_the_seed_makes_the_search",
        ("SeedSequence([seed, number])", "SeedSequence([number])"),
    ),
    *of(
        "studies/trials.py",
        f"{WINS} {AGAIN}",
        ('model.training["best_epoch"]', 'model.training["epochs"] + 1'),
    ),
    *of(
        "studies/trials.py",
        f"{WATCH} {REPEATS}",
        ("k = min(20, split.train.n_items)", "k = min(10, split.train.n_items)"),
        (
            "split.validation, train=split.train, k=k",
            "split.validation, train=split.validation, k=k",
        ),
        ("and self.of_optuna.should_prune():", "and not self.of_optuna.should_prune():"),
        ("CHECKS = 2", "CHECKS = 200"),
        ("CHECKS = 2", "CHECKS = 1"),
        ("self.of_optuna.report(value,", "self.of_optuna.report(-value,"),
    ),
    *of(
        "studies/trials.py",
        WATCH,
        ("STARTUP = 4", "STARTUP = 40"),
        ("each.low, each.high, log=each.log)\n    return", "each.low, each.high)\n    return"),
        (
            "trial.suggest_float(name, each.low, each.high, log=each.log)",
            "trial.suggest_float(name, each.low, each.high)",
        ),
        ('f"{v:.4g}"', 'f"{v:.1g}"'),
    ),
    *of(
        "studies/trials.py",
        FIRST,
        ("made.auto if own and", "made.auto if not own and"),
        ("if each in space[name]}", "}"),
        ("    made = made.settled()\n", ""),
        ("free = [POWER, *made.auto]", "free = [*made.auto]"),
        ("if values.get(name, AUTO) == AUTO})", "})"),
        ("for name in chosen if name == POWER}", "for name in chosen}"),
        ("isinstance(method, SearchedMethod) and bool", "bool"),
    ),
    *of(
        "studies/trials.py",
        WATCH,
        ("if name not in fixed\n", "if True\n"),
        ("{**fixed, **values, **ruled}", "{**values, **ruled}"),
    ),
    *of(
        "studies/trials.py",
        BY_RULE,
        ("isinstance(each, ByRule) and not ruled", "isinstance(each, ByRule) and ruled"),
        ("isinstance(made, SearchedMethod) and made.has_rate", "isinstance(made, SearchedMethod)"),
        ("each / rate if name in ruled", "each * rate if name in ruled"),
        ('if ruled and "shrink" in space:', "if False:"),
        ("values, data) if factors else 1.0", "{}, data) if factors else 1.0"),
        ('f"{factor * rate:.4g}"', 'f"{factor * rate:.1g}"'),
        ("        trial.set_user_attr(FOUND, ruled)\n", "        pass\n"),
        ("if name not in factors} | found", "} | found"),
    ),
    *of(
        "studies/tune.py",
        BY_RULE,
        ("found_in(trial) | chosen)", "chosen)"),
    ),
    *of(
        "studies/tune.py",
        FIRST,
        ("set() if start or space else searched", "set() if space else searched"),
        ("if number or n not in left}", "}"),
        ("if number or not left:", "if number:"),
        ("values | chosen)", "values)"),
    ),
    *of(
        "studies/tune.py",
        KNOWN,
        ('direction="maximize"', 'direction="minimize"'),
        ("best = max(done", "best = min(done"),
        ("value=best.value", "value=done[0].value"),
        ("settings=fixed | settings_in(best)", "settings=fixed | settings_in(done[0])"),
    ),
    *of(
        "studies/tune.py",
        f"{TUNING}::test_what_cannot_be_tuned",
        ("if trials < 1:", "if trials < 0:"),
        ("or not len(split.validation):", "or False:"),
    ),
    *of(
        "studies/tune.py",
        STOPS,
        (
            'Best(trial.value for trial in earlier if trial.state.name == "COMPLETE")',
            "Best()",
        ),
        ("range(len(earlier), trials)", "range(len(earlier) + 1, trials)"),
        ("range(len(earlier), trials)", "range(trials)"),
    ),
    *of(
        "studies/tune.py",
        f"{WINS} {AGAIN}",
        ("settings=fixed | settings_in(best)", "settings=settings_in(best)"),
        ("trials=len(trials)", "trials=len(done) - 1"),
        ('f"trial {number + 1} of', 'f"trial {number} of'),
        ("if known != value:", "if False:"),
    ),
    *of(
        "studies/tune.py",
        f"{TUNING}::test_the_first_trial_that_was_asked_for_is_made_after_a_kill",
        ("if not earlier and not waiting:", "if True:"),
        ("if not earlier and not waiting:", "if False:"),
        ("if trial.state.is_finished()]\n    waiting", "]\n    waiting"),
    ),
    *of(
        "studies/tune.py",
        WATCH,
        (
            "if trial.state.is_finished()]\n    return",
            "if trial.state.is_finished()][:trials]\n    return",
        ),
        ("round(sum(trial.duration", "round(max(trial.duration"),
        ('        "seed": seed,\n    }', "    }"),
        ("each.fingerprint for each in splits", "each.name for each in splits"),
        ('if trial.state.name == "COMPLETE"]', "if trial.value is not None or True]"),
        ("return states.PRUNED, None", "return states.FAIL, None"),
    ),
    *of(
        "studies/tune.py",
        REPEATS,
        ("float(np.mean(found))", "found[0]"),
        ("float(np.mean(found))", "float(np.max(found))"),
        ("splits = divisions(split, repeats)", "splits = [split] * repeats"),
        ("repeats=len(splits)", "repeats=1"),
        ('best.user_attrs.get("values", [best.value])', "[best.value]"),
        ("None if number or alone else Watch", "Watch"),
    ),
    Mutant(
        "studies/tune.py",
        "int(np.median(epochs))",
        "int(np.max(epochs))",
        f"{TUNING}::test_the_epochs_are_the_median_of_those_of_the_divisions",
    ),
    Mutant("studies/runs.py", "kept != _digest(stored)", "not kept", "tests/studies/test_runs.py"),
)
