"""A folder of versions: names, the pointer, the way back, what is removed."""

from __future__ import annotations

import json
import threading

import pytest
from filelock import FileLock
from versioned import save

from fullrank import DataError, Recommender
from fullrank.nightly import CURRENT, Versions


@pytest.fixture
def versions(tmp_path):
    return Versions(tmp_path / "models")


def three(versions) -> list[str]:
    names = [save(versions, dim=4 + each) for each in range(3)]
    versions.point(names[-1])
    return names


def test_names_go_up_with_time_and_the_pointer_names_one(versions):
    assert versions.names() == []
    assert versions.current() is None
    names = three(versions)
    assert versions.names() == names == sorted(names)
    assert versions.current() == names[-1]
    link = versions.folder / CURRENT
    assert str(link.readlink()) == names[-1], "relative, so that the whole folder can be moved"
    assert Recommender.load(link).user_embeddings.shape[1] == 6
    assert sorted(path.name for path in versions.folder.iterdir()) == [*names, CURRENT], (
        "nothing is left beside"
    )


def test_back_and_back_again(versions):
    names = three(versions)
    assert versions.rollback() == names[1] == versions.current()
    assert versions.rollback() == names[0]
    with pytest.raises(DataError, match="no version before"):
        versions.rollback()
    assert versions.rollback(names[2]) == versions.current() == names[2]
    with pytest.raises(DataError, match="no version '2020'"):
        versions.rollback("2020")
    assert versions.current() == names[2]


def test_what_the_gate_rejected_or_is_broken_is_passed_over(versions):
    names = three(versions)
    manifest = versions.folder / names[1] / "manifest.json"
    whole = json.loads(manifest.read_text())
    for broken in (json.dumps(whole | {"training": {"gate": {"passed": False}}}), "{"):
        versions.point(names[2])
        manifest.write_text(broken)
        assert versions.rollback() == names[0]


def test_a_broken_version_is_not_made_current(versions):
    names = three(versions)
    (versions.folder / names[0] / "manifest.json").write_text("{")
    with pytest.raises(DataError, match="damaged manifest"):
        versions.rollback(names[0])
    assert versions.current() == names[2]


@pytest.mark.parametrize(("keep", "at", "left"), [
    (1, 4, [3, 4]),  # the current one and the way back
    (3, 4, [2, 3, 4]),
    (1, 2, [1, 2, 4]),
    (9, 0, [0, 1, 2, 3, 4]),
        (9, 4, [0, 1, 2, 3, 4]),
])  # fmt: skip
def test_what_is_kept(versions, keep, at, left):
    names = [save(versions) for _ in range(5)]
    versions.point(names[at])
    (versions.folder / "2020-01-01T00-00-00").mkdir()
    gone = versions.prune(keep)
    assert versions.names() == [names[each] for each in left]
    assert sorted(gone) == sorted({"2020-01-01T00-00-00", *names} - set(versions.names()))
    assert versions.current() == names[at]


def test_a_folder_of_others_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"a folder with 'notes.txt' in it"):
        Versions(tmp_path)
    with pytest.raises(DataError, match="a file"):
        Versions(tmp_path / "notes.txt")
    real = tmp_path / "models" / CURRENT
    real.mkdir(parents=True)
    with pytest.raises(DataError, match="the pointer to a version"):
        Versions(tmp_path / "models")


@pytest.mark.slow
def test_a_reader_always_finds_a_model(versions):
    """The pointer moves in one step: who reads it meanwhile sees the old version or the new."""
    names = three(versions)
    done, missing = threading.Event(), []

    def read() -> None:
        while not done.is_set():
            if not (versions.folder / CURRENT / "manifest.json").is_file():
                missing.append(1)

    reader = threading.Thread(target=read)
    reader.start()
    for at in range(300):
        versions.point(names[at % 3])
    done.set()
    reader.join()
    assert not missing


def test_what_a_kill_left_in_a_whole_version_is_removed_unless_it_is_in_use(versions):
    names = three(versions)
    left = [
        versions.folder / name / ".manifest.json.fullrank-ffa5b716-ebc0bcfb.part" for name in names
    ]
    for path in left:
        path.mkdir()
    (versions.folder / names[1] / ".fullrank.json").write_text("{}")
    other = FileLock(versions.folder / names[2] / ".fullrank.lock")
    with other, versions.held("a test"):
        assert [path.exists() for path in left] == [False, False, True]
        assert not (versions.folder / names[1] / ".fullrank.json").exists()
    with versions.held("a test"):
        pass
    hidden = [path for path in versions.folder.rglob(".*") if not path.name.endswith(".lock")]
    assert not hidden


def test_the_way_back_that_is_kept_is_one_that_the_gate_let_pass(versions):
    names = [save(versions, gate={"passed": each != 1}) for each in range(3)]
    versions.point(names[2])
    assert versions.prune(1) == [names[1]]
    assert versions.rollback() == names[0]


def test_without_a_pointer_the_way_back_leads_to_the_newest(versions):
    names = [save(versions) for _ in range(2)]
    assert versions.rollback() == names[1] == versions.current()
