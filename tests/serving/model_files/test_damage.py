"""Files that are missing, cut short or changed: named in one line."""

from __future__ import annotations

import json

import pytest
from model_folders import manifest_of

from fullrank import DataError, Recommender
from fullrank.serving import model_files


def rewrite(folder, **changes):
    (folder / "manifest.json").write_text(json.dumps(manifest_of(folder) | changes))


@pytest.mark.parametrize("part", ["tables", "users", "items", "train", "validation", "test"])
@pytest.mark.parametrize("damage", ["missing", "a folder", "empty", "truncated", "longer", "bit"])
def test_damage_is_named(folder, part, damage):
    path = folder / manifest_of(folder)["files"][part]["file"]
    whole = path.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    path.unlink()
    if damage == "a folder":
        path.mkdir()
    elif damage != "missing":
        path.write_bytes(
            {"empty": b"", "truncated": whole[:middle], "longer": whole + b"\0", "bit": flipped}[
                damage
            ]
        )
    with pytest.raises(DataError, match=path.name) as caught:
        Recommender.load(folder)
    assert "\n" not in str(caught.value)


def with_file(manifest, part, **changes):
    return manifest["files"] | {part: manifest["files"][part] | changes}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m: "not json", "a damaged manifest"),
        (lambda m: "", "a damaged manifest"),
        (lambda m: json.dumps(m)[:-30], "a damaged manifest"),
        (lambda m: "[]", "a damaged manifest"),
        (lambda m: json.dumps(m | {"format": 99}), "format 99; expected format 2 or an update"),
        (
            lambda m: json.dumps(m | {"format": 1}),
            "format 1; expected format 2 or the model fitted",
        ),
        (lambda m: json.dumps({"format": 2}), "a damaged manifest"),
        (lambda m: json.dumps(m | {"files": {}}), "no file for tables"),
        (lambda m: json.dumps(m | {"files": [1]}), "a damaged manifest"),
        (lambda m: json.dumps(m | {"files": {"tables": {"file": "x"}}}), "a damaged manifest"),
        *[
            (lambda m, key=key: json.dumps({k: v for k, v in m.items() if k != key}), "a damaged")
            for key in ("format", "method", "settings", "data", "training", "metrics", "files")
        ],
        *[
            (
                lambda m, name=name: json.dumps(m | {"files": with_file(m, "users", file=name)}),
                "the path .*; expected the name of a file of the model",
            )
            for name in ("../users.parquet", "/etc/passwd", "a/b", "..", ".", "", "manifest.json")
        ],
        (lambda m: json.dumps(m | {"files": with_file(m, "users", file=3)}), "a damaged manifest"),
        (lambda m: json.dumps(m | {"settings": [1]}), "a damaged manifest"),
        (lambda m: json.dumps(m | {"settings": {"tau": -1}}), "setting tau: found -1"),
    ],
)
def test_a_manifest_that_cannot_be_used(folder, change, words):
    path = folder / "manifest.json"
    path.write_text(change(manifest_of(folder)))
    with pytest.raises(DataError, match=words) as caught:
        Recommender.load(folder)
    assert "manifest.json" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_no_text(folder):
    (folder / "manifest.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"manifest\.json: found a damaged manifest"):
        Recommender.load(folder)


def test_files_with_the_right_hash_and_the_wrong_content(folder):
    bad = folder / "bad.safetensors"
    bad.write_bytes(b"no tables")
    entry = {"file": bad.name, "sha256": model_files._sha256(bad), "bytes": 9}
    for part in ("tables", "users", "train"):
        rewrite(folder, files=manifest_of(folder)["files"] | {part: entry})
        with pytest.raises(DataError, match="expected the file that `save` wrote") as caught:
            Recommender.load(folder)
        assert "\n" not in str(caught.value)


def test_no_model_there(tmp_path):
    with pytest.raises(DataError, match="no such folder"):
        Recommender.load(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"no manifest\.json"):
        Recommender.load(tmp_path)


def test_damage_is_not_read_again(folder, monkeypatch):
    (folder / manifest_of(folder)["files"]["users"]["file"]).unlink()
    seen, real = [], model_files._read
    monkeypatch.setattr(model_files, "_read", lambda place: [seen.append(1), real(place)][1])
    with pytest.raises(DataError, match="no such file"):
        Recommender.load(folder)
    assert seen == [1]
