"""Methods from outside the package: a file or module by name, installed plugins, stand-ins."""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from fullrank.errors import SettingError
from fullrank.methods.base import Method

GROUP = "fullrank.methods"
"""Entry points of this group name method classes, or modules that call `add_method`."""


class StandIn(Method):
    """The settings of a saved model whose method is not at hand: it ranks, and cannot be fitted."""

    stored: dict[str, Any] = Field(default_factory=dict)
    """All of them, as the model folder has them."""

    def model_dump(self, **_: Any) -> dict[str, Any]:
        """What was stored, so that the model can be saved again."""
        return dict(self.stored)


def stand_in(name: str, values: Mapping[str, Any]) -> Method:
    """Settings as a model folder has them, under the name of their method."""
    known = {"name": name, "summary": "not at hand", "source": "a saved model"}
    made: type[StandIn] = type("StandIn", (StandIn,), {**known, "__module__": __name__})
    seed = {"seed": values["seed"]} if "seed" in values else {}
    return made.build({"stored": dict(values), **seed})


def import_own(name: str) -> None:
    """Runs a Python file, or imports a module, that adds methods with `add_method`.

    Raises:
        SettingError: there is no such file or module, or it fails.
    """
    path = Path(name)
    if path.suffix != ".py":
        _guarded(name, lambda: importlib.import_module(name))
        return
    if not path.is_file():
        raise SettingError(f"import of {name}", "no such file", "a Python file or a module")
    key = f"fullrank_own.{path.resolve()}"
    if key in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(key, path)
    if spec is None or spec.loader is None:
        raise SettingError(f"import of {name}", "no Python file", "a Python file or a module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[key] = module  # pydantic looks up annotations there
    try:
        _guarded(name, lambda: spec.loader.exec_module(module))
    except SettingError:
        del sys.modules[key]
        raise


def plugins() -> list[type[Method]]:
    """The method classes that installed packages name in the entry-point group.

    Raises:
        SettingError: one cannot be imported.
    """
    found = []
    for entry in importlib.metadata.entry_points(group=GROUP):
        loaded = _guarded(f"{entry.value} (entry point {entry.name})", entry.load)
        if isinstance(loaded, type) and issubclass(loaded, Method):
            found.append(loaded)
    return found


def _guarded(name: str, load: Any) -> Any:
    try:
        return load()
    except SettingError:
        raise
    except (Exception, SystemExit) as error:  # whatever a stranger's file does
        reason = " ".join(str(error).split()) or "no reason given"
        found = f"{type(error).__name__}: {reason}"
        raise SettingError(f"import of {name}", found, "a file that runs") from error
