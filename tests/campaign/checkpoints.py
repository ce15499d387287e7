"""Mutated checkpoints for ``--resume``: one clear line, or the bits of an undisturbed run."""

from __future__ import annotations

import json
import random
import shutil

from children import cli, operations, strike
from common import Setting, Tally, digests, events, fit, remove
from jobs import well
from mutations import VALUES, odd_tensors, often_damaged, packed, unpacked

CASES = 1050


def odd_metadata(data: bytes, rng: random.Random) -> tuple[bytes, str]:
    """A checkpoint with another value in what it says of its run."""
    header, body = unpacked(data)
    known = header["__metadata__"]
    which = rng.choice(("progress", "progress", "identity", "sha256"))
    if which == "sha256":
        known[which] = rng.choice(("", "0" * 64, known[which][::-1], known[which].upper()))
        return packed(header, body), which
    inner = json.loads(known[which])
    key = rng.choice([*inner, "extra"])
    if rng.random() < 0.2:
        inner.pop(key, None)
    else:
        inner[key] = rng.choice(VALUES)
    known[which] = json.dumps(inner)
    return packed(header, body), f"{which}, {key} = {inner.get(key)!r:.40}"


def run(setting: Setting) -> Tally:
    """A run that was cut short, its checkpoint damaged, and told to go on."""
    data = events(setting.work / "events.csv")
    words = fit(data, "bpr", "--set", "optimizer=adam", "--set", "lr=0.01", epochs=6)
    whole, cut, out = (setting.work / name for name in ("whole", "cut", "out"))
    well(cli(*words, "-o", whole))
    found = operations(cut, setting.work / "operations", *words, "-o", cut)
    saved = [n for n, each in enumerate(found, 1) if "rename" in each and "checkpoint" in each]
    remove(cut)
    cli(*words, "-o", cut, before=strike(cut, saved[2] + 1, "kill"))
    wanted, original = digests(whole), (cut / "checkpoint.safetensors").read_bytes()
    tally = Tally("mutated checkpoints")
    for number in range(setting.count(CASES)):
        rng = setting.rng("checkpoints", number)
        kind = rng.choice(["bytes", "tensors", "metadata", "metadata"])
        if kind == "bytes":
            content, did = often_damaged(original, rng, [original, data.read_bytes()])
        else:
            content, did = (odd_tensors if kind == "tensors" else odd_metadata)(original, rng)
        remove(out)
        shutil.copytree(cut, out)
        (out / "checkpoint.safetensors").write_bytes(content)
        result = cli(*words, "-o", out, "--resume")
        trouble = result.trouble()
        tally.counts["refused" if result.code else "went on"] += 1
        if result.code == 0 and digests(out) != wanted:
            trouble = "went on to other bits without a word"
        tally.add(f"case {number}, {kind}: {did}", trouble, result)
    return tally
