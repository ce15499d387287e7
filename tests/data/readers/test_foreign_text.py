"""Tables without a header, with other separators or dates, and what only looks like a list."""

import pytest
from pydantic import ValidationError

from fullrank.data import Columns, load, read
from fullrank.errors import DataError, FullrankError

U_DATA = (
    "196\t242\t3\t881250949\n186\t302\t3\t891717742\n22\t377\t1\t878887116\n196\t51\t2\t880606923\n"
)
PAIRS = {("196", "242"), ("186", "302"), ("22", "377"), ("196", "51")}
RATED = Columns(weight="rating")


def written(tmp_path, text, name):
    path = tmp_path / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("name", ["u.data", "ratings.dat"])
@pytest.mark.parametrize("mark", ["\t", "::"])
def test_movielens(tmp_path, cells, name, mark):
    path = written(tmp_path, U_DATA.replace("\t", mark), name)
    assert set(cells(read(path))) == PAIRS
    assert cells(read(path, columns=RATED))["22", "377"] == (1.0, 878887116)
    assert set(cells(read(path, columns=Columns(weight="rating", threshold=2)))) == PAIRS - {
        ("22", "377")
    }
    copy = written(tmp_path, path.read_text(), "copy.txt")
    assert set(cells(read(copy, format="movielens"))) == PAIRS
    assert set(cells(read(copy, columns=Columns(format="movielens")))) == PAIRS


def test_lines_of_movielens_are_named(tmp_path):
    path = written(tmp_path, U_DATA + "1\t\t3\t4\n", "u.data")
    with pytest.raises(DataError, match="line 5, column item_id: found a missing id"):
        read(path)
    path = written(tmp_path, "1::2::3::4::5\n", "ratings.dat")
    with pytest.raises(DataError, match="line 1: found '1::2::3::4::5'; expected user, item"):
        read(path)


@pytest.mark.parametrize(
    "text",
    [
        U_DATA,
        "196\t242\t3\t881250949\n",
        "1 10 4.0\n1 11 5.0\n2 10 3.0\n",
        "1 10 4 881250949\n2 11 5 881250949\n",
        "1 10 2024-01-05\n2 11 2024-01-06\n",
        "1::10::4::881250949\n2::11::5::881250949\n",
        "\n1\t10\t4\n\n2\t11\t5\n",
    ],
)
def test_what_looks_like_a_table_is_no_list(tmp_path, text):
    path = written(tmp_path, text, "ratings.txt")
    with pytest.raises(DataError, match="looks like a row of a table") as caught:
        read(path)
    assert "--separator" in str(caught.value)
    assert "--format movielens" in str(caught.value)


def test_lists_of_one_length_are_lists(tmp_path, cells):
    for text in ("0 1 2\n1 3 4\n", "0 1\n0 2\n", "0 1 2 3 4 5\n0 6 7 8 9 10\n"):
        read(written(tmp_path, text, "train.txt"))
    path = written(tmp_path, "1\t10\t11\n1\t12\t13\n", "train.txt")
    assert len(cells(read(path, format="adjacency"))) == 4
    assert len(cells(read(path, columns=Columns(format="adjacency")))) == 4


@pytest.mark.parametrize("separator", ["\t", "\\t", ";", "|", "::", " ", "~|~"])
@pytest.mark.parametrize("name", ["log.txt", "log.csv", "log", "log.log"])
def test_separators_and_names(tmp_path, cells, separator, name):
    mark = "\t" if separator == "\\t" else separator
    names = ("user_id", "item_id", "_", "timestamp")
    columns = Columns(separator=separator, header=False, names=names)
    path = written(tmp_path, U_DATA.replace("\t", mark), name)
    assert cells(read(path, columns=columns))["22", "377"] == (None, 878887116)
    assert load(path, columns=columns, test=0, validation=0).train.n_users == 3
    headed = written(tmp_path, f"user_id{mark}item_id\n1{mark}2\n", name)
    assert set(cells(read(headed, columns=Columns(separator=separator)))) == {("1", "2")}


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_another_separator_is_suggested(tmp_path, separator):
    path = written(tmp_path, f"user_id{separator}item_id\n1{separator}2\n", "log.csv")
    with pytest.raises(DataError, match=r"found one column, .*--separator"):
        read(path)


def test_names_must_fit_the_lines(tmp_path):
    columns = Columns(separator="\t", header=False, names=["user_id", "item_id"])
    with pytest.raises(DataError, match="line 1: found 4 fields; expected 2: user_id,item_id"):
        read(written(tmp_path, U_DATA, "u.txt"), columns=columns)
    with pytest.raises(DataError, match="line 1: found a header 'user_id,item_id'"):
        read(
            written(tmp_path, "user_id\titem_id\n1\t2\n", "u.txt"),
            columns=columns,
        )
    with pytest.raises(DataError, match="line 3: found 3 fields; expected 2, as in the first line"):
        read(written(tmp_path, "1\t2\n\n1\t3\t4\n", "u.txt"), columns=columns)


@pytest.mark.parametrize(
    "values",
    [
        {"header": False},
        {"names": ("user_id", "item_id")},
        {"separator": ""},
        {"separator": '"'},
        {"format": "cvs"},
    ],
)
def test_columns_that_contradict_themselves(values):
    with pytest.raises((FullrankError, ValidationError)):
        Columns(**values)


def test_typed_files_and_lists_have_no_separator(tmp_path, events):
    path = tmp_path / "x.parquet"
    events.write_parquet(path)
    with pytest.raises(DataError, match="found a separator or names of columns for the format par"):
        read(path, columns=Columns(separator=";"))


@pytest.mark.parametrize("date", ["01/12/2024", "12-01-2024", "1 Dec 2024", "01/12/24", "20:15"])
def test_dates_are_not_guessed(tmp_path, date):
    path = written(tmp_path, f"user_id,item_id,timestamp\na,1,{date}\n", "log.csv")
    with pytest.raises(DataError, match=r"line 2, column timestamp: found .*--timestamp-format"):
        read(path)


def test_dates_of_mixed_forms_are_not_guessed(tmp_path):
    text = "user_id,item_id,timestamp\na,1,2024-12-01\nb,1,01/12/2024\n"
    with pytest.raises(DataError, match="line 3, column timestamp: found '01/12/2024'"):
        read(written(tmp_path, text, "log.csv"))


@pytest.mark.parametrize(
    ("date", "form"),
    [
        ("01/12/2024", "%d/%m/%Y"),
        ("12/01/2024", "%m/%d/%Y"),
        ("01.12.2024 00:00", "%d.%m.%Y %H:%M"),
        ("20241201", "%Y%m%d"),
        ("2024-12-01", None),
        ("2024-12-01T00:00:00Z", None),
        ("2024/12/01", None),
    ],
)
def test_dates_in_a_form_that_is_named(tmp_path, cells, date, form):
    path = written(tmp_path, f"user_id,item_id,timestamp\na,1,{date}\n", "log.csv")
    columns = Columns(timestamp_format=form)
    assert cells(read(path, columns=columns)) == {("a", "1"): (None, 1_733_011_200_000_000)}


def test_dates_that_are_not_of_the_form(tmp_path):
    path = written(tmp_path, "user_id,item_id,timestamp\na,1,01/12/2024\na,2,13/13/2024\n", "l.csv")
    with pytest.raises(DataError, match=r"line 3, .*'13/13/2024'; expected a date like %d/%m/%Y"):
        read(path, columns=Columns(timestamp_format="%d/%m/%Y"))
    with pytest.raises(DataError, match=r"line 2, .*expected a date like nonsense"):
        read(path, columns=Columns(timestamp_format="nonsense"))
