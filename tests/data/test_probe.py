"""A file that ends its parser ends a child, and is one line here."""

from __future__ import annotations

import sys

import polars as pl
import pytest

from fullrank import DataError
from fullrank.data import probe
from fullrank.data.readers import read, read_titles

TABLE = pl.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"], "title": ["X", "Y"]})
WRITERS = {".parquet": "write_parquet", ".arrow": "write_ipc"}
ABORTING = "import os\nos.abort()"


@pytest.fixture(params=WRITERS)
def path(request, tmp_path):
    getattr(TABLE, WRITERS[request.param])(tmp_path / f"t{request.param}")
    return tmp_path / f"t{request.param}"


@pytest.mark.posix
@pytest.mark.parametrize("reader", [read, read_titles])
def test_a_parser_that_ends_its_process(path, monkeypatch, reader, capfd):
    monkeypatch.setattr(probe, "_PROGRAM", ABORTING)
    with pytest.raises(DataError, match=r"its parser ends by signal 6\); expected a whole one"):
        reader(path)
    assert capfd.readouterr().err == ""


@pytest.mark.posix
def test_embeddings_that_end_their_parser(monkeypatch, tmp_path):
    from fullrank.diagnosis.formats import read_tables

    monkeypatch.setattr(probe, "_PROGRAM", ABORTING)
    table = tmp_path / "e.parquet"
    pl.DataFrame({"a": [0.5, 1], "b": [1.0, 2]}).write_parquet(table)
    with pytest.raises(DataError, match="its parser ends by signal 6"):
        read_tables(table)


@pytest.mark.slow
def test_the_child_reads_every_column(path, monkeypatch):
    """It must meet what the parent would: here it ends only after the last column."""
    told = probe._PROGRAM.replace(
        "    except BaseException:", "        os.abort()\n    except BaseException:"
    )
    monkeypatch.setattr(probe, "_PROGRAM", "import os\n" + told)
    with pytest.raises(DataError, match="its parser ends"):
        probe.check_survivable(path, "Parquet" if path.suffix == ".parquet" else "Arrow IPC")


def test_what_can_be_caught_is_left_to_the_reader(path):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + whole[len(whole) // 2 + 9 :])
    with pytest.raises(DataError, match=r"a damaged (Parquet|Arrow IPC) file"):
        read(path)


@pytest.mark.slow
def test_a_name_that_is_not_utf8(tmp_path):
    path = tmp_path / "a\udce9b.parquet"
    with path.open("wb") as file:
        TABLE.write_parquet(file)
    probe.check_survivable(path, "Parquet")


@pytest.mark.slow
def test_a_module_of_the_users_folder_is_not_imported(path, tmp_path, monkeypatch):
    (tmp_path / "polars.py").write_text("import os\nos.abort()\n")
    monkeypatch.chdir(tmp_path)
    assert len(read(path)) == 2


@pytest.mark.parametrize("python", ["", None, "/nowhere/python"])
def test_without_another_process_the_file_is_read(path, monkeypatch, python):
    monkeypatch.setattr(sys, "executable", python)
    assert len(read(path)) == 2
