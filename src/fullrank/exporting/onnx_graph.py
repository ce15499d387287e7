"""A graph of ONNX: user ids to ids and scores of their best items."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from fullrank.errors import SettingError
from fullrank.exporting.arrays import read_items
from fullrank.exporting.libraries import library
from fullrank.exporting.settings import ExportSettings
from fullrank.exporting.vectors import Vectors

ONNX = "model.onnx"
OPSET, OPSET_ML, IR = 17, 3, 8
"""Versions that runtimes of the last years read."""
MOST_BYTES = 2**31 - 2**20
"""Of a protocol buffer."""


def write_onnx(vectors: Vectors, folder: Path, settings: ExportSettings) -> None:
    """Input ``user_id`` (b,); outputs ``item_id`` (b, k) and ``score`` (b, k), best first.

    An unknown user gets the popular list: there is one dimension more, in which items have their
    popularity, users 0, and the row of unknown users alone has 1.

    Raises:
        SettingError: the metric is not the inner product, or the tables exceed what a file holds.
    """
    if vectors.metric != "ip":
        raise SettingError("metric", repr(vectors.metric), "'ip': the graph multiplies by itself")
    if (size := vectors.users.nbytes + vectors.vectors.nbytes) > MOST_BYTES:
        raise SettingError("onnx", f"tables of {size:,} bytes", f"at most {MOST_BYTES:,}")
    onnx = library("onnx")
    model = _graph(onnx, vectors, min(settings.k, len(vectors.items)))
    onnx.checker.check_model(model)
    (folder / ONNX).write_bytes(model.SerializeToString())


def _graph(onnx: Any, vectors: Vectors, k: int) -> Any:
    helper, kinds, array = onnx.helper, onnx.TensorProto, onnx.numpy_helper.from_array
    n, d = vectors.users.shape
    users = np.zeros((n + 1, d + 1), dtype=np.float32)
    users[:n, :d], users[n, d] = vectors.users, 1
    items = np.hstack([vectors.vectors, vectors.popularity[:, None]]).T
    known, user_kind = _ids(vectors.user_ids, kinds)
    item_ids, item_kind = _ids(vectors.item_ids, kinds)
    keys = {"keys_strings": known} if user_kind == kinds.STRING else {"keys_int64s": known}
    nodes = [
        helper.make_node(
            "LabelEncoder",
            ["user_id"],
            ["user"],
            domain="ai.onnx.ml",
            **keys,
            values_int64s=list(range(n)),
            default_int64=n,
        ),
        helper.make_node("Gather", ["users", "user"], ["rows"]),
        helper.make_node("MatMul", ["rows", "items"], ["scores"]),
        helper.make_node("TopK", ["scores", "k"], ["score", "item"]),
        helper.make_node("Gather", ["item_ids", "item"], ["item_id"]),
    ]
    stored = [
        array(users, "users"),
        array(np.ascontiguousarray(items), "items"),
        array(np.array([k], dtype=np.int64), "k"),
        helper.make_tensor(
            "item_ids",
            item_kind,
            [len(item_ids)],
            [each.encode() for each in item_ids] if item_kind == kinds.STRING else item_ids,
        ),
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "fullrank",
        [info("user_id", user_kind, ["users"])],
        [info("item_id", item_kind, ["users", k]), info("score", kinds.FLOAT, ["users", k])],
        stored,
    )
    opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=IR, producer_name="fullrank")


def _ids(ids: pl.Series, kinds: Any) -> tuple[list[Any], int]:
    """Ids as text or int64, the two kinds that runtimes look up."""
    if ids.dtype == pl.String:
        return ids.to_list(), kinds.STRING
    if ids.dtype == pl.UInt64 and (ids > 2**63 - 1).any():
        raise SettingError("onnx", "ids above 2^63 - 1", "ids of 64 bits with a sign, or text")
    return ids.cast(pl.Int64).to_list(), kinds.INT64


class OnnxLists:
    """Asks a file of `write_onnx` for lists, on one thread."""

    def __init__(self, folder: Path) -> None:
        runtime = library("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = runtime.InferenceSession((folder / ONNX).read_bytes(), options)
        self._item_ids = read_items(folder)["item_id"]

    def item_ids(self, users: pl.Series) -> NDArray[Any]:
        """(b, k) ids of the best items of user ids."""
        text = users.dtype == pl.String
        asked = np.array(users.to_list(), dtype=object if text else np.int64)
        found: NDArray[Any] = self._session.run(["item_id"], {"user_id": asked})[0]
        return found

    def rows(self, users: pl.Series, k: int) -> NDArray[np.int64]:
        """(b, k) rows of ``items.parquet``."""
        found = self.item_ids(users)[:, :k]
        order = pl.DataFrame({"id": self._item_ids}).with_row_index("row")
        flat = pl.Series("id", found.ravel().tolist(), dtype=self._item_ids.dtype).to_frame()
        joined = flat.join(order, on="id", how="left", maintain_order="left")
        return joined["row"].to_numpy().astype(np.int64).reshape(found.shape)
