"""Libraries that only some commands need, imported where they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from fullrank.errors import SettingError

PACKAGES = {
    "adbc_driver_postgresql": ("adbc-driver-postgresql", "sql"),
    "duckdb": ("duckdb", "sql"),
    "faiss": ("faiss-cpu", "export"),
    "hnswlib": ("hnswlib", "export"),
    "httptools": ("httptools", "serve"),
    "msgspec": ("msgspec", "serve"),
    "onnx": ("onnx", "export"),
    "onnxruntime": ("onnxruntime", "export"),
    "optuna": ("optuna", "tune"),
    "prometheus_client": ("prometheus-client", "serve"),
    "pyarrow": ("pyarrow", "sql"),
    "pymysql": ("pymysql", "sql"),
    "qdrant_client": ("qdrant-client", "export"),
    "ray": ("ray", "scale"),
    "usearch": ("usearch", "export"),
    "uvicorn": ("uvicorn", "serve"),
}
"""Import name to the package, and the extra that it is of."""


def library(module: str, where: str) -> Any:
    """A module of an extra.

    Args:
        module: Its import name.
        where: What needs it, for the message.

    Raises:
        SettingError: it is not installed; the message says which extra has it.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        package, extra = PACKAGES[module.partition(".")[0]]
        remedy = f"pip install 'fullrank[{extra}]'"
        raise SettingError(where, f"no package {package}", remedy) from None
