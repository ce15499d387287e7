"""Libraries of the extra ``export``, imported where they are needed."""

from __future__ import annotations

import importlib
from typing import Any

from fullrank.errors import SettingError

PACKAGES = {
    "adbc_driver_postgresql": ("adbc-driver-postgresql", "sql"),
    "faiss": ("faiss-cpu", "export"),
    "hnswlib": ("hnswlib", "export"),
    "onnx": ("onnx", "export"),
    "onnxruntime": ("onnxruntime", "export"),
    "pyarrow": ("pyarrow", "sql"),
    "qdrant_client": ("qdrant-client", "export"),
    "usearch": ("usearch", "export"),
}
"""Import name to the package, and the extra that it is of."""


def library(module: str) -> Any:
    """A module of an extra.

    Raises:
        SettingError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        package, extra = PACKAGES[module.partition(".")[0]]
        remedy = f"pip install 'fullrank[{extra}]'"
        raise SettingError("export", f"no package {package}", remedy) from None
