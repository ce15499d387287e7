"""Statements of ``data/`` that decide which pair lies in which part, and what a pair counts."""

from __future__ import annotations

from mutant import Mutant, of

SPLITTING = "tests/data/test_splits.py"
TABLES = "tests/data/test_interactions.py"
WEIGHTS = "tests/methods/test_weights.py"
BORDER = "tests/data/test_border.py"

HINTS = "tests/data/test_column_hints.py"

MUTANTS: tuple[Mutant, ...] = (
    *of(
        "data/splits.py",
        SPLITTING,
        ("time >= how", "time > how"),
        ("early = time < how", "early = time <= how"),
        ("train = time < how", "train = time >= how"),
        ("train = time < how", "train = time <= how"),
        ("early & ~train", "~train"),
        ("np.maximum(degree - 1, 0)", "degree"),
        ("fraction * degree + rng", "(1 - fraction) * degree + rng"),
        ("np.floor(fraction", "np.ceil(fraction"),
        ("np.floor(fraction * degree + rng.random(len(degree)))", "np.floor(fraction * degree)"),
        ("data.select(~held), data.select(held)", "data.select(held), data.select(~held)"),
        ("needed = 3 if validation else 2", "needed = 2"),
        ("needed = 3 if validation else 2", "needed = 3"),
        ("data.user_degree >= needed", "data.user_degree > needed"),
        ("    train[tested] = False\n", ""),
        ("        train[chosen] = False\n", "        pass\n"),
        ("    left[last] = False\n", ""),
        ("np.maximum.reduceat(position", "np.minimum.reduceat(position"),
        ("np.maximum.reduceat(time", "np.minimum.reduceat(time"),
        ("hold_out(data, test, rng) if test", "hold_out(data, validation, rng) if test"),
        ("hold_out(train, validation, rng)", "hold_out(data, validation, rng)"),
        ("hold_out(train, validation, rng)", "hold_out(train, test, rng)"),
        (
            "rng = np.random.default_rng(seed)\n    train, tested",
            "rng = np.random.default_rng(0)\n    train, tested",
        ),
        ("location < np.repeat(quota, degree)", "location <= np.repeat(quota, degree)"),
        ("np.argsort(owner + rng.random(len(owner)))", "np.argsort(owner, kind='stable')"),
        ("np.cumsum(degree) - degree, degree", "np.cumsum(degree), degree"),
        ("len(time) - round(fraction * len(time))", "round(fraction * len(time))"),
        ("np.partition(time, at)[at]", "np.partition(time, at)[at - 1]"),
        ("_cut(time[early], validation)", "_cut(time, validation)"),
        ("_cut(time, test)", "_cut(time, validation)"),
        ("0 <= fraction < 1", "0 <= fraction <= 1"),
        ("0 <= fraction < 1", "0 < fraction < 1"),
        ("[0, *edges, len(indptr) - 1]", "[0, len(indptr) - 1]"),
        ("[0, *edges, len(indptr) - 1]", "[*edges, len(indptr) - 1]"),
        ('f"{name} {part.fingerprint}" for', 'f"{part.fingerprint}" for'),
        ('"test": self.test}', "}"),
    ),
    *of(
        "data/positive.py",
        WEIGHTS,
        ("weight.astype(np.float32) > 0", "weight.astype(np.float32) >= 0"),
        ("weight.astype(np.float32) > 0", "weight > 0"),
        (
            "user_idx[kept], item_idx[kept], weight[kept]",
            "user_idx[~kept], item_idx[~kept], weight[~kept]",
        ),
    ),
    *of(
        "data/positive.py",
        BORDER,
        ("if not np.isfinite(narrow).all():", "if False:"),
    ),
    *of(
        "data/weights.py",
        WEIGHTS,
        ("        matrix.data = data.weight\n", "        pass\n"),
        (
            "np.bincount(data.user_idx, weights=data.weight",
            "np.bincount(data.user_idx, weights=None",
        ),
        (
            "np.bincount(data.item_idx, weights=data.weight",
            "np.bincount(data.item_idx, weights=None",
        ),
        ("return data.item_degree", "return data.user_degree"),
        ("return data.user_degree", "return np.ones_like(data.user_degree)"),
        ("strength, 1.0) ** exponent", "strength, 1.0) ** -exponent"),
        ("np.where(strength > 0, strength, 1.0)", "np.where(strength > 1, strength, 1.0)"),
    ),
    *of(
        "data/order.py",
        TABLES,
        ("np.add.reduceat(weight", "np.maximum.reduceat(weight"),
        ("np.minimum.reduceat(timestamp", "np.maximum.reduceat(timestamp"),
        ("merged = len(user_idx) - len(starts)", "merged = len(starts)"),
        ("key[1:] > key[:-1]", "key[1:] >= key[:-1]"),
        ("slice(max(block.start - 1, 0), block.stop)", "slice(block.start, block.stop)"),
        ("degrees[first + 1 : last + 2] +=", "degrees[first + 1 : last + 2] ="),
        ("key[1:] != key[:-1]", "key[1:] == key[:-1]"),
        ("weight[order], starts)", "weight, starts)"),
        ("timestamp[order], starts)", "timestamp, starts)"),
    ),
    *of(
        "data/kcore.py",
        "tests/data/test_kcore.py",
        ("minlength=data.n_users) >= k_user", "minlength=data.n_users) > k_user"),
        ("minlength=data.n_items) >= k_item", "minlength=data.n_items) > k_item"),
        (">= k_user", ">= k_item"),
        ("enough &= ", "enough |= "),
        ("if enough.all():", "if True:"),
        ("data.select(positions).compact()", "data.select(positions)"),
    ),
    *of(
        "data/checks.py",
        BORDER,
        ("high >= n", "high > n"),
        ("low < 0 or high", "high"),
        ("item_idx[1:] <= item_idx", "item_idx[1:] < item_idx"),
    ),
    Mutant("data/column_hints.py", "[*own, *unclear]", "[*unclear, *own]", HINTS),
    Mutant("data/column_hints.py", "if each not in names.values()", "if each", HINTS),
)
