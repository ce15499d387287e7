"""The fast parser gets only files that it reads as Python's csv module does, when strict."""

import csv

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fullrank.data.readers.quotes import plainly_quoted
from fullrank.data.readers.text import Text


@pytest.mark.parametrize(
    ("line", "plain"),
    [
        ('"a",b', True),
        ('a,"b"', True),
        ('"a,b","c"', True),
        ('"",""', True),
        ('"say ""a""",b', True),
        ('"""",b', True),
        ("a,b", True),
        ('a,5" disc', False),
        ('a,5" or 6" disc', False),
        ('a","b', False),
        ('"a"b,c', False),
        ('a"b",c', False),
        ('a,"b', False),
        ('a,"""', False),
        ('"a\nb",c', False),
        ('"a\rb",c', False),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("last", [True, False])
def test_quotes_around_whole_fields_of_one_line(tmp_path, line, plain, end, last):
    path = tmp_path / "x.csv"
    rows = ["u,i", line, *([] if last else ["c,d"])]
    path.write_bytes(end.join(rows).encode())
    assert plainly_quoted(Text.of(path), ",") is plain


@pytest.mark.slow
@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(*[st.sampled_from([*'",a\n', '""', '"a"', '",', ',"', "b,"])] * 6)))
def test_what_is_plain_reads_as_with_the_csv_module(tmp_path, pieces):
    text = "u,i,w\n" + "".join(each for row in pieces for each in row)
    path = tmp_path / "x.csv"
    path.write_text(text)
    if not plainly_quoted(Text.of(path), ","):
        return
    with path.open(newline="") as file:
        rows = [row for row in csv.reader(file, strict=True) if row]
    if any(len(row) > 3 for row in rows):
        return
    frame = pl.read_csv(path, infer_schema=False)
    known = [tuple((row + [""] * 3)[:3]) for row in rows[1:]]
    found = [tuple(field or "" for field in row) for row in frame.rows()]
    assert [row for row in found if any(row)] == [row for row in known if any(row)]
