"""Files of lists in one process: their bits, what a run goes on with, and what it refuses."""

from __future__ import annotations

import json
import signal
from collections import Counter

import polars as pl
import pytest
from scored import KINDS, STEADY, fitted, job_of, same, top

from fullrank.errors import DataError
from fullrank.scale import scoring_folder
from fullrank.scale.scoring import fingerprint, score
from fullrank.scale.scoring_folder import MANIFEST, Job


@pytest.fixture(scope="module")
def model(small, tmp_path_factory):
    return fitted("bpr", small, tmp_path_factory.mktemp("models") / "bpr")


def manifest(out) -> dict:
    return json.loads((out / MANIFEST).read_text())


@pytest.mark.parametrize("method", sorted(STEADY))
def test_files_one_after_another_are_the_plain_lists(method, small, tmp_path):
    model = fitted(method, small, tmp_path / "model")
    written = score(job_of(model, tmp_path / "lists", 37), model)
    plain = top(model, model.users.values)
    assert same(tmp_path / "lists", plain)
    assert written.rows == len(plain)
    assert written.lengths == Counter({5: 200, 0: 0})
    assert (written.made, written.kept) == (6, 0)


@pytest.mark.parametrize("method", sorted(KINDS.keys() - STEADY))
def test_others_are_equal_where_the_same_users_are_ranked_together(method, small, tmp_path):
    model = fitted(method, small, tmp_path / "model")
    score(job_of(model, tmp_path / "lists", 120), model)
    ids = model.users.values
    assert same(tmp_path / "lists", pl.concat([top(model, ids[:120]), top(model, ids[120:])]))


def test_the_manifest_says_what_lies_there(model, tmp_path):
    score(job_of(model, tmp_path), model)
    said = manifest(tmp_path)
    assert said["complete"] is True
    assert said["of"] == "a test"
    assert (said["users"], said["users_per_file"], said["files"]) == (200, 60, 4)
    rows = [len(pl.read_parquet(tmp_path / f"part-{n:05d}.parquet")) for n in range(4)]
    assert said["rows"] == rows == [300, 300, 300, 100]
    assert {each.name for each in tmp_path.iterdir()} == {
        MANIFEST,
        *(f"part-{n:05d}.parquet" for n in range(4)),
    }


def test_a_run_that_stopped_goes_on_with_what_is_not_there(model, tmp_path):
    made = []

    def stops(model, users):
        if len(made) == 2:
            raise KeyboardInterrupt
        made.append(users)
        return top(model, users)

    with pytest.raises(KeyboardInterrupt):
        score(job_of(model, tmp_path, make=stops), model)
    assert manifest(tmp_path)["complete"] is False
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        MANIFEST,
        "part-00000.parquet",
        "part-00001.parquet",
    ]
    kept = (tmp_path / "part-00000.parquet").stat().st_mtime_ns
    calls = []
    written = score(job_of(model, tmp_path), model, done=lambda *each: calls.append(each))
    assert (written.made, written.kept) == (2, 2)
    assert calls == [(2, 120), (3, 180), (4, 200)]
    assert (tmp_path / "part-00000.parquet").stat().st_mtime_ns == kept
    assert same(tmp_path, top(model, model.users.values))
    assert written.lengths == Counter({5: 200, 0: 0})
    again = score(job_of(model, tmp_path), model)
    assert (again.made, again.kept, again.rows) == (0, 4, 1000)


def truncated(path):
    path.write_bytes(path.read_bytes()[:-40])


def of_other_users(path):
    path.write_bytes(path.with_name("part-00002.parquet").read_bytes())


def without_a_row(path):
    frame = pl.read_parquet(path)
    pl.concat([frame[:2], frame[3:]]).write_parquet(path)


def in_another_order(path):
    pl.read_parquet(path).reverse().write_parquet(path)


def of_other_columns(path):
    pl.read_parquet(path).drop("rank").write_parquet(path)


def folder(path):
    path.unlink()
    path.symlink_to("nowhere")


@pytest.mark.parametrize(
    "spoil",
    [truncated, of_other_users, without_a_row, in_another_order, of_other_columns, folder],
)
def test_a_file_that_is_not_whole_is_made_again(model, tmp_path, spoil):
    score(job_of(model, tmp_path), model)
    spoil(tmp_path / "part-00001.parquet")
    written = score(job_of(model, tmp_path), model)
    assert (written.made, written.kept) == (1, 3)
    assert same(tmp_path, top(model, model.users.values))


def test_users_without_a_list_are_counted(model, tmp_path):
    def few(model, users):
        frame = top(model, users)
        return frame.filter(pl.col("user_id") != users[0], pl.col("rank") < 4)

    job = job_of(model, tmp_path, make=few)
    expected = Counter({3: 196, 0: 4})
    assert score(job, model).lengths == expected
    (tmp_path / "part-00003.parquet").unlink()
    written = score(job, model)
    assert (written.lengths, written.kept) == (expected, 3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"identity": {"of": {"k": 3, "seed": 1}}}, ["of", "a test"]),
        ({"users": 199}, ["users 200", "users 199"]),
        ({"block": 50}, ["users_per_file 60", "users_per_file 50"]),
    ],
)
def test_lists_of_another_run_are_refused_in_one_line(model, tmp_path, change, words):
    job = job_of(model, tmp_path)
    score(job, model)
    other = Job(**{name: getattr(job, name) for name in job.__dataclass_fields__} | change)
    before = (tmp_path / MANIFEST).read_bytes()
    with pytest.raises(DataError, match="lists of another run") as refused:
        score(other, model)
    assert all(word in str(refused.value) for word in words)
    assert (tmp_path / MANIFEST).read_bytes() == before


def test_the_innermost_difference_is_named(tmp_path, model):
    job = job_of(model, tmp_path)
    jobs = [
        Job(tmp_path, {"options": {"k": k, "rules": None}}, job.users, job.block, top)
        for k in (5, 6)
    ]
    score(jobs[0], model)
    with pytest.raises(DataError, match="options k 5; expected options k 6, as this command"):
        score(jobs[1], model)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "\xff"])
def test_a_damaged_manifest_is_one_line(model, tmp_path, text):
    (tmp_path / MANIFEST).write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match="a damaged manifest"):
        score(job_of(model, tmp_path), model)


def test_a_folder_of_something_else_stays_as_it_is(model, tmp_path):
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(DataError, match=r"1 files and no _manifest.json, among them 'letters.txt'"):
        score(job_of(model, tmp_path), model)
    assert [each.name for each in tmp_path.iterdir()] == ["letters.txt"]


@pytest.mark.posix
def test_a_full_disk_is_one_line_and_no_half_file(model, tmp_path):
    """A limit on the size of files stands in for it: both are refused in the middle of a write."""
    import resource

    scoring_folder.begin(job_of(model, tmp_path))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        with pytest.raises(DataError, match="a full disk"):
            score(job_of(model, tmp_path), model)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert [each.name for each in tmp_path.iterdir()] == [MANIFEST]


def test_a_fingerprint_is_of_what_a_model_holds(model, small, tmp_path):
    model.save(tmp_path / "same")
    model.metrics = {"metrics": {"ndcg@20": 0.5}}
    model.save(tmp_path / "measured")
    fitted("itemknn", small, tmp_path / "other")
    prints = [fingerprint(tmp_path / name) for name in ("same", "measured", "other")]
    assert prints[0] == prints[1] != prints[2]
