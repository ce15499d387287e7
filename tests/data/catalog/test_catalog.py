import dataclasses

import numpy as np
import pytest

from fullrank.data import Columns, catalog, entries, fetch, load
from fullrank.data.catalog import homes
from fullrank.errors import DataError, SettingError

TRAIN, TEST = "user,item\n0,1\n0,2\n0,1\n1,0\n", "user,item\n0,0\n2,3\n"


@pytest.fixture
def tiny(monkeypatch):
    """A data set of three users and five items with a published split."""
    entry = catalog.Entry(
        "tiny",
        "made up",
        users=3,
        items=5,
        interactions=6,
        files=(catalog.File("train.csv", "http://nowhere/train.csv"), catalog.File("test.csv")),
    )
    monkeypatch.setitem(catalog.CATALOG, "tiny", entry)
    return entry


@pytest.fixture
def folder(monkeypatch, tmp_path, tiny):
    """Where the files of the tiny data set lie."""
    monkeypatch.setenv("FULLRANK_DATA", str(tmp_path / "data"))
    folder = tmp_path / "data" / "tiny"
    folder.mkdir(parents=True)
    (folder / "train.csv").write_text(TRAIN)
    (folder / "test.csv").write_text(TEST)
    return folder


@pytest.mark.parametrize(
    ("name", "sizes", "train", "test", "merged"),
    [
        ("citeulike", (5_551, 16_980), 166_003, 44_512, 22),
        ("gowalla", (29_858, 40_981), 810_128, 217_242, 0),
        ("yelp2018", (31_668, 38_048), 1_237_259, 324_147, 0),
        ("yelp-sparse", (25_677, 25_815), 136_170, 123_852, 0),
    ],
)
def test_published_splits(real_data, name, sizes, train, test, merged):
    split = load(name, validation=0)
    assert (split.train.n_users, split.train.n_items) == sizes
    assert (len(split.train), len(split.test)) == (train, test)
    assert split.train.merged == merged
    assert split.summary()["how"]["repeated_pairs_merged"] == {"train": merged, "test": 0}
    assert len(split.train) + merged + len(split.test) == catalog.CATALOG[name].interactions
    known = catalog.CATALOG[name].fingerprints
    assert {part: split.parts[part].fingerprint for part in known} == known


def test_published_files_hash_to_what_the_catalogue_says(real_data):
    import pooch

    for entry in catalog.CATALOG.values():
        for file in entry.files:
            path = real_data / entry.name / file.name
            if file.sha256 and path.exists():
                assert pooch.file_hash(path) == file.sha256


def test_rows_are_the_published_numbers(real_data):
    split = load("citeulike", validation=0)
    assert split.train.users.values[5550] == "5550"
    first = split.train.item_idx[: split.train.indptr[1]]
    assert {15336, 13924, 15191} <= set(first.tolist())
    assert split.how["pairs_in_train_and_test"] == 11


def test_validation_is_drawn_from_train(real_data):
    whole, split = load("citeulike", validation=0), load("citeulike", validation=0.1)
    assert whole.validation is None
    assert split.test.fingerprint == whole.test.fingerprint
    assert len(split.train) + len(split.validation) == len(whole.train)
    assert len(split.validation) == pytest.approx(0.1 * len(whole.train), rel=0.02)
    assert load("citeulike").fingerprint == split.fingerprint
    assert load("citeulike", seed=1).fingerprint != split.fingerprint
    assert (split.train.user_degree > 0).all()


def test_ml_100k(real_data):
    split = load("ml-100k")
    whole = split.train
    assert (whole.n_users, whole.n_items) == (943, 1682)
    assert sum(len(part) for part in split.parts.values()) == 100_000
    assert whole.weight is None
    assert whole.items.titles[int(whole.items.rows(["50"])[0])] == "Star Wars"
    assert whole.items.titles.null_count() == 0
    assert load("ml-100k", seed=5).test.fingerprint == split.test.fingerprint
    late = load("ml-100k", how="time")
    assert late.train.timestamp.max() < late.test.timestamp.min()
    liked = load("ml-100k", columns=Columns(weight="rating", threshold=4))
    assert sum(len(part) for part in liked.parts.values()) == 55_375


def test_files_in_the_data_folder_are_used(folder):
    split = load("tiny", validation=0)
    assert split.train.csr().toarray().tolist() == [[0, 1, 1, 0, 0], [1, 0, 0, 0, 0], [0] * 5]
    assert split.test.csr().nonzero()[1].tolist() == [0, 3]
    assert split.how["repeated_pairs_merged"] == {"train": 1, "test": 0}
    assert fetch("tiny") == [folder / "train.csv", folder / "test.csv"]
    described = {each["name"]: each for each in entries()}["tiny"]
    assert (described["where"], described["here"]) == (str(folder), True)


def test_a_file_without_a_home_has_to_be_put_there(folder, monkeypatch):
    (folder / "test.csv").unlink()
    with pytest.raises(DataError) as caught:
        load("tiny")
    expected = (
        f"data set tiny: found no test.csv in {folder}; expected that file, which has no publ"
    )
    assert str(caught.value).startswith(expected)
    monkeypatch.delenv("FULLRANK_DATA")
    with pytest.raises(DataError, match=r"found no train.csv in FULLRANK_DATA/yelp-sparse"):
        fetch("yelp-sparse")
    assert not {each["name"]: each for each in entries()}["tiny"]["here"]


@pytest.mark.parametrize("change", [{"interactions": 7}, {"fingerprints": {"train": "0" * 16}}])
def test_downloads_of_other_content_do_not_stay(folder, monkeypatch, tiny, change):
    def pretend(url, target, sha256):
        target.parent.mkdir(parents=True)
        target.write_text(TRAIN)
        return target

    monkeypatch.setattr(homes, "download", pretend)
    (folder / "train.csv").unlink()
    cached = homes.cache_folder() / "tiny" / "train.csv"
    assert len(load("tiny", validation=0).train) == 3
    assert cached.exists()
    cached.unlink()
    cached.parent.rmdir()
    monkeypatch.setitem(catalog.CATALOG, "tiny", dataclasses.replace(tiny, **change))
    with pytest.raises(DataError, match=r"download of tiny: found 6 rows.*its home has changed"):
        load("tiny")
    assert not cached.exists()


def test_a_download_that_git_calls_otherwise_does_not_stay(folder, monkeypatch, tiny):
    def pretend(url, target, sha256):
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(TRAIN)
        return target

    monkeypatch.setattr(homes, "download", pretend)
    (folder / "train.csv").unlink()
    train = dataclasses.replace(tiny.files[0], git_blob="2b5d78a0c2e4ac26a4a4d9dd3bc4a2dbf0a2ab4b")
    changed = dataclasses.replace(tiny, files=(train, tiny.files[1]), interactions=99)
    monkeypatch.setitem(catalog.CATALOG, "tiny", changed)
    cached = homes.cache_folder() / "tiny" / "train.csv"
    with pytest.raises(DataError, match=r"train.csv: found other content; expected the file that"):
        load("tiny")
    assert not cached.exists()
    right = dataclasses.replace(train, git_blob=homes.git_blob(folder / "test.csv"))
    assert right.git_blob == "e4ad3e0f8a7415c481eab6d582b8ba3add3fa82f"
    right = dataclasses.replace(train, git_blob="9e88243926fe98f90f47867d8311bbea5b79ff44")
    changed = dataclasses.replace(changed, files=(right, tiny.files[1]))
    monkeypatch.setitem(catalog.CATALOG, "tiny", changed)
    assert len(load("tiny", validation=0).train) == 3  # by its hash, not by the number of rows


def test_unknown_names_and_paths(tmp_path):
    with pytest.raises(DataError) as caught:
        load("citulike")
    assert str(caught.value) == (
        "data set 'citulike': found no such name; expected 'citeulike', or the path of a file"
    )
    with pytest.raises(DataError, match=r"x\.csv: found no such file"):
        load(tmp_path / "x.csv")
    with pytest.raises(
        DataError, match="data set 'zzz': found no such name; expected one of 'cite"
    ):
        fetch("zzz")


@pytest.mark.parametrize("wish", [{"how": "time"}, {"test": 0.1}, {"columns": Columns(user="u")}])
def test_a_published_split_stays_as_it_is(folder, wish):
    with pytest.raises(
        SettingError, match="data set tiny: found a setting of test, how, columns or min"
    ):
        load("tiny", **wish)


@pytest.fixture
def log(tmp_path):
    """A file of ten users with ten interactions each, one a day."""
    path = tmp_path / "log.csv"
    lines = [f"u{user},i{(user + 3 * day) % 20},{day}" for user in range(10) for day in range(10)]
    path.write_text("user_id,item_id,timestamp\n" + "\n".join(lines))
    return path


def test_a_file_is_divided_at_random(log):
    split = load(log, test=0.3, validation=0.2, seed=4)
    assert split.name == "log.csv"
    assert split.test.user_degree.tolist() == [3] * 10
    assert set(split.validation.user_degree.tolist()) == {1, 2}
    assert len(split.train) + len(split.validation) == 70
    assert load(str(log), test=0.3, validation=0.2, seed=4).fingerprint == split.fingerprint
    assert load(log, test=0.3, validation=0.2, seed=5).test.fingerprint != split.test.fingerprint


def test_a_file_is_divided_by_time(log):
    split = load(log, how="time", test=0.2, validation=0)
    assert (split.test.timestamp.min(), split.train.timestamp.max()) == (8, 7)
    last = load(log, how="last")
    assert np.unique(last.test.timestamp).tolist() == [9]
    assert np.unique(last.validation.timestamp).tolist() == [8]
    assert load(log, how="last", validation=0).validation is None


def test_repeated_rows_of_a_file_are_reported(log):
    log.write_text(log.read_text() + "\nu0,i0,3\nu0,i0,4")
    for how in ("random", "time", "last"):
        assert load(log, how=how).summary()["how"]["repeated_pairs_merged"] == 2


def test_a_file_can_be_left_whole(log):
    split = load(log, test=0, validation=0)
    assert list(split.parts) == ["train"]
    assert len(split.train) == 100


def test_wrong_settings_are_refused_before_a_file_is_looked_for():
    with pytest.raises(SettingError, match="setting test: found 2; expected a fraction"):
        load("absent.csv", test=2)
    with pytest.raises(SettingError, match="data set demo: found columns; expected none"):
        load("demo", columns=Columns())


def test_an_unknown_way_of_dividing(log):
    with pytest.raises(SettingError, match="setting how: found 'tme'; expected 'time'"):
        load(log, how="tme")


def test_every_entry_is_listed_with_its_sizes():
    listed = {each["name"]: each for each in entries()}
    assert set(listed) == {
        "demo",
        "citeulike",
        "gowalla",
        "yelp",
        "yelp-sparse",
        "yelp2018",
        "ml-100k",
    }
    assert (listed["yelp"]["users"], listed["yelp"]["interactions"]) == (25_677, 731_672)
    assert listed["demo"]["here"]
    assert not listed["gowalla"]["here"]
    assert listed["gowalla"]["where"].startswith("https://")
