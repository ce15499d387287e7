"""Whom the folder of kernels belongs to, and who can write it or what it lies in."""

from __future__ import annotations

import os

import pytest

from fullrank.native import folder

needs_posix = pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")


@needs_posix
def test_folders_of_others_and_links_are_refused(tmp_path, monkeypatch):
    own = folder.opened(tmp_path / "a" / "b")
    assert own.stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(own)
    assert folder.opened(tmp_path / "link") == own  # looked at where it leads
    with pytest.raises(folder.RefusedError, match="is a link"):
        folder.check(tmp_path / "link")
    monkeypatch.setattr(os, "geteuid", lambda: own.stat().st_uid + 1)
    with pytest.raises(folder.RefusedError, match=r"belongs to user \d+, not to \d+"):
        folder.check(own)
    monkeypatch.setattr(folder, "_TRUSTED", (own.stat().st_uid + 2,))
    with pytest.raises(folder.RefusedError, match=r"belongs to user \d+, not to \d+"):
        folder.opened(own / "c" / "d")  # as with sudo in the home of another
    assert not list(own.iterdir())


@needs_posix
def test_sticky_folders_above_are_as_good_as_private_ones(tmp_path):
    tmp_path.chmod(0o1777)
    assert folder.opened(tmp_path / "kernels")
    tmp_path.chmod(0o777)
    with pytest.raises(folder.RefusedError, match="written by everybody"):
        folder.opened(tmp_path / "kernels")
