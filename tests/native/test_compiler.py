"""The compiler's command, and its end."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from fullrank.native import compiler


def test_a_compiler_that_cannot_be_read_as_words_is_named(monkeypatch):
    monkeypatch.setenv("CXX", "g++ 'unbalanced")
    with pytest.raises(compiler.CompilerError, match="CXX is"):
        compiler.compiler()


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="groups of processes of POSIX")
def test_a_compiler_that_hangs_is_ended_with_its_children(tmp_path):
    hanging = tmp_path / "cxx"
    hanging.write_text("#!/bin/sh\nsleep 600 & echo $! > $0.child\necho $$ > $0.pid\nwait\n")
    hanging.chmod(0o755)
    began = time.monotonic()
    with pytest.raises(compiler.CompilerError, match=r"was ended: no result in 0\.5 s"):
        compiler.run([str(hanging)], seconds=0.5)
    assert time.monotonic() - began < 10
    for file in (tmp_path / "cxx.child", tmp_path / "cxx.pid"):
        assert not alive(int(file.read_text()))


def alive(process: int) -> bool:
    """Whether it runs; one that ended stays a zombie until its parent asks."""
    for _ in range(100):
        status = Path(f"/proc/{process}/stat")
        try:
            os.kill(process, 0)
            if status.is_file() and status.read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return False
        except (ProcessLookupError, FileNotFoundError):
            return False
        time.sleep(0.05)
    return True
