"""Model folders: what is in one, and one whose parts a stranger replaced."""

from __future__ import annotations

import json

import pytest
from safetensors.torch import load_file, save_file

from fullrank import DataError, Recommender
from fullrank.data.stored_tables import read_table, write_table
from fullrank.serving import model_files

QUICK = {"dim": 8, "batch_size": 64, "epochs": 1}
COLUMNS = dict.fromkeys(("id", "title", "user_row", "item_row", "weight"), False)
SHORT = {"rank": 8}
MODELS = {"directspec+": QUICK, "itemknn": {}, "ease": {}, "spectral": SHORT, "allpass": SHORT}


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def manifest_of(folder):
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


class Folder:
    """A copy of a model whose parts are replaced, each with its name and checksum made right."""

    def __init__(self, source, target):
        target.mkdir()
        for file in source.iterdir():
            (target / file.name).write_bytes(file.read_bytes())
        self.path = target

    @property
    def manifest(self):
        return json.loads((self.path / "manifest.json").read_text())

    def tell(self, text):
        (self.path / "manifest.json").write_text(
            text if isinstance(text, str) else json.dumps(text)
        )

    def sign(self, part):
        manifest = self.manifest
        file = self.path / manifest["files"][part]["file"]
        manifest["files"][part] |= {
            "sha256": model_files._sha256(file),
            "bytes": file.stat().st_size,
        }
        self.tell(manifest)

    def tensors(self, change):
        file = self.path / self.manifest["files"]["tables"]["file"]
        tensors = {name: each.clone() for name, each in load_file(file).items()}
        change(tensors)
        save_file(tensors, file)
        self.sign("tables")

    def table(self, part, change):
        file = self.path / self.manifest["files"][part]["file"]
        write_table(file, change(read_table(file, COLUMNS)))
        self.sign(part)

    def refused(self, words):
        with pytest.raises(DataError, match=words) as caught:
            Recommender.load(self.path)
        assert "\n" not in str(caught.value)
