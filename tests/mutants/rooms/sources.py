"""Statements that decide which rows are read from where data lie, and what they count."""

from __future__ import annotations

from mutant import Mutant, of

EVENTS = "tests/data/test_events.py tests/data/test_never_shown.py"
FILES = "tests/data/sources/test_many_files.py"
SQLITE = "tests/data/sources/test_databases.py -k sqlite"
DUCKDB = "tests/data/sources/test_databases.py -k duckdb"
SECRETS = (
    "tests/data/sources/test_secrets.py::test_a_url_as_it_is_shown "
    "tests/data/sources/test_secrets.py::test_what_a_string_names "
    "tests/data/sources/test_secrets.py::test_the_parts_of_a_url "
    "tests/data/sources/test_secrets.py::test_a_password_that_was_not_escaped "
    "tests/data/sources/test_secrets.py::test_urls_of_no_kind_that_is_known"
)
PACKED = "tests/data/sources/test_packed.py"

MUTANTS: tuple[Mutant, ...] = (
    *of(
        "data/events.py",
        EVENTS,
        ("float(found[1]) * _DAYS[found[2]]", "float(found[1])"),
        ('"h": 1 / 24', '"h": 24.0'),
        ('"w": 7.0', '"w": 5.0'),
        ("if unknown and OTHER not in weights:", "if False:"),
        ("other = weights.get(OTHER, 0.0)", "other = 0.0"),
        ('weight = weight * table["weight"]', 'weight = table["weight"]'),
        ("if absent.any():", "if False:"),
        ("newest = time.max()", "newest = time.min()"),
        ("newest < _EARLIEST", "False"),
        ("if newest < below", "if newest > below"),
        ("(newest - time)", "(time - newest)"),
        ("np.exp2(-days / half_life)", "np.exp(-days / half_life)"),
        ("np.exp2(-days / half_life)", "np.exp2(-days * half_life)"),
        ("np.maximum(aged, _SMALLEST)", "aged"),
        ("np.where(weight > 0, np.maximum", "np.where(weight >= 0, np.maximum"),
        ("np.where(weight > 0, np.maximum", "np.where(weight != 0, np.maximum"),
        ("negative = weight < 0", "negative = weight <= 0"),
        ("~np.isin(key, key[negative])", "~negative"),
        ("(second * 86_400)", "(second * 3_600)"),
    ),
    *of(
        "data/sources/files.py",
        FILES,
        ("if _plain(each.parts[named:])]", "]"),
        (" for name in names if _plain([name]))", " for name in names)"),
        ("        folders[:] = [name for name in folders if _plain([name])]\n", ""),
        ('"=" in part[1:]', '"=" in part'),
        ("None if value == NULL else unquote(value)", "unquote(value)"),
        ("else unquote(value) for", "else value for"),
        ("unquote(name): None", "name: None"),
        ("if other != kind:", "if False:"),
        ('if kind == "adjacency":', "if False:"),
        ("if name in here and name not in columns:", "if False:"),
        ("if dtype != expected.schema[name]:", "if False:"),
        ('position, side="right")', 'position, side="left")'),
        ("position - self.starts[number]", "position"),
        ("str(partition_of(path))", '""'),
        ("os.path.realpath(path), str", "str(path), str"),
        ("if number else first", "if number > 1 else first"),
        ("if name not in source.columns]", "if name in keys]"),
        ("key for key in keys if key not in first.columns", "key for key in keys[:0]"),
        ("if each.is_symlink() and not", "if False and not"),
    ),
    *of(
        "data/sources/rows.py",
        SQLITE,
        ('if kinds == {"int", "float"}:', "if False:"),
        ("elif len(kinds) > 1:", "elif False:"),
        ("[row[at] for row in rows]", "[row[0] for row in rows]"),
    ),
    Mutant(
        "data/sources/rows.py",
        "series.cast(pl.Float64) if series.dtype.is_decimal() else series",
        "series",
        DUCKDB,
        "weights and times become floats where they are checked, and neither is an id",
    ),
    *of(
        "data/sources/databases.py",
        SQLITE,
        ("?mode=ro", "?mode=rw"),
        ("SQLITE_DENY if action", "SQLITE_OK if action"),
        ("part.replace(marks, marks * 2)", "part"),
        ("(columns.query is None) == (columns.table is None)", "False"),
        ("self.scrubbed(lines[0]).strip()", '""'),
        ("wanted = list(names)", "wanted = sorted(names)", "columns are asked for by name"),
    ),
    Mutant("data/sources/databases.py", "read_only=True", "read_only=False", DUCKDB),
    Mutant("data/sources/databases.py", "if relation is None:", "if False:", DUCKDB),
    *of(
        "data/sources/address.py",
        SECRETS,
        ('if at and ":" in owner:', "if False:"),
        ("text if name.lower() in PUBLIC or not equals else", "text if True else"),
        ("text if name.lower() in PUBLIC or not equals else", "text if not equals else"),
        ("or _has_owner(data, scheme)):", "):"),
        ("_KINDS or _has_owner(data, scheme) else", "_KINDS else"),
        ("if _VARIABLE.fullmatch(password) else", "if True else"),
        ('query = query.partition("#")[0]', "pass"),
        ("for form in (secret, quote", "for form in (quote"),
    ),
    *of(
        "data/readers/packed.py",
        PACKED,
        ("if len(held) != 1:", "if len(held) < 1:"),
        ('not each.filename.startswith("__MACOSX/")', "True"),
        ("data = decoder.unused_data or file.read(_CHUNK)", "data = file.read(_CHUNK)"),
        ('                raise EOFError("it ends too early")\n', "                return\n"),
        ("content.tell() > free // 2", "False"),
    ),
)
