"""The table of methods: those that `registry` imports, and those that a process adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from fullrank.errors import SettingError
from fullrank.methods import registry
from fullrank.methods.base import Family, Method
from fullrank.methods.own import plugins, stand_in
from fullrank.settings import nearest

Added = TypeVar("Added", bound=type[Method])


def _is_method(found: object) -> bool:
    return isinstance(found, type) and issubclass(found, Method) and "name" in vars(found)


METHODS: dict[str, type[Method]] = {
    each.name: each
    for each in sorted(
        filter(_is_method, vars(registry).values()),
        key=lambda each: (get_args(Family).index(each.family), each.name),
    )
}
"""Every method by its name, family by family."""


def method_named(name: str) -> type[Method]:
    """Returns the method class of that name.

    Raises:
        SettingError: no method has this name; the message names the nearest.
    """
    if name not in METHODS:
        add_plugins()
    if name not in METHODS:
        raise SettingError("method", repr(name), nearest(name, METHODS))
    return METHODS[name]


def add_plugins() -> None:
    """Adds the methods of installed packages, by the entry-point group ``fullrank.methods``.

    Raises:
        SettingError: one cannot be imported, or has the name of another.
    """
    for method in plugins():
        add_method(method)


def stored_method(name: str, values: Mapping[str, Any]) -> Method:
    """The method of a saved model; a stand-in with its settings where it is not at hand.

    Raises:
        SettingError: the method is at hand and does not take the settings.
    """
    try:
        method_named(name)
    except SettingError:
        return stand_in(name, values)
    return build_method(name, values)


def add_method(method: Added) -> Added:
    """Adds a method to the table of this process; a decorator of its class.

    Raises:
        SettingError: the name is taken by another class.
    """
    if METHODS.setdefault(method.name, method) is not method:
        raise SettingError("method", f"{method.name!r}, which there is already", "a free name")
    return method


def build_method(name: str, values: Mapping[str, Any]) -> Method:
    """A method by its name, with ``values`` in the place of defaults.

    Raises:
        SettingError: see `fullrank.settings.Settings`.
    """
    return method_named(name).build(values)
