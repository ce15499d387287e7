"""Statements of the search in ``fit``: who stays in the race, what is tried, which values win."""

from __future__ import annotations

from mutant import Mutant, of

SEARCH = "tests/training/test_search.py"
AUTO = "tests/methods/test_auto.py"

MUTANTS: tuple[Mutant, ...] = (
    *of(
        "training/search.py",
        SEARCH,
        (
            "(self._live(), key=lambda trial: -trial.score",
            "(self._live(), key=lambda trial: trial.score",
        ),
        ("(finalists, key=lambda trial: -trial.score", "(finalists, key=lambda trial: trial.score"),
        ("if len(finalists) > 1:", "if len(finalists) > 2:"),
        ("[2 if last else", "[0 if last else"),
        ("2 if last else self.plan[self.rung].trials :]", "self.plan[self.rung - 1].trials :]"),
        ("self.plan[self.rung].trials :]", "1 :]"),
        ("self.plan[self.rung].trials :]", "self.plan[self.rung].trials + 1 :]"),
        (
            "best = self.progress.best_metric\n        return",
            'best = self.progress.history[-1].get("validation_ndcg@20")\n        return',
        ),
        ("best is None or self.error is not None", "best is None"),
        ("best = self._ranked()[0]", "best = last"),
        ("best = self._ranked()[0]", "best = self._live()[0]"),
        ("last = self._live()[-1]", "last = self._live()[0]"),
        ("        if best is not last:\n            self._finish(best)\n", ""),
        ("trial.progress.epoch >= epochs", "trial.progress.epoch > epochs"),
        ("if all(trial.values != values for trial in self.trials):", "if True:"),
        ("self.propose(self.rung,", "self.propose(0,"),
        ("if self.proposed == self.rung:", "if self.rung == 0:"),
        ("if self.proposed == len(self.plan):", "if False:"),
        ("            for trial in ranked[1:]:\n                trial.trainer = None\n", ""),
        ("if len(self._live()) == 1:", "if True:"),
        ("if len(self._live()) == 1:", "if False:"),
        ('            trial.error = kept["error"]\n', ""),
        ("progress.rung, progress.proposed\n", "progress.rung, 0\n"),
        ("progress.rung, progress.proposed\n", "0, progress.proposed\n"),
        (
            "if all(trial.error for trial in self._live()):",
            "if any(trial.error for trial in self._live()):",
        ),
        ("min(epochs, 60) / 60", "epochs / 60"),
        ("(16, 3), (4, 6), (2, 12)", "(16, 3), (4, 6), (1, 12)"),
        ("(16, 3), (4, 6), (2, 12)", "(16, 3), (2, 6), (2, 12)"),
        ("max(1, round(unit * e))", "round(unit * e)"),
        (
            'row["validation_ndcg@20"] = self.progress.best_metric',
            'row["validation_ndcg@20"] = None',
        ),
        ('"epochs": self.progress.epoch}', '"epochs": self.progress.best_epoch}'),
    ),
    *of(
        "methods/searched.py",
        AUTO,
        ("FIRST_STEP = 0.05", "FIRST_STEP = 0.1"),
        ("FASTER = 16.0", "FASTER = 1.0"),
        ("2 * self.dim / (rows", "self.dim / (rows"),
        ("(data.n_users + data.n_items) / 2", "(data.n_users + data.n_items)"),
        ("2 * self.batch_size * FIRST_STEP", "self.batch_size * FIRST_STEP"),
        ("self.lr * (FASTER if self._by_rule else 1.0)", "self.lr"),
        ("(FASTER if self._by_rule else 1.0)", "FASTER"),
        ('values["lr"] / FASTER', 'values["lr"]'),
        ("rung > 2 and self._by_rule", "rung > 1 and self._by_rule"),
        ("rung > 2 and self._by_rule", "rung > 2"),
        ("zip(ranked[:2], (None, 2)", "zip(ranked[:1], (None,)"),
        ("zip(ranked[:2], (None, 2)", "zip(ranked[:2], (None, None)"),
        ("for name in names[1:]\n", "for name in names\n"),
        ("self.tried[name][0] for name in names[1:]", "self.tried[name][-1] for name in names[1:]"),
        ("each < value)[-1:]", "each < value)[:1]"),
        ("each > value)[:1]", "each > value)[-1:]"),
        ("each < value)[-1:]", "each < value)[:0]"),
        ("math.sqrt(value * each)", "(value + each) / 2"),
        ('{"auto": auto} | values', 'values | {"auto": auto}'),
        ("auto = tuple(name for name in self.auto if name not in values)", "auto = self.auto"),
        ("lr=self._rate(data), auto=self.auto)", "lr=self._rate(data))"),
        ("if name not in self.tried", "if name in self.tried"),
        ("values.get(name, getattr(self, name))", "getattr(self, name)"),
        ("if not self._by_rule:", "if self._by_rule:"),
        ('"lr" in self.auto and self.optimizer', "self.optimizer"),
        ('and self.optimizer == "sgd" and', "and"),
        (' and self.encoder == "mf"', ""),
        ("for name in self.tried if name in self.auto", "for name in self.tried"),
        ("named += [name for name in known if name not in values]", "pass"),
        ("tuple(name for name in known if name in named)", "tuple(named)"),
        (
            "if unknown:\n",
            "if False:\n",
        ),
    ),
    Mutant(
        "methods/fitting.py", '"chosen": method.found(values)', '"chosen": method.found({})', AUTO
    ),
)
