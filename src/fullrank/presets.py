"""Named settings for a method on a data set. Values are facts of the runs they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fullrank.errors import SettingError
from fullrank.settings import nearest
from fullrank.tuned import TUNED


@dataclass(frozen=True)
class Preset:
    """Settings and how much of the training part is kept for validation.

    Args:
        settings: Values for the method's settings.
        validation: Fraction of train to validate by; 0 trains on all of it for a fixed number of
            epochs, as the final runs of a paper do.
    """

    settings: Mapping[str, Any]
    validation: float = 0.0


_AS_PUBLISHED = {
    "dim": 64,
    "batch_size": 256,
    "sampler": "users",
    "optimizer": "sgd",
    "lr_decay": 0.9995,
    "weight_decay": 0.0,
}
_BY_DISTANCE = {**_AS_PUBLISHED, "lr_decay": 0.9999, "tau_design": "graph"}

_CITEULIKE = {"epochs": 300, "lr": 180.0, "alpha": 1.0, "shrink": 0.03}
_YELP = {"epochs": 300, "lr": 10.0, "alpha": 0.8, "shrink": 0.0}
_GOWALLA = {"epochs": 120, "lr": 200.0, "alpha": 0.7, "shrink": 0.02}

# Chosen on the validation part of each: the least time to pass what `published` reaches there.
_FAST = {"init_dim": 64, "batch_size": 256, "sampler": "interactions"}
_FAST_CITEULIKE = {"dim": 128, "epochs": 40, "lr": 360.0, "alpha": 1.0, "tau": 3.0, "shrink": 0.03}
_FAST_GOWALLA = {"dim": 256, "epochs": 40, "lr": 400.0, "alpha": 0.7, "tau": 4.0, "shrink": 0.02}

PRESETS: Mapping[tuple[str, str, str], Preset] = {
    **{key: Preset(values) for key, values in TUNED.items()},
    ("published", "directspec+", "citeulike"): Preset({**_AS_PUBLISHED, **_CITEULIKE, "tau": 3.0}),
    ("published", "directspec+", "yelp"): Preset({**_AS_PUBLISHED, **_YELP, "tau": 3.0}),
    ("published", "directspec+", "yelp-sparse"): Preset({**_AS_PUBLISHED, **_YELP, "tau": 3.0}),
    ("published", "directspec+", "gowalla"): Preset({**_AS_PUBLISHED, **_GOWALLA, "tau": 4.0}),
    ("fast", "directspec+", "citeulike"): Preset({**_FAST, **_FAST_CITEULIKE}),
    ("fast", "directspec+", "gowalla"): Preset({**_FAST, **_FAST_GOWALLA}),
    ("published-graph", "directspec+", "citeulike"): Preset(
        {**_BY_DISTANCE, **_CITEULIKE, "tau_near": 2.5, "tau": 3.0}
    ),
    ("published-graph", "directspec+", "yelp"): Preset(
        {**_BY_DISTANCE, **_YELP, "tau_near": 2.5, "tau": 3.0}
    ),
    ("published-graph", "directspec+", "gowalla"): Preset(
        {**_BY_DISTANCE, **_GOWALLA, "tau_near": 3.5, "tau": 4.0}
    ),
}


def preset_named(name: str, method: str, data: str) -> Preset:
    """The preset of that name for a method on a data set.

    Raises:
        SettingError: there is none; the message says which there are.
    """
    if (name, method, data) in PRESETS:
        return PRESETS[name, method, data]
    names = {key[0] for key in PRESETS}
    if name not in names:
        raise SettingError("preset", repr(name), nearest(name, names))
    known = ", ".join(f"{key[1]} on {key[2]}" for key in PRESETS if key[0] == name)
    raise SettingError(f"preset {name}", f"{method} on {data}", f"one of: {known}")
