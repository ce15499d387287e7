"""Statements of ``serving/``: which items a user gets, in which order, and what is refused."""

from __future__ import annotations

from mutant import Mutant, of

TOP_K = "tests/serving/test_top_k.py tests/serving/test_finite.py"
FINITE = "tests/serving/test_finite.py"
STORED = (
    "tests/serving/model_files/test_strange_tensors.py "
    "tests/serving/model_files/test_strange_tables.py "
    "tests/serving/model_files/test_contents.py"
)
TABLES = "tests/data/test_stored_tables.py"
FOLD_IN = (
    "tests/serving/test_fold_in.py tests/serving/test_weighted_fold_in.py "
    "tests/serving/test_folded_models.py"
)
LISTS = (
    "tests/recommender/test_unknown.py tests/recommender/test_lists.py "
    "tests/recommender/test_embeddings.py tests/recommender/test_evaluation.py "
    "tests/recommender/test_fit.py"
)
SIMILAR = f"tests/serving/test_similar.py {LISTS}"
GUESTS = (
    "tests/serving/test_weighted_fold_in.py::"
    "test_a_model_that_learned_by_weights_folds_in_by_weights "
    "tests/serving/test_weighted_fold_in.py::"
    "test_weights_of_newcomers_count_for_nothing_where_none_were_learned"
)
SCORERS = f"{FINITE} tests/methods/test_weights.py"
WIDTHS = (
    "tests/serving/test_top_k.py::test_what_does_not_fit_is_named "
    "tests/serving/test_top_k.py::test_user_rows_beyond_the_table_are_named"
)

MUTANTS: tuple[Mutant, ...] = (
    *of(
        "serving/top_k.py",
        TOP_K,
        ("if k < 1:", "if k < 0:"),
        ("high >= min(known)", "high > min(known)"),
        ("if low < 0 or (known and", "if (known and"),
        ("scores < np.inf", "scores <= np.inf"),
        ("int(bad.argmax())", "int(bad.argmin())"),
        ("~candidates", "candidates"),
        ("descending=True, stable=True", "descending=True"),
        ("dim=1, descending=True", "dim=1, descending=False"),
        ("items[np.isneginf(scores)] = -1", "pass"),
        (
            "for interactions in exclude:\n        position",
            "for interactions in exclude[:1]:\n        position",
        ),
        (
            "scores.topk(min(k + 1, scores.shape[1]), dim=1)",
            "scores.topk(min(k, scores.shape[1]), dim=1)",
        ),
        ("wanted = k - above", "wanted = k + 1 - above"),
        ("<= wanted)", "< wanted)"),
        ("~(scores <= last)", "(scores > last)"),
        (".gather(1, columns) + 0.0", ".gather(1, columns)"),
        (
            "if 4 * k * size <= n",
            "if size <= n",
            "a chunk size is a matter of speed: the lists are the same with any",
        ),
        (", scores[:, n_chunks * size :]], dim=1)", "], dim=1)"),
        ("value=n_chunks) * size", "value=0) * size"),
        ("position // size) + position % size", "position // size)"),
        ("chunks.amax(dim=2)", "chunks.amin(dim=2)"),
        ("np.cumsum(counts) - counts", "np.cumsum(counts)"),
        ("interactions.indptr[users + 1] - starts", "interactions.indptr[users + 1] - starts - 1"),
        ("8 * k * len(rows), f", "0, f"),
        ("if interactions.n_items != n_items:", "if False:"),
        ("return np.array(rows, dtype=np.int64)", "return np.asarray(rows, dtype=np.int64)"),
    ),
    *of(
        "serving/finite.py",
        FINITE,
        ("if not longest[0] * longest[1] < LARGEST", "if False"),
        ("_largest(users) * _largest(items)", "_largest(users)"),
        ("if users.shape[1] * _largest", "if _largest"),
        ("float(np.finfo(np.float32).max) / 2", "float(np.finfo(np.float32).max) * 2"),
        ("return max(-float(values.min()), float(values.max()))", "return float(values.max())"),
        ("return max(-float(low), float(high))", "return float(high)"),
        ("return max(-float(low), float(high))", "return -float(low)"),
        ("if not bound < LARGEST:", "if bound >= LARGEST:"),
        ("if not math.isfinite(_largest(table)):", "if False:"),
        ("~table.isfinite().all(dim=1)", "table.isfinite().all(dim=1)"),
        ("return max(map(float, lengths))", "return min(map(float, lengths))"),
        ("vector_norm(each.double(), dim=1)", "vector_norm(each, dim=1)"),
    ),
    *of(
        "data/stored_tables.py",
        TABLES,
        (
            "if column.dtype == pl.String or column.dtype == pl.Null:",
            "if column.dtype == pl.String:",
        ),
        ("if len(set(lengths.values())) > 1:", "if False:"),
        ("        elif needed:", "        elif False:"),
        ("fits = ends.dtype == np.int64 and ", "fits = "),
        ("content.dtype == known.dtype == np.uint8", "content.dtype == np.uint8"),
        ("content.dtype == known.dtype == np.uint8", "known.dtype == np.uint8"),
        ("not fits or ends.ndim != 1 or", "not fits or"),
        ("or content.ndim != 1 or", "or"),
        (" or known.shape != ends.shape", ""),
        ("(np.diff(starts) < 0).any() or ", ""),
        (" or starts[-1] != len(content)", ""),
        ("if there else None", "if True else None"),
        ('values.ndim != 1 or values.dtype.kind not in "iuf"', 'values.dtype.kind not in "iuf"'),
        ('values.ndim != 1 or values.dtype.kind not in "iuf"', "values.ndim != 1"),
        ("return made if known.all() else", "return made if True else"),
    ),
    *of(
        "serving/stored_checks.py",
        STORED,
        ('"weight" in table.columns and not table.schema["weight"].is_float()', "False"),
        ('row_numbers("indices", indices, n_columns)', "pass"),
        ("row_pointers(starts.numpy(), len(starts) - 1, nnz)", "starts.numpy()"),
        ("found.dtype != dtype or not fits", "not fits"),
        ("found.dtype != dtype or not fits", "found.dtype != dtype"),
        ("there > 0 if n is None else", "True if n is None else"),
        ("len(found.shape) == len(shape) and", ""),
        ('name in ("", "..", own)', 'name in ("", "..")'),
        ("Path(name).name == name and", ""),
        ("if not kind.is_integer():", "if False:"),
        ("dtype, (nnz,))", "dtype, (None,))"),
        ("else n_rows + 1", "else n_rows"),
        ("if title is not None and title.dtype", "if False and title.dtype"),
        ("not abs(value) > 1e300", "True"),
        ("_number(value) and value is not None", "_number(value)"),
        ("if not all(isinstance(entry[key], kind)", "if not any(isinstance(entry[key], kind)"),
        ("        int(key.partition", "        str(key.partition"),
        ("    if not right:\n", "    if False:\n"),
        ("engine is None or isinstance", "True or isinstance"),
        ("name is None or isinstance", "True or isinstance"),
    ),
    *of(
        "serving/scorers.py",
        SCORERS,
        ("        check_products(self.user_table, self.item_table)\n", ""),
        ("        check_products(other.user_table, other.item_table)\n", ""),
        ('finite_table(user_table, "user table")\n        self', "user_table\n        self"),
        ('finite_table(item_table, "item table")', "item_table"),
        ("self._history = weighted_csr(history)", "self._history = history.csr()"),
        (
            "self._history[users.numpy()] @ self.weights",
            "self._history[users.numpy()] @ self.weights.T",
        ),
    ),
    *of(
        "serving/weighed.py",
        SCORERS,
        ("user_strength(history).max(initial=1)", "user_strength(history).min(initial=1)"),
        ("self._largest * self._most * factor", "self._largest * factor"),
        ("        other._use(history)\n", ""),
    ),
    *of(
        "serving/scorers.py",
        WIDTHS,
        ("if user_table.shape[1] != item_table.shape[1]:", "if False:"),
        ("        _check_width(user_table, self.item_table)\n", ""),
    ),
    *of(
        "serving/scorers.py",
        STORED,
        ("torch.float32, (n, n)).numpy()", "torch.float32, (None, n)).numpy()"),
        ("torch.float32, (n, n)).numpy()", "torch.float32, (n, None)).numpy()"),
        ("(n, None)) for name", "(None, None)) for name"),
        ('csr(tensors, "weights", n, n)', 'csr(tensors, "weights", None, n)'),
    ),
    *of(
        "serving/cold.py",
        LISTS,
        ("train.user_degree > 0", "train.user_degree >= 0"),
        ("counts > 0)", "counts >= 0)"),
        ("(rows < 0) | ~self.users[rows]", "~self.users[rows]"),
        ("(rows < 0) | ~self.users[rows]", "rows < 0"),
        (
            "known, unknown = cold & (rows >= 0), rows < 0",
            "known, unknown = cold & (rows < 0), rows < 0",
        ),
        ("mask & self.items", "mask"),
        ("self.items if mask is None", "None if mask is None"),
        ("((~cold, scorer), ", "((cold, scorer), "),
        ("rows[chosen], k, exclude=exclude, candidates", "rows[chosen], k, candidates"),
        ("dtype=np.int64), k, candidates=candidates)", "dtype=np.int64), k)"),
        ("counts[:, None])", "-counts[:, None])"),
        ("if self.items.all():", "if self.items.any():"),
        ("item_strength(train) if popularity is None else popularity", "item_strength(train)"),
    ),
    *of(
        "serving/fold_in.py",
        FOLD_IN,
        ("RIDGE = 1e-2", "RIDGE = 1e-1"),
        ("    square.diagonal().add_(penalty)\n", ""),
        ("square.diagonal().mean()", "square.diagonal().sum()"),
        (
            "train.user_degree > 0)",
            "train.user_degree >= 0)",
            "a user without items has a mean of zero, which adds nothing to either sum",
        ),
        ("block.stop + 1]", "block.stop]"),
        ("_means(unit, indptr - indptr[0], items", "_means(unit, indptr, items"),
        ("square += known.T", "square = known.T"),
        ("cross += known.T", "cross = known.T"),
        ("unit, d = unit_rows(item_table)", "unit, d = item_table"),
        ("_means(unit_rows(rows), new", "_means(rows, new"),
        ("if not penalty > 0:", "if penalty > 0:"),
        ('mode="mean"', 'mode="sum"'),
        ("not mapping.double().isfinite().all()", "False"),
        ("mapping.shape != (d, d)", "False"),
        ("            if not self._trained:", "            if self._trained:"),
        ("return scorer.of(new)", "return scorer"),
        ("torch.linalg.solve(square, cross)", "torch.linalg.solve(square, cross.T)"),
        ("return_inverse=True)\n", "return_inverse=True)\n    items = items[::-1].copy()\n"),
    ),
    *of(
        "serving/similar.py",
        SIMILAR,
        ("exclude=[self.itself]", "exclude=[]"),
        ("            candidates=self.candidates,\n        )", "        )"),
        ("            rows = rows[self.candidates[rows]]\n", "            pass\n"),
        ("DotScorer(unit, unit)", "DotScorer(scorer.item_table, scorer.item_table)"),
        ("DotScorer(unit, unit)", "DotScorer(unit, scorer.item_table)"),
        ("scorer.of(itself)", "scorer"),
        ("items.raw(rows), items, columns", "items.raw(rows), items, columns[::-1]"),
    ),
    *of(
        "serving/frames.py",
        LISTS,
        ("unknown = np.flatnonzero(rows < 0)", "unknown = np.flatnonzero(rows < -1)"),
        ("np.full(len(items), allow is None)", "np.full(len(items), True)"),
        ('(deny, "denied items", False)', '(deny, "denied items", True)'),
        ("mask[rows[rows >= 0]] = value", "mask[rows] = value"),
        ("or k < 1:", "or k < 0:"),
        ('np.where(cold, "popular", "model")', 'np.where(cold, "model", "popular")'),
        ('"model")[position]', '"model")[: len(position)]'),
        ("(place + 1)", "place"),
        ("cold.any() if source is None else source", "True if source is None else source"),
        ("len(given) - len(pairs)", "len(pairs)"),
        ("(row < 0) & (given.user_degree > 0)", "(row < 0)"),
        ("(row < 0) & (given.user_degree > 0)", "(row >= 0) & (given.user_degree > 0)"),
        ("np.nonzero(ranking.items >= 0)", "np.nonzero(ranking.items > 0)"),
        ("items.titles.gather(found)", "items.titles.gather(place)"),
        ("np.flatnonzero(new.user_degree == 0)", "np.flatnonzero(new.user_degree < 0)"),
        (".then(typed).otherwise(own)", ".then(own).otherwise(typed)"),
        ("if all(items_of.values()):", "if True:"),
        ('f" and {len(unknown) - 1} more"', 'f" and {len(unknown)} more"'),
        ("shown.gather(user)", "shown.gather(place)"),
    ),
    *of(
        "serving/frames.py",
        GUESTS,
        ('("weight",) if weighted else ()', '("weight",)'),
        ('("weight",) if weighted else ()', "()"),
    ),
    Mutant("serving/fold_in.py", "new.weight if weighted", "new.weight if not weighted", FOLD_IN),
    Mutant("serving/fold_in.py", "train.weight[pairs] if weighted", "None if weighted", FOLD_IN),
)
