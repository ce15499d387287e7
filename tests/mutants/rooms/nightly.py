"""Statements of ``nightly/`` that decide which version is current, and which are removed."""

from __future__ import annotations

from mutant import Mutant, of

GATE = "tests/nightly/test_gate.py"
VERSIONS = "tests/nightly/test_versions.py"
COMMANDS = "tests/nightly/test_commands.py"

MUTANTS: tuple[Mutant, ...] = (
    *of(
        "nightly/gate.py",
        GATE,
        ("0 <= self.tolerance < 1", "0 <= self.tolerance <= 1"),
        ("0 <= self.tolerance < 1", "0 < self.tolerance < 1"),
        ("test.select(~_within", "test.select(_within"),
        (
            "(unseen.user_degree > 0) & (new.train.user_degree > 0)",
            "unseen.user_degree > 0",
            "evaluation leaves out users without training; this spares asking for them",
        ),
        ("len(asked) < FEWEST", "len(asked) <= FEWEST"),
        ("len(asked) < FEWEST", "False"),
        (
            "ours.per_user(name) - theirs.per_user(name)",
            "theirs.per_user(name) - ours.per_user(name)",
        ),
        ("self._passes(ours[name], theirs[name])", "self._passes(theirs[name], ours[name])"),
        ("new >= old * (1 - self.tolerance)", "new > old * (1 - self.tolerance)"),
        ("new >= old * (1 - self.tolerance)", "new <= old * (1 - self.tolerance)"),
        ("old * (1 - self.tolerance)", "old * (1 + self.tolerance)"),
        ("theirs is None or self", "theirs is not None and self"),
        ("self._passes(ours, theirs)", "True"),
        ("in (old.train, old.validation) if", "in (old.train,) if"),
        ("in (old.train, old.validation) if", "in (old.validation,) if"),
        ("np.int64) * test.n_items + each", "np.int64) + each"),
        ("joined(learned, new.validation)", "new.validation"),
        ("joined(learned, new.validation)", "learned"),
        ("np.where(self.trained.cold(users), -1, users)", "users"),
        ("~(known & trained)", "~known"),
        ("            out[known] = self._placed(scores)\n", "            pass\n"),
        ("k = min(K, new.train.n_items)", "k = K"),
        ('"validation": masked, ', ""),
        ('"train": new.train, ', '"train": test, '),
        ("self.new / self.old - 1", "self.old / self.new - 1"),
        ('"taken" if self.passed', '"taken" if not self.passed'),
    ),
    *of(
        "nightly/versions.py",
        VERSIONS,
        ("or name < now]", "or name <= now]"),
        ("or name < now]", "or name > now]"),
        ("now is None or name < now", "now is not None and name < now"),
        ("in reversed(older) if not self.rejected(name)", "in reversed(older)"),
        ("in reversed(older)", "in older"),
        ("self.manifest(to)  # a", "pass  # a"),
        ("return not self.manifest(name)", "return self.manifest(name)"),
        ('.get("passed", True)', '.get("passed", False)'),
        (
            "except DataError:\n            return True",
            "except DataError:\n            return False",
        ),
        ("*good[-1:], now}", "now}"),
        ("*good[-1:], now}", "*good[-1:]}"),
        ("len(names) - keep)", "len(names) - keep + 1)"),
        ("in names[:at] if not self.rejected(name)", "in names[:at]"),
        ("[*names, *self.unfinished()]", "names"),
        (
            "began, taken = datetime.now(UTC), set(self._all())",
            "began, taken = datetime.now(UTC), set[str]()",
        ),
        (" if (self.folder / name / MANIFEST).is_file())", ")"),
        ("link.symlink_to(target.name, ", "link.symlink_to(target.absolute(), "),
        ("if others:", "if False:"),
        ("if pointer.exists() and not pointer.is_symlink():", "if False:"),
        ("                clear_within(self.folder / name)\n", "                pass\n"),
    ),
    *of(
        "cli/nightly.py",
        COMMANDS,
        ("    if passed:\n", "    if True:\n"),
        ("    if passed:\n", "    if not passed:\n"),
        (
            "self.versions is not None or (self.passed and (self.judged or self.gate is None))",
            "self.passed",
        ),
        ("(self.judged or self.gate is None)", "True"),
        ("self.passed, self.judged = judgement.passed, True", "self.judged = True"),
        ("keep if keep is not None else len(versions.names())", "len(versions.names())"),
        ("0 <= share < 1", "0 <= share <= 1"),
        ('(100 if text.endswith("%") else 1)', "1"),
        ("reverse=True", "reverse=False"),
        ("        if versions is None:\n            raise\n", "        raise\n"),
        ("folder.rmdir()  # only", "pass  # only"),
        (
            "            if night.kept:\n",
            "            if True:\n",
            "of versions, a fit that ends without an error is always kept",
        ),
        ("if name == CURRENT and versions.current() is None:", "if False:"),
        ("if self.keep is not None and not self.versions:", "if False:"),
    ),
)
